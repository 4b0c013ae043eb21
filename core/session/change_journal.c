/* change_journal.c - the journal of a change: where it lies, what its first record says, and
 * which one belongs to the device at hand. */
#include "change.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *change_journal_dir(const struct change *c, bkf_error *err)
{
    const char *state = c->s->ctx->places.state;
    char *dir = state ? path_join(state, "journal") : NULL;
    if (!dir)
        error_set(
            err, BKF_E_FILE,
            "no folder for the journal: neither HOME nor XDG_STATE_HOME is set; name one with "
            "--state-dir");
    return dir;
}

struct device_id change_journal_device(const struct journal_head *h)
{
    struct device_id id = { 0 };
    memcpy(id.jedec, h->jedec, sizeof id.jedec);
    memcpy(id.unique_id, h->unique_id, sizeof id.unique_id);
    memcpy(id.mac, h->mac, sizeof id.mac);
    memcpy(id.chip, h->chip, sizeof id.chip);
    return id;
}

struct search {
    struct change *c;
    const char *dir;
    bool last;
    char key[80];
    unsigned n;
};

static void try_key(void *ud, const char *key)
{
    struct search *f = ud;
    struct journal_state j;
    if (journal_load(f->dir, key, f->last, &j, NULL))
        return;
    const struct device_id id = change_journal_device(&j.head);
    if (!device_id_conflict(&id, &f->c->id) &&
        strcmp(j.head.profile, f->c->s->profile->name) == 0) {
        f->n++;
        snprintf(f->key, sizeof f->key, "%s", key);
    }
    journal_state_free(&j);
}

void change_pick_key(struct change *c, const char *dir, bool last)
{
    struct search f = { .c = c, .dir = dir, .last = last };
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/%s.%s", dir, c->key, last ? "last" : "journal");
    bool there = sb.data && file_exists(sb.data);
    strbuf_free(&sb);
    if (there || journal_find(dir, last, try_key, &f, NULL) || f.n != 1)
        return;
    snprintf(c->key, sizeof c->key, "%s", f.key);
}

static void fill_head(const struct change *c, struct journal_head *h)
{
    static const char *const kinds[] = { "write", "erase", "restore" };
    *h = (struct journal_head){ .request = c->request,
                                .status = c->status_before,
                                .status_bits = c->status_bits,
                                .may_change_keep = c->may_change_keep,
                                .preserve_keep = c->preserve_keep };
    snprintf(h->kind, sizeof h->kind, "%s", c->undoing ? "undo" : kinds[c->kind]);
    snprintf(h->backup, sizeof h->backup, "%s", c->backup ? c->backup : "");
    snprintf(h->backup_sha256, sizeof h->backup_sha256, "%s", c->backup_sha256);
    snprintf(h->profile, sizeof h->profile, "%s", c->s->profile->name);
    memcpy(h->jedec, c->id.jedec, sizeof h->jedec);
    memcpy(h->unique_id, c->id.unique_id, sizeof h->unique_id);
    memcpy(h->mac, c->id.mac, sizeof h->mac);
    memcpy(h->chip, c->id.chip, sizeof h->chip);
    snprintf(h->allow, sizeof h->allow, "%s",
             c->allow_text  ? c->allow_text
             : c->allow_all ? "*"
                            : "");
}

bkf_status change_open_journal(struct change *c, bool replace, bkf_error *err)
{
    if (c->journal)
        return BKF_OK; /* resume appends to the one that is there */
    char *dir = change_journal_dir(c, err);
    if (!dir)
        return BKF_E_FILE;
    struct journal_head h;
    fill_head(c, &h);
    bkf_status st = journal_begin(dir, c->key, &h, c->target, replace, &c->journal, err);
    free(dir);
    return st;
}
