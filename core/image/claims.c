/* From facts to statements: each with how sure it is and what it rests on, and what is damaged. */
#include "bytes.h"
#include "crc34.h"
#include "inspect.h"
#include <stdio.h>

static bool is_dump(const struct image_facts *f)
{
    return f->kind == KIND_DUMP || f->kind == KIND_DUMP_TURNED || f->kind == KIND_DUMP_APP;
}

static void claim_kind(struct image_facts *f)
{
    enum confidence sure = SURE_LIKELY;
    char why[160] = "";
    switch (f->kind) {
    case KIND_BLANK:
        snprintf(why, sizeof why,
                 "every sector is the same; a read that failed looks like this too");
        break;
    case KIND_DUMP_TURNED:
        sure = SURE_CERTAIN;
        snprintf(why, sizeof why,
                 "bootloader vectors at file offset 0x%x, code there runs on to 0x%zx", f->turned,
                 f->turned + f->boot.leading_blocks * CRC34_BLOCK);
        break;
    case KIND_DUMP:
    case KIND_QIO:
        sure = f->boot.key.score >= 6 && f->app.key.score >= 6 ? SURE_CERTAIN : SURE_POSSIBLE;
        snprintf(why, sizeof why, "size 0x%zx; vectors at 0: %u of 8, at 0x11000: %u of 8", f->size,
                 f->boot.key.score, f->app.key.score);
        break;
    case KIND_UA:
    case KIND_DUMP_APP:
        sure = f->app.key.score >= 6 ? SURE_CERTAIN : SURE_POSSIBLE;
        snprintf(why, sizeof why, "packed code at file offset 0 with vectors for 0x%x: %u of 8",
                 f->app.logical, f->app.key.score);
        break;
    case KIND_BOOTLOADER:
        sure = f->boot.key.score >= 6 ? SURE_CERTAIN : SURE_POSSIBLE;
        snprintf(why, sizeof why, "packed code with vectors for 0: %u of 8, no longer than 0x11000",
                 f->boot.key.score);
        break;
    case KIND_PLAIN:
        snprintf(why, sizeof why, "vectors, but no CRC bytes");
        break;
    case KIND_UNKNOWN:
        sure = SURE_POSSIBLE;
        snprintf(why, sizeof why, "%s",
                 f->size ? "no magic number, no good code block, not the size of a flash"
                         : "the file is empty");
        break;
    default:
        sure = SURE_CERTAIN;
        snprintf(why, sizeof why, "magic number at the start");
    }
    claim_add(f, "kind", sure, image_kind_title(f->kind), "%s", why);
}

static void claim_key(struct image_facts *f)
{
    const struct code_key *k = f->boot.key.state != KEY_UNKNOWN ? &f->boot.key : &f->app.key;
    const char *where = k == &f->boot.key ? "bootloader" : "application";
    if (!f->boot.present && !f->app.present)
        return;
    if (k->state == KEY_UNKNOWN) {
        claim_add(f, "key", SURE_POSSIBLE, "unknown",
                  "no known key gives vectors and no known text was found under any wiring");
        return;
    }
    claim_add(f, "key", k->state == KEY_EQUIVALENT ? SURE_LIKELY : SURE_CERTAIN,
              k->name ? k->name : key_state_text(k->state), "%s vectors: %u of 8%s", where,
              k->score,
              k->state == KEY_RECOVERED ? "; found by known text, read from the bootloader"
              : k->state == KEY_EQUIVALENT
                  ? "; found by known text, deciphers here but is not the fuse value"
                  : "");
    if (f->boot.key.state != KEY_UNKNOWN && f->app.key.state != KEY_UNKNOWN &&
        crypt_active(&f->boot.key.key) != crypt_active(&f->app.key.key))
        claim_add(f, "boot", SURE_CERTAIN, "will not boot",
                  "bootloader and application have different keys (%s, %s)",
                  f->boot.key.name ? f->boot.key.name : "own",
                  f->app.key.name ? f->app.key.name : "own");
}

/* Makers write the chip into the program: "... FOR sdk AT bk7231n", "OpenBK7231T_1.17.1". */
static void claim_program_chip(struct image_facts *f)
{
    char name[CHIP_NAME];
    for (size_t i = 0; i < f->n_strings; i++) {
        const char *text = f->string[i].text, *at = strstr(text, " AT ");
        if (strncmp(text, "OpenBK", 6) == 0)
            at = text;
        else if (strncmp(text, "BUILD AT:", 9) != 0 || !at)
            continue;
        if (!chip_name_next(&at, name))
            continue;
        claim_add(f, "chip", SURE_LIKELY, name, "text in the program, %.120s", text);
        return;
    }
}

