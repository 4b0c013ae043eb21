/* Overwriting values in all the forms they are likely to take. */
#include "bytes.h"
#include "redact.h"
#include <stdlib.h>

enum { MAX_PATTERN = 1400 };
struct pattern {
    uint8_t p[MAX_PATTERN];
    size_t n;
    uint8_t fill[2]; /* alternating */
    const char *form;
};

static void as_is(const struct secret *s, struct pattern *t)
{
    memcpy(t->p, s->p, s->n);
    t->n = s->n;
    t->form = "as it is";
    t->fill[0] = t->fill[1] = 'x';
}

static void as_utf16(const struct secret *s, struct pattern *t)
{
    for (size_t i = 0; i < s->n; i++) {
        t->p[2 * i] = s->p[i];
        t->p[2 * i + 1] = 0;
    }
    t->n = 2 * s->n - 1; /* without the last zero, so that big-endian text is found too */
    t->form = "UTF-16";
    t->fill[0] = 'x';
    t->fill[1] = 0;
}

static void as_hex(const struct secret *s, bool upper, struct pattern *t)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (size_t i = 0; i < s->n; i++) {
        t->p[2 * i] = (uint8_t)digits[s->p[i] >> 4];
        t->p[2 * i + 1] = (uint8_t)digits[s->p[i] & 15];
    }
    t->n = 2 * s->n;
    t->form = "hex digits";
    t->fill[0] = t->fill[1] = '0';
}

/* Characters of base64 that depend on the value alone when it starts phase bytes into a group of
 * three (RFC 4648). */
static void as_base64(const struct secret *s, size_t phase, bool url, struct pattern *t)
{
    const char *alphabet = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                               : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t first = (8 * phase + 5) / 6, last = 8 * (phase + s->n) / 6;
    t->n = 0;
    for (size_t c = first; c < last; c++) {
        unsigned v = 0;
        for (size_t bit = 6 * c; bit < 6 * c + 6; bit++) {
            uint8_t byte = s->p[bit / 8 - phase];
            v = v << 1 | ((unsigned)byte >> (7 - bit % 8) & 1u);
        }
        t->p[t->n++] = (uint8_t)alphabet[v];
    }
    t->form = "base64";
    t->fill[0] = t->fill[1] = 'A';
}

static size_t blank_pattern(const struct secret *s, const struct pattern *t, uint8_t *p, size_t n,
                            secret_hit hit, void *ud)
{
    size_t hits = 0;
    if (t->n < 5)
        return 0;
    for (size_t at = 0; (at = bytes_find(p, n, at, t->p, t->n)) != SIZE_MAX; at += t->n) {
        for (size_t i = 0; i < t->n; i++)
            p[at + i] = t->fill[i & 1];
        if (hit)
            hit(ud, s, t->form, at, t->n);
        hits++;
    }
    return hits;
}

size_t secrets_blank(const struct secret_list *l, uint8_t *p, size_t n, secret_hit hit, void *ud)
{
    size_t hits = 0;
    struct pattern *t = malloc(sizeof *t);
    for (size_t i = 0; t && i < l->n; i++) {
        const struct secret *s = &l->item[i];
        as_is(s, t);
        hits += blank_pattern(s, t, p, n, hit, ud);
        as_utf16(s, t);
        hits += blank_pattern(s, t, p, n, hit, ud);
        for (int upper = 0; upper < 2; upper++) {
            as_hex(s, upper, t);
            hits += blank_pattern(s, t, p, n, hit, ud);
        }
        for (size_t phase = 0; phase < 6; phase++) {
            as_base64(s, phase % 3, phase > 2, t);
            hits += blank_pattern(s, t, p, n, hit, ud);
        }
    }
    free(t);
    return hits;
}
