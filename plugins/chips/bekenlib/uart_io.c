/* uart_io.c - bytes and time: everything that touches the link, in small steps. */
#include "uart.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SLACK_US = 100000, /* USB and scheduling, on top of the wire time */
    STALL_US = 250000, /* silence inside a reply that means the rest is lost */
    SEND_TRIES = 3,    /* calls in a row that send nothing */
    SEND_US = 10000000 /* longer than that over the wire time, and it is stuck */
};

bkf_status uart_error(bkf_error *err, bkf_status st, const char *fmt, ...)
{
    if (err) {
        err->status = st;
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
    }
    return st;
}

void uart_log(const struct uart_io *io, int32_t level, const char *fmt, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (io->host->log) {
        io->host->log(io->host, level, line);
    }
}

uint64_t uart_now(const struct uart_io *io)
{
    return io->op->now_us(io->op);
}

void uart_sleep(const struct uart_io *io, uint64_t us)
{
    io->op->sleep_us(io->op, us);
}

bool uart_stopped(const struct uart_io *io)
{
    return io->op->should_stop && io->op->should_stop(io->op) != 0;
}

void uart_note(const struct uart_io *io, const char *line)
{
    if (io->op->note) {
        io->op->note(io->op, line);
    }
}

uint64_t uart_wire_us(const struct uart_io *io, size_t bytes)
{
    return (uint64_t)bytes * 10000000u / (io->baud ? io->baud : UART_START_BAUD) + 1;
}

bkf_status uart_setup(struct uart_io *io, uint32_t baud, uint32_t *got, bkf_error *err)
{
    uint32_t actual = 0;
    const bkf_status st = io->ops->setup(io->self, baud, &actual, err);
    if (st == BKF_OK) {
        io->baud = baud;
    }
    if (got) {
        *got = actual;
    }
    return st;
}

/* What the loader waits for now.  Data can be filled up; header and parameters must be right. */
static void keep_rest(struct uart_io *io, const uint8_t *bytes, size_t n, size_t sent)
{
    const size_t head = n < sizeof io->rest ? n : sizeof io->rest;
    io->cut = sent && sent < n;
    if (sent) {
        io->n_rest = sent < head ? head - sent : 0;
        memmove(io->rest, bytes + sent, io->n_rest);
    }
}

/* n bytes without a pause; *sent on every path. */
static bkf_status push(struct uart_io *io, const uint8_t *bytes, size_t n, size_t *sent,
                       bkf_error *err)
{
    const uint64_t now = uart_now(io);
    const uint64_t start = io->tx_until_us > now ? io->tx_until_us : now;
    const uint64_t end = start + uart_wire_us(io, n);
    for (unsigned in_vain = 0; *sent < n;) {
        size_t done = 0;
        const uint64_t wait = (uart_wire_us(io, n - *sent) + (start - now) + 1000000) / 1000 + 1;
        const bkf_status st =
            io->ops->write(io->self, bytes + *sent, n - *sent, (uint32_t)wait, &done, err);
        *sent += done;
        in_vain = done ? 0 : in_vain + 1;
        if (st != BKF_OK && st != BKF_E_TIMEOUT) {
            return st;
        }
        if (*sent < n && (in_vain == SEND_TRIES || uart_now(io) > end + SEND_US)) {
            return uart_error(err, BKF_E_IO,
                              "the adapter took only %zu of %zu bytes to send; it may be stopped "
                              "by flow control or unplugged",
                              *sent, n);
        }
    }
    io->tx_until_us = end;
    return BKF_OK;
}

bkf_status uart_send(struct uart_io *io, const uint8_t *bytes, size_t n, bkf_error *err)
{
    size_t sent = 0;
    bkf_status st = BKF_OK;
    while (sent < n && st == BKF_OK) {
        const uint64_t now = uart_now(io);
        const uint64_t next = (io->tx_until_us > now ? io->tx_until_us : now) + io->page_us;
        const size_t left = n - sent;
        const size_t part = io->page_us && left > UART_PAGE ? UART_PAGE : left;
        size_t done = 0;
        st = push(io, bytes + sent, part, &done, err);
        sent += done;
        if (st == BKF_OK && sent < n && uart_now(io) < next) {
            uart_sleep(io, next - uart_now(io));
        }
    }
    keep_rest(io, bytes, n, sent);
    if (st == BKF_OK) {
        io->last_us = uart_now(io);
    }
    return st;
}

static bkf_status read_some(struct uart_io *io, uint8_t *buf, size_t want, uint64_t timeout_us,
                            size_t *done, bkf_error *err)
{
    *done = 0;
    bkf_error local = BKF_ERROR_INIT;
    const bkf_status st =
        io->ops->read(io->self, buf, want, (uint32_t)((timeout_us + 999) / 1000), done, &local);
    if (*done) {
        io->last_us = uart_now(io);
        if (io->capture) {
            uart_capture_take(io->capture, buf, *done);
        }
    }
    if (st != BKF_OK && st != BKF_E_TIMEOUT) {
        if (err) {
            *err = local;
        }
        return st;
    }
    return BKF_OK;
}

