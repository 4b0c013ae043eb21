/* bench.c - how good are the wires?  The same sector, read again and again at rising clocks.
 * Nothing is written, and the clock is put back to what attaching had found safe. */
#include "session.h"
#include <stdlib.h>
#include <string.h>

enum { READS = 16, SAMPLE = 2048, RATES_MAX = 32 };

struct row {
    uint32_t hz;
    unsigned reads, wrong;
    uint64_t bits_wrong, us;
    char failure[160]; /* of the first read that failed altogether; "" = none */
};
struct bench {
    bkf_session *s;
    const bkf_rates_ops *ops;
    uint32_t at;  /* of the sample */
    bool telling; /* it is not all one value: stuck or shifted bits would show */
    uint8_t ref[SAMPLE];
    struct row row[RATES_MAX];
    size_t n;
};

static const bkf_rates_ops *rates_of(const bkf_session *s)
{
    const bkf_chip_class *c = s->chip_class;
    return BKF_HAS(bkf_chip_class, c, extension) && c->extension
               ? c->extension(s->chip, BKF_EXT_RATES)
               : NULL;
}

static uint64_t bits_differ(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        for (unsigned x = a[i] ^ b[i]; x; x &= x - 1)
            count++;
    return count;
}

static bool constant(const uint8_t *p, size_t n)
{
    return memcmp(p, p + 1, n - 1) == 0;
}

/* A sample that says something, read at the slowest clock until two readings agree. */
static bkf_status take_reference(struct bench *b, uint32_t slowest, bkf_error *err)
{
    static const uint32_t places[] = { 0, 0x1000, 0x11000, 0x20000, 0x80000 };
    uint32_t got, size = b->s->info.flash_size;
    bkf_status st = b->ops->set(b->s->chip, &b->s->op, slowest, &got, err);
    for (size_t i = 0; i < ARRAY_LEN(places) && !st && !b->telling; i++) {
        bool agreed = false;
        if (size && places[i] + SAMPLE > size)
            break;
        b->at = places[i];
        st = chunk_settle(b->s, b->at, b->ref, SAMPLE, NULL, &agreed, err);
        if (!st && !agreed)
            return error_set(err, BKF_E_VERIFY,
                             "at %u Hz, the slowest clock, no two readings of 0x%x agree: check "
                             "ground and the wires before anything else",
                             got, b->at);
        b->telling = !st && !constant(b->ref, SAMPLE);
    }
    return st;
}

static bkf_status measure(struct bench *b, struct row *r, uint64_t base, bkf_error *err)
{
    bkf_session *s = b->s;
    uint8_t seen[SAMPLE];
    uint64_t start = op_now(s);
    for (unsigned i = 0; i < READS; i++) {
        bkf_error e = BKF_ERROR_INIT;
        if (op_stopped(s))
            return error_set(err, BKF_E_CANCELLED, "cancelled");
        bkf_status st = s->chip_class->read(s->chip, &s->op, b->at, seen, SAMPLE, &e);
        if (st && !session_may_retry(s, &e)) {
            *err = e;
            return session_failed(s, err);
        }
        uint64_t bits = st ? 0 : bits_differ(seen, b->ref, SAMPLE);
        if (st && !*r->failure)
            snprintf(r->failure, sizeof r->failure, "%s", e.message);
        r->reads++;
        r->wrong += st || bits;
        r->bits_wrong += bits;
        op_progress(s, base + (uint64_t)(i + 1) * SAMPLE);
    }
    r->us = op_now(s) - start;
    return BKF_OK;
}

