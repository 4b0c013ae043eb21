/* readlog.c - the record of an unfinished read: bytes first, then the line that claims them. */
#include "readlog.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SCHEMA = 1, LOG_MAX = 16 << 20, SYNC_EVERY_US = 1000000 };
static const char *const claim_names[CLAIMS] = { "read", "crc", "second" };

static bkf_status no_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "out of memory");
}

/* ---- claims in memory ---- */

static bool list_has(const struct range_list *l, bkf_range r)
{
    for (size_t i = 0; i < l->n; i++)
        if (range_contains(l->items[i], r))
            return true;
    return false;
}

void readlog_add(struct readlog *l, enum readlog_claim c, bkf_range r)
{
    range_list_add(&l->claims[c], r.start, r.end);
    range_list_add(&l->fresh[c], r.start, r.end);
}

bool readlog_has(const struct readlog *l, enum readlog_claim c, bkf_range r)
{
    return list_has(&l->claims[c], r);
}

bool readlog_held(const struct readlog *l, bkf_range r)
{
    return list_has(&l->held, r);
}

uint64_t readlog_bytes(const struct readlog *l, enum readlog_claim c)
{
    return range_list_bytes(&l->claims[c]);
}

uint64_t readlog_held_bytes(const struct readlog *l)
{
    return range_list_bytes(&l->held);
}

bool readlog_kept(const struct readlog *l)
{
    return l->fd >= 0;
}

/* ---- lines ---- */

static json_t *head_json(const struct readlog_head *h)
{
    json_t *o = json_pack("{s:i, s:[I,I], s:I, s:i, s:i, s:s, s:s}", "bkflash-read", SCHEMA,
                          "range", (json_int_t)h->range.start, (json_int_t)h->range.end, "size",
                          (json_int_t)h->size, "verify", (int)h->verify, "flags", (int)h->flags,
                          "label", h->label, "when", h->when);
    if (o)
        device_id_save(&h->device, o);
    return o;
}

static json_t *claim_json(enum readlog_claim c, const struct range_list *l)
{
    json_t *ranges = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(
            ranges, json_pack("[I,I]", (json_int_t)l->items[i].start, (json_int_t)l->items[i].end));
    return json_pack("{s:o}", claim_names[c], ranges);
}

