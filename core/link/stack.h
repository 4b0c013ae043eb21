/* stack.h - the decorators of the link stack, inside core/link only.  Each takes the
 * interfaces below it and offers the same ones; an interface that is absent below
 * (ops NULL) is absent above.  The clock is always there. */
#ifndef CORE_LINK_STACK_H
#define CORE_LINK_STACK_H
#include "link.h"

/* clock.c: the system's monotonic clock. */
bkf_iface system_clock(void);
uint64_t clock_now(const bkf_iface *);
void clock_sleep(const bkf_iface *, uint64_t us);

/* fault.c: "unplug@12,flip=1e-5,stall@3:500"; see there for the grammar. */
struct fault;
bkf_status fault_new(const struct link_ifaces *below, const char *spec, uint64_t seed,
                     struct link_stats *, struct fault **, struct link_ifaces *out, bkf_error *);
void fault_free(struct fault *);

/* trace.c: writes every call to a .bktrace file. */
struct trace;
bkf_status trace_new(const struct link_ifaces *below, const struct link_config *, const bkf_host *,
                     struct trace **, struct link_ifaces *out, bkf_error *);
void trace_free(struct trace *);

/* guard.c: argument rules, splitting, cancelling, vanished adapters, counters. */
struct guard;
bkf_status guard_new(const struct link_ifaces *below, const struct link_config *,
                     struct link_stats *, struct guard **, struct link_ifaces *out, bkf_error *);
void guard_free(struct guard *);
bool guard_vanished(const struct guard *);
/* guard_uart.c */
extern const bkf_uart_ops guard_uart_ops;

/* pads.c: named signals, polarity, pin binding. */
struct pads;
bkf_status pads_new(const struct link_ifaces *below, const struct link_config *,
                    const bkf_adapter_class *, struct pads **, bkf_error *);
void pads_free(struct pads *); /* drops the claimed lines */
const bkf_links *pads_view(const struct pads *);

static inline const bkf_spi_ops *spi_of(const struct link_ifaces *i)
{
    return i->spi.ops;
}
/* What an adapter may leave out. */
static inline size_t spi_max_len_of(const struct link_ifaces *i)
{
    return spi_of(i)->max_len ? spi_of(i)->max_len(i->spi.self) : 0;
}
static inline uint32_t spi_caps_of(const struct link_ifaces *i)
{
    return spi_of(i)->caps ? spi_of(i)->caps(i->spi.self) : 0;
}
static inline bool spi_can_park(const struct link_ifaces *i)
{
    return BKF_HAS(bkf_spi_ops, spi_of(i), park) && spi_of(i)->park;
}
static inline const bkf_gpio_ops *gpio_of(const struct link_ifaces *i)
{
    return i->gpio.ops;
}
static inline const bkf_uart_ops *uart_of(const struct link_ifaces *i)
{
    return i->uart.ops;
}
#endif
