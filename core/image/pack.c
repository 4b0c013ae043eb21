/* Putting an extracted image together again.  The manifest may have been edited: everything in
 * it is checked. */
#include "bytes.h"
#include "crc34.h"
#include "extract.h"
#include <stdio.h>
#include <stdlib.h>

enum { MAX_IMAGE = 64 << 20 };

struct packer {
    image_get get;
    void *ud;
    uint8_t *image;
    uint32_t base;
    size_t size;
    uint64_t pos; /* everything before this flash offset is done */
};

static bkf_status wrong(bkf_error *err, const char *region, const char *what)
{
    return error_set(err, BKF_E_FILE, "%s, region '%s': %s", MANIFEST_NAME, region, what);
}

/* "0x1f000" */
static bool number(const json_t *obj, const char *key, uint64_t *out)
{
    const char *s = json_string_value(json_object_get(obj, key));
    return s && num_parse_u64(s, out);
}

/* A plain name, so that a manifest from somewhere cannot reach outside its folder. */
static bool name_safe(const char *s)
{
    if (!s || !*s || *s == '.' || strlen(s) > 80)
        return false;
    for (; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", *s))
            return false;
    return true;
}

static bkf_status load(struct packer *k, const json_t *row, const char *field, const char *region,
                       uint8_t **p, size_t *n, bkf_error *err)
{
    const char *name = json_string_value(json_object_get(row, field));
    if (!name_safe(name))
        return wrong(err, region, "its file name is missing or not a plain name");
    return k->get(k->ud, name, p, n, err);
}

static bool pair(const json_t *item, json_int_t out[2])
{
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_array_get(item, i);
        if (!json_is_integer(v))
            return false;
        out[i] = json_integer_value(v);
    }
    return json_array_size(item) == 2;
}

/* -- code ------------------------------------------------------------------------------ */
struct code_in {
    uint8_t *plain, *rest;
    size_t n, rest_len, rest_at;
    struct crypt_key key;
    uint64_t logical;
};

static bkf_status encipher(struct code_in *c, const json_t *row, const char *region, bkf_error *err)
{
    const char *key = json_string_value(json_object_get(row, "key"));
    if (!key || !crypt_parse(key, &c->key) || !number(row, "logical", &c->logical))
        return wrong(err, region, "key or logical address is missing or malformed");
    crypt_run(&c->key, (uint32_t)c->logical, c->plain, c->plain, c->n);
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(row, "clear"), i, item)
    {
        json_int_t r[2];
        if (!pair(item, r) || r[0] < 0 || r[0] > r[1] || r[1] > (json_int_t)c->n || r[0] % 4)
            return wrong(err, region, "a clear range is malformed");
        /* the stream cancels itself: these bytes were never ciphered */
        crypt_run(&c->key, (uint32_t)(c->logical + (uint64_t)r[0]), c->plain + r[0],
                  c->plain + r[0], (size_t)(r[1] - r[0]));
    }
    return BKF_OK;
}

static bool copy_rest(struct code_in *c, uint8_t *out, size_t n)
{
    if (n > c->rest_len - c->rest_at)
        return false;
    if (n)
        memcpy(out, c->rest + c->rest_at, n);
    c->rest_at += n;
    return true;
}

static bkf_status lay_runs(struct code_in *c, const json_t *runs, uint8_t *out, size_t n,
                           const char *region, bkf_error *err)
{
    size_t i, block = 0, blocks = n / CRC34_BLOCK;
    json_t *item;
    if (c->n != blocks * CRC34_DATA)
        return error_set(
            err, BKF_E_IMAGE,
            "region '%s' takes %zu program bytes, its file has %zu; fill it with FF or "
            "cut it",
            region, blocks * CRC34_DATA, c->n);
    json_array_foreach((json_t *)(uintptr_t)runs, i, item)
    {
        const char *kind = json_string_value(json_array_get(item, 0));
        json_int_t count = json_integer_value(json_array_get(item, 1));
        if (!kind || count < 0 || (size_t)count > blocks - block)
            return wrong(err, region, "its runs do not fit");
        uint8_t *at = out + block * CRC34_BLOCK;
        size_t len = (size_t)count * CRC34_BLOCK;
        if (strcmp(kind, "code") == 0)
            crc34_pack(c->plain + block * CRC34_DATA, (size_t)count * CRC34_DATA, at);
        else if (strcmp(kind, "erased") == 0)
            memset(at, 0xFF, len);
        else if (strcmp(kind, "bad") != 0 || !copy_rest(c, at, len))
            return wrong(err, region, "a run is unknown or its bytes are missing");
        block += (size_t)count;
    }
    if (block != blocks || !copy_rest(c, out + blocks * CRC34_BLOCK, n % CRC34_BLOCK))
        return wrong(err, region, "its runs do not fill it");
    return BKF_OK;
}

