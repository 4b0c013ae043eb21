/* uart_diag.c - no link: what the received bytes say about the reason. */
#include "uart.h"
#include <stdio.h>
#include <string.h>

void uart_capture_start(struct uart_capture *c)
{
    memset(c, 0, sizeof *c);
}

void uart_capture_take(struct uart_capture *c, const uint8_t *bytes, size_t n)
{
    static const uint8_t own[5] = { 0x01, 0xE0, 0xFC, 0x01, 0x00 };
    for (size_t i = 0; i < n; i++) {
        memmove(c->window, c->window + 1, 4);
        c->window[4] = bytes[i];
        c->echoes += memcmp(c->window, own, sizeof own) == 0;
    }
    c->total += n;
    if (n >= sizeof c->bytes) {
        memcpy(c->bytes, bytes + n - sizeof c->bytes, sizeof c->bytes);
        c->len = sizeof c->bytes;
        return;
    }
    if (c->len + n > sizeof c->bytes) {
        const size_t over = c->len + n - sizeof c->bytes;
        memmove(c->bytes, c->bytes + over, c->len - over);
        c->len -= over;
    }
    memcpy(c->bytes + c->len, bytes, n);
    c->len += n;
}

static bool text_byte(uint8_t b)
{
    return (b >= 0x20 && b < 0x7F) || b == '\r' || b == '\n' || b == '\t' || b == 0x1B;
}

/* True if the bytes read like a log; quote gets the last whole line of it. */
static bool looks_like_text(const struct uart_capture *c, char quote[80])
{
    size_t good = 0;
    for (size_t i = 0; i < c->len; i++) {
        good += text_byte(c->bytes[i]);
    }
    if (c->len < 8 || good * 20 < c->len * 19) {
        return false;
    }
    size_t end = c->len;
    while (end && c->bytes[end - 1] < 0x20) {
        end--;
    }
    size_t start = end;
    while (start && c->bytes[start - 1] >= 0x20 && end - start < 70) {
        start--;
    }
    size_t n = 0;
    for (size_t i = start; i < end; i++) {
        quote[n++] = text_byte(c->bytes[i]) && c->bytes[i] >= 0x20 ? (char)c->bytes[i] : '.';
    }
    quote[n] = '\0';
    return true;
}

static const char *reset_hint(const struct beken_uart *u)
{
    return u->has_reset ? "the profile's reset line was pulsed each time"
                        : "reset the chip while this runs (power off and on, or CEN to GND for "
                          "a quarter of a second); it only listens right after a reset";
}

static void hex_of(const struct uart_capture *c, char out[64])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = c->len > 12 ? c->len - 12 : 0; i < c->len; i++) {
        n += (size_t)snprintf(out + n, 64 - n, "%s%02X", n ? " " : "", c->bytes[i]);
    }
}

/* Listen without sending at the rates an application may print at. */
static uint32_t rate_with_text(struct beken_uart *u, char quote[80])
{
    static const uint32_t rates[] = { 921600, 460800, 230400, 1500000, 2000000, 57600, 9600 };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        bkf_error err = BKF_ERROR_INIT;
        uint32_t got;
        if (uart_setup(&u->io, rates[i], &got, &err) != BKF_OK) {
            continue;
        }
        uart_capture_start(&u->capture);
        if (uart_drain(&u->io, 150000, 150000, NULL, &err) != BKF_OK) {
            return 0;
        }
        if (looks_like_text(&u->capture, quote)) {
            return rates[i];
        }
    }
    return 0;
}

static bkf_status diagnose_garbage(struct beken_uart *u, bkf_error *err)
{
    const struct uart_capture seen = u->capture;
    const char *tx = u->io.links->where(u->io.links, "tx");
    char quote[80];
    if (looks_like_text(&seen, quote)) {
        return uart_error(err, BKF_E_NO_LINK,
                          "the loader does not answer, but the application's log arrives on %s "
                          "at %u baud: \"%s\"; so power and %s are right and the chip runs; %s, "
                          "and check %s",
                          tx, (unsigned)UART_START_BAUD, quote, tx, reset_hint(u),
                          u->io.links->where(u->io.links, "rx"));
    }
    char hex[64];
    hex_of(&seen, hex);
    const uint32_t rate = rate_with_text(u, quote);
    if (rate) {
        return uart_error(err, BKF_E_NO_LINK,
                          "the loader does not answer; the application prints at %u baud: "
                          "\"%s\"; power and %s are right; %s",
                          (unsigned)rate, quote, tx, reset_hint(u));
    }
    return uart_error(err, BKF_E_NO_LINK,
                      "the loader does not answer; %llu bytes that make no sense at %u baud "
                      "arrived on %s (last: %s): another device on the line, a wrong level, or a "
                      "program at an unusual rate; disconnect what else drives the line; %s",
                      (unsigned long long)seen.total, (unsigned)UART_START_BAUD, tx, hex,
                      reset_hint(u));
}

bkf_status uart_diagnose(struct beken_uart *u, bkf_error *err)
{
    const struct uart_capture *c = &u->capture;
    const char *rx = u->io.links->where(u->io.links, "rx");
    const char *tx = u->io.links->where(u->io.links, "tx");
    if (c->above_cap) {
        return uart_error(err, BKF_E_NO_LINK,
                          "the loader answers at %u baud, where an earlier run or another program "
                          "left it, and does not come down to the limit of %u: reset the chip "
                          "(power off and on, or CEN to GND), which brings it back to %u, or allow "
                          "that rate (baud)",
                          (unsigned)c->other_baud, (unsigned)u->ladder.cap,
                          (unsigned)UART_START_BAUD);
    }
    if (c->other_baud) {
        return uart_error(err, BKF_E_NO_LINK,
                          "the loader answered at %u baud, where an earlier run or another program "
                          "left it, but the link did not hold there: reset the chip (power off "
                          "and on, or CEN to GND), which brings it back to %u, and check %s and %s",
                          (unsigned)c->other_baud, (unsigned)UART_START_BAUD, rx, tx);
    }
    if (c->replies) {
        return uart_error(err, BKF_E_NO_LINK,
                          "the loader answered %u times and then fell silent: the supply breaks "
                          "down (use a separate 3.3 V supply for 300 mA or more), the chip was "
                          "reset again, or %s and %s make poor contact",
                          (unsigned)c->replies, rx, tx);
    }
    if (c->total == 0) {
        return uart_error(err, BKF_E_NO_LINK,
                          "no byte came back in %u resets: check power, common ground, and that "
                          "the two lines are crossed: %s and %s; %s",
                          (unsigned)u->resets, rx, tx, reset_hint(u));
    }
    if (c->echoes * 5 * 2 >= c->total) {
        return uart_error(err, BKF_E_NO_LINK,
                          "what comes back is what was sent: the lines are joined (%s, %s), or "
                          "the adapter echoes; separate them",
                          rx, tx);
    }
    return diagnose_garbage(u, err);
}
