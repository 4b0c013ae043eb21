/* A copy that is safe to post: structures first, then every copy of their values in raw bytes,
 * in deciphered code and inside OTA packages. */
#include "redact.h"
#include "bytes.h"
#include "crc34.h"
#include <stdio.h>
#include <stdlib.h>

void redact_note(struct redact_report *r, uint32_t offset, size_t length, const char *fmt, ...)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 32;
        struct redaction *grown = realloc(r->item, cap * sizeof *grown);
        if (!grown) {
            r->failed = true;
            return;
        }
        r->item = grown;
        r->cap = cap;
    }
    struct redaction *item = &r->item[r->n++];
    va_list ap;
    item->offset = offset;
    item->length = (uint32_t)length;
    va_start(ap, fmt);
    vsnprintf(item->what, sizeof item->what, fmt, ap);
    va_end(ap);
}

void redact_report_free(struct redact_report *r)
{
    free(r->item);
    *r = (struct redact_report){ 0 };
}

struct pass {
    const struct image_facts *f;
    struct secret_list *secrets;
    struct redact_report *report;
    uint8_t *data;   /* flash order */
    uint32_t offset; /* flash offset of what is being searched */
    bool code;       /* searched bytes are code: offsets count without CRC bytes */
    const char *place;
};

static void note_hit(void *ud, const struct secret *s, const char *form, size_t at, size_t n)
{
    struct pass *p = ud;
    uint32_t where =
        p->offset + (uint32_t)(p->code ? at / CRC34_DATA * CRC34_BLOCK + at % CRC34_DATA : at);
    redact_note(p->report, where, p->code ? n + 2 : n, "%s, %s%s", s->what, form, p->place);
}

static void blank_at(struct pass *p, size_t at, size_t n, uint8_t fill, const char *what)
{
    memset(p->data + at, fill, n);
    redact_note(p->report, p->f->base + (uint32_t)at, n, "%s", what);
}

/* The last three bytes of a MAC; the first three name the maker. */
static void sectors(struct pass *p)
{
    const struct image_facts *f = p->f;
    for (size_t i = 0; i < f->n_rf; i++)
        if (f->rf[i].mac_at)
            blank_at(p, f->rf[i].mac_at + 3, 3, 0, "MAC in calibration, last three bytes");
    for (size_t i = 0; i < f->n_net; i++)
        for (size_t k = 0; k < f->net[i].n; k++) {
            const struct tlv_item *t = &f->net[i].item[k];
            if (t->type == 0x55555555u)
                blank_at(p, t->offset, t->length, 0, "SSID and key in network parameters");
            if (t->type == 0x44444444u && t->length >= 6)
                blank_at(p, t->offset + 3, 3, 0, "MAC in network parameters, last three bytes");
            if (t->type == 0x66666666u)
                blank_at(p, t->offset, t->length, 0, "addresses in network parameters");
        }
    for (size_t i = 0; i < f->n_obk; i++) {
        const struct obk_config *cfg = &f->obk[i];
        uint8_t *c = p->data + cfg->offset;
        for (size_t k = 0; k < obk_secret_count; k++)
            blank_at(p, cfg->offset + obk_secret_fields[k].offset, obk_secret_fields[k].size, 0,
                     obk_secret_fields[k].name);
        if (cfg->crc_ok)
            c[3] = obk_crc8(c + 4, cfg->length - 4);
    }
}

/* -- code: search deciphered, seal again only the blocks that changed ------------------ */
static void code_region(struct pass *p, bkf_range r, const struct code_key *key, uint32_t logical,
                        uint8_t *plain, uint8_t *before)
{
    uint8_t *flash = p->data + (r.start - p->f->base);
    size_t n = crc34_strip(flash, range_len(r), plain);
    crypt_run(&key->key, logical, plain, plain, n);
    memcpy(before, plain, n);
    p->offset = r.start;
    p->code = true;
    p->place = " in deciphered code";
    secrets_blank(p->secrets, plain, n, note_hit, p);
    for (size_t i = 0; i < n; i += CRC34_DATA) {
        uint8_t *block = flash + i / CRC34_DATA * CRC34_BLOCK, data[CRC34_DATA];
        if (memcmp(plain + i, before + i, CRC34_DATA) == 0 || crc34_check(block) != CRC34_GOOD)
            continue;
        crypt_run(&key->key, logical + (uint32_t)i, plain + i, data, CRC34_DATA);
        crc34_pack(data, CRC34_DATA, block);
    }
    p->code = false;
}

struct code_place {
    bkf_range range;
    uint32_t logical;
    const struct code_key *key;
};

static size_t code_places(const struct image_facts *f, struct code_place out[4])
{
    size_t n = 0;
    uint32_t end = f->base + (uint32_t)f->data_len;
    if (f->boot.key.state != KEY_UNKNOWN)
        out[n++] = (struct code_place){ { 0, f->boot.leading_end }, 0, &f->boot.key };
    if (f->app.present && f->app.key.state != KEY_UNKNOWN)
        out[n++] = (struct code_place){ { f->app.at, f->app.end }, f->app.logical, &f->app.key };
    for (size_t i = 0; f->ota.present && i < 2; i++) {
        const struct ota_slot *s = &f->ota.slot[i];
        if (s->key.state != KEY_UNKNOWN && s->part->range.start != f->app.at)
            out[n++] = (struct code_place){ s->part->range, s->base, &s->key };
    }
    for (size_t i = 0; i < n; i++)
        out[i].range.end = out[i].range.end < end ? out[i].range.end : end;
    return n;
}

