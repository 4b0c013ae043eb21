/* The inspector: kind of the image first, then everything that can be found in it. */
#include "inspect.h"
#include "bytes.h"
#include "crc34.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    SECTOR = 4096,
    APP_AT = 0x11000,
    APP_LOGICAL = 0x10000,
    SLOT2_LOGICAL = 0x1A0000,
    SLOT_SIZE = SLOT2_LOGICAL - APP_LOGICAL,
    MAX_DATA = 64 << 20
};

struct kind_row {
    const char *name, *title;
};
static const struct kind_row kinds[] = {
    [KIND_UNKNOWN] = { "unknown", "nothing known" },
    [KIND_BLANK] = { "blank", "blank or unreadable" },
    [KIND_DUMP] = { "full-dump", "whole flash dump" },
    [KIND_DUMP_APP] = { "dump-at-0x11000", "flash dump without the bootloader, from 0x11000" },
    [KIND_DUMP_TURNED] = { "wrapped-dump",
                           "whole flash dump that starts at another offset and wraps" },
    [KIND_QIO] = { "qio", "QIO image: bootloader and application" },
    [KIND_UA] = { "ua", "UA image: packed application" },
    [KIND_BOOTLOADER] = { "bootloader", "packed bootloader" },
    [KIND_RBL] = { "rbl", "RBL OTA container" },
    [KIND_UG] = { "ug", "UG package for over-the-air use" },
    [KIND_UF2] = { "uf2", "UF2 file" },
    [KIND_IHEX] = { "ihex", "Intel HEX file" },
    [KIND_PLAIN] = { "program", "program without CRC bytes" },
    [KIND_STORAGE] = { "storage", "key-value storage" },
    [KIND_RF] = { "rf", "RF calibration sector" },
    [KIND_CONFIG] = { "config", "OpenBeken configuration sector" },
    [KIND_GZIP] = { "gzip", "gzip file" },
    [KIND_ELF] = { "elf", "ELF file" },
};

const char *image_kind_name(enum image_kind k)
{
    return kinds[k].name;
}

const char *image_kind_title(enum image_kind k)
{
    return kinds[k].title;
}

const char *confidence_text(enum confidence c)
{
    return c == SURE_CERTAIN ? "certain" : c == SURE_LIKELY ? "likely" : "possible";
}

void claim_add(struct image_facts *f, const char *what, enum confidence sure, const char *value,
               const char *evidence, ...)
{
    if (f->n_claims == MAX_CLAIMS)
        return;
    struct claim *c = &f->claim[f->n_claims++];
    va_list ap;
    snprintf(c->what, sizeof c->what, "%s", what);
    snprintf(c->value, sizeof c->value, "%s", value);
    c->sure = sure;
    va_start(ap, evidence);
    vsnprintf(c->evidence, sizeof c->evidence, evidence, ap);
    va_end(ap);
}

void damage_add(struct image_facts *f, const char *fmt, ...)
{
    f->damage_total++;
    if (f->n_damage == MAX_DAMAGE)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->damage[f->n_damage], sizeof f->damage[0], fmt, ap);
    va_end(ap);
    f->n_damage++;
}

static bool flash_size(size_t n)
{
    return n >= 0x100000 && n <= 0x1000000 && (n & (n - 1)) == 0;
}

static bool blank(const uint8_t *p, size_t n)
{
    if (bytes_are(p, n, p[0]))
        return p[0] == 0xFF || p[0] == 0;
    return n > SECTOR && n % SECTOR == 0 && memcmp(p, p + SECTOR, n - SECTOR) == 0;
}

static bool good_block(const uint8_t *p, size_t n, size_t at)
{
    return at <= n && n - at >= CRC34_BLOCK && crc34_check(p + at) == CRC34_GOOD;
}

/* Where plain code was linked: its vectors load the seven handler addresses behind them. */
static uint32_t linked_for(const uint8_t *p, size_t n, size_t at)
{
    size_t high = 0, second = 0;
    if (!good_block(p, n, at + CRC34_BLOCK))
        return 0;
    for (size_t i = 0; i < 7; i++) {
        uint32_t handler = le32(p + at + CRC34_BLOCK + 4 * i);
        high += handler >= APP_LOGICAL && handler < MAX_DATA;
        second += handler >= SLOT2_LOGICAL && handler < SLOT2_LOGICAL + SLOT_SIZE;
    }
    return second >= 5 ? SLOT2_LOGICAL : high >= 5 ? APP_LOGICAL : 0;
}

/* Code for a logical address.  A cipher proves the address; plain code looks the same anywhere
 * and is told apart by what it was linked for. */
static bool vectors(const uint8_t *p, size_t n, size_t at, uint32_t logical)
{
    const struct crypt_known *key = good_block(p, n, at) ? crypt_guess(logical, p + at) : NULL;
    return key && (crypt_active(&key->key) || linked_for(p, n, at) == logical);
}

