/* preload.h - inside the program under test: its usbfs nodes and its clock are ours. */
#ifndef TESTS_USB_PRELOAD_H
#define TESTS_USB_PRELOAD_H
#include "usb.h"
#include <pthread.h>

struct preload {
    pthread_mutex_t lock;
    bool active;
    uint64_t now;   /* virtual nanoseconds since the program started */
    unsigned reads; /* clock readings with nothing happening in between */
    struct usb_machine machine;
    char *config; /* the text the machine points into */
    const char *dir;
};
extern struct preload preload;

/* usbfs.c, with the lock held: ioctl on an adapter's node, -1 and errno on failure. */
int usbfs_ioctl(struct usb_adapter *, int fd, unsigned long request, void *arg);
void usbfs_closed(struct usb_adapter *, int fd, bool last);
/* Adapter behind an open file descriptor, NULL = some other file. */
struct usb_adapter *preload_adapter(int fd);
#endif
