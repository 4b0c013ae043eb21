/* plugin.c - adapter class "serprog": any programmer that speaks flashrom's serial flasher
 * protocol, over a tty or TCP.  The protocol has no GPIO, so CEN goes on DTR or RTS of the
 * port, or is done by hand. */
#include "serprog.h"
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

bkf_status serprog_fail(bkf_error *err, bkf_status st, int os_code, const char *fmt, ...)
{
    if (err && BKF_HAS(bkf_error, err, message)) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        err->status = st;
        err->effect = BKF_EFFECT_NONE;
        err->os_code = os_code;
    }
    return st;
}

void serprog_log(const bkf_adapter *a, int32_t level, const char *fmt, ...)
{
    char line[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    a->host->log(a->host, level, line);
}

/* -- lines ---------------------------------------------------------------------------- */

const bkf_line_spec serprog_lines[] = {
    [LINE_SCK] = { .name = "SCK", .roles = BKF_ROLE_SCK },
    [LINE_MOSI] = { .name = "MOSI", .roles = BKF_ROLE_MOSI },
    [LINE_MISO] = { .name = "MISO", .roles = BKF_ROLE_MISO },
    [LINE_CS] = { .name = "CS", .roles = BKF_ROLE_CS },
    [LINE_DTR] = { .name = "DTR#", .alias = "DTR", .roles = BKF_ROLE_OUT },
    [LINE_RTS] = { .name = "RTS#", .alias = "RTS", .roles = BKF_ROLE_OUT },
    [LINES] = { .name = NULL },
};

/* The pins are low when the signal is asserted. */
static bkf_status drive(bkf_adapter *a, uint32_t line, uint32_t level, bkf_error *err)
{
    int bit = line == LINE_DTR ? TIOCM_DTR : TIOCM_RTS;
    if (ioctl(a->fd, level ? TIOCMBIC : TIOCMBIS, &bit) != 0)
        return serprog_fail(err, errno == ENOTTY || errno == EINVAL ? BKF_E_UNSUPPORTED : BKF_E_IO,
                            errno, "serprog: %s of %s cannot be driven: %s",
                            serprog_lines[line].name, a->name, strerror(errno));
    a->level[line] = level != 0;
    return BKF_OK;
}

static bkf_status gpio_claim(void *self, const char *name, uint32_t mode, uint32_t level,
                             uint32_t *id, bkf_error *err)
{
    bkf_adapter *a = self;
    uint32_t line = LINE_DTR;
    while (line < LINES && strcmp(name, serprog_lines[line].name) != 0 &&
           strcmp(name, serprog_lines[line].alias) != 0)
        line++;
    if (line == LINES)
        return serprog_fail(err, BKF_E_PARAM, 0, "serprog: '%s' is no GPIO line; DTR# and RTS# are",
                            name);
    if (a->tcp)
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0,
                            "serprog: over TCP there is no %s; leave CEN out of [pads] and reset "
                            "by hand",
                            name);
    if (a->claimed & 1u << line)
        return serprog_fail(err, BKF_E_BUSY, 0, "serprog: %s is claimed already", name);
    if (mode != BKF_LINE_PUSH_PULL && mode != BKF_LINE_OPEN_DRAIN)
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0, "serprog: %s is an output", name);
    bkf_status st = drive(a, line, level, err);
    if (st != BKF_OK)
        return st;
    a->claimed |= 1u << line;
    *id = line;
    return BKF_OK;
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    bkf_adapter *a = self;
    if (id >= LINES || !(a->claimed & 1u << id) || level > BKF_LEVEL_FLOAT)
        return serprog_fail(err, BKF_E_PARAM, 0, "serprog: line %u is not claimed", id);
    return drive(a, id, level, err); /* it cannot float; high is the nearest */
}

static bkf_status gpio_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    const bkf_adapter *a = self;
    if (id >= LINES || !(a->claimed & 1u << id))
        return serprog_fail(err, BKF_E_PARAM, 0, "serprog: line %u is not claimed", id);
    *level = a->level[id];
    return BKF_OK;
}

static void gpio_drop(void *self, uint32_t id)
{
    bkf_adapter *a = self;
    bkf_error ignored = BKF_ERROR_INIT;
    if (id >= LINES || !(a->claimed & 1u << id))
        return;
    drive(a, id, 1, &ignored);
    a->claimed &= ~(1u << id);
}

const bkf_gpio_ops serprog_gpio = {
    .struct_size = sizeof serprog_gpio,
    .claim = gpio_claim,
    .set = gpio_set,
    .get = gpio_get,
    .drop = gpio_drop,
};

/* -- class ------------------------------------------------------------------------------ */

