/* spi_clock.c - after entry: the fastest clock at which identification and the first
 * 4 KiB still come out the same.  Nobody has characterised the pass-through path of the
 * chips, so every step is proven, and a failed one steps back two notches. */
#include "spi.h"
#include <stdio.h>
#include <stdlib.h>

static const uint32_t notches[] = { 500000,   1000000,  1500000,  3000000, 6000000,
                                    10000000, 15000000, 30000000, 60000000 };
enum { NOTCHES = sizeof notches / sizeof notches[0], REF = 4096, IDS = 32 };
#define MEMORY_KEY   "spi_hz"
#define MEMORY_LIMIT "spi_hz_limit" /* what was allowed when that was found */

size_t spi_clocks(const struct spi_entry *e, uint32_t *hz, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < NOTCHES && notches[i] < e->set.max_hz; i++, n++)
        if (n < cap)
            hz[n] = notches[i];
    if (n < cap)
        hz[n] = e->set.max_hz;
    return n + 1;
}

static const bkf_memory *memory_of(const struct spi_entry *e)
{
    return e->host->service ? e->host->service(e->host, BKF_SERVICE_MEMORY) : NULL;
}

static bkf_status back_to(struct spi_entry *e, uint32_t hz, bkf_error *err)
{
    return hz == e->hz ? BKF_OK : spi_setup(e, e->mode, hz, err);
}

/* Tries hz; on success e->hz is the new rate, else the old rate is set again. */
static bkf_status try_clock(struct spi_entry *e, uint32_t hz, uint8_t *ref, bool *ok,
                            bkf_error *err)
{
    uint32_t old = e->hz;
    bkf_status st = spi_setup(e, e->mode, hz, err);
    *ok = true;
    if (st || e->hz == old) /* a fixed clock needs no proof */
        return st;
    st = spi_stable(e, IDS, ref, REF, true, ok, err);
    if (!st && !*ok)
        st = spi_setup(e, e->mode, old, err);
    return st;
}

static bkf_status climb(struct spi_entry *e, uint8_t *ref, bkf_error *err)
{
    uint32_t good[NOTCHES + 1] = { e->hz };
    size_t n = 1;
    for (size_t i = 0; i < NOTCHES; i++) {
        uint32_t want = notches[i] < e->set.max_hz ? notches[i] : e->set.max_hz;
        if (want <= e->hz)
            continue;
        bool ok;
        bkf_status st = try_clock(e, want, ref, &ok, err);
        if (st)
            return st;
        if (!ok) { /* two notches below the one that failed */
            size_t keep = n >= 2 ? n - 2 : 0;
            return back_to(e, good[keep], err);
        }
        if (e->hz != good[n - 1])
            good[n++] = e->hz;
        if (want == e->set.max_hz)
            break;
    }
    return BKF_OK;
}

/* An adapter with one clock needs no trial reads. */
static bkf_status can_climb(struct spi_entry *e, bool *can, bkf_error *err)
{
    uint32_t old = e->hz;
    *can = false;
    if (e->set.max_hz <= old)
        return BKF_OK;
    bkf_status st = spi_setup(e, e->mode, e->set.max_hz, err);
    *can = !st && e->hz > old;
    return *can ? spi_setup(e, e->mode, old, err) : st;
}

bkf_status spi_raise_clock(struct spi_entry *e, bkf_error *err)
{
    bool can;
    bkf_status st = can_climb(e, &can, err);
    if (st || !can)
        return st;
    const bkf_memory *memory = memory_of(e);
    uint64_t known = 0, limit = 0;
    uint8_t *ref = malloc(REF);
    if (!ref)
        return beken_error(err, BKF_E_NOMEM, "out of memory");
    bool ok = false;
    st = spi_read_at(e, 0, ref, REF, err);
    bool remembered = memory && memory->get(memory, MEMORY_KEY, &known) && known > e->hz &&
                      known <= e->set.max_hz && memory->get(memory, MEMORY_LIMIT, &limit) &&
                      limit >= e->set.max_hz; /* a higher limit: try again what it allows */
    if (!st && remembered)
        st = try_clock(e, (uint32_t)known, ref, &ok, err);
    if (!st && !ok)
        st = climb(e, ref, err);
    if (!st && memory) {
        memory->set(memory, MEMORY_KEY, e->hz);
        memory->set(memory, MEMORY_LIMIT, e->set.max_hz > limit ? e->set.max_hz : limit);
    }
    free(ref);
    return st;
}
