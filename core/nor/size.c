/* size.c - how large is the die really?  Reads wrap at the end of the array, so a die of
 * half the size shows its contents twice.  Only samples that are unlike each other say
 * anything: a blank, constant or patterned flash proves nothing either way. */
#include "engine.h"
#include <string.h>

enum { SAMPLE = 64, COARSE = 64, SECTOR = 0x1000, SURE = 4, PAST_END = 8, TRIES = 3 };
#define REACH 0x1000000u /* three address bytes */

struct samples {
    uint32_t at[COARSE];
    uint32_t crc[COARSE];
    size_t n;
};

static bool constant(const uint8_t *p, size_t n)
{
    return n < 2 || !memcmp(p, p + 1, n - 1);
}

/* Two places in one submission. */
static bkf_status read_both(bkf_nor *nor, uint32_t a, uint32_t b, uint8_t *pa, uint8_t *pb,
                            bkf_error *err)
{
    uint8_t cmd[2][4];
    nor_address(cmd[0], OP_READ, a);
    nor_address(cmd[1], OP_READ, b);
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = cmd[0], .len = sizeof cmd[0] },
        { .kind = BKF_STEP_XFER, .rx = pa, .len = SAMPLE },
        { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = cmd[1], .len = sizeof cmd[1] },
        { .kind = BKF_STEP_XFER, .rx = pb, .len = SAMPLE },
    };
    return nor_run(nor, steps, sizeof steps / sizeof steps[0], err);
}

/* Are the bytes at a and at b the same?  A difference is believed when it comes twice. */
static bkf_status equal_at(bkf_nor *nor, uint32_t a, uint32_t b, uint8_t *pa, bool *equal,
                           bool *blank_b, bkf_error *err)
{
    uint8_t pb[SAMPLE];
    *equal = false;
    for (int i = 0; i < TRIES && !*equal; i++) {
        bkf_status st = read_both(nor, a, b, pa, pb, err);
        if (st)
            return st;
        *equal = !memcmp(pa, pb, SAMPLE);
        *blank_b = constant(pb, SAMPLE);
    }
    return BKF_OK;
}

/* Remembers a sample if it is unlike all others so far. */
static void keep(struct samples *s, uint32_t at, const uint8_t *p)
{
    uint32_t crc = crc32_update(0, p, SAMPLE);
    if (constant(p, SAMPLE) || s->n == COARSE)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->crc[i] == crc)
            return;
    }
    s->at[s->n] = at;
    s->crc[s->n++] = crc;
}

/* Compares [0, half) with [half, 2*half): *differs at the first difference found; s gets the
 * telling samples that were equal. */
static bkf_status compare_halves(bkf_nor *nor, uint32_t half, uint32_t step, struct samples *s,
                                 bool *differs, bkf_error *err)
{
    uint8_t p[SAMPLE];
    bool equal, blank;
    *differs = false;
    s->n = 0;
    for (uint32_t at = 0; at < half && !*differs && s->n < COARSE; at += step) {
        bkf_status st = equal_at(nor, at, at + half, p, &equal, &blank, err);
        if (st)
            return st;
        *differs = !equal;
        if (equal)
            keep(s, at, p);
    }
    return BKF_OK;
}

/* Do reads past the end repeat the start?  Looks for telling samples by itself. */
static bkf_status past_end(bkf_nor *nor, uint32_t size, enum nor_wrap *result, bkf_error *err)
{
    struct samples s = { .n = 0 };
    uint8_t p[SAMPLE];
    size_t same = 0;
    *result = WRAP_UNKNOWN;
    if (size >= REACH)
        return BKF_OK;
    for (uint32_t at = 0; at < size && same < PAST_END; at += size / (4 * COARSE)) {
        bool equal, blank;
        size_t before = s.n;
        bkf_status st = nor_read_plain(nor, at, p, SAMPLE, err);
        if (st)
            return st;
        keep(&s, at, p);
        if (s.n == before)
            continue; /* says nothing */
        st = equal_at(nor, at, size + at, p, &equal, &blank, err);
        if (st)
            return st;
        if (!equal) {
            *result = blank ? WRAP_UNKNOWN : WRAP_LARGER;
            return BKF_OK;
        }
        same++;
    }
    *result = same >= SURE ? WRAP_PROVEN : WRAP_UNKNOWN;
    return BKF_OK;
}

bkf_status nor_wrap_test(bkf_nor *nor, uint32_t size, enum nor_wrap *result, uint32_t *period,
                         bkf_error *err)
{
    struct samples s;
    bool differs = true;
    *result = WRAP_UNKNOWN;
    *period = size;
    if (size < 0x20000 || (size & (size - 1)))
        return BKF_OK;
    uint32_t half = size / 2;
    bkf_status st = compare_halves(nor, half, half / COARSE, &s, &differs, err);
    if (!st && !differs && s.n < SURE && half / COARSE > SECTOR)
        st = compare_halves(nor, half, SECTOR, &s, &differs, err);
    if (st)
        return st;
    if (differs)
        return past_end(nor, size, result, err);
    if (s.n < SURE)
        return BKF_OK;
    *result = WRAP_SMALLER;
    while (!st && !differs && s.n >= SURE && half >= 0x20000) {
        *period = half;
        half /= 2;
        st = compare_halves(nor, half, half / COARSE, &s, &differs, err);
    }
    if (!st && !differs && s.n >= SURE)
        *period = half;
    return st;
}
