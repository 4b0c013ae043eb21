/* plugin.c - adapter class "ft232h": the MPSSE engine of FTDI's FT232H, FT2232H and FT4232H,
 * opened through libftdi1, its bulk traffic through libusb-1.0. */
#include "ft232h.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- bkflash.spi/1 ------------------------------------------------------------------------ */
static bkf_status bind_pins(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    static const struct {
        const char *signal, *line, *alias;
    } fixed[] = { { "sck", "AD0", "SCK" }, { "mosi", "AD1", "MOSI" }, { "miso", "AD2", "MISO" } };
    unsigned cs = AD3_CS;
    for (size_t i = 0; i < n; i++) {
        const bkf_pin *p = &pins[i];
        for (size_t k = 0; k < sizeof fixed / sizeof *fixed; k++)
            if (!strcmp(p->signal, fixed[k].signal) && strcmp(p->line, fixed[k].line) != 0 &&
                strcmp(p->line, fixed[k].alias) != 0)
                return usb_fail(err, BKF_E_PARAM, 0, "%s has %s on %s only, not on %s", a->name,
                                p->signal, fixed[k].line, p->line);
        if (strcmp(p->signal, "cs0") != 0 || !strcmp(p->line, "CS0"))
            continue;
        if (strncmp(p->line, "AD", 2) != 0 || p->line[2] < '3' || p->line[2] > '7' || p->line[3])
            return usb_fail(err, BKF_E_PARAM, 0, "%s can have chip select on AD3 to AD7, not on %s",
                            a->name, p->line);
        cs = (unsigned)(p->line[2] - '0');
    }
    if (a->line[AD0_SCK].claimed || a->line[AD1_MOSI].claimed || a->line[AD2_MISO].claimed ||
        a->line[cs].claimed)
        return usb_fail(err, BKF_E_BUSY, 0, "a %s line that SPI needs is already claimed", a->name);
    a->cs = cs;
    a->bound = true;
    return BKF_OK;
}

enum { BASE_HZ = 30000000, DIVISOR_MAX = 65535 };

static bkf_status setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    bkf_adapter *a = self;
    if (mode != 0 && mode != 3) {
        *got = 0;
        return usb_fail(err, BKF_E_UNSUPPORTED, 0, "%s does SPI mode 0 and 3, not %u", a->name,
                        mode);
    }
    uint32_t divisor = want && want < BASE_HZ ? (BASE_HZ + want - 1) / want - 1 : 0;
    if (divisor > DIVISOR_MAX) {
        *got = BASE_HZ / (DIVISOR_MAX + 1);
        return usb_fail(err, BKF_E_UNSUPPORTED, 0, "%s clocks at %u Hz at the slowest", a->name,
                        (unsigned)*got);
    }
    bool pins = !a->driven || a->parked || a->mode != mode;
    a->mode = mode;
    a->divisor = divisor;
    a->hz = BASE_HZ / (divisor + 1);
    a->driven = true;
    a->parked = false;
    *got = a->hz;
    a->cmd.n = 0;
    if (!a->configured)
        put(&a->cmd,
            (const uint8_t[]){ MPSSE_60MHZ, MPSSE_NOT_ADAPTIVE, MPSSE_1PHASE, MPSSE_LOOP_OFF }, 4);
    put(&a->cmd, (const uint8_t[]){ MPSSE_DIVISOR, (uint8_t)divisor, (uint8_t)(divisor >> 8) }, 3);
    if (pins)
        put_ports(a, &a->cmd);
    bkf_status st = stream_small(a, NULL, 0, err);
    a->configured |= !st;
    return st;
}

static bkf_status check_steps(const bkf_adapter *a, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (s[i].kind > BKF_STEP_DELAY)
            return usb_fail(err, BKF_E_PARAM, 0, "SPI step %zu: there is no kind %u", i, s[i].kind);
        else if (s[i].kind == BKF_STEP_LINE && (s[i].line >= LINES || !a->line[s[i].line].claimed ||
                                                a->line[s[i].line].drive == BKF_LINE_INPUT))
            return usb_fail(err, BKF_E_PARAM, 0, "SPI step %zu: %s line %u is not claimed", i,
                            a->name, s[i].line);
    return BKF_OK;
}

