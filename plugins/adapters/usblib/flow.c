#include "usblib.h"
#include <string.h>
#include <time.h>

enum { NOTICE_MS = 400, NOTICE_STEP_MS = 20 };

uint64_t usb_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void usb_flow_begin(struct usb_flow *f)
{
    f->status = BKF_OK;
    f->usb_code = 0;
    f->what = "";
    f->cancelling = false;
}

void usb_flow_failed(struct usb_flow *f, bkf_status st, int usb_code, const char *what)
{
    if (f->status)
        return;
    f->status = st;
    f->usb_code = usb_code;
    f->what = what;
}

static void unplugged(struct usb_flow *f)
{
    usb_flow_failed(f, BKF_E_NO_DEVICE, LIBUSB_ERROR_NO_DEVICE, "it was unplugged or lost power");
}

bool usb_flow_good(struct usb_flow *f, const struct libusb_transfer *t)
{
    f->events++;
    switch (t->status) {
    case LIBUSB_TRANSFER_COMPLETED:
        return true;
    case LIBUSB_TRANSFER_NO_DEVICE:
        unplugged(f);
        return false;
    case LIBUSB_TRANSFER_STALL:
        usb_flow_failed(f, BKF_E_IO, LIBUSB_ERROR_PIPE, "it refused a packet (stall)");
        return false;
    case LIBUSB_TRANSFER_OVERFLOW:
        usb_flow_failed(f, BKF_E_PROTOCOL, LIBUSB_ERROR_OVERFLOW,
                        "it answered with an oversized packet");
        return false;
    case LIBUSB_TRANSFER_CANCELLED:
        if (!f->cancelling)
            usb_flow_failed(f, BKF_E_IO, LIBUSB_ERROR_INTERRUPTED, "a transfer was cancelled");
        return false;
    default:
        usb_flow_failed(f, BKF_E_IO, LIBUSB_ERROR_IO, "a transfer failed on the cable");
        return false;
    }
}

bool usb_flow_submit(struct usb_flow *f, struct libusb_transfer *t, unsigned *flight)
{
    int r = libusb_submit_transfer(t);
    if (!r)
        (*flight)++;
    else if (r == LIBUSB_ERROR_NO_DEVICE)
        unplugged(f);
    else
        usb_flow_failed(f, BKF_E_IO, r, "the host refused a transfer");
    return !r;
}

bool usb_flow_serve(struct usb_flow *f, libusb_context *ctx, uint64_t ms)
{
    uint64_t before = f->events, start = usb_now_ms(), spent;
    while (f->events == before && (spent = usb_now_ms() - start) < ms) {
        struct timeval tv = { (time_t)((ms - spent) / 1000),
                              (suseconds_t)((ms - spent) % 1000 * 1000) };
        int r = libusb_handle_events_timeout_completed(ctx, &tv, NULL);
        if (r < 0 && r != LIBUSB_ERROR_INTERRUPTED && r != LIBUSB_ERROR_TIMEOUT) {
            usb_flow_failed(f, BKF_E_IO, r, "the USB library lost its event loop");
            break;
        }
    }
    return f->events != before;
}

bkf_status usb_flow_report(const struct usb_flow *f, const char *name, const char *path,
                           const char *advice, bkf_error *err)
{
    if (f->status == BKF_E_NO_DEVICE)
        return usb_fail(err, BKF_E_NO_DEVICE, f->usb_code,
                        "%s %s has vanished: unplugged, or the target draws too much power from "
                        "it; plug it in again and start over",
                        name, path);
    return usb_fail(err, f->status, f->usb_code, "%s %s: %s%s%s; %s, then try again", name, path,
                    f->what, f->usb_code ? ": " : "",
                    f->usb_code ? libusb_error_name(f->usb_code) : "", advice);
}

bool usb_still_there(libusb_device_handle *dev, bool *gone)
{
    const struct timespec pause = { .tv_nsec = NOTICE_STEP_MS * 1000000 };
    uint8_t status[2];
    for (int i = 0; i < NOTICE_MS / NOTICE_STEP_MS && !*gone; i++) {
        int r = libusb_control_transfer(dev, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_STATUS, 0, 0,
                                        status, sizeof status, NOTICE_MS);
        if (r >= 0 || r == LIBUSB_ERROR_PIPE || r == LIBUSB_ERROR_TIMEOUT)
            return true;
        if (r == LIBUSB_ERROR_NO_DEVICE)
            *gone = true;
        else
            nanosleep(&pause, NULL);
    }
    return !*gone;
}
