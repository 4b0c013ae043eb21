/* ft232h.h - inside the FT232H plugin:
 *
 *   plugin.c    class, options, interfaces
 *   find.c      which unit, opening it through libftdi, bringing up the MPSSE engine
 *   lines.c     the sixteen pins: levels, directions, who owns them
 *   command.c   from SPI steps to one buffer of MPSSE commands
 *   stream.c    that buffer and its answers as overlapping USB transfers, recovery */
#ifndef FT232H_H
#define FT232H_H
#include "usblib.h"
#include <ftdi.h>

/* MPSSE commands, FTDI AN_108. */
enum {
    MPSSE_WRITE = 0x11,  /* out on the falling edge: mode 0 */
    MPSSE_READ = 0x20,   /* in on the rising edge */
    MPSSE_DUPLEX = 0x31, /* both */
    MPSSE_SET_LOW = 0x80,
    MPSSE_SET_HIGH = 0x82,
    MPSSE_GET_LOW = 0x81,
    MPSSE_GET_HIGH = 0x83,
    MPSSE_LOOP_OFF = 0x85,
    MPSSE_DIVISOR = 0x86,
    MPSSE_SEND_NOW = 0x87,
    MPSSE_CLOCKS = 0x8F, /* bytes of clock without data */
    MPSSE_60MHZ = 0x8A,
    MPSSE_1PHASE = 0x8D,
    MPSSE_NOT_ADAPTIVE = 0x97,
    MPSSE_MAX = 65536 /* bytes of one data command */
};
enum { LINES = 16, AD0_SCK = 0, AD1_MOSI = 1, AD2_MISO = 2, AD3_CS = 3 };

struct line {
    bool claimed, floating;
    uint32_t drive, level;
};

struct buffer {
    uint8_t *data;
    size_t n, cap;
    bool failed;
};

enum { IN_TRANSFERS = 8, IN_BYTES = 16384, OUT_TRANSFERS = 4, OUT_BYTES = 65536 };
struct stream {
    struct libusb_transfer *in[IN_TRANSFERS], *out[OUT_TRANSFERS];
    uint8_t *in_buf;
    bool in_busy[IN_TRANSFERS], out_busy[OUT_TRANSFERS];
    unsigned flight;
    unsigned in_next; /* slot of the next IN to submit */
    size_t promised;  /* payload that fits what is posted */
    struct usb_flow f;
};

struct bkf_adapter {
    const bkf_host *host;
    struct ftdi_context *ftdi;
    bool opened, gone, spi_held, gpio_held;
    unsigned channel;
    bool low_only; /* FT4232H: its channels have no AC lines */
    char path[USB_PATH_MAX], node[USB_NODE_MAX], serial[32];
    char name[24]; /* "FT232H", "FT2232H channel B" */
    uint8_t ep_in, ep_out;
    size_t packet; /* bytes of an IN packet, two of them status */

    struct line line[LINES];
    bool bound, driven, parked, configured;
    unsigned cs;
    bool cs_low;
    uint32_t mode, hz, divisor;
    struct buffer cmd;
    struct stream s;
};

/* find.c */
bkf_status ft_list(const bkf_host *, void (*found)(void *ud, const char *path, const char *label),
                   void *ud, bkf_error *);
bkf_status ft_open_unit(bkf_adapter *, const char *unit, const char *usb_id, bkf_error *);
bkf_status ft_start_engine(bkf_adapter *, bkf_error *); /* MPSSE mode, in step with us */

/* lines.c */
extern const bkf_gpio_ops ft_gpio_ops;
void put(struct buffer *, const void *, size_t);
void put_port(bkf_adapter *, struct buffer *, unsigned port); /* 80 or 82, value, direction */
void put_ports(bkf_adapter *, struct buffer *);
void put_select(bkf_adapter *, struct buffer *);
void put_release(bkf_adapter *, struct buffer *);
bkf_status ft_apply(bkf_adapter *, bkf_error *);
bool ft_line_step(bkf_adapter *, uint32_t id, uint32_t level);

/* command.c */
struct commands {
    bkf_adapter *a;
    const bkf_spi_step *step;
    size_t n;
    size_t answers;     /* payload bytes that will come back */
    uint64_t us;        /* how long the engine takes */
    size_t r_at, r_off; /* where the next answer goes */
};
/* Fills a->cmd up to a step the engine cannot time itself; steps used. */
size_t commands_build(struct commands *, bkf_adapter *, const bkf_spi_step *, size_t n);
void commands_answer(struct commands *, const uint8_t *, size_t n);

/* stream.c */
bkf_status stream_new(bkf_adapter *, bkf_error *);
void stream_free(bkf_adapter *);
bkf_status stream_run(bkf_adapter *, struct commands *, bkf_error *);
/* What is in a->cmd, and exactly n bytes of answer. */
bkf_status stream_small(bkf_adapter *, uint8_t *answer, size_t n, bkf_error *);
#endif