static bkf_status run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    if (!a->configured)
        return usb_fail(err, BKF_E_PARAM, 0, "%s: SPI is used before setup", a->name);
    bkf_status st = check_steps(a, steps, n, err);
    if (!st && a->parked) {
        a->parked = false;
        st = ft_apply(a, err);
    }
    for (size_t at = 0; !st && at < n;) {
        struct commands c;
        size_t used = commands_build(&c, a, steps + at, n - at);
        if (used)
            st = stream_run(a, &c, err);
        at += used;
        if (!st && at < n) { /* a delay inside a frame */
            const struct timespec ts = { steps[at].value / 1000000,
                                         (long)(steps[at].value % 1000000) * 1000 };
            nanosleep(&ts, NULL);
            at++;
        }
    }
    return st;
}

static size_t max_len(void *self)
{
    (void)self;
    return 0;
}

static uint32_t caps(void *self)
{
    (void)self;
    return BKF_SPI_INLINE_LINE | BKF_SPI_INLINE_DELAY | BKF_SPI_FLOAT;
}

static bkf_status park(void *self, uint32_t on, bkf_error *err)
{
    bkf_adapter *a = self;
    a->parked = on != 0;
    a->cs_low = false;
    return a->driven ? ft_apply(a, err) : BKF_OK;
}

static const bkf_spi_ops spi_ops = {
    .struct_size = sizeof spi_ops,
    .bind = bind_pins,
    .setup = setup,
    .run = run,
    .max_len = max_len,
    .caps = caps,
    .park = park,
};

/* -- class ---------------------------------------------------------------------------------- */
static void close_adapter(bkf_adapter *a)
{
    if (!a)
        return;
    memset(a->line, 0, sizeof a->line);
    a->driven = a->cs_low = false;
    if (a->opened && !a->gone)
        (void)ft_apply(a, NULL);
    if (a->opened) /* stays in MPSSE mode: in UART mode AD0 would drive the target's clock */
        (void)ftdi_usb_close(a->ftdi);
    stream_free(a);
    if (a->ftdi)
        ftdi_free(a->ftdi);
    free(a);
}

static bkf_status open_adapter(const bkf_host *host, const char *unit, const bkf_props *props,
                               bkf_adapter **out, bkf_error *err)
{
    const char *channel = props->str(props, "channel");
    *out = NULL;
    if (channel[0] < 'A' || channel[0] > 'D' || channel[1])
        return usb_fail(err, BKF_E_PARAM, 0, "channel '%s': use A, B, C or D", channel);
    bkf_adapter *a = calloc(1, sizeof *a);
    if (!a)
        return usb_fail(err, BKF_E_NOMEM, 0, "out of memory");
    a->host = host;
    a->channel = (unsigned)(channel[0] - 'A');
    a->hz = 1;
    snprintf(a->name, sizeof a->name, "FT232H");
    bkf_status st = stream_new(a, err);
    if (!st && !(a->ftdi = ftdi_new()))
        st = usb_fail(err, BKF_E_IO, 0, "libftdi does not start");
    if (!st)
        st = ft_open_unit(a, unit && *unit ? unit : NULL, props->str(props, "usb_id"), err);
    if (st) {
        close_adapter(a);
        return st;
    }
    *out = a;
    return BKF_OK;
}

static bkf_status acquire(bkf_adapter *a, const char *id, bkf_iface *iface, bkf_error *err)
{
    bool spi = !strcmp(id, BKF_IFACE_SPI), gpio = !strcmp(id, BKF_IFACE_GPIO);
    if (!spi && !gpio)
        return usb_fail(err, BKF_E_UNSUPPORTED, 0, "%s in MPSSE mode does not offer %s", a->name,
                        id);
    bool *held = spi ? &a->spi_held : &a->gpio_held;
    if (*held)
        return usb_fail(err, BKF_E_BUSY, 0, "%s %s: %s is already taken", a->name, a->path, id);
    *held = true;
    *iface = (bkf_iface){ spi ? (const void *)&spi_ops : (const void *)&ft_gpio_ops, a };
    return BKF_OK;
}

