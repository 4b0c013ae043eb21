/* Writing a Tuya key-value storage, and its quote-less JSON. */
#include "bytes.h"
#include "tuya_kv.h"
#include <stdlib.h>

struct builder {
    uint8_t *blocks; /* plain */
    size_t n_blocks, block;
    uint8_t page;
};

static uint8_t *page_at(struct builder *b, size_t page)
{
    return b->blocks + b->block * KV_SECTOR + page * KV_PAGE;
}

/* An entry stays within its block: index page, then value pages. */
static bool item_add(struct builder *b, const struct kv_item *item, uint32_t element)
{
    size_t pages = (item->length + KV_PAGE - 1) / KV_PAGE, name = strlen(item->name) + 1;
    pages = pages ? pages : 1;
    if (name > 64 || pages + 1 > KV_PAGES - 1)
        return false;
    if (b->page + pages + 1 > KV_PAGES) {
        b->block++;
        b->page = 1;
    }
    if (b->block == b->n_blocks)
        return false;
    uint8_t *index = page_at(b, b->page);
    memset(index, 0, KV_PAGE);
    put_le32(index, byte_sum(item->value, item->length));
    put_le32(index + 4, (uint32_t)item->length);
    put_le16(index + 8, (uint16_t)b->block);
    index[10] = b->page;
    put_le16(index + 11, 1);
    put_le32(index + 13, element);
    index[17] = (uint8_t)name;
    memcpy(index + 18, item->name, name);
    put_le16(index + 18 + name, (uint16_t)b->block);
    index[20 + name] = (uint8_t)(b->page + 1);
    index[21 + name] = (uint8_t)(b->page + pages);
    uint8_t *head = page_at(b, 0);
    head[15 + b->page / 8] |= (uint8_t)(1u << b->page % 8);
    memset(page_at(b, b->page + 1u), 0, pages * KV_PAGE);
    memcpy(page_at(b, b->page + 1u), item->value, item->length);
    b->page = (uint8_t)(b->page + pages + 1);
    return true;
}

static void heads(struct builder *b, uint32_t magic)
{
    for (b->block = 0; b->block < b->n_blocks; b->block++) {
        uint8_t *head = page_at(b, 0);
        memset(head, 0, KV_PAGE);
        memset(head + KV_PAGE, 0xFF, KV_SECTOR - KV_PAGE);
        put_le32(head, magic);
        put_le16(head + 8, (uint16_t)b->block);
        head[14] = 4;
    }
    b->block = 0;
    b->page = 1;
}

bool kv_build(const uint8_t inner[16], uint32_t magic, const struct kv_item *items, size_t n_items,
              size_t blocks, uint8_t *out)
{
    uint8_t key[16];
    struct builder b = { .blocks = out + KV_SECTOR, .n_blocks = blocks };
    heads(&b, magic);
    for (size_t i = 0; i < n_items; i++)
        if (!item_add(&b, &items[i], 0x420000u + (uint32_t)i))
            return false;
    memset(out, 0xFF, KV_SECTOR);
    put_le32(out, 0x13579753u);
    put_le32(out + 4, byte_sum(inner, 16));
    memcpy(out + 8, inner, 16);
    kv_encrypt(kv_master_key, out, out);
    kv_data_key(inner, key);
    for (size_t i = 1; i <= blocks; i++) {
        uint8_t *block = out + i * KV_SECTOR;
        put_le32(block + 4, byte_sum(block + 8, KV_SECTOR - 8));
        kv_encrypt(key, block, block);
    }
    return true;
}

static bool plain_number(const char *s, size_t n)
{
    size_t i = n > 1 && s[0] == '-' ? 1 : 0;
    if (n - i > 15 || (s[i] == '0' && n - i > 1))
        return false;
    for (; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 0 && s[n - 1] != '-';
}

static bool literal(const char *s, size_t n)
{
    return (n == 4 && (memcmp(s, "true", 4) == 0 || memcmp(s, "null", 4) == 0)) ||
           (n == 5 && memcmp(s, "false", 5) == 0);
}

static bool is_mark(char c)
{
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',';
}

static void token(const char *s, size_t n, bool is_key, struct strbuf *out)
{
    if (!is_key && (plain_number(s, n) || literal(s, n))) {
        strbuf_add(out, s, n);
        return;
    }
    strbuf_add(out, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c >= 0x7F || c == '\\')
            strbuf_addf(out, "\\u%04x", c);
        else
            strbuf_add(out, s + i, 1);
    }
    strbuf_add(out, "\"", 1);
}

bool kv_param_json(const char *text, size_t n, struct strbuf *out)
{
    while (n > 0 && (text[n - 1] == 0 || text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n < 2 || (text[0] != '{' && text[0] != '['))
        return false;
    if (memchr(text, '"', n)) {
        strbuf_add(out, text, n);
        return true;
    }
    for (size_t i = 0; i < n;) {
        if (is_mark(text[i])) {
            size_t next = i + 1;
            bool dangling = text[i] == ',' && next < n && (text[next] == '}' || text[next] == ']');
            if (!dangling)
                strbuf_add(out, text + i, 1);
            i = next;
            continue;
        }
        size_t end = i;
        while (end < n && !is_mark(text[end]))
            end++;
        token(text + i, end - i, end < n && text[end] == ':', out);
        i = end;
    }
    return true;
}
