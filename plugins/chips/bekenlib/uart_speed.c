/* uart_speed.c - keeping the link, changing its speed, finding it again. */
#include "uart.h"
#include <stdlib.h>
#include <string.h>

enum {
    IDLE_US = 50000, /* the L loader may reset itself from 130 ms on */
    QUIET_US = 30000,
    REPLY_US = 40000,
    SETTLE_US = 5000, /* bytes in an USB adapter after it reported them sent */
    FILLER = 256,
    FILLER_BURSTS = 18, /* covers a whole Write4K */
    LOWER_TRIES = 4,
    SETUP_TRIES = 2
};

static bool link_trouble(bkf_status st)
{
    return st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL;
}

bkf_status uart_link_keep(struct beken_uart *u, bkf_error *err)
{
    if (!u->linked) {
        return uart_error(err, BKF_E_NO_LINK, "the link is not up");
    }
    if (u->unanswered) {
        return uart_link_recover(u, u->unanswered_op, err);
    }
    if (uart_family_of(u) == UART_ROM || uart_now(&u->io) - u->io.last_us < IDLE_US) {
        return BKF_OK;
    }
    bkf_error local = BKF_ERROR_INIT;
    bkf_status st = uart_link_check(u, REPLY_US, &local);
    if (link_trouble(st)) {
        st = uart_link_recover(u, UART_LINK_CHECK, err);
    } else if (st != BKF_OK && err) {
        *err = local;
    }
    return st;
}

/* Deviation of the two ends in tenths of a percent; the loaders divide 26 MHz. */
static uint32_t mismatch(uint32_t want, uint32_t got)
{
    const uint32_t divider = (26000000u + want / 2) / want;
    const uint32_t device = 26000000u / (divider ? divider : 1);
    const uint32_t host = got ? got : want;
    const uint32_t diff = device > host ? device - host : host - device;
    return (uint32_t)((uint64_t)diff * 1000 / host);
}

bkf_status uart_link_host(struct beken_uart *u, uint32_t baud, bkf_error *err)
{
    uint32_t got = 0;
    bkf_error local = BKF_ERROR_INIT;
    const bkf_status st = uart_setup(&u->io, baud, &got, &local);
    if (st != BKF_OK) {
        return uart_error(err, BKF_E_UNSUPPORTED, "the adapter cannot do %u baud: %s",
                          (unsigned)baud, local.message);
    }
    if (mismatch(baud, got) > 25) {
        return uart_error(err, BKF_E_UNSUPPORTED,
                          "at %u baud adapter and chip would differ by more than 2.5 %%",
                          (unsigned)baud);
    }
    return BKF_OK;
}

static bkf_status adapter_can(struct beken_uart *u, uint32_t baud, bkf_error *err)
{
    const uint32_t old = u->io.baud;
    const bkf_status st = uart_link_host(u, baud, err);
    bkf_error local = BKF_ERROR_INIT;
    uint32_t got;
    const bkf_status back = uart_setup(&u->io, old, &got, &local);
    if (back != BKF_OK) {
        *err = local;
    }
    return back != BKF_OK ? back : st;
}

/* Is anybody there at this rate?  Leaves the host at it if so. */
static bkf_status answers_at(struct beken_uart *u, uint32_t baud, bool *yes, bkf_error *err)
{
    uint32_t got;
    *yes = false;
    bkf_status st = uart_setup(&u->io, baud, &got, err);
    if (st == BKF_OK) {
        st = uart_drain(&u->io, QUIET_US, 300000, NULL, err);
    }
    if (st != BKF_OK) {
        return st;
    }
    bkf_error local = BKF_ERROR_INIT;
    st = uart_link_confirm(u, &local);
    *yes = st == BKF_OK;
    if (st != BKF_OK && !link_trouble(st)) {
        *err = local;
        return st;
    }
    return BKF_OK;
}

static bkf_status switch_rate(struct beken_uart *u, uint32_t baud, bkf_error *err)
{
    uint8_t req[16];
    const uint8_t delay = (uint8_t)u->cfg.baud_delay_ms;
    if (baud > u->ladder.cap) {
        return uart_error(err, BKF_E_UNSUPPORTED, "%u baud is above the limit of %u",
                          (unsigned)baud, (unsigned)u->ladder.cap);
    }
    const size_t n = uart_req_set_baud(req, baud, delay);
    struct uart_expect want = { .op = UART_SET_BAUD, .n_echo = 5 };
    memcpy(want.echo, req + 5, 5);
    bkf_status st = uart_put(u, req, n, err);
    if (st != BKF_OK) {
        return st;
    }
    const uint64_t now = uart_now(&u->io);
    const uint64_t left = u->io.tx_until_us > now ? u->io.tx_until_us - now : 0;
    uart_sleep(&u->io, left + SETTLE_US);
    uint32_t got;
    st = uart_setup(&u->io, baud, &got, err);
    for (unsigned again = 0; link_trouble(st) && again < SETUP_TRIES; again++) {
        st = uart_setup(&u->io, baud, &got, err); /* the chip has changed already */
    }
    if (st != BKF_OK) {
        u->pending = false;
        return st;
    }
    struct uart_reply r;
    return uart_reply_to(u, &want, (uint64_t)delay * 2100u + 200000u, &r, err);
}

