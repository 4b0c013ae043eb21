/* report.c - what is known about a finished read: the sidecar's text. */
#include "readlog.h"
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

json_t *report_range(bkf_range r)
{
    return json_pack("{s:I, s:I}", "start", (json_int_t)r.start, "end", (json_int_t)r.end);
}

json_t *report_ranges(const bkf_range *r, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, report_range(r[i]));
    return list;
}

/* -- hashes, in one walk through the file --------------------------------------------------- */

struct hashed {
    bkf_range range;
    struct sha256_ctx ctx;
};

static void hash_text(struct sha256_ctx *ctx, struct sha256_hex *out)
{
    uint8_t d[SHA256_DIGEST_SIZE];
    sha256_digest(ctx, sizeof d, d);
    for (size_t i = 0; i < sizeof d; i++)
        snprintf(out->text + 2 * i, 3, "%02x", d[i]);
}

static void hash_part(struct hashed *h, uint32_t off, const uint8_t *p, size_t n)
{
    bkf_range r = range_intersect(h->range, (bkf_range){ off, off + (uint32_t)n });
    if (r.start < r.end)
        sha256_update(&h->ctx, range_len(r), p + (r.start - off));
}

/* h[0] is the whole file; *constant the one value of all bytes, or -1. */
static bkf_status walk(const struct reading *r, struct hashed *h, size_t n, int *constant,
                       bkf_error *err)
{
    uint8_t *buf = malloc(CHUNK);
    bkf_status st = BKF_OK;
    *constant = -2;
    if (!buf)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    for (uint32_t off = r->range.start; off < r->range.end && !st;) {
        size_t want = r->range.end - off < CHUNK ? r->range.end - off : CHUNK;
        ssize_t k = pread(r->fd, buf, want, (off_t)(off - r->range.start));
        if (k <= 0) {
            st = error_set(err, BKF_E_FILE, "cannot read the output back");
            break;
        }
        if (*constant == -2)
            *constant = buf[0];
        if (*constant >= 0 && (buf[0] != *constant || memcmp(buf, buf + 1, (size_t)k - 1) != 0))
            *constant = -1;
        for (size_t i = 0; i < n; i++)
            hash_part(&h[i], off, buf, (size_t)k);
        off += (uint32_t)k;
    }
    free(buf);
    return st;
}

/* -- parts of the document ------------------------------------------------------------- */

static void set_hex(json_t *o, const char *key, const char *fmt, uint32_t v)
{
    char text[16];
    if (fmt[0] == '6')
        snprintf(text, sizeof text, "%06X", v);
    else
        snprintf(text, sizeof text, "%02X", v);
    json_object_set_new(o, key, json_string(text));
}

static json_t *status_registers(const bkf_chip_info *i)
{
    json_t *o = json_object();
    for (unsigned k = 0; k < 3; k++) {
        char name[4];
        snprintf(name, sizeof name, "sr%u", k + 1);
        if (i->status_bits > 8 * k)
            set_hex(o, name, "2", (i->status >> (8 * k)) & 0xFF);
    }
    return o;
}

static json_t *evidence(const bkf_session *s)
{
    char ev[128], *save = NULL;
    json_t *list = json_array();
    identity_evidence(s, ev);
    for (char *t = strtok_r(ev, ",", &save); t; t = strtok_r(NULL, ",", &save))
        json_array_append_new(list, json_string(t + (*t == ' ')));
    return list;
}

static json_t *flash_json(const bkf_session *s)
{
    const bkf_chip_info *i = &s->info;
    json_t *o = json_object();
    char uid[33] = "";
    if (i->jedec_id)
        set_hex(o, "jedec", "6", i->jedec_id);
    if (i->part[0])
        json_object_set_new(o, "part", json_string(i->part));
    json_object_set_new(o, "size", json_integer(i->flash_size));
    json_object_set_new(o, "size_proven_by", evidence(s));
    json_object_set_new(o, "status", status_registers(i));
    for (uint32_t k = 0; k < i->unique_id_len && k < sizeof i->unique_id; k++)
        snprintf(uid + 2 * k, 3, "%02X", i->unique_id[k]);
    if (uid[0])
        json_object_set_new(o, "unique_id", json_string(uid));
    return o;
}

