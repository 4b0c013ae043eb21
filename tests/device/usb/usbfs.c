/* What the kernel's usbfs (drivers/usb/core/devio.c) answers. */
#include "preload.h"
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int fail(int code)
{
    errno = code;
    return -1;
}

/* By another program. */
static bool in_use(const struct usb_adapter *a, unsigned n)
{
    return a->bus.fault.in_use >> n & 1;
}

static int claim(struct usb_adapter *a, int fd, unsigned n)
{
    if (n >= a->class->pipes)
        return fail(EINVAL);
    if (a->driver[n] || in_use(a, n) || (a->claimed[n] && a->claimed[n] != fd + 1))
        return fail(EBUSY);
    a->claimed[n] = fd + 1;
    return 0;
}

static int get_driver(const struct usb_adapter *a, struct usbdevfs_getdriver *g)
{
    if (g->interface >= a->class->pipes)
        return fail(EINVAL);
    const char *driver = a->driver[g->interface];
    if (!driver && !a->claimed[g->interface] && !in_use(a, g->interface))
        return fail(ENODATA);
    snprintf(g->driver, sizeof g->driver, "%s", driver ? driver : "usbfs");
    return 0;
}

static int driver_ioctl(struct usb_adapter *a, const struct usbdevfs_ioctl *io)
{
    const char *bound = usb_key_get(a->keys, a->n_keys, "driver", a->class->driver);
    if (io->ifno < 0 || (unsigned)io->ifno >= a->class->pipes)
        return fail(EINVAL);
    switch ((unsigned)io->ioctl_code) {
    case USBDEVFS_DISCONNECT:
        if (!a->driver[io->ifno])
            return fail(ENODATA);
        a->driver[io->ifno] = NULL;
        return 0;
    case USBDEVFS_CONNECT:
        if (a->claimed[io->ifno])
            return fail(EBUSY);
        if (bound && strcmp(bound, "none"))
            a->driver[io->ifno] = bound;
        return 0;
    default:
        return fail(ENOTTY);
    }
}

static int submit_control(struct usb_adapter *a, struct usbdevfs_urb *user, struct usb_urb *u)
{
    uint8_t *raw = user->buffer;
    if (user->buffer_length < 8)
        return fail(EINVAL);
    int n = bus_control(&a->bus, preload.now, raw, raw + 8);
    u->done = n > 0 ? (size_t)n : 0;
    if (n >= 0 && !(raw[0] & 0x80))
        u->done = (size_t)(user->buffer_length - 8);
    bus_complete(&a->bus, u, n < 0 ? n : 0, preload.now + a->bus.turnaround_ns);
    return 0;
}

static int submit(struct usb_adapter *a, int fd, struct usbdevfs_urb *user)
{
    if (user->type != USBDEVFS_URB_TYPE_CONTROL && user->type != USBDEVFS_URB_TYPE_BULK &&
        user->type != USBDEVFS_URB_TYPE_INTERRUPT)
        return fail(EINVAL);
    if (user->type == USBDEVFS_URB_TYPE_BULK && !bus_has_endpoint(&a->bus, user->endpoint))
        return fail(ENOENT);
    unsigned pipe = ((user->endpoint & 0x7Fu) - 1) / 2;
    if (user->type == USBDEVFS_URB_TYPE_BULK && pipe < USB_MAX_PIPES && a->claimed[pipe] != fd + 1)
        usb_violation(&a->bus.report, preload.now, "transfer on an interface not claimed");
    struct usb_urb *u = calloc(1, sizeof *u);
    if (!u)
        return fail(ENOMEM);
    u->user = user;
    u->data = user->buffer;
    u->len = (size_t)user->buffer_length;
    u->ep = user->endpoint;
    u->zero_packet = user->flags & USBDEVFS_URB_ZERO_PACKET;
    u->short_not_ok = user->flags & USBDEVFS_URB_SHORT_NOT_OK;
    if (user->type == USBDEVFS_URB_TYPE_CONTROL) {
        int r = submit_control(a, user, u);
        if (r < 0)
            free(u);
        return r;
    }
    bus_run(&a->bus, preload.now, preload.now);
    bus_submit(&a->bus, u, preload.now);
    return 0;
}

static int reap(struct usb_adapter *a, void **to, bool wait)
{
    bus_run(&a->bus, preload.now, wait ? USB_NEVER : preload.now);
    uint64_t at = bus_completed_at(&a->bus);
    if (wait && at != USB_NEVER && at > preload.now)
        preload.now = at;
    struct usb_urb *u = bus_reap(&a->bus, preload.now);
    if (!u)
        return fail(a->bus.gone ? ENODEV : EAGAIN);
    struct usbdevfs_urb *user = u->user;
    user->status = u->status;
    user->actual_length = (int)u->done;
    *to = user;
    free(u);
    return 0;
}

