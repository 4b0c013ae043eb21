/* change_proof.c - which of the old bytes are read again, where the device has no CRC.
 *
 * What is about to change must be in the backup as it was.  Program code proves itself: it
 * lies in blocks that carry a CRC-16 (crc34.h), on a grid that a misread address would miss.
 * Everything else that changes is read a second time, data before erased sectors, up to
 * AGAIN_MAX: reading a whole chip twice would cost a third of the job, and --backup-verify
 * buys that. */
#include "../image/crc34.h"
#include "change.h"
#include <stdlib.h>
#include <string.h>

/* Six seconds at the 133 KB/s of a CH341A.  Published 2 MiB dumps hold 0.1 to 0.2 MiB of data
 * without a CRC and 0.6 to 0.9 MiB of erased flash. */
enum { AGAIN_MAX = 0xC0000, AGAIN_RUN = CHUNK / SECTOR };

/* Of a trusted backup, one second on a CH341A.  What applications write is data. */
enum { SAMPLES = 32 };

enum state { SAME, OWN_CRC, DATA, BLANK, AGAIN, STATES };

struct survey {
    bkf_range range;    /* whole sectors */
    const uint8_t *old; /* its bytes */
    uint8_t *state;     /* one enum state per sector */
    size_t n, of[STATES], own_crc;
};

static bool is_blank(const struct change *c, const uint8_t *p)
{
    return *p == c->s->profile->erased && memcmp(p, p + 1, SECTOR - 1) == 0;
}

/* Every block that touches the sector is whole, inside what was read, and good. */
static bool proves_itself(const struct survey *v, uint32_t at)
{
    for (uint32_t b = at / CRC34_BLOCK * CRC34_BLOCK; b < at + SECTOR; b += CRC34_BLOCK)
        if (b < v->range.start || b + CRC34_BLOCK > v->range.end ||
            crc34_check(v->old + (b - v->range.start)) != CRC34_GOOD)
            return false;
    return true;
}

static bool stays(const struct change *c, uint32_t at)
{
    uint32_t i = at - c->request.start;
    return c->skip[i / SECTOR] || memcmp(c->current + i, c->target + i, SECTOR) == 0;
}

/* changing: what stays is left out. */
static bkf_status look(const struct change *c, bkf_range range, bool changing, struct survey *v,
                       bkf_error *err)
{
    *v = (struct survey){ .range = range,
                          .old = c->current + (range.start - c->request.start),
                          .n = range_len(range) / SECTOR };
    v->state = calloc(v->n + 1, 1);
    if (!v->state)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    for (size_t i = 0; i < v->n; i++) {
        uint32_t at = range.start + (uint32_t)i * SECTOR;
        const uint8_t *p = v->old + i * SECTOR;
        enum state s = proves_itself(v, at) ? OWN_CRC : is_blank(c, p) ? BLANK : DATA;
        v->own_crc += s == OWN_CRC;
        s = changing && stays(c, at) ? SAME : s;
        v->of[s]++;
        v->state[i] = (uint8_t)s;
    }
    return BKF_OK;
}

/* At most max sectors of that state are read again, in runs of so many of them, spread over
 * all of them. */
static size_t choose(struct survey *v, enum state s, size_t run_len, size_t max)
{
    const size_t of = v->of[s], runs = (of + run_len - 1) / run_len,
                 want = max < of ? max / run_len : runs;
    size_t seen = 0, chosen = 0;
    for (size_t i = 0; i < v->n && runs; i++) {
        if (v->state[i] != s)
            continue;
        size_t run = seen++ / run_len;
        if ((run + 1) * want / runs > run * want / runs) {
            v->state[i] = AGAIN;
            chosen++;
        }
    }
    return chosen;
}

/* The chosen ones, and the end of the survey. */
static bkf_status collect(struct survey *v, struct range_list *out, bkf_error *err)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->state[i] == AGAIN)
            range_list_add(out, v->range.start + (uint32_t)i * SECTOR,
                           v->range.start + (uint32_t)(i + 1) * SECTOR);
    free(v->state);
    return out->failed ? error_set(err, BKF_E_NOMEM, "out of memory") : BKF_OK;
}

bkf_status change_proof_pick(struct change *c, bkf_range range, struct range_list *again,
                             uint64_t *own_crc, bkf_error *err)
{
    struct survey v;
    bkf_status st = look(c, range, true, &v, err);
    if (st)
        return st;
    size_t data = choose(&v, DATA, AGAIN_RUN, AGAIN_MAX / SECTOR);
    size_t blank = choose(&v, BLANK, AGAIN_RUN, AGAIN_MAX / SECTOR - data);
    *own_crc += (uint64_t)v.own_crc * SECTOR;
    c->backup_read_once += (uint64_t)(v.of[DATA] - data + v.of[BLANK] - blank) * SECTOR;
    return collect(&v, again, err);
}

bkf_status change_proof_samples(const struct change *c, struct range_list *out, bkf_error *err)
{
    struct survey v;
    bkf_status st = look(c, c->request, false, &v, err);
    if (st)
        return st;
    size_t n = choose(&v, DATA, 1, SAMPLES * 3 / 4);
    n += choose(&v, OWN_CRC, 1, SAMPLES - n);
    choose(&v, BLANK, 1, SAMPLES - n);
    return collect(&v, out, err);
}
