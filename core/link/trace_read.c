/* trace_read.c - reading .bktrace files, which come from strangers. */
#include "trace.h"
#include <stdio.h>
#include <string.h>

static bkf_status bad(const struct trace_reader *r, const char *why, bkf_error *err)
{
    return error_set(err, BKF_E_FILE, "%s:%zu: not a trace record: %s", r->name, r->line, why);
}

/* The next complete line; false at the end. */
static bool next_line(struct trace_reader *r, struct trace_slice *line)
{
    const char *nl = r->at < r->end ? memchr(r->at, '\n', (size_t)(r->end - r->at)) : NULL;
    if (!nl)
        return false;
    *line = (struct trace_slice){ r->at, (size_t)(nl - r->at) };
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    r->at = nl + 1;
    r->line++;
    return true;
}

static bool is(struct trace_slice s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static bool copy(struct trace_slice s, char *out, size_t cap)
{
    if (!s.n || s.n >= cap)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

/* "max_len=4096" */
static bool assignment(struct trace_slice word, const char *key, uint64_t *out)
{
    size_t k = strlen(key);
    if (word.n <= k || memcmp(word.p, key, k) || word.p[k] != '=')
        return false;
    return trace_number((struct trace_slice){ word.p + k + 1, word.n - k - 1 }, out);
}

static bkf_status read_iface(struct trace_reader *r, struct trace_slice rest, bkf_error *err)
{
    struct trace_slice name, word;
    uint64_t park;
    if (!trace_word(&rest, &name))
        return bad(r, "iface without a name", err);
    if (is(name, "spi"))
        r->has_spi = true;
    else if (is(name, "gpio"))
        r->has_gpio = true;
    else if (is(name, "uart"))
        r->has_uart = true;
    while (trace_word(&rest, &word)) {
        if (assignment(word, "park", &park))
            r->has_park = park != 0;
        else if (!assignment(word, "max_len", &r->max_len) && !assignment(word, "caps", &r->caps))
            return bad(r, "unknown property of an interface", err);
    }
    return BKF_OK;
}

/* "pad CE cen D2 0" */
static bkf_status read_pad(struct trace_reader *r, struct trace_slice rest, bkf_error *err)
{
    struct trace_slice pad, signal, line, inverted;
    struct trace_pad p = { "", "", false };
    if (!trace_word(&rest, &pad) || !trace_word(&rest, &signal) || !trace_word(&rest, &line) ||
        !trace_word(&rest, &inverted) || !copy(signal, p.signal, sizeof p.signal) ||
        !copy(line, p.line, sizeof p.line))
        return bad(r, "a pad needs name, signal, line and polarity", err);
    p.inverted = is(inverted, "1");
    if (r->n_pads == LINK_PADS_MAX)
        return bad(r, "too many pads", err);
    r->pads[r->n_pads++] = p;
    return BKF_OK;
}

bkf_status trace_reader_init(struct trace_reader *r, const char *name, const char *text, size_t n,
                             bkf_error *err)
{
    *r = (struct trace_reader){ .name = name, .at = text, .end = text + n };
    struct trace_slice line;
    if (!next_line(r, &line) || !is(line, TRACE_MAGIC))
        return error_set(err, BKF_E_FILE, "%s: not a trace: its first line is not '%s'", name,
                         TRACE_MAGIC);
    for (;;) {
        if (r->at == r->end || (*r->at >= '0' && *r->at <= '9'))
            return BKF_OK;
        if (!next_line(r, &line))
            return BKF_OK;
        struct trace_slice word;
        bkf_status st = BKF_OK;
        if (!trace_word(&line, &word) || is(word, "meta"))
            continue;
        if (is(word, "iface"))
            st = read_iface(r, line, err);
        else if (is(word, "pad"))
            st = read_pad(r, line, err);
        else
            st = bad(r, "unknown header line", err);
        if (st)
            return st;
    }
}

/* The quoted text at the end of s, cut off it. */
static bool take_message(struct trace_slice *s, struct trace_slice *message)
{
    *message = (struct trace_slice){ s->p, 0 };
    const char *quote = s->n ? memchr(s->p, '"', s->n) : NULL;
    if (!quote)
        return true;
    size_t rest = s->n - (size_t)(quote - s->p);
    if (rest < 2 || s->p[s->n - 1] != '"')
        return false;
    *message = (struct trace_slice){ quote + 1, rest - 2 };
    s->n = (size_t)(quote - s->p);
    return true;
}

static bool status_of(struct trace_slice word, int32_t *st)
{
    uint64_t v;
    bool negative = word.n && *word.p == '-';
    if (negative) {
        word.p++;
        word.n--;
    }
    if (!trace_number(word, &v) || v > 1000)
        return false;
    *st = negative ? -(int32_t)v : (int32_t)v;
    return *st <= 0;
}

/* " > " between call and result; text never holds '>' outside the message. */
static bool split_call(struct trace_slice line, struct trace_slice *call, struct trace_slice *rest)
{
    const char *gt = line.n ? memchr(line.p, '>', line.n) : NULL;
    if (!gt || gt == line.p || gt[-1] != ' ')
        return false;
    *call = (struct trace_slice){ line.p, (size_t)(gt - line.p) - 1 };
    *rest = (struct trace_slice){ gt + 1, line.n - (size_t)(gt - line.p) - 1 };
    while (call->n && *call->p == ' ') {
        call->p++;
        call->n--;
    }
    return call->n > 0;
}

int32_t trace_next(struct trace_reader *r, struct trace_record *rec, bkf_error *err)
{
    struct trace_slice line, seq, t, dt, st;
    do {
        if (!next_line(r, &line))
            return 0;
    } while (!line.n);
    *rec = (struct trace_record){ .line = r->line };
    if (!trace_word(&line, &seq) || !trace_word(&line, &t) || !trace_word(&line, &dt) ||
        !trace_number(seq, &rec->seq) || !trace_number(t, &rec->t) || !trace_number(dt, &rec->dt))
        return bad(r, "it does not begin with number, time and duration", err);
    if (rec->t > INT64_MAX || rec->dt > INT64_MAX)
        return bad(r, "impossible time", err);
    if (!split_call(line, &rec->call, &rec->result))
        return bad(r, "no '>' between call and result", err);
    if (!take_message(&rec->result, &rec->message))
        return bad(r, "the message has no closing quote", err);
    if (!trace_word(&rec->result, &st) || !status_of(st, &rec->status))
        return bad(r, "no status", err);
    struct trace_slice call = rec->call;
    trace_word(&call, &rec->op);
    return 1;
}
