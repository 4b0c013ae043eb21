/* bkflash/plugin.h - the whole contract between bkflash and a plugin.
 *
 * Header only: a plugin links to nothing of ours.  Strings are UTF-8 and never
 * freed by the receiver.  Argument strings and buffers live until the call
 * returns; copy to keep.  Thread tags: [any] = callable concurrently, [owner] =
 * at most one thread at a time per instance.
 *
 * Use designated initialisers only: members are appended in later minors. */
#ifndef BKFLASH_PLUGIN_H
#define BKFLASH_PLUGIN_H
#include "types.h"
#include "version.h"
#ifdef __cplusplus
extern "C" {
#endif

#define BKF_PLUGIN_MAGIC 0x424B4650u /* "BKFP" */

/* The minor a plugin is written for.  Members of later minors stay hidden, so that
 * building with a newer SDK does not change a plugin; raise it (-DBKF_ABI_TARGET_MINOR=1)
 * to use them.  Always say ".abi_minor = BKF_ABI_TARGET_MINOR". */
#ifndef BKF_ABI_TARGET_MINOR
#define BKF_ABI_TARGET_MINOR 0
#endif
#if BKF_ABI_TARGET_MINOR > BKF_ABI_MINOR
#error "this SDK is older than BKF_ABI_TARGET_MINOR asks for"
#endif

/* ---- what the host lends to a plugin -------------------------------------- */

/* Host callbacks, passed to every call that needs them; valid until the object
 * made with it is closed.  Never keep it in a static: a process may have two hosts. */
enum {
    BKF_LOG_ERROR = 0,
    BKF_LOG_WARN = 1,
    BKF_LOG_INFO = 2,
    BKF_LOG_DEBUG = 3,
    BKF_LOG_TRACE = 4
};
typedef struct bkf_host {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor;
    void *handle;
    /* [any] One finished line, no newline.  Plugins never print themselves. */
    void (*log)(const struct bkf_host *, int32_t level, const char *line);
    /* [any] Optional host service such as BKF_SERVICE_NOR; NULL if absent. */
    const void *(*service)(const struct bkf_host *, const char *id);
} bkf_host;

/* One running operation: progress, cancellation and time.  Sleeping through the
 * host lets tests run the same code on a virtual clock. */
typedef struct bkf_op {
    uint32_t struct_size;
    uint32_t reserved; /* 0 */
    void *handle;
    /* Bytes of this very call; any unit will do as long as total is constant. */
    void (*progress)(const struct bkf_op *, uint64_t done, uint64_t total);
    int (*should_stop)(const struct bkf_op *); /* poll between pages or packets, not inside one */
    uint64_t (*now_us)(const struct bkf_op *); /* monotonic, microseconds, arbitrary origin */
    void (*sleep_us)(const struct bkf_op *, uint64_t us);
    /* A short line about what is going on, replacing the previous one on a terminal
     * ("reset 3, MISO shows D2 for 50 ms"). */
    void (*note)(const struct bkf_op *, const char *line);
} bkf_op;

/* Options a class accepts ("opt.KEY = ..." in a profile, -O KEY=VALUE).  The host
 * parses, type-checks and range-checks them, so open() and create() see valid
 * values only.  A dflt that starts with '@' is filled from the profile when the
 * user gave no value: "@chip.name", "@chip.driver", "@flash.jedec", "@flash.size",
 * "@flash.part", "@part.KEY" (a key of the resolved flash part file),
 * "@partitions" ("name:offset:size:layout;..."), "@pads" ("signal=PAD;..."),
 * "@profile.name"; empty or 0 when the profile does not say. */
enum {
    BKF_PROP_STRING = 0,
    BKF_PROP_UINT = 1, /* decimal, 0x, K or M */
    BKF_PROP_BOOL = 2, /* yes or no */
    BKF_PROP_HERTZ = 3,
    BKF_PROP_MICROSECONDS = 4
};
typedef struct bkf_prop_spec {
    const char *key; /* [a-z0-9_-]; NULL ends the list */
    uint32_t type;   /* BKF_PROP_* */
    uint32_t reserved;
    const char *dflt;  /* NULL = required; "" = unset */
    const char *help;  /* one line, for documentation and error messages */
    uint64_t min, max; /* numbers: inclusive bounds, both 0 = unbounded */
} bkf_prop_spec;
typedef struct bkf_props {
    uint32_t struct_size;
    uint32_t reserved;
    const void *handle;
    const char *(*str)(const struct bkf_props *, const char *key); /* never NULL; "" = unset */
    uint64_t (*num)(const struct bkf_props *, const char *key);    /* bool as 0/1 */
} bkf_props;

/* Small values remembered between runs, kept per adapter unit and chip by the
 * host ("the safe clock was 15 MHz").  Host service BKF_SERVICE_MEMORY. */
#define BKF_SERVICE_MEMORY "bkflash.memory/1"
typedef struct bkf_memory {
    uint32_t struct_size;
    uint32_t reserved;
    void *handle;
    /* [owner] 1 and *value when something is remembered, else 0. */
    int32_t (*get)(const struct bkf_memory *, const char *key, uint64_t *value);
    void (*set)(const struct bkf_memory *, const char *key, uint64_t value);
} bkf_memory;

/* ---- adapter capabilities, each found by id ------------------------------- */
typedef struct bkf_iface {
    const void *ops;
    void *self;
} bkf_iface;

#define BKF_IFACE_SPI "bkflash.spi/1"
enum { BKF_STEP_XFER = 0, BKF_STEP_LINE = 1, BKF_STEP_DELAY = 2 };
enum { BKF_SPI_HOLD_CS = 1u }; /* XFER: leave CS asserted; len 0 just asserts it */
/* What caps() may say. */
enum {
    BKF_SPI_INLINE_LINE = 1u,  /* LINE steps run inside the device-timed queue */
    BKF_SPI_INLINE_DELAY = 2u, /* DELAY steps likewise */
    BKF_SPI_FLOAT = 4u         /* LINE value BKF_LEVEL_FLOAT releases a claimed line */
};
enum { BKF_LEVEL_FLOAT = 2u };
typedef struct bkf_spi_step {
    uint32_t kind, flags;
    const uint8_t *tx; /* XFER: NULL clocks 0x00 */
    uint8_t *rx;       /* XFER: NULL discards */
    size_t len;        /* XFER: bytes, full duplex */
    uint32_t line;     /* LINE: claimed id */
    uint32_t value;    /* LINE: level; DELAY: microseconds, at least that long */
} bkf_spi_step;
typedef struct bkf_pin {
    const char *signal, *line; /* "sck" -> "D3"; signals: sck mosi miso cs0 */
} bkf_pin;
typedef struct bkf_spi_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* [owner] Once, before setup: which of the class's lines carry which signal. */
    bkf_status (*bind)(void *self, const bkf_pin *, size_t n, bkf_error *);
    /* [owner] Mode 0..3 and the fastest clock not above want_hz (0 = any).  If that
     * is too slow for the hardware: BKF_E_UNSUPPORTED with the slowest in *got_hz. */
    bkf_status (*setup)(void *self, uint32_t mode, uint32_t want_hz, uint32_t *got_hz, bkf_error *);
    /* [owner] The steps in order, back to back, in as few bus submissions as the
     * hardware allows; CS frames each XFER unless HOLD_CS, and is released before
     * run returns unless the last XFER holds it.  No other claimed line may move. */
    bkf_status (*run)(void *self, const bkf_spi_step *, size_t n, bkf_error *);
    size_t (*max_len)(void *self); /* bytes per XFER; 0 = unlimited */
    uint32_t (*caps)(void *self);  /* BKF_SPI_*; the host splits the list for the rest */
    /* Optional [owner]: parked != 0 releases SCK, MOSI and CS to high impedance, claimed
     * lines stay; 0 drives them again at their idle levels.  NULL = cannot. */
    bkf_status (*park)(void *self, uint32_t parked, bkf_error *);
} bkf_spi_ops;

