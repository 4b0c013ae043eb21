/* read_again.c - an interrupted read goes on, on the same device only: ids are compared, and
 * some of the bytes already held are read once more. */
#include "read_again.h"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 8, CANDIDATES = 64, FOUND_MAX = 32 };

/* ---- is it the same device? ---- */

static bkf_status other_device(const char *part, const struct readlog_head *then,
                               const struct device_id *now, bkf_error *err)
{
    char a[160], b[160];
    return error_set(err, BKF_E_MISMATCH,
                     "%s was begun on another device (%s, %s); this one is %s: finish it there, or "
                     "name another file here",
                     part, device_id_text(&then->device, a), then->when, device_id_text(now, b));
}

static bool is_constant(const uint8_t *p, size_t n)
{
    return n < 2 || memcmp(p, p + 1, n - 1) == 0;
}

/* The sector of the k-th of CANDIDATES places, evenly spread over what is held. */
static bkf_range candidate(const struct range_list *held, unsigned k)
{
    uint64_t at = (range_list_bytes(held) - 1) * k / (CANDIDATES - 1);
    for (size_t i = 0; i < held->n; i++) {
        bkf_range r = held->items[i];
        if (at < range_len(r)) {
            uint32_t start = r.start + (uint32_t)at;
            start -= start % SECTOR;
            bkf_range sector = { start, start + SECTOR };
            return range_intersect(sector, r);
        }
        at -= range_len(r);
    }
    return (bkf_range){ 0, 0 };
}

static bkf_status sample(struct reading *r, bkf_range at, const uint8_t *want, bkf_error *err)
{
    uint8_t now[SECTOR];
    bool agreed = false;
    size_t n = range_len(at);
    bkf_status st = chunk_read(r->session, at.start, now, n, err);
    if (!st && memcmp(now, want, n) != 0) /* a bit may have been misread now or then */
        st = chunk_settle(r->session, at.start, now, n, want, &agreed, err);
    else
        agreed = true;
    if (st)
        return session_failed(r->session, err);
    if (!agreed || memcmp(now, want, n) == 0) /* a sector that never reads alike tells nothing */
        return BKF_OK;
    return error_set(err, BKF_E_MISMATCH,
                     "%s: the flash differs at 0x%06x from what was read there %s: another device, "
                     "or its contents have changed since; remove %s to start anew",
                     r->log->part, at.start, r->log->head.when, r->log->part);
}

/* Blank sectors are alike on every device: they count only when there is nothing else. */
static bkf_status check_samples(struct reading *r, bkf_error *err)
{
    const struct range_list *held = &r->log->held;
    unsigned done = 0;
    bkf_status st = BKF_OK;
    op_phase(r->session, "check", 0);
    for (int blank = 0; blank < 2 && !done && !st && held->n; blank++) {
        uint32_t last = UINT32_MAX;
        for (unsigned k = 0; k < CANDIDATES && done < SAMPLES && !st; k++) {
            /* the first eight, 0, 9, 18 ... 63, are spread from end to end */
            bkf_range at = candidate(held, k * 9 % CANDIDATES);
            uint8_t want[SECTOR];
            size_t n = range_len(at);
            if (!n || at.start == last)
                continue;
            last = at.start;
            if (pread(r->fd, want, n, (off_t)(at.start - r->range.start)) != (ssize_t)n)
                return error_set(err, BKF_E_FILE, "%s: cannot read it back", r->log->part);
            if (is_constant(want, n) != (blank != 0))
                continue;
            st = sample(r, at, want, err);
            done++;
        }
    }
    return st;
}

/* ---- opening ---- */

