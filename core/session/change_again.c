/* change_again.c - finishing what an earlier run began, and putting back what it replaced. */
#include "change.h"
#include "read_again.h"
#include <stdlib.h>
#include <string.h>

static bkf_status no_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "out of memory");
}

/* ---- resume ---- */

/* What is not to be touched has the contents of then as its target in the journal. */
static bool same_job(const struct change *c, const struct journal_state *j)
{
    bool same = c->target && j->target && j->head.request.start == c->request.start &&
                j->head.request.end == c->request.end;
    for (uint32_t i = 0; same && i < range_len(c->request); i += SECTOR) {
        bkf_range r = { c->request.start + i, c->request.start + i + SECTOR };
        r = range_intersect(r, c->wanted);
        uint32_t at = r.start - c->request.start;
        same = c->skip[i / SECTOR] || memcmp(j->target + at, c->target + at, range_len(r)) == 0;
    }
    return same;
}

/* Take over everything from the journal but the bytes that are there already. */
static bkf_status adopt(struct change *c, struct journal_state *j, const char *dir, bkf_error *err)
{
    bkf_status st = change_recognise(c, j, err);
    if (st)
        return st;
    c->done = j->done;
    c->n_done = j->n_done;
    j->done = NULL;
    j->n_done = 0;
    c->backup = j->head.backup[0] ? strdup(j->head.backup) : NULL;
    memcpy(c->backup_sha256, j->head.backup_sha256, sizeof c->backup_sha256);
    c->backup_stands = true;
    c->status_before = j->head.status;
    c->status_bits = j->head.status_bits;
    c->status_known = j->head.status_bits != 0;
    c->unlocked = c->status_known; /* so that the end puts it back in any case */
    free(c->allow_text);
    c->allow_text = strdup(j->head.allow);
    c->may_change_keep = j->head.may_change_keep;
    c->preserve_keep = j->head.preserve_keep;
    c->undoing = strcmp(j->head.kind, "undo") == 0;
    c->kind = strcmp(j->head.kind, "erase") == 0                   ? PLAN_ERASE
              : c->undoing || strcmp(j->head.kind, "restore") == 0 ? PLAN_RESTORE
                                                                   : PLAN_WRITE;
    c->allow_all = true; /* the first run was allowed to, and has begun */
    return journal_reopen(dir, c->key, &c->journal, err);
}

/* The same command again goes on where the last one stopped. */
bkf_status change_resume_if_same(struct change *c, bkf_error *err)
{
    struct journal_state j;
    bkf_error why = BKF_ERROR_INIT;
    char *dir = change_journal_dir(c, err);
    if (!dir)
        return BKF_E_FILE;
    change_pick_key(c, dir, false);
    bkf_status st = journal_load(dir, c->key, false, &j, &why);
    if (st == BKF_E_NO_DEVICE) {
        st = BKF_OK;
    } else if (st) { /* damaged: says what to do */
        *err = why;
    } else {
        bool same = same_job(c, &j);
        session_log(c->s, BKF_LOG_INFO, "%s the unfinished %s of this device",
                    same ? "going on with" : "there is", j.head.kind);
        if (same) { /* with what shares a sector with it, and may be erased by now */
            memcpy(c->target, j.target, range_len(c->request));
            c->wanted = c->request;
        }
        if (!same)
            st = journal_in_the_way(dir, c->key, err);
        else if (!(c->flags & BKF_CHANGE_DRY_RUN))
            st = adopt(c, &j, dir, err);
        journal_state_free(&j);
    }
    free(dir);
    return st;
}

static bkf_status resume_run(struct change *c, char **report, bkf_error *err)
{
    struct journal_state j;
    bkf_change_options o = { .struct_size = sizeof o };
    bkf_status st = change_meet(c, err);
    char *dir = st ? NULL : change_journal_dir(c, err);
    if (!dir)
        return st ? st : BKF_E_FILE;
    change_pick_key(c, dir, false);
    st = journal_load(dir, c->key, false, &j, err);
    if (st == BKF_E_NO_DEVICE)
        st = err->status = BKF_E_PARAM; /* asked for what is not there */
    if (!st) {
        c->request = j.head.request;
        c->target = j.target ? malloc(range_len(c->request)) : NULL;
        if (c->target)
            memcpy(c->target, j.target, range_len(c->request));
        size_t n = range_len(c->request);
        c->current = malloc(n + 1);
        c->skip = calloc(n / SECTOR + 1, sizeof *c->skip);
        if (!j.target)
            st = error_set(err, BKF_E_FILE,
                           "the %s cannot be finished: %s; 'bkflash undo' puts the old contents "
                           "back",
                           j.head.kind, j.target_why);
        else if (c->request.end > c->size)
            st = error_set(err, BKF_E_FILE, "the journal's range goes past the end of this flash");
        else if (!c->target || !c->current || !c->skip)
            st = no_memory(err);
        else
            st = adopt(c, &j, dir, err);
        journal_state_free(&j);
    }
    free(dir);
    if (!st)
        st = change_areas(c, err);
    if (!st)
        st = change_refuse(c, err);
    return st ? st : change_finish(c, &o, false, report, err);
}

/* Without one "resume" means a read.  One that is damaged is for journal_load to explain. */
static bool unfinished_change(struct change *c)
{
    bkf_error ignored = BKF_ERROR_INIT;
    char *dir = change_journal_dir(c, &ignored);
    struct strbuf sb = STRBUF_INIT;
    device_id_of(c->s, &c->id);
    device_id_key(&c->id, c->key);
    if (dir) {
        change_pick_key(c, dir, false);
        strbuf_addf(&sb, "%s/%s.journal", dir, c->key);
    }
    bool there = sb.data && file_exists(sb.data);
    strbuf_free(&sb);
    free(dir);
    return there;
}

