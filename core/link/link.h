/* link.h - between a chip plugin and an adapter plugin: one stack of decorators of one
 * shape around the adapter's interfaces.  From the chip down:
 *
 *     pads (signals, polarity) -> guard (rules, splitting, cancel) -> trace -> fault -> adapter
 *
 * Every decorator takes a struct link_ifaces and offers the same ops it wraps. */
#ifndef CORE_LINK_H
#define CORE_LINK_H
#include "../base/base.h"
#include <bkflash/plugin.h>

struct link_ifaces { /* ops NULL = not offered */
    bkf_iface spi, gpio, uart, clock;
};

struct link_pad {
    const char *pad, *signal, *line; /* TCK sck SCK */
    bool inverted;
};
struct link_config {
    const char *transport; /* "spi" or "uart" */
    const struct link_pad *pads;
    size_t n_pads;
    uint32_t clock_hz, baud; /* profile's caps, 0 = none */
    const char *trace_path;  /* NULL = no trace */
    const char *trace_meta;  /* one line of JSON for the trace's header, or NULL */
    const char *fault;       /* fault.c's schedule, or NULL */
    uint64_t seed;           /* of the fault schedule */
    /* Asked between the slices of long waits and long receptions, which then end with
     * BKF_E_CANCELLED.  Must answer 0 while the session detaches.  May be NULL. */
    int (*should_stop)(void *ud);
    void *ud;
};
struct link_stats {
    uint64_t calls, spi_bytes, uart_tx, uart_rx, faults;
};
struct link;

enum { LINK_PADS_MAX = 16 };
/* Pads for an adapter that names its lines like the signals (sim, replay), for a profile
 * that has no pads for it: every pad of from[] whose signal is such a line, then the four
 * SPI or two UART signals of the transport that from[] does not name.  Polarity is dropped:
 * such a line is the chip's own net.  Strings stay those of from[] and of the class.
 * Returns how many were written to out[LINK_PADS_MAX]; 0 = the class has no such lines. */
size_t link_derive_pads(const char *transport, const struct link_pad *from, size_t n,
                        const bkf_adapter_class *, struct link_pad *out);

/* Acquires what the transport and the pads need, binds, claims.  The adapter stays the
 * caller's; link_close releases everything again, lines float. */
bkf_status link_open(const struct link_config *, const bkf_host *, const bkf_adapter_class *,
                     bkf_adapter *, struct link **, bkf_error *);
void link_close(struct link *);
const bkf_links *link_view(const struct link *); /* what a chip gets */
/* True after an adapter call said BKF_E_NO_DEVICE: nothing reaches the adapter any more. */
bool link_vanished(const struct link *);
/* The session's clock: the adapter's own (bkflash.clock/1) or the system's. */
uint64_t link_now_us(const struct link *);
void link_sleep_us(const struct link *, uint64_t us);
void link_stats_get(const struct link *, struct link_stats *);

/* replay.c: an adapter class that feeds a recorded trace back ("-a replay -O trace=FILE"). */
extern const bkf_adapter_class link_replay_class;
#endif