static bool code(struct pass *p)
{
    struct code_place place[4];
    size_t n = code_places(p->f, place);
    for (size_t i = 0; i < n; i++) {
        size_t len = range_len(place[i].range) / CRC34_BLOCK * CRC34_DATA + 1;
        uint8_t *plain = malloc(len), *before = malloc(len);
        if (plain && before)
            code_region(p, place[i].range, place[i].key, place[i].logical, plain, before);
        free(plain);
        free(before);
        if (!plain || !before)
            return false;
    }
    return true;
}

/* -- OTA packages ---------------------------------------------------------------------- */
static void package(struct pass *p, size_t at, uint32_t old_len)
{
    const struct image_facts *f = p->f;
    const struct rbl_keys *keys = f->boot.has_ota_keys ? &f->boot.ota_keys : &rbl_default_keys;
    struct rbl_header h;
    uint8_t *raw, *again = NULL;
    size_t len = 0;
    if (rbl_unpack(f->data + at, f->data_len - at, keys, &h, &raw, NULL))
        return; /* what cannot be opened is searched as raw bytes only */
    secrets_from_text(p->secrets, "OTA package", raw, h.size_raw, true);
    if (secrets_blank(p->secrets, raw, h.size_raw, NULL, NULL)) {
        bool fits =
            rbl_pack(raw, h.size_raw, &h, keys, &again, &len, NULL) == BKF_OK && len <= old_len;
        memset(p->data + at, 0xFF, old_len);
        if (fits)
            memcpy(p->data + at, again, len);
        redact_note(p->report, f->base + (uint32_t)at, old_len,
                    "secrets inside the OTA package: %s",
                    fits ? "blanked and packed again" : "erased, it would not fit packed again");
    }
    free(again);
    free(raw);
}

static void packages(struct pass *p)
{
    for (size_t i = 0; i < p->f->n_rbl; i++) {
        const struct rbl_found *r = &p->f->rbl[i].found;
        uint64_t len = (uint64_t)RBL_HEADER + r->header.size_package;
        if (!r->packed && len <= p->f->data_len - r->offset)
            package(p, r->offset, (uint32_t)len);
    }
}

/* A hit inside code with good CRCs was dealt with there; here a raw search must not break a
 * block, so it goes around the code. */
static void raw(struct pass *p)
{
    struct code_place place[4];
    size_t n = code_places(p->f, place), done = p->f->base, end = p->f->base + p->f->data_len;
    p->place = "";
    for (size_t i = 0; i <= n; i++) {
        uint32_t stop = i < n ? place[i].range.start : (uint32_t)end;
        if (stop > done) {
            p->offset = (uint32_t)done;
            secrets_blank(p->secrets, p->data + (done - p->f->base), stop - done, note_hit, p);
        }
        if (i < n && place[i].range.end > done)
            done = place[i].range.end;
    }
}

static bool run(struct pass *p)
{
    packages(p);
    bool ok = code(p);
    sectors(p); /* first, so that the maker's half of a MAC stays where it is */
    raw(p);
    if (ok && p->f->kv)
        ok = redact_storage(p->f, p->secrets, p->data, p->report);
    return ok && !p->report->failed && !p->secrets->failed;
}

/* Report offsets are those of the file, also when it is turned. */
static void file_offsets(const struct image_facts *f, struct redact_report *r)
{
    for (size_t i = 0; i < r->n; i++)
        r->item[i].offset = (uint32_t)((r->item[i].offset - f->base + f->turned) % f->size);
}

bkf_status redact_image(const struct image_facts *f, uint8_t **out, struct redact_report *r,
                        bkf_error *err)
{
    struct secret_list secrets = { 0 };
    *out = NULL;
    *r = (struct redact_report){ 0 };
    if (f->size == 0)
        return error_set(err, BKF_E_IMAGE, "the file is empty");
    uint8_t *copy = malloc(f->size);
    struct pass p = {
        .f = f, .secrets = &secrets, .report = r, .data = malloc(f->size), .place = ""
    };
    bool ok = copy && p.data;
    if (ok) {
        memcpy(p.data, f->data, f->size);
        secrets_collect(f, &secrets);
        ok = run(&p);
        file_offsets(f, r);
        size_t head = f->size - f->turned; /* back into the order of the file */
        memcpy(copy + f->turned, p.data, head);
        memcpy(copy, p.data + head, f->turned);
    }
    secrets_free(&secrets);
    free(p.data);
    if (!ok) {
        free(copy);
        redact_report_free(r);
        return error_set(err, BKF_E_NOMEM, "no memory to redact %zu bytes", f->size);
    }
    *out = copy;
    return BKF_OK;
}

json_t *redact_json(const struct redact_report *r)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(a,
                              json_pack("{s:i,s:i,s:s}", "offset", (int)r->item[i].offset, "length",
                                        (int)r->item[i].length, "what", r->item[i].what));
    return a;
}
