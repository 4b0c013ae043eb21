/* change.c - the order of a change: everything that can be refused comes first, a backup
 * and a synced journal come before the first erase, proof comes before success. */
#include "change.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bkf_status no_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "out of memory");
}

void change_free(struct change *c)
{
    if (c->journal)
        (void)journal_end(c->journal, false, NULL);
    plan_free(&c->plan);
    range_list_free(&c->repaired);
    free(c->target);
    free(c->current);
    free(c->skip);
    free(c->areas);
    free(c->area_origin);
    free(c->touched);
    free(c->done);
    free(c->backup);
    free(c->absent);
    free(c->dump.data);
    free(c->given.data);
    sidecar_free(&c->dump.side);
    sidecar_free(&c->given.side);
    free(c->allow_text);
    free(c->old);
    layouts_free(&c->layouts);
}

/* ---- the device ---- */

bkf_status change_meet(struct change *c, bkf_error *err)
{
    bkf_session *s = c->s;
    c->start_us = op_now(s);
    if (!s->chip_class->erase || !s->chip_class->program)
        return error_set(err, BKF_E_UNSUPPORTED, "the driver %s cannot change the flash",
                         s->chip_class->name);
    bkf_status st = session_identify(s, err);
    if (!st)
        st = session_size(s, &c->size, err);
    if (st)
        return st;
    c->size_unknown = false;
    device_id_of(s, &c->id);
    device_id_key(&c->id, c->key);
    session_timing(s, &c->timing);
    /* A part that does not say still erases its sectors. */
    if (!c->timing.erase_4k_us)
        c->timing.erase_4k_us = 60000;
    return BKF_OK;
}

/* ---- the plan ---- */

static void fill_facts(struct change *c, struct plan_facts *f)
{
    bkf_session *s = c->s;
    size_t ne = session_windows(s, BKF_CAN_ERASE, c->size, c->erasable, &c->window_reason);
    size_t np = session_windows(s, BKF_CAN_PROGRAM, c->size, c->programmable, &c->window_reason);
    bkf_range first[WINDOWS_MAX];
    if (c->size_unknown) { /* the driver cannot say yet either */
        ne = session_profile_windows(s, BKF_CAN_ERASE, c->size, c->erasable, &c->window_reason);
        np = session_profile_windows(s, BKF_CAN_PROGRAM, c->size, c->programmable,
                                     &c->window_reason);
    }
    *f = (struct plan_facts){
        .size = c->size,
        .erase_first = session_windows(s, BKF_ERASE_FIRST, c->size, first, NULL) != 0,
        .page = s->info.page ? s->info.page : s->profile->page,
        .sector = SECTOR,
        .erased = s->profile->erased,
        .erasable = c->erasable,
        .n_erasable = ne,
        .programmable = c->programmable,
        .n_programmable = np,
        .window_reason = c->window_reason,
        .erase_4k_us = c->timing.erase_4k_us,
        .erase_32k_us = c->timing.erase_32k_us,
        .erase_64k_us = c->timing.erase_64k_us,
        .program_page_us = c->timing.program_page_us,
        .verify_rate = session_verify_rate(s, c->request, &c->timing),
        .write_rate = c->timing.write_rate,
        .areas = c->areas,
        .n_areas = c->n_areas,
    };
}

static void plan_input(struct change *c, struct plan_input *in)
{
    bool partly = range_len(c->wanted) && range_len(c->wanted) != range_len(c->request);
    *in = (struct plan_input){
        /* what goes back after an erase is programmed */
        .kind = c->kind == PLAN_ERASE && partly ? PLAN_WRITE : c->kind,
        .request = c->request,
        .target = c->target,
        .skip = c->skip,
        .allow = c->allow,
        .may_change_keep = c->may_change_keep,
        .preserve_keep = c->preserve_keep,
    };
    fill_facts(c, &in->facts);
}

/* All refusals, each once, as findings; the first one is the error. */
static bkf_status report_refusals(struct change *c, struct diag_list *d, bkf_status st,
                                  bkf_error *err)
{
    if (st && d->n > 1)
        for (size_t i = 1; i < d->n; i++)
            session_log(c->s, BKF_LOG_ERROR, "%s", d->items[i].text);
    diag_free(d);
    (void)err;
    return st;
}

