/* protect.c - what status register bits protect.  Pure.
 *
 * Styles: "w25q" (BP2..0 in SR1 bits 4..2, TB bit 5, SEC bit 6, CMP SR2 bit 6), as tabled in
 * Winbond's data sheets and flashrom's writeprotect_ranges.c; five-bit parts (XTX, Puya,
 * GigaDevice) use the same bits under the names BP4..BP0.  "en25": BP2..0, TB bit 5, 4KBL
 * bit 6 (EN25QH16B).  "mx25": BP3..0, no complement, top or bottom by a configuration bit. */
#include "engine.h"
#include <string.h>

static bkf_range top(uint32_t size, uint32_t len)
{
    return (bkf_range){ size - len, size };
}

static bkf_range bottom(uint32_t len)
{
    return (bkf_range){ 0, len };
}

static uint32_t min_u64(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

/* The range before CMP; empty when nothing is protected. */
static bkf_range w25q(uint32_t size, uint32_t value)
{
    uint32_t n = value >> 2 & 7, tb = value >> 5 & 1, sec = value >> 6 & 1;
    if (n == 0)
        return (bkf_range){ 0, 0 };
    if (n == 7)
        return (bkf_range){ 0, size };
    /* a block is 64 KiB, on large parts 1/64 of the array (W25Q64: 128 KiB) */
    uint64_t block = size / 64 > 0x10000 ? size / 64 : 0x10000;
    uint64_t len = sec ? min_u64(0x1000ull << (n - 1), 0x8000) : block << (n - 1);
    uint32_t l = min_u64(len, size);
    return tb ? bottom(l) : top(size, l);
}

/* EN25QH16B: BP=7 with 4KBL=1 and TB=1 (SR 7C) protects 0..0x7FFF; without 4KBL the usual
 * doubling from 64 KiB. */
static bkf_range en25(uint32_t size, uint32_t value)
{
    uint32_t n = value >> 2 & 7, tb = value >> 5 & 1, small = value >> 6 & 1;
    if (n == 0)
        return (bkf_range){ 0, 0 };
    uint64_t len = small    ? min_u64(0x1000ull << (n - 1), 0x8000)
                   : n == 7 ? size
                            : 0x10000ull << (n - 1);
    uint32_t l = min_u64(len, size);
    return tb ? bottom(l) : top(size, l);
}

/* MX25V: BP3..0; 1 is one block, doubling, up to all.  TB is configuration bit 3. */
static bkf_range mx25(uint32_t size, uint32_t value)
{
    uint32_t n = value >> 2 & 15, tb = value >> 11 & 1;
    if (n == 0)
        return (bkf_range){ 0, 0 };
    uint32_t l = min_u64(0x10000ull << (n - 1), size);
    return tb ? bottom(l) : top(size, l);
}

static bkf_range plain(const struct nor_part *p, uint32_t size, uint32_t value)
{
    const char *style = p->bp_style ? p->bp_style : "w25q";
    if (!strcmp(style, "en25"))
        return en25(size, value);
    if (!strcmp(style, "mx25"))
        return mx25(size, value);
    if (!strcmp(style, "none"))
        return (bkf_range){ 0, 0 };
    return w25q(size, value);
}

size_t protect_ranges(const struct nor_part *p, uint32_t size, uint32_t value, bkf_range out[2])
{
    bkf_range r = plain(p, size, value);
    if (p->cmp_mask && (value & p->cmp_mask)) {
        bkf_range whole = { 0, size };
        return range_subtract(whole, &r, r.end > r.start, out);
    }
    out[0] = r;
    return r.end > r.start;
}

uint32_t protect_cleared(const struct nor_part *p, uint32_t value)
{
    return value & ~(p->protect_mask | p->cmp_mask);
}

bool protect_all(const struct nor_part *p, uint32_t size, uint32_t value, uint32_t *out)
{
    uint32_t base = protect_cleared(p, value);
    bkf_range r[2];
    /* all BP bits, with every setting of the others: the first that covers everything */
    for (uint32_t bits = p->protect_mask; bits; bits = (bits - 1) & p->protect_mask) {
        uint32_t candidate = base | bits;
        if (protect_ranges(p, size, candidate, r) == 1 && r[0].start == 0 && r[0].end == size) {
            *out = candidate;
            return true;
        }
    }
    return false;
}

bkf_status nor_protected_ranges(bkf_nor *nor, const bkf_op *op, bkf_range *out, size_t cap,
                                size_t *n, bkf_error *err)
{
    (void)op;
    bkf_range r[2];
    uint32_t value;
    bkf_status st = nor_need_identity(nor, err);
    if (!st)
        st = nor_status_value(nor, &value, err);
    if (st)
        return st;
    *n = protect_ranges(&nor->part, nor->size, value, r);
    for (size_t i = 0; i < *n && i < cap; i++)
        out[i] = r[i];
    return BKF_OK;
}
