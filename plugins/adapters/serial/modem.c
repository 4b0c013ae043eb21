/* modem.c - DTR# and RTS# as outputs, CTS#, DSR#, DCD#, RI# as inputs.  The names carry the
 * sharp of the pin: level 0 is a low pin, which is what RS-232 calls asserted. */
#include "serial.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

static const struct {
    const char *name;
    int bit;
    bool output;
} lines[LINES] = {
    [LINE_DTR] = { "DTR#", TIOCM_DTR, true },  [LINE_RTS] = { "RTS#", TIOCM_RTS, true },
    [LINE_CTS] = { "CTS#", TIOCM_CTS, false }, [LINE_DSR] = { "DSR#", TIOCM_DSR, false },
    [LINE_DCD] = { "DCD#", TIOCM_CAR, false }, [LINE_RI] = { "RI#", TIOCM_RNG, false },
};

int modem_drive(const bkf_adapter *a, unsigned line, unsigned level)
{
    const int bit = lines[line].bit;
    return ioctl(a->fd, level ? TIOCMBIC : TIOCMBIS, &bit);
}

static bkf_status gone_or(const bkf_adapter *a, const char *what, const char *line, bkf_error *err)
{
    const int e = errno;
    if (e == EIO || e == ENXIO || e == ENODEV) {
        return serial_os_error(err, BKF_E_NO_DEVICE, e, "%s vanished while in use", a->path);
    }
    return serial_os_error(err, BKF_E_IO, e, "%s: %s %s: %s", a->path, what, line, strerror(e));
}

static bkf_status claim(void *self, const char *name, uint32_t drive, uint32_t level, uint32_t *id,
                        bkf_error *err)
{
    bkf_adapter *a = self;
    for (unsigned i = 1; i < LINES; i++) {
        const size_t n = strlen(lines[i].name) - 1; /* the alias has no sharp */
        if (strncmp(lines[i].name, name, n) != 0 || (name[n] && strcmp(name + n, "#") != 0)) {
            continue;
        }
        if (!a->modem) {
            return serial_error(err, BKF_E_UNSUPPORTED,
                                "%s has no modem lines (a pseudo-terminal?), so %s cannot be used",
                                a->path, name);
        }
        if (a->claimed[i]) {
            return serial_error(err, BKF_E_BUSY, "%s is in use already", name);
        }
        if (drive == BKF_LINE_INPUT ? lines[i].output : !lines[i].output) {
            return serial_error(err, BKF_E_UNSUPPORTED, "%s is an %s", name,
                                lines[i].output ? "output" : "input");
        }
        if (drive == BKF_LINE_OPEN_DRAIN) {
            return serial_error(err, BKF_E_UNSUPPORTED,
                                "%s drives high and low; there is no open drain", name);
        }
        if (drive != BKF_LINE_INPUT && modem_drive(a, i, level) < 0) {
            return gone_or(a, "setting", name, err);
        }
        a->claimed[i] = true;
        *id = i;
        return BKF_OK;
    }
    return serial_error(err, BKF_E_PARAM, "a serial port has no line %s", name);
}

static bkf_status check(const bkf_adapter *a, uint32_t id, bkf_error *err)
{
    return id > 0 && id < LINES && a->claimed[id]
               ? BKF_OK
               : serial_error(err, BKF_E_PARAM, "line %u is not claimed", (unsigned)id);
}

static bkf_status set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    bkf_adapter *a = self;
    bkf_status st = check(a, id, err);
    if (st == BKF_OK && !lines[id].output) {
        st = serial_error(err, BKF_E_PARAM, "%s is an input", lines[id].name);
    }
    /* There is no high impedance; de-asserted is the level that releases a reset. */
    if (st == BKF_OK && modem_drive(a, id, level != 0) < 0) {
        st = gone_or(a, "setting", lines[id].name, err);
    }
    return st;
}

static bkf_status get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    bkf_adapter *a = self;
    bkf_status st = check(a, id, err);
    int bits = 0;
    if (st == BKF_OK && ioctl(a->fd, TIOCMGET, &bits) < 0) {
        st = gone_or(a, "reading", lines[id].name, err);
    }
    if (st == BKF_OK) {
        *level = !(bits & lines[id].bit);
    }
    return st;
}

static void drop(void *self, uint32_t id)
{
    bkf_adapter *a = self;
    if (id > 0 && id < LINES && a->claimed[id]) {
        if (lines[id].output) {
            modem_drive(a, id, 1);
        }
        a->claimed[id] = false;
    }
}

const bkf_gpio_ops serial_gpio_ops = {
    .struct_size = sizeof serial_gpio_ops,
    .claim = claim,
    .set = set,
    .get = get,
    .drop = drop,
};