#define BKF_IFACE_GPIO "bkflash.gpio/1"
enum { BKF_LINE_INPUT = 0, BKF_LINE_PUSH_PULL = 1, BKF_LINE_OPEN_DRAIN = 2 };
typedef struct bkf_gpio_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* [owner] Take a line by the adapter's own name ("D2", "DTR#") at a known level. */
    bkf_status (*claim)(void *self, const char *line, uint32_t drive, uint32_t level, uint32_t *id,
                        bkf_error *);
    bkf_status (*set)(void *self, uint32_t id, uint32_t level, bkf_error *);
    bkf_status (*get)(void *self, uint32_t id, uint32_t *level, bkf_error *);
    void (*drop)(void *self, uint32_t id); /* back to high impedance */
} bkf_gpio_ops;

#define BKF_IFACE_UART "bkflash.uart/1"
typedef struct bkf_uart_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* [owner] 8N1, no flow control.  Drains queued output before the rate changes. */
    bkf_status (*setup)(void *self, uint32_t baud, uint32_t *got_baud, bkf_error *);
    /* [owner] Stop at len bytes or timeout; *done is always set, also on TIMEOUT.
     * read with timeout_ms 0 returns what is there (BKF_OK, maybe *done = 0). */
    bkf_status (*write)(void *self, const uint8_t *, size_t len, uint32_t timeout_ms, size_t *done,
                        bkf_error *);
    bkf_status (*read)(void *self, uint8_t *, size_t len, uint32_t timeout_ms, size_t *done,
                       bkf_error *);
    bkf_status (*purge)(void *self, bkf_error *); /* drop everything received and queued */
} bkf_uart_ops;

