/* find.c - one FT232H (or MPSSE channel of its relatives) among the USB devices, by serial
 * number or by port path, opened through libftdi. */
#include "ft232h.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Told apart by bcdDevice, as libftdi does: the FT2232C and D have the product id of the FT2232H.
 */
static const struct {
    uint16_t pid, release;
    const char *name;
    unsigned channels; /* with MPSSE */
    bool low_only;
} kinds[] = { { 0x6014, 0x0900, "FT232H", 1, false },
              { 0x6010, 0x0700, "FT2232H", 2, false },
              { 0x6011, 0x0800, "FT4232H", 2, true },
              { 0, 0, "FT232H", 4, false } };
enum {
    KINDS = 3,
    BY_USER = KINDS /* its usb_id says it is one */,
    VID = 0x0403,
    READY_MS = 50,
    SYNC_TRIES = 4,
    LATENCY_MS = 255
};

struct wanted {
    uint16_t vid, pid; /* 0 = any of kinds */
    const char *unit;
};
struct found {
    libusb_device *dev;
    unsigned n, kind;
    char all[200], serial[32];
    uint16_t other_pid, other_release; /* one of FTDI's that has no such engine */
};

/* "" without a serial number, or without permission to read it. */
static void serial_of(libusb_device *dev, uint8_t index, char *out, size_t cap)
{
    libusb_device_handle *usb;
    out[0] = 0;
    if (!index || libusb_open(dev, &usb))
        return;
    if (libusb_get_string_descriptor_ascii(usb, index, (unsigned char *)out, (int)cap) < 0)
        out[0] = 0;
    libusb_close(usb);
}

static bool has_known_id(const struct libusb_device_descriptor *d)
{
    for (int i = 0; d->idVendor == VID && i < KINDS; i++)
        if (d->idProduct == kinds[i].pid)
            return true;
    return false;
}

/* Index into kinds, -1 = not one of them. */
static int kind_of(const struct libusb_device_descriptor *d, const struct wanted *w)
{
    if (w->pid ? d->idVendor != w->vid || d->idProduct != w->pid : !has_known_id(d))
        return -1;
    for (int i = 0; i < KINDS; i++)
        if (d->bcdDevice == kinds[i].release)
            return i;
    return w->pid ? BY_USER : -1;
}

static void look(libusb_device *dev, const struct wanted *w, struct found *f)
{
    struct libusb_device_descriptor d;
    char path[USB_PATH_MAX], serial[32];
    int kind;
    if (libusb_get_device_descriptor(dev, &d))
        return;
    kind = kind_of(&d, w);
    if (kind < 0) {
        if (!w->pid && has_known_id(&d)) {
            f->other_pid = d.idProduct;
            f->other_release = d.bcdDevice;
        }
        return;
    }
    serial_of(dev, d.iSerialNumber, serial, sizeof serial);
    if (w->unit && !usb_is_at(dev, w->unit) && (!*serial || strcmp(w->unit, serial) != 0))
        return;
    usb_path_of(dev, path);
    size_t used = strlen(f->all);
    snprintf(f->all + used, sizeof f->all - used, "%s%s%s%s", f->n ? ", " : "", path,
             *serial ? " " : "", serial);
    if (f->n++)
        return;
    f->dev = libusb_ref_device(dev);
    f->kind = (unsigned)kind;
    snprintf(f->serial, sizeof f->serial, "%s", serial);
}

static bkf_status open_failed(bkf_adapter *a, int r, bkf_error *err)
{
    const struct usb_place here = { a->name, a->path, a->node, a->channel, "ftdi_sio" };
    a->gone |= r == LIBUSB_ERROR_NO_DEVICE;
    return usb_open_failed(&here, r, err);
}