static void utc_now(char out[32])
{
    struct tm tm;
    time_t t = time(NULL);
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bkf_status start_anew(struct reading *r, const bkf_read_options *o,
                             const struct device_id *id, struct outfile *out, bkf_error *err)
{
    struct readlog_head h = {
        .device = *id, .range = r->range, .size = r->size, .verify = o->verify, .flags = o->flags
    };
    snprintf(h.label, sizeof h.label, "%s", o->label ? o->label : "");
    utc_now(h.when);
    readlog_free(r->log);
    bkf_status st = readlog_new(r->log, out, &h, err);
    return st ? st : outfile_reserve(out, range_len(r->range), err);
}

static uint64_t part_size(const struct outfile *out)
{
    struct stat sb;
    return fstat(out->fd, &sb) == 0 ? (uint64_t)sb.st_size : 0;
}

/* An old .part without a record of what is in it is worth nothing. */
static void say_replaced(const struct reading *r, const struct outfile *out, const char *why)
{
    char size[24];
    if (!out->ours && part_size(out))
        session_log(r->session, BKF_LOG_WARN,
                    "%s (%s, of an earlier run) is replaced by a new one: %s", out->part,
                    num_format_size(part_size(out), size), why);
}

static bkf_status go_on(struct reading *r, const struct device_id *id, const struct outfile *out,
                        bkf_error *err)
{
    char held[24], all[24];
    if (device_id_conflict(&r->log->head.device, id))
        return other_device(out->part, &r->log->head, id, err);
    bkf_status st = check_samples(r, err);
    if (!st)
        session_log(r->session, BKF_LOG_INFO,
                    "going on with %s: %s of %s are there already, samples of them compared",
                    out->part, num_format_size(readlog_held_bytes(r->log), held),
                    num_format_size(range_len(r->range), all));
    return st;
}

bkf_status read_again_open(struct reading *r, const bkf_read_options *o, struct outfile *out,
                           bkf_error *err)
{
    struct device_id id;
    bkf_error why = BKF_ERROR_INIT;
    device_id_of(r->session, &id);
    bkf_status st = readlog_load(r->log, out, &why);
    if (!st && r->log->head.range.start == r->range.start && r->log->head.range.end == r->range.end)
        return go_on(r, &id, out, err);
    if (!st && device_id_conflict(&r->log->head.device, &id))
        return other_device(out->part, &r->log->head, &id, err);
    if (!st)
        error_set(&why, BKF_E_FILE, "it is of 0x%x..0x%x", r->log->head.range.start,
                  r->log->head.range.end);
    else if (st == BKF_E_NO_DEVICE)
        error_set(&why, BKF_E_FILE, "there is no record of what was read into it");
    say_replaced(r, out, why.message);
    return start_anew(r, o, &id, out, err);
}

bool read_again_keep(const struct reading *r, const struct outfile *out, bkf_error *err)
{
    char held[24], all[24];
    if (!r->log || !readlog_kept(r->log) || !out->part) {
        if (err->status == BKF_E_CANCELLED && (out->ours || !out->part))
            error_append(err, "; nothing was read yet, so no file is left");
        else if (err->status == BKF_E_CANCELLED)
            error_append(err, "; %s of an earlier run is left as it was", out->part);
        return false;
    }
    if (err->status != BKF_E_MISMATCH)
        error_append(err,
                     "; %s of %s are kept as resumable in %s: 'bkflash resume' or the same command "
                     "goes on",
                     num_format_size(readlog_bytes(r->log, CLAIM_READ), held),
                     num_format_size(range_len(r->range), all), out->part);
    return true;
}

/* ---- finding ---- */

static bool note_read(const char *note, struct readlog_found *f)
{
    json_t *o = json_load_file(note, 0, NULL);
    const char *path = json_string_value(json_object_get(o, "path"));
    struct strbuf sb = STRBUF_INIT;
    bkf_error ignored = BKF_ERROR_INIT;
    bool ok = false;
    strbuf_addf(&sb, "%s.part.log", path ? path : "");
    char *log = strbuf_take(&sb);
    if (path && log && !readlog_peek(log, &f->head, &ignored)) {
        log[strlen(log) - strlen(".log")] = '\0';
        ok = file_exists(log);
    }
    f->path = ok ? strdup(path) : NULL;
    free(log);
    json_decref(o);
    return f->path != NULL;
}

size_t readlog_find(const bkf_session *s, struct readlog_found *out, size_t cap)
{
    char *dir = readlog_dir(s);
    DIR *d = dir ? opendir(dir) : NULL;
    size_t n = 0;
    for (struct dirent *e; d && n < cap && (e = readdir(d));) {
        size_t len = strlen(e->d_name), tail = strlen(".json");
        char *note = path_join(dir, e->d_name);
        if (note && e->d_name[0] != '.' && len > tail &&
            strcmp(e->d_name + len - tail, ".json") == 0) {
            if (note_read(note, &out[n]))
                n++;
            else
                unlink(note);
        }
        free(note);
    }
    if (d)
        closedir(d);
    free(dir);
    return n;
}

void readlog_found_free(struct readlog_found *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(f[i].path);
}

/* Entry of ours; *others: the first one of another device of the same board, or n. */
static size_t ours(const struct readlog_found *f, size_t n, const struct device_id *id,
                   size_t *count, size_t *others)
{
    size_t first = n;
    *count = 0;
    *others = n;
    for (size_t i = 0; i < n; i++) {
        bool board = strcmp(f[i].head.device.profile, id->profile) == 0;
        if (board && !device_id_conflict(&f[i].head.device, id)) {
            first = *count ? first : i;
            ++*count;
        } else if (board && *others == n) {
            *others = i;
        }
    }
    return first;
}

static bkf_status several(const struct readlog_found *f, size_t n, const struct device_id *id,
                          bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    for (size_t i = 0; i < n; i++)
        if (!device_id_conflict(&f[i].head.device, id) &&
            strcmp(f[i].head.device.profile, id->profile) == 0)
            strbuf_addf(&sb, "%s%s", sb.len ? ", " : "", f[i].path);
    bkf_status st = error_set(err, BKF_E_PARAM,
                              "several unfinished dumps may be of this device: repeat the command "
                              "of the one to finish, or remove the .part of the others: %s",
                              sb.data ? sb.data : "");
    strbuf_free(&sb);
    return st;
}

bkf_status read_again_find(bkf_session *s, char **path, struct readlog_head *head, bkf_error *err)
{
    struct readlog_found f[FOUND_MAX];
    struct device_id id;
    size_t count, others;
    *path = NULL;
    device_id_of(s, &id);
    size_t n = readlog_find(s, f, FOUND_MAX);
    size_t i = ours(f, n, &id, &count, &others);
    bkf_status st = BKF_OK;
    if (count > 1) {
        st = several(f, n, &id, err);
    } else if (count) {
        *head = f[i].head;
        *path = strdup(f[i].path);
        if (!*path)
            st = error_set(err, BKF_E_NOMEM, "out of memory");
    } else if (others < n) {
        st = other_device(f[others].path, &f[others].head, &id, err);
    } else {
        char text[160];
        st =
            error_set(err, BKF_E_PARAM,
                      "nothing to resume: no unfinished change or dump is recorded for this device "
                      "(%s, profile %s)",
                      device_id_text(&id, text), id.profile);
    }
    readlog_found_free(f, n);
    return st;
}

char *read_again_name(bkf_session *s, const char *prefix)
{
    struct readlog_found f[FOUND_MAX];
    struct device_id id;
    char here[PATH_MAX], *name = NULL;
    size_t n = readlog_find(s, f, FOUND_MAX);
    if (n && getcwd(here, sizeof here)) {
        device_id_of(s, &id);
        for (size_t i = 0; i < n && !name; i++) {
            const char *slash = strrchr(f[i].path, '/');
            const struct readlog_head *h = &f[i].head;
            if (slash && strlen(here) == (size_t)(slash - f[i].path) &&
                strncmp(here, f[i].path, strlen(here)) == 0 &&
                strncmp(slash + 1, prefix, strlen(prefix)) == 0 && h->range.start == 0 &&
                h->range.end == h->size && !device_id_conflict(&h->device, &id))
                name = strdup(slash + 1);
        }
    }
    readlog_found_free(f, n);
    return name;
}
