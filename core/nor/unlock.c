/* unlock.c - writing status registers so that exactly the wanted bits change.
 *
 * Dies differ in what a status write does: 01 with two bytes, with one byte (which on some
 * clears the second register, QE included), 31 for the second register.  So: try, read
 * both registers back, try the next way.  Two bytes first, because clearing BP alone while
 * CMP is set (as Beken's firmware leaves it: SR 4004) protects everything.
 *
 * Bits that are not ours are written as they were read; one-time lock bits are never
 * written as 1 unless they read as 1 three times. */
#include "engine.h"
#include <stdio.h>
#include <string.h>

enum { STEADY = 3, STEADY_TRIES = 12, WRITE_MAX_US = 500000, WRITE_STEP_US = 1000 };

enum how { TWO_BYTES, SECOND, FIRST };

static uint32_t registers_mask(const struct nor_part *p)
{
    uint32_t n = p->sr_count > 2 ? 2 : p->sr_count; /* a third one is never touched */
    return n == 2 ? 0xFFFF : 0xFF;
}

/* The bits that must come out as wanted: all that are known to hold something. */
static uint32_t judged_mask(const struct nor_part *p)
{
    return (p->protect_mask | p->keep_mask | p->qe_mask | p->cmp_mask | p->srp_mask |
            p->lock_mask) &
           registers_mask(p);
}

static uint32_t protection_mask(const struct nor_part *p)
{
    return (p->protect_mask | p->cmp_mask) & registers_mask(p);
}

/* The registers, three times the same: a misread lock bit written back is for ever. */
static bkf_status steady_status(bkf_nor *nor, uint32_t *value, bkf_error *err)
{
    uint32_t last = 0, now, raw = 0;
    int same = 0;
    for (int i = 0; i < STEADY_TRIES && same < STEADY; i++) {
        bkf_status st = nor_status_value(nor, &now, err);
        if (st)
            return st;
        raw = now;
        now &= ~(uint32_t)(SR_WIP | SR_WEL);
        same = i && now == last ? same + 1 : 1;
        last = now;
    }
    *value = last;
    if (same < STEADY)
        return error_set(
            err, BKF_E_PROTOCOL,
            "the status registers read differently every time: check the wires to MISO "
            "(%s) and SCK (%s)",
            nor_where(nor, "miso"), nor_where(nor, "sck"));
    if (raw == (nor->part.sr_count > 2 ? 0xFFFFFFu : nor->part.sr_count > 1 ? 0xFFFFu : 0xFFu))
        return error_set(err, BKF_E_LINK_LOST, "the status registers read FF: check MISO (%s)",
                         nor_where(nor, "miso"));
    return BKF_OK;
}

static bkf_status write_frame(bkf_nor *nor, const bkf_op *op, const uint8_t *cmd, size_t n,
                              bool is_volatile, bkf_error *err)
{
    uint8_t enable = is_volatile ? OP_WREN_VOLATILE : OP_WREN;
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .tx = &enable, .len = 1 },
        { .kind = BKF_STEP_XFER, .tx = cmd, .len = n },
    };
    bkf_status st = is_volatile ? BKF_OK : nor_write_enable(nor, err);
    if (!st)
        st = nor_run(nor, steps, 2, err);
    if (st)
        return st;
    uint64_t typ = is_volatile ? 0 : nor->part.status_write_typ_us;
    const struct nor_patience wait = { typ - typ / 8, WRITE_STEP_US, WRITE_MAX_US };
    st = nor_wait(nor, op, wait, "status register write", NULL, err);
    if (st)
        return st;
    /* a die that did not take the write keeps WEL: take it away again */
    uint8_t sr;
    st = nor_read_sr(nor, 0, &sr, err);
    return !st && (sr & SR_WEL) ? nor_command(nor, OP_WRDI, err) : st;
}

