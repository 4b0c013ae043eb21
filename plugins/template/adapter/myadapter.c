/* myadapter.c - a bkflash adapter plugin to start from.
 *
 * It compiles, loads and passes the conformance kit as it is: a cable with MOSI wired to
 * MISO and TXD wired to RXD, that lives in memory.  To make it drive your hardware,
 * replace what the comments marked "HARDWARE" stand at, and the two tables.
 *
 * Only <bkflash/plugin.h> and your bus library are needed; nothing is linked from bkflash. */
#include <bkflash/plugin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCK, MOSI, MISO, CS, IO0, IO1, TXD, RXD, LINES };
enum { MAX_XFER = 4096, UART_ROOM = 4096 };

/* Everything an open unit knows.  Never use a static variable: several units may be open
 * at once, from several threads. */
struct bkf_adapter {
    const bkf_host *host;
    uint32_t max_hz, hz;
    int bound;            /* bind was called */
    int spi_held;         /* interfaces given out */
    uint32_t claimed;     /* bit per line */
    uint8_t level[LINES]; /* 0, 1 or BKF_LEVEL_FLOAT */
    uint8_t fifo[UART_ROOM];
    size_t fifo_len;
};

/* One line that names the cause and the next step; returns its status. */
static bkf_status fail(bkf_error *err, bkf_status status, const char *fmt, ...)
{
    if (err && BKF_HAS(bkf_error, err, message)) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        err->status = status;
        err->effect = BKF_EFFECT_NONE;
        err->os_code = 0;
    }
    return status;
}

/* ---- tables: options and lines ------------------------------------------------------ */

static const bkf_prop_spec my_props[] = {
    { .key = "clock",
      .type = BKF_PROP_HERTZ,
      .dflt = "10MHz",
      .min = 1000,
      .max = 60000000,
      .help = "Fastest SPI clock that this cable is used at" },
    { .key = NULL },
};

static const bkf_line_spec my_lines[] = {
    [SCK] = { .name = "SCK", .roles = BKF_ROLE_SCK, .pin = "header pin 1" },
    [MOSI] = { .name = "MOSI", .roles = BKF_ROLE_MOSI, .pin = "header pin 2" },
    [MISO] = { .name = "MISO", .roles = BKF_ROLE_MISO, .pin = "header pin 3" },
    [CS] = { .name = "CS0", .roles = BKF_ROLE_CS, .pin = "header pin 4" },
    [IO0] = { .name = "IO0", .roles = BKF_ROLE_OUT | BKF_ROLE_IN | BKF_ROLE_OPEN_DRAIN },
    [IO1] = { .name = "IO1", .roles = BKF_ROLE_OUT | BKF_ROLE_IN | BKF_ROLE_OPEN_DRAIN },
    [TXD] = { .name = "TXD", .roles = BKF_ROLE_TX },
    [RXD] = { .name = "RXD", .roles = BKF_ROLE_RX },
    [LINES] = { .name = NULL },
};

static const char *const my_caveats[] = { "3.3 V only", NULL };

