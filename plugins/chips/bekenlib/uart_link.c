/* uart_link.c - getting the link: reset, flood, confirm.
 *
 * The loaders listen for a few milliseconds after reset (5 ms on the mask ROM, so eleven
 * requests at 115200), hence the transmitter never rests: LinkCheck follows LinkCheck until
 * a clean reply is seen.  Then everything queued is drained and the link is proven by
 * single requests with single replies; a stale LinkCheck reply taken for the answer to the
 * next command is a known failure of other tools (hid_download_py issue 3). */
#include "uart.h"
#include <stdio.h>
#include <string.h>

enum {
    FLOOD_FRAMES = 4,      /* 1.7 ms at 115200 */
    FLOOD_AHEAD_US = 6000, /* how much may wait in the adapter */
    QUIET_US = 30000,
    ONE_REPLY_US = 100000,
    WINDOW_US = 300000, /* flood this long after each pulse of the reset line */
    SOFT_RESET_EVERY_US = 1000000,
    SCAN_AFTER_US = 500000
};

static bool is_link_reply(const struct uart_reply *r)
{
    return !r->is_long && !r->fatal && r->op == 0x01 && r->len == 1 && r->payload[0] == 0;
}

bkf_status uart_link_check(struct beken_uart *u, uint64_t timeout_us, bkf_error *err)
{
    uint8_t req[8];
    const size_t n = uart_req_link_check(req);
    const struct uart_expect want = { .op = 0x01, .echo = { 0 }, .n_echo = 1 };
    struct uart_reply r;
    const bkf_status st = uart_ask(&u->io, req, n, &want, timeout_us, &r, err);
    if (st == BKF_OK) {
        u->armed = true; /* the L loader unprotects at the next erase */
    }
    return st;
}

static bool fatal_status(bkf_status st)
{
    return st != BKF_OK && st != BKF_E_TIMEOUT && st != BKF_E_PROTOCOL;
}

/* One request, one reply, silence: twice in a row. */
bkf_status uart_link_confirm(struct beken_uart *u, bkf_error *err)
{
    unsigned good = 0;
    bkf_status st = BKF_E_TIMEOUT;
    for (unsigned tries = 0; tries < 8 && good < 2; tries++) {
        st = uart_link_check(u, ONE_REPLY_US - 60000, err);
        if (fatal_status(st)) {
            return st;
        }
        uint64_t extra = 0;
        if (st != BKF_OK || uart_parser_partial(&u->io.rx)) {
            const bkf_status drained = uart_drain(&u->io, QUIET_US, 500000, &extra, err);
            if (drained != BKF_OK) {
                return drained;
            }
        }
        good = st == BKF_OK && !extra ? good + 1 : 0;
    }
    if (good < 2) {
        return uart_error(err, BKF_E_TIMEOUT, "the loader answers irregularly");
    }
    /* It takes requests in order: it is at the start of one. */
    u->unanswered = 0;
    u->io.n_rest = 0;
    return BKF_OK;
}

static bkf_status send_flood(struct uart_io *io, bkf_error *err)
{
    uint8_t burst[FLOOD_FRAMES * 5];
    for (size_t i = 0; i < FLOOD_FRAMES; i++) {
        uart_req_link_check(burst + i * 5);
    }
    return uart_send(io, burst, sizeof burst, err);
}

/* Look at what is there; true once a clean LinkCheck reply was among it. */
static bkf_status look(struct beken_uart *u, uint32_t wait_ms, bool *linked, bkf_error *err)
{
    uint8_t buf[64];
    size_t done = 0;
    bkf_error local = BKF_ERROR_INIT;
    const bkf_status st =
        u->io.ops->read(u->io.self, buf, wait_ms ? 1 : sizeof buf, wait_ms, &done, &local);
    if (st != BKF_OK && st != BKF_E_TIMEOUT) {
        if (err) {
            *err = local;
        }
        return st;
    }
    uart_capture_take(&u->capture, buf, done);
    size_t fed = 0;
    do {
        fed += uart_parser_feed(&u->io.rx, buf + fed, done - fed);
        struct uart_reply r;
        while (uart_parser_next(&u->io.rx, &r)) {
            if (is_link_reply(&r)) {
                u->capture.replies++;
                *linked = true;
            }
        }
    } while (fed < done);
    return BKF_OK;
}

static bkf_status flood(struct beken_uart *u, uint64_t us, bool *linked, bkf_error *err)
{
    struct uart_io *io = &u->io;
    const uint64_t end = uart_now(io) + us;
    while (!*linked) {
        if (uart_stopped(io)) {
            return uart_error(err, BKF_E_CANCELLED, "cancelled while waiting for the chip");
        }
        const uint64_t now = uart_now(io);
        if (now >= end) {
            return BKF_OK;
        }
        bkf_status st;
        if (io->tx_until_us <= now + FLOOD_AHEAD_US) {
            st = send_flood(io, err);
            if (st == BKF_OK) {
                st = look(u, 0, linked, err);
            }
        } else {
            st = look(u, 1, linked, err);
        }
        if (st != BKF_OK) {
            return st;
        }
    }
    return BKF_OK;
}

/* Ask a running application to reboot: its command line, and Beken's own frame. */
static bkf_status soft_reset(struct beken_uart *u, bkf_error *err)
{
    uint8_t frame[16];
    const size_t n = uart_req_app_reboot(frame);
    bkf_status st = uart_send(&u->io, (const uint8_t *)"\r\nreboot\r\n", 10, err);
    if (st == BKF_OK) {
        st = uart_send(&u->io, frame, n, err);
    }
    return st;
}