bkf_status uart_link_baud(struct beken_uart *u, uint32_t baud, bkf_error *err)
{
    const uint32_t old = u->io.baud;
    if (baud == old) {
        return BKF_OK;
    }
    bkf_status st = adapter_can(u, baud, err);
    if (st != BKF_OK) {
        return st;
    }
    bkf_error local = BKF_ERROR_INIT;
    st = switch_rate(u, baud, &local);
    if (st == BKF_OK) {
        st = uart_link_confirm(u, &local);
        if (st == BKF_OK) {
            return BKF_OK;
        }
    }
    if (!link_trouble(st)) {
        *err = local;
        return st;
    }
    /* The switch may have happened and only the reply was lost, or the request was. */
    const uint32_t tries[] = { baud, old };
    for (size_t i = 0; i < 2; i++) {
        bool yes;
        st = answers_at(u, tries[i], &yes, err);
        if (st != BKF_OK) {
            return st;
        }
        if (yes && tries[i] == baud) {
            return BKF_OK;
        }
        if (yes) {
            return uart_error(err, BKF_E_TIMEOUT, "the chip did not change to %u baud",
                              (unsigned)baud);
        }
    }
    st = uart_link_recover(u, UART_SET_BAUD, err);
    return st != BKF_OK ? st
                        : uart_error(err, BKF_E_TIMEOUT, "the link does not hold at %u baud",
                                     (unsigned)baud);
}

/* The L loader waits for ever for the rest of a frame.  FF completes an erase with an
 * address it refuses, programs nothing, and is never the start of a frame.  A CheckCRC is
 * completed with 00: with FF its range would be endless. */
static bkf_status push_filler(struct beken_uart *u, uint8_t kind, bool *alive, bkf_error *err)
{
    uint8_t filler[FILLER];
    const bool crc = kind == UART_CHECK_CRC;
    memset(filler, crc ? 0x00 : 0xFF, sizeof filler);
    for (unsigned i = 0; i < FILLER_BURSTS; i++) {
        bkf_status st = uart_send(&u->io, filler, sizeof filler, err);
        if (st == BKF_OK) {
            st = uart_drain(&u->io, 2 * QUIET_US + uart_wire_us(&u->io, FILLER),
                            uart_wire_us(&u->io, 2 * UART_REPLY_MAX) + 500000, NULL, err);
        }
        if (st != BKF_OK) {
            return st;
        }
        bkf_error local = BKF_ERROR_INIT;
        st = uart_link_check(u, REPLY_US, &local);
        if (st == BKF_OK) {
            *alive = true;
            return BKF_OK;
        }
        if (!link_trouble(st)) {
            *err = local;
            return st;
        }
        if (uart_stopped(&u->io)) {
            return uart_error(err, BKF_E_CANCELLED, "cancelled while the link was being restored");
        }
    }
    return BKF_OK;
}

/* A request that was cut is completed, and one that a cancel left behind is waited for: a
 * loader at work loses what is sent meanwhile. */
static bkf_status let_finish(struct beken_uart *u, bkf_error *err)
{
    const uint64_t longest = uart_wire_us(&u->io, 2 * UART_REPLY_MAX) + 500000;
    bkf_status st = BKF_OK;
    if (u->io.n_rest) {
        uint8_t rest[sizeof u->io.rest];
        const size_t n = u->io.n_rest;
        memcpy(rest, u->io.rest, n);
        st = uart_send(&u->io, rest, n, err);
    }
    if (st == BKF_OK && u->unanswered) {
        st = uart_hear(&u->io, u->due_us, err);
    }
    return st == BKF_OK ? uart_drain(&u->io, QUIET_US, longest, NULL, err) : st;
}

