/* guard_uart.c - the guard's rules for serial links: counts are checked, long receptions
 * are sliced so that a cancel is noticed. */
#include "guard.h"

enum { SLICE_MS = 100 };

static bkf_status uart_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    struct guard *g = self;
    uint32_t dummy;
    if (!baud)
        return error_set(err, BKF_E_PARAM, "baud rate 0");
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    st = uart_of(&g->below)->setup(g->below.uart.self, baud, got ? got : &dummy, err);
    if (!st)
        g->set_up = true;
    return guard_leave(g, st, "UART setup", err);
}

static bkf_status check(const struct guard *g, const void *p, size_t len, size_t *done,
                        bkf_error *err)
{
    if (!done || (!p && len))
        return error_set(err, BKF_E_PARAM, "UART transfer without buffer or count");
    *done = 0;
    if (!g->set_up)
        return error_set(err, BKF_E_PARAM, "UART is used before setup");
    return BKF_OK;
}

static bkf_status uart_write(void *self, const uint8_t *p, size_t len, uint32_t timeout_ms,
                             size_t *done, bkf_error *err)
{
    struct guard *g = self;
    bkf_status st = check(g, p, len, done, err);
    if (!st)
        st = guard_enter(g, err);
    if (st || !len)
        return st;
    st = uart_of(&g->below)->write(g->below.uart.self, p, len, timeout_ms, done, err);
    st = guard_leave(g, st, "UART write", err);
    if (*done > len || (!st && *done != len)) {
        size_t said = *done;
        *done = said > len ? 0 : said;
        return error_set(err, BKF_E_PLUGIN, "adapter: UART write of %zu bytes reports %zu done",
                         len, said);
    }
    g->stats->uart_tx += *done;
    return st;
}

static bkf_status read_once(struct guard *g, uint8_t *p, size_t len, uint32_t timeout_ms,
                            size_t *done, bkf_error *err)
{
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    size_t got = 0;
    st = uart_of(&g->below)->read(g->below.uart.self, p, len, timeout_ms, &got, err);
    st = guard_leave(g, st, "UART read", err);
    if (got > len)
        return error_set(err, BKF_E_PLUGIN, "adapter: UART read of %zu bytes reports %zu done", len,
                         got);
    g->stats->uart_rx += got;
    *done += got;
    return st;
}

static bkf_status uart_read(void *self, uint8_t *p, size_t len, uint32_t timeout_ms, size_t *done,
                            bkf_error *err)
{
    struct guard *g = self;
    bkf_status st = check(g, p, len, done, err);
    if (st || !len)
        return st;
    const bool waits = timeout_ms > 0;
    for (;;) {
        uint32_t slice = timeout_ms > SLICE_MS ? SLICE_MS : timeout_ms;
        st = read_once(g, p + *done, len - *done, slice, done, err);
        timeout_ms -= slice;
        bool more = st == BKF_E_TIMEOUT || (!st && slice && *done < len);
        if (!more || !timeout_ms)
            break;
        if (guard_stopping(g))
            return error_set(err, BKF_E_CANCELLED, "cancelled while waiting for the target");
    }
    /* A reception cut short is a time-out whatever the adapter called it. */
    if (!st && *done < len && waits)
        st = error_set(err, BKF_E_TIMEOUT, "UART: %zu of %zu bytes came in time", *done, len);
    return st;
}

static bkf_status uart_purge(void *self, bkf_error *err)
{
    struct guard *g = self;
    bkf_status st = guard_enter(g, err);
    return st ? st
              : guard_leave(g, uart_of(&g->below)->purge(g->below.uart.self, err), "UART purge",
                            err);
}

const bkf_uart_ops guard_uart_ops = {
    .struct_size = sizeof guard_uart_ops,
    .setup = uart_setup,
    .write = uart_write,
    .read = uart_read,
    .purge = uart_purge,
};
