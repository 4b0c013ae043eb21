/* plugin.c - adapter class "sim": a virtual device instead of hardware, on its own clock. */
#include "sim.h"
#include "tests/device/options.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bkf_status sim_fail(bkf_error *err, bkf_status st, const char *fmt, ...)
{
    if (err && BKF_HAS(bkf_error, err, message)) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        err->status = st;
        err->effect = BKF_EFFECT_NONE;
        err->os_code = 0;
    }
    return st;
}

void sim_turnaround(bkf_adapter *a)
{
    vclock_advance(&a->clock, a->turnaround_ns);
}

/* -- the session's clock ------------------------------------------------------------ */
static uint64_t clock_now(void *self)
{
    bkf_adapter *a = self;
    return a->clock.ns / 1000;
}

static void clock_sleep(void *self, uint64_t us)
{
    bkf_adapter *a = self;
    vclock_advance(&a->clock, us * 1000);
}

static const bkf_clock_ops clock_ops = {
    .struct_size = sizeof clock_ops,
    .now_us = clock_now,
    .sleep_us = clock_sleep,
};

/* -- options -------------------------------------------------------------------------- */
#define PROP_TEXT   BKF_PROP_STRING
#define PROP_NUMBER BKF_PROP_UINT
#define PROP_FLAG   BKF_PROP_BOOL
#define PROP_CHOICE BKF_PROP_STRING
#define PROP_TIME   BKF_PROP_MICROSECONDS
#define PROP_HERTZ  BKF_PROP_HERTZ
#define PROP_REAL   BKF_PROP_STRING

