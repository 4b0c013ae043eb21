/* Facts as JSON. */
#include "bytes.h"
#include "inspect.h"
#include "redact.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *text(const char *s)
{
    /* what is read from flash may be anything */
    json_t *v = json_string(s);
    return v ? v : json_string_nocheck("?");
}

static json_t *hex(const char *fmt, uint32_t v)
{
    char buf[16];
    snprintf(buf, sizeof buf, fmt, v);
    return json_string(buf);
}

static json_t *offset(uint32_t v)
{
    return v == IMAGE_NOWHERE ? json_null() : hex("0x%x", v);
}

static json_t *bytes_hex(const uint8_t *p, size_t n)
{
    char buf[2 * 64 + 1] = "";
    for (size_t i = 0; i < n && i < 64; i++)
        snprintf(buf + 2 * i, 3, "%02x", p[i]);
    return json_string(buf);
}

static json_t *key_json(const struct code_key *k, bool show)
{
    json_t *o = json_object();
    json_object_set_new(o, "state", json_string(key_state_text(k->state)));
    json_object_set_new(o, "name", k->name ? json_string(k->name) : json_null());
    json_object_set_new(o, "score", json_integer(k->score));
    if (k->state != KEY_UNKNOWN && (k->name || show)) {
        char buf[40];
        snprintf(buf, sizeof buf, "%08x %08x %08x %08x", k->key.c[0], k->key.c[1], k->key.c[2],
                 k->key.c[3]);
        json_object_set_new(o, "words", json_string(buf));
    }
    return o;
}

json_t *inspect_boot_json(const struct bootloader *b, bool show)
{
    json_t *o = json_object(), *at = json_array();
    json_object_set_new(o, "present", json_boolean(b->present));
    json_object_set_new(o, "bootloader_key",
                        b->key.name                   ? json_string(b->key.name)
                        : b->key.state == KEY_UNKNOWN ? json_null()
                                                      : json_string(key_state_text(b->key.state)));
    json_object_set_new(o, "key", key_json(&b->key, show));
    json_object_set_new(o, "bootloader_version", b->version[0] ? text(b->version) : json_null());
    if (b->key.state != KEY_UNKNOWN) {
        json_object_set_new(o, "bootloader_plain_sha256", json_string(b->plain_sha256.text));
        json_object_set_new(o, "bootloader_first256_crc32_plain", hex("0x%08X", b->crc256_plain));
    }
    json_object_set_new(o, "bootloader_first256_crc32_phys", hex("0x%08X", b->crc256));
    json_object_set_new(o, "bootloader_first257_crc32_phys", hex("0x%08X", b->crc257));
    json_object_set_new(o, "known_as", b->fingerprint ? json_string(b->fingerprint) : json_null());
    for (size_t i = 0; i < b->n_key_at; i++)
        json_array_append_new(at, hex("0x%x", b->key_at[i]));
    json_object_set_new(o, "bootloader_key_words_at", at);
    json_object_set_new(o, "bootloader_0x100_raw", bytes_hex(b->marker, 8));
    json_object_set_new(o, "marker", b->marker_text[0] ? text(b->marker_text) : json_null());
    if (b->has_ota_keys) {
        bool usual = memcmp(&b->ota_keys, &rbl_default_keys, sizeof b->ota_keys) == 0;
        json_object_set_new(o, "ota_keys", json_string(usual ? "default" : "own"));
        if (usual || show) {
            json_object_set_new(o, "ota_aes_key", bytes_hex(b->ota_keys.key, 32));
            json_object_set_new(o, "ota_aes_iv", bytes_hex(b->ota_keys.iv, 16));
        }
    }
    return o;
}

static json_t *crc_json(const struct image_facts *f)
{
    json_t *o = json_object();
    json_object_set_new(o, "bootloader_leading_good_blocks",
                        json_integer((json_int_t)f->boot.leading_blocks));
    json_object_set_new(o, "bootloader_leading_end_phys", json_integer(f->boot.leading_end));
    json_object_set_new(o, "app_leading_good_blocks",
                        json_integer((json_int_t)f->app.leading_good));
    json_object_set_new(o, "app_leading_end_phys", json_integer(f->app.leading_end));
    return o;
}

static json_t *scores_json(const struct image_facts *f)
{
    json_t *o = json_object();
    for (size_t i = 0; i < crypt_known_count && i < KEYS_SHOWN; i++) {
        json_t *s = json_object();
        json_object_set_new(s, "bootloader_vectors", json_integer(f->boot.score[i]));
        json_object_set_new(s, "app_vectors", json_integer(f->app.score[i]));
        json_object_set_new(o, crypt_known_keys[i].name, s);
    }
    return o;
}

