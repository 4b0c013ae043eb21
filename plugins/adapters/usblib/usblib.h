/* usblib.h - what adapters over libusb-1.0 share:
 *
 *   say.c    messages, and what is said when opening fails
 *   unit.c   names of what is plugged in: port path, bus and address
 *   flow.c   overlapping transfers: how they end, waiting for the next one */
#ifndef USBLIB_H
#define USBLIB_H
#include <bkflash/plugin.h>
#include <libusb.h>
#include <stdbool.h>

/* say.c */
/* Fills err, which may be NULL, with effect NONE; returns st.  os_code: a libusb error or 0. */
bkf_status usb_fail(bkf_error *err, bkf_status st, int os_code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void usb_log(const bkf_host *, int32_t level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Why libusb did not open a device or claim one of its interfaces: r, its answer. */
struct usb_place {
    const char *name; /* "CH341A" */
    const char *path; /* "usb:1-1.4" */
    const char *node; /* "/dev/bus/usb/001/005" */
    unsigned interface;
    const char *own_driver; /* kernel driver that libusb detaches: never the one in the way */
};
bkf_status usb_open_failed(const struct usb_place *, int r, bkf_error *);

/* unit.c */
enum { USB_PATH_MAX = 32, USB_NODE_MAX = 40 };
/* "A:B" in the given base, each at most max. */
bool usb_two_numbers(const char *text, int base, unsigned long max, unsigned *a, unsigned *b);
/* "usb:1-1.4", which stays the same as long as the device stays in that port. */
void usb_path_of(libusb_device *, char out[USB_PATH_MAX]);
void usb_node_of(libusb_device *, char out[USB_NODE_MAX]);
/* unit: "usb:1-1.4", "1-1.4", or bus and address as lsusb prints them, "001:005". */
bool usb_is_at(libusb_device *, const char *unit);
/* *list is freed with libusb_free_device_list(*list, 1) after BKF_OK, and NULL otherwise. */
bkf_status usb_devices(libusb_context *, libusb_device ***list, ssize_t *n, bkf_error *);

/* flow.c: transfers of one run, and the first thing that went wrong */
struct usb_flow {
    uint64_t events; /* completions, to see progress */
    bkf_status status;
    int usb_code;     /* libusb error, or 0 */
    const char *what; /* of the failure: "it ..." */
    bool cancelling;  /* by us: a cancelled transfer is no failure */
};
uint64_t usb_now_ms(void);
void usb_flow_begin(struct usb_flow *);
/* The first failure is kept. */
void usb_flow_failed(struct usb_flow *, bkf_status, int usb_code, const char *what);
/* Of a completed transfer; false = it moved nothing that counts, the reason is kept. */
bool usb_flow_good(struct usb_flow *, const struct libusb_transfer *);
/* Submits it; flight counts what is under way. */
bool usb_flow_submit(struct usb_flow *, struct libusb_transfer *, unsigned *flight);
/* Serves events for at most ms; true if a transfer completed. */
bool usb_flow_serve(struct usb_flow *, libusb_context *, uint64_t ms);
/* "adapter X: it ...: LIBUSB_ERROR_...; advice" */
bkf_status usb_flow_report(const struct usb_flow *, const char *name, const char *path,
                           const char *advice, bkf_error *);
/* After a failure, before recovering from it.  Pulled out, a device fails like a bad cable until
 * its hub notices, which is asked every 256 ms at most (USB 2.0, 11.12.1); resetting it before
 * that means resetting an empty port, which the kernel tries for many seconds.  A device that
 * answers is there, stalled or not.  Waits up to 400 ms; false = *gone, which it sets. */
bool usb_still_there(libusb_device_handle *, bool *gone);
#endif
