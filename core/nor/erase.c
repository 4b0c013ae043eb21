/* erase.c - erasing with the largest erase that lies wholly inside the range. */
#include "engine.h"
#include <stdio.h>

enum { SLACK = 2, MAX_UNKNOWN_US = 4000000, STEP_MIN_US = 200, STEP_MAX_US = 20000 };

/* The slot to use at off with left bytes to go, or -1. */
static int pick(const struct nor_part *p, uint32_t off, size_t left)
{
    int best = -1;
    for (int i = 0; i < (int)ARRAY_LEN(p->erase); i++) {
        uint32_t size = p->erase[i].size;
        if (size && off % size == 0 && size <= left && (best < 0 || size > p->erase[best].size))
            best = i;
    }
    return best;
}

static uint32_t smallest(const struct nor_part *p)
{
    uint32_t least = 0;
    for (size_t i = 0; i < ARRAY_LEN(p->erase); i++) {
        if (p->erase[i].size && (!least || p->erase[i].size < least))
            least = p->erase[i].size;
    }
    return least;
}

static struct nor_patience patience(const bkf_nor *nor, int slot)
{
    const struct nor_erase *e = &nor->part.erase[slot];
    uint64_t typ = e->typ_us ? e->typ_us : 20000, took = nor->erase_took[slot];
    struct nor_patience w = {
        /* the first one early, to learn; then a little before it was ready the last time */
        .first_us = took ? took - took / 16 : typ - typ / 4,
        .step_us = typ / 100,
        .max_us = e->max_us ? (uint64_t)e->max_us * SLACK : MAX_UNKNOWN_US,
    };
    if (w.step_us < STEP_MIN_US)
        w.step_us = STEP_MIN_US;
    if (w.step_us > STEP_MAX_US)
        w.step_us = STEP_MAX_US;
    return w;
}

/* WREN, look, erase, look: one list.  sr[0] before, sr[1] right behind the command. */
static bkf_status start(bkf_nor *nor, const struct nor_erase *e, uint32_t off, uint8_t sr[2],
                        bkf_error *err)
{
    static const uint8_t wren = OP_WREN, rdsr[2] = { OP_RDSR, 0 };
    uint8_t cmd[4], before[2] = { 0, 0 }, after[2] = { 0, 0 };
    nor_address(cmd, e->opcode, off);
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .tx = &wren, .len = 1 },
        { .kind = BKF_STEP_XFER, .tx = rdsr, .rx = before, .len = 2 },
        { .kind = BKF_STEP_XFER, .tx = cmd, .len = sizeof cmd },
        { .kind = BKF_STEP_XFER, .tx = rdsr, .rx = after, .len = 2 },
    };
    bkf_status st = nor_run(nor, steps, ARRAY_LEN(steps), err);
    sr[0] = before[1];
    sr[1] = after[1];
    return st;
}

static bkf_status refused(bkf_nor *nor, uint32_t off, const uint8_t sr[2], bkf_error *err)
{
    uint32_t value = 0;
    bkf_error ignored = BKF_ERROR_INIT;
    nor_status_value(nor, &value, &ignored);
    if (!(sr[0] & SR_WEL))
        return error_set(err, BKF_E_PROTOCOL,
                         "erase at 0x%06x: the flash does not take write enable (06): status %02X; "
                         "check MOSI (%s)",
                         off, sr[0], nor_where(nor, "mosi"));
    return error_set(
        err, BKF_E_PROTECTED,
        "erase at 0x%06x: refused by the flash, it ended at once (status %0*X): the range "
        "is write-protected",
        off, (int)(2 * nor->part.sr_count), value);
}

static bkf_status erase_one(bkf_nor *nor, const bkf_op *op, int slot, uint32_t off, bkf_error *err)
{
    const struct nor_erase *e = &nor->part.erase[slot];
    char what[48];
    uint8_t sr[2];
    uint64_t spent;
    bkf_status st = start(nor, e, off, sr, err);
    if (st) {
        error_effect(err, BKF_EFFECT_UNKNOWN);
        return st;
    }
    if (!(sr[1] & SR_WIP)) { /* noise?  look again before judging */
        st = nor_read_sr(nor, 0, &sr[1], err);
        if (st || !(sr[1] & SR_WIP))
            return st ? st : refused(nor, off, sr, err);
    }
    snprintf(what, sizeof what, "erase at 0x%06x", off);
    st = nor_wait(nor, op, patience(nor, slot), what, &spent, err);
    if (st)
        error_effect(err, BKF_EFFECT_UNKNOWN);
    else
        nor->erase_took[slot] = spent;
    return st;
}

/* A refusal after unlock: something set the protection again; once more, then give up. */
static bkf_status erase_unlocking(bkf_nor *nor, const bkf_op *op, int slot, uint32_t off,
                                  bkf_error *err)
{
    bkf_status st = erase_one(nor, op, slot, off, err);
    if ((st != BKF_E_PROTECTED && st != BKF_E_PROTOCOL) || !nor->unlocked)
        return st;
    bkf_error again = BKF_ERROR_INIT;
    nor_log(nor, BKF_LOG_WARN, "%s", err ? err->message : "erase refused");
    if (nor_unlock(nor, op, &again))
        return st;
    error_clear(err);
    return erase_one(nor, op, slot, off, err);
}

bkf_status nor_erase(bkf_nor *nor, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    bkf_status st = nor_check_range(nor, off, n, err);
    if (st)
        return st;
    uint32_t unit = smallest(&nor->part);
    if (!unit || off % unit || n % unit)
        return error_set(err, BKF_E_PARAM,
                         "erase of 0x%x..0x%llx: this flash erases in units of %u", off,
                         (unsigned long long)off + n, unit);
    for (size_t done = 0; !st && done < n;) {
        uint32_t at = off + (uint32_t)done;
        int slot = pick(&nor->part, at, n - done);
        st = erase_unlocking(nor, op, slot, at, err);
        if (!st) {
            done += nor->part.erase[slot].size;
            nor_progress(op, done, n);
            if (done < n && nor_stopping(op))
                st = nor_cancelled(err, "erasing");
        }
        if (st && done)
            error_effect(err, BKF_EFFECT_PARTIAL);
    }
    if (st || !n)
        return st;
    st = nor_still_there(nor, "erasing", off, n, err);
    if (st)
        error_effect(err, BKF_EFFECT_UNKNOWN);
    return st;
}
