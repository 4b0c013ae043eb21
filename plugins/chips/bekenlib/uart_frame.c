/* uart_frame.c - the one reply parser: length by header, resync byte by byte. */
#include "uart_frame.h"
#include <string.h>

const char *uart_status_text(uint8_t status)
{
    static const char *const texts[] = { "done",
                                         "flash still busy",
                                         "flash bus timed out",
                                         "flash operation timed out",
                                         "request has the wrong length",
                                         "request arrived incomplete",
                                         "address or length refused",
                                         "request not known" };
    return status < sizeof texts / sizeof texts[0] ? texts[status] : "undocumented status";
}

enum verdict { NOT_A_FRAME, SHORT_OF_BYTES, COMPLETE };

/* True while b[0..n) could be the start of pattern (0x100 = any byte). */
static bool starts_like(const uint8_t *b, size_t n, const uint16_t *pattern, size_t len)
{
    for (size_t i = 0; i < n && i < len; i++) {
        if (pattern[i] != 0x100 && pattern[i] != b[i]) {
            return false;
        }
    }
    return true;
}

/* Short replies: length byte 4..0x20; the loaders answer with 29 bytes at most. */
static enum verdict classify_short(const uint8_t *b, size_t n, size_t *total)
{
    if (n < 3) {
        *total = 7;
        return SHORT_OF_BYTES;
    }
    if (b[2] < 4 || b[2] > 0x20) {
        return NOT_A_FRAME;
    }
    *total = 3u + b[2];
    /* A request that arrived cut short is answered with its own bytes behind a "05" and a
     * length that is one too high (bk_idk bl_tra_hcit.c). */
    if (n >= 7 && b[6] == 0x05) {
        *total -= 1;
    }
    if (n < 7) {
        *total = 7;
        return SHORT_OF_BYTES;
    }
    return n < *total ? SHORT_OF_BYTES : COMPLETE;
}

static enum verdict classify_long(const uint8_t *b, size_t n, size_t *total)
{
    if (n < 10) {
        *total = 11; /* the shortest long reply: opcode and status */
        if (n >= 9) {
            const size_t count = (size_t)b[7] | (size_t)b[8] << 8;
            return count < 2 || count > 0x1006 ? NOT_A_FRAME : SHORT_OF_BYTES;
        }
        return SHORT_OF_BYTES;
    }
    const size_t count = (size_t)b[7] | (size_t)b[8] << 8;
    if (count < 2 || count > 0x1006) {
        return NOT_A_FRAME;
    }
    *total = 9 + count;
    if (b[9] == UART_SPI && count == 5) {
        *total = 15; /* some ROMs count one byte less than they send here */
    }
    return n < *total ? SHORT_OF_BYTES : COMPLETE;
}

static enum verdict classify(const uint8_t *b, size_t n, size_t *total)
{
    static const uint16_t event[] = { 0x04, 0x0E, 0x100, 0x01, 0xE0, 0xFC };
    static const uint16_t flash[] = { 0x04, 0x0E, 0xFF, 0x01, 0xE0, 0xFC, 0xF4 };
    static const uint16_t fatal[] = { 0x01, 0x0E, 0x04, 0x01, 0xE0, 0xFC, 0xEE };
    if (starts_like(b, n, fatal, 7)) {
        *total = 7;
        return n < 7 ? SHORT_OF_BYTES : COMPLETE;
    }
    if (!starts_like(b, n, event, 6)) {
        return NOT_A_FRAME;
    }
    if (n >= 3 && b[2] == 0xFF) {
        return starts_like(b, n, flash, 7) ? classify_long(b, n, total) : NOT_A_FRAME;
    }
    return classify_short(b, n, total);
}

static void drop(struct uart_parser *p, size_t n)
{
    p->len -= n;
    memmove(p->buf, p->buf + n, p->len);
}

/* Leaves the buffer at the start of something that may be a frame. */
static enum verdict resync(struct uart_parser *p, size_t *total)
{
    if (p->taken) {
        drop(p, p->taken);
        p->taken = 0;
    }
    size_t skip = 0;
    enum verdict v = SHORT_OF_BYTES;
    *total = 7;
    while (skip < p->len) {
        v = classify(p->buf + skip, p->len - skip, total);
        if (v != NOT_A_FRAME) {
            break;
        }
        skip++;
    }
    if (skip) {
        p->garbage += skip;
        drop(p, skip);
    }
    if (!p->len) {
        *total = 7;
        return SHORT_OF_BYTES;
    }
    return v;
}

void uart_parser_reset(struct uart_parser *p)
{
    p->len = 0;
    p->taken = 0;
    p->garbage = 0;
}

size_t uart_parser_feed(struct uart_parser *p, const uint8_t *bytes, size_t n)
{
    if (p->taken) {
        drop(p, p->taken);
        p->taken = 0;
    }
    const size_t room = sizeof p->buf - p->len;
    const size_t take = n < room ? n : room;
    if (take) {
        memcpy(p->buf + p->len, bytes, take);
        p->len += take;
    }
    return take;
}

bool uart_parser_next(struct uart_parser *p, struct uart_reply *r)
{
    size_t total;
    if (resync(p, &total) != COMPLETE) {
        return false;
    }
    p->taken = total;
    *r = (struct uart_reply){ .size = total };
    if (p->buf[0] == 0x01) {
        r->fatal = true;
        r->op = p->buf[6];
    } else if (p->buf[2] == 0xFF) {
        r->is_long = true;
        r->op = p->buf[9];
        r->status = p->buf[10];
        r->payload = p->buf + 11;
        r->len = total - 11;
    } else {
        r->op = p->buf[6];
        r->payload = p->buf + 7;
        r->len = total - 7;
    }
    return true;
}

size_t uart_parser_need(struct uart_parser *p)
{
    size_t total;
    if (resync(p, &total) == COMPLETE) {
        return 1;
    }
    return total > p->len ? total - p->len : 1;
}

size_t uart_parser_partial(const struct uart_parser *p)
{
    return p->len - p->taken;
}
