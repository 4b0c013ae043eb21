/* plugin.c - classes ft232r and serial. */
#include "serial.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(bkf_error *err, bkf_status st, int os_code, const char *fmt, va_list ap)
{
    if (err && BKF_HAS(bkf_error, err, message)) {
        err->status = st;
        err->effect = BKF_EFFECT_NONE;
        err->os_code = os_code;
        vsnprintf(err->message, sizeof err->message, fmt, ap);
    }
}

bkf_status serial_error(bkf_error *err, bkf_status st, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, st, 0, fmt, ap);
    va_end(ap);
    return st;
}

bkf_status serial_os_error(bkf_error *err, bkf_status st, int os_code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, st, os_code, fmt, ap);
    va_end(ap);
    return st;
}

void serial_log(const bkf_host *host, int32_t level, const char *fmt, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    host->log(host, level, line);
}

static bkf_status list_any(const bkf_host *host,
                           void (*found)(void *ud, const char *path, const char *label), void *ud,
                           bkf_error *err)
{
    (void)host;
    return serial_list(&serial_any, found, ud, err);
}

static bkf_status list_ft232r(const bkf_host *host,
                              void (*found)(void *ud, const char *path, const char *label),
                              void *ud, bkf_error *err)
{
    (void)host;
    return serial_list(&serial_ft232r, found, ud, err);
}

static bkf_status open_any(const bkf_host *host, const char *unit, const bkf_props *props,
                           bkf_adapter **out, bkf_error *err)
{
    return serial_open(host, &serial_any, unit, props, out, err);
}

static bkf_status open_ft232r(const bkf_host *host, const char *unit, const bkf_props *props,
                              bkf_adapter **out, bkf_error *err)
{
    return serial_open(host, &serial_ft232r, unit, props, out, err);
}

static bkf_status acquire(bkf_adapter *a, const char *id, bkf_iface *iface, bkf_error *err)
{
    if (strcmp(id, BKF_IFACE_UART) == 0) {
        if (a->uart_held) {
            return serial_error(err, BKF_E_BUSY, "the UART is held already");
        }
        a->uart_held = true;
        *iface = (bkf_iface){ &serial_uart_ops, a };
        return BKF_OK;
    }
    if (strcmp(id, BKF_IFACE_GPIO) == 0) {
        if (a->gpio_held) {
            return serial_error(err, BKF_E_BUSY, "the modem lines are held already");
        }
        a->gpio_held = true;
        *iface = (bkf_iface){ &serial_gpio_ops, a };
        return BKF_OK;
    }
    return serial_error(err, BKF_E_UNSUPPORTED, "a serial port has no interface %s", id);
}

static void release(bkf_adapter *a, const char *id)
{
    if (strcmp(id, BKF_IFACE_UART) == 0) {
        a->uart_held = false;
    } else if (strcmp(id, BKF_IFACE_GPIO) == 0) {
        for (uint32_t i = 1; i < LINES; i++) {
            serial_gpio_ops.drop(a, i);
        }
        a->gpio_held = false;
    }
}

static const char *unit_name(bkf_adapter *a)
{
    return a->unit;
}

static const bkf_prop_spec props[] = {
    { .key = "low_latency",
      .type = BKF_PROP_BOOL,
      .dflt = "yes",
      .help = "set an FTDI chip's latency timer to 1 ms" },
    { .key = NULL },
};

static const bkf_line_spec lines[] = {
    { .name = "TXD", .roles = BKF_ROLE_TX | BKF_ROLE_OUT, .pin = "transmit data" },
    { .name = "RXD", .roles = BKF_ROLE_RX | BKF_ROLE_IN, .pin = "receive data" },
    { .name = "DTR#", .alias = "DTR", .roles = BKF_ROLE_OUT, .pin = "low when asserted" },
    { .name = "RTS#", .alias = "RTS", .roles = BKF_ROLE_OUT, .pin = "low when asserted" },
    { .name = "CTS#", .alias = "CTS", .roles = BKF_ROLE_IN },
    { .name = "DSR#", .alias = "DSR", .roles = BKF_ROLE_IN },
    { .name = "DCD#", .alias = "DCD", .roles = BKF_ROLE_IN },
    { .name = "RI#", .alias = "RI", .roles = BKF_ROLE_IN },
    { .name = NULL },
};

static const char *const caveats[] = {
    "use an adapter with 3.3 V levels; 5 V damages the chip",
    "a weak 3.3 V pin of the adapter cannot feed a Wi-Fi chip: give it its own supply and join "
    "the grounds",
    NULL,
};

static const bkf_adapter_class ft232r_class = {
    .struct_size = sizeof ft232r_class,
    .name = "ft232r",
    .summary = "FTDI FT232R or FT-X serial adapter",
    .props = props,
    .lines = lines,
    .caveats = caveats,
    .list = list_ft232r,
    .open = open_ft232r,
    .close = serial_close,
    .acquire = acquire,
    .release = release,
    .unit = unit_name,
};

static const bkf_adapter_class serial_class = {
    .struct_size = sizeof serial_class,
    .name = "serial",
    .summary = "any serial port (tty)",
    .props = props,
    .lines = lines,
    .caveats = caveats,
    .list = list_any,
    .open = open_any,
    .close = serial_close,
    .acquire = acquire,
    .release = release,
    .unit = unit_name,
};

static const bkf_adapter_class *const adapters[] = { &ft232r_class, &serial_class, NULL };
static const bkf_plugin plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_MINOR,
    .struct_size = sizeof plugin,
    .id = "org.bkflash.adapter.serial",
    .version = BKF_VERSION_TEXT,
    .license = "MIT",
    .adapters = adapters,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
