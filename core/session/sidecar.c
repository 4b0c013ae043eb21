/* sidecar.c - the JSON beside a dump, read back and checked: only what is consistent counts. */
#include "sidecar.h"
#include <bkflash/bkflash.h>
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 16 << 20, HOLES_MAX = 1 << 16 };

static bkf_status bad(const char *name, bkf_error *err, const char *what)
{
    return error_set(err, BKF_E_FILE, "%s: %s; it was not written by bkflash, or changed since",
                     name, what);
}

static bool range_of(const json_t *o, bkf_range *out)
{
    const json_t *start = json_object_get(o, "start"), *end = json_object_get(o, "end");
    json_int_t a = json_integer_value(start), b = json_integer_value(end);
    if (!json_is_integer(start) || !json_is_integer(end) || a < 0 || b <= a || b > UINT32_MAX)
        return false;
    *out = (bkf_range){ (uint32_t)a, (uint32_t)b };
    return true;
}

/* Hex digits only, an even or fixed number of them; absent or empty is fine unless length. */
static bool hex_of(const json_t *o, const char *key, size_t length, char *out, size_t cap)
{
    const json_t *v = json_object_get(o, key);
    const char *s = json_string_value(v);
    out[0] = '\0';
    if (!v || json_is_null(v))
        return length == 0;
    size_t n = s ? strlen(s) : 0;
    if (!s || n >= cap || (length && n != length) || strspn(s, "0123456789abcdefABCDEF") != n)
        return false;
    memcpy(out, s, n + 1);
    return true;
}

static bkf_status holes_of(const char *name, const json_t *list, struct sidecar *out,
                           bkf_error *err)
{
    size_t n = json_array_size(list);
    uint32_t last = out->range.start;
    if (!json_is_array(list) || n > HOLES_MAX)
        return bad(name, err, "'holes' is not a list of ranges");
    out->holes = n ? calloc(n, sizeof *out->holes) : NULL;
    if (n && !out->holes)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        bkf_range r;
        if (!range_of(json_array_get(list, i), &r) || r.start < last || r.end > out->range.end)
            return bad(name, err, "'holes' do not lie in order inside 'range'");
        out->holes[out->n_holes++] = r;
        last = r.end;
    }
    return BKF_OK;
}

/* Bytes of a sidecar's proof, each kind counted once; absent = 0, as in an older sidecar. */
static bool proof_of(const json_t *proof, uint64_t *bytes)
{
    static const char *const kinds[] = { "bytes_by_device_crc", "bytes_by_second_read",
                                         "bytes_by_block_crc" };
    *bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *n = json_object_get(proof, kinds[i]);
        if (n && (!json_is_integer(n) || json_integer_value(n) < 0 ||
                  json_integer_value(n) > UINT32_MAX))
            return false;
        *bytes += (uint64_t)json_integer_value(n);
    }
    return !proof || json_is_object(proof);
}

/* A text that need not be there, cut where it is too long. */
static void text_of(const json_t *o, const char *key, char *out, size_t cap)
{
    const char *s = json_string_value(json_object_get(o, key));
    snprintf(out, cap, "%s", s ? s : "");
}

static bkf_status facts_of(const char *name, const json_t *doc, struct sidecar *out, bkf_error *err)
{
    const json_t *flash = json_object_get(doc, "flash");
    json_int_t api = json_integer_value(json_object_get(doc, "api"));
    if (!json_is_object(doc) || api < 1)
        return bad(name, err, "it is no sidecar of a dump ('api' is missing)");
    if (api > BKF_API_VERSION)
        return error_set(err, BKF_E_FILE,
                         "%s: written by a newer bkflash (api %" JSON_INTEGER_FORMAT
                         ", this one reads %d): use that one",
                         name, api, BKF_API_VERSION);
    if (!range_of(json_object_get(doc, "range"), &out->range))
        return bad(name, err, "'range' is missing or no range of flash offsets");
    if (!hex_of(doc, "sha256", 64, out->sha256, sizeof out->sha256))
        return bad(name, err, "'sha256' is missing or not 64 hex digits");
    for (char *c = out->sha256; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (!proof_of(json_object_get(doc, "proof"), &out->proven_bytes))
        return bad(name, err, "'proof' does not say how many bytes were proven");
    text_of(json_object_get(doc, "chip"), "name", out->chip, sizeof out->chip);
    text_of(doc, "hole_reason", out->hole_reason, sizeof out->hole_reason);
    if (flash && !json_is_object(flash))
        return bad(name, err, "'flash' is no object");
    if (!hex_of(flash, "jedec", 0, out->jedec, sizeof out->jedec))
        return bad(name, err, "'flash.jedec' is no JEDEC id");
    if (!hex_of(flash, "unique_id", 0, out->unique_id, sizeof out->unique_id))
        return bad(name, err, "'flash.unique_id' is not in hex");
    if (!hex_of(doc, "mac", json_object_get(doc, "mac") ? 12 : 0, out->mac, sizeof out->mac))
        return bad(name, err, "'mac' is not twelve hex digits");
    return holes_of(name, json_object_get(doc, "holes"), out, err);
}

bkf_status sidecar_parse(const char *name, const uint8_t *text, size_t len, struct sidecar *out,
                         bkf_error *err)
{
    json_error_t where;
    *out = (struct sidecar){ 0 };
    json_t *doc = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, &where);
    if (!doc)
        return error_set(err, BKF_E_FILE, "%s:%d: %s", name, where.line, where.text);
    bkf_status st = facts_of(name, doc, out, err);
    json_decref(doc);
    if (st)
        sidecar_free(out);
    return st;
}

bkf_status sidecar_load(const char *path, struct sidecar *out, bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    uint8_t *text = NULL;
    size_t len = 0;
    *out = (struct sidecar){ 0 };
    strbuf_addf(&sb, "%s.json", path);
    char *side = strbuf_take(&sb);
    if (!side)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    bkf_status st = file_read(side, TEXT_MAX, &text, &len, err);
    if (st)
        error_append(err, "; a backup is only worth something with its sidecar; to write a bare "
                          "image use: write --at OFFSET FILE");
    else
        st = sidecar_parse(side, text, len, out, err);
    free(text);
    free(side);
    return st;
}

bool sidecar_proven(const struct sidecar *s)
{
    uint64_t bytes = range_len(s->range);
    for (size_t i = 0; i < s->n_holes; i++)
        bytes -= range_len(s->holes[i]);
    return s->proven_bytes >= bytes;
}

void sidecar_free(struct sidecar *s)
{
    free(s->holes);
    *s = (struct sidecar){ 0 };
}
