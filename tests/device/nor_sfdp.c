/* nor_sfdp.c - the SFDP table of JESD216 rev A: header, one parameter header, 16 dwords. */
#include "nor_priv.h"

enum { TABLE = 0x80 };

static uint32_t erase_pairs(const struct nor_die *d, unsigned which)
{
    /* exponent of the size, then the opcode; 0 = no such type */
    uint32_t k4 = 12u | 0x20u << 8, k32 = d->cfg.erase_32k ? 15u | 0x52u << 8 : 0;
    uint32_t k64 = 16u | 0xD8u << 8;
    return which == 0 ? k4 | k32 << 16 : k64;
}

static uint32_t dword(const struct nor_die *d, unsigned i)
{
    switch (i) {
    case 1: /* 4 KiB erase 20, 64-byte writes, 3-byte addresses, 50h for volatile registers */
        return 0xFF802005u | (d->cfg.volatile_50 ? 0x08u : 0);
    case 2:
        return d->cfg.size * 8u - 1u;
    case 3:
    case 4:
    case 6:
    case 7:
        return 0xFFFFFFFFu; /* fast reads: none through one data line */
    case 5:
        return 0xFFFFFFEEu;
    case 8:
        return erase_pairs(d, 0);
    case 9:
        return erase_pairs(d, 1);
    case 11: /* page size 2^8; other fields not meaningful here */
        return 8u << 4;
    case 16:
        return d->cfg.soft_reset ? 1u << 12 : 0;
    default:
        return 0;
    }
}

uint8_t nor_sfdp_byte(const struct nor_die *d, uint32_t addr)
{
    static const uint8_t head[16] = {
        'S',  'F',  'D',  'P', 0x05,  0x01, 0x00, 0xFF, /* JESD216A, one parameter header */
        0x00, 0x05, 0x01, 16,  TABLE, 0x00, 0x00, 0xFF,
    };
    addr &= 0xFF;
    if (addr < sizeof head) {
        return head[addr];
    }
    if (addr < TABLE || addr >= TABLE + 64) {
        return 0xFF;
    }
    uint32_t off = addr - TABLE;
    return (uint8_t)(dword(d, off / 4 + 1) >> 8 * (off % 4));
}
