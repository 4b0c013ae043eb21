/* find.c - one CH341A among the USB devices.  The chip has no serial number, so a unit is a
 * port path ("usb:1-1.4"), which stays the same as long as it stays plugged in there. */
#include "ch341a.h"
#include <stdio.h>
#include <string.h>

struct wanted {
    uint16_t vid, pid;
    const char *unit; /* NULL = any */
};
struct found {
    libusb_device *dev;
    unsigned n;
    char all[200]; /* paths, for the message */
    bool uart, printer;
};

static void look(libusb_device *dev, const struct wanted *w, struct found *f)
{
    struct libusb_device_descriptor d;
    char path[USB_PATH_MAX];
    if (libusb_get_device_descriptor(dev, &d) || (w->unit && !usb_is_at(dev, w->unit)))
        return;
    if (d.idVendor == CH_VID && d.idProduct == CH_PID_UART)
        f->uart = true;
    if (d.idVendor == CH_VID && d.idProduct == CH_PID_PRINTER)
        f->printer = true;
    if (d.idVendor != w->vid || d.idProduct != w->pid)
        return;
    usb_path_of(dev, path);
    size_t used = strlen(f->all);
    snprintf(f->all + used, sizeof f->all - used, "%s%s", f->n ? ", " : "", path);
    if (!f->n++)
        f->dev = libusb_ref_device(dev);
}

static bkf_status not_found(const struct wanted *w, const struct found *f, bkf_error *err)
{
    if (f->uart)
        return usb_fail(err, BKF_E_NO_DEVICE, 0,
                        "there is a CH341A, but in UART mode (1a86:5523), which has no SPI: move "
                        "its jumper from UART/TTL to I2C/SPI, then plug it in again");
    if (f->printer)
        return usb_fail(err, BKF_E_NO_DEVICE, 0,
                        "there is a CH341A, but in printer mode (1a86:5584): SDA and SCL are "
                        "tied together; set the jumper to I2C/SPI, then plug it in again");
    if (w->unit)
        return usb_fail(err, BKF_E_NO_DEVICE, 0,
                        "no CH341A (%04x:%04x) at %s: 'bkflash list' shows what is plugged in",
                        w->vid, w->pid, w->unit);
    return usb_fail(err, BKF_E_NO_DEVICE, 0,
                    "no CH341A (%04x:%04x) is plugged in; a clone with another id needs "
                    "-O usb_id=VID:PID",
                    w->vid, w->pid);
}

/* C0 5F: chip version.  Clones may not answer; then it is taken for a CH341A. */
static bkf_status check_version(bkf_adapter *a, bkf_error *err)
{
    uint8_t v[2] = { 0, 0 };
    int r = libusb_control_transfer(a->usb, 0xC0, 0x5F, 0, 0, v, 2, 1000);
    if (r == LIBUSB_ERROR_NO_DEVICE)
        return usb_fail(err, BKF_E_NO_DEVICE, r, "CH341A %s was unplugged while being opened",
                        a->unit);
    if (r < 1)
        return BKF_OK;
    usb_log(a->host, BKF_LOG_DEBUG, "%s: chip version %02x", a->unit, v[0]);
    a->empty_after_full = v[0] == 0x20;
    if (v[0] < 0x20)
        return usb_fail(err, BKF_E_UNSUPPORTED, 0, "CH341 %s is of version %02x: it has no SPI",
                        a->unit, v[0]);
    return BKF_OK;
}

static bkf_status open_device(bkf_adapter *a, libusb_device *dev, bkf_error *err)
{
    usb_path_of(dev, a->unit);
    usb_node_of(dev, a->node);
    const struct usb_place here = { .name = "CH341A", .path = a->unit, .node = a->node };
    int r = libusb_open(dev, &a->usb);
    if (r)
        return usb_open_failed(&here, r, err);
    (void)libusb_set_auto_detach_kernel_driver(a->usb, 1);
    r = libusb_claim_interface(a->usb, 0);
    if (r)
        return usb_open_failed(&here, r, err);
    a->claimed = true;
    bkf_status st = check_version(a, err);
    return st ? st : stream_drain(a, err);
}

static bkf_status start(libusb_context **ctx, libusb_device ***list, ssize_t *n, bkf_error *err)
{
    int r = libusb_init(ctx);
    if (r)
        return usb_fail(err, BKF_E_IO, r, "libusb does not start: %s", libusb_error_name(r));
    return usb_devices(*ctx, list, n, err);
}

bkf_status ch_open_unit(bkf_adapter *a, const char *unit, const char *usb_id, bkf_error *err)
{
    struct wanted w = { CH_VID, CH_PID_SPI, unit };
    struct found f = { 0 };
    unsigned vid, pid;
    if (*usb_id) {
        if (!usb_two_numbers(usb_id, 16, 0xFFFF, &vid, &pid))
            return usb_fail(err, BKF_E_PARAM, 0,
                            "usb_id '%s' is not VID:PID in hex, like 1a86:5512", usb_id);
        w.vid = (uint16_t)vid;
        w.pid = (uint16_t)pid;
    }
    libusb_device **list = NULL;
    ssize_t n = 0;
    bkf_status st = start(&a->ctx, &list, &n, err);
    if (st)
        return st;
    for (ssize_t i = 0; i < n; i++)
        look(list[i], &w, &f);
    libusb_free_device_list(list, 1);
    if (!f.n)
        return not_found(&w, &f, err);
    if (f.n > 1)
        st = usb_fail(err, BKF_E_PARAM, 0, "%u CH341A are plugged in (%s): choose one with -u", f.n,
                      f.all);
    else
        st = open_device(a, f.dev, err);
    libusb_unref_device(f.dev);
    if (st == BKF_E_NO_DEVICE) /* it was there */
        st = BKF_E_LINK_LOST;
    if (err)
        err->status = st;
    return st;
}

bkf_status ch_list(const bkf_host *host,
                   void (*found)(void *ud, const char *path, const char *label), void *ud,
                   bkf_error *err)
{
    libusb_context *ctx = NULL;
    libusb_device **list = NULL;
    ssize_t n = 0;
    (void)host;
    bkf_status st = start(&ctx, &list, &n, err);
    for (ssize_t i = 0; !st && i < n; i++) {
        struct libusb_device_descriptor d;
        char path[USB_PATH_MAX];
        if (libusb_get_device_descriptor(list[i], &d) || d.idVendor != CH_VID)
            continue;
        usb_path_of(list[i], path);
        if (d.idProduct == CH_PID_SPI)
            found(ud, path, "CH341A");
        else if (d.idProduct == CH_PID_UART)
            found(ud, path, "CH341A in UART mode: move its jumper to I2C/SPI");
        else if (d.idProduct == CH_PID_PRINTER)
            found(ud, path, "CH341A in printer mode: set its jumper to I2C/SPI");
    }
    if (list)
        libusb_free_device_list(list, 1);
    if (ctx)
        libusb_exit(ctx);
    return st;
}
