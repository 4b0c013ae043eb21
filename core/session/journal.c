/* journal.c - a synced, append-only record of one change to a flash. */
#include "journal_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct journal {
    int fd; /* locked: one process at a time */
    char *dir, *key;
};

static bkf_status no_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "journal: out of memory");
}

static bkf_status in_use(const char *path, bkf_error *err)
{
    return error_set(err, BKF_E_BUSY, "%s: another bkflash is at work with it", path);
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

/* ---- records ---- */

/* One record, one write, then on disk. */
static bkf_status append(struct journal *j, json_t *record, bkf_error *err)
{
    if (record)
        json_object_set_new(record, "crc32", json_integer(journal_record_crc(record)));
    char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
    json_decref(record);
    if (!text)
        return no_memory(err);
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s\n", text);
    free(text);
    bkf_status st = BKF_OK;
    if (sb.failed)
        st = no_memory(err);
    else if (!file_write_all(j->fd, sb.data, sb.len) || fdatasync(j->fd))
        st = journal_os_failed(err, j->key, "write");
    strbuf_free(&sb);
    return st;
}

static json_t *head_json(const struct journal_head *h)
{
    return json_pack(
        "{s:i, s:s, s:[I,I], s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[I,I], s:b, s:b, s:s}",
        "bkflash-journal", JOURNAL_SCHEMA, "kind", h->kind, "request", (json_int_t)h->request.start,
        (json_int_t)h->request.end, "target_sha256", h->target_sha256, "backup", h->backup,
        "backup_sha256", h->backup_sha256, "profile", h->profile, "jedec", h->jedec, "unique_id",
        h->unique_id, "mac", h->mac, "chip", h->chip, "status", (json_int_t)h->status,
        (json_int_t)h->status_bits, "may_change_keep", h->may_change_keep, "preserve_keep",
        h->preserve_keep, "allow", h->allow);
}

bkf_status journal_mark(struct journal *j, bkf_range g, bkf_error *err)
{
    return append(j, json_pack("{s:[I,I]}", "begin", (json_int_t)g.start, (json_int_t)g.end), err);
}

bkf_status journal_mark_done(struct journal *j, bkf_error *err)
{
    return append(j, json_pack("{s:b}", "done", 1), err);
}

/* ---- beginning ---- */

/* Write the first record under another name, then give it the right one in one step. */
static bkf_status create(const char *dir, const char *key, const char *path,
                         const struct journal_head *head, struct journal **out, bkf_error *err)
{
    char *temp = journal_path(dir, key, "new");
    if (!temp)
        return no_memory(err);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    struct journal *j = fd < 0 ? NULL : journal_alloc(dir, key, fd);
    bkf_status st = BKF_OK;
    if (fd < 0)
        st = journal_os_failed(err, temp, "create");
    else if (!j)
        st = no_memory(err);
    else if (flock(fd, LOCK_EX | LOCK_NB))
        st = in_use(temp, err);
    else
        st = append(j, head_json(head), err);
    if (!st && rename(temp, path))
        st = journal_os_failed(err, path, "create");
    if (!st)
        file_sync_folder(path);
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
    char *path = journal_target_path(dir, key, hex.text);
    bkf_status st =
        path ? file_write_atomic(path, target, range_len(head->request), err) : no_memory(err);
    free(path);
    return st;
}

bkf_status journal_in_the_way(const char *dir, const char *key, bkf_error *err)
{
    return error_set(err, BKF_E_BUSY,
                     "an unfinished change of this device is recorded in %s/%s.journal; finish it "
                     "with 'bkflash resume' or put the old contents back with 'bkflash undo'",
                     dir, key);
}

/* The unfinished journal that stands in the way: refused, or locked until it is replaced. */
static bkf_status take_place(const char *dir, const char *key, const char *path, bool replace,
                             int *old, bkf_error *err)
{
    if (!file_exists(path))
        return BKF_OK;
    if (!replace)
        return journal_in_the_way(dir, key, err);
    *old = open(path, O_RDONLY | O_CLOEXEC);
    return *old >= 0 && flock(*old, LOCK_EX | LOCK_NB) ? in_use(path, err) : BKF_OK;
}

bkf_status journal_begin(const char *dir, const char *key, struct journal_head *head,
                         const uint8_t *target, bool replace, struct journal **out, bkf_error *err)
{
    int old = -1;
    *out = NULL;
    if (!journal_key_ok(key))
        return error_set(err, BKF_E_PARAM, "journal: '%s' cannot name a file", key);
    bkf_status st = dir_make(dir, err);
    char *path = journal_path(dir, key, "journal");
    if (!path)
        st = no_memory(err);
    else if (!st)
        st = take_place(dir, key, path, replace, &old, err);
    if (!st) {
        st = write_target(dir, key, head, target, err);
        if (!st)
            st = create(dir, key, path, head, out, err);
        journal_drop_targets(dir, key);
    }
    if (old >= 0)
        close(old);
    free(path);
    return st;
}

bkf_status journal_reopen(const char *dir, const char *key, struct journal **out, bkf_error *err)
{
    *out = NULL;
    char *path = journal_path(dir, key, "journal");
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    bkf_status st = BKF_OK;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB))
        st = in_use(path, err);
    else if (fd < 0 || !journal_cut_torn_tail(path, fd))
        st = journal_os_failed(err, path, "open");
    else if (!(*out = journal_alloc(dir, key, fd)))
        st = no_memory(err);
    if (st && fd >= 0)
        close(fd);
    free(path);
    return st;
}

/* ---- the end ---- */

bkf_status journal_end(struct journal *j, bool finished, bkf_error *err)
{
    bkf_status st = BKF_OK;
    if (finished) {
        char *from = journal_path(j->dir, j->key, "journal"),
             *to = journal_path(j->dir, j->key, "last");
        if (!from || !to)
            st = no_memory(err);
        else if (rename(from, to))
            st = journal_os_failed(err, from, "rename");
        else
            file_sync_folder(to);
        if (!st)
            journal_drop_targets(j->dir, j->key);
        free(from);
        free(to);
    }
    journal_close(j);
    return st;
}

void journal_discard(struct journal *j)
{
    char *path = journal_path(j->dir, j->key, "journal");
    if (path && unlink(path) == 0) {
        file_sync_folder(path);
        journal_drop_targets(j->dir, j->key);
    }
    free(path);
    journal_close(j);
}
