/* trace_text.c - calls and bytes as trace text, and back. */
#include "trace.h"
#include <stdio.h>
#include <string.h>

enum { RUN_MIN = 4 }; /* shorter repeats are written out */

void trace_put_bytes(struct strbuf *sb, const uint8_t *p, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    if (!n)
        strbuf_add(sb, "-", 1);
    for (size_t i = 0; i < n;) {
        size_t same = 1;
        while (i + same < n && p[i + same] == p[i])
            same++;
        char pair[2] = { hex[p[i] >> 4], hex[p[i] & 15] };
        if (same >= RUN_MIN) {
            strbuf_addf(sb, "%.2s*%zu.", pair, same);
            i += same;
        } else {
            strbuf_add(sb, pair, 2);
            i++;
        }
    }
}

/* x4=9f000000  h256=- (tx zeros, CS held)  x2=0600! (reply not wanted)  l1=0  d500 */
void trace_put_run(struct strbuf *sb, const bkf_spi_step *steps, size_t n)
{
    strbuf_addf(sb, "run");
    for (size_t i = 0; i < n; i++) {
        const bkf_spi_step *s = &steps[i];
        if (s->kind == BKF_STEP_LINE) {
            strbuf_addf(sb, " l%u=%u", s->line, s->value);
        } else if (s->kind == BKF_STEP_DELAY) {
            strbuf_addf(sb, " d%u", s->value);
        } else {
            strbuf_addf(sb, " %c%zu=", s->flags & BKF_SPI_HOLD_CS ? 'h' : 'x', s->len);
            trace_put_bytes(sb, s->tx, s->tx ? s->len : 0);
            if (!s->rx)
                strbuf_add(sb, "!", 1);
        }
    }
}

void trace_put_text(struct strbuf *sb, const char *text)
{
    strbuf_add(sb, "\"", 1);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            strbuf_addf(sb, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            strbuf_addf(sb, "\\x%02x", *c);
        else
            strbuf_add(sb, (const char *)c, 1);
    }
    strbuf_add(sb, "\"", 1);
}

bool trace_word(struct trace_slice *s, struct trace_slice *word)
{
    while (s->n && *s->p == ' ') {
        s->p++;
        s->n--;
    }
    const char *end = memchr(s->p, ' ', s->n);
    word->p = s->p;
    word->n = end ? (size_t)(end - s->p) : s->n;
    s->p += word->n;
    s->n -= word->n;
    return word->n > 0;
}

bool trace_number(struct trace_slice word, uint64_t *out)
{
    char text[24];
    if (!word.n || word.n >= sizeof text)
        return false;
    memcpy(text, word.p, word.n);
    text[word.n] = '\0';
    return num_parse_u64(text, out);
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One "hh" or "hh*N." group off w; false at anything else. */
static bool group(struct trace_slice *w, uint8_t *byte, size_t *count)
{
    if (w->n < 2 || nibble(w->p[0]) < 0 || nibble(w->p[1]) < 0)
        return false;
    *byte = (uint8_t)(nibble(w->p[0]) << 4 | nibble(w->p[1]));
    *count = 1;
    w->p += 2;
    w->n -= 2;
    if (!w->n || *w->p != '*')
        return true;
    const char *dot = memchr(w->p, '.', w->n);
    uint64_t n;
    if (!dot || !trace_number((struct trace_slice){ w->p + 1, (size_t)(dot - w->p) - 1 }, &n) ||
        !n || n > UINT32_MAX)
        return false;
    *count = (size_t)n;
    w->n -= (size_t)(dot - w->p) + 1;
    w->p = dot + 1;
    return true;
}

bool trace_bytes(struct trace_slice w, uint8_t *out, size_t n)
{
    size_t at = 0, count;
    uint8_t byte;
    if (w.n == 1 && *w.p == '-')
        return n == 0;
    while (w.n) {
        if (!group(&w, &byte, &count) || count > n - at)
            return false;
        memset(out + at, byte, count);
        at += count;
    }
    return at == n;
}

bool trace_bytes_count(struct trace_slice w, size_t max, size_t *n)
{
    size_t count;
    uint8_t byte;
    *n = 0;
    if (w.n == 1 && *w.p == '-')
        return true;
    while (w.n) {
        if (!group(&w, &byte, &count) || count > max - *n)
            return false;
        *n += count;
    }
    return true;
}

void trace_unquote(struct trace_slice s, char *out, size_t cap)
{
    size_t k = 0;
    for (size_t i = 0; i < s.n && k + 1 < cap; i++) {
        char c = s.p[i];
        if (c == '\\' && i + 1 < s.n) {
            c = s.p[++i];
            if (c == 'x' && i + 2 < s.n && nibble(s.p[i + 1]) >= 0 && nibble(s.p[i + 2]) >= 0) {
                c = (char)(nibble(s.p[i + 1]) << 4 | nibble(s.p[i + 2]));
                i += 2;
            }
        }
        out[k++] = c ? c : '?';
    }
    if (cap)
        out[k] = '\0';
}