/* libftdi hides libusb's reason behind numbers of its own, so it is asked for first. */
static bkf_status open_device(bkf_adapter *a, libusb_device *dev, bkf_error *err)
{
    libusb_device_handle *usb;
    int r = libusb_open(dev, &usb);
    if (r)
        return open_failed(a, r, err);
    libusb_set_auto_detach_kernel_driver(usb, 1);
    r = libusb_claim_interface(usb, (int)a->channel);
    if (!r)
        libusb_release_interface(usb, (int)a->channel);
    libusb_close(usb);
    if (r)
        return open_failed(a, r, err);
    a->ftdi->module_detach_mode = AUTO_DETACH_REATACH_SIO_MODULE;
    ftdi_set_interface(a->ftdi, (enum ftdi_interface)(INTERFACE_A + a->channel));
    r = ftdi_usb_open_dev(a->ftdi, dev);
    if (r) {
        struct libusb_device_descriptor d;
        bool there = !libusb_get_device_descriptor(dev, &d) && !libusb_open(dev, &usb);
        if (there)
            libusb_close(usb);
        return open_failed(a, there ? LIBUSB_ERROR_IO : LIBUSB_ERROR_NO_DEVICE, err);
    }
    a->opened = true;
    a->ep_out = (uint8_t)a->ftdi->in_ep; /* libftdi names them from the chip's side */
    a->ep_in = (uint8_t)a->ftdi->out_ep;
    a->packet = a->ftdi->max_packet_size;
    if (a->packet < 64)
        a->packet = 512;
    if (a->packet < 512)
        usb_log(a->host, BKF_LOG_WARN, "%s: connected at full speed only: use a USB 2 port",
                a->path);
    return ft_start_engine(a, err);
}

static bkf_status control_failed(bkf_adapter *a, int r, bkf_error *err)
{
    /* libftdi's numbers do not say whether the device is still there: ask it (GET_STATUS) */
    uint8_t status[2];
    if (!a->ftdi->usb_dev || libusb_control_transfer(a->ftdi->usb_dev, 0x80, 0, 0, 0, status, 2,
                                                     1000) == LIBUSB_ERROR_NO_DEVICE)
        a->gone = true;
    return usb_fail(err, a->gone ? BKF_E_NO_DEVICE : BKF_E_IO, r, "%s %s: %s", a->name, a->path,
                    a->gone ? "has vanished; plug it in again and start over"
                            : ftdi_get_error_string(a->ftdi));
}

/* AA and AB are no commands; the engine says so, and then both sides are in step. */
static bkf_status synchronise(bkf_adapter *a, bkf_error *err)
{
    bkf_status st = BKF_E_PROTOCOL;
    for (int i = 0; i < SYNC_TRIES && !a->gone; i++) {
        const uint8_t command[] = { i % 2 ? 0xAB : 0xAA, MPSSE_SEND_NOW };
        uint8_t answer[2] = { 0, 0 };
        a->cmd.n = 0;
        put(&a->cmd, command, 2);
        st = stream_small(a, answer, 2, err);
        if (!st && answer[0] == 0xFA && answer[1] == command[0])
            return BKF_OK;
        (void)ftdi_tcioflush(a->ftdi);
    }
    if (a->gone || (st && st != BKF_E_TIMEOUT && st != BKF_E_PROTOCOL))
        return st;
    return usb_fail(err, BKF_E_PROTOCOL, 0,
                    "%s %s does not answer as an MPSSE engine: unplug it and plug it in again; "
                    "is it a genuine chip of FTDI, and a channel that has one?",
                    a->name, a->path);
}

bkf_status ft_start_engine(bkf_adapter *a, bkf_error *err)
{
    const struct timespec settle = { 0, READY_MS * 1000000L };
    int r = ftdi_usb_reset(a->ftdi);
    if (!r)
        r = ftdi_set_latency_timer(a->ftdi, LATENCY_MS); /* answers are sent by 87, not by it */
    if (!r)
        r = ftdi_set_bitmode(a->ftdi, 0, BITMODE_RESET);
    if (!r)
        r = ftdi_set_bitmode(a->ftdi, 0, BITMODE_MPSSE);
    if (r)
        return control_failed(a, r, err);
    nanosleep(&settle, NULL);
    r = ftdi_tcioflush(a->ftdi);
    if (r)
        return control_failed(a, r, err);
    return synchronise(a, err);
}

