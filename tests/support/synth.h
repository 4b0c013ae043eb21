/* synth.h - made-up flash images: a two-slot doorbell of 4 MiB and a one-slot lamp of 2 MiB,
 * with a bootloader, programs, calibration, storage and planted secrets.  Nothing in them comes
 * from a real device. */
#ifndef TESTS_SUPPORT_SYNTH_H
#define TESTS_SUPPORT_SYNTH_H
#include "core/image/bytes.h"
#include "core/image/crc34.h"
#include "core/image/crypt.h"
#include "core/image/fal.h"
#include "core/image/layout.h"
#include "core/image/rbl.h"
#include "core/image/tuya_kv.h"
#include "tests/support/vectors.h"

#define SYNTH_SSID   "MyHomeNetwork-7731"
#define SYNTH_PASS   "correct horse battery"
#define SYNTH_UUID   "f4e1a0b2c3d45566"
#define SYNTH_AUTH   "s3cr3tAuthKeyValueThatIsLongEnough"
#define SYNTH_LOCAL  "9f8e7d6c5b4a3921"
#define SYNTH_PARAMS "{rl1_lv:1,rl1_pin:26,bt1_pin:7,module:CB2S,jv:1.0.0,}"

static const struct image_layout synth_doorbell_layout = {
    .name = "bk7252-tuya-4m-pingpong",
    .title = "BK7252 Tuya doorbell, 4 MiB, two slots",
    .flash_size = 0x400000,
    .key = "tuya",
    .rf_offset = IMAGE_NOWHERE,
    .kv_offset = 0x397000,
    .ota_meta = 0xF000,
    .ota_magic = 0x5A5A5A01,
    .part = { { "bootloader", { 0x0, 0xF000 }, DOMAIN_CRC, 0, POLICY_NEVER },
              { "ota_meta", { 0xF000, 0x10000 }, DOMAIN_RAW, 0, POLICY_NEVER },
              { "boot_tail", { 0x10000, 0x11000 }, DOMAIN_UNKNOWN, 0, POLICY_NEVER },
              { "app1", { 0x11000, 0x1BA000 }, DOMAIN_CRC, 0x10000, POLICY_BACKUP },
              { "app2", { 0x1BA000, 0x363000 }, DOMAIN_CRC, 0x1A0000, POLICY_BACKUP },
              { "unknown", { 0x363000, 0x397000 }, DOMAIN_UNKNOWN, 0, POLICY_NEVER },
              { "kv", { 0x397000, 0x400000 }, DOMAIN_RAW, 0, POLICY_NEVER } },
    .n_parts = 7,
};
#define SYNTH_TUYA_2M(NAME, TITLE, RF, DL, DLEND)                                             \
    {                                                                                         \
        .name = NAME, .title = TITLE, .flash_size = 0x200000, .key = "tuya", .rf_offset = RF, \
        .kv_offset = 0x1EE000, .ota_meta = IMAGE_NOWHERE,                                     \
        .part = { { "bootloader", { 0x0, 0x11000 }, DOMAIN_CRC, 0, POLICY_NEVER },            \
                  { "app", { 0x11000, 0x129F70 }, DOMAIN_CRC, 0x10000, POLICY_WRITE },        \
                  { "download", { DL, DLEND }, DOMAIN_RAW, 0, POLICY_WRITE },                 \
                  { "rf", { RF, RF + 0x1000 }, DOMAIN_RAW, 0, POLICY_NEVER },                 \
                  { "net", { RF + 0x1000, RF + 0x2000 }, DOMAIN_RAW, 0, POLICY_BACKUP },      \
                  { "kv_key", { 0x1EE000, 0x1EF000 }, DOMAIN_RAW, 0, POLICY_BACKUP },         \
                  { "kv_data", { 0x1EF000, 0x1FD000 }, DOMAIN_RAW, 0, POLICY_BACKUP },        \
                  { "kv_swap", { 0x1FD000, 0x200000 }, DOMAIN_RAW, 0, POLICY_BACKUP } },      \
        .n_parts = 8,                                                                         \
    }
static const struct image_layout synth_tuya_layouts[] = {
    SYNTH_TUYA_2M("bk7231t-tuya-2m", "BK7231T Tuya factory", 0x1E0000, 0x132000, 0x1D8000),
    SYNTH_TUYA_2M("bk7231n-tuya-2m", "BK7231N Tuya factory", 0x1D0000, 0x12A000, 0x1D0000),
};

static inline struct crypt_key synth_tuya_key(void)
{
    struct crypt_key key;
    assert_true(crypt_parse("tuya", &key));
    return key;
}