/* Kinds that a magic number at the start gives away. */
static enum image_kind by_magic(struct image_facts *f, const uint8_t *p, size_t n)
{
    struct rf_sector rf;
    struct obk_config obk;
    if (n >= 4 && memcmp(p, "RBL", 4) == 0)
        return KIND_RBL;
    if (ug_read(p, n, &f->ug))
        return KIND_UG;
    if (n >= 8 && le32(p) == 0x0A324655u && le32(p + 4) == 0x9E5D5157u)
        return KIND_UF2;
    if (n >= 4 && memcmp(p,
                         "\x7F"
                         "ELF",
                         4) == 0)
        return KIND_ELF;
    if (n >= 3 && p[0] == 0x1F && p[1] == 0x8B && p[2] == 8)
        return KIND_GZIP;
    if (obk_read(p, n, 0, &obk))
        return KIND_CONFIG;
    if (rf_read(p, n, 0, &rf) && n <= 2 * SECTOR)
        return KIND_RF;
    if (n >= 11 && p[0] == ':' && memchr(p, '\n', n < 600 ? n : 600))
        return KIND_IHEX;
    return KIND_UNKNOWN;
}

/* Where a bootloader starts in a dump that was read from another offset: the sector with good
 * vectors for logical 0 and the longest run of good blocks. */
static uint32_t find_turn(const uint8_t *p, size_t n)
{
    size_t best = 0;
    uint32_t at = 0;
    for (size_t s = SECTOR; s < n; s += SECTOR) {
        if (!vectors(p, n, s, 0))
            continue;
        size_t run = crc34_leading(p + s, n - s < APP_AT ? n - s : APP_AT);
        if (run > best) {
            best = run;
            at = (uint32_t)s;
        }
    }
    return best >= 64 ? at : 0;
}

static bool turn(struct image_facts *f, const uint8_t *p, size_t n, uint32_t at)
{
    f->own = malloc(n);
    if (!f->own)
        return false;
    memcpy(f->own, p + at, n - at);
    memcpy(f->own + (n - at), p, at);
    f->data = f->own;
    f->turned = at;
    return true;
}

static bool ends_with_header(const uint8_t *p, size_t n)
{
    struct rbl_found found;
    return n >= RBL_PACKED_HEADER && rbl_scan(p, n, n - RBL_PACKED_HEADER, &found) && found.packed;
}

/* A QIO image ends with its container's header, or at least with a block; anything else that
 * starts with a bootloader is a dump, cut short if its size is not that of a flash. */
static enum image_kind with_bootloader(const uint8_t *p, size_t n)
{
    if (n <= APP_AT)
        return KIND_BOOTLOADER;
    if (ends_with_header(p, n))
        return KIND_QIO;
    return !flash_size(n) && n % CRC34_BLOCK == 0 ? KIND_QIO : KIND_DUMP;
}

/* Kinds told by code in the CRC-packed form. */
static enum image_kind by_code(const uint8_t *p, size_t n, uint32_t *turned)
{
    bool at0 = good_block(p, n, 0), boot = vectors(p, n, 0, 0);
    bool app = vectors(p, n, 0, APP_LOGICAL) || vectors(p, n, 0, SLOT2_LOGICAL);
    *turned = 0;
    if (at0 && boot)
        return with_bootloader(p, n);
    if (flash_size(n) && (*turned = find_turn(p, n)) != 0)
        return KIND_DUMP_TURNED;
    if (at0 && app && (flash_size(n + APP_AT) || flash_size(n)))
        return KIND_DUMP_APP;
    if (at0 && app)
        return KIND_UA;
    if (at0 && n > APP_AT && good_block(p, n, APP_AT))
        return with_bootloader(p, n); /* a key we do not know; recovery comes later */
    if (at0 && crc34_leading(p, n) >= 8)
        return n <= APP_AT ? KIND_BOOTLOADER : flash_size(n) ? KIND_DUMP : KIND_UA;
    if (flash_size(n) && good_block(p, n, APP_AT))
        return KIND_DUMP; /* bootloader gone or unreadable */
    return KIND_UNKNOWN;
}

static enum image_kind by_rest(const uint8_t *p, size_t n)
{
    uint8_t first[32];
    if (n >= 32) {
        memcpy(first, p, 32);
        if (crypt_guess(0, first) || crypt_guess(APP_LOGICAL, first))
            return KIND_PLAIN;
    }
    return flash_size(n) ? KIND_DUMP : KIND_UNKNOWN;
}

static bool set_kind(struct image_facts *f, const uint8_t *p, size_t n)
{
    uint32_t turned = 0;
    f->data = p;
    f->data_len = n;
    if (n == 0)
        return true;
    if (blank(p, n)) {
        f->kind = KIND_BLANK;
        return true;
    }
    f->kind = by_magic(f, p, n);
    if (f->kind == KIND_UNKNOWN)
        f->kind = by_code(p, n, &turned);
    if (f->kind == KIND_UNKNOWN)
        f->kind = by_rest(p, n);
    if (f->kind == KIND_DUMP_APP)
        f->base = APP_AT;
    if (f->kind == KIND_UA) {
        f->base = vectors(p, n, 0, APP_LOGICAL) || !vectors(p, n, 0, SLOT2_LOGICAL)
                      ? APP_AT
                      : (uint32_t)crc34_physical(SLOT2_LOGICAL);
    }
    return turned ? turn(f, p, n, turned) : true;
}

