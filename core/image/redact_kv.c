/* The storage without secrets: values of secret keys become 'x', stale copies go, sums are right
 * again, and everything stands under an inner key of zeros, so that the old one is gone too. */
#include "bytes.h"
#include "redact.h"
#include <stdlib.h>

struct keeper {
    const struct image_facts *f;
    const struct secret_list *secrets;
    uint32_t keep[KV_MAX_BLOCKS]; /* pages of each block that stay as they are */
};

static bool value_clean(struct keeper *k, const struct kv_entry *e)
{
    if (!secret_harmless(e->name))
        return false;
    uint8_t *v = kv_value(k->f->data, k->f->data_len, k->f->kv, e);
    bool clean = v && secrets_blank(k->secrets, v, e->length, NULL, NULL) == 0;
    free(v);
    return clean;
}

static size_t live_index(const struct kv_storage *kv, uint16_t id)
{
    for (size_t i = 0; i < kv->n_blocks; i++)
        if (kv->block[i].live && kv->block[i].id == id)
            return i;
    return SIZE_MAX;
}

/* Pages of harmless values in live blocks; nothing of a stale copy is worth keeping. */
static void mark_pages(struct keeper *k)
{
    const struct kv_storage *kv = k->f->kv;
    for (size_t i = 0; i < kv->n_entries; i++) {
        const struct kv_entry *e = &kv->entry[i];
        if (!value_clean(k, e))
            continue;
        for (size_t p = 0; p < e->n_parts; p++) {
            size_t b = live_index(kv, e->part[p].block);
            for (unsigned page = e->part[p].first; b != SIZE_MAX && page <= e->part[p].last; page++)
                k->keep[b] |= 1u << page;
        }
    }
}

static const struct kv_entry *entry_at(const struct kv_storage *kv, uint16_t block, uint8_t page)
{
    for (size_t i = 0; i < kv->n_entries; i++)
        if (kv->entry[i].index_block == block && kv->entry[i].index_page == page)
            return &kv->entry[i];
    return NULL;
}

/* True when something was blanked. */
static bool blank_block(struct keeper *k, size_t b, uint8_t *plain)
{
    const struct kv_block *block = &k->f->kv->block[b];
    bool changed = false;
    for (unsigned page = 1; page < KV_PAGES; page++) {
        uint8_t *p = plain + (size_t)page * KV_PAGE;
        if (block->pages >> page & 1) {
            const struct kv_entry *e =
                block->live ? entry_at(k->f->kv, block->id, (uint8_t)page) : NULL;
            if (e && value_clean(k, e))
                continue;
            uint32_t sum = le32(p + 4) * (uint32_t)'x';
            changed |= le32(p) != sum;
            put_le32(p, sum);
            continue;
        }
        if (k->keep[b] >> page & 1 || bytes_are(p, KV_PAGE, 0xFF) || bytes_are(p, KV_PAGE, 0))
            continue;
        memset(p, 'x', KV_PAGE);
        changed = true;
    }
    return changed;
}

static void new_key_block(uint8_t *sector)
{
    memset(sector, 0xFF, KV_SECTOR);
    put_le32(sector, 0x13579753u);
    put_le32(sector + 4, 0);
    memset(sector + 8, 0, 16);
    kv_encrypt(kv_master_key, sector, sector);
}

static bool is_block(const struct kv_storage *kv, uint32_t at)
{
    for (size_t i = 0; i < kv->n_blocks; i++)
        if (kv->block[i].offset == at)
            return true;
    return false;
}

/* Sectors in the storage that cannot be read cannot be cleared of secrets either. */
static void erase_unreadable(const struct image_facts *f, uint8_t *data, struct redact_report *r)
{
    const struct kv_storage *kv = f->kv;
    uint32_t end = kv->key_block + KV_SECTOR;
    for (size_t i = 0; i < kv->n_blocks; i++)
        if (kv->block[i].offset + KV_SECTOR > end)
            end = kv->block[i].offset + KV_SECTOR;
    for (uint32_t at = kv->key_block + KV_SECTOR;
         at + KV_SECTOR <= f->data_len && at < end + 4 * KV_SECTOR; at += KV_SECTOR) {
        bool mine = at < end || entropy_of(data + at, KV_SECTOR) > 7.0;
        if (!mine || is_block(kv, at) || bytes_are(data + at, KV_SECTOR, 0xFF))
            continue;
        memset(data + at, 0xFF, KV_SECTOR);
        redact_note(r, f->base + at, KV_SECTOR, "storage sector that cannot be read: erased");
    }
    if (kv->protected_block != UINT32_MAX) {
        memset(data + kv->protected_block, 0xFF, KV_SECTOR);
        redact_note(r, f->base + kv->protected_block, KV_SECTOR, "protected storage block: erased");
    }
}

bool redact_storage(const struct image_facts *f, const struct secret_list *secrets, uint8_t *data,
                    struct redact_report *r)
{
    static const uint8_t zero[16] = { 0 };
    struct keeper *k = calloc(1, sizeof *k);
    uint8_t *plain = malloc(KV_SECTOR), key[16];
    const struct kv_storage *kv = f->kv;
    bool ok = k && plain;
    if (ok) {
        k->f = f;
        k->secrets = secrets;
        mark_pages(k);
        kv_data_key(zero, key);
        erase_unreadable(f, data, r);
        new_key_block(data + kv->key_block);
        redact_note(r, f->base + kv->key_block, KV_SECTOR, "storage key: replaced by zeros");
    }
    for (size_t b = 0; ok && b < kv->n_blocks; b++) {
        uint32_t at = kv->block[b].offset;
        kv_decrypt(kv->key, f->data + at, plain);
        bool changed = blank_block(k, b, plain);
        put_le32(plain + 4, byte_sum(plain + 8, KV_SECTOR - 8));
        kv_encrypt(key, plain, data + at);
        redact_note(r, f->base + at, KV_SECTOR,
                    "storage block %u: %sre-encrypted under the zero key", kv->block[b].id,
                    changed ? "secret and stale values blanked, " : "");
    }
    free(plain);
    free(k);
    return ok;
}
