/* range.c - half-open ranges of flash; sums are made in 64 bits and checked once, here. */
#include "base.h"
#include <stdlib.h>
#include <string.h>

bool range_make(uint64_t start, uint64_t len, bkf_range *out)
{
    if (start > UINT32_MAX || len > UINT32_MAX - start)
        return false;
    out->start = (uint32_t)start;
    out->end = (uint32_t)(start + len);
    return true;
}

bool range_contains(bkf_range outer, bkf_range inner)
{
    return inner.start >= outer.start && inner.end <= outer.end;
}

bool range_overlaps(bkf_range a, bkf_range b)
{
    return a.start < b.end && b.start < a.end;
}

bkf_range range_intersect(bkf_range a, bkf_range b)
{
    bkf_range r = { a.start > b.start ? a.start : b.start, a.end < b.end ? a.end : b.end };
    if (r.start >= r.end)
        r.start = r.end = 0;
    return r;
}

static int by_start(const void *a, const void *b)
{
    const bkf_range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

size_t range_normalize(const bkf_range *in, size_t n, bkf_range *out)
{
    size_t used = 0, merged = 0;
    for (size_t i = 0; i < n; i++)
        if (in[i].start < in[i].end)
            out[used++] = in[i];
    if (!used)
        return 0;
    qsort(out, used, sizeof *out, by_start);
    for (size_t i = 1; i < used; i++) {
        if (out[i].start > out[merged].end)
            out[++merged] = out[i];
        else if (out[i].end > out[merged].end)
            out[merged].end = out[i].end;
    }
    return merged + 1;
}

size_t range_subtract(bkf_range want, const bkf_range *have, size_t n, bkf_range *out)
{
    size_t k = 0;
    uint32_t at = want.start;
    for (size_t i = 0; i < n && at < want.end; i++) {
        if (have[i].end <= at)
            continue;
        if (have[i].start >= want.end)
            break;
        if (have[i].start > at)
            out[k++] = (bkf_range){ at, have[i].start };
        at = have[i].end;
    }
    if (at < want.end)
        out[k++] = (bkf_range){ at, want.end };
    return k;
}