/* A program of n bytes (multiple of 32) whose vectors are ARM branches. */
static inline void synth_program(uint8_t *p, size_t n, uint32_t seed, const char *version)
{
    random_fill(seed, p, n);
    for (size_t i = 0; i < 8; i++)
        put_le32(p + 4 * i, i ? 0xE59FF014 : 0xEA00000E);
    for (size_t i = 0; i < 7; i++) /* the handlers they load */
        put_le32(p + 0x20 + 4 * i, 0x10260 + 0x20 * (uint32_t)i);
    memcpy(p + 0x400, version, strlen(version) + 1);
}

/* Ciphers p in place for its logical address and packs it at flash + crc34_physical(logical). */
static inline void synth_place(uint8_t *flash, uint8_t *p, size_t n, uint32_t logical,
                               const struct crypt_key *key)
{
    crypt_run(key, logical, p, p, n);
    crc34_pack(p, n, flash + crc34_physical(logical));
}

/* Tuya's bootloader form: key and version block, table and marker in clear. */
static inline void synth_bootloader(uint8_t *flash, const struct crypt_key *key,
                                    const char *version, const char *marker,
                                    const struct image_layout *fal)
{
    static const char *const names[] = { "bootloader", "app", "download" };
    enum { SIZE = 0x6A00, FAL_AT = SIZE - 3 * FAL_ENTRY };
    uint8_t *p = calloc(1, SIZE);
    synth_program(p, SIZE, 11, "bootloader");
    for (size_t i = 0; i < 7; i++)
        put_le32(p + 0x20 + 4 * i, 0x3BE4 + 0x40 * (uint32_t)i);
    put_le32(p + 0x3C, 0xDEADBEEF);
    put_le32(p + 0x40, 0xDEADBEEF);
    memcpy(p + 0x44, "\xEE\xBB\xAA\x10", 4);
    for (size_t i = 0; i < 4; i++)
        put_le32(p + 0x48 + 4 * i, key->c[i]);
    memcpy(p + 0x58, "\xEE\xBB\xBB\x32", 4);
    memcpy(p + 0x5C, "0123456789ABCDEF", 17);
    memcpy(p + 0x6D, "0123456789ABCDEF0123456789ABCDEF", 33);
    memcpy(p + 0x90, "\xEE\xBB\xCC\x0E", 4);
    memcpy(p + 0x94, version, strlen(version) + 1);
    crypt_run(key, 0, p, p, SIZE);
    if (marker)
        memcpy(p + 0x100, marker, 8);
    for (size_t i = 0; fal && i < ARRAY_LEN(names); i++) {
        const struct image_partition *part = layout_find(fal, names[i]);
        struct fal_entry e = { .code = part->domain == DOMAIN_CRC, .crc = FAL_CRC_ZERO };
        uint64_t start = part->range.start, end = part->range.end;
        if (e.code) {
            crc34_logical(start, &start);
            crc34_logical(end, &end);
        }
        strcpy(e.name, names[i]);
        strcpy(e.flash, e.code ? "beken_onchip_crc" : "beken_onchip");
        e.offset = (uint32_t)start;
        e.length = (uint32_t)(end - start);
        fal_write(&e, p + FAL_AT + i * FAL_ENTRY);
    }
    crc34_pack(p, SIZE, flash);
    free(p);
}

static inline void synth_rf(uint8_t *p, const uint8_t mac[6])
{
    static const uint8_t head[] = { 'T',  'L',  'V',  0,    98,   0, 0,    0,    0x00,
                                    0x11, 0x11, 0x11, 90,   0,    0, 0,    0x01, 0x11,
                                    0x11, 0x11, 4,    0,    0,    0, 0x31, 0x72, 0,
                                    0,    0x02, 0x11, 0x11, 0x11, 6, 0,    0,    0 };
    static const uint8_t sizes[] = { 4, 4, 4, 4, 8 };
    memset(p, 0xFF, 4096);
    memcpy(p, head, sizeof head);
    memcpy(p + sizeof head, mac, 6);
    uint8_t *at = p + sizeof head + 6;
    for (size_t i = 0; i < sizeof sizes; i++) {
        put_le32(at, 0x11111103u + (uint32_t)i);
        put_le32(at + 4, sizes[i]);
        memset(at + 8, (int)i + 1, sizes[i]);
        at += 8 + sizes[i];
    }
}

