/* journal_read.c - what an earlier run left, checked record by record. */
#include "journal_priv.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 0x1000 };

/* ---- names ---- */

bool journal_key_ok(const char *key)
{
    return *key && *key != '.' && strlen(key) <= 100 &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               strlen(key);
}

char *journal_path(const char *dir, const char *key, const char *ending)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/%s.%s", dir, key, ending);
    return strbuf_take(&sb);
}

char *journal_target_path(const char *dir, const char *key, const char *sha256)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/%s-%.16s.target", dir, key, sha256);
    return strbuf_take(&sb);
}

bkf_status journal_os_failed(bkf_error *err, const char *path, const char *what)
{
    int e = errno;
    return error_os(err, BKF_E_FILE, e, "journal %s: cannot %s: %s", path ? path : "?", what,
                    strerror(e));
}

uint32_t journal_record_crc(const json_t *record)
{
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    uint32_t crc = text ? crc32_update(0, (const uint8_t *)text, strlen(text)) : 0;
    free(text);
    return crc;
}

/* ---- reading ---- */

static bool get_range(json_t *a, bkf_range *out)
{
    json_int_t s = json_integer_value(json_array_get(a, 0));
    json_int_t e = json_integer_value(json_array_get(a, 1));
    if (!json_is_array(a) || json_array_size(a) != 2 || s < 0 || e < s ||
        e > (json_int_t)UINT32_MAX)
        return false;
    *out = (bkf_range){ (uint32_t)s, (uint32_t)e };
    return true;
}

/* Whole sectors, and something of them. */
static bool get_sectors(json_t *a, bkf_range *out)
{
    return get_range(a, out) && out->start < out->end && out->start % SECTOR == 0 &&
           out->end % SECTOR == 0;
}

static bool get_text(json_t *o, const char *key, char *out, size_t cap)
{
    const char *s = json_string_value(json_object_get(o, key));
    if (!s || strlen(s) >= cap)
        return false;
    snprintf(out, cap, "%s", s);
    return true;
}

static bool get_head(json_t *o, struct journal_head *h)
{
    bool ok = json_integer_value(json_object_get(o, "bkflash-journal")) == JOURNAL_SCHEMA &&
              get_sectors(json_object_get(o, "request"), &h->request) &&
              get_text(o, "kind", h->kind, sizeof h->kind) &&
              get_text(o, "target_sha256", h->target_sha256, sizeof h->target_sha256) &&
              get_text(o, "backup", h->backup, sizeof h->backup) &&
              get_text(o, "backup_sha256", h->backup_sha256, sizeof h->backup_sha256) &&
              get_text(o, "profile", h->profile, sizeof h->profile) &&
              get_text(o, "jedec", h->jedec, sizeof h->jedec) &&
              get_text(o, "unique_id", h->unique_id, sizeof h->unique_id) &&
              get_text(o, "chip", h->chip, sizeof h->chip) &&
              get_text(o, "allow", h->allow, sizeof h->allow);
    ok = ok && get_text(o, "mac", h->mac, sizeof h->mac);
    json_t *s = json_object_get(o, "status");
    h->status = (uint32_t)json_integer_value(json_array_get(s, 0));
    h->status_bits = (uint32_t)json_integer_value(json_array_get(s, 1));
    h->may_change_keep = json_is_true(json_object_get(o, "may_change_keep"));
    h->preserve_keep = json_is_true(json_object_get(o, "preserve_keep"));
    size_t hash = strlen(h->target_sha256);
    return ok && (!hash || hash == 64) && range_len(h->request) <= JOURNAL_MAX_TARGET;
}

static bool add_done(struct journal_state *s, size_t *cap)
{
    if (s->open.start == s->open.end)
        return true;
    if (s->n_done == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        bkf_range *more = realloc(s->done, *cap * sizeof *more);
        if (!more)
            return false;
        s->done = more;
    }
    s->done[s->n_done++] = s->open;
    s->open = (bkf_range){ 0, 0 };
    return true;
}

/* "begin" opens a group and closes the one before it, "done" closes the last one.  A later
 * version may add other records. */
static bkf_status take_record(json_t *o, struct journal_state *s, size_t *cap)
{
    json_t *begin = json_object_get(o, "begin");
    bkf_range r = { 0, 0 };
    if (begin && (!get_sectors(begin, &r) || !range_contains(s->head.request, r)))
        return BKF_E_FILE;
    if (!begin && !json_is_true(json_object_get(o, "done")))
        return BKF_OK;
    if (!add_done(s, cap))
        return BKF_E_NOMEM;
    if (begin)
        s->open = r;
    return BKF_OK;
}

/* A record is taken as it was written or not at all. */
static bool intact(json_t *o)
{
    json_t *crc = json_object_get(o, "crc32");
    json_int_t want = json_integer_value(crc);
    if (!json_is_integer(crc))
        return false;
    json_object_del(o, "crc32");
    return want == (json_int_t)journal_record_crc(o);
}

static bkf_status damaged(const char *path, const char *what, bkf_error *err)
{
    return error_set(err, BKF_E_FILE,
                     "%s %s: what it was about cannot be finished from it; to give that up delete "
                     "it, then 'bkflash restore BACKUP' puts the old contents back",
                     path, what);
}

