/* change_backup.c - the old bytes, saved and proven before anything is changed. */
#include "change.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static bkf_status no_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "out of memory");
}

bkf_status change_backup_path(struct change *c, const bkf_change_options *o, char **path,
                              bkf_error *err)
{
    const char *dir = o->backup_dir ? o->backup_dir : c->s->ctx->places.backups;
    if (!dir)
        return error_set(err, BKF_E_FILE,
                         "no folder for backups: neither HOME nor XDG_DATA_HOME is set; name one "
                         "with --backup-dir");
    bkf_status st = dir_make(dir, err);
    if (st)
        return st;
    char stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/%s-%s.bin", dir, c->key, stamp);
    for (int i = 2; !sb.failed && file_exists(sb.data); i++) {
        sb.len = 0;
        strbuf_addf(&sb, "%s/%s-%s-%d.bin", dir, c->key, stamp, i);
    }
    *path = strbuf_take(&sb);
    return *path ? BKF_OK : no_memory(err);
}

static bkf_status load_back(const struct change *c, const struct reading *r, bkf_error *err)
{
    size_t n = range_len(r->range), done = 0;
    uint8_t *to = c->current + (r->range.start - c->request.start);
    while (done < n) {
        ssize_t k = pread(r->fd, to + done, n - done, (off_t)done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return error_os(err, BKF_E_FILE, errno, "cannot read the backup back");
        done += (size_t)k;
    }
    return BKF_OK;
}

/* Old bytes that could not be read or proven must not be overwritten. */
static bkf_status refuse_gaps(const struct reading *r, bkf_error *err)
{
    const struct range_list *l = r->unstable.n ? &r->unstable : &r->holes;
    if (!l->n)
        return BKF_OK;
    return error_set(err, BKF_E_UNPROVEN,
                     "0x%06x..0x%06x could not be %s, so nothing was changed: what cannot be saved "
                     "cannot be put back",
                     l->items[0].start, l->items[0].end,
                     r->unstable.n ? "read twice alike" : "read on this route");
}

/* The old bytes of what changes; see change_proof.c. */
static bkf_status prove_changing(struct change *c, struct reading *r, bkf_error *err)
{
    struct range_list again = { 0 };
    bkf_status st = load_back(c, r, err);
    if (!st)
        st = change_proof_pick(c, r->range, &again, &r->by_block_crc, err);
    r->verify = BKF_VERIFY_SAMPLE; /* for the sidecar: not all of it */
    if (!st && again.n)
        st = reading_prove(r, &again, err);
    range_list_free(&again);
    return st;
}

static bkf_status save(struct change *c, struct reading *r, enum backup_proof how, const char *path,
                       bkf_error *err)
{
    struct outfile out = { .fd = -1 };
    bkf_status st = outfile_open(&out, path, false, true, err);
    if (st)
        return st;
    r->fd = out.fd;
    st = outfile_reserve(&out, range_len(r->range), err);
    if (!st)
        st = reading_run(r, err);
    if (!st && how == PROVE_CHANGING)
        st = prove_changing(c, r, err);
    if (!st)
        st = refuse_gaps(r, err);
    bkf_read_options ro = {
        .struct_size = sizeof ro, .verify = r->verify, .has_range = 1, .range = r->range
    };
    json_t *doc = NULL;
    if (!st)
        st = report_make(r, &ro, path, &doc, err);
    char *text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    if (!st && !text)
        st = no_memory(err);
    if (!st)
        snprintf(c->backup_sha256, sizeof c->backup_sha256, "%s",
                 json_string_value(json_object_get(doc, "sha256")));
    if (!st)
        st = outfile_commit(&out, text, err);
    free(text);
    json_decref(doc);
    r->fd = -1;
    outfile_close(&out, false);
    return st;
}

bkf_status change_backup_read(struct change *c, bkf_range range, const char *path,
                              enum backup_proof how, bkf_error *err)
{
    struct reading r = { .session = c->s,
                         .range = range,
                         .verify = how == PROVE_ALL ? BKF_VERIFY_FULL : BKF_VERIFY_NONE,
                         .size = c->size,
                         .fd = -1 };
    bkf_status st;
    if (path) {
        st = save(c, &r, how, path, err);
        reading_free(&r);
        if (st)
            return st;
        uint8_t *data = NULL;
        size_t len = 0;
        st = file_read(path, range_len(range), &data, &len, err);
        if (!st)
            memcpy(c->current + (range.start - c->request.start), data, len);
        free(data);
        return st;
    }
    r.fd = memfd_create("bkflash", MFD_CLOEXEC);
    if (r.fd < 0)
        return error_os(err, BKF_E_FILE, errno, "cannot make a memory file: %s", strerror(errno));
    st = reading_run(&r, err);
    if (!st)
        st = refuse_gaps(&r, err);
    if (!st)
        st = load_back(c, &r, err);
    close(r.fd);
    reading_free(&r);
    return st;
}

static bkf_status covers(const struct change *c, const char *path, bkf_error *err)
{
    bkf_range range = c->given.side.range;
    if (range_contains(range, c->request))
        return BKF_OK;
    return error_set(err, BKF_E_MISMATCH,
                     "%s covers 0x%06x..0x%06x, but 0x%06x..0x%06x is about to change", path,
                     range.start, range.end, c->request.start, c->request.end);
}

bkf_status change_backup_open(struct change *c, const bkf_change_options *o, bkf_error *err)
{
    const struct sidecar *side = &c->given.side;
    bkf_status st = change_dump_open(c->s, o->backup, &c->given, err);
    if (!st && side->n_holes)
        st = error_set(err, BKF_E_MISMATCH,
                       "%s has holes: it is not a backup of everything that is "
                       "about to change",
                       o->backup);
    if (!st && (c->flags & BKF_CHANGE_TRUST_BACKUP) && !sidecar_proven(side))
        st =
            error_set(err, BKF_E_PROTECTED,
                      "%s is not to be trusted: its sidecar says that %llu of %u bytes were proven "
                      "when it was taken; leave --trust-backup out to have it compared with the "
                      "flash",
                      o->backup, (unsigned long long)side->proven_bytes, range_len(side->range));
    /* A restore knows its range only on the route, an erase to the end only on the device. */
    return st || !c->target ? st : covers(c, o->backup, err);
}

void change_backup_drop(struct change *c)
{
    struct strbuf side = STRBUF_INIT;
    if (!c->backup_made)
        return;
    strbuf_addf(&side, "%s.json", c->backup);
    if (side.data && !side.failed) {
        unlink(c->backup);
        unlink(side.data);
    }
    strbuf_free(&side);
    free(c->backup);
    c->backup = NULL;
    c->backup_made = false;
}

bkf_status change_backup_given(struct change *c, const bkf_change_options *o, bkf_error *err)
{
    const struct sidecar *side = &c->given.side;
    bool same;
    bkf_status st = change_same_device(c->s, side, o->backup, &same, err);
    if (!st)
        st = covers(c, o->backup, err);
    if (st)
        return st;
    memcpy(c->current, c->given.data + (c->request.start - side->range.start),
           range_len(c->request));
    memcpy(c->backup_sha256, side->sha256, sizeof side->sha256);
    c->backup = realpath(o->backup, NULL);
    return c->backup ? BKF_OK : no_memory(err);
}