static json_t *run_json(const bkf_session *s)
{
    char when[32];
    struct tm tm;
    time_t t = time(NULL);
    gmtime_r(&t, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_pack("{s:{s:s, s:s, s:s, s:s}}", "run", "when", when, "adapter",
                     s->adapter_class->name, "unit", session_unit(s), "route",
                     s->route ? s->route->name : "");
}

/* Adds one line; false = out of memory.  Steals the record. */
static bool line(struct strbuf *sb, json_t *record)
{
    char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
    json_decref(record);
    if (text)
        strbuf_addf(sb, "%s\n", text);
    free(text);
    return text && !sb->failed;
}

static bool get_range(const json_t *a, bkf_range *r)
{
    json_int_t s = json_integer_value(json_array_get(a, 0));
    json_int_t e = json_integer_value(json_array_get(a, 1));
    if (json_array_size(a) != 2 || s < 0 || e <= s || e > (json_int_t)UINT32_MAX)
        return false;
    *r = (bkf_range){ (uint32_t)s, (uint32_t)e };
    return true;
}

static bool get_head(const json_t *o, struct readlog_head *h)
{
    const char *label = json_string_value(json_object_get(o, "label"));
    const char *when = json_string_value(json_object_get(o, "when"));
    *h = (struct readlog_head){ 0 };
    if (json_integer_value(json_object_get(o, "bkflash-read")) != SCHEMA ||
        !get_range(json_object_get(o, "range"), &h->range))
        return false;
    h->size = (uint32_t)json_integer_value(json_object_get(o, "size"));
    h->verify = (uint32_t)json_integer_value(json_object_get(o, "verify"));
    h->flags = (uint32_t)json_integer_value(json_object_get(o, "flags"));
    snprintf(h->label, sizeof h->label, "%s", label ? label : "");
    snprintf(h->when, sizeof h->when, "%s", when ? when : "");
    device_id_load(&h->device, o);
    return h->verify <= BKF_VERIFY_NONE;
}

/* A record of a later version that means nothing to us is fine. */
static bool take_record(struct readlog *l, const json_t *o)
{
    json_t *run = json_object_get(o, "run");
    if (run)
        return json_array_append(l->runs, run) == 0;
    for (int c = 0; c < CLAIMS; c++) {
        const json_t *list = json_object_get(o, claim_names[c]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            bkf_range r;
            if (!get_range(json_array_get(list, i), &r) || !range_contains(l->head.range, r))
                return false;
            range_list_add(&l->claims[c], r.start, r.end);
        }
    }
    return true;
}

/* ---- from disk ---- */

static bkf_status open_names(struct readlog *l, const struct outfile *out, bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    *l = (struct readlog){ .fd = -1 };
    strbuf_addf(&sb, "%s.log", out->part);
    l->path = strbuf_take(&sb);
    l->part = strdup(out->part);
    l->runs = json_array();
    return l->path && l->part && l->runs ? BKF_OK : no_memory(err);
}

bkf_status readlog_new(struct readlog *l, const struct outfile *out,
                       const struct readlog_head *head, bkf_error *err)
{
    bkf_status st = open_names(l, out, err);
    l->head = *head;
    if (!st)
        unlink(l->path); /* it speaks of bytes that are gone */
    return st;
}

/* Where the last whole line ends is where the next one begins. */
static bkf_status reopen(struct readlog *l, size_t whole, bkf_error *err)
{
    l->fd = open(l->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (l->fd >= 0 && ftruncate(l->fd, (off_t)whole) == 0)
        return BKF_OK;
    return error_os(err, BKF_E_FILE, errno, "%s: cannot open: %s", l->path, strerror(errno));
}

static bool fits(const struct readlog *l, int data_fd)
{
    struct stat sb;
    return fstat(data_fd, &sb) == 0 && (uint64_t)sb.st_size == range_len(l->head.range);
}

static bkf_status parse(struct readlog *l, char *text, size_t *whole, bkf_error *err)
{
    bool head = false;
    *whole = 0;
    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        json_t *o = json_loads(at, JSON_REJECT_DUPLICATES, NULL);
        bool ok = json_is_object(o) && (head ? take_record(l, o) : get_head(o, &l->head));
        json_decref(o);
        if (!ok)
            return error_set(err, BKF_E_FILE, "%s is damaged (line '%.40s')", l->path, at);
        head = true;
        *whole = (size_t)(end + 1 - text);
    }
    return head ? BKF_OK : error_set(err, BKF_E_FILE, "%s has no complete first line", l->path);
}

static void normalize(struct range_list *l)
{
    l->n = range_normalize(l->items, l->n, l->items);
}

bkf_status readlog_load(struct readlog *l, const struct outfile *out, bkf_error *err)
{
    uint8_t *text = NULL;
    size_t len = 0, whole = 0;
    bkf_status st = open_names(l, out, err);
    if (st)
        return st;
    if (!file_exists(l->path))
        return error_set(err, BKF_E_NO_DEVICE, "%s: there is none", l->path);
    st = file_read(l->path, LOG_MAX, &text, &len, err);
    if (!st)
        st = parse(l, (char *)text, &whole, err);
    free(text);
    if (!st && !fits(l, out->fd))
        st = error_set(err, BKF_E_FILE, "%s has not the %u bytes that %s speaks of", l->part,
                       range_len(l->head.range), l->path);
    for (int c = 0; c < CLAIMS; c++)
        normalize(&l->claims[c]);
    for (size_t i = 0; i < l->claims[CLAIM_READ].n; i++)
        range_list_add(&l->held, l->claims[CLAIM_READ].items[i].start,
                       l->claims[CLAIM_READ].items[i].end);
    return st ? st : reopen(l, whole, err);
}

bkf_status readlog_peek(const char *path, struct readlog_head *h, bkf_error *err)
{
    uint8_t *text = NULL;
    size_t len = 0;
    bkf_status st = file_read(path, LOG_MAX, &text, &len, err);
    if (st)
        return st;
    text[strcspn((char *)text, "\n")] = '\0';
    json_t *o = json_loads((char *)text, 0, NULL);
    if (!json_is_object(o) || !get_head(o, h))
        st = error_set(err, BKF_E_FILE, "%s is damaged", path);
    json_decref(o);
    free(text);
    return st;
}

/* ---- to disk ---- */

char *readlog_dir(const bkf_session *s)
{
    const char *state = s->ctx->places.state;
    return state ? path_join(state, "reads") : NULL;
}

/* Where the finished file will be, absolute, without links. */
static char *final_path(const struct readlog *l)
{
    char *full = realpath(l->part, NULL);
    size_t n = full ? strlen(full) : 0, tail = strlen(".part");
    if (n > tail)
        full[n - tail] = '\0';
    return full;
}

/* So that "resume" finds it.  Without one only the same command goes on. */
static void write_note(struct readlog *l, const bkf_session *s)
{
    struct strbuf name = STRBUF_INIT;
    struct sha256_hex hash;
    char key[80];
    bkf_error ignored = BKF_ERROR_INIT;
    char *dir = readlog_dir(s), *path = final_path(l);
    json_t *o = path ? json_pack("{s:i, s:s}", "bkflash-unfinished", SCHEMA, "path", path) : NULL;
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (dir && text && !dir_make(dir, &ignored)) {
        sha256_of(path, strlen(path), &hash);
        device_id_key(&l->head.device, key);
        strbuf_addf(&name, "%s/%s-%.16s.json", dir, key, hash.text);
        l->note = strbuf_take(&name);
        if (l->note && file_write_atomic(l->note, text, strlen(text), &ignored)) {
            free(l->note);
            l->note = NULL;
        }
    }
    free(text);
    json_decref(o);
    free(path);
    free(dir);
}

/* The first lines appear together, or not at all. */
static bool begin(struct readlog *l, const struct strbuf *sb)
{
    bkf_error ignored = BKF_ERROR_INIT;
    if (!file_write_atomic(l->path, sb->data, sb->len, &ignored))
        l->fd = open(l->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    return l->fd >= 0;
}

static bool append(const struct readlog *l, const struct strbuf *sb)
{
    return write(l->fd, sb->data, sb->len) == (ssize_t)sb->len && fdatasync(l->fd) == 0;
}

/* What is new, with what it needs in front of it. */
static bool compose(const struct readlog *l, const bkf_session *s, struct strbuf *sb)
{
    bool ok = l->fd >= 0 || line(sb, head_json(&l->head));
    ok = ok && (l->told || line(sb, run_json(s)));
    for (int c = 0; c < CLAIMS; c++)
        if (l->fresh[c].n)
            ok = ok && line(sb, claim_json((enum readlog_claim)c, &l->fresh[c]));
    return ok;
}

static bool anything_new(const struct readlog *l)
{
    bool any = false;
    for (int c = 0; c < CLAIMS; c++)
        any = any || l->fresh[c].n;
    return any;
}

void readlog_sync(struct readlog *l, bkf_session *s, int data_fd, bool now)
{
    struct strbuf sb = STRBUF_INIT;
    if (l->failed || !anything_new(l) || (!now && op_now(s) - l->synced_us < SYNC_EVERY_US))
        return;
    l->synced_us = op_now(s);
    bool ok = compose(l, s, &sb) && fdatasync(data_fd) == 0 &&
              (l->fd >= 0 ? append(l, &sb) : begin(l, &sb));
    int e = errno;
    strbuf_free(&sb);
    for (int c = 0; ok && c < CLAIMS; c++)
        l->fresh[c].n = 0;
    if (ok && !l->told)
        write_note(l, s);
    l->told = l->told || ok;
    l->failed = !ok;
    if (!ok)
        session_log(s, BKF_LOG_WARN,
                    "%s: cannot write: %s; the read goes on, but if it is interrupted what comes "
                    "from here on has to be read again",
                    l->path, strerror(e));
}

void readlog_drop(struct readlog *l)
{
    if (l->path)
        unlink(l->path);
    if (l->note)
        unlink(l->note);
}

void readlog_free(struct readlog *l)
{
    if (l->fd >= 0)
        close(l->fd);
    for (int c = 0; c < CLAIMS; c++) {
        range_list_free(&l->claims[c]);
        range_list_free(&l->fresh[c]);
    }
    range_list_free(&l->held);
    json_decref(l->runs);
    free(l->path);
    free(l->part);
    free(l->note);
    *l = (struct readlog){ .fd = -1 };
}