bkf_status change_refuse(struct change *c, bkf_error *err)
{
    struct plan_input in;
    struct diag_list d = { 0 };
    plan_input(c, &in);
    bkf_status st = plan_check(&in, &d, err);
    if (!st && (c->flags & BKF_CHANGE_NO_BACKUP))
        for (size_t i = 0; i < c->n_areas && !st; i++)
            if (c->areas[i].protect && range_overlaps(c->areas[i].range, c->request))
                st = error_set(err, BKF_E_PROTECTED,
                               "%s is protected: it is never changed without a backup, so "
                               "--no-backup is refused",
                               c->areas[i].name);
    return report_refusals(c, &d, st, err);
}

static bkf_status make_plan(struct change *c, bkf_error *err)
{
    struct plan_input in;
    struct diag_list d = { 0 };
    plan_input(c, &in);
    in.current = c->current;
    bkf_status st = plan_make(&in, &c->plan, &d, err);
    st = report_refusals(c, &d, st, err);
    if (st)
        return st;
    c->touched = calloc(c->plan.n_groups + c->n_done + 1, sizeof *c->touched);
    if (!c->touched)
        return no_memory(err);
    size_t n = plan_touched(&c->plan, c->touched);
    for (size_t i = 0; i < c->n_done; i++)
        c->touched[n++] = c->done[i];
    c->n_touched = range_normalize(c->touched, n, c->touched);
    return BKF_OK;
}

/* ---- act ---- */

static bkf_status read_status(struct change *c, bkf_error *err)
{
    const bkf_chip_class *cls = c->s->chip_class;
    if (!cls->status || c->status_known)
        return BKF_OK;
    bkf_status st = cls->status(c->s->chip, &c->s->op, &c->status_before, &c->status_bits, err);
    if (st == BKF_E_UNSUPPORTED)
        return BKF_OK;
    c->status_known = !st;
    return st ? session_failed(c->s, err) : BKF_OK;
}

static bkf_status act(struct change *c, bool replace, bkf_error *err)
{
    bkf_error lock_err = BKF_ERROR_INIT;
    bool ours = !c->journal && !replace; /* begun by this very run, in nobody's place */
    bkf_status st = read_status(c, err);
    if (!st)
        st = change_open_journal(c, replace, err);
    if (st)
        return st;
    if (c->plan.n_groups)
        st = change_unlock(c, err);
    if (!st)
        st = change_groups(c, err);
    if (!st)
        st = change_verify(c, err);
    bkf_status locked = change_lock(c, &lock_err);
    if (!st && locked) {
        *err = lock_err;
        error_prefix(err, "everything was written and verified, but the write protection could not "
                          "be put back");
        error_effect(err, BKF_EFFECT_PARTIAL);
        st = locked;
    } else if (st && locked) {
        session_log(c->s, BKF_LOG_WARN, "the write protection could not be put back: %s",
                    lock_err.message);
    }
    if (st && ours && !locked && !c->groups_begun) {
        journal_discard(c->journal); /* as if it had been refused before */
        c->journal = NULL;
        return st;
    }
    if (st) {
        session_log(
            c->s, BKF_LOG_WARN,
            "the journal is kept: 'bkflash resume' finishes the job, 'bkflash undo' puts the "
            "old contents back");
        return st;
    }
    struct journal *j = c->journal;
    c->journal = NULL;
    return journal_end(j, true, err);
}

bkf_status change_finish(struct change *c, const bkf_change_options *o, bool replace, char **report,
                         bkf_error *err)
{
    const char *outcome = "done";
    uint64_t start = op_now(c->s);
    bkf_status st = change_edges(c, err);
    if (!st)
        st = change_learn(c, o, err);
    c->learn_us += op_now(c->s) - start;
    if (!st)
        st = change_boots(c, true, err);
    if (st == BKF_E_IMAGE)
        change_backup_drop(c); /* refused: nothing changes */
    if (!st)
        st = make_plan(c, err);
    if (!st && (c->flags & BKF_CHANGE_DRY_RUN)) {
        outcome = "planned";
    } else if (!st && !c->plan.n_groups && !c->journal && !replace) {
        outcome = "nothing to do";
        change_backup_drop(c);
    } else if (!st) {
        st = act(c, replace, err);
    }
    if (!st && report) {
        json_t *doc = change_report(c, outcome);
        *report = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
        json_decref(doc);
        if (!*report)
            st = no_memory(err);
    }
    return st;
}

