/* sfdp.c - JEDEC JESD216 serial flash discoverable parameters.  Advisory: some dies in
 * Beken packages answer garbage, so a parts table entry always wins. */
#include "engine.h"
#include <string.h>

enum { SPACE = 256, DWORDS_MIN = 9 };

static uint32_t dword(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* DW2: bits of density minus one, or a power of two when bit 31 is set. */
static uint32_t density(uint32_t dw2)
{
    uint64_t bits = dw2 & 0x80000000u ? (dw2 & 0x7FFFFFFFu) < 34 ? 1ull << (dw2 & 0x7FFFFFFFu) : 0
                                      : (uint64_t)dw2 + 1;
    uint64_t bytes = bits / 8;
    bool sane = bytes >= 0x10000 && bytes <= 0x1000000 && !(bytes & (bytes - 1));
    return sane ? (uint32_t)bytes : 0;
}

/* DW10: typical time of erase type k, (count + 1) units; 0 before revision A. */
static uint32_t erase_typ(uint32_t dw10, unsigned k)
{
    static const uint32_t units[] = { 1000, 16000, 128000, 1000000 };
    uint32_t field = dw10 >> (4 + 7 * k);
    return dw10 ? ((field & 0x1F) + 1) * units[field >> 5 & 3] : 0;
}

static void sort(struct nor_erase *e, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k && e[k].size && (!e[k - 1].size || e[k].size < e[k - 1].size); k--) {
            struct nor_erase t = e[k];
            e[k] = e[k - 1];
            e[k - 1] = t;
        }
    }
}

static void erases(const uint8_t *table, size_t dwords, struct nor_sfdp *out)
{
    uint32_t dw10 = dwords >= 10 ? dword(table + 36) : 0;
    size_t n = 0;
    for (unsigned k = 0; k < 4; k++) {
        uint8_t exponent = table[28 + 2 * k], opcode = table[29 + 2 * k];
        if (exponent < 8 || exponent > 24)
            continue;
        uint32_t typ = erase_typ(dw10, k);
        uint32_t max = typ ? typ * 2 * ((dw10 & 15) + 1) : 0;
        out->erase[n++] = (struct nor_erase){ 1u << exponent, opcode, typ, max };
    }
    sort(out->erase, 4);
}

bool sfdp_parse(const uint8_t *space, size_t n, struct nor_sfdp *out)
{
    *out = (struct nor_sfdp){ .present = false };
    if (n < 16 || memcmp(space, "SFDP", 4) != 0)
        return false;
    /* the first parameter header is the basic table's: id 00 (FF00) */
    const uint8_t *h = space + 8;
    size_t dwords = h[3], at = (size_t)h[4] | (size_t)h[5] << 8 | (size_t)h[6] << 16;
    if (h[0] != 0x00 || dwords < DWORDS_MIN || at > n || n - at < 4 * DWORDS_MIN)
        return false;
    if (dwords > (n - at) / 4)
        dwords = (n - at) / 4;
    const uint8_t *table = space + at;
    out->minor = space[4];
    out->major = space[5];
    out->size = density(dword(table + 4));
    if (!out->size)
        return false;
    erases(table, dwords, out);
    if (dwords >= 11) {
        uint32_t exponent = dword(table + 40) >> 4 & 15;
        out->page = exponent >= 6 && exponent <= 12 ? 1u << exponent : 0;
    }
    out->soft_reset = dwords >= 16 && (dword(table + 60) & 1u << 12);
    out->present = true;
    return true;
}

bkf_status nor_read_sfdp(bkf_nor *nor, bkf_error *err)
{
    static const uint8_t cmd[5] = { OP_SFDP, 0, 0, 0, 0 };
    uint8_t a[SPACE], b[SPACE];
    nor->sfdp = (struct nor_sfdp){ .present = false };
    bkf_status st = nor_frame(nor, cmd, sizeof cmd, a, 8, err);
    if (st || memcmp(a, "SFDP", 4) != 0)
        return st;
    for (int i = 0; !st && i < 3; i++) { /* twice the same, or it is noise */
        st = nor_frame(nor, cmd, sizeof cmd, a, sizeof a, err);
        if (!st)
            st = nor_frame(nor, cmd, sizeof cmd, b, sizeof b, err);
        if (!st && !memcmp(a, b, sizeof a)) {
            sfdp_parse(a, sizeof a, &nor->sfdp);
            break;
        }
    }
    return st;
}
