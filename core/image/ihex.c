/* Intel HEX, both ways. */
#include "ihex.h"
#include "bytes.h"
#include <stdio.h>
#include <stdlib.h>

enum { TYPE_DATA, TYPE_END, TYPE_SEGMENT, TYPE_START_SEGMENT, TYPE_LINEAR, TYPE_START_LINEAR };

struct record {
    uint8_t len, type, data[255];
    uint16_t addr;
};

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bkf_status bad(bkf_error *err, size_t line, const char *what)
{
    return error_set(err, BKF_E_IMAGE, "line %zu of the HEX file: %s", line, what);
}

/* One line without its end. */
static bkf_status record_read(const char *s, size_t n, size_t line, struct record *r,
                              bkf_error *err)
{
    uint8_t b[260] = { 0 };
    if (n < 11 || n % 2 == 0 || s[0] != ':')
        return bad(err, line, "not a record (':' and pairs of hex digits)");
    if ((n - 1) / 2 > sizeof b)
        return bad(err, line, "too long");
    for (size_t i = 0; i < (n - 1) / 2; i++) {
        int hi = nibble(s[1 + 2 * i]), lo = nibble(s[2 + 2 * i]);
        if (hi < 0 || lo < 0)
            return bad(err, line, "not a hex digit");
        b[i] = (uint8_t)(hi << 4 | lo);
    }
    if (b[0] + 5u != (n - 1) / 2)
        return bad(err, line, "its length byte does not match the line");
    if (byte_sum(b, b[0] + 5u) & 0xFF)
        return bad(err, line, "checksum is wrong");
    r->len = b[0];
    r->addr = (uint16_t)(b[1] << 8 | b[2]);
    r->type = b[3];
    memcpy(r->data, b + 4, r->len);
    return BKF_OK;
}

struct image {
    uint64_t upper, low, high;
    uint8_t *out; /* NULL in the first pass, which measures */
    bool ended;
};

static bkf_status apply(struct image *img, const struct record *r, size_t line, bkf_error *err)
{
    unsigned value = r->len >= 2 ? (unsigned)(r->data[0] << 8 | r->data[1]) : 0;
    switch (r->type) {
    case TYPE_END:
        img->ended = true;
        return BKF_OK;
    case TYPE_SEGMENT:
        if (r->len != 2)
            return bad(err, line, "a segment record has two bytes");
        img->upper = (uint64_t)value << 4;
        return BKF_OK;
    case TYPE_LINEAR:
        if (r->len != 2)
            return bad(err, line, "an address record has two bytes");
        img->upper = (uint64_t)value << 16;
        return BKF_OK;
    case TYPE_START_SEGMENT:
    case TYPE_START_LINEAR:
        return BKF_OK;
    case TYPE_DATA:
        break;
    default:
        return bad(err, line, "record type is not known");
    }
    uint64_t at = img->upper + r->addr, end = at + r->len;
    if (end > UINT32_MAX)
        return bad(err, line, "address past 4 GiB");
    if (r->len == 0)
        return BKF_OK;
    if (img->out) {
        memcpy(img->out + (at - img->low), r->data, r->len);
    } else {
        img->low = at < img->low ? at : img->low;
        img->high = end > img->high ? end : img->high;
    }
    return BKF_OK;
}

static bkf_status walk(const char *text, size_t n, struct image *img, bkf_error *err)
{
    img->upper = 0;
    img->ended = false;
    size_t at = 0, line = 1;
    for (; at < n; line++) {
        const char *nl = memchr(text + at, '\n', n - at);
        size_t end = nl ? (size_t)(nl - text) : n, len = end - at;
        while (len > 0 && (text[at + len - 1] == '\r' || text[at + len - 1] == ' '))
            len--;
        struct record r = { .len = 0 };
        if (len > 0) {
            if (img->ended)
                return bad(err, line, "text after the end record");
            bkf_status st = record_read(text + at, len, line, &r, err);
            if (!st)
                st = apply(img, &r, line, err);
            if (st)
                return st;
        }
        at = end + 1;
    }
    if (!img->ended)
        return bad(err, line, "the file ends without an end record: it is cut short");
    return BKF_OK;
}

bkf_status ihex_read(const char *text, size_t n, size_t max, uint8_t **out, size_t *out_len,
                     uint32_t *base, bkf_error *err)
{
    struct image img = { .low = UINT64_MAX };
    *out = NULL;
    bkf_status st = walk(text, n, &img, err);
    if (st)
        return st;
    if (img.high == 0)
        return error_set(err, BKF_E_IMAGE, "the HEX file has no data");
    if (img.high - img.low > max)
        return error_set(err, BKF_E_IMAGE,
                         "the HEX file spans 0x%llx bytes from 0x%llx, more than any flash here",
                         (unsigned long long)(img.high - img.low), (unsigned long long)img.low);
    img.out = malloc(img.high - img.low);
    if (!img.out)
        return error_set(err, BKF_E_NOMEM, "no memory");
    memset(img.out, 0xFF, img.high - img.low);
    st = walk(text, n, &img, err);
    if (st) {
        free(img.out);
        return st;
    }
    *out = img.out;
    *out_len = img.high - img.low;
    *base = (uint32_t)img.low;
    return BKF_OK;
}

static void record_write(struct strbuf *out, uint8_t type, uint16_t addr, const uint8_t *p,
                         uint8_t n)
{
    char line[2 * 255 + 16];
    int len = snprintf(line, sizeof line, ":%02X%04X%02X", n, addr, type);
    unsigned sum = n + (addr >> 8) + (addr & 0xFFu) + type;
    for (uint8_t i = 0; i < n; i++) {
        len += snprintf(line + len, sizeof line - (size_t)len, "%02X", p[i]);
        sum += p[i];
    }
    len += snprintf(line + len, sizeof line - (size_t)len, "%02X\n", (0u - sum) & 0xFFu);
    strbuf_add(out, line, (size_t)len);
}

void ihex_write(const uint8_t *p, size_t n, uint32_t base, struct strbuf *out)
{
    uint32_t upper = 0;
    for (size_t i = 0; i < n;) {
        uint32_t at = base + (uint32_t)i;
        if (at >> 16 != upper) {
            upper = at >> 16;
            uint8_t high[2] = { (uint8_t)(upper >> 8), (uint8_t)upper };
            record_write(out, TYPE_LINEAR, 0, high, 2);
        }
        size_t len = 16 - at % 16; /* so that no record crosses 64 KiB */
        len = len < n - i ? len : n - i;
        record_write(out, TYPE_DATA, (uint16_t)at, p + i, (uint8_t)len);
        i += len;
    }
    record_write(out, TYPE_END, 0, NULL, 0);
}