static bkf_status pulse_reset(struct beken_uart *u, bkf_error *err)
{
    const bkf_links *links = u->io.links;
    bkf_status st = links->signal(links, "cen", 0, err);
    if (st == BKF_E_UNSUPPORTED) {
        u->has_reset = false;
        return BKF_OK;
    }
    if (st != BKF_OK) {
        return st;
    }
    u->has_reset = true;
    u->resets++;
    u->unanswered = 0;
    u->io.n_rest = 0;
    uart_sleep(&u->io, u->cfg.reset_us);
    u->io.ops->purge(u->io.self, NULL);
    uart_parser_reset(&u->io.rx);
    /* The transmitter is busy before the chip starts to listen. */
    st = send_flood(&u->io, err);
    if (st == BKF_OK) {
        st = links->signal(links, "cen", 1, err);
    }
    return st;
}

/* Drain what the flood left behind, then prove the link. */
static bkf_status settle(struct beken_uart *u, bkf_error *err)
{
    bkf_status st = uart_drain(&u->io, QUIET_US, 600000, NULL, err);
    if (st == BKF_OK) {
        st = uart_link_confirm(u, err);
    }
    return st;
}

static bkf_status start_rate(struct beken_uart *u, bkf_error *err)
{
    uint32_t got;
    return uart_setup(&u->io, u->cfg.start_baud, &got, err);
}

/* A loader that an earlier run left at a higher rate stays there: the ROM never returns to
 * 115200 by itself.  That run may have had another limit, or our own odd one. */
static bkf_status scan_rates(struct beken_uart *u, bool *linked, bkf_error *err)
{
    const uint32_t rates[] = { 921600, 2000000, 1500000, 1000000, 460800, 230400, u->ladder.cap };
    bkf_error local = BKF_ERROR_INIT;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (uart_link_host(u, rates[i], &local) != BKF_OK) {
            continue;
        }
        bkf_status st = uart_link_check(u, 1000, &local);
        if (st == BKF_OK) {
            u->capture.other_baud = rates[i];
            st = uart_link_confirm(u, &local);
        }
        if (st == BKF_OK) {
            uart_log(&u->io, BKF_LOG_INFO, "the loader is still linked at %u baud",
                     (unsigned)rates[i]);
            st = uart_link_lower(u, &local);
            *linked = st == BKF_OK;
            u->capture.above_cap = st == BKF_E_NO_LINK;
            if (*linked) {
                return BKF_OK;
            }
            if (u->capture.above_cap) {
                break; /* a reset can still bring it down */
            }
        }
        if (fatal_status(st)) {
            *err = local;
            return st;
        }
        uart_parser_reset(&u->io.rx);
    }
    return start_rate(u, err);
}

/* One round: reset by whatever means there are, flood, confirm. */
static bkf_status try_once(struct beken_uart *u, uint64_t window_us, bool *up, bkf_error *err)
{
    bool linked = false;
    bkf_status st = BKF_OK;
    if (u->has_reset) {
        st = pulse_reset(u, err);
    } else if (u->cfg.soft_reset) {
        u->resets++;
        st = soft_reset(u, err);
    }
    if (st == BKF_OK) {
        st = flood(u, window_us, &linked, err);
    }
    if (st != BKF_OK || !linked) {
        return st;
    }
    st = settle(u, err);
    *up = st == BKF_OK;
    return fatal_status(st) ? st : BKF_OK;
}

static bkf_status link_rounds(struct beken_uart *u, bkf_error *err)
{
    const uint64_t start = uart_now(&u->io);
    const uint64_t end = start + u->cfg.link_timeout_us;
    bool scanned = false, up = false;
    u->has_reset = true; /* until the host says that no line is wired */
    for (unsigned round = 0;; round++) {
        const uint64_t window = u->has_reset ? WINDOW_US : SOFT_RESET_EVERY_US;
        bkf_status st = try_once(u, round == 0 ? WINDOW_US : window, &up, err);
        if (st != BKF_OK || up) {
            return st;
        }
        const uint64_t now = uart_now(&u->io);
        if (!scanned && now - start >= SCAN_AFTER_US) {
            scanned = true;
            st = scan_rates(u, &up, err);
            if (st != BKF_OK || up) {
                return st;
            }
        }
        if (now >= end) {
            return BKF_E_TIMEOUT;
        }
        char note[120];
        snprintf(note, sizeof note, "%s, %u s, %llu bytes received",
                 u->has_reset ? "resetting the chip"
                              : "waiting for a reset of the chip (power or CEN)",
                 (unsigned)((now - start) / 1000000), (unsigned long long)u->capture.total);
        uart_note(&u->io, note);
    }
}

bkf_status uart_link_up(struct beken_uart *u, bkf_error *err)
{
    bool up = false;
    bkf_status st = BKF_OK;
    u->linked = u->armed = u->writable = u->pending = false;
    if (u->unanswered && uart_family_of(u) == UART_L) {
        /* It would take a flood for the rest of what it waits for, an erase even. */
        st = uart_link_find(u, u->unanswered_op, &up, err);
    }
    if (st == BKF_OK && !up) {
        st = start_rate(u, err);
    }
    if (st != BKF_OK || up) {
        u->linked = up;
        return st;
    }
    u->io.ops->purge(u->io.self, NULL);
    uart_parser_reset(&u->io.rx);
    u->io.tx_until_us = 0;
    uart_capture_start(&u->capture);
    u->io.capture = &u->capture;
    st = link_rounds(u, err);
    if (st == BKF_E_TIMEOUT) {
        st = uart_diagnose(u, err);
    }
    u->io.capture = NULL;
    if (st == BKF_OK) {
        st = uart_link_lower(u, err);
    }
    u->linked = st == BKF_OK;
    return st;
}
