/* readfile.c - the reads a front end asks for: to a sink, to a file. */
#include "read_again.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bkf_status options_copy(const bkf_read_options *in, bkf_read_options *o, bkf_error *err)
{
    *o = (bkf_read_options){ 0 };
    if (in)
        memcpy(o, in, in->struct_size < sizeof *o ? in->struct_size : sizeof *o);
    if (o->verify > BKF_VERIFY_NONE)
        return error_set(err, BKF_E_PARAM, "no such way to verify");
    if (o->has_range && o->range.start >= o->range.end)
        return error_set(err, BKF_E_PARAM, "range 0x%x..0x%x is empty", o->range.start,
                         o->range.end);
    return BKF_OK;
}

/* A whole dump needs a proven size; a range only one that it surely lies in. */
static bkf_status pick_range(struct reading *r, const bkf_read_options *o, bkf_error *err)
{
    bkf_session *s = r->session;
    char size[24];
    if (!o->has_range) {
        bkf_status st = session_size(s, &r->size, err);
        r->range = (bkf_range){ 0, r->size };
        return st;
    }
    r->range = o->range;
    if (o->range.end == BKF_RANGE_END) {
        bkf_status st = session_size(s, &r->size, err);
        r->range.end = r->size;
        return st;
    }
    r->size = s->info.flash_size ? s->info.flash_size
              : s->profile->size ? s->profile->size
                                 : o->range.end;
    if (o->range.end > r->size)
        return error_set(err, BKF_E_PARAM, "range 0x%x..0x%x ends past the flash (%s)",
                         o->range.start, o->range.end, num_format_size(r->size, size));
    return BKF_OK;
}

static bkf_status verdict(const struct reading *r, const bkf_read_options *o, bkf_error *err)
{
    if (o->flags & BKF_READ_ALLOW_HOLES)
        return BKF_OK;
    if (r->holes.n)
        return error_set(
            err, BKF_E_INCOMPLETE,
            "%zu range%s could not be read, the first is 0x%x..0x%x%s%s; another route "
            "(-a) may reach it, --allow-holes accepts it",
            r->holes.n, r->holes.n == 1 ? "" : "s", r->holes.items[0].start, r->holes.items[0].end,
            r->hole_reason ? ": " : "", r->hole_reason ? r->hole_reason : "");
    if (r->unstable.n)
        return error_set(err, BKF_E_INCOMPLETE,
                         "%zu range%s did not read the same twice in %d tries, the first is "
                         "0x%x..0x%x: check wires and supply, lower the clock, or accept it with "
                         "--allow-holes",
                         r->unstable.n, r->unstable.n == 1 ? "" : "s", READ_TRIES,
                         r->unstable.items[0].start, r->unstable.items[0].end);
    return BKF_OK;
}

/* Identify, read and prove into fd; the report comes with an incomplete read too. */
static bkf_status run(struct reading *r, const bkf_read_options *o, struct outfile *out,
                      const char *file, json_t **doc, bkf_error *err)
{
    bkf_status st = session_identify(r->session, err);
    if (!st)
        st = pick_range(r, o, err);
    if (!st && out)
        st = read_again_open(r, o, out, err);
    if (!st)
        st = reading_run(r, err);
    if (!st)
        st = report_make(r, o, file, doc, err);
    return st ? st : verdict(r, o, err);
}

