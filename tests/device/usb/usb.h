/* usb.h - emulated USB adapters in front of the virtual device.
 *
 *   usbfs.c     USBDEVFS ioctls of one open node         (knows URBs, host time)
 *   usb_bus.c   one adapter on its wire: URB queues, packets, NAK, timing, faults
 *   usb_*.c     the chips: control requests and what they do with each packet
 *   usb_pins.c  their pins, wired to the nets of the virtual device
 *
 * A model sees single packets and knows when it can take or give the next one; the bus
 * decides what is transferred when.  All times are virtual nanoseconds. */
#ifndef TESTS_USB_H
#define TESTS_USB_H
#include "../device.h"
#include <stdio.h>

#define USB_NEVER UINT64_MAX
enum { USB_MAX_ADAPTERS = 8, USB_MAX_PIPES = 4, USB_MAX_KEYS = 64 };

struct usb_key {
    const char *key, *value;
};

/* -- pins: the adapter's lines, wired to the target ------------------------------- */
struct usb_report;
struct usb_pins {
    struct vclock clock; /* the target's time, never behind what was done to it */
    struct device *device;
    struct usb_report *report;
    bool cen_wired;
    unsigned cen_bit;      /* which line of the adapter is CEN */
    unsigned cen;          /* level now */
    uint64_t cen_low_at;   /* since when it is low */
    bool cen_driven;       /* was ever driven */
    uint64_t cen_float_at; /* since when it floats again, 0 = it does not */
    unsigned cs;
    uint64_t min_cen_low_ns;
    bool cen_stays; /* once driven, it may float only at the end: CH341A */
};
/* The program has closed the adapter: CEN may be driven anew after that. */
void pins_closed(struct usb_pins *);
void pins_at(struct usb_pins *, uint64_t ns);
void pins_cen(struct usb_pins *, unsigned level);
void pins_cs(struct usb_pins *, unsigned level);
void pins_sck(struct usb_pins *, unsigned level);
void pins_mosi(struct usb_pins *, unsigned level);
unsigned pins_miso(struct usb_pins *); /* as a pulled-up input reads it */
void pins_spi(struct usb_pins *, uint32_t hz, const uint8_t *tx, uint8_t *rx, size_t n);
void pins_spi_bits(struct usb_pins *, uint32_t hz, const uint8_t *tx, uint8_t *rx, size_t bits);
/* Called before SPI data moves: CEN must be up, CS low. */
void pins_expect_frame(struct usb_pins *, const char *what);