static bkf_status write_by(bkf_nor *nor, const bkf_op *op, enum how how, uint32_t value,
                           bool is_volatile, bkf_error *err)
{
    const struct nor_part *p = &nor->part;
    uint8_t first = p->sr_write[0] ? p->sr_write[0] : (uint8_t)OP_WRSR;
    uint8_t second = p->sr_write[1] && p->sr_write[1] != first ? p->sr_write[1] : (uint8_t)OP_WRSR2;
    uint8_t sr1 = (uint8_t)value, sr2 = (uint8_t)(value >> 8);
    const uint8_t two[] = { first, sr1, sr2 }, one[] = { first, sr1 }, only2[] = { second, sr2 };
    switch (how) {
    case TWO_BYTES:
        return write_frame(nor, op, two, sizeof two, is_volatile, err);
    case SECOND:
        return write_frame(nor, op, only2, sizeof only2, is_volatile, err);
    default:
        return write_frame(nor, op, one, sizeof one, is_volatile, err);
    }
}

/* The order of ways.  SR1 comes after SR2, so that CMP is never left alone; but a write that
 * sets SRP1 locks the registers and must be the last one. */
static size_t ways_to(const struct nor_part *p, uint32_t now, uint32_t want, enum how ways[5])
{
    static const enum how usual[] = { TWO_BYTES, SECOND, FIRST, SECOND, TWO_BYTES };
    static const enum how locking[] = { TWO_BYTES, FIRST, SECOND };
    if (p->sr_count < 2) {
        ways[0] = FIRST;
        return 1;
    }
    bool locks = (want & ~now & p->srp_mask & 0xFF00) != 0;
    size_t n = locks ? ARRAY_LEN(locking) : ARRAY_LEN(usual);
    memcpy(ways, locks ? locking : usual, n * sizeof ways[0]);
    return n;
}

/* Tries every way until the judged bits are as wanted; *now is what they are in the end. */
static bkf_status write_status(bkf_nor *nor, const bkf_op *op, uint32_t want, bool is_volatile,
                               uint32_t *now, bkf_error *err)
{
    const struct nor_part *p = &nor->part;
    enum how ways[5];
    uint32_t mask = judged_mask(p);
    bkf_status st = steady_status(nor, now, err);
    size_t n = st ? 0 : ways_to(p, *now, want, ways);
    for (size_t i = 0; !st && i < n && ((*now ^ want) & mask); i++) {
        uint32_t wrong = (*now ^ want) & mask;
        if ((ways[i] == SECOND && !(wrong >> 8)) || (ways[i] == FIRST && !(wrong & 0xFF)))
            continue;
        /* lock bits: as they read now, never more */
        uint32_t value = (want & ~p->lock_mask) | (*now & p->lock_mask);
        st = write_by(nor, op, ways[i], value, is_volatile, err);
        if (!st)
            st = steady_status(nor, now, err);
    }
    return st;
}

/* Volatile first where the part is known to have it, else as the last resort. */
static bkf_status reach(bkf_nor *nor, const bkf_op *op, uint32_t want, bool may_volatile,
                        uint32_t judged, uint32_t *now, bool *was_volatile, bkf_error *err)
{
    bool order[3] = { false, true, false };
    size_t n = may_volatile ? 2 : 1;
    if (may_volatile && nor->part.volatile_50) {
        order[0] = true;
        order[1] = false;
    }
    bkf_status st = BKF_OK;
    for (size_t i = 0; !st && i < n; i++) {
        *was_volatile = order[i];
        st = write_status(nor, op, want, order[i], now, err);
        if (!st && !((*now ^ want) & judged))
            break;
    }
    return st;
}

static bkf_status stays(const bkf_nor *nor, uint32_t now, uint32_t want, bkf_error *err)
{
    const struct nor_part *p = &nor->part;
    int width = (int)(2 * (p->sr_count > 2 ? 2 : p->sr_count));
    const char *why = "the part ignores every known way of writing it";
    if (p->srp_mask & now & 0xFF00)
        why = "SRP1 is set, which locks the registers until the supply is cut (or for good)";
    else if (p->srp_mask & now)
        why = "SRP0 is set, which locks the registers while WP# is low: pull WP# high, or cut the "
              "supply";
    return error_set(err, BKF_E_PROTECTED, "the status registers stay at %0*X instead of %0*X: %s",
                     width, now & 0xFFFF, width, want & 0xFFFF, why);
}