/* Optional: the adapter has its own notion of time (simulator, replay).  The host
 * then runs the whole session on it. */
#define BKF_IFACE_CLOCK "bkflash.clock/1"
typedef struct bkf_clock_ops {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t (*now_us)(void *self);
    void (*sleep_us)(void *self, uint64_t us);
} bkf_clock_ops;

/* Static wiring facts, so a profile's [pads] can be checked with nothing plugged in. */
enum {
    BKF_ROLE_OUT = 1u,
    BKF_ROLE_IN = 2u,
    BKF_ROLE_OPEN_DRAIN = 4u,
    BKF_ROLE_SCK = 8u,
    BKF_ROLE_MOSI = 16u,
    BKF_ROLE_MISO = 32u,
    BKF_ROLE_CS = 64u,
    BKF_ROLE_TX = 128u,
    BKF_ROLE_RX = 256u
};
typedef struct bkf_line_spec {
    const char *name;  /* as printed on the adapter ("D2"); NULL ends the list */
    const char *alias; /* second name ("CS2"), or NULL */
    uint32_t roles;    /* BKF_ROLE_* */
    uint32_t reserved;
    const char *pin; /* where to find it ("pin 17, header D2"), or NULL */
} bkf_line_spec;

typedef struct bkf_adapter bkf_adapter; /* defined by the plugin */
typedef struct bkf_adapter_class {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name, *summary; /* name is what [adapter] driver= says */
    const bkf_prop_spec *props; /* never NULL; the host adds "path" itself: do not list it */
    const bkf_line_spec *lines; /* never NULL */
    const char *const *caveats; /* NULL-terminated wiring warnings ("3.3 V only"), or NULL */
    /* [any] Report each attached unit; path is what -u and "path =" accept. */
    bkf_status (*list)(const bkf_host *,
                       void (*found)(void *ud, const char *path, const char *label), void *ud,
                       bkf_error *);
    /* [any] unit: a path as list reports it, or what the class documents (serial
     * number, tty); NULL = the only one, BKF_E_BUSY never guesses: several = BKF_E_PARAM. */
    bkf_status (*open)(const bkf_host *, const char *unit, const bkf_props *, bkf_adapter **,
                       bkf_error *);
    void (*close)(bkf_adapter *); /* [owner] leaves every line high impedance */
    /* [owner] BKF_E_UNSUPPORTED = never; BKF_E_BUSY = excluded by one already held. */
    bkf_status (*acquire)(bkf_adapter *, const char *iface_id, bkf_iface *, bkf_error *);
    void (*release)(bkf_adapter *, const char *iface_id);
    /* Optional [owner], NULL = none: a stable name of the opened unit for logs, sidecars and the
     * memory service ("usb:1-4", "A50285BI"); lives as long as the adapter. */
    const char *(*unit)(bkf_adapter *);
} bkf_adapter_class;

