/* change_learn.c - what the flash holds now, at the least cost, and a backup of it.
 *
 * With a device CRC only what differs from the target is read; without one the whole
 * request is.  A backup that the user trusts stands in for both. */
#include "change.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *at_current(const struct change *c, uint32_t off)
{
    return c->current + (off - c->request.start);
}

/* Does the device's CRC of this range equal that of want? */
static bkf_status crc_equal(struct change *c, const bkf_digest_ops *d, bkf_range r,
                            const uint8_t *want, bool *equal, bkf_error *err)
{
    uint32_t crc = 0;
    bkf_status st = chunk_crc(c->s, d, r.start, range_len(r), &crc, err);
    *equal = !st && crc == crc32_update(0, want, range_len(r));
    return st ? session_failed(c->s, err) : BKF_OK;
}

/* Sectors of the block r that differ from base (request-sized).  One CRC for the block, then
 * one for each sector: two passes at most, where halving takes five if all of it differs. */
static bkf_status differing(struct change *c, const bkf_digest_ops *d, bkf_range r,
                            const uint8_t *base, struct range_list *out, bkf_error *err)
{
    bool equal = false;
    bkf_status st = crc_equal(c, d, r, base + (r.start - c->request.start), &equal, err);
    if (!st && !equal && range_len(r) <= SECTOR)
        range_list_add(out, r.start, r.end);
    if (st || equal || range_len(r) <= SECTOR)
        return st;
    for (uint32_t at = r.start; at < r.end && !st;) {
        bkf_range sector = { at, r.end - at > SECTOR ? at + SECTOR : r.end };
        if (op_stopped(c->s))
            return error_set(err, BKF_E_CANCELLED, "cancelled before anything was changed");
        st = differing(c, d, sector, base, out, err);
        at = sector.end;
    }
    return st;
}

static bool already_done(const struct change *c, bkf_range r)
{
    for (size_t i = 0; i < c->n_done; i++)
        if (range_contains(c->done[i], r))
            return true;
    return false;
}

/* Which sectors differ from base, block by block. */
static bkf_status search(struct change *c, const bkf_digest_ops *d, const uint8_t *base,
                         struct range_list *out, bkf_error *err)
{
    bkf_status st = BKF_OK;
    op_phase(c->s, "compare", range_len(c->request));
    for (uint32_t at = c->request.start; at < c->request.end && !st;) {
        uint64_t next = ((uint64_t)at / CHUNK + 1) * CHUNK;
        bkf_range r = { at, next < c->request.end ? (uint32_t)next : c->request.end };
        if (!already_done(c, r))
            st = differing(c, d, r, base, out, err);
        at = r.end;
        op_progress(c->s, at - c->request.start);
    }
    return !st && out->failed ? error_set(err, BKF_E_NOMEM, "out of memory") : st;
}

static void say_proof(struct change *c, const char *text)
{
    snprintf(c->backup_proof, sizeof c->backup_proof, "%s", text);
}

static bkf_status learn_by_crc(struct change *c, const bkf_digest_ops *d, const char *backup,
                               bkf_error *err)
{
    struct range_list diff = { 0 };
    bkf_status st = search(c, d, c->target, &diff, err);
    memcpy(c->current, c->target, range_len(c->request));
    if (!st && diff.n) {
        /* One file with no holes: from the first to the last difference. */
        bkf_range r = { diff.items[0].start, diff.items[diff.n - 1].end };
        c->looked_at = r;
        st = change_backup_read(c, r, backup, PROVE_ALL, err);
        say_proof(c, "every byte proven by the device's CRC");
    }
    range_list_free(&diff);
    return st;
}

static void proof_in_words(struct change *c, enum backup_proof how)
{
    if (how == PROVE_ALL)
        say_proof(c, "every byte read twice alike");
    else if (!c->backup_read_once)
        say_proof(c, "all that changes is proven by its own CRC or was read twice alike");
    else
        snprintf(c->backup_proof, sizeof c->backup_proof,
                 "of what changes, %llu KiB were read only once, the rest proven by its own CRC or "
                 "read twice alike; --backup-verify proves all",
                 (unsigned long long)c->backup_read_once / 1024);
}

/* A dry run saves nothing, but says how long the proof would take. */
static bkf_status foresee_proof(struct change *c, bkf_error *err)
{
    struct range_list again = { 0 };
    uint64_t own = 0, bytes = range_len(c->request);
    bkf_status st = BKF_OK;
    if (!(c->flags & BKF_CHANGE_VERIFY_BACKUP)) {
        st = change_proof_pick(c, c->request, &again, &own, err);
        bytes = range_list_bytes(&again);
    }
    range_list_free(&again);
    if (!st && c->timing.read_rate)
        c->learn_us += bytes * 1000000 / c->timing.read_rate;
    return st;
}

static bkf_status learn_by_reading(struct change *c, const char *backup, bkf_error *err)
{
    enum backup_proof how = !backup                               ? PROVE_NOTHING
                            : c->flags & BKF_CHANGE_VERIFY_BACKUP ? PROVE_ALL
                                                                  : PROVE_CHANGING;
    bkf_status st = BKF_OK;
    bkf_range gaps[2 + 64];
    size_t n = 1;
    gaps[0] = c->request;
    if (c->n_done && c->n_done < 64)
        n = range_subtract(c->request, c->done, c->n_done, gaps);
    memcpy(c->current, c->target, range_len(c->request));
    c->looked_at = c->request;
    for (size_t i = 0; i < n && !st; i++)
        st = change_backup_read(c, gaps[i], backup, how, err);
    proof_in_words(c, how);
    if (!st && (c->flags & BKF_CHANGE_DRY_RUN) && !(c->flags & BKF_CHANGE_NO_BACKUP))
        st = foresee_proof(c, err);
    return st;
}