static inline void synth_storage(uint8_t *p, size_t blocks, uint32_t magic)
{
    static const uint8_t inner[16] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                       0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xF0, 0x0F };
    const char *bi = "{\"uuid\":\"" SYNTH_UUID "\",\"auth_key\":\"" SYNTH_AUTH "\"}";
    const char *wsm = "{\"ssid\":\"" SYNTH_SSID "\",\"passwd\":\"" SYNTH_PASS "\"}";
    const char *di = "{\"sw_ver\":\"1.0.7\",\"local_key\":\"" SYNTH_LOCAL "\"}";
    const struct kv_item items[] = {
        { "gw_bi", (const uint8_t *)bi, strlen(bi) + 1 },
        { "gw_wsm", (const uint8_t *)wsm, strlen(wsm) + 1 },
        { "gw_di", (const uint8_t *)di, strlen(di) + 1 },
        { "user_param_key", (const uint8_t *)SYNTH_PARAMS, sizeof SYNTH_PARAMS },
        { "baud_cfg", (const uint8_t *)"{\"baud\":9600}", 14 },
    };
    assert_true(kv_build(inner, magic, items, ARRAY_LEN(items), blocks, p));
}

enum { SYNTH_DOORBELL = 0x400000, SYNTH_LAMP = 0x200000 };

/* 4 MiB, caller frees.  Both slots hold programs; the metadata has its magic. */
static inline uint8_t *synth_doorbell(void)
{
    static const uint8_t mac[6] = { 0x10, 0x5A, 0x17, 0xAA, 0xBB, 0xCC };
    struct crypt_key key = synth_tuya_key();
    uint8_t *flash = malloc(SYNTH_DOORBELL), *app = malloc(0x60000);
    memset(flash, 0xFF, SYNTH_DOORBELL);
    synth_bootloader(flash, &key, "BK7252_1.0.4", NULL, NULL);
    put_le32(flash + 0xF000, 0x5A5A5A01);
    random_fill(21, flash + 0xF004, 28);
    synth_program(app, 0x60000, 22, "TUYA IOT SDK V:2.3.1 BS:40.00_PT:2.2_LAN:3.3");
    synth_place(flash, app, 0x60000, 0x10000, &key);
    synth_program(app, 0x58000, 23, "TUYA IOT SDK V:2.3.3 BS:40.00_PT:2.2_LAN:3.3");
    synth_place(flash, app, 0x58000, 0x1A0000, &key);
    synth_rf(flash + 0x363000, mac);
    synth_storage(flash + 0x397000, 17, KV_MAGIC_CLASSIC);
    free(app);
    return flash;
}

/* 2 MiB in the form of a BK7231N factory flash, with containers and an OTA package left over in
 * the download area; caller frees. */
static inline uint8_t *synth_lamp(void)
{
    static const uint8_t mac[6] = { 0x50, 0x8A, 0x06, 0x11, 0x22, 0x33 };
    const struct image_layout *layout = &synth_tuya_layouts[1];
    struct crypt_key key = synth_tuya_key();
    enum { APP = 0x40000 };
    uint8_t *flash = malloc(SYNTH_LAMP), *app = malloc(APP + 16), *plain = malloc(APP);
    memset(flash, 0xFF, SYNTH_LAMP);
    synth_bootloader(flash, &key, "BK7231N_1.0.1", "BK7231\0\0", layout);
    synth_program(plain, APP, 31, "TUYA IOT SDK V:2.3.1 BS:40.00_PT:2.2_LAN:3.3");
    crypt_run(&key, 0x10000, plain, app, APP);
    memset(app + APP, 0xFF, 16);
    crc34_pack(app, APP + 16, flash + 0x11000);
    struct rbl_header h = { .timestamp = 1600000000,
                            .name = "app",
                            .version = "1.00",
                            .serial = "00000000000000000000000" };
    uint8_t header[RBL_HEADER];
    rbl_header_inplace(&h, app, APP + 16);
    rbl_header_write(&h, header);
    crc34_pack(header, sizeof header, flash + 0x129F70 - RBL_PACKED_HEADER);
    uint8_t *rbl;
    size_t len;
    bkf_error err = BKF_ERROR_INIT;
    h.algo = RBL_COMP_GZIP | RBL_CRYPT_AES256;
    memcpy(plain + 0x2000, SYNTH_PASS, strlen(SYNTH_PASS));
    memset(plain + 0x8000, 0x55, APP - 0x8000);
    assert_int_equal(rbl_pack(plain, APP, &h, &rbl_default_keys, &rbl, &len, &err), BKF_OK);
    memcpy(flash + 0x12A000, rbl, len);
    free(rbl);
    synth_rf(flash + 0x1D0000, mac);
    synth_storage(flash + 0x1EE000, 17, KV_MAGIC_TUYAOS);
    free(app);
    free(plain);
    return flash;
}
#endif