/* ---- chips ---------------------------------------------------------------- */
/* Everything a chip may touch.  It never sees an adapter, a pad or a pin. */
typedef struct bkf_links {
    uint32_t struct_size;
    uint32_t reserved;
    void *handle;
    const bkf_iface *spi, *uart; /* NULL when the transport is not wired */
    uint32_t clock_hz;           /* profile's SPI clock cap; 0 = none */
    uint32_t baud;               /* profile's highest baud; 0 = none */
    /* [owner] Drive a named signal ("cen"), 0/1 or BKF_LEVEL_FLOAT; the host applies
     * pad, line and polarity.  BKF_E_UNSUPPORTED when the profile does not wire it. */
    bkf_status (*signal)(const struct bkf_links *, const char *name, uint32_t level, bkf_error *);
    /* [owner] The id to use in BKF_STEP_LINE for a named signal; polarity is applied. */
    bkf_status (*line)(const struct bkf_links *, const char *name, uint32_t *id, bkf_error *);
    /* [any] For messages only: "TDO on MISO", or the signal's name if it is not wired. */
    const char *(*where)(const struct bkf_links *, const char *signal);
} bkf_links;

/* ERASE_FIRST: a program is only taken behind an erase of its sector, even where it would
 * but clear bits (a loader that lifts its write protection together with an erase). */
enum { BKF_CAN_READ = 1u, BKF_CAN_ERASE = 2u, BKF_CAN_PROGRAM = 4u, BKF_ERASE_FIRST = 8u };
typedef struct bkf_window { /* half open: start <= offset < end */
    uint32_t start, end, access;
    uint32_t reserved;
    const char *reason; /* why the rest is missing; shown to users; NULL = nothing to say */
} bkf_window;

typedef struct bkf_chip bkf_chip; /* defined by the plugin */
typedef struct bkf_chip_class {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name, *summary; /* name is what [chip] driver= says */
    const bkf_prop_spec *props;
    /* create/destroy do no I/O.  attach may reset the target; after attach was
     * called, even if it failed, detach is called exactly once.  run != 0: leave the
     * target booting its application. */
    bkf_status (*create)(const bkf_host *, const bkf_links *, const bkf_props *, bkf_chip **,
                         bkf_error *);
    void (*destroy)(bkf_chip *);
    bkf_status (*attach)(bkf_chip *, const bkf_op *, bkf_error *);
    bkf_status (*detach)(bkf_chip *, const bkf_op *, uint32_t run, bkf_error *);
    /* Identify; must not change anything on the target. */
    bkf_status (*probe)(bkf_chip *, const bkf_op *, bkf_chip_info *, bkf_error *);
    /* Fill up to cap entries; return how many exist for the current transport.
     * Valid after create; exact after probe. */
    size_t (*windows)(bkf_chip *, bkf_window *, size_t cap);
    /* Offsets are always true flash offsets; wire address tricks stay inside. */
    bkf_status (*read)(bkf_chip *, const bkf_op *, uint32_t off, uint8_t *, size_t, bkf_error *);
    bkf_status (*erase)(bkf_chip *, const bkf_op *, uint32_t off, size_t, bkf_error *);
    bkf_status (*program)(bkf_chip *, const bkf_op *, uint32_t off, const uint8_t *, size_t,
                          bkf_error *);
    /* Optional: status registers (SR1 | SR2<<8 | SR3<<16); unlock saves the old value and
     * makes the whole array writable, lock restores what unlock found. */
    bkf_status (*status)(bkf_chip *, const bkf_op *, uint32_t *value, uint32_t *bits, bkf_error *);
    bkf_status (*unlock)(bkf_chip *, const bkf_op *, bkf_error *);
    bkf_status (*lock)(bkf_chip *, const bkf_op *, bkf_error *);
    /* Optional: read-only; burning fuses is a separate extension on purpose. */
    bkf_status (*efuse)(bkf_chip *, const bkf_op *, uint32_t off, uint8_t *, size_t, bkf_error *);
    bkf_status (*reset)(bkf_chip *, const bkf_op *, bkf_error *);
    /* Optional: anything newer, by id: BKF_EXT_*, or "com.example.turbo-read/1". */
    const void *(*extension)(bkf_chip *, const char *id);
} bkf_chip_class;

