/* tuya_kv.h - Tuya's key-value storage: 4 KiB sectors under AES-128-ECB, one key block and
 * data blocks with generations (bk7231tools analysis/kvstorage.py, BK7231GUIFlashTool
 * Utils/TuyaConfig.cs). */
#ifndef CORE_IMAGE_TUYA_KV_H
#define CORE_IMAGE_TUYA_KV_H
#include "../base/base.h"

enum {
    KV_SECTOR = 4096,
    KV_PAGE = 128,
    KV_PAGES = 32,
    KV_MAX_BLOCKS = 256,
    KV_MAX_ENTRIES = 512,
    KV_MAX_PARTS = 16,
    KV_NAME = 64
};
#define KV_MAGIC_CLASSIC 0x98761234u
#define KV_MAGIC_TUYAOS  0x135726ABu

struct kv_block {
    uint32_t offset; /* of its sector, in the searched bytes */
    uint16_t id;
    uint32_t generation;
    uint8_t map_size;
    uint32_t pages; /* bit n: page n is an index page */
    bool live;      /* newest generation of its id */
};
struct kv_part {
    uint16_t block;
    uint8_t first, last; /* pages, inclusive */
};
struct kv_entry {
    char name[KV_NAME];
    uint32_t length, element, checksum;
    uint16_t index_block;
    uint8_t index_page;
    uint8_t n_parts;
    struct kv_part part[KV_MAX_PARTS];
    bool complete; /* all parts are there */
    bool checksum_ok;
};
/* About 200 KiB: allocate it. */
struct kv_storage {
    bool found;
    uint32_t key_block; /* offset of its sector */
    bool key_sum_ok;
    uint32_t protected_block; /* a second key block that carries data; UINT32_MAX = none */
    uint8_t inner[16], key[16];
    uint32_t magic;    /* of the data blocks; 0 = none valid */
    size_t bad_blocks; /* right magic, wrong sum */
    struct kv_block block[KV_MAX_BLOCKS];
    size_t n_blocks;
    struct kv_entry entry[KV_MAX_ENTRIES];
    size_t n_entries;
    bool truncated; /* more blocks or entries than fit the tables */
};

/* Scans every sector of p (offset 0 is sector aligned) for a key block, then reads the blocks
 * that its key opens.  False = no storage. */
bool kv_read(const uint8_t *p, size_t n, struct kv_storage *out);
/* Value of an entry, malloc'ed with a NUL after it; NULL when incomplete or out of memory. */
uint8_t *kv_value(const uint8_t *p, size_t n, const struct kv_storage *, const struct kv_entry *);
const struct kv_entry *kv_find(const struct kv_storage *, const char *name);

void kv_data_key(const uint8_t inner[16], uint8_t out[16]);
/* One sector; in = out is allowed. */
void kv_decrypt(const uint8_t key[16], const uint8_t *in, uint8_t *out);
void kv_encrypt(const uint8_t key[16], const uint8_t *in, uint8_t *out);
extern const uint8_t kv_master_key[16];

/* Builds a storage of 1 + blocks sectors: a key block and one block id per sector, entries laid
 * out one after another.  For tests and synthetic devices.  False = does not fit. */
struct kv_item {
    const char *name;
    const uint8_t *value;
    size_t length;
};
bool kv_build(const uint8_t inner[16], uint32_t magic, const struct kv_item *, size_t n_items,
              size_t blocks, uint8_t *out);

/* user_param_key text, which is JSON without quotes: appends proper JSON.  Text that holds a
 * double quote is JSON already and is copied.  False = not of that form. */
bool kv_param_json(const char *text, size_t n, struct strbuf *out);
#endif