/* "BK7231N_1.0.1" -> "BK7231N". */
static void claim_chip(struct image_facts *f)
{
    char chip[24] = "";
    const char *v = f->boot.version;
    size_t len = strcspn(v, "_");
    if (f->boot.version[0]) {
        snprintf(chip, sizeof chip, "%.*s", (int)len, v);
        claim_add(f, "chip", SURE_LIKELY, chip, "bootloader version text %s%s%s", v,
                  f->boot.marker_text[0] ? "; marker at 0x100 " : "", f->boot.marker_text);
    } else if (f->boot.fingerprint) {
        claim_add(f, "chip", SURE_LIKELY, f->boot.fingerprint,
                  "CRC32 0x%08X of the first 256 bytes", f->boot.crc256);
    } else if (f->boot.marker_text[0]) {
        claim_add(f, "chip", SURE_POSSIBLE, f->boot.marker_text, "marker at logical 0x100");
    }
    if (f->uf2.chip)
        claim_add(f, "chip", SURE_CERTAIN, f->uf2.chip, "UF2 family 0x%08x", f->uf2.family);
    claim_program_chip(f);
}

static void claim_vendor(struct image_facts *f)
{
    static const struct {
        const char *mark, *vendor;
    } rows[] = { { "OpenB", "OpenBeken" },
                 { "LibreTiny", "LibreTiny" },
                 { "ESPHome", "LibreTiny" },
                 { "TUYA IOT", "Tuya" },
                 { "TuyaOS", "Tuya" } };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++)
        for (size_t i = 0; i < f->n_strings; i++)
            if (strncmp(f->string[i].text, rows[r].mark, strlen(rows[r].mark)) == 0) {
                claim_add(f, "firmware", SURE_CERTAIN, f->string[i].text,
                          "text in the deciphered program at +0x%x; vendor %s", f->string[i].at,
                          rows[r].vendor);
                return;
            }
    if (f->n_obk && f->obk[0].crc_ok)
        claim_add(f, "firmware", SURE_LIKELY, "OpenBeken", "configuration sector at 0x%x",
                  f->obk[0].offset + f->base);
    else if (f->kv)
        claim_add(f, "firmware", SURE_LIKELY, "Tuya", "key-value storage at 0x%x",
                  f->kv->key_block + f->base);
}

static void claim_target(struct image_facts *f)
{
    char value[64];
    if (f->write_at != IMAGE_NOWHERE) {
        snprintf(value, sizeof value, "0x%x", f->write_at);
        claim_add(f, "write-at", SURE_LIKELY, value, "follows from the kind");
    } else if (f->kind == KIND_RBL || f->kind == KIND_UG) {
        claim_add(f, "write-at", SURE_CERTAIN, "not as it is",
                  "an OTA container is unpacked by a bootloader; at 0x11000 it would not boot");
    } else if (f->kind == KIND_PLAIN) {
        claim_add(f, "write-at", SURE_CERTAIN, "not as it is",
                  "the chip executes only blocks with CRC");
    }
}

static void claim_layout(struct image_facts *f)
{
    if (!f->layout)
        return;
    bool close = f->second && f->second_score >= f->layout_score;
    claim_add(f, "layout", close ? SURE_POSSIBLE : SURE_LIKELY, f->layout->name,
              "%d points from table, calibration, storage, key and size%s%s", f->layout_score,
              close ? "; fits no better than " : "", close ? f->second->name : "");
}

static void damage_code(struct image_facts *f)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct part_fact *s = &f->part[i];
        if (s->bad && s->good)
            damage_add(f, "%s: %zu of %zu code blocks have a bad CRC, the first at 0x%x",
                       s->part->name, s->bad, s->bad + s->good, s->first_bad);
        else if (s->part->domain == DOMAIN_CRC && !s->outside && !s->blank && !s->good)
            damage_add(f, "%s: no code block has a good CRC", s->part->name);
        if (s->outside && is_dump(f))
            damage_add(f, "%s: the file ends before 0x%x", s->part->name, s->part->range.start);
    }
    if (!f->n_parts && f->app.present && f->kind == KIND_UA && f->app.bad)
        damage_add(f, "%zu code blocks have a bad CRC, the first at file offset 0x%x", f->app.bad,
                   f->app.first_bad - f->base);
    if (f->kind == KIND_UA && f->data_len % CRC34_BLOCK)
        damage_add(f, "the file ends inside a 34-byte block (%zu bytes over)",
                   f->data_len % CRC34_BLOCK);
    if (f->boot.present && f->boot.key.state == KEY_UNKNOWN)
        damage_add(f, "bootloader: its vectors make no sense under any key");
}