static int line_index(const char *name)
{
    for (int i = 0; i < LINES; i++)
        if (strcmp(my_lines[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- bkflash.spi/1 -------------------------------------------------------------------- */

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    static const struct {
        const char *signal;
        uint32_t role;
    } wanted[] = { { "sck", BKF_ROLE_SCK },
                   { "mosi", BKF_ROLE_MOSI },
                   { "miso", BKF_ROLE_MISO },
                   { "cs0", BKF_ROLE_CS } };
    bkf_adapter *a = self;
    for (size_t i = 0; i < n; i++) {
        int line = line_index(pins[i].line);
        if (line < 0)
            return fail(err, BKF_E_PARAM, "this adapter has no line '%s'", pins[i].line);
        for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++)
            if (strcmp(pins[i].signal, wanted[k].signal) == 0 &&
                !(my_lines[line].roles & wanted[k].role))
                return fail(err, BKF_E_PARAM, "line '%s' cannot carry %s", pins[i].line,
                            pins[i].signal);
    }
    a->bound = 1;
    return BKF_OK;
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want_hz, uint32_t *got_hz,
                            bkf_error *err)
{
    bkf_adapter *a = self;
    enum { SLOWEST = 1000 };
    if (mode > 3)
        return fail(err, BKF_E_PARAM, "SPI mode %u does not exist", mode);
    if (want_hz && want_hz < SLOWEST) {
        *got_hz = SLOWEST;
        return fail(err, BKF_E_UNSUPPORTED, "the slowest clock is %u Hz", SLOWEST);
    }
    a->hz = want_hz && want_hz < a->max_hz ? want_hz : a->max_hz;
    *got_hz = a->hz;
    return BKF_OK; /* HARDWARE: set mode and divider */
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    if (!a->bound || !a->hz)
        return fail(err, BKF_E_PARAM, "run was called before bind and setup");
    for (size_t i = 0; i < n; i++) {
        const bkf_spi_step *s = &steps[i];
        if (s->kind == BKF_STEP_LINE) {
            if (s->line >= LINES || !(a->claimed & 1u << s->line))
                return fail(err, BKF_E_PARAM, "line %u is not claimed", s->line);
            a->level[s->line] = (uint8_t)s->value; /* HARDWARE: queue the change */
            continue;
        }
        if (s->kind != BKF_STEP_XFER)
            return fail(err, BKF_E_UNSUPPORTED, "step kind %u is not in caps()", s->kind);
        if (s->len > MAX_XFER)
            return fail(err, BKF_E_PARAM, "%zu bytes in one transfer, %d is the most", s->len,
                        MAX_XFER);
        /* HARDWARE: assert CS, clock s->len bytes, release CS unless BKF_SPI_HOLD_CS.
         * Queue as many steps as you can into one submission; only then wait. */
        if (s->rx && s->tx)
            memcpy(s->rx, s->tx, s->len);
        else if (s->rx)
            memset(s->rx, 0, s->len);
    }
    return BKF_OK;
}

static size_t spi_max_len(void *self)
{
    (void)self;
    return MAX_XFER;
}

static uint32_t spi_caps(void *self)
{
    (void)self;
    return BKF_SPI_INLINE_LINE | BKF_SPI_FLOAT;
}

static const bkf_spi_ops my_spi = {
    .struct_size = sizeof my_spi,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
};

/* ---- bkflash.gpio/1 ------------------------------------------------------------------- */

static bkf_status gpio_claim(void *self, const char *name, uint32_t drive, uint32_t level,
                             uint32_t *id, bkf_error *err)
{
    bkf_adapter *a = self;
    int line = line_index(name);
    if (line != IO0 && line != IO1)
        return fail(err, BKF_E_PARAM, "'%s' is no GPIO line; IO0 and IO1 are", name);
    if (a->claimed & 1u << line)
        return fail(err, BKF_E_BUSY, "line %s is claimed already", name);
    if (drive > BKF_LINE_OPEN_DRAIN || level > BKF_LEVEL_FLOAT)
        return fail(err, BKF_E_PARAM, "drive %u or level %u does not exist", drive, level);
    a->claimed |= 1u << line;
    /* HARDWARE: level first, then direction, so that the line never glitches */
    a->level[line] = (uint8_t)(drive == BKF_LINE_INPUT ? BKF_LEVEL_FLOAT : level);
    *id = (uint32_t)line;
    return BKF_OK;
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    bkf_adapter *a = self;
    if (id >= LINES || !(a->claimed & 1u << id) || level > BKF_LEVEL_FLOAT)
        return fail(err, BKF_E_PARAM, "line %u is not claimed, or level %u does not exist", id,
                    level);
    a->level[id] = (uint8_t)level; /* HARDWARE */
    return BKF_OK;
}

static bkf_status gpio_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    bkf_adapter *a = self;
    if (id >= LINES || !(a->claimed & 1u << id))
        return fail(err, BKF_E_PARAM, "line %u is not claimed", id);
    *level = a->level[id] != 0; /* HARDWARE: read it back; a floating line is pulled up here */
    return BKF_OK;
}

static void gpio_drop(void *self, uint32_t id)
{
    bkf_adapter *a = self;
    if (id < LINES) {
        a->claimed &= ~(1u << id);
        a->level[id] = BKF_LEVEL_FLOAT; /* HARDWARE: back to an input */
    }
}

static const bkf_gpio_ops my_gpio = {
    .struct_size = sizeof my_gpio,
    .claim = gpio_claim,
    .set = gpio_set,
    .get = gpio_get,
    .drop = gpio_drop,
};

/* ---- bkflash.uart/1 ------------------------------------------------------------------- */

static bkf_status uart_setup(void *self, uint32_t baud, uint32_t *got_baud, bkf_error *err)
{
    (void)self;
    if (baud < 300 || baud > 3000000)
        return fail(err, BKF_E_UNSUPPORTED, "%u baud; 300 to 3000000 are possible", baud);
    *got_baud = baud; /* HARDWARE: drain, then set the rate; say the real one */
    return BKF_OK;
}

static bkf_status uart_write(void *self, const uint8_t *data, size_t len, uint32_t timeout_ms,
                             size_t *done, bkf_error *err)
{
    bkf_adapter *a = self;
    (void)timeout_ms;
    size_t room = UART_ROOM - a->fifo_len, n = len < room ? len : room;
    memcpy(a->fifo + a->fifo_len, data, n); /* HARDWARE */
    a->fifo_len += n;
    *done = n;
    if (n < len)
        return fail(err, BKF_E_TIMEOUT, "only %zu of %zu bytes could be sent", n, len);
    return BKF_OK;
}

static bkf_status uart_read(void *self, uint8_t *data, size_t len, uint32_t timeout_ms,
                            size_t *done, bkf_error *err)
{
    bkf_adapter *a = self;
    size_t n = len < a->fifo_len ? len : a->fifo_len;
    memcpy(data, a->fifo, n); /* HARDWARE: wait up to timeout_ms for len bytes */
    memmove(a->fifo, a->fifo + n, a->fifo_len - n);
    a->fifo_len -= n;
    *done = n;
    if (n < len && timeout_ms > 0)
        return fail(err, BKF_E_TIMEOUT, "%zu of %zu bytes came in %u ms", n, len, timeout_ms);
    return BKF_OK;
}

static bkf_status uart_purge(void *self, bkf_error *err)
{
    bkf_adapter *a = self;
    (void)err;
    a->fifo_len = 0; /* HARDWARE */
    return BKF_OK;
}

static const bkf_uart_ops my_uart = {
    .struct_size = sizeof my_uart,
    .setup = uart_setup,
    .write = uart_write,
    .read = uart_read,
    .purge = uart_purge,
};

/* ---- the class ------------------------------------------------------------------------ */

static bkf_status my_list(const bkf_host *host,
                          void (*found)(void *ud, const char *path, const char *label), void *ud,
                          bkf_error *err)
{
    (void)host;
    (void)err;
    found(ud, "loop0", "Loopback in memory"); /* HARDWARE: one call per attached unit */
    return BKF_OK;
}

static bkf_status my_open(const bkf_host *host, const char *unit, const bkf_props *props,
                          bkf_adapter **out, bkf_error *err)
{
    *out = NULL;
    if (unit && strcmp(unit, "loop0") != 0)
        return fail(err, BKF_E_NO_DEVICE, "there is no unit '%s'; the only one is loop0", unit);
    bkf_adapter *a = calloc(1, sizeof *a);
    if (!a)
        return fail(err, BKF_E_NOMEM, "out of memory");
    a->host = host;
    a->max_hz = (uint32_t)props->num(props, "clock");
    memset(a->level, BKF_LEVEL_FLOAT, sizeof a->level);
    *out = a; /* HARDWARE: open the device; on failure undo everything done so far */
    return BKF_OK;
}

static void my_close(bkf_adapter *a)
{
    if (!a)
        return;
    free(a); /* HARDWARE: every line to high impedance, then close */
}

static bkf_status my_acquire(bkf_adapter *a, const char *id, bkf_iface *iface, bkf_error *err)
{
    iface->self = a;
    if (strcmp(id, BKF_IFACE_SPI) == 0)
        iface->ops = &my_spi;
    else if (strcmp(id, BKF_IFACE_GPIO) == 0)
        iface->ops = &my_gpio;
    else if (strcmp(id, BKF_IFACE_UART) == 0)
        iface->ops = &my_uart;
    else
        return fail(err, BKF_E_UNSUPPORTED, "this adapter does not offer %s", id);
    return BKF_OK; /* HARDWARE: BKF_E_BUSY when one already given out excludes this one */
}

static void my_release(bkf_adapter *a, const char *id)
{
    (void)a;
    (void)id;
}

static const char *my_unit(bkf_adapter *a)
{
    (void)a;
    return "loop0";
}

static const bkf_adapter_class my_class = {
    .struct_size = sizeof my_class,
    .name = "myadapter",
    .summary = "Loopback cable in memory, to start from",
    .props = my_props,
    .lines = my_lines,
    .caveats = my_caveats,
    .list = my_list,
    .open = my_open,
    .close = my_close,
    .acquire = my_acquire,
    .release = my_release,
    .unit = my_unit,
};

static const bkf_adapter_class *const my_adapters[] = { &my_class, NULL };

static const bkf_plugin my_plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_TARGET_MINOR,
    .struct_size = sizeof my_plugin,
    .id = "com.example.myadapter",
    .version = "1.0",
    .license = "MIT",
    .adapters = my_adapters,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &my_plugin;
}
