/* verify.c - does the flash hold what a file says?  By device CRC where there is one,
 * else by reading; a difference counts once two readings agree on it. */
#include "session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verify {
    bkf_session *session;
    bkf_range range;
    const uint8_t *want; /* range bytes */
    struct range_list differ;
    uint64_t differ_bytes; /* sectors that differ, in bytes */
    uint32_t first;        /* first differing byte */
    bool found;
    uint64_t by_crc, by_read;
};

static const uint8_t *wanted(const struct verify *v, uint32_t off)
{
    return v->want + (off - v->range.start);
}

static void note_difference(struct verify *v, uint32_t off, const uint8_t *got, size_t n)
{
    const uint8_t *want = wanted(v, off);
    size_t i = 0;
    while (i < n && got[i] == want[i])
        i++;
    if (!v->found)
        v->first = off + (uint32_t)i;
    v->found = true;
    v->differ_bytes += n;
    range_list_add(&v->differ, off, off + (uint32_t)n);
}

/* A sector known to differ somewhere, by its CRC. */
static void note_sector(struct verify *v, uint32_t off, size_t n)
{
    if (!v->found)
        v->first = off;
    v->found = true;
    v->differ_bytes += n;
    range_list_add(&v->differ, off, off + (uint32_t)n);
}

/* got is one reading of the sector; it differs. */
static bkf_status settle(struct verify *v, uint32_t off, const uint8_t *got, size_t n,
                         bkf_error *err)
{
    uint8_t again[SECTOR];
    bool agreed;
    bkf_status st = chunk_settle(v->session, off, again, n, got, &agreed, err);
    if (st)
        return st;
    if (!agreed || memcmp(again, wanted(v, off), n) != 0)
        note_difference(v, off, again, n);
    return BKF_OK;
}

static bkf_status by_reading(struct verify *v, uint32_t off, size_t n, uint8_t *buf, bkf_error *err)
{
    bkf_status st = chunk_read(v->session, off, buf, n, err);
    for (size_t i = 0; buf && i < n && !st; i += SECTOR) {
        size_t len = n - i < SECTOR ? n - i : SECTOR;
        if (memcmp(buf + i, wanted(v, off + (uint32_t)i), len) != 0)
            st = settle(v, off + (uint32_t)i, buf + i, len, err);
    }
    if (!st)
        v->by_read += n;
    return st;
}

/* Sector by sector: nothing is read. */
static bkf_status by_sector(struct verify *v, const bkf_digest_ops *d, uint32_t off, size_t n,
                            bkf_error *err)
{
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < n && !st; i += SECTOR) {
        const uint32_t at = off + (uint32_t)i;
        const size_t len = n - i < SECTOR ? n - i : SECTOR;
        const uint32_t want = crc32_update(0, wanted(v, at), len);
        uint32_t crc = 0;
        st = chunk_crc(v->session, d, at, len, &crc, err);
        if (!st && crc != want) /* a second answer must agree: the wire protects no reply */
            st = chunk_crc(v->session, d, at, len, &crc, err);
        if (!st && crc != want)
            note_sector(v, at, len);
    }
    if (!st)
        v->by_crc += n;
    return st;
}

static bkf_status by_crc(struct verify *v, const bkf_digest_ops *d, uint32_t off, size_t n,
                         uint8_t *buf, bkf_error *err)
{
    uint32_t crc = 0;
    bkf_status st = chunk_crc(v->session, d, off, n, &crc, err);
    if (st)
        return st;
    if (crc == crc32_update(0, wanted(v, off), n)) {
        v->by_crc += n;
        return BKF_OK;
    }
    bool sectors = SECTOR % d->granule == 0 && off % SECTOR == 0;
    return sectors ? by_sector(v, d, off, n, err) : by_reading(v, off, n, buf, err);
}

/* The piece at off: to the next 64 KiB boundary. */
static bkf_range piece(const struct verify *v, uint32_t off)
{
    uint64_t next = ((uint64_t)off / CHUNK + 1) * CHUNK;
    return (bkf_range){ off, next < v->range.end ? (uint32_t)next : v->range.end };
}

