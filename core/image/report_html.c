/* The report page: summary, map to scale, findings, tables. */
#include "report_html.h"
#include "bytes.h"
#include "crc34.h"
#include "redact.h"
#include "report_map.h"
#include <stdio.h>
#include <stdlib.h>

enum { RANGES_SHOWN = 40 };

static const char style[] =
    ":root{color-scheme:light "
    "dark;--bg:#fff;--fg:#1d232a;--dim:#5b6570;--line:#d5dae0;--card:#f6f7f9;"
    "--boot:#7a5cd6;--code:#2f6fd0;--code2:#1e9a8b;--data:#c07a1c;--keys:#b8445f;--none:#e7eaee;"
    "--ok:#1c7c3c;--warn:#9a6300;--bad:#b3261e;--ent0:#eef1f4;--ent1:#5b6570}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e4e8ed;--dim:#9aa5b1;--line:#"
    "343c45;"
    "--card:#1c2229;--boot:#a48bf0;--code:#6aa2f2;--code2:#4fc3b3;--data:#e0a350;--keys:#e57a92;"
    "--none:#262d35;--ok:#5cc47c;--warn:#e2b04a;--bad:#f28b82;--ent0:#1c2229;--ent1:#b4bec9}}"
    "*{box-sizing:border-box}body{margin:0 "
    "auto;max-width:70rem;padding:1.5rem;background:var(--bg);"
    "color:var(--fg);font:15px/1.5 "
    "system-ui,sans-serif}h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.1rem;"
    "margin:2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}"
    "p{margin:.4rem 0}.dim{color:var(--dim)}code,.mono{font:13px/1.4 ui-monospace,monospace}"
    ".mono{overflow-wrap:anywhere}table{border-collapse:collapse;width:100%;font-size:14px}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid "
    "var(--line);vertical-align:top}"
    "th{color:var(--dim);font-weight:600;white-space:nowrap}tbody "
    "th{white-space:normal}td.n{font:13px/1.6 "
    "ui-monospace,monospace;white-space:nowrap}"
    ".scroll{overflow-x:auto}svg{width:100%;height:auto;display:block}svg text{fill:var(--fg);"
    "font:12px system-ui,sans-serif}svg .s{fill:var(--dim);font:11px ui-monospace,monospace}"
    ".b{fill:var(--boot)}.c{fill:var(--code)}.c2{fill:var(--code2)}.d{fill:var(--data)}.k{fill:var("
    "--keys)}"
    "svg .out{fill:var(--fg)}svg "
    ".in{text-anchor:middle;paint-order:stroke;stroke:var(--bg);stroke-width:3px}"
    ".veil{fill:var(--none);opacity:.8}.z{fill:var(--none)}.df{fill:var(--bad)}.ln{stroke:var(--"
    "dim);fill:none}"
    ".ok{color:var(--ok)}.warn{color:var(--warn)}.bad{color:var(--bad)}"
    ".tag{display:inline-block;border:1px solid currentColor;border-radius:.6rem;padding:0 .5rem;"
    "font-size:12px}.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"
    "padding:.8rem 1rem;margin:.8rem 0}.legend span{margin-right:1rem;white-space:nowrap}"
    ".sw{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin-right:.3rem;"
    "vertical-align:-.08rem}"
    /* a phone: the map and wide tables scroll, a finding's evidence goes below it */
    "@media screen and (max-width:44rem){body{padding:1rem}.map svg{width:46rem}"
    ".scroll table{min-width:38rem}.f table{min-width:0}.f thead{display:none}"
    ".f tr{display:grid;grid-template-columns:5.5rem 1fr auto;padding:.4rem 0;border-bottom:1px "
    "solid var(--line)}.f td{border:0;padding:.1rem .3rem;overflow-wrap:anywhere}"
    ".f td:last-child{grid-column:2/-1}.hash tr{display:block;padding:.3rem 0;border-bottom:1px "
    "solid var(--line)}.hash th,.hash td{display:block;border:0;padding:0 .3rem}}"
    "@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--card:#fff;"
    "--boot:#7a5cd6;--code:#2f6fd0;--code2:#1e9a8b;--data:#c07a1c;--keys:#b8445f;--none:#eee;"
    "--ok:#1c7c3c;--warn:#9a6300;--bad:#b3261e;--ent0:#f4f4f4;--ent1:#555}"
    "body{max-width:none;padding:0;font-size:11px}h1{font-size:16px}table{font-size:11px}"
    "h2{break-after:avoid}tr,svg,.card{break-inside:avoid}thead{display:table-header-group}"
    "code,.mono,td.n{font-size:10px}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