/* Is the loader still there at this rate? */
static bkf_status find_here(struct beken_uart *u, uint8_t kind, bool *alive, bkf_error *err)
{
    bkf_status st = let_finish(u, err);
    if (st != BKF_OK) {
        return st;
    }
    if (uart_family_of(u) == UART_L) {
        /* An unfinished erase completed by a LinkCheck could hit the loader itself: filler
         * goes first, always. */
        st = push_filler(u, kind, alive, err);
        return st;
    }
    for (unsigned i = 0; i < 3 && !*alive; i++) {
        bkf_error local = BKF_ERROR_INIT;
        st = uart_link_check(u, REPLY_US, &local);
        *alive = st == BKF_OK;
        if (*alive) {
            break;
        }
        if (!link_trouble(st)) {
            *err = local;
            return st;
        }
        /* The ROM gives up on an unfinished request by itself after about half a second. */
        st = uart_drain(&u->io, 1000000, 2000000, NULL, err);
        if (st != BKF_OK) {
            return st;
        }
    }
    return BKF_OK;
}

bkf_status uart_link_lower(struct beken_uart *u, bkf_error *err)
{
    const uint32_t from = u->io.baud;
    const uint32_t to = u->ladder.cap < u->cfg.start_baud ? u->ladder.cap : u->cfg.start_baud;
    if (from <= u->ladder.cap) {
        return BKF_OK;
    }
    bkf_error local = BKF_ERROR_INIT;
    bkf_status st = adapter_can(u, to, err);
    bool there = false, here = st == BKF_OK;
    for (unsigned tries = 0; here && !there && tries < LOWER_TRIES; tries++) {
        st = switch_rate(u, to, &local);
        if (st != BKF_OK && !link_trouble(st)) {
            *err = local;
            return st;
        }
        /* The reply alone may have been lost, or the request. */
        st = answers_at(u, to, &there, err);
        if (st == BKF_OK && !there) {
            uint32_t got;
            st = uart_setup(&u->io, from, &got, err);
        }
        if (st == BKF_OK && !there) {
            here = false;
            st = find_here(u, UART_SET_BAUD, &here, err);
        }
        if (st != BKF_OK) {
            return st;
        }
    }
    if (there) {
        uart_log(&u->io, BKF_LOG_INFO, "down from %u to %u baud: the limit is %u", (unsigned)from,
                 (unsigned)to, (unsigned)u->ladder.cap);
        return BKF_OK;
    }
    return st != BKF_OK ? st
                        : uart_error(err, BKF_E_NO_LINK,
                                     "the loader is linked at %u baud, above the limit of %u, and "
                                     "does not come down",
                                     (unsigned)from, (unsigned)u->ladder.cap);
}

bkf_status uart_link_find(struct beken_uart *u, uint8_t kind, bool *alive, bkf_error *err)
{
    *alive = u->pending = false;
    bkf_status st = find_here(u, u->unanswered ? u->unanswered_op : kind, alive, err);
    if (st != BKF_OK) {
        return st;
    }
    u->unanswered = 0; /* all was done that can be */
    if (*alive) {
        bkf_error local = BKF_ERROR_INIT;
        st = uart_link_confirm(u, &local);
        *alive = st == BKF_OK;
        if (st != BKF_OK && !link_trouble(st)) {
            *err = local;
            return st;
        }
    }
    return BKF_OK;
}

bkf_status uart_link_recover(struct beken_uart *u, uint8_t kind, bkf_error *err)
{
    bool alive = false;
    bkf_status st = uart_link_find(u, kind, &alive, err);
    if (st == BKF_OK && alive) {
        return BKF_OK;
    }
    const uint32_t start = u->cfg.start_baud;
    if (st == BKF_OK && u->io.baud != start) {
        st = answers_at(u, start, &alive, err);
        if (st == BKF_OK && alive) {
            return uart_link_lower(u, err);
        }
    }
    return st != BKF_OK ? st : uart_link_again(u, err);
}

bkf_status uart_link_again(struct beken_uart *u, bkf_error *err)
{
    enum { RELINKS_MAX = 8 };
    if (++u->relinks > RELINKS_MAX) {
        u->linked = false;
        return uart_error(err, BKF_E_NO_LINK, "the link was lost %u times; check supply and wiring",
                          u->relinks - 1);
    }
    uart_log(&u->io, BKF_LOG_WARN, "the link is lost; linking again");
    bkf_status st = uart_link_up(u, err);
    if (st == BKF_OK && u->id.done) {
        st = uart_same_chip(u, err);
    }
    /* The application may have run meanwhile and protected the flash: a write would be
     * answered with status 0 and change nothing. */
    if (st == BKF_OK && u->unlocked && u->id.family == UART_ROM) {
        st = uart_rom_set_status(u, 0, uart_protect_mask(u), err);
    }
    return st;
}
