/* Reading a bootloader. */
#include "bootloader.h"
#include "bytes.h"
#include "crc34.h"
#include <stdlib.h>

/* CRC32 of the first 256 physical bytes (bk7231tools serial/base/enums.py), 257 where the
 * boot ROM's end-inclusive CRC command made the known value.  Not unique between chips. */
struct fingerprint {
    uint32_t crc;
    bool inclusive;
    const char *name;
};
static const struct fingerprint fingerprints[] = {
    { 0xE14191BA, true, "BK7231N_1.0.1, Tuya key" },
    { 0x4063D299, false, "BK7231N_1.0.1, Tuya key" },
    { 0xFFE952FB, false, "BK7231N_1.0.1, plain" },
    { 0xC1ECA871, false, "BK7231S_1.0.1, Tuya key" },
    { 0x4B31E44D, false, "BK7231S_1.0.3 or 1.0.4, Tuya key" },
    { 0xBA54C1B8, false, "BK7231S_1.0.5, Tuya key" },
    { 0xE5CBC953, false, "BK7231S_1.0.6, Tuya key" },
    { 0x2739019F, false, "BK7231U_1.0.6" },
    { 0x8BCEC3B4, false, "Beken SDK 1.0.15 for BK7231U or BK7251/BK7252" },
    { 0x39F9B50C, false, "BK7252 0.1.3" },
    { 0xE3A27C26, false, "BK7252 SDK 2M uart1 20190828" },
    { 0xF42F8C32, false, "BK7238 (Tuya T1) 2.0.0" },
    { 0x6BEB0924, false, "BK7238 1.0.14 uart1" },
    { 0x8F32A0EC, false, "Beken SDK 1.0.15 for BK7238 or BK7252N" },
    { 0xF0231EF6, false, "BK7231Q" },
    { 0xFF5A3EAC, false, "BK7231Q" },
    { 0x42C221EA, false, "BK7231Q (MOES)" },
    { 0x87A9C4B5, false, "BL2028N, SDK style, plain" },
};

const char *bootloader_fingerprint(uint32_t crc256, uint32_t crc257)
{
    for (size_t i = 0; i < ARRAY_LEN(fingerprints); i++)
        if (fingerprints[i].crc == (fingerprints[i].inclusive ? crc257 : crc256))
            return fingerprints[i].name;
    return NULL;
}

const char *key_state_text(enum key_state s)
{
    switch (s) {
    case KEY_PLAIN:
        return "plain";
    case KEY_KNOWN:
        return "known";
    case KEY_RECOVERED:
        return "recovered";
    case KEY_EQUIVALENT:
        return "equivalent";
    default:
        return "unknown";
    }
}

void code_key_guess(uint32_t logical, const uint8_t *p, struct code_key *out)
{
    const struct crypt_known *known = crypt_guess(logical, p);
    *out = (struct code_key){ .state = KEY_UNKNOWN };
    if (!known)
        return;
    out->key = known->key;
    out->name = known->name;
    out->score = crypt_score(&known->key, logical, p);
    out->state = crypt_active(&known->key) ? KEY_KNOWN : KEY_PLAIN;
}

static void find_key(const uint8_t *code, size_t n, struct bootloader *b)
{
    bool exact;
    code_key_guess(0, code, &b->key);
    for (size_t i = 0; i < crypt_known_count && i < KEYS_SHOWN; i++)
        b->score[i] = crypt_score(&crypt_known_keys[i].key, 0, code);
    if (b->key.state != KEY_UNKNOWN || !crypt_recover(code, n, &b->key.key, &exact))
        return;
    b->key.state = exact ? KEY_RECOVERED : KEY_EQUIVALENT;
    b->key.name = crypt_name(&b->key.key);
    b->key.score = crypt_score(&b->key.key, 0, code);
}

static bool version_text(const uint8_t *p, size_t n, char *out, size_t cap)
{
    size_t len = strnlen((const char *)p, n);
    if (len < 5 || len == n || len >= cap)
        return false;
    for (size_t i = 0; i < len; i++)
        if (p[i] <= 0x20 || p[i] >= 0x7F)
            return false;
    memcpy(out, p, len + 1);
    return true;
}

/* Tagged fields behind the vectors: EE BB, tag, length, value. */
static void parameter_block(const uint8_t *p, size_t n, struct bootloader *b)
{
    static const uint8_t iv_tag[4] = { 0xEE, 0xBB, 0xBB, 0x32 };
    if (n < 0xA8 || le32(p + 0x44) != 0x10AABBEEu)
        return;
    if (memcmp(p + 0x58, iv_tag, 4) == 0) {
        b->has_ota_keys = true;
        memcpy(b->ota_keys.iv, p + 0x5C, 16);
        memcpy(b->ota_keys.key, p + 0x6D, 32);
    }
    version_text(p + 0x94, 20, b->version, sizeof b->version);
}

/* Otherwise the first text of the form BK7231S_1.0.4. */
static void search_version(const uint8_t *p, size_t n, struct bootloader *b)
{
    for (size_t at = 0; !b->version[0] && (at = bytes_find(p, n, at, "BK72", 4)) != SIZE_MAX;
         at++) {
        char text[48];
        if (version_text(p + at, n - at < 40 ? n - at : 40, text, sizeof text) &&
            strchr(text, '_') && strchr(text, '.'))
            memcpy(b->version, text, sizeof text);
    }
}

static void key_places(const uint8_t *p, size_t n, struct bootloader *b)
{
    uint8_t key[16];
    if (!crypt_active(&b->key.key))
        return;
    for (size_t i = 0; i < 4; i++)
        put_le32(key + 4 * i, b->key.key.c[i]);
    for (size_t at = 0; b->n_key_at < 4 && (at = bytes_find(p, n, at, key, 16)) != SIZE_MAX; at++)
        b->key_at[b->n_key_at++] = (uint32_t)at;
}

static void plain_facts(uint8_t *code, size_t n, struct bootloader *b)
{
    crypt_run(&b->key.key, 0, code, code, n);
    sha256_of(code, n, &b->plain_sha256);
    b->crc256_plain = n >= 256 ? crc32_update(0, code, 256) : 0;
    parameter_block(code, n, b);
    search_version(code, n, b);
    key_places(code, n, b);
    if (b->fal.n == 0) {
        fal_search(code, n, &b->fal);
        for (size_t i = 0; i < b->fal.n; i++)
            b->fal.entry[i].decrypted = true;
    }
}

bool bootloader_read(const uint8_t *p, size_t n, struct bootloader *b)
{
    memset(b, 0, sizeof *b);
    b->leading_blocks = crc34_leading(p, n);
    b->leading_end = (uint32_t)(b->leading_blocks * CRC34_BLOCK);
    b->present = b->leading_blocks > 0;
    if (n >= 257) {
        b->crc256 = crc32_update(0, p, 256);
        b->crc257 = crc32_update(0, p, 257);
        b->fingerprint = bootloader_fingerprint(b->crc256, b->crc257);
    }
    size_t len = b->leading_blocks * CRC34_DATA;
    uint8_t *code = len ? malloc(len) : NULL;
    if (!code)
        return b->present;
    crc34_strip(p, b->leading_end, code);
    fal_search(code, len, &b->fal);
    if (len >= 0x108) {
        memcpy(b->marker, code + 0x100, 8);
        if (memcmp(b->marker, "BK72", 4) == 0)
            field_text(b->marker_text, sizeof b->marker_text, b->marker, 8);
    }
    find_key(code, len, b);
    if (b->key.state != KEY_UNKNOWN)
        plain_facts(code, len, b);
    free(code);
    return true;
}
