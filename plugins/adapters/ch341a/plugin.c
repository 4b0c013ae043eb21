/* plugin.c - adapter class "ch341a": WCH CH341A in its I2C/SPI position, over libusb-1.0. */
#include "ch341a.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- bkflash.spi/1 ------------------------------------------------------------------------ */
static bool is_pin(const bkf_pin *p, const char *a, const char *b)
{
    return !strcmp(p->line, a) || !strcmp(p->line, b);
}

static bkf_status bind_pins(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    static const char *const cs_names[][2] = { { "D0", "CS0" }, { "D1", "CS1" }, { "D2", "CS2" } };
    unsigned cs = 0;
    for (size_t i = 0; i < n; i++) {
        const bkf_pin *p = &pins[i];
        const char *fixed = NULL;
        if (!strcmp(p->signal, "sck") && !is_pin(p, "D3", "SCK"))
            fixed = "D3 (SCK)";
        else if (!strcmp(p->signal, "mosi") && !is_pin(p, "D5", "MOSI"))
            fixed = "D5 (MOSI)";
        else if (!strcmp(p->signal, "miso") && !is_pin(p, "D7", "MISO"))
            fixed = "D7 (MISO)";
        if (fixed)
            return usb_fail(err, BKF_E_PARAM, 0, "CH341A has %s on %s only, not on %s", p->signal,
                            fixed, p->line);
        if (strcmp(p->signal, "cs0") != 0)
            continue;
        for (cs = 0; cs < 3 && !is_pin(p, cs_names[cs][0], cs_names[cs][1]); cs++)
            ;
        if (cs == 3)
            return usb_fail(err, BKF_E_PARAM, 0,
                            "CH341A can have chip select on D0, D1 or D2, not on %s", p->line);
    }
    if (a->line[cs].claimed || a->line[BIT_SCK].claimed || a->line[BIT_MOSI].claimed)
        return usb_fail(err, BKF_E_BUSY, 0, "a CH341A line that SPI needs is already claimed");
    a->cs = cs;
    a->bound = true;
    return BKF_OK;
}

/* By hand: three commands of 0.75 us for each bit, and two delays in whole microseconds. */
enum { HAND_MAX_HZ = 444000, HAND_MIN_HZ = 7800, HAND_BIT_NS = 2250, FIXED_FROM_HZ = 500000 };

static bkf_status choose_clock(struct clocking *c, uint32_t mode, uint32_t want, uint32_t *got,
                               bkf_error *err)
{
    if (mode != 0 && mode != 3) {
        *got = 0;
        return usb_fail(err, BKF_E_UNSUPPORTED, 0, "CH341A does SPI mode 0 and 3, not %u", mode);
    }
    *c = (struct clocking){ .mode = mode, .hz = CH_SPI_HZ };
    if (mode == 0 && (!want || want >= CH_SPI_HZ)) {
        *got = CH_SPI_HZ;
        return BKF_OK;
    }
    if (mode == 0 && want >= FIXED_FROM_HZ) {
        *got = CH_SPI_HZ;
        return usb_fail(err, BKF_E_UNSUPPORTED, 0,
                        "CH341A cannot do %u Hz: its SPI clock is 1.5 MHz, and by hand it "
                        "reaches %u Hz",
                        want, (unsigned)HAND_MAX_HZ);
    }
    c->by_hand = true;
    c->hz = HAND_MAX_HZ;
    if (want && want < HAND_MAX_HZ) {
        uint32_t bit_ns = (1000000000u + want - 1) / want;
        c->half_us = (bit_ns - HAND_BIT_NS + 1999) / 2000;
        c->hz = 1000000000u / (HAND_BIT_NS + 2000 * c->half_us);
    }
    if (c->half_us > 63) {
        *got = HAND_MIN_HZ;
        return usb_fail(err, BKF_E_UNSUPPORTED, 0, "CH341A clocks at %u Hz at the slowest",
                        (unsigned)HAND_MIN_HZ);
    }
    *got = c->hz;
    return BKF_OK;
}

static bkf_status setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    bkf_adapter *a = self;
    static const uint8_t speed[] = { CMD_I2C, 0x63, 0x00 };
    struct clocking c = { 0 };
    bkf_status st = choose_clock(&c, mode, want, got, err);
    if (st)
        return st;
    /* No effect on a genuine chip; clones that scale SPI with this I2C setting get fast. */
    if (!a->stream_speed_set)
        st = stream_packet(a, speed, sizeof speed, NULL, 0, err);
    if (st)
        return st;
    a->stream_speed_set = true;
    bool same = a->driven && !a->parked && a->clock.mode == mode;
    if (c.by_hand && (!a->clock.by_hand || a->clock.hz != c.hz))
        usb_log(a->host, BKF_LOG_DEBUG, "%s: clocking by hand at %u Hz", a->unit, c.hz);
    a->clock = c;
    a->driven = true;
    a->parked = false;
    return same ? BKF_OK : ch_apply(a, err);
}

