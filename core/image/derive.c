/* Files that an extraction adds for people: unpacked containers, readable storage. */
#include "bytes.h"
#include "extract.h"
#include <stdio.h>
#include <stdlib.h>

bkf_status derived_put(struct extraction *x, const char *name, const char *from, const char *how,
                       const uint8_t *p, size_t n, bkf_error *err)
{
    json_array_append_new(x->derived,
                          json_pack("{s:s,s:s,s:s}", "file", name, "from", from, "how", how));
    return x->put(x->ud, name, p, n, err);
}

static const struct rbl_keys *ota_keys(const struct image_facts *f)
{
    return f->boot.has_ota_keys ? &f->boot.ota_keys : &rbl_default_keys;
}

/* A name from flash that may go into a file name. */
static void safe_name(char *out, size_t cap, const char *text)
{
    size_t i = 0;
    for (; text[i] && i + 1 < cap; i++) {
        char c = text[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out[i] = ok ? c : '_';
    }
    out[i] = 0;
}

static bkf_status package(struct extraction *x, const struct rbl_fact *r, bkf_error *err)
{
    const struct image_facts *f = x->f;
    char name[64], part[24], from[32], how[128];
    struct rbl_header h;
    uint8_t *raw;
    size_t at = r->found.offset;
    bkf_error why = BKF_ERROR_INIT;
    snprintf(from, sizeof from, "0x%x", (uint32_t)(at + f->base));
    if (rbl_unpack(f->data + at, f->data_len - at, ota_keys(f), &h, &raw, &why)) {
        json_array_append_new(x->derived,
                              json_pack("{s:n,s:s,s:s}", "file", "from", from, "how", why.message));
        return BKF_OK;
    }
    safe_name(part, sizeof part, h.name);
    snprintf(name, sizeof name, "rbl_%06x_%s.bin", (uint32_t)(at + f->base), part);
    snprintf(how, sizeof how, "RBL %s unpacked, algorithm 0x%x%s%s", h.version, h.algo,
             h.algo & RBL_CRYPT_AES256 ? ", AES-256-CBC" : "",
             h.algo & RBL_COMP_GZIP ? ", gzip" : "");
    bkf_status st = derived_put(x, name, from, how, raw, h.size_raw, err);
    free(raw);
    return st;
}

static bkf_status storage(struct extraction *x, bkf_error *err)
{
    json_t *facts = inspect_json(x->f, x->show_secrets), *kv = json_object_get(facts, "kv_full");
    char from[32];
    snprintf(from, sizeof from, "0x%x", x->f->kv->key_block + x->f->base);
    char *text = json_dumps(kv, JSON_INDENT(1));
    json_decref(facts);
    if (!text)
        return error_set(err, BKF_E_NOMEM, "no memory for the storage");
    bkf_status st = derived_put(x, "storage.json", from,
                                x->show_secrets ? "key-value storage, decrypted, secrets shown"
                                                : "key-value storage, decrypted, secrets left out",
                                (const uint8_t *)text, strlen(text), err);
    free(text);
    return st;
}

static bkf_status partitions_of_uf2(struct extraction *x, bkf_error *err)
{
    const struct image_facts *f = x->f;
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < f->uf2.n_parts && !st; i++) {
        char name[64], part[24];
        uint8_t *out;
        size_t len;
        if (uf2_extract(f->data, f->data_len, UF2_FLASHER_SINGLE, f->uf2.parts[i], &out, &len,
                        NULL))
            continue;
        safe_name(part, sizeof part, f->uf2.parts[i]);
        snprintf(name, sizeof name, "uf2_%s.bin", part);
        st = derived_put(x, name, "image.bin", "UF2 blocks for this partition, gaps filled with FF",
                         out, len, err);
        free(out);
    }
    return st;
}

bkf_status derive_files(struct extraction *x, bkf_error *err)
{
    const struct image_facts *f = x->f;
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < f->n_rbl && !st; i++)
        if (!f->rbl[i].found.packed)
            st = package(x, &f->rbl[i], err);
    if (!st && f->kv)
        st = storage(x, err);
    if (!st && f->kind == KIND_UF2)
        st = partitions_of_uf2(x, err);
    return st;
}
