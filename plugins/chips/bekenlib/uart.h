/* uart.h - Beken chips over their UART loaders: one state, two families.
 *
 * Two unrelated loaders speak the same frames.  The mask ROM of BK7231N, BK7238, BK7252N
 * ("rom") reads, writes and erases everything and never pipelines.  The loader in flash of
 * BK7231T/U/Q and BK7252 ("l") is itself part of the flash it writes: its first 0x11000
 * bytes are the only way in, so nothing below that is ever erased or written.
 *
 * Layers, top down: uart.c (what a chip plugin calls), uart_read/uart_write (jobs),
 * uart_ident, uart_digest, uart_ladder, uart_link (getting and keeping the link),
 * uart_rom and uart_l (one request each, with the family's guards), uart_io (bytes and
 * time), uart_frame (bytes only). */
#ifndef BEKENLIB_UART_H
#define BEKENLIB_UART_H
#include "uart_frame.h"
#include <bkflash/plugin.h>

enum uart_family { UART_UNKNOWN = 0, UART_ROM = 1, UART_L = 2 };

enum {
    UART_START_BAUD = 115200,
    UART_FLOOR_L = 0x11000,       /* logical 0x10000, where the application starts (34/32) */
    UART_BLOCK = 0x10000,         /* D8 erase */
    UART_HALF_BLOCK = 0x8000,     /* 52 erase, ROM only */
    UART_FIRST_BLOCK_L = 0x20000, /* below: the block would reach under the floor */
    UART_SECTORS_MAX = 0x4000     /* 64 MiB of 4 KiB sectors */
};

