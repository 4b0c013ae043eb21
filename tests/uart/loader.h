/* loader.h - a plain loader for protocol tests: both families at byte level on a virtual
 * clock, with faults.  Written from the protocol, not from the client: it has its own request
 * reader and knows none of bekenlib's types.  The strict device model is tests/device. */
#ifndef TESTS_UART_LOADER_H
#define TESTS_UART_LOADER_H
#include <bkflash/plugin.h>
#include <stdbool.h>
#include <stdint.h>

enum loader_state { LOADER_OFF, LOADER_WINDOW, LOADER_LINKED, LOADER_APP };

struct loader_config {
    bool rom;          /* else the bootloader family */
    uint32_t size;     /* flash bytes */
    uint32_t limit;    /* bootloader: read, erase and page write limit */
    uint32_t limit_4k; /* bootloader: Write4K limit */
    uint32_t chip_id, jedec;
    const char *version; /* BootVersion, NULL = silent */
    bool reset_wired;
    uint32_t latency_us;    /* adapter: a byte is seen this much later */
    uint32_t max_host_baud; /* adapter garbles above; 0 = no limit */
    uint32_t cap;           /* baud of the route; 0 = none */
    uint32_t refuse_above;  /* adapter: setup fails above; 0 = no limit */
    uint32_t clamp;         /* adapter: its highest rate, which it says; 0 = no limit */
    uint32_t max_holding;   /* the wiring garbles data above this rate; 0 = no limit */
    uint32_t sr_bytes;      /* ROM: bytes a status write must have: 1, 2; 0 = any */
    uint8_t sr1;            /* at power-up */
    bool get_mid_5;         /* ROM: id reply announces 5 instead of 6 */
    bool reg_plus_one;      /* ROM: register reads echo the address plus one */
    bool silent;            /* nothing ever answers */
    bool echo;              /* TX and RX joined */
    const char *chatter;    /* application's text, at chatter_baud */
    uint32_t chatter_baud;
    uint32_t idle_reset_us; /* bootloader; 0 = 300 ms */
    /* faults, per million bytes; towards the host and towards the device */
    uint32_t flip_in, drop_in, dup_in, flip_out, drop_out, dup_out;
    uint32_t brownout_at; /* reset at this erase or write (1 = first); 0 = never */
    bool lose_baud_reply; /* once */
    bool deaf_to_baud;    /* never changes its rate */
    uint32_t cut_read_at; /* this Read4K stops after 4056 bytes (1 = first) */
    unsigned stale;       /* extra LinkCheck replies before the SetBaud reply */
    uint32_t piece;       /* largest number of bytes one host read returns; 0 = any */
    uint64_t seed;
};

struct loader;
struct loader *loader_new(const struct loader_config *);
void loader_free(struct loader *);
uint8_t *loader_flash(struct loader *);
const bkf_links *loader_links(struct loader *);
const bkf_host *loader_host(struct loader *);
const bkf_op *loader_op(struct loader *);
/* Values of a props table: defaults, changed by "key=value" pairs. */
const bkf_props *loader_props(struct loader *, const bkf_prop_spec *, const char *const *pairs);
uint64_t loader_now_us(const struct loader *);
void loader_idle(struct loader *, uint64_t us);          /* time passes, nobody talks */
void loader_stop_after(struct loader *, unsigned polls); /* should_stop answers 1 then; 0 = never */
/* What the client sent that it must never send (judged before any fault), or NULL. */
const char *loader_breach(const struct loader *);
const char *loader_log(const struct loader *); /* last warning or error logged */
uint32_t loader_baud(const struct loader *);
uint32_t loader_host_baud(const struct loader *);
/* The next request with this command or flash opcode stops after so many bytes, and this many
 * calls after it send nothing: each of them times out. */
void loader_cut_send(struct loader *, uint8_t op, size_t bytes, unsigned in_vain);
bool loader_was_cut(const struct loader *);
bool loader_is_protected(const struct loader *);
bool loader_hangs(const struct loader *);
/* From now on every reception is full of what this makes of a running number; NULL = none. */
void loader_babble(struct loader *, uint8_t (*)(uint64_t n));
/* An earlier run left it linked at this rate. */
void loader_leave_at(struct loader *, uint32_t baud);
/* Highest rate at which a flash request or a checksum was carried out since the start. */
uint32_t loader_fastest(const struct loader *);
void loader_mute_after(struct loader *, unsigned replies); /* it falls silent for good then */
uint64_t loader_memory(const struct loader *);             /* remembered rate, 0 = none */
void loader_forget(struct loader *);
struct loader_counts {
    uint64_t tx, rx, reads, writes, erases, crcs, resets, links;
};
struct loader_counts loader_counts(const struct loader *);

#endif