static bkf_status check_steps(const bkf_adapter *a, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (s[i].kind > BKF_STEP_DELAY)
            return usb_fail(err, BKF_E_PARAM, 0, "SPI step %zu: there is no kind %u", i, s[i].kind);
        else if (s[i].kind == BKF_STEP_LINE &&
                 (s[i].line >= OUTPUTS || !a->line[s[i].line].claimed ||
                  a->line[s[i].line].drive == BKF_LINE_INPUT))
            return usb_fail(err, BKF_E_PARAM, 0, "SPI step %zu: CH341A line %u is not claimed", i,
                            s[i].line);
    return BKF_OK;
}

static bkf_status run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    struct packets p;
    if (!a->driven)
        return usb_fail(err, BKF_E_PARAM, 0, "CH341A: SPI is used before setup");
    bkf_status st = check_steps(a, steps, n, err);
    if (!st && a->parked) {
        a->parked = false;
        st = ch_apply(a, err);
    }
    if (st)
        return st;
    packets_init(&p, a, steps, n);
    st = stream_run(a, &p, err);
    a->cs_low = !st && p.cs_low;
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
    return a->driven ? ch_apply(a, err) : BKF_OK;
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
    if (a->usb) {
        memset(a->line, 0, sizeof a->line);
        a->driven = a->cs_low = false;
        if (a->claimed && !a->gone)
            (void)ch_apply(a, NULL);
        if (a->claimed)
            libusb_release_interface(a->usb, 0);
        libusb_close(a->usb);
    }
    stream_free(a);
    if (a->ctx)
        libusb_exit(a->ctx);
    free(a);
}

static bkf_status open_adapter(const bkf_host *host, const char *unit, const bkf_props *props,
                               bkf_adapter **out, bkf_error *err)
{
    bkf_adapter *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return usb_fail(err, BKF_E_NOMEM, 0, "out of memory");
    a->host = host;
    bkf_status st = stream_new(a, err);
    if (!st)
        st = ch_open_unit(a, unit && *unit ? unit : NULL, props->str(props, "usb_id"), err);
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
        return usb_fail(err, BKF_E_UNSUPPORTED, 0, "CH341A in SPI mode does not offer %s", id);
    bool *held = spi ? &a->spi_held : &a->gpio_held;
    if (*held)
        return usb_fail(err, BKF_E_BUSY, 0, "CH341A %s: %s is already taken", a->unit, id);
    *held = true;
    *iface = (bkf_iface){ spi ? (const void *)&spi_ops : (const void *)&ch_gpio_ops, a };
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
    a->clock = (struct clocking){ 0 };
    if (was && !a->gone)
        (void)ch_apply(a, NULL);
}

static const char *unit_of(bkf_adapter *a)
{
    return a->unit;
}

static const bkf_prop_spec props[] = {
    { .key = "usb_id",
      .type = BKF_PROP_STRING,
      .dflt = "",
      .help = "VID:PID in hex, for a clone or a chip with its own EEPROM (default 1a86:5512)" },
    { .key = NULL },
};
static const bkf_line_spec lines[] = {
    { .name = "D0",
      .alias = "CS0",
      .roles = BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN | BKF_ROLE_CS,
      .pin = "pin 15, CS of the SPI header" },
    { .name = "D1",
      .alias = "CS1",
      .roles = BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN | BKF_ROLE_CS,
      .pin = "pin 16" },
    { .name = "D2",
      .alias = "CS2",
      .roles = BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN | BKF_ROLE_CS,
      .pin = "pin 17" },
    { .name = "D3",
      .alias = "SCK",
      .roles = BKF_ROLE_OUT | BKF_ROLE_SCK,
      .pin = "pin 18, CLK of the SPI header" },
    { .name = "D4",
      .alias = "DOUT2",
      .roles = BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN,
      .pin = "pin 19" },
    { .name = "D5",
      .alias = "MOSI",
      .roles = BKF_ROLE_OUT | BKF_ROLE_MOSI,
      .pin = "pin 20, MOSI of the SPI header" },
    { .name = "D6", .alias = "DIN2", .roles = BKF_ROLE_IN, .pin = "pin 21" },
    { .name = "D7",
      .alias = "MISO",
      .roles = BKF_ROLE_IN | BKF_ROLE_MISO,
      .pin = "pin 22, MISO of the SPI header" },
    { .name = NULL },
};
static const char *const caveats[] = {
    "Boards with a CH341A often put 5 V on CS, SCK and MOSI even with 3.3 V on VCC; these chips "
    "take 3.3 V only: measure first, and use a board with a level switch or the 3.3 V modification",
    "The jumper must be in the I2C/SPI position",
    "The board's 3.3 V regulator is weak: feed the target from its own supply, common ground",
    NULL,
};

static const bkf_adapter_class adapter_class = {
    .struct_size = sizeof adapter_class,
    .name = "ch341a",
    .summary = "WCH CH341A, SPI at 1.5 MHz (USB 1a86:5512)",
    .props = props,
    .lines = lines,
    .caveats = caveats,
    .list = ch_list,
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
    .id = "org.bkflash.adapter.ch341a",
    .version = BKF_VERSION_TEXT,
    .license = "MIT",
    .adapters = classes,
};

BKF_EXPORT const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