static bkf_status climb(struct bench *b, const uint32_t *hz, size_t n, bkf_error *err)
{
    bkf_status st = BKF_OK;
    op_phase(b->s, "bench", (uint64_t)n * READS * SAMPLE);
    for (size_t i = 0; i < n && !st; i++) {
        uint32_t got = 0;
        st = b->ops->set(b->s->chip, &b->s->op, hz[i], &got, err);
        if (st || (b->n && b->row[b->n - 1].hz == got))
            continue; /* the adapter has nothing between */
        struct row *r = &b->row[b->n++];
        r->hz = got;
        st = measure(b, r, (uint64_t)i * READS * SAMPLE, err);
    }
    return st;
}

/* ---- what is said ---- */

static json_t *row_json(const struct row *r)
{
    double bits = (double)(r->reads) * SAMPLE * 8;
    json_t *o =
        json_pack("{s:I, s:i, s:i, s:I, s:f, s:I}", "hz", (json_int_t)r->hz, "reads", (int)r->reads,
                  "wrong", (int)r->wrong, "bits_wrong", (json_int_t)r->bits_wrong, "bit_error_rate",
                  bits > 0 ? (double)r->bits_wrong / bits : 0.0, "rate",
                  (json_int_t)(r->us ? (uint64_t)r->reads * SAMPLE * 1000000u / r->us : 0));
    if (*r->failure)
        json_object_set_new(o, "failure", json_string(r->failure));
    return o;
}

static json_t *document(const struct bench *b, uint32_t in_use)
{
    json_t *rows = json_array();
    uint32_t clean = 0;
    bool broken = false;
    for (size_t i = 0; i < b->n; i++) {
        broken = broken || b->row[i].wrong;
        clean = broken ? clean : b->row[i].hz;
        json_array_append_new(rows, row_json(&b->row[i]));
    }
    return json_pack("{s:i, s:s, s:I, s:i, s:b, s:I, s:I, s:b, s:o}", "api", BKF_API_VERSION,
                     "kind", "bench", "offset", (json_int_t)b->at, "sample", SAMPLE, "telling",
                     b->telling, "highest_clean_hz", (json_int_t)clean, "in_use_hz",
                     (json_int_t)in_use, "failed", broken, "rows", rows);
}

static bkf_status run(struct bench *b, char **json, bkf_error *err)
{
    uint32_t hz[RATES_MAX], in_use = b->ops->get(b->s->chip), got;
    size_t n = b->ops->list(b->s->chip, hz, RATES_MAX);
    bkf_error restoring = BKF_ERROR_INIT;
    if (!n)
        return error_set(err, BKF_E_UNSUPPORTED, "this link has no rates to choose from");
    n = n < RATES_MAX ? n : RATES_MAX;
    bkf_status st = take_reference(b, hz[0], err);
    if (!st)
        st = climb(b, hz, n, err);
    bkf_status back = b->ops->set(b->s->chip, &b->s->op, in_use, &got, &restoring);
    if (!st && back) {
        *err = restoring;
        st = session_failed(b->s, err);
    }
    if (st)
        return st;
    json_t *doc = document(b, in_use);
    *json = doc ? json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(doc);
    if (!*json)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    return b->row[0].wrong ? error_set(err, BKF_E_VERIFY,
                                       "even at %u Hz %u of %u reads were wrong: check ground, "
                                       "shorten the wires",
                                       b->row[0].hz, b->row[0].wrong, b->row[0].reads)
                           : BKF_OK;
}

bkf_status bkf_bench(bkf_session *s, char **json, bkf_error *err)
{
    bkf_error own = BKF_ERROR_INIT;
    err = err ? err : &own;
    if (!s || !json)
        return error_set(err, BKF_E_PARAM, "bkf_bench: session and result are needed");
    *json = NULL;
    bkf_status st = session_identify(s, err);
    if (st)
        return st;
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    b->s = s;
    b->ops = rates_of(s);
    st = b->ops ? run(b, json, err)
                : error_set(err, BKF_E_UNSUPPORTED,
                            "bench measures SPI wires; over %s the link proves every block by "
                            "checksum and finds its rate by itself ('info' shows it)",
                            s->transport);
    free(b);
    return st;
}