static json_t *fal_json(const struct fal_table *t)
{
    json_t *a = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct fal_entry *e = &t->entry[i];
        json_t *o = json_object();
        json_object_set_new(o, "view", json_string(e->decrypted ? "decrypted" : "stored"));
        json_object_set_new(o, "logical_offset", hex("0x%x", e->at));
        json_object_set_new(o, "name", text(e->name));
        json_object_set_new(o, "flash", text(e->flash));
        json_object_set_new(o, "offset", hex("0x%x", e->offset));
        json_object_set_new(o, "length", hex("0x%x", e->length));
        json_object_set_new(o, "crc", json_string(e->crc == FAL_CRC_ZERO ? "zero" : "ok"));
        json_object_set_new(o, "start", hex("0x%x", e->physical.start));
        json_object_set_new(o, "end", hex("0x%x", e->physical.end));
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *app_json(const struct image_facts *f, bool show)
{
    const struct app_facts *a = &f->app;
    json_t *o = json_object(), *s = json_array();
    json_object_set_new(o, "at", offset(a->at));
    json_object_set_new(o, "logical", offset(a->logical));
    json_object_set_new(o, "app_key", a->key.name ? json_string(a->key.name) : json_null());
    json_object_set_new(o, "key", key_json(&a->key, show));
    json_object_set_new(o, "blocks_good", json_integer((json_int_t)a->good));
    json_object_set_new(o, "blocks_erased", json_integer((json_int_t)a->erased));
    json_object_set_new(o, "blocks_bad", json_integer((json_int_t)a->bad));
    if (a->key.state != KEY_UNKNOWN) {
        json_object_set_new(o, "app_plain_len", json_integer((json_int_t)a->plain_len));
        json_object_set_new(o, "app_plain_sha256", json_string(a->plain_sha256.text));
    }
    for (size_t i = 0; i < f->n_strings; i++)
        json_array_append_new(s, text(f->string[i].text));
    json_object_set_new(o, "app_strings", s);
    if (a->true_len) {
        json_object_set_new(o, "vendor_tail_bytes", json_integer((json_int_t)a->vendor_tail));
        json_object_set_new(o, "true_app_len", json_integer((json_int_t)a->true_len));
    }
    struct strbuf params = STRBUF_INIT;
    if (f->params && kv_param_json(f->params, strlen(f->params), &params)) {
        json_t *v = json_loadb(params.data, params.len, 0, NULL);
        json_object_set_new(o, "app_upk_logical_offset", hex("0x%x", a->logical + f->params_at));
        json_object_set_new(o, "app_upk", v ? v : text(f->params));
    }
    strbuf_free(&params);
    return o;
}

static json_t *rbl_json(const struct rbl_fact *r, uint32_t base)
{
    const struct rbl_header *h = &r->found.header;
    json_t *o = json_object();
    json_object_set_new(o, "offset", hex("0x%x", (uint32_t)r->found.offset + base));
    json_object_set_new(o, "kind",
                        json_string(r->found.packed
                                        ? "in-flash (CRC-packed header at partition tail)"
                                        : "package (header first)"));
    json_object_set_new(o, "name", text(h->name));
    json_object_set_new(o, "version", text(h->version));
    json_object_set_new(o, "sn", text(h->serial));
    json_object_set_new(o, "algo", hex("0x%x", h->algo));
    json_object_set_new(o, "timestamp", json_integer(h->timestamp));
    json_object_set_new(o, "crc32", hex("0x%x", h->crc32));
    json_object_set_new(o, "hash", hex("0x%x", h->hash));
    json_object_set_new(o, "size_raw", json_integer(h->size_raw));
    json_object_set_new(o, "size_package", json_integer(h->size_package));
    json_object_set_new(o, "info_crc32", hex("0x%x", h->info_crc32));
    json_object_set_new(o, "info_crc_ok", json_true());
    if (!r->found.packed) {
        json_object_set_new(o, "package_crc_ok", json_boolean(r->package_ok));
        return o;
    }
    json_object_set_new(o, "partition_phys_start", hex("0x%x", r->partition.start));
    json_object_set_new(o, "partition_phys_size", hex("0x%x", range_len(r->partition)));
    json_object_set_new(o, "fnv1a_raw_ok", json_boolean(r->verdict.hash_ok));
    json_object_set_new(o, "fnv1a_plain_ok", json_boolean(r->hash_plain));
    json_object_set_new(o, "package_crc_ok",
                        r->verdict.package_ok < 0 ? json_null()
                                                  : json_boolean(r->verdict.package_ok));
    json_object_set_new(o, "bad_crc16_blocks_in_payload", json_integer((json_int_t)r->bad_blocks));
    return o;
}

json_t *inspect_rf_json(const struct rf_sector *rf, uint32_t base, bool show)
{
    json_t *o = json_object(), *entries = json_array();
    char buf[40];
    json_object_set_new(o, "offset", hex("0x%x", rf->offset + base));
    json_object_set_new(o, "total_len", json_integer(rf->length));
    json_object_set_new(o, "complete", json_boolean(rf->complete));
    if (rf->mac_at) {
        struct sha256_hex sha;
        sha256_of(rf->mac, 6, &sha);
        sha.text[16] = 0;
        json_object_set_new(o, "mac_at", hex("0x%x", rf->mac_at + base));
        snprintf(buf, sizeof buf, "%02x:%02x:%02x", rf->mac[0], rf->mac[1], rf->mac[2]);
        json_object_set_new(o, "mac_oui", json_string(buf));
        json_object_set_new(o, "mac_fixed_offset_matches", json_boolean(rf->mac_fixed));
        if (show) {
            snprintf(buf, sizeof buf, "%02x:%02x:%02x:%02x:%02x:%02x", rf->mac[0], rf->mac[1],
                     rf->mac[2], rf->mac[3], rf->mac[4], rf->mac[5]);
            json_object_set_new(o, "mac", json_string(buf));
            json_object_set_new(o, "mac_sha256", json_string(sha.text));
        }
    }
    for (size_t i = 0; i < rf->n; i++) {
        snprintf(buf, sizeof buf, "%s%08X:%u", rf->item[i].child ? "  " : "", rf->item[i].type,
                 rf->item[i].length);
        json_array_append_new(entries, json_string(buf));
    }
    json_object_set_new(o, "entries", entries);
    return o;
}

static json_t *entry_json(const struct kv_entry *e)
{
    json_t *o = json_object(), *parts = json_array();
    json_object_set_new(o, "length", json_integer(e->length));
    json_object_set_new(o, "element", json_integer(e->element));
    json_object_set_new(o, "index", json_pack("[i,i]", e->index_block, e->index_page));
    for (size_t i = 0; i < e->n_parts; i++)
        json_array_append_new(
            parts, json_pack("[i,i,i]", e->part[i].block, e->part[i].first, e->part[i].last));
    json_object_set_new(o, "parts", parts);
    json_object_set_new(o, "value_checksum", json_integer(e->checksum));
    json_object_set_new(o, "checksum_ok", json_boolean(e->checksum_ok));
    return o;
}

/* Text of a value when it is one, else hex; a NUL at the end is not shown. */
static json_t *value_json(const uint8_t *v, size_t n)
{
    while (n > 0 && v[n - 1] == 0)
        n--;
    if (n && (v[0] == '{' || v[0] == '[')) {
        json_t *s = json_stringn((const char *)v, n);
        if (s)
            return s;
    }
    struct strbuf sb = STRBUF_INIT;
    strbuf_add(&sb, "hex:", 4);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&sb, "%02x", v[i]);
    json_t *s = json_string(sb.data ? sb.data : "");
    strbuf_free(&sb);
    return s;
}

