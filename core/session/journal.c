/* journal.c - a synced, append-only record of one change to a flash. */
#include "journal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCHEMA = 1, MAX_JOURNAL = 16 << 20, MAX_TARGET = 256 << 20 };

struct journal {
    int fd;
    char *dir, *key;
};

static char *path_of(const char *dir, const char *key, const char *ending)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/%s.%s", dir, key, ending);
    return strbuf_take(&sb);
}

static bkf_status os_failed(bkf_error *err, const char *path, const char *what)
{
    int e = errno;
    return error_os(err, BKF_E_FILE, e, "journal %s: cannot %s: %s", path ? path : "?", what,
                    strerror(e));
}

/* Named by content, so that a new journal never touches the target of an old one. */
static char *target_path_of(const char *dir, const char *key, const char *sha256)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/%s-%.16s.target", dir, key, sha256);
    return strbuf_take(&sb);
}

/* A key becomes a file name: letters, digits, dash, underscore and dot inside. */
static bool key_ok(const char *key)
{
    return *key && *key != '.' && strlen(key) <= 100 &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               strlen(key);
}

static void journal_close(struct journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    free(j->dir);
    free(j->key);
    free(j);
}

static struct journal *journal_alloc(const char *dir, const char *key, int fd)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->fd = fd;
    j->dir = strdup(dir);
    j->key = strdup(key);
    if (j->dir && j->key)
        return j;
    j->fd = -1;
    journal_close(j);
    return NULL;
}

/* One record, one write, then on disk. */
static bkf_status append(struct journal *j, json_t *record, bkf_error *err)
{
    char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
    json_decref(record);
    if (!text)
        return error_set(err, BKF_E_NOMEM, "journal: out of memory");
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s\n", text);
    free(text);
    bkf_status st = BKF_OK;
    if (sb.failed)
        st = error_set(err, BKF_E_NOMEM, "journal: out of memory");
    else if (write(j->fd, sb.data, sb.len) != (ssize_t)sb.len || fdatasync(j->fd))
        st = os_failed(err, j->key, "write");
    strbuf_free(&sb);
    return st;
}

static json_t *head_json(const struct journal_head *h)
{
    return json_pack(
        "{s:i, s:s, s:[I,I], s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[I,I], s:b, s:b, s:s}",
        "bkflash-journal", SCHEMA, "kind", h->kind, "request", (json_int_t)h->request.start,
        (json_int_t)h->request.end, "target_sha256", h->target_sha256, "backup", h->backup,
        "backup_sha256", h->backup_sha256, "profile", h->profile, "jedec", h->jedec, "unique_id",
        h->unique_id, "mac", h->mac, "chip", h->chip, "status", (json_int_t)h->status,
        (json_int_t)h->status_bits, "may_change_keep", h->may_change_keep, "preserve_keep",
        h->preserve_keep, "allow", h->allow);
}

/* Write the first record under another name, then give it the right one in one step. */
static bkf_status create(const char *dir, const char *key, const char *path,
                         const struct journal_head *head, struct journal **out, bkf_error *err)
{
    char *temp = path_of(dir, key, "new");
    if (!temp)
        return error_set(err, BKF_E_NOMEM, "journal: out of memory");
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    struct journal *j = fd < 0 ? NULL : journal_alloc(dir, key, fd);
    bkf_status st = BKF_OK;
    if (fd < 0)
        st = os_failed(err, temp, "create");
    else if (!j)
        st = error_set(err, BKF_E_NOMEM, "journal: out of memory");
    else
        st = append(j, head_json(head), err);
    if (!st && rename(temp, path))
        st = os_failed(err, path, "create");
    if (st) {
        if (fd >= 0 && !j)
            close(fd);
        if (j)
            journal_close(j);
        unlink(temp);
        j = NULL;
    }
    free(temp);
    *out = j;
    return st;
}

static bkf_status write_target(const char *dir, const char *key, struct journal_head *head,
                               const uint8_t *target, bkf_error *err)
{
    head->target_sha256[0] = '\0';
    if (!target)
        return BKF_OK;
    struct sha256_hex hex;
    sha256_of(target, range_len(head->request), &hex);
    memcpy(head->target_sha256, hex.text, sizeof hex.text);
    char *path = target_path_of(dir, key, hex.text);
    bkf_status st = path ? file_write_atomic(path, target, range_len(head->request), err)
                         : error_set(err, BKF_E_NOMEM, "journal: out of memory");
    free(path);
    return st;
}