bkf_status uart_hear(struct uart_io *io, uint64_t until_us, bkf_error *err)
{
    const uint64_t now = uart_now(io);
    uint8_t byte;
    size_t done;
    return now < until_us ? read_some(io, &byte, 1, until_us - now, &done, err) : BKF_OK;
}

bkf_status uart_receive(struct uart_io *io, uint64_t timeout_us, struct uart_reply *r,
                        bkf_error *err)
{
    const uint64_t deadline = uart_now(io) + timeout_us;
    for (;;) {
        if (uart_parser_next(&io->rx, r)) {
            io->frames++;
            return BKF_OK;
        }
        const size_t need = uart_parser_need(&io->rx);
        const size_t partial = uart_parser_partial(&io->rx);
        const uint64_t now = uart_now(io);
        if (now >= deadline) {
            io->timeouts++;
            return uart_error(err, BKF_E_TIMEOUT, "no reply within %u ms",
                              (unsigned)(timeout_us / 1000));
        }
        uint64_t wait = deadline - now;
        const uint64_t stall = uart_wire_us(io, need) + (io->gap_us ? io->gap_us : STALL_US);
        if ((partial || io->gap_us) && wait > stall) {
            wait = stall;
        }
        uint8_t buf[UART_REPLY_MAX];
        size_t done;
        const bkf_status st = read_some(io, buf, need, wait, &done, err);
        if (st != BKF_OK) {
            return st;
        }
        if (!done && (partial || io->gap_us) && uart_now(io) - now >= stall) {
            io->timeouts++;
            return uart_error(err, BKF_E_TIMEOUT, "a reply stopped after %zu bytes, %zu missing",
                              partial, need);
        }
        uart_parser_feed(&io->rx, buf, done);
    }
}

bkf_status uart_drain(struct uart_io *io, uint64_t quiet_us, uint64_t max_us, uint64_t *heard,
                      bkf_error *err)
{
    uint64_t sum = 0;
    const uint64_t start = uart_now(io);
    uint64_t last = start;
    for (;;) {
        const uint64_t now = uart_now(io);
        if (now - last >= quiet_us || now - start >= max_us) {
            break;
        }
        uint8_t buf[256];
        size_t done;
        const bkf_status st = read_some(io, buf, sizeof buf, quiet_us - (now - last), &done, err);
        if (st != BKF_OK) {
            return st;
        }
        if (done) {
            sum += done;
            last = uart_now(io);
        }
    }
    uart_parser_reset(&io->rx);
    if (heard) {
        *heard = sum;
    }
    return BKF_OK;
}

/* The echo is compared only on success: loaders overwrite parts of it in error replies. */
static bool matches(const struct uart_expect *e, const struct uart_reply *r)
{
    if (r->fatal || r->is_long != e->is_long || r->op != e->op) {
        return false;
    }
    if (r->is_long && r->status != UART_ST_OK) {
        return true;
    }
    return r->len >= e->n_echo && memcmp(r->payload, e->echo, e->n_echo) == 0;
}

bkf_status uart_await(struct uart_io *io, const struct uart_expect *e, uint64_t timeout_us,
                      struct uart_reply *r, bkf_error *err)
{
    const uint64_t deadline = uart_now(io) + timeout_us;
    unsigned others = 0;
    for (;;) {
        const uint64_t now = uart_now(io);
        const bkf_status st = uart_receive(io, deadline > now ? deadline - now : 0, r, err);
        if (st != BKF_OK) {
            if (st == BKF_E_TIMEOUT && others) {
                return uart_error(err, st, "no reply to request %02X, but %u others",
                                  (unsigned)e->op, others);
            }
            return st;
        }
        if (r->fatal) {
            return uart_error(err, BKF_E_PROTOCOL,
                              "the loader reported a fatal error and resets itself");
        }
        if (matches(e, r)) {
            return BKF_OK;
        }
        others++;
        io->stale++;
    }
}

bkf_status uart_ask(struct uart_io *io, const uint8_t *req, size_t n, const struct uart_expect *e,
                    uint64_t timeout_us, struct uart_reply *r, bkf_error *err)
{
    const bkf_status st = uart_send(io, req, n, err);
    if (st != BKF_OK) {
        return st;
    }
    const uint64_t now = uart_now(io);
    const uint64_t sending = io->tx_until_us > now ? io->tx_until_us - now : 0;
    return uart_await(io, e, timeout_us + sending + SLACK_US, r, err);
}