static json_t *values_json(const struct image_facts *f, bool all)
{
    json_t *o = json_object();
    for (size_t i = 0; i < f->kv->n_entries; i++) {
        const struct kv_entry *e = &f->kv->entry[i];
        uint8_t *v =
            all || secret_harmless(e->name) ? kv_value(f->data, f->data_len, f->kv, e) : NULL;
        if (v)
            json_object_set_new(o, e->name, value_json(v, e->length));
        free(v);
    }
    return o;
}

static json_t *kv_json(const struct image_facts *f, bool show)
{
    const struct kv_storage *kv = f->kv;
    json_t *o = json_object(), *blocks = json_array(), *live = json_object(),
           *entries = json_object();
    json_object_set_new(o, "key_block_offset", hex("0x%x", kv->key_block + f->base));
    json_object_set_new(o, "key_sum_ok", json_boolean(kv->key_sum_ok));
    if (kv->protected_block != UINT32_MAX)
        json_object_set_new(o, "protected_block_offset",
                            hex("0x%x", kv->protected_block + f->base));
    json_object_set_new(o, "data_magic", hex("0x%08X", kv->magic));
    json_object_set_new(o, "n_physical_blocks", json_integer((json_int_t)kv->n_blocks));
    json_object_set_new(o, "n_bad_blocks", json_integer((json_int_t)kv->bad_blocks));
    for (size_t i = 0; i < kv->n_blocks; i++) {
        const struct kv_block *b = &kv->block[i];
        json_t *row = json_object();
        char id[8];
        json_object_set_new(row, "offset", hex("0x%x", b->offset + f->base));
        json_object_set_new(row, "block_id", json_integer(b->id));
        json_object_set_new(row, "generation", json_integer(b->generation));
        json_object_set_new(row, "map_size", json_integer(b->map_size));
        json_array_append_new(blocks, row);
        snprintf(id, sizeof id, "%u", b->id);
        if (b->live)
            json_object_set_new(live, id, hex("0x%x", b->offset + f->base));
    }
    json_object_set_new(o, "blocks", blocks);
    json_object_set_new(o, "live_block_offset_by_id", live);
    json_object_set_new(o, "n_keys", json_integer((json_int_t)kv->n_entries));
    for (size_t i = 0; i < kv->n_entries; i++)
        json_object_set_new(entries, kv->entry[i].name, entry_json(&kv->entry[i]));
    json_object_set_new(o, "entries", entries);
    json_object_set_new(o, "non_secret_values", values_json(f, false));
    if (show) {
        json_object_set_new(o, "values", values_json(f, true));
        json_object_set_new(o, "inner_key", bytes_hex(kv->inner, 16));
    }
    return o;
}