static bkf_status compare(struct verify *v, bkf_error *err)
{
    bkf_session *s = v->session;
    uint8_t *buf = malloc(CHUNK);
    bkf_status st = buf ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
    op_phase(s, "verify", range_len(v->range));
    for (uint32_t off = v->range.start; off < v->range.end && !st;) {
        size_t n = range_len(piece(v, off));
        const bkf_digest_ops *d = chunk_digest(s, off, n);
        if (op_stopped(s))
            st = error_set(err, BKF_E_CANCELLED, "cancelled");
        else if ((st = d ? by_crc(v, d, off, n, buf, err) : by_reading(v, off, n, buf, err)))
            st = session_failed(s, err);
        off += (uint32_t)n;
        if (!st)
            op_progress(s, off - v->range.start);
    }
    free(buf);
    return st;
}

/* -- checks before and words after -------------------------------------------------------- */

static bkf_status readable(const struct verify *v, uint32_t size, bkf_error *err)
{
    bkf_range windows[WINDOWS_MAX], holes[WINDOWS_MAX + 1];
    const char *reason;
    size_t n = session_windows(v->session, BKF_CAN_READ, size, windows, &reason);
    size_t k = range_subtract(v->range, windows, n, holes);
    if (!k)
        return BKF_OK;
    return error_set(err, BKF_E_INCOMPLETE,
                     "0x%x..0x%x cannot be read on this route%s%s: verify another range, or use "
                     "another route (-a)",
                     holes[0].start, holes[0].end, reason ? ": " : "", reason ? reason : "");
}

/* The flash size that the range is judged by; only a range without an end needs it proven. */
static bkf_status flash_size(const struct verify *v, const bkf_range *range, uint32_t *size,
                             bkf_error *err)
{
    if (!range || range->end == BKF_RANGE_END)
        return session_size(v->session, size, err);
    uint32_t known = v->session->info.flash_size;
    *size = known ? known : range->end;
    return BKF_OK;
}

static bkf_status same_length(const struct verify *v, size_t len, const char *path, bkf_error *err)
{
    if (len == range_len(v->range))
        return BKF_OK;
    return error_set(err, BKF_E_IMAGE,
                     "%s has %zu bytes, 0x%x..0x%x has %u: name the part of the flash that the "
                     "file belongs to with -P or --range",
                     path, len, v->range.start, v->range.end, range_len(v->range));
}

/* Everything that can be refused, given the size. */
static bkf_status place(struct verify *v, const bkf_range *range, size_t len, const char *path,
                        uint32_t size, bkf_error *err)
{
    v->range = range ? *range : (bkf_range){ 0, size };
    if (v->range.end == BKF_RANGE_END)
        v->range.end = size;
    if (v->range.start >= v->range.end || v->range.end > size)
        return error_set(err, BKF_E_PARAM, "range 0x%x..0x%x is not inside the flash",
                         v->range.start, v->range.end);
    bkf_status st = same_length(v, len, path, err);
    return st ? st : readable(v, size, err);
}

/* Without touching the device; size 0 = only that knows it. */
static bkf_status refuse_early(struct verify *v, const bkf_range *range, size_t len,
                               const char *path, uint32_t size, bkf_error *err)
{
    if (!len)
        return error_set(err, BKF_E_IMAGE, "%s is empty", path);
    if (size)
        return place(v, range, len, path, size, err);
    v->range = range ? *range : (bkf_range){ 0, BKF_RANGE_END };
    return v->range.end == BKF_RANGE_END ? BKF_OK : same_length(v, len, path, err);
}

static void add_partitions(const struct verify *v, json_t *doc)
{
    const struct bkf_profile *p = v->session->profile;
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_partitions; i++) {
        bool hit = false;
        for (size_t k = 0; k < v->differ.n && !hit; k++)
            hit = range_overlaps(p->partitions[i].range, v->differ.items[k]);
        if (hit)
            json_array_append_new(list, json_string(p->partitions[i].name));
    }
    json_object_set_new(doc, "differing_partitions", list);
}

/* The finished document as text; takes doc. */
static char *with_identity(const struct verify *v, json_t *doc)
{
    json_t *identity = report_identity(v->session);
    json_object_update(doc, identity);
    json_decref(identity);
    char *text = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(doc);
    return text;
}