/* -- report ------------------------------------------------------------------------- */
struct usb_counts {
    uint64_t calls; /* ioctls other than a reap that found nothing */
    uint64_t out_urbs, in_urbs, out_packets, in_packets, out_bytes, in_bytes;
    uint64_t control, turnarounds, cancelled, naks;
    uint64_t spi_bytes;
    uint64_t first_ns, last_ns; /* first submission, last completion */
    unsigned max_in_flight;     /* bulk IN URBs pending at once */
};
enum { USB_MAX_VIOLATIONS = 64 };
struct usb_report {
    struct usb_counts count;
    char violation[USB_MAX_VIOLATIONS][160];
    unsigned n_violations;
    FILE *log; /* every bulk OUT transfer and IN packet as hex, or NULL */
};
void usb_violation(struct usb_report *, uint64_t at_ns, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void usb_log(struct usb_report *, const char *what, const uint8_t *, size_t n);

/* -- models -------------------------------------------------------------------------- */
struct usb_model;
struct usb_setup {
    uint8_t type, request;
    uint16_t value, index, length;
};
struct usb_class {
    const char *name; /* "ch341a" */
    uint16_t vid, pid;
    unsigned mbit; /* 12 or 480 */
    unsigned packet, pipes;
    uint8_t ep_out[USB_MAX_PIPES], ep_in[USB_MAX_PIPES];
    const char *default_cen;
    const char *driver; /* kernel driver that binds by itself, or NULL */
    uint8_t device[18];
    /* Configuration descriptor, returns its length. */
    size_t (*config)(uint8_t *out, size_t cap);
    const char *product; /* string descriptors; NULL = none */
    const char *vendor;
    /* One pipe of the adapter.  keys: what the launcher was told, err on unknown values. */
    struct usb_model *(*create)(struct usb_pins *, unsigned pipe, const struct usb_key *, size_t n,
                                char err[256]);
    void (*destroy)(struct usb_model *);
    /* Vendor request: bytes of answer, or -EPIPE for a stall. */
    int (*control)(struct usb_model *, uint64_t now, const struct usb_setup *, uint8_t *data);
    /* Earliest time at which the next OUT packet is taken; USB_NEVER = NAK for now. */
    uint64_t (*out_ready)(struct usb_model *, size_t n);
    void (*out)(struct usb_model *, uint64_t now, const uint8_t *, size_t n);
    uint64_t (*in_ready)(struct usb_model *);
    size_t (*in)(struct usb_model *, uint64_t now, uint8_t *buf);
    /* What it does on its own: time of the next event, and doing everything up to now. */
    uint64_t (*next)(struct usb_model *);
    void (*run)(struct usb_model *, uint64_t now);
    void (*reset)(struct usb_model *); /* USB port reset */
    /* Line number of a pin name ("D2"), -1 = there is none. */
    int (*line)(const char *name);
    /* At the end of the program: what was left behind. */
    void (*finish)(struct usb_model *, uint64_t now);
    /* Persistent part (survives the program, not a power cycle); drive() after a change. */
    size_t (*state)(struct usb_model *, void **at);
    void (*drive)(struct usb_model *);
};
extern const struct usb_class usb_ch341a, usb_ch341a_uart, usb_ft232h, usb_ft2232h, usb_ft4232h,
    usb_ft232r;
const struct usb_class *usb_class_named(const char *name);
const char *usb_key_get(const struct usb_key *, size_t n, const char *key, const char *dflt);

/* -- URBs and the bus ------------------------------------------------------------------ */
struct usb_urb {
    struct usb_urb *next;
    void *user; /* the client's struct usbdevfs_urb */
    uint8_t *data;
    size_t len, done;
    uint8_t ep;
    bool zero_packet, short_not_ok;
    uint64_t ready_ns; /* on the wire from here on */
    uint64_t end_ns;   /* completed at */
    int status;
};
struct usb_queue {
    struct usb_urb *head, *tail;
    unsigned n;
    bool halted;
};
struct usb_pipe {
    struct usb_model *model;
    struct usb_queue in, out;
};
struct usb_fault {                                   /* call counts from 1; 0 = never */
    uint64_t unplug, interrupt;                      /* n-th call */
    uint64_t stall_in, stall_out, hang_in, hang_out; /* n-th packet */
    uint64_t shorten;                                /* n-th IN packet */
    bool no_access;
    unsigned in_use; /* bit n: another program has interface n */
};
struct usb_bus {
    const struct usb_class *class;
    struct usb_pipe pipe[USB_MAX_PIPES];
    struct usb_queue completed, parked; /* parked: endpoints that never answer */
    struct usb_report report;
    struct usb_fault fault;
    uint64_t free_ns; /* the wire is free from here on */
    uint64_t turnaround_ns;
    uint64_t in_packet_no, out_packet_no;
    bool gone;
};
void bus_submit(struct usb_bus *, struct usb_urb *, uint64_t now);
/* A URB that was served elsewhere (endpoint 0). */
void bus_complete(struct usb_bus *, struct usb_urb *, int status, uint64_t at);
bool bus_cancel(struct usb_bus *, void *user, uint64_t now);
/* Does what happened until now, then looks ahead until limit or the first completion. */
void bus_run(struct usb_bus *, uint64_t now, uint64_t limit);
/* When the first completed URB is there for the host; USB_NEVER = none. */
uint64_t bus_completed_at(const struct usb_bus *);
struct usb_urb *bus_reap(struct usb_bus *, uint64_t now);
void bus_unplug(struct usb_bus *, uint64_t now);
void bus_reset(struct usb_bus *, uint64_t now);
bool bus_clear_halt(struct usb_bus *, uint8_t ep);
bool bus_has_endpoint(const struct usb_bus *, uint8_t ep);
/* Standard and vendor requests on endpoint 0: length or negative errno. */
int bus_control(struct usb_bus *, uint64_t now, const uint8_t setup[8], uint8_t *data);

/* -- adapters and the machine they are plugged into --------------------------------------- */
struct usb_adapter {
    const struct usb_class *class;
    struct usb_key keys[USB_MAX_KEYS];
    size_t n_keys;
    char port[24]; /* "1-1.4" */
    unsigned bus_no, address;
    uint16_t vid, pid;
    char serial[32];
    const char *driver[USB_MAX_PIPES]; /* kernel driver bound to each interface now, or NULL */
    struct usb_bus bus;
    struct usb_pins pins;
    int claimed[USB_MAX_PIPES]; /* by which open descriptor of the node, plus 1; 0 = by none */
    uint8_t device_desc[18], config_desc[256];
    size_t config_len;
};
struct usb_machine {
    struct usb_adapter adapter[USB_MAX_ADAPTERS];
    size_t n;
    bool strict;
    uint64_t turnaround_ns;
    const char *report_path, *log_path, *state_path;
    FILE *log;
};
enum { USB_EXIT_VIOLATION = 97, USB_EXIT_SETUP = 98 }; /* of the launcher */
/* Text lines KEY=VALUE; adapter= begins the next adapter, others before it are global. */
bool machine_parse(struct usb_machine *, char *text, char err[256]);
bool machine_power(struct usb_machine *, char err[256]); /* creates models and targets */
/* Ends the first adapter's life and plugs it in anew, with a fresh target and unplugged again at
 * that call (0 = never).  calls: how many there were.  false: err says what went wrong before. */
bool machine_replug(struct usb_machine *, uint64_t now, uint64_t unplug_at, uint64_t *calls,
                    char err[256]);
/* Appends one JSON line per adapter to the report; true if there was a violation. */
bool machine_finish(struct usb_machine *, uint64_t now);
#endif