/* ---- public ---- */

static bkf_status take_options(struct change *c, bkf_session *s, const bkf_change_options *given,
                               bkf_change_options *o, bkf_error *err)
{
    memcpy(o, given, given->struct_size < sizeof *o ? given->struct_size : sizeof *o);
    c->s = s;
    c->flags = o->flags;
    c->label = o->label;
    c->allow = o->allow_protected;
    c->preserve_keep = (o->flags & BKF_CHANGE_PRESERVE_KEEP) != 0;
    c->kind = o->kind == BKF_CHANGE_ERASE     ? PLAN_ERASE
              : o->kind == BKF_CHANGE_RESTORE ? PLAN_RESTORE
                                              : PLAN_WRITE;
    struct strbuf sb = STRBUF_INIT;
    for (const char *const *a = c->allow; a && *a; a++)
        strbuf_addf(&sb, "%s%s", sb.len ? "," : "", *a);
    c->allow_text = strbuf_take(&sb);
    if ((o->flags & BKF_CHANGE_TRUST_BACKUP) && !o->backup)
        return error_set(err, BKF_E_PARAM, "--trust-backup needs --backup FILE");
    return c->allow_text ? BKF_OK : no_memory(err);
}

/* Everything that can be refused without the device; a restore's range depends on it. */
static bkf_status prepare(struct change *c, const bkf_change_options *o, const char *path,
                          bkf_error *err)
{
    bkf_status st = c->kind == PLAN_ERASE     ? change_target_erase(c, o, err)
                    : c->kind == PLAN_RESTORE ? change_dump_open(c->s, path, &c->dump, err)
                                              : change_target_file(c, path, o, err);
    if (!st && (c->flags & BKF_CHANGE_OTA_META))
        st = change_target_ota(c, err);
    if (!st)
        st = change_areas(c, err);
    if (!st && c->kind != PLAN_RESTORE)
        st = change_refuse(c, err);
    if (!st && o->backup)
        st = change_backup_open(c, o, err);
    return st ? st : change_boots(c, false, err);
}

/* What the device had to be known for. */
static bkf_status complete(struct change *c, const bkf_change_options *o, const char *path,
                           bkf_error *err)
{
    bkf_status st = BKF_OK;
    if (c->kind == PLAN_RESTORE)
        st = change_target_dump(c, path, err);
    else if (!c->target)
        st = change_target_erase(c, o, err);
    else if (c->kind == PLAN_WRITE && c->request.end > c->size)
        return error_set(err, BKF_E_IMAGE, "0x%06x..0x%06x does not fit: the flash has 0x%x bytes",
                         c->request.start, c->request.end, c->size);
    return st ? st : change_refuse(c, err);
}

static bkf_status change_run(struct change *c, const bkf_change_options *o, const char *path,
                             char **report, bkf_error *err)
{
    c->allow_all = c->kind == PLAN_RESTORE;
    c->size_unknown = !c->s->profile->size;
    c->size = c->size_unknown ? FLASH_MAX : c->s->profile->size;
    bool enough = c->kind != PLAN_RESTORE && !c->size_unknown;
    bkf_status st = prepare(c, o, path, err);
    if (!st)
        st = change_meet(c, err);
    if (!st && !enough)
        st = complete(c, o, path, err);
    if (!st)
        st = change_resume_if_same(c, err);
    return st ? st : change_finish(c, o, false, report, err);
}

bkf_status bkf_change(bkf_session *s, const bkf_change_options *options, const char *path,
                      char **report, bkf_error *err)
{
    struct change c = { 0 };
    bkf_change_options o = { 0 };
    bkf_error own = BKF_ERROR_INIT;
    err = err ? err : &own;
    if (report)
        *report = NULL;
    if (!s || !options)
        return error_set(err, BKF_E_PARAM, "bkf_change: session and options are needed");
    bkf_status st = take_options(&c, s, options, &o, err);
    if (!st && !path && c.kind != PLAN_ERASE && !(c.kind == PLAN_WRITE && o.data))
        st = error_set(err, BKF_E_PARAM, "bkf_change: a file or data is needed");
    if (!st)
        st = change_run(&c, &o, path, report, err);
    change_free(&c);
    return st;
}