json_t *report_identity(const bkf_session *s)
{
    const bkf_chip_info *i = &s->info;
    json_t *chip =
        json_pack("{s:s, s:s}", "name", s->profile->chip_name ? s->profile->chip_name : "",
                  "driver", s->chip_class->name);
    if (i->chip[0])
        json_object_set_new(chip, "calls_itself", json_string(i->chip));
    if (i->chip_id)
        json_object_set_new(chip, "id", json_integer(i->chip_id));
    if (i->text[0])
        json_object_set_new(chip, "text", json_string(i->text));
    json_t *o = json_pack("{s:o, s:o}", "chip", chip, "flash", flash_json(s));
    json_object_set_new(o, "adapter",
                        json_pack("{s:s, s:s, s:s, s:s}", "driver", s->adapter_class->name, "unit",
                                  session_unit(s), "transport", s->transport, "route",
                                  s->route ? s->route->name : ""));
    if (*s->mac)
        json_object_set_new(o, "mac", json_string(s->mac));
    json_object_set_new(o, "resets", json_integer(i->resets));
    return o;
}

static json_t *profile_json(const struct bkf_profile *p)
{
    json_t *files = json_array(), *values = json_array();
    for (size_t i = 0; i < p->n_files; i++)
        json_array_append_new(files, json_string(p->files[i]));
    for (size_t i = 0; i < p->n_values; i++) {
        const struct prof_value *v = &p->values[i];
        json_array_append_new(values,
                              json_pack("{s:s, s:s, s:s, s:s, s:i}", "section", v->section, "key",
                                        v->key, "value", v->text, "file", v->at ? v->at->file : "",
                                        "line", v->at ? v->at->line : 0));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "name", p->name, "file", p->file, "files", files,
                     "values", values);
}

static json_t *proof_json(const struct reading *r)
{
    static const char *const modes[] = { "full", "sample", "none" };
    return json_pack("{s:s, s:I, s:I, s:I, s:o}", "verify", modes[r->verify], "bytes_by_device_crc",
                     (json_int_t)r->by_crc, "bytes_by_second_read", (json_int_t)r->by_second_read,
                     "bytes_by_block_crc", (json_int_t)r->by_block_crc, "unstable",
                     report_ranges(r->unstable.items, r->unstable.n));
}

/* Partitions that lie wholly inside what was read. */
static json_t *partitions_json(const struct reading *r, struct hashed *h, size_t n)
{
    const struct bkf_profile *p = r->session->profile;
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_partitions && i < n; i++) {
        const struct prof_partition *q = &p->partitions[i];
        struct sha256_hex hex;
        if (!range_contains(r->range, q->range))
            continue;
        hash_text(&h[i].ctx, &hex);
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s}", "name", q->name, "start",
                                              (json_int_t)q->range.start, "end",
                                              (json_int_t)q->range.end, "sha256", hex.text));
    }
    return list;
}

static uint64_t proven(const struct reading *r)
{
    return r->by_crc + r->by_second_read + r->by_block_crc;
}

/* "device CRC and a second pass" */
static const char *proven_by(const struct reading *r, char buf[80])
{
    const char *const by[] = { r->by_crc ? "device CRC" : NULL,
                               r->by_block_crc ? "their own CRC" : NULL,
                               r->by_second_read ? "a second pass" : NULL };
    size_t len = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(by); i++)
        if (by[i])
            len += (size_t)snprintf(buf + len, 80 - len, "%s%s", len ? " and " : "", by[i]);
    return buf;
}

/* Is this enough to restore the device, and if not, why. */
static void backup_verdict(const struct reading *r, int constant, json_t *o)
{
    char why[160] = "", by[80];
    bool whole = r->range.start == 0 && r->range.end == r->size;
    if (!whole)
        snprintf(why, sizeof why, "only a part of the flash was read");
    else if (r->holes.n)
        snprintf(why, sizeof why, "%zu range%s could not be read", r->holes.n,
                 r->holes.n == 1 ? "" : "s");
    else if (r->unstable.n)
        snprintf(why, sizeof why, "%zu range%s never read the same twice", r->unstable.n,
                 r->unstable.n == 1 ? "" : "s");
    else if (constant >= 0)
        snprintf(why, sizeof why, "every byte reads 0x%02X, so there is nothing in it%s", constant,
                 constant == 0xFF ? ": the flash is blank" : "");
    else if (r->verify == BKF_VERIFY_NONE)
        snprintf(why, sizeof why, "it was not verified");
    else if (r->verify == BKF_VERIFY_SAMPLE && proven(r) < r->size)
        snprintf(why, sizeof why, "only %" PRIu64 " of %" PRIu32 " bytes were proven", proven(r),
                 r->size);
    json_object_set_new(o, "complete_backup", json_boolean(!why[0]));
    if (why[0]) {
        json_object_set_new(o, "complete_backup_reason", json_string(why));
        return;
    }
    snprintf(why, sizeof why, "all %" PRIu32 " bytes were read and proven by %s", r->size,
             proven_by(r, by));
    json_object_set_new(o, "complete_backup_reason", json_string(why));
}

