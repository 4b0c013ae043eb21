/* redir.h - the usbredir protocol around one emulated adapter.
 *
 *   bkflash-redir.c  the program: time, signals, the socket's poll loop
 *   redir.c          packets of the protocol <-> transfers of usb_bus.c */
#ifndef TESTS_QEMU_REDIR_H
#define TESTS_QEMU_REDIR_H
#include "tests/device/usb/usb.h"
#include <usbredirparser.h>

struct redir {
    struct usb_adapter *adapter;
    struct usbredirparser *parser; /* NULL until QEMU is connected */
    int listener, fd, signals;     /* fd: -1 = not connected */
    bool fast;                     /* transfers take no real time */
    bool plugged;                  /* the adapter is in its port, or will be on connection */
    bool greeted;                  /* QEMU said hello: packets may be sent */
    bool lost;                     /* the connection ended */
    uint64_t start_ns;             /* real time at the start */
    uint64_t ahead_ns;             /* virtual time ahead of real time, fast pace only */
    uint64_t now;                  /* virtual, at the last look */
    uint64_t notice_ns;            /* pulled out, and the port notices at that time; 0 = no */
};

/* Pulled out: until the port notices, transfers fail on the cable (EPROTO in the guest), as
 * they do behind a hub, which is asked every 256 ms at most (USB 2.0, 11.12.1). */
enum { REDIR_NOTICE_NS = 150000000 };

/* Takes QEMU's connection and says hello; false = that failed. */
bool redir_accept(struct redir *);
/* Reads and serves what has arrived; false = the connection ended. */
bool redir_receive(struct redir *);
/* Sends what is queued, as far as the socket takes it; false = the connection ended. */
bool redir_flush(struct redir *);
bool redir_unsent(const struct redir *);
/* Answers a transfer that the bus has completed, and frees it. */
void redir_complete(struct redir *, struct usb_urb *);
void redir_unplug(struct redir *);
/* Tells the guest that it is gone, if that is due. */
void redir_notice(struct redir *);
void redir_plug(struct redir *);
/* The guest is gone: its transfers are dropped, they are no fault of the program. */
void redir_end(struct redir *);
#endif