static void release(bkf_adapter *a, const char *id)
{
    if (!strcmp(id, BKF_IFACE_GPIO)) {
        a->gpio_held = false;
        return;
    }
    a->spi_held = false;
    bool was = a->driven;
    a->driven = a->bound = a->parked = a->cs_low = false;
    if (was && !a->gone)
        (void)ft_apply(a, NULL);
}

static const char *unit_of(bkf_adapter *a)
{
    return a->serial[0] ? a->serial : a->path;
}

static const bkf_prop_spec props[] = {
    { .key = "channel",
      .type = BKF_PROP_STRING,
      .dflt = "A",
      .help = "A, or B of an FT2232H or FT4232H; lines AD0.. and AC0.. are those of the channel" },
    { .key = "usb_id",
      .type = BKF_PROP_STRING,
      .dflt = "",
      .help = "VID:PID in hex, for a board with its own USB id" },
    { .key = NULL },
};

#define GPIO (BKF_ROLE_OUT | BKF_ROLE_IN | BKF_ROLE_OPEN_DRAIN)
static const bkf_line_spec lines[] = {
    { .name = "AD0", .alias = "SCK", .roles = GPIO | BKF_ROLE_SCK, .pin = "AD0, D0" },
    { .name = "AD1", .alias = "MOSI", .roles = GPIO | BKF_ROLE_MOSI, .pin = "AD1, D1" },
    { .name = "AD2", .alias = "MISO", .roles = GPIO | BKF_ROLE_MISO, .pin = "AD2, D2" },
    { .name = "AD3", .alias = "CS0", .roles = GPIO | BKF_ROLE_CS, .pin = "AD3, D3" },
    { .name = "AD4", .roles = GPIO | BKF_ROLE_CS, .pin = "AD4, D4" },
    { .name = "AD5", .roles = GPIO | BKF_ROLE_CS, .pin = "AD5, D5" },
    { .name = "AD6", .roles = GPIO | BKF_ROLE_CS, .pin = "AD6, D6" },
    { .name = "AD7", .roles = GPIO | BKF_ROLE_CS, .pin = "AD7, D7" },
    { .name = "AC0", .roles = GPIO, .pin = "AC0, C0" },
    { .name = "AC1", .roles = GPIO, .pin = "AC1, C1" },
    { .name = "AC2", .roles = GPIO, .pin = "AC2, C2" },
    { .name = "AC3", .roles = GPIO, .pin = "AC3, C3" },
    { .name = "AC4", .roles = GPIO, .pin = "AC4, C4" },
    { .name = "AC5", .roles = GPIO, .pin = "AC5, C5" },
    { .name = "AC6", .roles = GPIO, .pin = "AC6, C6" },
    { .name = "AC7", .roles = GPIO, .pin = "AC7, C7" },
    { .name = NULL },
};
static const char *const caveats[] = {
    "3.3 V levels only; modules with a 5 V I/O jumper must be set to 3.3 V",
    "On modules with an I2C switch or jumper (it ties AD1 to AD2) set it to SPI or off",
    "Until bkflash has opened it, AD0 is a UART output and drives the target's clock high",
    "The drivers are strong: 33 to 100 ohm in series with AD0, AD1 and AD3 on long wires",
    NULL,
};

static const bkf_adapter_class adapter_class = {
    .struct_size = sizeof adapter_class,
    .name = "ft232h",
    .summary = "FTDI FT232H, FT2232H, FT4232H: SPI up to 30 MHz (USB 0403:6014, :6010, :6011)",
    .props = props,
    .lines = lines,
    .caveats = caveats,
    .list = ft_list,
    .open = open_adapter,
    .close = close_adapter,
    .acquire = acquire,
    .release = release,
    .unit = unit_of,
};
static const bkf_adapter_class *const classes[] = { &adapter_class, NULL };
static const bkf_plugin plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_MINOR,
    .struct_size = sizeof plugin,
    .id = "org.bkflash.adapter.ft232h",
    .version = BKF_VERSION_TEXT,
    .license = "MIT",
    .adapters = classes,
};

BKF_EXPORT const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