static void add_numbers(const struct reading *r, json_t *o)
{
    const bkf_session *s = r->session;
    uint64_t bytes = range_len(r->range);
    uint64_t now = bytes - (r->log ? readlog_held_bytes(r->log) : 0);
    double rate = r->read_us ? (double)now * 1e6 / (double)r->read_us : 0;
    json_object_set_new(o, "bytes", json_integer((json_int_t)bytes));
    json_object_set_new(o, "duration_us", json_integer((json_int_t)(op_now(s) - s->opened_us)));
    json_object_set_new(o, "read_us", json_integer((json_int_t)r->read_us));
    json_object_set_new(o, "rate", json_integer((json_int_t)rate));
    json_object_set_new(o, "retries", json_integer(s->stats.retries));
    json_object_set_new(o, "rereads", json_integer(s->stats.rereads));
    json_object_set_new(o, "blank_bytes_skipped", json_integer((json_int_t)r->blank_skipped));
}

/* A dump made in several runs says so: its parts were not read at one time. */
static void add_resumed(const struct reading *r, json_t *doc)
{
    uint64_t held = r->log ? readlog_held_bytes(r->log) : 0;
    if (!held)
        return;
    json_object_set_new(doc, "resumed",
                        json_pack("{s:s, s:I, s:O}", "begun", r->log->head.when, "bytes_held",
                                  (json_int_t)held, "earlier_runs", r->log->runs));
}

static void utc_now(char out[32])
{
    struct tm tm;
    time_t t = time(NULL);
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static json_t *assemble(struct reading *r, const bkf_read_options *o, const char *file,
                        struct hashed *h, size_t n, int constant)
{
    struct sha256_hex hex;
    char when[32];
    json_t *doc = json_pack("{s:i, s:s, s:s}", "api", BKF_API_VERSION, "kind", "read", "tool",
                            "bkflash " BKF_VERSION_TEXT);
    utc_now(when);
    json_object_set_new(doc, "when", json_string(when));
    if (file)
        json_object_set_new(doc, "file", json_string(file));
    if (o->label)
        json_object_set_new(doc, "label", json_string(o->label));
    hash_text(&h[0].ctx, &hex);
    json_object_set_new(doc, "sha256", json_string(hex.text));
    json_object_set_new(doc, "range", report_range(r->range));
    json_object_set_new(doc, "holes", report_ranges(r->holes.items, r->holes.n));
    if (r->holes.n && r->hole_reason)
        json_object_set_new(doc, "hole_reason", json_string(r->hole_reason));
    if (constant >= 0)
        json_object_set_new(doc, "constant", json_integer(constant));
    backup_verdict(r, constant, doc);
    add_numbers(r, doc);
    add_resumed(r, doc);
    json_t *identity = report_identity(r->session);
    json_object_update(doc, identity);
    json_decref(identity);
    json_object_set_new(doc, "proof", proof_json(r));
    json_object_set_new(doc, "partitions", partitions_json(r, h + 1, n - 1));
    json_object_set_new(doc, "profile", profile_json(r->session->profile));
    return doc;
}

bkf_status report_make(struct reading *r, const bkf_read_options *o, const char *file, json_t **out,
                       bkf_error *err)
{
    const struct bkf_profile *p = r->session->profile;
    size_t n = p->n_partitions + 1;
    int constant;
    struct hashed *h = calloc(n, sizeof *h);
    if (!h)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        sha256_init(&h[i].ctx);
        h[i].range = i ? p->partitions[i - 1].range : r->range;
    }
    bkf_status st = walk(r, h, n, &constant, err);
    if (!st) {
        *out = assemble(r, o, file, h, n, constant);
        if (!*out)
            st = error_set(err, BKF_E_NOMEM, "out of memory");
    }
    free(h);
    return st;
}
