/* Reading Tuya's key-value storage. */
#include "tuya_kv.h"
#include "bytes.h"
#include <nettle/aes.h>
#include <stdlib.h>

const uint8_t kv_master_key[16] = { 'q', 'w', 'e', 'r', 't', 'y', 'u', 'i',
                                    'o', 'p', 'a', 's', 'd', 'f', 'g', 'h' };
static const uint8_t part1[4] = { '8', '7', '1', '0' };
static const uint8_t part2[16] = { 'H', 'H', 'R', 'R', 'Q', 'b', 'y', 'e',
                                   'm', 'o', 'f', 'r', 't', 'y', 't', 'f' };
#define MAGIC_KEY 0x13579753u

void kv_data_key(const uint8_t inner[16], uint8_t out[16])
{
    for (size_t i = 0; i < 16; i++)
        out[i] = (uint8_t)(part1[i & 3] + part2[i] + inner[i]);
}

void kv_decrypt(const uint8_t key[16], const uint8_t *in, uint8_t *out)
{
    struct aes128_ctx aes;
    aes128_set_decrypt_key(&aes, key);
    aes128_decrypt(&aes, KV_SECTOR, out, in);
}

void kv_encrypt(const uint8_t key[16], const uint8_t *in, uint8_t *out)
{
    struct aes128_ctx aes;
    aes128_set_encrypt_key(&aes, key);
    aes128_encrypt(&aes, KV_SECTOR, out, in);
}

/* Bytes 32..47 of a key block are erased flash under the master key; a protected block says
 * its data length at 24 and keeps the rest erased. */
static bool key_sector(const uint8_t *p, uint8_t plain[KV_SECTOR])
{
    struct aes128_ctx aes;
    aes128_set_decrypt_key(&aes, kv_master_key);
    aes128_decrypt(&aes, 16, plain, p);
    if (le32(plain) != MAGIC_KEY)
        return false;
    kv_decrypt(kv_master_key, p, plain);
    return true;
}

static bool find_key(const uint8_t *p, size_t n, struct kv_storage *kv)
{
    uint8_t plain[KV_SECTOR];
    bool found = false;
    kv->protected_block = UINT32_MAX;
    for (size_t at = 0; at + KV_SECTOR <= n; at += KV_SECTOR) {
        if (!key_sector(p + at, plain))
            continue;
        if (!bytes_are(plain + 24, 16, 0xFF)) {
            kv->protected_block = (uint32_t)at;
            continue;
        }
        bool sum_ok = byte_sum(plain + 8, 16) == le32(plain + 4);
        if (found && (kv->key_sum_ok || !sum_ok))
            continue; /* the first good one counts */
        found = true;
        kv->key_block = (uint32_t)at;
        kv->key_sum_ok = sum_ok;
        memcpy(kv->inner, plain + 8, 16);
    }
    kv_data_key(kv->inner, kv->key);
    return found;
}

static void block_add(struct kv_storage *kv, const uint8_t *plain, uint32_t at)
{
    if (kv->n_blocks == KV_MAX_BLOCKS) {
        kv->truncated = true;
        return;
    }
    struct kv_block *b = &kv->block[kv->n_blocks++];
    *b = (struct kv_block){ .offset = at,
                            .id = le16(plain + 8),
                            .generation = le32(plain + 10),
                            .map_size = plain[14],
                            .pages = le32(plain + 15) & ~1u,
                            .live = true };
    for (size_t i = 0; i + 1 < kv->n_blocks; i++) {
        struct kv_block *other = &kv->block[i];
        if (other->id != b->id || !other->live)
            continue;
        if (other->generation >= b->generation)
            b->live = false;
        else
            other->live = false;
    }
}

static void find_blocks(const uint8_t *p, size_t n, struct kv_storage *kv)
{
    struct aes128_ctx aes;
    uint8_t plain[KV_SECTOR];
    aes128_set_decrypt_key(&aes, kv->key);
    for (size_t at = 0; at + KV_SECTOR <= n; at += KV_SECTOR) {
        aes128_decrypt(&aes, 16, plain, p + at);
        uint32_t magic = le32(plain);
        if (magic != KV_MAGIC_CLASSIC && magic != KV_MAGIC_TUYAOS)
            continue;
        aes128_decrypt(&aes, KV_SECTOR, plain, p + at);
        if (byte_sum(plain + 8, KV_SECTOR - 8) != le32(plain + 4)) {
            kv->bad_blocks++;
            continue;
        }
        kv->magic = magic;
        block_add(kv, plain, (uint32_t)at);
    }
}

static const struct kv_block *live_block(const struct kv_storage *kv, uint16_t id)
{
    for (size_t i = 0; i < kv->n_blocks; i++)
        if (kv->block[i].live && kv->block[i].id == id)
            return &kv->block[i];
    return NULL;
}

