/* nor_protect.c - which range the block-protect bits cover.
 *
 * W25Q class: n = BP2..0; 0 nothing, 7 all, else block * 2^(n-1) at the top (TB=0) or the
 * bottom, where a block is 64 KiB or size/64, whichever is larger; with SEC=1 it is 4 KiB
 * and stops growing at 32 KiB.  CMP inverts the result. */
#include "nor_priv.h"

static struct nor_range at_end(const struct nor_die *d, uint32_t len, bool bottom)
{
    uint32_t size = d->cfg.size;
    if (len > size) {
        len = size;
    }
    return bottom ? (struct nor_range){ 0, len } : (struct nor_range){ size - len, size };
}

static uint32_t small_block(unsigned n)
{
    uint32_t len = 4096u << (n - 1);
    return len > 32768 ? 32768 : len;
}

static struct nor_range w25q(const struct nor_die *d)
{
    unsigned n = d->sr[0] >> 2 & 7u;
    bool bottom = d->sr[0] & 0x20, sec = d->sr[0] & 0x40;
    uint32_t block = d->cfg.size / 64 > 65536 ? d->cfg.size / 64 : 65536;
    if (n == 0) {
        return (struct nor_range){ 0, 0 };
    }
    if (n == 7) {
        return (struct nor_range){ 0, d->cfg.size };
    }
    return at_end(d, sec ? small_block(n) : block << (n - 1), bottom);
}

/* EN25QH: bit 5 TB, bit 6 4KBL; 7C was seen to cover 000000-007FFF on an EN25QH16B
 * (bk7252-cam docs/hardware/flash_spi_mode.md), so all ones is 32 KiB with 4KBL set. */
static struct nor_range en25(const struct nor_die *d)
{
    unsigned n = d->sr[0] >> 2 & 7u;
    bool bottom = d->sr[0] & 0x20, small = d->sr[0] & 0x40;
    if (n == 0) {
        return (struct nor_range){ 0, 0 };
    }
    if (small) {
        return at_end(d, small_block(n), bottom);
    }
    return n == 7 ? (struct nor_range){ 0, d->cfg.size } : at_end(d, 65536u << (n - 1), bottom);
}

/* MX25V: BP3..0, blocks from the top, or from the bottom with TB in the configuration
 * register (bit 3). */
static struct nor_range mx25(const struct nor_die *d)
{
    unsigned n = d->sr[0] >> 2 & 15u;
    if (n == 0) {
        return (struct nor_range){ 0, 0 };
    }
    uint64_t len = (uint64_t)65536 << (n - 1);
    return at_end(d, len > d->cfg.size ? d->cfg.size : (uint32_t)len,
                  d->cfg.sr_count > 1 && (d->sr[1] & 0x08));
}

struct nor_range nor_protected_base(const struct nor_die *d, bool *inverted)
{
    *inverted = false;
    switch (d->cfg.style) {
    case NOR_STYLE_W25Q:
        *inverted = d->cfg.sr_count > 1 && (d->sr[1] & SR2_CMP);
        return w25q(d);
    case NOR_STYLE_EN25:
        return en25(d);
    case NOR_STYLE_MX25:
        return mx25(d);
    case NOR_STYLE_NONE:
    default:
        return (struct nor_range){ 0, 0 };
    }
}

/* True if any byte of start..end is protected. */
bool nor_protects_range(const struct nor_die *d, uint32_t start, uint32_t end)
{
    bool inverted;
    struct nor_range r = nor_protected_base(d, &inverted);
    if (!inverted) {
        return r.start < end && start < r.end;
    }
    return start < r.start || end > r.end || r.start == r.end;
}

bool nor_protects(const struct nor_die *d, uint32_t addr)
{
    return nor_protects_range(d, addr, addr + 1);
}