void html_text(struct strbuf *out, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '<':
            strbuf_add(out, "&lt;", 4);
            break;
        case '>':
            strbuf_add(out, "&gt;", 4);
            break;
        case '&':
            strbuf_add(out, "&amp;", 5);
            break;
        case '"':
            strbuf_add(out, "&quot;", 6);
            break;
        default:
            strbuf_add(out, s, 1);
        }
    }
}

static void cell(struct strbuf *out, const char *class, const char *text)
{
    strbuf_addf(out, "<td%s%s%s>", class ? " class=\"" : "", class ? class : "", class ? "\"" : "");
    html_text(out, text);
    strbuf_addf(out, "</td>");
}

static void cellf(struct strbuf *out, const char *class, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void cellf(struct strbuf *out, const char *class, const char *fmt, ...)
{
    char buf[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    cell(out, class, buf);
}

/* class: of the table's box, besides "scroll". */
static void heading(struct strbuf *out, const char *class, const char *name, const char *columns)
{
    strbuf_addf(out, "<h2>%s</h2><div class=\"scroll%s\"><table><thead><tr>", name, class);
    while (*columns) {
        size_t n = strcspn(columns, "|");
        strbuf_addf(out, "<th>%.*s</th>", (int)n, columns);
        columns += n + (columns[n] == '|');
    }
    strbuf_addf(out, "</tr></thead><tbody>");
}

static void table_end(struct strbuf *out)
{
    strbuf_addf(out, "</tbody></table></div>");
}

/* The page may be posted: whose folders the file lay in is nobody's business. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void head(const struct image_facts *f, const char *name, struct strbuf *out)
{
    strbuf_addf(out, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                     "<title>");
    html_text(out, name);
    strbuf_addf(out, " - flash report</title><style>%s</style></head><body><header><h1>", style);
    html_text(out, name);
    strbuf_addf(out, "</h1><p>");
    html_text(out, image_kind_title(f->kind));
    strbuf_addf(out, ", %zu bytes", f->size);
    if (f->layout) {
        strbuf_addf(out, ", ");
        html_text(out, f->layout->title[0] ? f->layout->title : f->layout->name);
    }
    strbuf_addf(out, "</p></header>");
}

static void damage(const struct image_facts *f, struct strbuf *out)
{
    if (f->damage_total == 0) {
        strbuf_addf(
            out, "<div class=\"card\"><strong class=\"ok\">No damage found.</strong> Every check "
                 "that applies to this kind of image passed.</div>");
        return;
    }
    strbuf_addf(out,
                "<div class=\"card\"><strong class=\"bad\">%zu finding%s of damage</strong><ul>",
                f->damage_total, f->damage_total == 1 ? "" : "s");
    for (size_t i = 0; i < f->n_damage; i++) {
        strbuf_addf(out, "<li>");
        html_text(out, f->damage[i]);
        strbuf_addf(out, "</li>");
    }
    strbuf_addf(out, "</ul></div>");
}

static void findings(const struct image_facts *f, struct strbuf *out)
{
    static const char *const classes[] = { "warn", "", "ok" };
    heading(out, " f", "Findings", "What|Finding|How sure|Evidence");
    for (size_t i = 0; i < f->n_claims; i++) {
        const struct claim *c = &f->claim[i];
        strbuf_addf(out, "<tr>");
        cell(out, NULL, c->what);
        cell(out, NULL, c->value);
        strbuf_addf(out, "<td><span class=\"tag %s\">%s</span></td>", classes[c->sure],
                    confidence_text(c->sure));
        cell(out, "dim", c->evidence);
        strbuf_addf(out, "</tr>");
    }
    table_end(out);
}

static void part_state(const struct part_fact *s, struct strbuf *out)
{
    if (s->outside)
        cell(out, "dim", "not in this file");
    else if (s->blank)
        cell(out, "dim", "erased");
    else if (s->part->domain != DOMAIN_CRC)
        cell(out, NULL, "data");
    else if (s->bad)
        cellf(out, "bad", "CRC breaks at 0x%06x: %zu bad, %zu good", s->first_bad, s->bad, s->good);
    else
        cellf(out, "ok", "CRC right in all %zu blocks", s->good);
}

static void partitions(const struct image_facts *f, struct strbuf *out)
{
    if (!f->n_parts)
        return;
    heading(out, "", "Partitions", "Name|Start|End|State|Entropy|Size");
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct part_fact *s = &f->part[i];
        strbuf_addf(out, "<tr>");
        cell(out, NULL, s->part->name);
        cellf(out, "n", "0x%06x", s->part->range.start);
        cellf(out, "n", "0x%06x", s->part->range.end);
        part_state(s, out);
        if (s->outside)
            cell(out, "dim", "-");
        else
            cellf(out, "n", "%.2f", s->entropy);
        cellf(out, "n", "%u KiB", range_len(s->part->range) / 1024);
        strbuf_addf(out, "</tr>");
    }
    table_end(out);
}

static void slots(const struct image_facts *f, struct strbuf *out)
{
    if (!f->ota.present)
        return;
    heading(out, "", "OTA slots", "Slot|Start|Code to|Verdict|Why");
    for (size_t i = 0; i < 2; i++) {
        const struct ota_slot *s = &f->ota.slot[i];
        strbuf_addf(out, "<tr>");
        cell(out, NULL, s->part->name);
        cellf(out, "n", "0x%06x", s->part->range.start);
        cellf(out, "n", "0x%06x", s->code_end);
        cell(out, s->verified ? "ok" : "bad", s->verified ? "verifies" : "would not boot");
        cell(out, "dim", s->reason);
        strbuf_addf(out, "</tr>");
    }
    table_end(out);
    strbuf_addf(out,
                "<p>Metadata at <code>0x%x</code>: <code>0x%08x</code>, %s. Which field selects a "
                "slot is not publicly known, so none is claimed active. Raw:</p><p class=\"mono\">",
                f->ota.meta.start, f->ota.magic,
                f->ota.magic_ok ? "the known magic" : "not the known magic");
    for (size_t i = 0; i < 32; i++)
        strbuf_addf(out, "%02x ", f->data[f->ota.meta.start + i]);
    strbuf_addf(out, "</p>");
}

static void containers(const struct image_facts *f, struct strbuf *out)
{
    if (!f->n_rbl)
        return;
    heading(out, "", "RBL containers", "Name|Header at|Algorithm|Raw|Packed|State");
    for (size_t i = 0; i < f->n_rbl; i++) {
        const struct rbl_fact *r = &f->rbl[i];
        const struct rbl_header *h = &r->found.header;
        bool ok = r->found.packed ? r->verdict.hash_ok || r->hash_plain : r->package_ok;
        strbuf_addf(out, "<tr>");
        cellf(out, NULL, "%s %s", h->name, h->version);
        cellf(out, "n", "0x%06x", (uint32_t)r->found.offset + f->base);
        cellf(out, "n", "0x%x", h->algo);
        cellf(out, "n", "%u", h->size_raw);
        cellf(out, "n", "%u", h->size_package);
        cell(out, ok ? "ok" : "bad", ok ? "right" : "damaged");
        strbuf_addf(out, "</tr>");
    }
    table_end(out);
}

static void storage(const struct image_facts *f, bool show, struct strbuf *out)
{
    if (!f->kv)
        return;
    heading(out, "", "Storage", "Key|Bytes|Sum|Value");
    for (size_t i = 0; i < f->kv->n_entries; i++) {
        const struct kv_entry *e = &f->kv->entry[i];
        uint8_t *v =
            show || secret_harmless(e->name) ? kv_value(f->data, f->data_len, f->kv, e) : NULL;
        char text[1500];
        strbuf_addf(out, "<tr>");
        cell(out, "n", e->name);
        cellf(out, "n", "%u", e->length);
        cell(out, e->checksum_ok ? "ok" : "bad", e->checksum_ok ? "right" : "wrong");
        if (v)
            field_text(text, sizeof text, v, e->length);
        cell(out, v ? "mono" : "dim", v ? text : "hidden");
        strbuf_addf(out, "</tr>");
        free(v);
    }
    table_end(out);
    strbuf_addf(out, "<p class=\"dim\">Key block at 0x%06x, %zu blocks, %zu damaged.</p>",
                f->kv->key_block + f->base, f->kv->n_blocks, f->kv->bad_blocks);
}

static void hash_row(struct strbuf *out, const char *what, const char *hash)
{
    strbuf_addf(out, "<tr><th>");
    html_text(out, what);
    strbuf_addf(out, "</th><td class=\"mono\">%s</td></tr>", hash);
}

static void part_hashes(const struct image_facts *f, struct strbuf *out)
{
    bkf_range have = { f->base, (uint32_t)(f->base + f->data_len) };
    struct sha256_hex sha;
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct part_fact *s = &f->part[i];
        bkf_range r = range_intersect(have, s->part->range);
        if (s->outside || s->blank)
            continue;
        sha256_of(f->data + (r.start - f->base), range_len(r), &sha);
        hash_row(out, s->part->name, sha.text);
    }
}

static void hashes(const struct image_facts *f, struct strbuf *out)
{
    char crc[16];
    snprintf(crc, sizeof crc, "%08X", f->boot.crc256);
    strbuf_addf(out, "<h2>Hashes (SHA-256)</h2><table class=\"hash\"><tbody>");
    hash_row(out, "file", f->sha256.text);
    part_hashes(f, out);
    if (f->boot.key.state != KEY_UNKNOWN && f->boot.present) {
        hash_row(out, "bootloader, deciphered", f->boot.plain_sha256.text);
        hash_row(out, "CRC32 of its first 256 bytes", crc);
    }
    if (f->app.present && f->app.key.state != KEY_UNKNOWN)
        hash_row(out, "program, deciphered", f->app.plain_sha256.text);
    strbuf_addf(out, "</tbody></table>");
}

static void difference(const struct image_diff *d, const char *name, struct strbuf *out)
{
    static const char *const changes[] = { "added", "removed", "changed" };
    strbuf_addf(out, "<h2>Compared with ");
    html_text(out, name);
    strbuf_addf(out, "</h2>");
    if (d->same) {
        strbuf_addf(out, "<p class=\"ok\">The same in every byte.</p>");
        return;
    }
    strbuf_addf(out, "<p>%zu byte%s in %zu sector%s differ%s", d->bytes, d->bytes == 1 ? "" : "s",
                d->sectors, d->sectors == 1 ? "" : "s", d->bytes == 1 ? "s" : "");
    if (d->only_a || d->only_b)
        strbuf_addf(out, "; %u bytes are only here, %u only there", d->only_a, d->only_b);
    strbuf_addf(
        out, ".</p><div class=\"scroll\"><table><thead><tr><th>Where</th><th>Bytes</th><th>Sectors"
             "</th></tr></thead><tbody>");
    for (size_t i = 0; i < d->n_parts; i++) {
        strbuf_addf(out, "<tr>");
        cell(out, NULL, d->part[i].name);
        cellf(out, "n", "%zu", d->part[i].bytes);
        cellf(out, "n", "%zu", d->part[i].sectors);
        strbuf_addf(out, "</tr>");
    }
    for (size_t i = 0; i < d->n_keys; i++) {
        strbuf_addf(out, "<tr>");
        cellf(out, NULL, "storage key %s: %s", d->key[i].name, changes[d->key[i].change]);
        cellf(out, "n", "%u to %u", d->key[i].old_len, d->key[i].new_len);
        cell(out, "dim", "-");
        strbuf_addf(out, "</tr>");
    }
    for (size_t i = 0; i < d->n_ranges && i < RANGES_SHOWN; i++) {
        strbuf_addf(out, "<tr>");
        cellf(out, "n", "0x%06x..0x%06x", d->range[i].start, d->range[i].end);
        cellf(out, "n", "%zu", d->range[i].bytes);
        cell(out, "dim", "-");
        strbuf_addf(out, "</tr>");
    }
    table_end(out);
    if (d->ranges_total > RANGES_SHOWN)
        strbuf_addf(
            out, "<p class=\"dim\">and %zu more ranges; <code>diff --json</code> lists them.</p>",
            d->ranges_total - RANGES_SHOWN);
}

bool report_html(const struct image_facts *f, const char *name, const struct image_facts *other,
                 const char *other_name, bool show, struct strbuf *out)
{
    struct image_diff *d = other ? image_diff(f, other) : NULL;
    if (other && !d)
        return false;
    head(f, base_name(name), out);
    damage(f, out);
    report_map(f, other, out);
    findings(f, out);
    slots(f, out);
    partitions(f, out);
    containers(f, out);
    storage(f, show, out);
    if (d)
        difference(d, base_name(other_name), out);
    hashes(f, out);
    strbuf_addf(out, "<p class=\"dim\">Made by bkflash. %s</p></body></html>\n",
                show ? "This page shows secrets: do not post it." : "Secret values are left out.");
    free(d);
    return !out->failed;
}
