/* change_same.c - is this the device that a journal is about?
 *
 * Unique id and MAC say so where both sides know one of them.  Elsewhere the flash itself has
 * to: groups that are done hold their target, what was not begun holds what is in the backup.
 * An application may have changed some of it since, so most of the samples must be right. */
#include "change.h"
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 16 };

/* What the flash held when the journal was written last. */
struct expectation {
    const struct journal_state *j;
    const uint8_t *backup; /* NULL = not to be had */
    bkf_range backup_range;
};

static bool in_done(const struct journal_state *j, bkf_range r)
{
    for (size_t i = 0; i < j->n_done; i++)
        if (range_contains(j->done[i], r))
            return true;
    return false;
}

/* NULL: nothing is known of this sector, or any erased flash would do. */
static const uint8_t *expected(const struct expectation *x, uint32_t at)
{
    const struct journal_state *j = x->j;
    bkf_range r = { at, at + SECTOR };
    const uint8_t *p = NULL;
    if (in_done(j, r))
        p = j->target ? j->target + (at - j->head.request.start) : NULL;
    else if (!range_overlaps(j->open, r) && x->backup && range_contains(x->backup_range, r))
        p = x->backup + (at - x->backup_range.start);
    return p && memcmp(p, p + 1, SECTOR - 1) != 0 ? p : NULL;
}

static size_t count_known(const struct expectation *x)
{
    bkf_range r = x->j->head.request;
    size_t n = 0;
    for (uint32_t at = r.start; at < r.end; at += SECTOR)
        n += expected(x, at) != NULL;
    return n;
}

struct tally {
    size_t right, wrong;
    uint32_t first_wrong;
};

/* SAMPLES of the n known sectors, spread over all of them. */
static bkf_status sample(struct change *c, const struct expectation *x, size_t n, struct tally *t,
                         bkf_error *err)
{
    bkf_range r = x->j->head.request;
    size_t want = n < SAMPLES ? n : SAMPLES, seen = 0;
    bkf_status st = BKF_OK;
    for (uint32_t at = r.start; at < r.end && !st; at += SECTOR) {
        const uint8_t *p = expected(x, at);
        bool equal = false;
        if (!p)
            continue;
        seen++;
        if (seen * want / n == (seen - 1) * want / n)
            continue;
        st = change_sector_equal(c, at, p, &equal, err);
        if (!st && !equal && !t->wrong++)
            t->first_wrong = at;
        t->right += equal;
    }
    return st;
}

static bkf_status judge(struct change *c, const struct journal_state *j, const struct tally *t,
                        bkf_error *err)
{
    if (t->right + t->wrong == 0) {
        session_log(c->s, BKF_LOG_WARN,
                    "neither ids nor contents show that this is the device of the last %s",
                    j->head.kind);
        return BKF_OK;
    }
    if (t->right >= t->wrong)
        return BKF_OK;
    return error_set(
        err, BKF_E_MISMATCH,
        "this is not the device of the last %s, or its flash was written since: "
        "%zu of %zu sectors looked at hold something else, the first at 0x%06x; to put "
        "the backup back all the same: restore %s",
        j->head.kind, t->wrong, t->right + t->wrong, t->first_wrong,
        *j->head.backup ? j->head.backup : "FILE");
}

bkf_status change_recognise(struct change *c, const struct journal_state *j, bkf_error *err)
{
    const struct device_id then = change_journal_device(&j->head);
    struct expectation x = { .j = j };
    struct sidecar side = { 0 };
    struct tally t = { 0 };
    bkf_error ignored = BKF_ERROR_INIT;
    if (device_id_same_unit(&then, &c->id) || j->head.request.end > c->size)
        return BKF_OK; /* past the end: that is for the caller to refuse */
    op_phase(c->s, "check", 0);
    uint8_t *backup = NULL;
    if (j->head.backup[0] && !change_dump_load(j->head.backup, &backup, &side, &ignored)) {
        x.backup = backup;
        x.backup_range = side.range;
    }
    size_t n = count_known(&x);
    bkf_status st = n ? sample(c, &x, n, &t, err) : BKF_OK;
    free(backup);
    sidecar_free(&side);
    return st ? st : judge(c, j, &t, err);
}