static bkf_status code_in(struct packer *k, const json_t *row, const char *region, uint8_t *out,
                          size_t n, bkf_error *err)
{
    struct code_in c = { 0 };
    bkf_status st = load(k, row, "file", region, &c.plain, &c.n, err);
    if (!st && json_object_get(row, "rest"))
        st = load(k, row, "rest", region, &c.rest, &c.rest_len, err);
    if (!st)
        st = encipher(&c, row, region, err);
    if (!st)
        st = lay_runs(&c, json_object_get(row, "runs"), out, n, region, err);
    free(c.plain);
    free(c.rest);
    return st;
}

/* -- regions --------------------------------------------------------------------------- */
static bkf_status raw_in(struct packer *k, const json_t *row, const char *region, uint8_t *out,
                         size_t n, bkf_error *err)
{
    uint8_t *p = NULL;
    size_t len = 0;
    bkf_status st = load(k, row, "file", region, &p, &len, err);
    if (!st && len != n)
        st = error_set(err, BKF_E_IMAGE, "region '%s' has %zu bytes, its file %zu", region, n, len);
    if (!st && p)
        memcpy(out, p, n);
    free(p);
    return st;
}

static bkf_status region_in(struct packer *k, const json_t *row, bkf_error *err)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    const char *how = json_string_value(json_object_get(row, "how"));
    uint64_t start, end;
    name = name ? name : "?";
    if (!how || !number(row, "start", &start) || !number(row, "end", &end))
        return wrong(err, name, "start, end or how is missing");
    if (start != k->pos || end <= start || end > (uint64_t)k->base + k->size)
        return wrong(err, name, "it does not follow the region before it, or ends past the image");
    uint8_t *out = k->image + (start - k->base);
    size_t n = end - start;
    k->pos = end;
    if (strcmp(how, "raw") == 0)
        return raw_in(k, row, name, out, n, err);
    if (strcmp(how, "code") == 0)
        return code_in(k, row, name, out, n, err);
    if (strcmp(how, "fill") != 0)
        return wrong(err, name, "'how' is none of raw, code, fill");
    memset(out, (int)(json_integer_value(json_object_get(row, "byte")) & 0xFF), n);
    return BKF_OK;
}

static void turn_back(uint8_t *image, size_t size, size_t turned, uint8_t *out)
{
    memcpy(out + turned, image, size - turned);
    memcpy(out, image + (size - turned), turned);
}

static bkf_status assemble(struct packer *k, const json_t *root, bkf_error *err)
{
    uint64_t base, turned;
    json_int_t size = json_integer_value(json_object_get(root, "size"));
    json_t *row;
    size_t i;
    if (json_integer_value(json_object_get(root, "bkflash_manifest")) != 1)
        return error_set(err, BKF_E_FILE, "%s is not a manifest of this version", MANIFEST_NAME);
    if (size <= 0 || size > MAX_IMAGE || !number(root, "base", &base) || base > MAX_IMAGE ||
        !number(root, "wrapped_at", &turned) || turned >= (uint64_t)size)
        return error_set(err, BKF_E_FILE, "%s: size, base or wrapped_at is missing or impossible",
                         MANIFEST_NAME);
    k->size = (size_t)size;
    k->base = (uint32_t)base;
    k->pos = base;
    k->image = malloc(k->size);
    if (!k->image)
        return error_set(err, BKF_E_NOMEM, "no memory for %zu bytes", k->size);
    json_array_foreach(json_object_get(root, "regions"), i, row)
    {
        bkf_status st = region_in(k, row, err);
        if (st)
            return st;
    }
    if (k->pos != (uint64_t)k->base + k->size)
        return error_set(err, BKF_E_FILE, "%s: the regions end at 0x%llx, the image at 0x%llx",
                         MANIFEST_NAME, (unsigned long long)k->pos,
                         (unsigned long long)k->base + k->size);
    if (turned == 0)
        return BKF_OK;
    uint8_t *out = malloc(k->size);
    if (!out)
        return error_set(err, BKF_E_NOMEM, "no memory for %zu bytes", k->size);
    turn_back(k->image, k->size, turned, out);
    free(k->image);
    k->image = out;
    return BKF_OK;
}

bkf_status pack_image(image_get get, void *ud, uint8_t **out, size_t *out_len, bool *same,
                      bkf_error *err)
{
    struct packer k = { .get = get, .ud = ud };
    uint8_t *text = NULL;
    size_t len = 0;
    json_error_t where;
    *out = NULL;
    bkf_status st = get(ud, MANIFEST_NAME, &text, &len, err);
    if (st)
        return st;
    json_t *root = json_loadb((const char *)text, len, 0, &where);
    free(text);
    if (!root)
        return error_set(err, BKF_E_FILE, "%s:%d: %s", MANIFEST_NAME, where.line, where.text);
    st = assemble(&k, root, err);
    if (!st) {
        struct sha256_hex sha;
        const char *want = json_string_value(json_object_get(root, "sha256"));
        sha256_of(k.image, k.size, &sha);
        *same = want && strcmp(want, sha.text) == 0;
        *out = k.image;
        *out_len = k.size;
    } else {
        free(k.image);
    }
    json_decref(root);
    return st;
}
