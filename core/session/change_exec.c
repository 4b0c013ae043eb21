/* change_exec.c - the steps of a plan, group by group, with the journal one step ahead. */
#include "change.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { GROUP_TRIES = 3 };

static const uint8_t *at_target(const struct change *c, uint32_t off)
{
    return c->target + (off - c->request.start);
}

/* ---- protection ---- */

static const bkf_protect_ops *protect_ops(const struct change *c)
{
    const bkf_chip_class *cls = c->s->chip_class;
    if (!BKF_HAS(bkf_chip_class, cls, extension) || !cls->extension)
        return NULL;
    return cls->extension(c->s->chip, BKF_EXT_PROTECT);
}

bkf_status change_unlock(struct change *c, bkf_error *err)
{
    const bkf_chip_class *cls = c->s->chip_class;
    if (!cls->unlock)
        return BKF_OK;
    op_phase(c->s, "unprotect", 0);
    c->unlocked = true; /* even a failed attempt may have changed the registers */
    bkf_status st = cls->unlock(c->s->chip, &c->s->op, err);
    return st ? session_failed(c->s, err) : BKF_OK;
}

/* Put back what was found: what this chip object saved, then the registers that the first
 * run of this job recorded, in case that run did not live to do it. */
bkf_status change_lock(struct change *c, bkf_error *err)
{
    const bkf_chip_class *cls = c->s->chip_class;
    if (!c->unlocked)
        return BKF_OK;
    c->unlocked = false;
    c->s->closing = true; /* a cancelled job still puts the protection back */
    op_phase(c->s, "protect", 0);
    bkf_status st = cls->lock ? cls->lock(c->s->chip, &c->s->op, err) : BKF_OK;
    const bkf_protect_ops *p = protect_ops(c);
    uint32_t now = 0, bits = 0;
    bool seen = !st && cls->status && !cls->status(c->s->chip, &c->s->op, &now, &bits, err);
    if (seen && c->status_known && p && p->restore && now != c->status_before)
        st = p->restore(c->s->chip, &c->s->op, c->status_before, err);
    c->s->closing = false;
    /* A route that does not show the registers cannot know what they were, nor say so. */
    c->protection = st                        ? PROTECTION_FAILED
                    : seen && c->status_known ? PROTECTION_RESTORED
                                              : PROTECTION_UNSEEN;
    return st ? session_failed(c->s, err) : BKF_OK;
}

/* ---- steps ---- */

static bkf_status run_step(struct change *c, const struct plan_step *step, bkf_error *err)
{
    const bkf_chip_class *cls = c->s->chip_class;
    uint32_t off = step->range.start;
    size_t n = range_len(step->range);
    if (step->kind == STEP_ERASE)
        return cls->erase(c->s->chip, &c->s->op, off, n, err);
    return cls->program(c->s->chip, &c->s->op, off, at_target(c, off), n, err);
}

/* Some drivers say it themselves. */
static void say_where(const struct plan_step *step, bkf_error *err)
{
    char where[40];
    snprintf(where, sizeof where, "%s at 0x%06X", step->kind == STEP_ERASE ? "erase" : "program",
             step->range.start);
    if (strncasecmp(err->message, where, strlen(where)) != 0)
        error_prefix(err, "%s", where);
}

static bkf_status run_group(struct change *c, const struct plan_group *g, uint64_t base,
                            bkf_error *err)
{
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < g->n && !st; i++) {
        const struct plan_step *step = &c->plan.steps[g->first + i];
        st = run_step(c, step, err);
        if (st)
            say_where(step, err);
        base += range_len(step->range);
        op_progress(c->s, base);
    }
    return st;
}

/* A group may be repeated as it is: its erase comes first, and programming the same bytes
 * again changes nothing. */
static bool may_repeat(const struct change *c, const bkf_error *err)
{
    switch (err->status) {
    case BKF_E_TIMEOUT:
    case BKF_E_PROTOCOL:
    case BKF_E_IO:
    case BKF_E_NO_LINK:
        return !link_vanished(c->s->link) && !op_stopped(c->s);
    default:
        return false;
    }
}

/* Some loaders never recover from a broken frame: start over with a fresh link. */
static bkf_status relink(struct change *c, bkf_error *err)
{
    bkf_error ignored = BKF_ERROR_INIT;
    (void)session_detach(c->s, false, &ignored);
    bkf_status st = session_identify(c->s, err);
    return st ? st : change_unlock(c, err);
}

static bkf_status group_with_retries(struct change *c, const struct plan_group *g, uint64_t base,
                                     bkf_error *err)
{
    bkf_status st = run_group(c, g, base, err);
    for (int i = 1; st && i < GROUP_TRIES && may_repeat(c, err); i++) {
        c->group_retries++;
        c->s->stats.retries++;
        session_log(c->s, BKF_LOG_WARN, "0x%06x..0x%06x repeated: %s", g->range.start, g->range.end,
                    err->message);
        if (i > 1 || err->status == BKF_E_NO_LINK)
            st = relink(c, err);
        else
            st = change_unlock(c, err);
        if (!st)
            st = run_group(c, g, base, err);
    }
    if (st) {
        session_failed(c->s, err);
        error_effect(err, BKF_EFFECT_PARTIAL);
    }
    return st ? err->status : BKF_OK;
}

static uint64_t group_bytes(const struct change *c, const struct plan_group *g)
{
    uint64_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += range_len(c->plan.steps[g->first + i].range);
    return n;
}

bkf_status change_groups(struct change *c, bkf_error *err)
{
    uint64_t base = 0;
    bkf_status st = BKF_OK;
    op_phase(c->s, "write", c->plan.erase_bytes + c->plan.program_bytes);
    for (size_t i = 0; i < c->plan.n_groups && !st; i++) {
        const struct plan_group *g = &c->plan.groups[i];
        if (op_stopped(c->s)) {
            st = error_set(err, BKF_E_CANCELLED, "cancelled at 0x%06x", g->range.start);
            error_effect(err, i ? BKF_EFFECT_PARTIAL : BKF_EFFECT_NONE);
            return st;
        }
        st = journal_mark(c->journal, g->range, err);
        if (st && i)
            error_effect(err, BKF_EFFECT_PARTIAL);
        c->groups_begun += !st;
        if (!st)
            st = group_with_retries(c, g, base, err);
        base += group_bytes(c, g);
    }
    if (!st) {
        st = journal_mark_done(c->journal, err);
        if (st)
            error_effect(err, BKF_EFFECT_PARTIAL);
    }
    return st;
}

bkf_status change_sector(struct change *c, uint32_t at, bkf_error *err)
{
    const bkf_chip_class *cls = c->s->chip_class;
    uint32_t page = c->s->info.page ? c->s->info.page : c->s->profile->page;
    bkf_status st = cls->erase(c->s->chip, &c->s->op, at, SECTOR, err);
    for (uint32_t off = at; off < at + SECTOR && !st;) {
        uint32_t end = off;
        const uint8_t *p = at_target(c, off);
        /* Runs of pages that are not blank, each in one call. */
        while (end < at + SECTOR) {
            const uint8_t *q = at_target(c, end);
            uint32_t i = 0;
            while (i < page && q[i] == c->s->profile->erased)
                i++;
            if (i == page)
                break;
            end += page;
        }
        if (end > off)
            st = cls->program(c->s->chip, &c->s->op, off, p, end - off, err);
        off = end > off ? end : off + page;
    }
    return st;
}