/* What was protected is not; so that it can be put back, the registers must not lock
 * themselves meanwhile: SRP bits go too.  Everything else is as it was. */
static uint32_t unlocked_value(const struct nor_part *p, uint32_t value)
{
    return protect_cleared(p, value) & ~p->srp_mask;
}

bkf_status nor_unlock(bkf_nor *nor, const bkf_op *op, bkf_error *err)
{
    uint32_t before, now;
    bool was_volatile = false;
    bkf_status st = nor_need_identity(nor, err);
    if (!st)
        st = steady_status(nor, &before, err);
    if (st)
        return st;
    nor->unlocked = true;
    uint32_t judged = protection_mask(&nor->part);
    if (!(before & judged))
        return BKF_OK;
    uint32_t want = unlocked_value(&nor->part, before);
    if (!nor->saved_valid) {
        nor->saved = before;
        nor->saved_valid = true;
    }
    st = reach(nor, op, want, true, judged, &now, &was_volatile, err);
    nor->saved_volatile = was_volatile;
    if (st)
        return st;
    if ((now ^ want) & judged)
        return stays(nor, now, want, err);
    if ((now ^ want) & judged_mask(&nor->part))
        nor_log(nor, BKF_LOG_WARN,
                "unprotecting changed other status bits too: %04X instead of %04X", now & 0xFFFF,
                want & 0xFFFF);
    return BKF_OK;
}

/* Every judged bit as in value, except lock bits, which stay. */
static bkf_status put_back(bkf_nor *nor, const bkf_op *op, uint32_t value, bool as_volatile,
                           bkf_error *err)
{
    uint32_t now, mask = judged_mask(&nor->part) & ~nor->part.lock_mask;
    bool was_volatile;
    bkf_status st = steady_status(nor, &now, err);
    if (st || !((now ^ value) & mask))
        return st;
    uint32_t want = (value & ~nor->part.lock_mask) | (now & nor->part.lock_mask);
    if (as_volatile)
        st = write_status(nor, op, want, true, &now, err);
    if (!st && ((now ^ want) & mask))
        st = reach(nor, op, want, false, mask, &now, &was_volatile, err);
    if (!st && ((now ^ want) & mask))
        return stays(nor, now, want, err);
    return st;
}

bkf_status nor_lock(bkf_nor *nor, const bkf_op *op, bkf_error *err)
{
    nor->unlocked = false;
    if (!nor->saved_valid)
        return BKF_OK;
    bkf_status st = put_back(nor, op, nor->saved, nor->saved_volatile, err);
    if (!st)
        nor->saved_valid = false;
    return st;
}

bkf_status nor_restore_status(bkf_nor *nor, const bkf_op *op, uint32_t value, bkf_error *err)
{
    bkf_status st = nor_need_identity(nor, err);
    if (st)
        return st;
    nor->unlocked = false;
    nor->saved_valid = false;
    return put_back(nor, op, value & ~(uint32_t)(SR_WIP | SR_WEL), false, err);
}

bkf_status nor_protect(bkf_nor *nor, const bkf_op *op, uint32_t on, bkf_error *err)
{
    uint32_t before, want, now;
    bool was_volatile;
    bkf_status st = nor_need_identity(nor, err);
    if (!st)
        st = steady_status(nor, &before, err);
    if (st)
        return st;
    want = unlocked_value(&nor->part, before);
    if (on && !protect_all(&nor->part, nor->size, before, &want))
        return error_set(err, BKF_E_UNSUPPORTED,
                         "%s: which bits protect the whole array of this part is not known",
                         nor->part.name);
    nor->saved_valid = false; /* the user's wish is the new normal */
    uint32_t judged = protection_mask(&nor->part);
    st = reach(nor, op, want, false, judged, &now, &was_volatile, err);
    if (!st && ((now ^ want) & judged))
        return stays(nor, now, want, err);
    return st;
}