static const bkf_prop_spec props[] = {
/* NOLINTBEGIN(bugprone-macro-parentheses): initialisers */
#define X(key_, type_, member, from_profile, choices, help_) \
    { .key = key_, .type = PROP_##type_, .dflt = from_profile, .help = help_ },
    DEVICE_OPTIONS(X)
#undef X
    /* NOLINTEND(bugprone-macro-parentheses) */
    { .key = "clock",
      .type = BKF_PROP_HERTZ,
      .dflt = "30MHz",
      .help = "fastest SPI clock of the simulated adapter",
      .min = 10000,
      .max = 100000000 },
    { .key = "turnaround",
      .type = BKF_PROP_MICROSECONDS,
      .dflt = "250us",
      .help = "time that every call takes from host to adapter and back",
      .max = 1000000 },
    { .key = "violations",
      .type = BKF_PROP_STRING,
      .dflt = "log",
      .help = "log: report protocol violations at the end; ignore: do not" },
    { .key = NULL },
};

static const char *const device_keys[] = {
#define X(key_, type_, member, from_profile, choices, help_) key_,
    DEVICE_OPTIONS(X)
#undef X
};
enum { N_DEVICE_KEYS = sizeof device_keys / sizeof device_keys[0] };

static const bkf_line_spec lines[] = {
    { .name = "sck", .alias = "tck", .roles = BKF_ROLE_OUT | BKF_ROLE_SCK, .pin = "P20" },
    { .name = "mosi", .alias = "tdi", .roles = BKF_ROLE_OUT | BKF_ROLE_MOSI, .pin = "P22" },
    { .name = "miso", .alias = "tdo", .roles = BKF_ROLE_IN | BKF_ROLE_MISO, .pin = "P23" },
    { .name = "cs0", .alias = "tms", .roles = BKF_ROLE_OUT | BKF_ROLE_CS, .pin = "P21" },
    { .name = "cen", .roles = BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN, .pin = "CEN" },
    { .name = "rx", .roles = BKF_ROLE_OUT | BKF_ROLE_TX, .pin = "P10" },
    { .name = "tx", .roles = BKF_ROLE_IN | BKF_ROLE_RX, .pin = "P11" },
    { .name = NULL },
};

/* -- class ------------------------------------------------------------------------------ */
static bkf_status sim_list(const bkf_host *host,
                           void (*found)(void *ud, const char *path, const char *label), void *ud,
                           bkf_error *err)
{
    (void)host;
    (void)err;
    found(ud, "virtual", "virtual Beken device");
    return BKF_OK;
}

static void sim_close(bkf_adapter *a)
{
    const struct violation *v;
    if (!a) {
        return;
    }
    size_t n = a->dev ? device_violations(a->dev, &v) : 0;
    if (n && a->host) {
        char line[320];
        (void)snprintf(line, sizeof line, "sim: %zu protocol violation%s: %s at %.3f ms: %s%s", n,
                       n == 1 ? "" : "s", violation_kind_name(v[0].kind), (double)v[0].at_ns / 1e6,
                       v[0].text, n == 1 ? "" : " ...");
        a->host->log(a->host, BKF_LOG_ERROR, line);
    }
    device_free(a->dev);
    free(a);
}

static bkf_status sim_open(const bkf_host *host, const char *unit, const bkf_props *p,
                           bkf_adapter **out, bkf_error *err)
{
    struct device_option opt[N_DEVICE_KEYS];
    char why[256];
    if (unit && strcmp(unit, "virtual") != 0) {
        return sim_fail(err, BKF_E_NO_DEVICE,
                        "sim: there is no unit '%s'; the only one is 'virtual'", unit);
    }
    bkf_adapter *a = calloc(1, sizeof *a);
    if (!a) {
        return sim_fail(err, BKF_E_NOMEM, "sim: out of memory");
    }
    for (size_t i = 0; i < N_DEVICE_KEYS; i++) {
        opt[i] = (struct device_option){ device_keys[i], p->str(p, device_keys[i]) };
    }
    a->dev = device_new(&a->clock, opt, N_DEVICE_KEYS, why);
    if (!a->dev) {
        free(a);
        return sim_fail(err, BKF_E_PARAM, "sim: %s", why);
    }
    const char *say = p->str(p, "violations");
    a->host = strcmp(say, "ignore") != 0 ? host : NULL;
    a->max_hz = a->hz = (uint32_t)p->num(p, "clock");
    a->turnaround_ns = p->num(p, "turnaround") * 1000;
    *out = a;
    return BKF_OK;
}

static bkf_status sim_acquire(bkf_adapter *a, const char *id, bkf_iface *out, bkf_error *err)
{
    const void *ops = !strcmp(id, BKF_IFACE_SPI)     ? (const void *)&sim_spi_ops
                      : !strcmp(id, BKF_IFACE_GPIO)  ? (const void *)&sim_gpio_ops
                      : !strcmp(id, BKF_IFACE_UART)  ? (const void *)&sim_uart_ops
                      : !strcmp(id, BKF_IFACE_CLOCK) ? (const void *)&clock_ops
                                                     : NULL;
    if (!ops) {
        return sim_fail(err, BKF_E_UNSUPPORTED, "sim: no interface '%s'", id);
    }
    *out = (bkf_iface){ ops, a };
    return BKF_OK;
}

static void sim_release(bkf_adapter *a, const char *id)
{
    if (!strcmp(id, BKF_IFACE_SPI)) {
        sim_spi_idle(a, true);
        a->bound = a->parked = false;
    } else if (!strcmp(id, BKF_IFACE_GPIO)) {
        for (uint32_t i = 0; i < SIM_LINES; i++) {
            sim_gpio_ops.drop(a, i);
        }
    }
}

static const char *sim_unit(bkf_adapter *a)
{
    (void)a;
    return "virtual";
}

static const bkf_adapter_class sim_class = {
    .struct_size = sizeof sim_class,
    .name = "sim",
    .summary = "virtual Beken device, no hardware needed",
    .props = props,
    .lines = lines,
    .list = sim_list,
    .open = sim_open,
    .close = sim_close,
    .acquire = sim_acquire,
    .release = sim_release,
    .unit = sim_unit,
};
static const bkf_adapter_class *const adapters[] = { &sim_class, NULL };
static const bkf_plugin plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_MINOR,
    .struct_size = sizeof plugin,
    .id = "org.bkflash.adapter.sim",
    .version = BKF_VERSION_TEXT,
    .license = "MIT",
    .adapters = adapters,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
