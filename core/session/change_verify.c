/* change_verify.c - proof that everything touched holds its target; sectors that do not
 * are erased and written again, at most three times. */
#include "change.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SR_BUSY = 1 }; /* WIP: bit 0 of SR1 on every NOR die (JESD216, status polling) */

static const uint8_t *at_target(const struct change *c, uint32_t off)
{
    return c->target + (off - c->request.start);
}

/* One CRC for all of r; where that is wrong, one for each block of it, then for each sector. */
static bkf_status by_crc(struct change *c, const bkf_digest_ops *d, bkf_range r,
                         struct range_list *bad, bkf_error *err)
{
    uint32_t crc = 0, step = range_len(r) > CHUNK ? CHUNK : SECTOR;
    bkf_status st = chunk_crc(c->s, d, r.start, range_len(r), &crc, err);
    if (st)
        return session_failed(c->s, err);
    if (crc == crc32_update(0, at_target(c, r.start), range_len(r)))
        return BKF_OK;
    if (range_len(r) <= SECTOR) {
        range_list_add(bad, r.start, r.end);
        return BKF_OK;
    }
    for (uint32_t at = r.start; at < r.end && !st; at += step)
        st = by_crc(c, d, (bkf_range){ at, r.end - at > step ? at + step : r.end }, bad, err);
    return st;
}

/* A sector that differs is read once more: a wire error is not a write error. */
static bkf_status sector_differs(struct change *c, uint32_t at, bool *differs, bkf_error *err)
{
    uint8_t again[SECTOR];
    c->s->stats.rereads++;
    bkf_status st = chunk_read(c->s, at, again, SECTOR, err);
    *differs = !st && memcmp(again, at_target(c, at), SECTOR) != 0;
    return st ? session_failed(c->s, err) : BKF_OK;
}

static bkf_status by_reading(struct change *c, bkf_range r, struct range_list *bad, bkf_error *err)
{
    uint8_t *buf = malloc(CHUNK);
    bkf_status st = BKF_OK;
    if (!buf)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    for (uint32_t off = r.start; off < r.end && !st;) {
        uint32_t n = r.end - off < CHUNK ? r.end - off : CHUNK;
        if (op_stopped(c->s))
            st = error_set(err, BKF_E_CANCELLED, "cancelled while verifying; all was written");
        if (!st && chunk_read(c->s, off, buf, n, err))
            st = session_failed(c->s, err);
        for (uint32_t i = 0; i < n && !st; i += SECTOR) {
            bool differs = memcmp(buf + i, at_target(c, off + i), SECTOR) != 0;
            if (differs)
                st = sector_differs(c, off + i, &differs, err);
            if (!st && differs)
                range_list_add(bad, off + i, off + i + SECTOR);
        }
        off += n;
        op_progress(c->s, off - r.start);
    }
    free(buf);
    return st;
}

/* On success every byte of r was compared; bad lists the sectors that differ. */
static bkf_status check(struct change *c, bkf_range r, struct range_list *bad, bkf_error *err)
{
    const bkf_digest_ops *d = chunk_digest(c->s, r.start, range_len(r));
    op_phase(c->s, "verify", range_len(r));
    bkf_status st = d ? by_crc(c, d, r, bad, err) : by_reading(c, r, bad, err);
    if (!st && bad->failed)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (!st && d)
        c->by_crc += range_len(r);
    else if (!st)
        c->by_reading += range_len(r);
    return st;
}

static bkf_status repair(struct change *c, const struct range_list *bad, bkf_error *err)
{
    /* A checksum may have switched the protection on again. */
    bkf_status st = change_unlock(c, err);
    for (size_t i = 0; i < bad->n && !st; i++) {
        session_log(c->s, BKF_LOG_WARN, "0x%06x..0x%06x differs after writing: written again",
                    bad->items[i].start, bad->items[i].end);
        for (uint32_t at = bad->items[i].start; at < bad->items[i].end && !st; at += SECTOR) {
            range_list_add(&c->repaired, at, at + SECTOR);
            st = change_sector(c, at, err);
        }
    }
    if (st) {
        session_failed(c->s, err);
        error_effect(err, BKF_EFFECT_PARTIAL);
        return err->status;
    }
    return BKF_OK;
}

/* What the status registers say about it, where this route shows them. */
static const char *suspicion(struct change *c, char buf[200])
{
    const bkf_chip_class *cls = c->s->chip_class;
    bkf_error ignored = BKF_ERROR_INIT;
    uint32_t value = 0, bits = 0;
    bool seen = cls->status && !cls->status(c->s->chip, &c->s->op, &value, &bits, &ignored);
    if (seen && (value & SR_BUSY))
        snprintf(buf, 200,
                 "the flash stays busy (WIP set, status %02X): power-cycle the target, then try "
                 "'bkflash resume'",
                 (unsigned)value & 0xFF);
    else if (seen)
        snprintf(buf, 200,
                 "the flash is protected there or worn out; look at 'bkflash protect show', then "
                 "try 'bkflash resume', or 'bkflash undo'");
    else
        snprintf(buf, 200,
                 "the flash is protected there, worn out, or stays busy, which this route cannot "
                 "show; power-cycle the target, then try 'bkflash resume', or another route (-a)");
    return buf;
}

static bkf_status give_up(struct change *c, const struct range_list *bad, bkf_error *err)
{
    uint32_t at = bad->items[0].start, n = 0;
    char why[200];
    for (size_t i = 0; i < bad->n; i++)
        n += range_len(bad->items[i]) / SECTOR;
    bkf_status st = error_set(err, BKF_E_VERIFY,
                              "%u sector%s cannot be written, the first at 0x%06x, after %d tries: "
                              "%s",
                              n, n == 1 ? "" : "s", at, REPAIR_ROUNDS, suspicion(c, why));
    error_effect(err, BKF_EFFECT_PARTIAL);
    return st;
}

static bkf_status verify_range(struct change *c, bkf_range r, bkf_error *err)
{
    struct range_list bad = { 0 };
    bkf_status st = check(c, r, &bad, err);
    for (int round = 0; !st && bad.n; round++) {
        if (round == REPAIR_ROUNDS) {
            st = give_up(c, &bad, err);
            break;
        }
        st = repair(c, &bad, err);
        struct range_list still = { 0 };
        for (size_t i = 0; i < bad.n && !st; i++)
            st = check(c, bad.items[i], &still, err);
        range_list_free(&bad);
        bad = still;
    }
    range_list_free(&bad);
    return st;
}

bkf_status change_verify(struct change *c, bkf_error *err)
{
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < c->n_touched && !st; i++)
        st = verify_range(c, c->touched[i], err);
    if (st)
        error_effect(err, BKF_EFFECT_PARTIAL);
    return st;
}
