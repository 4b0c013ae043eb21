/* Facts for people. */
#include "bytes.h"
#include "inspect.h"
#include <stdio.h>
#include <stdlib.h>

static void row(struct strbuf *out, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void row(struct strbuf *out, const char *name, const char *fmt, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    strbuf_addf(out, "  %-11s %s\n", name, line);
}

static void claims(const struct image_facts *f, struct strbuf *out)
{
    strbuf_addf(out, "%s, %zu bytes, sha256 %s\n", image_kind_title(f->kind), f->size,
                f->sha256.text);
    for (size_t i = 0; i < f->n_claims; i++) {
        const struct claim *c = &f->claim[i];
        row(out, c->what, "%s  (%s: %s)", c->value, confidence_text(c->sure), c->evidence);
    }
}

static void code(const struct image_facts *f, struct strbuf *out)
{
    const struct bootloader *b = &f->boot;
    if (b->present)
        row(out, "bootloader", "%s%s%s, %zu good blocks, code to 0x%x",
            b->version[0] ? b->version : "no version text", b->fingerprint ? ", known as " : "",
            b->fingerprint ? b->fingerprint : "", b->leading_blocks, b->leading_end);
    for (size_t i = 0; i < b->fal.n; i++) {
        const struct fal_entry *e = &b->fal.entry[i];
        row(out, i ? "" : "table", "%-10s 0x%06x..0x%06x on %s, entry CRC %s", e->name,
            e->physical.start, e->physical.end, e->flash,
            e->crc == FAL_CRC_OK ? "right" : "not used");
    }
    if (f->app.present)
        row(out, "program", "at 0x%x, %zu good blocks to 0x%x, then %zu erased and %zu bad in all",
            f->app.at, f->app.leading_good, f->app.leading_end, f->app.erased, f->app.bad);
    for (size_t i = 0; i < f->n_strings; i++)
        row(out, "text", "%s", f->string[i].text);
}

static void partitions(const struct image_facts *f, struct strbuf *out)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct part_fact *s = &f->part[i];
        char state[96];
        if (s->outside)
            snprintf(state, sizeof state, "not in this file");
        else if (s->blank)
            snprintf(state, sizeof state, "erased");
        else if (s->part->domain != DOMAIN_CRC)
            snprintf(state, sizeof state, "data, %.2f bits a byte", s->entropy);
        else if (s->bad)
            snprintf(state, sizeof state, "CRC breaks at 0x%x: %zu good, %zu bad, %zu erased",
                     s->first_bad, s->good, s->bad, s->erased);
        else
            snprintf(state, sizeof state, "CRC all right: %zu good, %zu erased", s->good,
                     s->erased);
        row(out, i ? "" : "partitions", "%-12s 0x%06x..0x%06x %s", s->part->name,
            s->part->range.start, s->part->range.end, state);
    }
}

static void containers(const struct image_facts *f, struct strbuf *out)
{
    for (size_t i = 0; i < f->n_rbl; i++) {
        const struct rbl_fact *r = &f->rbl[i];
        const struct rbl_header *h = &r->found.header;
        const char *state = !r->found.packed
                                ? (r->package_ok ? "package CRC right" : "package damaged")
                            : r->verdict.hash_ok ? "hash right"
                            : r->hash_plain      ? "hash right over deciphered bytes"
                                                 : "hash wrong";
        row(out, "RBL", "%s %s at 0x%x, algorithm 0x%x, %u raw, %u packed: %s", h->name, h->version,
            (uint32_t)r->found.offset + f->base, h->algo, h->size_raw, h->size_package, state);
    }
}

static void data(const struct image_facts *f, bool show, struct strbuf *out)
{
    for (size_t i = 0; i < f->n_rf; i++) {
        const struct rf_sector *rf = &f->rf[i];
        char mac[32] = "no MAC";
        if (rf->mac_at && show)
            snprintf(mac, sizeof mac, "MAC %02x:%02x:%02x:%02x:%02x:%02x", rf->mac[0], rf->mac[1],
                     rf->mac[2], rf->mac[3], rf->mac[4], rf->mac[5]);
        else if (rf->mac_at)
            snprintf(mac, sizeof mac, "MAC %02x:%02x:%02x:xx:xx:xx", rf->mac[0], rf->mac[1],
                     rf->mac[2]);
        row(out, "RF", "calibration at 0x%x, %u bytes, %s", rf->offset + f->base, rf->length, mac);
    }
    for (size_t i = 0; i < f->n_obk; i++)
        row(out, "config", "OpenBeken configuration %u at 0x%x, CRC %s", f->obk[i].version,
            f->obk[i].offset + f->base, f->obk[i].crc_ok ? "right" : "wrong");
    if (!f->kv)
        return;
    row(out, "storage", "key block at 0x%x, %zu blocks, %zu values%s", f->kv->key_block + f->base,
        f->kv->n_blocks, f->kv->n_entries, show ? "" : " (hidden; --show-secrets shows them)");
    for (size_t i = 0; i < f->kv->n_entries; i++) {
        const struct kv_entry *e = &f->kv->entry[i];
        uint8_t *v = show ? kv_value(f->data, f->data_len, f->kv, e) : NULL;
        char text[200] = "";
        if (v)
            field_text(text, sizeof text, v, e->length);
        row(out, "", "%-16s %5u bytes, %s%s%s", e->name, e->length,
            e->checksum_ok ? "sum right" : "DAMAGED", v ? ": " : "", text);
        free(v);
    }
}

static void slots(const struct image_facts *f, struct strbuf *out)
{
    if (!f->ota.present)
        return;
    row(out, "OTA", "metadata at 0x%x: 0x%08x, %s; its other fields are not publicly known",
        f->ota.meta.start, f->ota.magic,
        f->ota.magic_ok     ? "the known magic"
        : f->ota.meta_blank ? "erased"
                            : "not the known magic");
    for (size_t i = 0; i < 2; i++) {
        const struct ota_slot *s = &f->ota.slot[i];
        row(out, "", "%s 0x%x: %s, %s", s->part->name, s->part->range.start,
            s->verified ? "verifies" : "would not boot", s->reason);
    }
}

void inspect_text(const struct image_facts *f, bool show, struct strbuf *out)
{
    claims(f, out);
    code(f, out);
    partitions(f, out);
    containers(f, out);
    slots(f, out);
    data(f, show, out);
    for (size_t i = 0; i < f->n_damage; i++)
        row(out, i ? "" : "damage", "%s", f->damage[i]);
    if (f->damage_total > f->n_damage)
        row(out, "", "and %zu more", f->damage_total - f->n_damage);
}