bkf_status ft_open_unit(bkf_adapter *a, const char *unit, const char *usb_id, bkf_error *err)
{
    struct wanted w = { 0, 0, unit };
    struct found f = { 0 };
    unsigned vid, pid;
    if (*usb_id) {
        if (!usb_two_numbers(usb_id, 16, 0xFFFF, &vid, &pid) || !pid)
            return usb_fail(err, BKF_E_PARAM, 0,
                            "usb_id '%s' is not VID:PID in hex, like 0403:6014", usb_id);
        w.vid = (uint16_t)vid;
        w.pid = (uint16_t)pid;
    }
    libusb_device **list = NULL;
    ssize_t n = 0;
    bkf_status st = usb_devices(a->ftdi->usb_ctx, &list, &n, err);
    if (st)
        return st;
    for (ssize_t i = 0; i < n; i++)
        look(list[i], &w, &f);
    libusb_free_device_list(list, 1);
    if (!f.n && f.other_release)
        return usb_fail(err, BKF_E_NO_DEVICE, 0,
                        "there is %04x:%04x of release %x.%02x, which is no FT232H (9.00), FT2232H "
                        "(7.00) or FT4232H (8.00) and has no such engine: use one of these",
                        VID, f.other_pid, (unsigned)f.other_release >> 8, f.other_release & 0xFFu);
    if (!f.n)
        return usb_fail(err, BKF_E_NO_DEVICE, 0,
                        "no FT232H, FT2232H or FT4232H%s%s is plugged in; another USB id needs "
                        "-O usb_id=VID:PID",
                        unit ? " at " : "", unit ? unit : "");
    unsigned channels = kinds[f.kind].channels;
    snprintf(a->name, sizeof a->name, "%s", kinds[f.kind].name);
    a->low_only = kinds[f.kind].low_only;
    if (f.n > 1) {
        st = usb_fail(err, BKF_E_PARAM, 0, "%u of them are plugged in (%s): choose one with -u",
                      f.n, f.all);
    } else if (a->channel >= channels) {
        st = usb_fail(err, BKF_E_PARAM, 0, "%s has MPSSE on %s only, not on channel %c", a->name,
                      channels == 1 ? "channel A" : "channels A and B", 'A' + (int)a->channel);
    } else {
        if (channels > 1)
            snprintf(a->name, sizeof a->name, "%s channel %c", kinds[f.kind].name,
                     'A' + (int)a->channel);
        usb_path_of(f.dev, a->path);
        snprintf(a->serial, sizeof a->serial, "%s", f.serial);
        usb_node_of(f.dev, a->node);
        st = open_device(a, f.dev, err);
    }
    libusb_unref_device(f.dev);
    if (st == BKF_E_NO_DEVICE) /* it was there */
        st = BKF_E_LINK_LOST;
    if (err)
        err->status = st;
    return st;
}

bkf_status ft_list(const bkf_host *host,
                   void (*found)(void *ud, const char *path, const char *label), void *ud,
                   bkf_error *err)
{
    const struct wanted any = { 0, 0, NULL };
    libusb_context *ctx = NULL;
    libusb_device **list = NULL;
    ssize_t n = 0;
    (void)host;
    int r = libusb_init(&ctx);
    if (r)
        return usb_fail(err, BKF_E_IO, r, "libusb does not start: %s", libusb_error_name(r));
    bkf_status st = usb_devices(ctx, &list, &n, err);
    for (ssize_t i = 0; i < n; i++) {
        struct libusb_device_descriptor d;
        char path[USB_PATH_MAX], serial[32], label[64];
        int kind;
        if (libusb_get_device_descriptor(list[i], &d) || (kind = kind_of(&d, &any)) < 0)
            continue;
        usb_path_of(list[i], path);
        serial_of(list[i], d.iSerialNumber, serial, sizeof serial);
        snprintf(label, sizeof label, "%s%s%s", kinds[kind].name, *serial ? ", serial " : "",
                 serial);
        found(ud, path, label);
    }
    if (list)
        libusb_free_device_list(list, 1);
    libusb_exit(ctx);
    return st;
}
