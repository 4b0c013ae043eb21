#include "synth.h"
#include "rng.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BLOCK = 32, PACKED = 34 };
struct part {
    char name[32], layout[16];
    uint32_t offset, size;
};

uint16_t synth_block_crc(const uint8_t block[32])
{
    uint32_t crc = 0xFFFF;
    for (size_t i = 0; i < BLOCK; i++) {
        crc ^= (uint32_t)block[i] << 8;
        for (unsigned b = 0; b < 8; b++) {
            crc = (crc & 0x8000) ? crc << 1 ^ 0x8005 : crc << 1;
        }
    }
    return (uint16_t)crc;
}

const char *synth_rom_marker(const char *chip)
{
    static const struct {
        const char *chip, *marker;
    } roms[] = { { "bk7231n", "BK7231" },
                 { "bk7231m", "BK7231" },
                 { "bl2028n", "BK7231" },
                 { "bk7238", "BK7238" },
                 { "bk7252n", "BK7238" } };
    for (size_t i = 0; i < sizeof roms / sizeof roms[0]; i++) {
        if (!strcasecmp(chip, roms[i].chip)) {
            return roms[i].marker;
        }
    }
    return NULL;
}

/* ARM code as it looks: eight vectors, the addresses of seven handlers, which say where the
 * program was linked for, then common instructions with varying operands, literal pools and
 * texts.  at counts from base. */
static uint32_t code_word(struct rng *r, uint32_t base, uint32_t at)
{
    static const uint32_t common[] = { 0xE92D4010, 0xE8BD8010, 0xE5900000, 0xE5810000, 0xE1A00001,
                                       0xEB000000, 0x0A000000, 0xE3A00000, 0xE3500000, 0xE59F0000,
                                       0xE12FFF1E, 0x47704770, 0xB5104604, 0xBD10F000, 0xE2800001 };
    if (at < 32) {
        return 0xEA000010u + at / 4; /* branches */
    }
    if (at < 0x3C) {
        return base + 0x260 + 0x20 * (at - 32) / 4;
    }
    uint64_t x = rng_next(r);
    uint32_t w = common[x % (sizeof common / sizeof common[0])];
    return (x >> 8 & 15) == 0 ? (uint32_t)(x >> 32) : w ^ (uint32_t)(x >> 40 & 0xFFF);
}

static void code_block(struct rng *r, uint32_t base, uint32_t logical, const char *text,
                       const char *marker, uint8_t block[BLOCK])
{
    for (uint32_t i = 0; i < BLOCK; i += 4) {
        uint32_t w = code_word(r, base, logical + i);
        for (unsigned b = 0; b < 4; b++) {
            block[i + b] = (uint8_t)(w >> 8 * b);
        }
    }
    if (logical == 0x100 && marker) {
        memset(block, 0, 8);
        for (size_t i = 0; i < 7 && marker[i]; i++) {
            block[i] = (uint8_t)marker[i];
        }
    }
    if (logical % 0x4000 == 0x140) {
        (void)snprintf((char *)block, BLOCK, "%.24s", text);
    }
}

static void fill_code(uint8_t *flash, const struct part *p, const char *marker, uint64_t seed)
{
    struct rng r = rng_fork(seed, p->offset + 0x434F4445u);
    char text[32];
    bool boot = p->offset == 0;
    (void)snprintf(text, sizeof text, "%.20s 1.0.%u", boot ? "boot" : p->name,
                   (unsigned)rng_below(&r, 20));
    /* A part of it is used; the rest stays erased. */
    uint32_t blocks = p->size / PACKED,
             used = blocks / 16 * (boot ? 13u : 10u + (uint32_t)(seed % 4));
    for (uint32_t i = 0; i < used; i++) {
        uint8_t *out = flash + p->offset + i * PACKED;
        code_block(&r, p->offset / PACKED * BLOCK, i * BLOCK, text, boot ? marker : NULL, out);
        uint16_t crc = synth_block_crc(out);
        out[BLOCK] = (uint8_t)(crc >> 8);
        out[BLOCK + 1] = (uint8_t)crc;
    }
}

static void fill_bytes(struct rng *r, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(rng_next(r) >> 24);
    }
}

/* OTA state of the two-slot boot loader: its magic (0x5A5A5A01, little endian) and a few
 * words whose meaning is not known. */
static void fill_meta(uint8_t *flash, const struct part *p, uint64_t seed)
{
    static const uint8_t magic[4] = { 0x01, 0x5A, 0x5A, 0x5A };
    struct rng r = rng_fork(seed, p->offset + 0x4D455441u);
    memset(flash + p->offset, 0xFF, p->size);
    if (p->size >= 64) {
        memcpy(flash + p->offset, magic, sizeof magic);
        fill_bytes(&r, flash + p->offset + 4, 28);
    }
}