static const bkf_prop_spec props[] = {
    { .key = "baud",
      .type = BKF_PROP_UINT,
      .dflt = "115200",
      .min = 9600,
      .max = 4000000,
      .help = "Rate of the port; USB CDC programmers ignore it" },
    { .key = "clock",
      .type = BKF_PROP_HERTZ,
      .dflt = "8MHz",
      .min = 1000,
      .max = 100000000,
      .help = "SPI clock to ask for, and to assume when the programmer cannot tell" },
    { .key = "timeout",
      .type = BKF_PROP_MICROSECONDS,
      .dflt = "10s",
      .min = 100000,
      .max = 60000000,
      .help = "Longest wait for one SPI operation" },
    { .key = NULL },
};

static const char *const caveats[] = { "Check that the programmer's pins are at 3.3 V", NULL };

static bkf_status serprog_list(const bkf_host *host,
                               void (*found)(void *ud, const char *path, const char *label),
                               void *ud, bkf_error *err)
{
    glob_t g;
    (void)host;
    (void)err;
    /* By name only: opening a port would reset half of the boards behind it. */
    if (glob("/dev/serial/by-id/*serprog*", 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc; i++)
            found(ud, g.gl_pathv[i], "USB serial port that calls itself serprog");
    globfree(&g);
    return BKF_OK;
}

struct only {
    char path[128];
    unsigned n;
};
static void take_only(void *ud, const char *path, const char *label)
{
    struct only *o = ud;
    (void)label;
    if (o->n++ == 0)
        snprintf(o->path, sizeof o->path, "%s", path);
}

static bkf_status serprog_open(const bkf_host *host, const char *unit, const bkf_props *p,
                               bkf_adapter **out, bkf_error *err)
{
    struct only only = { .n = 0 };
    *out = NULL;
    if (!unit) {
        serprog_list(host, take_only, &only, err);
        if (only.n == 0)
            return serprog_fail(err, BKF_E_NO_DEVICE, 0,
                                "serprog: no programmer found by name; say which: -u /dev/ttyACM0 "
                                "or -u HOST:PORT");
        if (only.n > 1)
            return serprog_fail(err, BKF_E_PARAM, 0,
                                "serprog: %u programmers are attached; choose one with -u", only.n);
        unit = only.path;
    }
    bkf_adapter *a = calloc(1, sizeof *a);
    if (!a)
        return serprog_fail(err, BKF_E_NOMEM, 0, "out of memory");
    a->host = host;
    a->clock_hz = (uint32_t)p->num(p, "clock");
    a->timeout_ms = (uint32_t)(p->num(p, "timeout") / 1000);
    bkf_status st = stream_open(a, unit, (uint32_t)p->num(p, "baud"), err);
    if (st == BKF_OK)
        st = protocol_start(a, err);
    if (st != BKF_OK) {
        stream_close(a);
        free(a);
        return st;
    }
    *out = a;
    return BKF_OK;
}

static void serprog_close(bkf_adapter *a)
{
    if (!a)
        return;
    for (uint32_t line = LINE_DTR; line < LINES; line++)
        gpio_drop(a, line);
    protocol_stop(a);
    stream_close(a);
    free(a);
}

static bkf_status serprog_acquire(bkf_adapter *a, const char *id, bkf_iface *f, bkf_error *err)
{
    f->self = a;
    if (strcmp(id, BKF_IFACE_SPI) == 0)
        f->ops = &serprog_spi;
    else if (strcmp(id, BKF_IFACE_GPIO) == 0)
        f->ops = &serprog_gpio;
    else
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0, "serprog: there is no %s", id);
    return BKF_OK;
}

static void serprog_release(bkf_adapter *a, const char *id)
{
    if (strcmp(id, BKF_IFACE_GPIO) == 0)
        for (uint32_t line = LINE_DTR; line < LINES; line++)
            gpio_drop(a, line);
}

static const char *serprog_unit(bkf_adapter *a)
{
    return a->name;
}

static const bkf_adapter_class serprog_class = {
    .struct_size = sizeof serprog_class,
    .name = "serprog",
    .summary = "flashrom serial flasher protocol, over a tty or TCP",
    .props = props,
    .lines = serprog_lines,
    .caveats = caveats,
    .list = serprog_list,
    .open = serprog_open,
    .close = serprog_close,
    .acquire = serprog_acquire,
    .release = serprog_release,
    .unit = serprog_unit,
};
static const bkf_adapter_class *const adapters[] = { &serprog_class, NULL };

static const bkf_plugin plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_TARGET_MINOR,
    .struct_size = sizeof plugin,
    .id = "org.bkflash.adapter.serprog",
    .version = "1.0",
    .license = "MIT",
    .adapters = adapters,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