static bkf_status take_line(const char *line, const char *path, bool first, struct journal_state *s,
                            size_t *cap, bkf_error *err)
{
    char what[80];
    json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    bkf_status st = json_is_object(o) && intact(o) ? BKF_OK : BKF_E_FILE;
    if (!st && first)
        st = get_head(o, &s->head) ? BKF_OK : BKF_E_FILE;
    else if (!st)
        st = take_record(o, s, cap);
    json_decref(o);
    if (st == BKF_E_NOMEM)
        return error_set(err, st, "journal: out of memory");
    snprintf(what, sizeof what, "is damaged (line '%.40s')", line);
    return st ? damaged(path, what, err) : BKF_OK;
}

static bkf_status parse(char *text, const char *path, struct journal_state *s, bkf_error *err)
{
    size_t cap = 0;
    bool first = true;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        bkf_status st = take_line(line, path, first, s, &cap, err);
        if (st)
            return st;
        first = false;
    }
    if (first)
        return damaged(path, "has no complete first record", err);
    s->n_done = range_normalize(s->done, s->n_done, s->done);
    return BKF_OK;
}

/* Not always needed, so that its loss is no failure yet. */
static void load_target(const char *dir, const char *key, struct journal_state *s)
{
    bkf_error err = BKF_ERROR_INIT;
    char *path = journal_target_path(dir, key, s->head.target_sha256);
    size_t len = 0;
    if (!path || !s->head.target_sha256[0]) {
        snprintf(s->target_why, sizeof s->target_why, "the journal names no target");
        free(path);
        return;
    }
    bkf_status st = file_read(path, JOURNAL_MAX_TARGET, &s->target, &len, &err);
    struct sha256_hex hex = { "" };
    if (!st)
        sha256_of(s->target, len, &hex);
    if (!st && (len != range_len(s->head.request) || strcmp(hex.text, s->head.target_sha256) != 0))
        st = error_set(&err, BKF_E_FILE, "%s is not what the journal wrote (hash differs)", path);
    if (st) {
        snprintf(s->target_why, sizeof s->target_why, "%s", err.message);
        free(s->target);
        s->target = NULL;
    }
    free(path);
}

/* Everything but the target. */
static bkf_status load_records(const char *dir, const char *key, bool last, struct journal_state *s,
                               bkf_error *err)
{
    uint8_t *text = NULL;
    size_t len = 0;
    *s = (struct journal_state){ .finished = last };
    char *path = journal_path(dir, key, last ? "last" : "journal");
    if (!path)
        return error_set(err, BKF_E_NOMEM, "journal: out of memory");
    bkf_status st;
    if (!file_exists(path))
        st =
            error_set(err, BKF_E_NO_DEVICE, "no %s write is recorded for device %s (looked for %s)",
                      last ? "finished" : "unfinished", key, path);
    else
        st = file_read(path, JOURNAL_MAX, &text, &len, err);
    if (!st && text)
        st = parse((char *)text, path, s, err);
    if (st)
        journal_state_free(s);
    free(text);
    free(path);
    return st;
}

bkf_status journal_load(const char *dir, const char *key, bool last, struct journal_state *s,
                        bkf_error *err)
{
    *s = (struct journal_state){ .finished = last };
    if (!journal_key_ok(key))
        return error_set(err, BKF_E_PARAM, "journal: '%s' cannot name a file", key);
    bkf_status st = load_records(dir, key, last, s, err);
    if (!st)
        load_target(dir, key, s);
    return st;
}

void journal_state_free(struct journal_state *s)
{
    free(s->done);
    free(s->target);
    s->done = NULL;
    s->target = NULL;
    s->n_done = 0;
}

/* ---- files ---- */

bool journal_cut_torn_tail(const char *path, int fd)
{
    uint8_t *text = NULL;
    size_t len = 0;
    if (file_read(path, JOURNAL_MAX, &text, &len, NULL))
        return false;
    size_t whole = len;
    while (whole && text[whole - 1] != '\n')
        whole--;
    free(text);
    return whole == len || ftruncate(fd, (off_t)whole) == 0;
}

/* The hash of the target that it names, "" = there is no journal; false: it cannot be read. */
static bool target_named(const char *dir, const char *key, bool last, char hash[65])
{
    struct journal_state s;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = load_records(dir, key, last, &s, &err);
    hash[0] = '\0';
    if (!st)
        memcpy(hash, s.head.target_sha256, sizeof s.head.target_sha256);
    if (!st)
        journal_state_free(&s);
    return !st || st == BKF_E_NO_DEVICE;
}

void journal_drop_targets(const char *dir, const char *key)
{
    char now[65], last[65];
    size_t n = strlen(key);
    if (!target_named(dir, key, false, now) || !target_named(dir, key, true, last))
        return;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        const char *hash = e->d_name + n + 1;
        /* KEY, dash, 16 hex digits, ".target" */
        if (strlen(e->d_name) != n + 24 || strncmp(e->d_name, key, n) != 0 || e->d_name[n] != '-' ||
            strcmp(e->d_name + n + 17, ".target") != 0)
            continue;
        if (strncmp(hash, now, 16) != 0 && strncmp(hash, last, 16) != 0)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

bkf_status journal_find(const char *dir, bool last, void (*found)(void *ud, const char *key),
                        void *ud, bkf_error *err)
{
    const char *ending = last ? ".last" : ".journal";
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? BKF_OK : journal_os_failed(err, dir, "open");
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name), tail = strlen(ending);
        if (n <= tail || strcmp(e->d_name + n - tail, ending) != 0)
            continue;
        e->d_name[n - tail] = '\0';
        found(ud, e->d_name);
    }
    closedir(d);
    return BKF_OK;
}