/* Sectors of the request that are not what the backup says. */
static bkf_status compare_all(struct change *c, const bkf_digest_ops *d, struct range_list *diff,
                              bkf_error *err)
{
    if (d)
        return search(c, d, c->current, diff, err);
    uint8_t *saved = c->current;
    c->current = malloc(range_len(c->request));
    bkf_status st = c->current ? change_backup_read(c, c->request, NULL, PROVE_NOTHING, err)
                               : error_set(err, BKF_E_NOMEM, "out of memory");
    for (uint32_t i = 0; c->current && !st && i < range_len(c->request); i += SECTOR)
        if (memcmp(saved + i, c->current + i, SECTOR) != 0)
            range_list_add(diff, c->request.start + i, c->request.start + i + SECTOR);
    free(saved);
    return st;
}

/* A bit may have been misread, so a difference must be seen twice. */
bkf_status change_sector_equal(struct change *c, uint32_t at, const uint8_t *want, bool *equal,
                               bkf_error *err)
{
    uint8_t now[SECTOR];
    const bkf_digest_ops *d = chunk_digest(c->s, at, SECTOR);
    bkf_status st = BKF_OK;
    *equal = false;
    for (int i = 0; i < 2 && !*equal && !st; i++) {
        if (d) {
            st = crc_equal(c, d, (bkf_range){ at, at + SECTOR }, want, equal, err);
            continue;
        }
        st = chunk_read(c->s, at, now, SECTOR, err);
        *equal = !st && memcmp(now, want, SECTOR) == 0;
    }
    return st && !d ? session_failed(c->s, err) : st;
}

static bkf_status compare_samples(struct change *c, struct range_list *diff, bkf_error *err)
{
    struct range_list samples = { 0 };
    bkf_status st = change_proof_samples(c, &samples, err);
    op_phase(c->s, "check", 0);
    for (size_t i = 0; i < samples.n; i++) {
        for (uint32_t at = samples.items[i].start; at < samples.items[i].end && !st; at += SECTOR) {
            bool equal = false;
            st = change_sector_equal(c, at, at_current(c, at), &equal, err);
            if (!st && !equal)
                range_list_add(diff, at, at + SECTOR);
        }
    }
    range_list_free(&samples);
    return st;
}

/* Was the backup taken before the last change?  That left its target, and needs no reading. */
static bkf_status compare_last(struct change *c, struct range_list *diff, bkf_error *err)
{
    struct journal_state j;
    bkf_error none = BKF_ERROR_INIT;
    char *dir = change_journal_dir(c, err);
    if (!dir)
        return BKF_E_FILE;
    change_pick_key(c, dir, true);
    bkf_status st = journal_load(dir, c->key, true, &j, &none);
    free(dir);
    if (st)
        return BKF_OK;
    for (size_t i = 0; j.target && i < j.n_done; i++) {
        bkf_range r = range_intersect(j.done[i], c->request);
        for (uint32_t at = r.start; at < r.end; at += SECTOR)
            if (memcmp(j.target + (at - j.head.request.start), at_current(c, at), SECTOR) != 0)
                range_list_add(diff, at, at + SECTOR);
    }
    journal_state_free(&j);
    return BKF_OK;
}

/* The device must still be what the backup says: all of it, or where it is trusted, samples. */
static bkf_status confirm_backup(struct change *c, const bkf_digest_ops *d, bkf_error *err)
{
    struct range_list diff = { 0 };
    bool trusted = c->flags & BKF_CHANGE_TRUST_BACKUP;
    bkf_status st = trusted ? compare_last(c, &diff, err) : compare_all(c, d, &diff, err);
    if (!st && trusted && !diff.n)
        st = compare_samples(c, &diff, err);
    if (!st && diff.failed)
        st = error_set(err, BKF_E_NOMEM, "out of memory");
    if (!st && diff.n)
        st = error_set(err, BKF_E_MISMATCH,
                       "the flash has changed since %s was taken (first at 0x%06x): leave --backup "
                       "out to have a new one made",
                       c->backup, diff.items[0].start);
    say_proof(
        c, trusted
               ? "an existing backup: hash, identity and samples checked, the rest taken on trust"
               : "an existing backup, compared with the flash");
    range_list_free(&diff);
    return st;
}

/* Sectors that must stay as they are take their present contents as target. */
static void apply_skips(struct change *c)
{
    for (uint32_t at = c->request.start; at < c->request.end; at += SECTOR)
        if (c->skip[(at - c->request.start) / SECTOR])
            memcpy(c->target + (at - c->request.start), at_current(c, at), SECTOR);
}

bkf_status change_learn(struct change *c, const bkf_change_options *o, bkf_error *err)
{
    const bkf_digest_ops *d = chunk_digest(c->s, c->request.start, range_len(c->request));
    bool save = !c->backup_stands && !(c->flags & (BKF_CHANGE_NO_BACKUP | BKF_CHANGE_DRY_RUN));
    bkf_status st = BKF_OK;
    if (o->backup && !c->backup_stands) {
        st = change_backup_given(c, o, err);
        if (!st)
            st = confirm_backup(c, d, err);
    } else {
        char *path = NULL;
        if (save)
            st = change_backup_path(c, o, &path, err);
        if (!st)
            st = d ? learn_by_crc(c, d, path, err) : learn_by_reading(c, path, err);
        /* Nothing differs: nothing was read, and there is no file. */
        if (!st && path && file_exists(path)) {
            c->backup = path;
            c->backup_made = true;
            path = NULL;
        }
        free(path);
    }
    if (!st)
        apply_skips(c);
    return st;
}