static void set_target(struct image_facts *f)
{
    switch (f->kind) {
    case KIND_DUMP:
    case KIND_DUMP_TURNED:
    case KIND_QIO:
    case KIND_BOOTLOADER:
        f->write_at = 0;
        break;
    case KIND_UA:
    case KIND_DUMP_APP:
        f->write_at = f->base;
        break;
    default:
        f->write_at = IMAGE_NOWHERE;
    }
}

static bool has_flash(const struct image_facts *f)
{
    switch (f->kind) {
    case KIND_RBL:
    case KIND_UG:
    case KIND_UF2:
    case KIND_IHEX:
    case KIND_ELF:
    case KIND_GZIP:
    case KIND_BLANK:
        return false;
    default:
        return f->data_len > 0;
    }
}

/* Calibration, network parameters, OpenBeken configuration: one look at every sector. */
void inspect_sectors(struct image_facts *f)
{
    for (size_t at = 0; at < f->data_len; at += SECTOR) {
        if (f->n_rf < MAX_RF && rf_read(f->data, f->data_len, at, &f->rf[f->n_rf]))
            f->n_rf++;
        else if (f->n_net < MAX_NET && net_read(f->data, f->data_len, at, &f->net[f->n_net]))
            f->n_net++;
        else if (f->n_obk < MAX_OBK && obk_read(f->data, f->data_len, at, &f->obk[f->n_obk]))
            f->n_obk++;
    }
}

static bool inspect_storage(struct image_facts *f)
{
    f->kv = malloc(sizeof *f->kv);
    if (!f->kv)
        return false;
    if (kv_read(f->data, f->data_len, f->kv)) {
        if (f->kind == KIND_UNKNOWN && f->kv->n_blocks)
            f->kind = KIND_STORAGE;
        return true;
    }
    free(f->kv);
    f->kv = NULL;
    return true;
}

static bool inspect_flash(struct image_facts *f, const struct image_layout *layouts, size_t n)
{
    if (f->base == 0) {
        size_t len = f->data_len < APP_AT ? f->data_len : APP_AT;
        bootloader_read(f->data, len, &f->boot);
    }
    uint32_t end = (uint32_t)(f->base + f->data_len);
    if (f->kind == KIND_UA)
        inspect_app(f, f->base, end, (uint32_t)(f->base / CRC34_BLOCK * CRC34_DATA));
    else if (f->base <= APP_AT && end > APP_AT)
        inspect_app(f, APP_AT, end, APP_LOGICAL);
    inspect_containers(f);
    inspect_sectors(f);
    if (!inspect_storage(f))
        return false;
    inspect_layout(f, layouts, n);
    return true;
}

static void inspect_file(struct image_facts *f)
{
    struct uf2_info *info = &f->uf2;
    bkf_error err = BKF_ERROR_INIT;
    if (f->kind == KIND_UF2 &&
        uf2_read(f->data, f->data_len, UF2_FLASHER_SINGLE, info, NULL, NULL, &err))
        damage_add(f, "%s", err.message);
    if (f->kind == KIND_UG && !f->ug.header_ok)
        damage_add(f, "UG header: its byte sum is wrong");
    if (f->kind == KIND_UG && !f->ug.payload_ok)
        damage_add(f, "UG payload is cut short or its byte sum is wrong (%u bytes named)",
                   f->ug.length);
    if (f->kind == KIND_UG || f->kind == KIND_RBL)
        inspect_containers(f);
    struct rbl_header h;
    uint8_t *raw;
    if (f->kind == KIND_RBL) {
        if (rbl_unpack(f->data, f->data_len, &rbl_default_keys, &h, &raw, &err))
            damage_add(f, "%s", err.message);
        free(raw);
    }
}

bkf_status inspect_image(const uint8_t *p, size_t n, const struct image_layout *layouts,
                         size_t n_layouts, struct image_facts **out, bkf_error *err)
{
    *out = NULL;
    if (n > MAX_DATA)
        return error_set(err, BKF_E_IMAGE, "%zu bytes are more than any flash these tools know", n);
    struct image_facts *f = calloc(1, sizeof *f);
    if (!f)
        return error_set(err, BKF_E_NOMEM, "no memory to inspect");
    f->size = n;
    sha256_of(p, n, &f->sha256);
    bool ok = set_kind(f, p, n);
    if (ok && has_flash(f))
        ok = inspect_flash(f, layouts, n_layouts);
    else if (ok)
        inspect_file(f);
    if (!ok) {
        inspect_free(f);
        return error_set(err, BKF_E_NOMEM, "no memory to inspect %zu bytes", n);
    }
    set_target(f);
    inspect_claims(f);
    *out = f;
    return BKF_OK;
}

void inspect_free(struct image_facts *f)
{
    if (!f)
        return;
    free(f->own);
    free(f->kv);
    free(f->params);
    free(f);
}