bkf_status journal_begin(const char *dir, const char *key, struct journal_head *head,
                         const uint8_t *target, bool replace, struct journal **out, bkf_error *err)
{
    *out = NULL;
    if (!key_ok(key))
        return error_set(err, BKF_E_PARAM, "journal: '%s' cannot name a file", key);
    bkf_status st = dir_make(dir, err);
    char *path = path_of(dir, key, "journal");
    if (!st && !path)
        st = error_set(err, BKF_E_NOMEM, "journal: out of memory");
    if (!st && !replace && file_exists(path))
        st = error_set(err, BKF_E_BUSY,
                       "an unfinished change of this device is recorded in %s; finish it with "
                       "'bkflash resume' or put the old contents back with 'bkflash undo'",
                       path);
    if (!st)
        st = write_target(dir, key, head, target, err);
    if (!st)
        st = create(dir, key, path, head, out, err);
    free(path);
    return st;
}

bkf_status journal_mark(struct journal *j, bkf_range g, bkf_error *err)
{
    return append(j, json_pack("{s:[I,I]}", "begin", (json_int_t)g.start, (json_int_t)g.end), err);
}

bkf_status journal_mark_done(struct journal *j, bkf_error *err)
{
    return append(j, json_pack("{s:b}", "done", 1), err);
}

/* Targets are needed only while a journal is unfinished. */
static void drop_targets(const char *dir, const char *key)
{
    DIR *d = opendir(dir);
    size_t n = strlen(key);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        /* KEY, dash, 16 hex digits, ".target" */
        if (len != n + 24 || strncmp(e->d_name, key, n) != 0 || e->d_name[n] != '-' ||
            strcmp(e->d_name + n + 17, ".target") != 0)
            continue;
        unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

bkf_status journal_end(struct journal *j, bool finished, bkf_error *err)
{
    bkf_status st = BKF_OK;
    if (finished) {
        char *from = path_of(j->dir, j->key, "journal"), *to = path_of(j->dir, j->key, "last");
        if (!from || !to)
            st = error_set(err, BKF_E_NOMEM, "journal: out of memory");
        else if (rename(from, to))
            st = os_failed(err, from, "rename");
        else
            drop_targets(j->dir, j->key);
        free(from);
        free(to);
    }
    journal_close(j);
    return st;
}

/* A torn last record must not swallow the next one. */
static bool cut_torn_tail(const char *path, int fd)
{
    uint8_t *text = NULL;
    size_t len = 0;
    if (file_read(path, MAX_JOURNAL, &text, &len, NULL))
        return false;
    size_t whole = len;
    while (whole && text[whole - 1] != '\n')
        whole--;
    free(text);
    return whole == len || ftruncate(fd, (off_t)whole) == 0;
}

bkf_status journal_reopen(const char *dir, const char *key, struct journal **out, bkf_error *err)
{
    *out = NULL;
    char *path = path_of(dir, key, "journal");
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd < 0 || !cut_torn_tail(path, fd)) {
        bkf_status st = os_failed(err, path, "open");
        if (fd >= 0)
            close(fd);
        free(path);
        return st;
    }
    free(path);
    *out = journal_alloc(dir, key, fd);
    if (*out)
        return BKF_OK;
    close(fd);
    return error_set(err, BKF_E_NOMEM, "journal: out of memory");
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
    bool ok = json_integer_value(json_object_get(o, "bkflash-journal")) == SCHEMA &&
              get_range(json_object_get(o, "request"), &h->request) &&
              get_text(o, "kind", h->kind, sizeof h->kind) &&
              get_text(o, "target_sha256", h->target_sha256, sizeof h->target_sha256) &&
              get_text(o, "backup", h->backup, sizeof h->backup) &&
              get_text(o, "backup_sha256", h->backup_sha256, sizeof h->backup_sha256) &&
              get_text(o, "profile", h->profile, sizeof h->profile) &&
              get_text(o, "jedec", h->jedec, sizeof h->jedec) &&
              get_text(o, "unique_id", h->unique_id, sizeof h->unique_id) &&
              get_text(o, "chip", h->chip, sizeof h->chip) &&
              get_text(o, "allow", h->allow, sizeof h->allow);
    if (!get_text(o, "mac", h->mac, sizeof h->mac))
        h->mac[0] = '\0'; /* journals of earlier versions */
    json_t *s = json_object_get(o, "status");
    h->status = (uint32_t)json_integer_value(json_array_get(s, 0));
    h->status_bits = (uint32_t)json_integer_value(json_array_get(s, 1));
    h->may_change_keep = json_is_true(json_object_get(o, "may_change_keep"));
    h->preserve_keep = json_is_true(json_object_get(o, "preserve_keep"));
    return ok && range_len(h->request) <= MAX_TARGET;
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
static bool take_record(json_t *o, struct journal_state *s, size_t *cap)
{
    bkf_range r;
    bool begins = get_range(json_object_get(o, "begin"), &r);
    if (!begins && !json_is_true(json_object_get(o, "done")))
        return true;
    if (!add_done(s, cap))
        return false;
    if (begins)
        s->open = r;
    return true;
}

static bkf_status parse(char *text, const char *path, struct journal_state *s, bkf_error *err)
{
    size_t cap = 0;
    bool head = false;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        bool ok = json_is_object(o);
        if (ok && !head)
            ok = head = get_head(o, &s->head);
        else if (ok && !take_record(o, s, &cap)) {
            json_decref(o);
            return error_set(err, BKF_E_NOMEM, "journal: out of memory");
        }
        json_decref(o);
        if (!ok)
            return error_set(err, BKF_E_FILE, "%s is damaged (line '%.40s')", path, line);
    }
    if (!head)
        return error_set(err, BKF_E_FILE, "%s has no complete first record", path);
    s->n_done = range_normalize(s->done, s->n_done, s->done);
    return BKF_OK;
}