static json_t *slot_json(const struct ota_slot *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "name", text(s->part->name));
    json_object_set_new(o, "start", hex("0x%x", s->part->range.start));
    json_object_set_new(o, "end", hex("0x%x", s->part->range.end));
    json_object_set_new(o, "verified", json_boolean(s->verified));
    json_object_set_new(o, "reason", text(s->reason));
    json_object_set_new(o, "blocks_good", json_integer((json_int_t)s->good));
    json_object_set_new(o, "blocks_erased", json_integer((json_int_t)s->erased));
    json_object_set_new(o, "blocks_bad", json_integer((json_int_t)s->bad));
    json_object_set_new(o, "code_end", hex("0x%x", s->code_end));
    json_object_set_new(o, "vectors", json_integer(s->key.score));
    json_object_set_new(o, "logical",
                        s->key.state == KEY_UNKNOWN ? json_null() : hex("0x%x", s->base));
    return o;
}

static json_t *ota_json(const struct image_facts *f)
{
    const struct ota_state *s = &f->ota;
    json_t *o = json_object();
    json_object_set_new(o, "meta", hex("0x%x", s->meta.start));
    json_object_set_new(o, "magic", hex("0x%08x", s->magic));
    json_object_set_new(o, "magic_ok", json_boolean(s->magic_ok));
    json_object_set_new(o, "meta_blank", json_boolean(s->meta_blank));
    json_object_set_new(o, "raw", bytes_hex(f->data + s->meta.start, 64));
    json_object_set_new(o, "active", json_null()); /* which field tells is not publicly known */
    json_object_set_new(o, "slots",
                        json_pack("[o,o]", slot_json(&s->slot[0]), slot_json(&s->slot[1])));
    return o;
}

static json_t *parts_json(const struct image_facts *f)
{
    static const char *const domains[] = { "raw", "crc", "unknown" };
    json_t *a = json_array();
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct part_fact *s = &f->part[i];
        json_t *o = json_object();
        json_object_set_new(o, "name", text(s->part->name));
        json_object_set_new(o, "start", hex("0x%x", s->part->range.start));
        json_object_set_new(o, "end", hex("0x%x", s->part->range.end));
        json_object_set_new(o, "domain", json_string(domains[s->part->domain]));
        json_object_set_new(o, "present", json_boolean(!s->outside));
        json_object_set_new(o, "blank", json_boolean(s->blank));
        json_object_set_new(o, "entropy", json_real((double)(int)(s->entropy * 1000) / 1000));
        if (s->part->domain == DOMAIN_CRC) {
            json_object_set_new(o, "blocks_good", json_integer((json_int_t)s->good));
            json_object_set_new(o, "blocks_erased", json_integer((json_int_t)s->erased));
            json_object_set_new(o, "blocks_bad", json_integer((json_int_t)s->bad));
            json_object_set_new(o, "first_bad", offset(s->first_bad));
            json_object_set_new(o, "key_differs", json_boolean(s->key_differs));
        }
        json_array_append_new(a, o);
    }
    return a;
}