static int dispatch(struct usb_adapter *a, int fd, unsigned long request, void *arg)
{
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES:
        *(uint32_t *)arg = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                           USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
        return 0;
    case USBDEVFS_CLAIMINTERFACE:
        return claim(a, fd, *(unsigned *)arg);
    case USBDEVFS_DISCONNECT_CLAIM: {
        struct usbdevfs_disconnect_claim *dc = arg;
        if (dc->interface < a->class->pipes && !in_use(a, dc->interface))
            a->driver[dc->interface] = NULL;
        return claim(a, fd, dc->interface);
    }
    case USBDEVFS_RELEASEINTERFACE:
        if (*(unsigned *)arg >= a->class->pipes || a->claimed[*(unsigned *)arg] != fd + 1)
            return fail(EINVAL);
        a->claimed[*(unsigned *)arg] = 0;
        return 0;
    case USBDEVFS_GETDRIVER:
        return get_driver(a, arg);
    case USBDEVFS_IOCTL:
        return driver_ioctl(a, arg);
    case USBDEVFS_SUBMITURB:
        return submit(a, fd, arg);
    case USBDEVFS_DISCARDURB:
        bus_run(&a->bus, preload.now, preload.now);
        return bus_cancel(&a->bus, arg, preload.now) ? 0 : fail(EINVAL);
    case USBDEVFS_SETINTERFACE:
        return ((struct usbdevfs_setinterface *)arg)->altsetting ? fail(EINVAL) : 0;
    case USBDEVFS_SETCONFIGURATION:
        return *(unsigned *)arg == 1 ? 0 : fail(EINVAL);
    case USBDEVFS_CLEAR_HALT:
    case USBDEVFS_RESETEP:
        return bus_clear_halt(&a->bus, (uint8_t)(*(unsigned *)arg)) ? 0 : fail(EINVAL);
    case USBDEVFS_RESET:
        bus_reset(&a->bus, preload.now);
        return 0;
    case USBDEVFS_GET_SPEED:
        return a->class->mbit == 480 ? 3 : 2;
    case USBDEVFS_CONNECTINFO: {
        struct usbdevfs_connectinfo *ci = arg;
        ci->devnum = a->address;
        ci->slow = 0;
        return 0;
    }
    default:
        return fail(ENOTTY);
    }
}

/* One call of those that faults are counted in. */
static void count_call(struct usb_adapter *a)
{
    uint64_t n = ++a->bus.report.count.calls;
    if (n == a->bus.fault.unplug)
        bus_unplug(&a->bus, preload.now);
    if (n == a->bus.fault.interrupt) {
        pthread_mutex_unlock(&preload.lock);
        kill(getpid(), SIGINT);
        pthread_mutex_lock(&preload.lock);
    }
}

int usbfs_ioctl(struct usb_adapter *a, int fd, unsigned long request, void *arg)
{
    preload.reads = 0;
    bool reaping = request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY;
    if (reaping) {
        int r = reap(a, arg, request == USBDEVFS_REAPURB);
        if (r == 0)
            count_call(a);
        return r;
    }
    count_call(a);
    if (a->bus.gone && request != USBDEVFS_GET_CAPABILITIES)
        return fail(ENODEV);
    return dispatch(a, fd, request, arg);
}

/* A descriptor of a node is closed: its interfaces are free again; with the last one all
 * transfers end. */
void usbfs_closed(struct usb_adapter *a, int fd, bool last)
{
    struct usb_urb *u;
    bool pending = false;
    for (unsigned i = 0; i < a->class->pipes; i++)
        if (a->claimed[i] == fd + 1)
            a->claimed[i] = 0;
    if (!last)
        return;
    pins_closed(&a->pins);
    for (unsigned i = 0; i < a->class->pipes; i++)
        while ((u = a->bus.pipe[i].in.head) || (u = a->bus.pipe[i].out.head)) {
            bus_cancel(&a->bus, u->user, preload.now);
            pending = true;
        }
    while ((u = a->bus.parked.head))
        bus_cancel(&a->bus, u->user, preload.now);
    while ((u = bus_reap(&a->bus, USB_NEVER)))
        free(u);
    if (pending)
        usb_violation(&a->bus.report, preload.now, "closed with transfers pending");
}
