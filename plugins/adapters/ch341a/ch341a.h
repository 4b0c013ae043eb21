/* ch341a.h - inside the CH341A plugin:
 *
 *   plugin.c   class, options, lines, interfaces
 *   find.c     which unit, opening it, what to say when that fails
 *   lines.c    the six outputs: levels, directions, who owns them
 *   packet.c   from SPI steps to 32-byte packets, and from answers back to the steps
 *   stream.c   packets and answers as overlapping USB transfers, recovery */
#ifndef CH341A_H
#define CH341A_H
#include "usblib.h"

enum {
    CH_VID = 0x1A86,
    CH_PID_SPI = 0x5512,
    CH_PID_UART = 0x5523,
    CH_PID_PRINTER = 0x5584,
    CH_EP_OUT = 0x02,
    CH_EP_IN = 0x82,
    CH_PACKET = 32,
    CH_DATA = 31,       /* payload of an A8 packet */
    CH_SPI_HZ = 1500000 /* 12 MHz / 8, fixed */
};
/* Commands of a packet, and of the UIO stream. */
enum {
    CMD_SPI = 0xA8,
    CMD_I2C = 0xAA,
    CMD_UIO = 0xAB,
    UIO_IN = 0x00,
    UIO_END = 0x20,
    UIO_DIR = 0x40,
    UIO_OUT = 0x80,
    UIO_US = 0xC0,
    UIO_MAX = 30 /* between CMD_UIO and UIO_END */
};
/* Bits of the output register. */
enum { BIT_SCK = 3, BIT_DOUT2 = 4, BIT_MOSI = 5, BIT_MISO = 7, OUTPUTS = 6, LINES = 8 };

struct line {
    bool claimed, floating;
    uint32_t drive, level;
};

/* Clocking by hand: any mode-0 or mode-3 clock below what the shift engine does. */
struct clocking {
    bool by_hand;
    uint32_t mode, hz;
    unsigned half_us; /* extra delay after each edge */
};

enum { OUT_TRANSFERS = 4, OUT_BYTES = 512 * CH_PACKET, IN_TRANSFERS = 64, EXPECT_MAX = 4096 };
struct stream {
    struct libusb_transfer *out[OUT_TRANSFERS], *in[IN_TRANSFERS];
    uint8_t *out_buf, *in_buf;
    bool out_busy[OUT_TRANSFERS];
    unsigned in_flight, out_flight; /* submitted, not completed */
    unsigned in_next;               /* slot of the next IN to submit */
    uint8_t expect[EXPECT_MAX];     /* lengths of the answers to come */
    unsigned expect_first, expect_n, expect_posted;
    struct usb_flow f;
};

struct bkf_adapter {
    const bkf_host *host;
    libusb_context *ctx;
    libusb_device_handle *usb;
    char unit[USB_PATH_MAX]; /* "usb:1-1.4" */
    char node[USB_NODE_MAX];
    bool spi_held, gpio_held, claimed, gone;
    bool empty_after_full; /* chip version 0x20 */

    struct line line[OUTPUTS];
    bool bound, driven, parked; /* SPI pins */
    unsigned cs;                /* line of chip select */
    bool cs_low;                /* held over the end of a list */
    struct clocking clock;
    bool stream_speed_set;

    struct stream s;
};

/* find.c */
bkf_status ch_list(const bkf_host *, void (*found)(void *ud, const char *path, const char *label),
                   void *ud, bkf_error *);
bkf_status ch_open_unit(bkf_adapter *, const char *unit, const char *usb_id, bkf_error *);

/* lines.c */
extern const bkf_gpio_ops ch_gpio_ops;
uint8_t ch_out(const bkf_adapter *, bool cs_low, unsigned sck, unsigned mosi); /* UIO_OUT | bits */
uint8_t ch_idle(const bkf_adapter *);                                          /* CS high */
uint8_t ch_dir(const bkf_adapter *);                                           /* UIO_DIR | bits */
bkf_status ch_apply(bkf_adapter *, bkf_error *); /* outputs and directions onto the pins */
bool ch_line_step(bkf_adapter *, uint32_t id, uint32_t level, bool *dir_changes);

/* packet.c: a cursor that writes, and one that follows with the answers */
struct packets {
    bkf_adapter *a;
    const bkf_spi_step *step;
    size_t n;
    /* writing */
    size_t at, off;    /* step, byte in it (bit, clocked by hand) */
    uint32_t delay_us; /* left of a DELAY */
    bool cs_low, release, empty_packet;
    uint8_t sub[16]; /* UIO sub-commands ready to go */
    unsigned sub_first, sub_n;
    /* reading */
    size_t r_at, r_off;
};
void packets_init(struct packets *, bkf_adapter *, const bkf_spi_step *, size_t n);
/* The next USB transfer, up to cap bytes; 0 = the list is done.  Lengths of answers are
 * appended to expect, *n_expect of them. */
size_t packets_fill(struct packets *, uint8_t *buf, size_t cap, uint8_t *expect, size_t expect_cap,
                    size_t *n_expect);
void packets_answer(struct packets *, const uint8_t *, size_t n);

/* stream.c */
bkf_status stream_new(bkf_adapter *, bkf_error *);
void stream_free(bkf_adapter *);
bkf_status stream_run(bkf_adapter *, struct packets *, bkf_error *);
/* One packet, and n bytes of answer if n. */
bkf_status stream_packet(bkf_adapter *, const uint8_t *packet, size_t len, uint8_t *answer,
                         size_t n, bkf_error *);
bkf_status stream_drain(bkf_adapter *, bkf_error *);
#endif