json_t *inspect_claims_json(const struct image_facts *f)
{
    json_t *claims = json_array();
    for (size_t i = 0; i < f->n_claims; i++) {
        const struct claim *c = &f->claim[i];
        json_array_append_new(claims,
                              json_pack("{s:o,s:o,s:s,s:o}", "what", text(c->what), "value",
                                        text(c->value), "confidence", confidence_text(c->sure),
                                        "evidence", text(c->evidence)));
    }
    return claims;
}

static void lists_json(const struct image_facts *f, json_t *o, bool show)
{
    json_t *rbl = json_array(), *rf = json_array(), *obk = json_array(), *net = json_array();
    json_t *damage = json_array();
    for (size_t i = 0; i < f->n_rbl; i++)
        json_array_append_new(rbl, rbl_json(&f->rbl[i], f->base));
    for (size_t i = 0; i < f->n_rf; i++)
        json_array_append_new(rf, inspect_rf_json(&f->rf[i], f->base, show));
    for (size_t i = 0; i < f->n_net; i++)
        json_array_append_new(net, json_pack("{s:o,s:i}", "offset",
                                             hex("0x%x", f->net[i].offset + f->base), "items",
                                             (int)f->net[i].n));
    for (size_t i = 0; i < f->n_obk; i++)
        json_array_append_new(obk, json_pack("{s:o,s:i,s:b}", "offset",
                                             hex("0x%x", f->obk[i].offset + f->base), "version",
                                             (int)f->obk[i].version, "crc_ok", f->obk[i].crc_ok));
    for (size_t i = 0; i < f->n_damage; i++)
        json_array_append_new(damage, text(f->damage[i]));
    json_object_set_new(o, "rbl", rbl);
    json_object_set_new(o, "rf_tlv", rf);
    json_object_set_new(o, "net_param", net);
    json_object_set_new(o, "obk_cfg", obk);
    json_object_set_new(o, "claims", inspect_claims_json(f));
    json_object_set_new(o, "damage", damage);
}

json_t *inspect_json(const struct image_facts *f, bool show)
{
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string(image_kind_name(f->kind)));
    json_object_set_new(o, "title", json_string(image_kind_title(f->kind)));
    json_object_set_new(o, "size", json_integer((json_int_t)f->size));
    json_object_set_new(o, "sha256", json_string(f->sha256.text));
    json_object_set_new(o, "base", hex("0x%x", f->base));
    json_object_set_new(o, "write_at", offset(f->write_at));
    json_object_set_new(o, "wrapped_at", f->turned ? hex("0x%x", f->turned) : json_null());
    json_object_set_new(o, "profile", f->layout ? text(f->layout->name) : json_null());
    json_object_set_new(o, "boot", inspect_boot_json(&f->boot, show));
    json_object_set_new(o, "crc16", crc_json(f));
    json_object_set_new(o, "key_trial_vector_score_of_8", scores_json(f));
    json_object_set_new(o, "fal_table", fal_json(&f->boot.fal));
    json_object_set_new(o, "app", f->app.present ? app_json(f, show) : json_null());
    json_object_set_new(o, "ota", f->ota.present ? ota_json(f) : json_null());
    json_object_set_new(o, "kv_full", f->kv ? kv_json(f, show) : json_null());
    json_object_set_new(o, "partitions", parts_json(f));
    if (f->kind == KIND_UG)
        json_object_set_new(o, "ug",
                            json_pack("{s:o,s:i,s:b,s:b}", "version", text(f->ug.version), "length",
                                      (int)f->ug.length, "header_ok", f->ug.header_ok, "payload_ok",
                                      f->ug.payload_ok));
    if (f->kind == KIND_UF2)
        json_object_set_new(o, "uf2",
                            json_pack("{s:i,s:o,s:o,s:o,s:o}", "blocks", (int)f->uf2.blocks,
                                      "family", hex("0x%08x", f->uf2.family), "board",
                                      text(f->uf2.board), "firmware", text(f->uf2.firmware),
                                      "version", text(f->uf2.version)));
    lists_json(f, o, show);
    return o;
}