static bkf_status load_target(const char *dir, const char *key, struct journal_state *s,
                              bkf_error *err)
{
    if (!s->head.target_sha256[0])
        return BKF_OK;
    char *path = target_path_of(dir, key, s->head.target_sha256);
    size_t len = 0;
    if (!path)
        return error_set(err, BKF_E_NOMEM, "journal: out of memory");
    bkf_status st = file_read(path, MAX_TARGET, &s->target, &len, err);
    struct sha256_hex hex = { "" };
    if (!st)
        sha256_of(s->target, len, &hex);
    if (!st && (len != range_len(s->head.request) || strcmp(hex.text, s->head.target_sha256) != 0))
        st = error_set(err, BKF_E_FILE, "%s is not what the journal wrote (hash differs)", path);
    free(path);
    return st;
}

bkf_status journal_load(const char *dir, const char *key, bool last, struct journal_state *s,
                        bkf_error *err)
{
    *s = (struct journal_state){ .finished = last };
    if (!key_ok(key))
        return error_set(err, BKF_E_PARAM, "journal: '%s' cannot name a file", key);
    char *path = path_of(dir, key, last ? "last" : "journal");
    uint8_t *text = NULL;
    size_t len = 0;
    if (!path)
        return error_set(err, BKF_E_NOMEM, "journal: out of memory");
    bkf_status st;
    if (!file_exists(path))
        st =
            error_set(err, BKF_E_NO_DEVICE, "no %s write is recorded for device %s (looked for %s)",
                      last ? "finished" : "unfinished", key, path);
    else
        st = file_read(path, MAX_JOURNAL, &text, &len, err);
    if (!st && text)
        st = parse((char *)text, path, s, err);
    if (!st && !last)
        st = load_target(dir, key, s, err);
    free(text);
    free(path);
    if (st)
        journal_state_free(s);
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

bkf_status journal_find(const char *dir, bool last, void (*found)(void *ud, const char *key),
                        void *ud, bkf_error *err)
{
    const char *ending = last ? ".last" : ".journal";
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? BKF_OK : os_failed(err, dir, "open");
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

bkf_status journal_drop(const char *dir, const char *key, bkf_error *err)
{
    char *path = path_of(dir, key, "journal");
    bkf_status st = BKF_OK;
    if (!path)
        st = error_set(err, BKF_E_NOMEM, "journal: out of memory");
    else if (unlink(path) && errno != ENOENT)
        st = os_failed(err, path, "remove");
    else
        drop_targets(dir, key);
    free(path);
    return st;
}
