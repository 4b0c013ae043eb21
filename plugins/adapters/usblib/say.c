#include "usblib.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bkf_status usb_fail(bkf_error *err, bkf_status st, int os_code, const char *fmt, ...)
{
    if (err && BKF_HAS(bkf_error, err, message)) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        err->status = st;
        err->effect = BKF_EFFECT_NONE;
        err->os_code = os_code;
    }
    return st;
}

void usb_log(const bkf_host *host, int32_t level, const char *fmt, ...)
{
    char line[256];
    va_list ap;
    if (!host || !host->log)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    host->log(host, level, line);
}

/* Which kernel driver or program sits on the interface. */
static void holder(const struct usb_place *p, char *out, size_t cap)
{
    char link[96], target[256];
    snprintf(link, sizeof link, "/sys/bus/usb/devices/%s:1.%u/driver", p->path + 4, p->interface);
    ssize_t n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    const char *name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
    if (!*name || !strcmp(name, "usbfs") || (p->own_driver && !strcmp(name, p->own_driver)))
        snprintf(out, cap, "another program");
    else
        snprintf(out, cap, "the kernel driver %s", name);
}

bkf_status usb_open_failed(const struct usb_place *p, int r, bkf_error *err)
{
    char who[64];
    switch (r) {
    case LIBUSB_ERROR_ACCESS:
        return usb_fail(err, BKF_E_ACCESS, r,
                        "no permission for %s %s (%s): install 60-bkflash.rules into "
                        "/etc/udev/rules.d, run 'udevadm control --reload', plug it in again",
                        p->name, p->path, p->node);
    case LIBUSB_ERROR_BUSY:
        holder(p, who, sizeof who);
        return usb_fail(err, BKF_E_BUSY, r, "%s %s is in use by %s: end that, then try again",
                        p->name, p->path, who);
    case LIBUSB_ERROR_NO_DEVICE:
        return usb_fail(err, BKF_E_NO_DEVICE, r, "%s %s was unplugged while being opened", p->name,
                        p->path);
    case LIBUSB_ERROR_NO_MEM:
        return usb_fail(err, BKF_E_NOMEM, r, "out of memory");
    default:
        return usb_fail(err, BKF_E_IO, r, "%s %s cannot be opened: %s", p->name, p->path,
                        libusb_error_name(r));
    }
}