bkf_status bkf_resume(bkf_session *s, char **report, bkf_error *err)
{
    struct change c = { .s = s };
    bkf_error own = BKF_ERROR_INIT;
    err = err ? err : &own;
    if (report)
        *report = NULL;
    if (!s)
        return error_set(err, BKF_E_PARAM, "bkf_resume: no session");
    bkf_status st = session_identify(s, err);
    if (!st && !unfinished_change(&c))
        return read_again_finish(s, report, err);
    if (!st)
        st = resume_run(&c, report, err);
    change_free(&c);
    return st;
}

static bool was_touched(const struct journal_state *j, uint32_t at)
{
    bkf_range sector = { at, at + SECTOR };
    bool touched = range_overlaps(j->open, sector);
    for (size_t i = 0; i < j->n_done && !touched; i++)
        touched = range_overlaps(j->done[i], sector);
    return touched;
}

/* From the first byte that was touched to the last; all of the request if none was. */
static bkf_range touched_hull(const struct journal_state *j)
{
    bkf_range hull = j->open;
    for (size_t i = 0; i < j->n_done; i++) {
        bool first = hull.start == hull.end;
        hull.start = first || j->done[i].start < hull.start ? j->done[i].start : hull.start;
        hull.end = first || j->done[i].end > hull.end ? j->done[i].end : hull.end;
    }
    return hull.start < hull.end ? hull : j->head.request;
}

/* The bytes that the last change replaced, and no others, as a new change of its own: what it
 * left alone may have become something else since. */
static bkf_status undo_target(struct change *c, const struct journal_state *j, bkf_error *err)
{
    uint8_t *data = NULL;
    struct sidecar side;
    if (strcmp(j->head.kind, "undo") == 0)
        return error_set(err, BKF_E_FILE,
                         "the last change was an undo, and one step back is all that is kept; an "
                         "older backup (in %s unless --backup-dir) goes back with: restore FILE",
                         c->s->ctx->places.backups ? c->s->ctx->places.backups : "no folder");
    if (!j->head.backup[0])
        return error_set(err, BKF_E_FILE,
                         "the last %s was made without a backup, so there is nothing to put back",
                         j->head.kind);
    bkf_status st = change_dump_load(j->head.backup, &data, &side, err);
    if (!st && strcmp(side.sha256, j->head.backup_sha256) != 0)
        st = error_set(err, BKF_E_FILE, "%s is not the backup that the last %s made",
                       j->head.backup, j->head.kind);
    if (!st) {
        c->request = range_intersect(side.range, touched_hull(j));
        size_t n = range_len(c->request);
        c->target = malloc(n + 1);
        c->current = malloc(n + 1);
        c->skip = calloc(n / SECTOR + 1, sizeof *c->skip);
        if (!c->target || !c->current || !c->skip)
            st = no_memory(err);
        else
            memcpy(c->target, data + (c->request.start - side.range.start), n);
    }
    for (uint32_t at = c->request.start; !st && c->skip && at < c->request.end; at += SECTOR)
        c->skip[(at - c->request.start) / SECTOR] = !was_touched(j, at);
    c->old = data;
    c->old_range = side.range;
    sidecar_free(&side);
    return st;
}

static bkf_status undo_run(struct change *c, char **report, bkf_error *err)
{
    struct journal_state j;
    bkf_change_options o = { .struct_size = sizeof o };
    bkf_status st = change_meet(c, err);
    char *dir = st ? NULL : change_journal_dir(c, err);
    if (!dir)
        return st ? st : BKF_E_FILE;
    bool unfinished = true;
    change_pick_key(c, dir, false);
    st = journal_load(dir, c->key, false, &j, err);
    if (st == BKF_E_NO_DEVICE) {
        unfinished = false;
        change_pick_key(c, dir, true);
        st = journal_load(dir, c->key, true, &j, err);
    }
    free(dir);
    if (st == BKF_E_NO_DEVICE)
        st = err->status = BKF_E_PARAM;
    if (st)
        return st;
    if (unfinished && strcmp(j.head.kind, "undo") == 0) {
        journal_state_free(&j);
        return resume_run(c, report, err); /* the same command goes on */
    }
    st = change_recognise(c, &j, err);
    if (!st)
        st = undo_target(c, &j, err);
    c->kind = PLAN_RESTORE;
    c->undoing = true;
    c->allow_all = c->may_change_keep = true;
    /* Of an unfinished change both sides are on file; what came after a finished one is not. */
    c->backup_stands = unfinished;
    if (unfinished) {
        c->status_before = j.head.status;
        c->status_bits = j.head.status_bits;
        c->status_known = j.head.status_bits != 0;
        c->unlocked = c->status_known;
    }
    journal_state_free(&j);
    if (!st)
        st = change_areas(c, err);
    if (!st)
        st = change_refuse(c, err);
    return st ? st : change_finish(c, &o, unfinished, report, err);
}

bkf_status bkf_undo(bkf_session *s, char **report, bkf_error *err)
{
    struct change c = { .s = s };
    bkf_error own = BKF_ERROR_INIT;
    err = err ? err : &own;
    if (report)
        *report = NULL;
    if (!s)
        return error_set(err, BKF_E_PARAM, "bkf_undo: no session");
    bkf_status st = undo_run(&c, report, err);
    change_free(&c);
    return st;
}
