/* link.c - builds the stack of decorators around one opened adapter. */
#include "stack.h"
#include <stdlib.h>
#include <string.h>

struct link {
    const bkf_adapter_class *cls;
    bkf_adapter *adapter;
    struct link_ifaces own; /* acquired from the adapter; ops NULL = not */
    struct link_ifaces top;
    struct fault *fault;
    struct trace *trace;
    struct guard *guard;
    struct pads *pads;
    struct link_stats stats;
};

static bkf_status acquire(struct link *l, const char *id, bkf_iface *iface, bkf_error *err)
{
    bkf_status st = l->cls->acquire(l->adapter, id, iface, err);
    if (st) {
        iface->ops = NULL;
        error_prefix(err, "adapter %s: %s", l->cls->name, id);
        return st;
    }
    if (!iface->ops)
        return error_set(err, BKF_E_PLUGIN, "adapter %s: %s was acquired but has no functions",
                         l->cls->name, id);
    return BKF_OK;
}

static bool needs_gpio(const struct link_config *cfg, bool spi)
{
    static const char *const bus[2][5] = { { "rx", "tx", NULL },
                                           { "sck", "mosi", "miso", "cs0", NULL } };
    for (size_t i = 0; i < cfg->n_pads; i++) {
        bool is_bus = false;
        for (const char *const *w = bus[spi]; *w; w++)
            is_bus |= !strcmp(*w, cfg->pads[i].signal);
        if (!is_bus)
            return true;
    }
    return false;
}

static bkf_status acquire_all(struct link *l, const struct link_config *cfg, bkf_error *err)
{
    bool spi = !strcmp(cfg->transport, "spi");
    bkf_status st = spi ? acquire(l, BKF_IFACE_SPI, &l->own.spi, err)
                        : acquire(l, BKF_IFACE_UART, &l->own.uart, err);
    if (!st && needs_gpio(cfg, spi))
        st = acquire(l, BKF_IFACE_GPIO, &l->own.gpio, err);
    if (st)
        return st;
    bkf_error ignored = BKF_ERROR_INIT;
    bkf_iface clock = { NULL, NULL };
    if (!l->cls->acquire(l->adapter, BKF_IFACE_CLOCK, &clock, &ignored) && clock.ops)
        l->own.clock = clock;
    return BKF_OK;
}

static bkf_status stack_up(struct link *l, const struct link_config *cfg, const bkf_host *host,
                           bkf_error *err)
{
    struct link_ifaces at = l->own;
    if (!at.clock.ops)
        at.clock = system_clock();
    l->top = at;
    bkf_status st = BKF_OK;
    if (cfg->fault && *cfg->fault)
        st = fault_new(&at, cfg->fault, cfg->seed, &l->stats, &l->fault, &l->top, err);
    at = l->top;
    if (!st && cfg->trace_path)
        st = trace_new(&at, cfg, host, &l->trace, &l->top, err);
    at = l->top;
    if (!st)
        st = guard_new(&at, cfg, &l->stats, &l->guard, &l->top, err);
    return st ? st : pads_new(&l->top, cfg, l->cls, &l->pads, err);
}

bkf_status link_open(const struct link_config *cfg, const bkf_host *host,
                     const bkf_adapter_class *cls, bkf_adapter *adapter, struct link **out,
                     bkf_error *err)
{
    *out = NULL;
    struct link *l = calloc(1, sizeof *l);
    if (!l)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    l->cls = cls;
    l->adapter = adapter;
    bkf_status st = acquire_all(l, cfg, err);
    if (!st)
        st = stack_up(l, cfg, host, err);
    if (st) {
        link_close(l);
        return st;
    }
    *out = l;
    return BKF_OK;
}

void link_close(struct link *l)
{
    if (!l)
        return;
    /* The SPI pins float before the claimed lines do: a chip must not be fed through its
     * pads while its reset is let go. */
    if (l->own.spi.ops)
        l->cls->release(l->adapter, BKF_IFACE_SPI);
    pads_free(l->pads);
    guard_free(l->guard);
    trace_free(l->trace);
    fault_free(l->fault);
    if (l->own.uart.ops)
        l->cls->release(l->adapter, BKF_IFACE_UART);
    if (l->own.gpio.ops)
        l->cls->release(l->adapter, BKF_IFACE_GPIO);
    if (l->own.clock.ops)
        l->cls->release(l->adapter, BKF_IFACE_CLOCK);
    free(l);
}

const bkf_links *link_view(const struct link *l)
{
    return pads_view(l->pads);
}

bool link_vanished(const struct link *l)
{
    return guard_vanished(l->guard);
}

uint64_t link_now_us(const struct link *l)
{
    return clock_now(&l->top.clock);
}

void link_sleep_us(const struct link *l, uint64_t us)
{
    clock_sleep(&l->top.clock, us);
}

void link_stats_get(const struct link *l, struct link_stats *out)
{
    *out = l->stats;
}