/* Reads count part descriptors; true when they name just the pages the value needs. */
static bool parts_read(const uint8_t *p, size_t count, size_t room, struct kv_entry *e)
{
    size_t pages = 0;
    e->n_parts = 0;
    if (count == 0 || count > room || count > KV_MAX_PARTS)
        return false;
    for (size_t i = 0; i < count; i++, p += 4) {
        if (p[2] > p[3] || p[3] >= KV_PAGES)
            return false;
        e->part[e->n_parts++] = (struct kv_part){ le16(p), p[2], p[3] };
        pages += (size_t)(p[3] - p[2]) + 1;
    }
    return e->length > (pages - 1) * KV_PAGE && e->length <= pages * KV_PAGE;
}

static bool entry_read(const uint8_t *page, const struct kv_block *b, uint8_t number,
                       struct kv_entry *e)
{
    *e = (struct kv_entry){ .checksum = le32(page),
                            .length = le32(page + 4),
                            .index_block = le16(page + 8),
                            .index_page = page[10],
                            .element = le32(page + 13) };
    uint16_t count = le16(page + 11);
    size_t name = page[17];
    if (e->index_block != b->id || e->index_page != number || 18 + name > KV_PAGE)
        return false;
    field_text(e->name, sizeof e->name, page + 18, name);
    const uint8_t *parts = page + 18 + name;
    size_t room = (KV_PAGE - 18 - name) / 4;
    /* some firmware stores the size of the array instead of the number of its elements */
    return parts_read(parts, count, room, e) || parts_read(parts, count / 4u, room, e) ||
           parts_read(parts, count, room, e) || e->n_parts > 0;
}

uint8_t *kv_value(const uint8_t *p, size_t n, const struct kv_storage *kv, const struct kv_entry *e)
{
    size_t have = 0;
    uint8_t plain[KV_SECTOR];
    if (e->length > (size_t)KV_MAX_PARTS * KV_SECTOR)
        return NULL;
    uint8_t *value = malloc((size_t)e->length + 1);
    for (size_t i = 0; value && i < e->n_parts && have < e->length; i++) {
        const struct kv_block *b = live_block(kv, e->part[i].block);
        if (!b || b->offset + (size_t)KV_SECTOR > n)
            break;
        kv_decrypt(kv->key, p + b->offset, plain);
        size_t len = (size_t)(e->part[i].last - e->part[i].first + 1) * KV_PAGE;
        len = len < e->length - have ? len : e->length - have;
        memcpy(value + have, plain + (size_t)e->part[i].first * KV_PAGE, len);
        have += len;
    }
    if (!value || have < e->length) {
        free(value);
        return NULL;
    }
    value[have] = 0;
    return value;
}

/* Among entries of one name the highest element wins. */
static void entry_add(struct kv_storage *kv, const struct kv_entry *e)
{
    for (size_t i = 0; i < kv->n_entries; i++)
        if (strcmp(kv->entry[i].name, e->name) == 0) {
            if (e->element > kv->entry[i].element)
                kv->entry[i] = *e;
            return;
        }
    if (kv->n_entries == KV_MAX_ENTRIES) {
        kv->truncated = true;
        return;
    }
    kv->entry[kv->n_entries++] = *e;
}

static void find_entries(const uint8_t *p, size_t n, struct kv_storage *kv)
{
    uint8_t plain[KV_SECTOR];
    for (size_t i = 0; i < kv->n_blocks; i++) {
        const struct kv_block *b = &kv->block[i];
        if (!b->live)
            continue;
        kv_decrypt(kv->key, p + b->offset, plain);
        for (unsigned page = 1; page < KV_PAGES; page++) {
            struct kv_entry e;
            if (b->pages >> page & 1 &&
                entry_read(plain + (size_t)page * KV_PAGE, b, (uint8_t)page, &e))
                entry_add(kv, &e);
        }
    }
    for (size_t i = 0; i < kv->n_entries; i++) {
        struct kv_entry *e = &kv->entry[i];
        uint8_t *value = kv_value(p, n, kv, e);
        e->complete = value != NULL;
        e->checksum_ok = value && byte_sum(value, e->length) == e->checksum;
        free(value);
    }
}

bool kv_read(const uint8_t *p, size_t n, struct kv_storage *out)
{
    memset(out, 0, sizeof *out);
    out->found = find_key(p, n, out);
    if (!out->found)
        return false;
    find_blocks(p, n, out);
    find_entries(p, n, out);
    return true;
}

const struct kv_entry *kv_find(const struct kv_storage *kv, const char *name)
{
    for (size_t i = 0; i < kv->n_entries; i++)
        if (strcmp(kv->entry[i].name, name) == 0)
            return &kv->entry[i];
    return NULL;
}