/* Data that comes in sectors: some used, some erased. */
static void fill_storage(uint8_t *flash, const struct part *p, uint64_t seed)
{
    struct rng r = rng_fork(seed, p->offset + 0x53544F52u);
    for (uint32_t at = 0; at + 4096 <= p->size; at += 4096) {
        uint64_t kind = rng_below(&r, 4);
        if (kind) {
            fill_bytes(&r, flash + p->offset + at, kind == 1 ? 700 : 4096);
        }
    }
}

static void put_tlv(uint8_t *at, uint32_t type, uint32_t length)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(type >> 8 * i);
        at[4 + i] = (uint8_t)(length >> 8 * i);
    }
}

/* Calibration as the SDK stores it: a box with a value and a locally administered MAC address,
 * then a box of values. */
static void fill_rf(uint8_t *flash, const struct part *p, uint64_t seed)
{
    struct rng r = rng_fork(seed, p->offset + 0x5246u);
    uint8_t *at = flash + p->offset;
    if (p->size < 512) {
        return;
    }
    fill_bytes(&r, at, 8 + 0xC0);
    put_tlv(at, 0x00564C54, 0xC0); /* "TLV" */
    put_tlv(at + 0x08, 0x11111100, 0x1A);
    put_tlv(at + 0x10, 0x11111101, 4);
    put_tlv(at + 0x1C, 0x11111102, 6);
    at[0x24] = 0x02;
    put_tlv(at + 0x2A, 0x22222200, 0xC8 - 0x32);
}

static bool starts(const char *name, const char *with)
{
    return !strncasecmp(name, with, strlen(with));
}

static void fill_part(uint8_t *flash, const struct part *p, const char *marker, uint64_t seed)
{
    bool meta = starts(p->name, "ota") || strstr(p->name, "meta");
    bool code = starts(p->name, "boot") || starts(p->name, "app"); /* always stored in blocks */
    if (!strcmp(p->layout, "crc34") || (code && !meta)) {
        fill_code(flash, p, marker, seed);
    } else if (meta) {
        fill_meta(flash, p, seed);
    } else if (starts(p->name, "rf")) {
        fill_rf(flash, p, seed);
    } else if (!starts(p->name, "download")) {
        fill_storage(flash, p, seed);
    }
}

/* "name:offset:size:layout" up to ';' */
static bool parse_part(const char *s, size_t len, struct part *p)
{
    char text[128], *save = NULL;
    (void)snprintf(text, sizeof text, "%.*s", (int)(len < 127 ? len : 127), s);
    char *name = strtok_r(text, ":", &save), *off = strtok_r(NULL, ":", &save);
    char *size = strtok_r(NULL, ":", &save), *layout = strtok_r(NULL, ":", &save), *end;
    if (!name || !off || !size) {
        return false;
    }
    (void)snprintf(p->name, sizeof p->name, "%.31s", name);
    (void)snprintf(p->layout, sizeof p->layout, "%.15s", layout ? layout : "");
    p->offset = (uint32_t)strtoul(off, &end, 0);
    bool ok = !*end;
    p->size = (uint32_t)strtoul(size, &end, 0);
    return ok && !*end && p->size;
}

bool synth_image(uint8_t *flash, size_t size, const char *partitions, const char *chip,
                 uint64_t seed, char err[256])
{
    const char *marker = synth_rom_marker(chip);
    if (!*partitions) {
        partitions =
            size >= 1u << 20
                ? "bootloader:0:0x11000:crc34;app:0x11000:0x88000:crc34;storage:0xE0000:0x10000:raw"
                : "bootloader:0:0x8800:crc34";
    }
    /* Two passes, so that a partition nested in another ends up on top. */
    for (unsigned nested = 0; nested < 2; nested++) {
        for (const char *s = partitions; *s;) {
            struct part p;
            size_t len = strcspn(s, ";");
            if (len && (!parse_part(s, len, &p) || p.offset > size || p.size > size - p.offset)) {
                (void)snprintf(err, 256,
                               "device option partitions: '%.*s' is not name:offset:size:layout "
                               "inside %zu bytes of flash",
                               (int)len, s, size);
                return false;
            }
            bool on_top = len && (starts(p.name, "ota") || strstr(p.name, "meta"));
            if (len && on_top == (nested == 1)) {
                fill_part(flash, &p, marker, seed);
            }
            s += len + (s[len] == ';');
        }
    }
    return true;
}