static char *report(const struct verify *v, const char *path)
{
    json_t *doc = json_pack(
        "{s:i, s:s, s:s, s:o, s:b, s:I, s:I, s:I, s:o}", "api", BKF_API_VERSION, "kind", "verify",
        "file", path, "range", report_range(v->range), "equal", !v->found, "differing_bytes",
        (json_int_t)v->differ_bytes, "bytes_by_device_crc", (json_int_t)v->by_crc, "bytes_by_read",
        (json_int_t)v->by_read, "differ", report_ranges(v->differ.items, v->differ.n));
    if (doc && v->found)
        json_object_set_new(doc, "first", json_integer(v->first));
    add_partitions(v, doc);
    return with_identity(v, doc);
}

/* -- the plan ------------------------------------------------------------------------------ */

/* One row per run of pieces that are compared in the same way. */
static void add_row(json_t *rows, bkf_range r, const char *by)
{
    json_t *last = json_array_get(rows, json_array_size(rows) - (json_array_size(rows) > 0));
    if (last && strcmp(json_string_value(json_object_get(last, "by")), by) == 0)
        json_object_set_new(last, "end", json_integer((json_int_t)r.end));
    else
        json_array_append_new(rows, json_pack("{s:I, s:I, s:s}", "start", (json_int_t)r.start,
                                              "end", (json_int_t)r.end, "by", by));
}

static char *plan(const struct verify *v, const char *path)
{
    json_t *rows = json_array();
    bkf_timing t;
    uint64_t us = 0;
    session_timing(v->session, &t);
    for (uint32_t off = v->range.start; off < v->range.end;) {
        bkf_range r = piece(v, off);
        uint32_t rate = session_verify_rate(v->session, r, &t);
        add_row(rows, r, chunk_digest(v->session, off, range_len(r)) ? "device CRC" : "reading");
        us += rate ? (uint64_t)range_len(r) * 1000000 / rate : 0;
        off = r.end;
    }
    json_t *doc =
        json_pack("{s:i, s:s, s:s, s:s, s:o, s:{s:o, s:I}}", "api", BKF_API_VERSION, "kind",
                  "verify", "outcome", "planned", "file", path, "range", report_range(v->range),
                  "plan", "compare", rows, "compare_us", (json_int_t)us);
    return with_identity(v, doc);
}

/* -- public -------------------------------------------------------------------------------- */

static bkf_status verdict(const struct verify *v, const char *path, bkf_error *err)
{
    if (!v->found)
        return BKF_OK;
    return error_set(err, BKF_E_VERIFY,
                     "flash differs from %s in %llu bytes (whole sectors counted), first at 0x%06x",
                     path, (unsigned long long)v->differ_bytes, v->first);
}

static bkf_status run(struct verify *v, const bkf_range *range, const char *path, bool dry,
                      char **out, bkf_error *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    uint32_t size = v->session->profile->size;
    bkf_status st = file_read(path, 64u << 20, &data, &len, err);
    if (!st)
        st = refuse_early(v, range, len, path, size, err);
    if (!st)
        st = session_identify(v->session, err);
    if (!st)
        st = flash_size(v, range, &size, err);
    if (!st)
        st = place(v, range, len, path, size, err);
    v->want = data;
    if (!st && !dry)
        st = compare(v, err);
    if (!st && out && !(*out = dry ? plan(v, path) : report(v, path)))
        st = error_set(err, BKF_E_NOMEM, "out of memory");
    free(data);
    return st ? st : verdict(v, path, err);
}

static bkf_status verify_file(bkf_session *s, const bkf_range *range, const char *path, bool dry,
                              char **out, bkf_error *err)
{
    bkf_error own = BKF_ERROR_INIT;
    struct verify v = { .session = s };
    if (!err)
        err = &own;
    if (out)
        *out = NULL;
    if (!s || !path)
        return error_set(err, BKF_E_PARAM, "a session and a path are needed");
    bkf_status st = run(&v, range, path, dry, out, err);
    range_list_free(&v.differ);
    return st;
}

bkf_status bkf_verify_file(bkf_session *s, const bkf_range *range, const char *path, char **out,
                           bkf_error *err)
{
    return verify_file(s, range, path, false, out, err);
}

bkf_status bkf_verify_plan(bkf_session *s, const bkf_range *range, const char *path, char **out,
                           bkf_error *err)
{
    return verify_file(s, range, path, true, out, err);
}