static void damage_boot(struct image_facts *f)
{
    if (f->kind == KIND_DUMP && (f->size & (f->size - 1)))
        damage_add(f, "0x%zx is not the size of a flash: the file is cut short", f->size);
    bool whole = f->kind == KIND_DUMP || f->kind == KIND_QIO || f->kind == KIND_DUMP_TURNED;
    if (whole && !f->boot.present)
        damage_add(f, "bootloader: the first code block at 0x0 has a bad CRC or is erased");
    if (whole && !f->app.present && f->data_len > 0x11000)
        damage_add(f, "application: the first code block at 0x11000 has a bad CRC or is erased");
    if (f->app.present && f->app.key.state == KEY_UNKNOWN)
        damage_add(f, "application: its vectors at 0x%x make no sense under any known key",
                   f->app.at);
}

static void damage_containers(struct image_facts *f)
{
    for (size_t i = 0; i < f->n_rbl; i++) {
        const struct rbl_fact *r = &f->rbl[i];
        const char *name = r->found.header.name;
        uint32_t at = (uint32_t)r->found.offset + f->base;
        if (!r->found.packed && !r->package_ok)
            damage_add(f, "RBL %s at 0x%x: package CRC is wrong or the package is cut short", name,
                       at);
        if (!r->found.packed || range_len(r->partition) == 0)
            continue;
        if (!r->verdict.complete)
            damage_add(f, "RBL %s at 0x%x: names %u bytes, its partition holds fewer", name, at,
                       r->found.header.size_raw);
        else if (!r->verdict.hash_ok && !r->hash_plain)
            damage_add(f, "RBL %s at 0x%x: hash does not fit the %u bytes in front of it", name, at,
                       r->found.header.size_raw);
        else if (r->verdict.package_ok == 0)
            damage_add(f, "RBL %s at 0x%x: package CRC does not fit", name, at);
        if (r->bad_blocks)
            damage_add(f, "RBL %s at 0x%x: %zu blocks of its payload are erased or bad", name, at,
                       r->bad_blocks);
    }
}

static void damage_data(struct image_facts *f)
{
    for (size_t i = 0; i < f->n_rf; i++)
        if (!f->rf[i].complete)
            damage_add(f,
                       "RF calibration at 0x%x: records end after fewer than the stated %u bytes",
                       f->rf[i].offset + f->base, f->rf[i].length);
    for (size_t i = 0; i < f->n_obk; i++)
        if (!f->obk[i].crc_ok)
            damage_add(f, "OpenBeken configuration at 0x%x: CRC is wrong",
                       f->obk[i].offset + f->base);
    if (is_dump(f) && f->layout && f->layout->rf_offset != IMAGE_NOWHERE && !f->n_rf)
        damage_add(
            f, "RF calibration: none found (expected at 0x%x): the radio would run uncalibrated",
            f->layout->rf_offset);
    if (!f->kv)
        return;
    if (!f->kv->key_sum_ok)
        damage_add(f, "storage: key block at 0x%x has a wrong sum", f->kv->key_block + f->base);
    if (f->kv->bad_blocks)
        damage_add(f, "storage: %zu data blocks have a wrong sum", f->kv->bad_blocks);
    for (size_t i = 0; i < f->kv->n_entries; i++)
        if (!f->kv->entry[i].checksum_ok)
            damage_add(f, "storage: value of '%s' is %s", f->kv->entry[i].name,
                       f->kv->entry[i].complete ? "corrupt" : "incomplete");
}

void inspect_claims_code(struct image_facts *f)
{
    claim_key(f);
    claim_chip(f);
}

void inspect_claims(struct image_facts *f)
{
    claim_kind(f);
    claim_target(f);
    inspect_claims_code(f);
    claim_vendor(f);
    claim_layout(f);
    if (f->kind == KIND_DUMP_TURNED)
        claim_add(f, "note", SURE_CERTAIN, "wrapped", "add 0x%zx modulo the size to a file offset",
                  f->size - f->turned);
    damage_boot(f);
    damage_code(f);
    damage_containers(f);
    damage_data(f);
}