static bkf_status doc_text(json_t *doc, bool pretty, char **text, bkf_error *err)
{
    *text = json_dumps(doc, (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_PRESERVE_ORDER);
    return *text ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

/* -- to a sink ------------------------------------------------------------------------------- */

static int scratch_file(bkf_error *err)
{
    const char *dir = getenv("TMPDIR");
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/bkflash-XXXXXX", dir && dir[0] == '/' ? dir : "/tmp");
    char *path = strbuf_take(&sb);
    int fd = path ? mkstemp(path) : -1;
    if (fd < 0)
        error_os(err, BKF_E_FILE, errno, "%s: cannot make a scratch file: %s", path ? path : "",
                 strerror(errno));
    else
        unlink(path);
    free(path);
    return fd;
}

static bkf_status feed(const struct reading *r, bkf_sink sink, void *ud, bkf_error *err)
{
    uint8_t *buf = malloc(CHUNK);
    bkf_status st = buf ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
    for (uint32_t off = r->range.start; off < r->range.end && !st;) {
        size_t n = r->range.end - off < CHUNK ? r->range.end - off : CHUNK;
        ssize_t k = pread(r->fd, buf, n, (off_t)(off - r->range.start));
        if (k <= 0)
            st = error_set(err, BKF_E_FILE, "cannot read the scratch file back");
        else
            st = sink(ud, off, buf, (size_t)k, err);
        off += k > 0 ? (uint32_t)k : 0;
    }
    free(buf);
    return st;
}

bkf_status bkf_read(bkf_session *s, const bkf_read_options *options, bkf_sink sink, void *ud,
                    char **report, bkf_error *err)
{
    bkf_read_options o;
    bkf_error own = BKF_ERROR_INIT;
    json_t *doc = NULL;
    if (!err)
        err = &own;
    if (report)
        *report = NULL;
    if (!s || !sink)
        return error_set(err, BKF_E_PARAM, "bkf_read: session and sink are needed");
    bkf_status st = options_copy(options, &o, err);
    struct reading r = { .session = s, .verify = o.verify, .fd = -1 };
    if (!st && (r.fd = scratch_file(err)) < 0)
        st = BKF_E_FILE;
    if (!st)
        st = run(&r, &o, NULL, NULL, &doc, err);
    if (!st)
        st = feed(&r, sink, ud, err);
    if (doc && report && doc_text(doc, false, report, err))
        st = st ? st : BKF_E_NOMEM;
    json_decref(doc);
    if (r.fd >= 0)
        close(r.fd);
    reading_free(&r);
    return st;
}

/* -- to a file --------------------------------------------------------------------------------- */

/* found: the caller did not name the file, so the report does. */
static bkf_status into_file(bkf_session *s, const bkf_read_options *o, const char *path, bool found,
                            char **report, bkf_error *err)
{
    struct outfile out = { .fd = -1 };
    struct readlog log = { .fd = -1 };
    json_t *doc = NULL;
    char *sidecar = NULL;
    bkf_status st = outfile_open(&out, path, o->flags & BKF_READ_FORCE, false, err);
    struct reading r = { .session = s, .verify = o->verify, .fd = out.fd, .log = &log };
    const char *slash = strrchr(path, '/');
    if (!st)
        st = run(&r, o, &out, slash ? slash + 1 : path, &doc, err);
    if (!st)
        st = doc_text(doc, true, &sidecar, err);
    if (!st)
        st = outfile_commit(&out, sidecar, err);
    if (doc && found)
        json_object_set_new(doc, "path", json_string(path));
    if (doc && report)
        (void)doc_text(doc, false, report, NULL);
    bool keep = st && read_again_keep(&r, &out, err);
    if (out.fd >= 0 && !keep && (out.ours || !out.part))
        readlog_drop(&log);
    outfile_close(&out, keep);
    readlog_free(&log);
    json_decref(doc);
    free(sidecar);
    reading_free(&r);
    return st;
}

bkf_status bkf_read_file(bkf_session *s, const bkf_read_options *options, const char *path,
                         char **report, bkf_error *err)
{
    bkf_read_options o;
    bkf_error own = BKF_ERROR_INIT;
    if (!err)
        err = &own;
    if (report)
        *report = NULL;
    if (!s || !path)
        return error_set(err, BKF_E_PARAM, "bkf_read_file: session and path are needed");
    bkf_status st = options_copy(options, &o, err);
    return st ? st : into_file(s, &o, path, false, report, err);
}

bkf_status read_again_finish(bkf_session *s, char **report, bkf_error *err)
{
    struct readlog_head h;
    char *path;
    bkf_status st = read_again_find(s, &path, &h, err);
    if (st)
        return st;
    bkf_read_options o = { .struct_size = sizeof o,
                           .verify = h.verify,
                           .flags = h.flags,
                           .has_range = h.range.start || h.range.end != h.size,
                           .range = h.range,
                           .label = *h.label ? h.label : NULL };
    st = into_file(s, &o, path, true, report, err);
    free(path);
    return st;
}

bkf_status bkf_read_name(bkf_session *s, char **name, bkf_error *err)
{
    bkf_error own = BKF_ERROR_INIT;
    struct strbuf sb = STRBUF_INIT;
    struct tm tm;
    char date[20];
    time_t t = time(NULL);
    if (!s || !name)
        return error_set(err, BKF_E_PARAM, "bkf_read_name: session and result are needed");
    *name = NULL;
    bkf_status st = session_identify(s, err ? err : &own);
    if (st)
        return st;
    strbuf_addf(&sb, "%s-", s->profile->name);
    if (s->info.jedec_id)
        strbuf_addf(&sb, "%06X-", s->info.jedec_id);
    for (uint32_t k = 0; k < s->info.unique_id_len && k < sizeof s->info.unique_id; k++)
        strbuf_addf(&sb, "%02X", s->info.unique_id[k]);
    if (s->info.unique_id_len)
        strbuf_addf(&sb, "-");
    /* The same command again goes on with the dump that it made the name for. */
    *name = sb.data ? read_again_name(s, sb.data) : NULL;
    if (*name) {
        strbuf_free(&sb);
        return BKF_OK;
    }
    localtime_r(&t, &tm);
    strftime(date, sizeof date, "%Y%m%d-%H%M%S", &tm);
    strbuf_addf(&sb, "%s.bin", date);
    *name = strbuf_take(&sb);
    return *name ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}