/* The device computes a checksum over its own flash: cheap proof of a read or a
 * write, cheap search for what differs.  Absent: the host reads back instead. */
#define BKF_EXT_DIGEST "bkflash.digest/1"
typedef struct bkf_digest_ops {
    uint32_t struct_size;
    uint32_t granule; /* offsets and lengths must be multiples of this, bytes */
    /* CRC-32 (IEEE 802.3, reflected 0xEDB88320, init and final xor 0xFFFFFFFF, as zlib)
     * of flash bytes off .. off+len, whatever variant the wire uses. */
    bkf_status (*crc32)(bkf_chip *, const bkf_op *, uint32_t off, size_t len, uint32_t *crc,
                        bkf_error *);
    uint32_t read_rate, crc_rate; /* bytes per second at the present link speed; 0 = unknown */
} bkf_digest_ops;

/* Protection policy over the status registers, see nor.h for the meaning. */
#define BKF_EXT_PROTECT "bkflash.protect/1"
typedef struct bkf_protect_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* Ranges that the die refuses to change right now; fill up to cap, *n = how many. */
    bkf_status (*ranges)(bkf_chip *, const bkf_op *, bkf_range *, size_t cap, size_t *n,
                         bkf_error *);
    /* on != 0: protect the whole array, else clear protection; non-volatile. */
    bkf_status (*set)(bkf_chip *, const bkf_op *, uint32_t on, bkf_error *);
    /* Write back the raw status registers an earlier run saved (journal). */
    bkf_status (*restore)(bkf_chip *, const bkf_op *, uint32_t value, bkf_error *);
} bkf_protect_ops;

/* How long things take on this part, for plans and progress; microseconds typical. */
#define BKF_EXT_TIMING "bkflash.timing/1"
typedef struct bkf_timing {
    uint32_t struct_size;
    uint32_t erase_4k_us, erase_32k_us, erase_64k_us; /* 0 = that erase does not exist */
    uint32_t chip_erase_us;
    uint32_t program_page_us;
    uint32_t read_rate, write_rate; /* link payload bytes per second; 0 = unknown */
} bkf_timing;

/* The link's clock by hand, for measuring the wires.  Absent: the link has one rate, or finds
 * and proves it by itself. */
#define BKF_EXT_RATES "bkflash.rates/1"
typedef struct bkf_rates_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* Rates in Hz that are worth trying, rising, none above what profile and options allow;
     * fill up to cap, return how many exist. */
    size_t (*list)(bkf_chip *, uint32_t *hz, size_t cap);
    uint32_t (*get)(bkf_chip *); /* Hz in use now */
    /* Attached: the fastest rate not above want_hz from now on, whether it works or not; reads
     * may give wrong bytes then, and nothing else may be called but set and read. */
    bkf_status (*set)(bkf_chip *, const bkf_op *, uint32_t want_hz, uint32_t *got_hz, bkf_error *);
} bkf_rates_ops;

/* ---- entry ---------------------------------------------------------------- */
typedef struct bkf_plugin {
    uint32_t magic; /* these four members never move */
    uint16_t abi_major, abi_minor;
    uint32_t struct_size;
    uint32_t flags;                           /* unknown bits set = host refuses */
    const char *id, *version, *license;       /* id is reverse DNS */
    const bkf_adapter_class *const *adapters; /* NULL-terminated, or NULL */
    const bkf_chip_class *const *chips;
} bkf_plugin;

/* The one exported symbol.  Pure: no I/O, no allocation, no threads; always
 * returns the same static object. */
typedef const bkf_plugin *(*bkf_plugin_query_fn)(void);
#if defined(_WIN32)
#define BKF_EXPORT __declspec(dllexport)
#else
#define BKF_EXPORT __attribute__((visibility("default")))
#endif
/* In a static build every plugin gets its own symbol name. */
#ifdef BKF_STATIC_PLUGIN_NAME
#define bkf_plugin_query BKF_STATIC_PLUGIN_NAME
#endif
BKF_EXPORT const bkf_plugin *bkf_plugin_query(void);

#ifdef __cplusplus
}
#endif
#endif