/* -- uart_io.c ------------------------------------------------------------------------ */
struct uart_capture { /* the last bytes received while there is no link, for diagnosis */
    uint8_t bytes[512];
    size_t len;
    uint64_t total, echoes; /* bytes seen; of our own LinkChecks among them */
    uint8_t window[5];
    uint32_t replies;    /* LinkCheck replies */
    uint32_t other_baud; /* one was right at this rate, but the link did not hold; 0 = none */
    bool above_cap;      /* it held there, but that is above the cap and it stays there */
};
struct uart_io {
    const bkf_host *host;
    const bkf_links *links;
    const bkf_uart_ops *ops;
    void *self;
    const bkf_op *op; /* of the call that is running */
    struct uart_parser rx;
    uint32_t baud;        /* what we asked for */
    uint64_t last_us;     /* when the device was last heard or spoken to */
    uint64_t gap_us;      /* longest silence before a reply counts as lost; 0 = its time-out */
    uint64_t tx_until_us; /* when what was written has left the wire */
    uint32_t page_us;     /* from one 256 bytes of a long request to the next; 0 = no pause */
    struct uart_capture *capture; /* NULL = off */
    uint64_t frames, stale, timeouts;
    /* The last transmission ended in the middle; what is missing of its first 16 bytes, which
     * hold all but data: nothing else may follow. */
    bool cut;
    uint8_t rest[16];
    size_t n_rest;
};
__attribute__((format(printf, 3, 4))) bkf_status uart_error(bkf_error *err, bkf_status st,
                                                            const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void uart_log(const struct uart_io *, int32_t level,
                                                    const char *fmt, ...);
uint64_t uart_now(const struct uart_io *);
void uart_sleep(const struct uart_io *, uint64_t us);
bool uart_stopped(const struct uart_io *);
void uart_note(const struct uart_io *, const char *line);
uint64_t uart_wire_us(const struct uart_io *, size_t bytes); /* 10 bits a byte */
bkf_status uart_setup(struct uart_io *, uint32_t baud, uint32_t *got, bkf_error *);
/* All of it, or BKF_E_IO after several tries: a request is never given up half-way for one
 * call that failed. */
bkf_status uart_send(struct uart_io *, const uint8_t *, size_t n, bkf_error *);
/* The next reply, or BKF_E_TIMEOUT; a reply that stops half-way is a time-out too. */
bkf_status uart_receive(struct uart_io *, uint64_t timeout_us, struct uart_reply *, bkf_error *);
/* Throw away one byte, or wait for it until then; on a clock like uart_now(). */
bkf_status uart_hear(struct uart_io *, uint64_t until_us, bkf_error *);
/* Throw away what arrives until nothing came for quiet_us; *heard (may be NULL) = bytes. */
bkf_status uart_drain(struct uart_io *, uint64_t quiet_us, uint64_t max_us, uint64_t *heard,
                      bkf_error *);

/* What the reply to a request must look like. */
struct uart_expect {
    bool is_long;
    uint8_t op;
    uint8_t echo[5]; /* first payload bytes, checked when the status is 0 */
    size_t n_echo;
};
/* Wait for that reply; others are late answers to earlier requests: counted, skipped. */
bkf_status uart_await(struct uart_io *, const struct uart_expect *, uint64_t timeout_us,
                      struct uart_reply *, bkf_error *);
/* Send and wait. */
bkf_status uart_ask(struct uart_io *, const uint8_t *req, size_t n, const struct uart_expect *,
                    uint64_t timeout_us, struct uart_reply *, bkf_error *);

/* -- the whole -------------------------------------------------------------------------- */
struct uart_ident {
    enum uart_family family;
    uint32_t chip_id; /* ROM: register 0x800000 */
    uint32_t jedec;   /* ROM: RDID in wire order; 0 = not readable */
    uint32_t size;    /* bytes of flash; 0 = not known yet */
    uint32_t size_evidence;
    uint32_t boot_crc; /* L: zlib CRC of flash 0..0x100; ROM: of 0..0x101 */
    char version[20];  /* BootVersion's answer */
    char chip[24];     /* name of the chip found, "" = not recognised */
    char text[96];     /* bootloader and key, for people */
    bool done;
};
struct uart_config {         /* from the chip profile */
    char name[40];           /* the profile's chip */
    enum uart_family family; /* what the profile expects */
    char identity[96];       /* accepted chip ids or bootloader names, comma separated */
    char key[40];            /* expected start of the flash key, hex; "" = do not look */
    bool key_check;
    bool read_alias;
    uint32_t floor; /* never erased or written below; L: at least UART_FLOOR_L */
    uint32_t size;  /* from the profile; 0 = not said */
    uint32_t link_timeout_us;
    uint32_t reset_us;
    uint32_t baud_delay_ms;
    uint32_t start_baud;
    bool adaptive;
    bool soft_reset;
};
struct uart_ladder {
    uint32_t home;    /* the rate to work at */
    uint32_t cap;     /* highest allowed; only LinkCheck and SetBaud ever go out above it */
    uint32_t strikes; /* pieces that needed a slower rate than home */
};
struct beken_uart {
    struct uart_io io;
    struct uart_config cfg;
    struct uart_ident id;
    struct uart_ladder ladder;
    const bkf_memory *memory; /* or NULL */
    /* link */
    bool linked, has_reset;
    uint32_t resets, relinks;
    /* L: is the flash writable right now?  Set by LinkCheck + erase, cleared by a CRC. */
    bool armed, writable;
    /* ROM: a request is waiting for its reply; nothing may be sent. */
    bool pending;
    /* Requests without their reply.  The loader may be at work on one, or wait for the rest of
     * it: uart_link_recover() comes before the next request. */
    uint32_t unanswered;
    uint8_t unanswered_op; /* of the last one: command, or opcode of a flash request */
    uint64_t due_us;       /* its reply is late from then on */
    /* alias proven for reads below the floor; 0 = none yet */
    uint32_t alias;
    bool alias_failed;
    /* status registers as unlock found them */
    bool saved_valid;
    bool unlocked; /* between unlock and lock: a reset must not bring the protection back */
    uint32_t saved_status;
    uint32_t crc_rate;               /* measured, bytes per second */
    uint8_t reads[UART_SECTORS_MAX]; /* how often each sector was delivered */
    uint8_t tx[UART_REQUEST_MAX];
    uint8_t sector[UART_SECTOR];
    struct uart_capture capture;
};

/* What answers; until that is known, what the profile expects. */
static inline enum uart_family uart_family_of(const struct beken_uart *u)
{
    return u->id.family ? u->id.family : u->cfg.family;
}

/* -- uart_link.c: getting the link, keeping it, changing its speed ------------------------- */
bkf_status uart_link_up(struct beken_uart *, bkf_error *);
bkf_status uart_link_check(struct beken_uart *, uint64_t timeout_us, bkf_error *);
bkf_status uart_link_confirm(struct beken_uart *, bkf_error *);
/* Called when a job starts: the L loader resets itself when nobody talks to it. */
bkf_status uart_link_keep(struct beken_uart *, bkf_error *);
bkf_status uart_link_baud(struct beken_uart *, uint32_t baud, bkf_error *);
/* Host and adapter to this rate; BKF_E_UNSUPPORTED if the two ends would be too far apart. */
bkf_status uart_link_host(struct beken_uart *, uint32_t baud, bkf_error *);
/* A link above the cap comes down to it.  BKF_E_NO_LINK: it is stuck up there. */
bkf_status uart_link_lower(struct beken_uart *, bkf_error *);
/* Bring the loader to the start of a request, at the present rate.  kind: see below. */
bkf_status uart_link_find(struct beken_uart *, uint8_t kind, bool *alive, bkf_error *);
/* Find the device again after a lost or damaged exchange.  kind: the command or opcode that
 * went unanswered (decides what may be sent to a loader that waits for the rest of it). */
bkf_status uart_link_recover(struct beken_uart *, uint8_t kind, bkf_error *);
/* Reset line, or a request to do it by hand; the link at 115200 and back to speed. */
bkf_status uart_link_again(struct beken_uart *, bkf_error *);

/* -- uart_diag.c ------------------------------------------------------------------------------ */
void uart_capture_start(struct uart_capture *);
void uart_capture_take(struct uart_capture *, const uint8_t *, size_t n);
/* No link: say which of the known causes the evidence points to (BKF_E_NO_LINK). */
bkf_status uart_diagnose(struct beken_uart *, bkf_error *);

/* -- uart_l.c, uart_rom.c: single requests with the family's rules --------------------- */
/* Pure: may this request go out in this state?  BKF_OK, or BKF_E_PROTECTED with the rule. */
bkf_status uart_l_permit(const struct beken_uart *, const uint8_t *req, size_t n, bkf_error *);
bkf_status uart_rom_permit(const struct beken_uart *, const uint8_t *req, size_t n, bkf_error *);
/* Every request goes out through this one. */
uint32_t uart_page_us(const struct beken_uart *); /* pause between pages of a write; 0 = none */
bkf_status uart_put(struct beken_uart *, const uint8_t *req, size_t n, bkf_error *);
bkf_status uart_exchange(struct beken_uart *, const uint8_t *req, size_t n,
                         const struct uart_expect *, uint64_t timeout_us, struct uart_reply *,
                         bkf_error *);
/* Wait for the reply to a request that uart_put() sent. */
bkf_status uart_reply_to(struct beken_uart *, const struct uart_expect *, uint64_t timeout_us,
                         struct uart_reply *, bkf_error *);
/* Flash primitives, addresses as on the wire. */
bkf_status uart_crc(struct beken_uart *, uint32_t off, size_t len, uint32_t *zlib_crc, bkf_error *);
bkf_status uart_erase_unit(struct beken_uart *, uint8_t code, uint32_t addr, bkf_error *);
bkf_status uart_write_page(struct beken_uart *, uint32_t addr, const uint8_t *, size_t n,
                           bkf_error *);
bkf_status uart_write_sector(struct beken_uart *, uint32_t addr, const uint8_t *, bkf_error *);
bkf_status uart_read_sector_ask(struct beken_uart *, uint32_t addr, bkf_error *);
bkf_status uart_read_sector_take(struct beken_uart *, uint32_t addr, uint8_t *, bkf_error *);
bkf_status uart_l_arm(struct beken_uart *, bkf_error *);
bkf_status uart_l_boot_version(struct beken_uart *, char out[20], bkf_error *);
bkf_status uart_rom_reg(struct beken_uart *, uint32_t addr, uint32_t *value, bkf_error *);
bkf_status uart_rom_jedec(struct beken_uart *, uint32_t *jedec, bkf_error *);
bkf_status uart_rom_sr(struct beken_uart *, uint8_t opcode, uint8_t *value, bkf_error *);
bkf_status uart_rom_status(struct beken_uart *, uint32_t *value, uint32_t *bits, bkf_error *);
bkf_status uart_rom_set_status(struct beken_uart *, uint32_t value, uint32_t mask, bkf_error *);
/* The flash has finished what it was told, or BKF_E_IO: it stays busy past all reason. */
bkf_status uart_rom_idle(struct beken_uart *, bkf_error *);
bkf_status uart_rom_efuse(struct beken_uart *, uint32_t index, uint8_t *value, bkf_error *);
enum { UART_SR_BITS = 0x407C, UART_SR_BITS_MX = 0x003C }; /* CMP and BP4..BP0 */
/* Macronix MX25V has a configuration register in place of SR2, and QE in SR1 bit 6. */
static inline uint32_t uart_protect_mask(const struct beken_uart *u)
{
    return u->id.jedec >> 16 == 0xC2 ? UART_SR_BITS_MX : UART_SR_BITS;
}

/* -- uart_crc32.c: zlib's CRC-32, start with 0 ---------------------------------------- */
uint32_t uart_zlib_crc(uint32_t crc, const uint8_t *, size_t n);

/* -- uart_ident.c ---------------------------------------------------------------------- */
bkf_status uart_identify(struct beken_uart *, bkf_error *);
/* After a new link: is it still the same chip? */
bkf_status uart_same_chip(struct beken_uart *, bkf_error *);

/* -- uart_ladder.c --------------------------------------------------------------------- */
/* The highest rate allowed: the route's, 0 = none said, and what the loader's buffer takes. */
uint32_t uart_ladder_cap(enum uart_family, uint32_t route);
bkf_status uart_ladder_climb(struct beken_uart *, bkf_error *);
/* One rung down for this piece; false at the bottom. */
bool uart_ladder_down(struct beken_uart *, bkf_error *);
/* The piece is through: back to the working rate, or accept the slower one. */
bkf_status uart_ladder_home(struct beken_uart *, bkf_error *);

/* -- uart_read.c, uart_write.c --------------------------------------------------------- */
bkf_status uart_read_range(struct beken_uart *, uint32_t off, uint8_t *, size_t, bkf_error *);
bkf_status uart_erase_range(struct beken_uart *, uint32_t off, size_t, bkf_error *);
bkf_status uart_program_range(struct beken_uart *, uint32_t off, const uint8_t *, size_t,
                              bkf_error *);

/* -- uart.c: what a chip plugin calls; same meaning as the members of bkf_chip_class ---- */
/* driver and protocol ("rom" or "bootloader"): what the chip's driver is made for. */
bkf_status beken_uart_new(const bkf_host *, const bkf_links *, const bkf_props *,
                          const char *driver, const char *protocol, struct beken_uart **,
                          bkf_error *);
void beken_uart_free(struct beken_uart *);
bkf_status beken_uart_attach(struct beken_uart *, const bkf_op *, bkf_error *);
bkf_status beken_uart_detach(struct beken_uart *, const bkf_op *, uint32_t run, bkf_error *);
bkf_status beken_uart_probe(struct beken_uart *, const bkf_op *, bkf_chip_info *, bkf_error *);
size_t beken_uart_windows(struct beken_uart *, bkf_window *, size_t cap);
bkf_status beken_uart_read(struct beken_uart *, const bkf_op *, uint32_t, uint8_t *, size_t,
                           bkf_error *);
bkf_status beken_uart_erase(struct beken_uart *, const bkf_op *, uint32_t, size_t, bkf_error *);
bkf_status beken_uart_program(struct beken_uart *, const bkf_op *, uint32_t, const uint8_t *,
                              size_t, bkf_error *);
bkf_status beken_uart_status(struct beken_uart *, const bkf_op *, uint32_t *, uint32_t *,
                             bkf_error *);
bkf_status beken_uart_unlock(struct beken_uart *, const bkf_op *, bkf_error *);
bkf_status beken_uart_lock(struct beken_uart *, const bkf_op *, bkf_error *);
bkf_status beken_uart_efuse(struct beken_uart *, const bkf_op *, uint32_t, uint8_t *, size_t,
                            bkf_error *);
bkf_status beken_uart_reset(struct beken_uart *, const bkf_op *, bkf_error *);
bkf_status beken_uart_crc32(struct beken_uart *, const bkf_op *, uint32_t, size_t, uint32_t *,
                            bkf_error *);
void beken_uart_rates(const struct beken_uart *, uint32_t *read_rate, uint32_t *crc_rate);
bkf_status beken_uart_protect(struct beken_uart *, const bkf_op *, uint32_t on, bkf_error *);
bkf_status beken_uart_protected(struct beken_uart *, const bkf_op *, bkf_range *, size_t cap,
                                size_t *n, bkf_error *);
bkf_status beken_uart_restore(struct beken_uart *, const bkf_op *, uint32_t value, bkf_error *);

#endif
