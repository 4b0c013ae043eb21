/* Reading UF2 files. */
#include "uf2.h"
#include "bytes.h"
#include <stdlib.h>

enum {
    MAGIC0 = 0x0A324655,
    MAGIC2 = 0x0AB16F30,
    FLAG_NOT_MAIN = 1,
    FLAG_CONTAINER = 0x1000,
    FLAG_FAMILY = 0x2000,
    FLAG_MD5 = 0x4000,
    FLAG_TAGS = 0x8000,
    TAG_BOARD = 0xCA25C8,
    TAG_FIRMWARE = 0x00DE43,
    TAG_VERSION = 0x9FC7BC,
    TAG_PART_INFO = 0xC0EE0C,
    MAX_PARTITION = 16 << 20
};
#define MAGIC1 0x9E5D5157u

struct family {
    uint32_t id;
    const char *chip;
};
static const struct family families[] = {
    /* libretiny families.json */
    { 0x675A40B0, "BK7231T" }, { 0x7B3EF230, "BK7231N" },       { 0xAFE81D49, "BK7231Q" },
    { 0x159AC324, "BK7238" },  { 0x6A82CC42, "BK7251/BK7252" },
};

struct reader {
    enum uf2_scheme scheme;
    struct uf2_info *info;
    char part[17]; /* current target of the scheme; "" = block not for us */
    uf2_sink sink;
    void *ud;
};

static bkf_status damaged(bkf_error *err, size_t block, const char *what)
{
    return error_set(err, BKF_E_IMAGE, "UF2 block %zu: %s", block, what);
}

/* Six nibbles, the high one of each byte first, choose, for each scheme, one of the names that
 * follow. */
static bool part_info(struct reader *r, const uint8_t *p, size_t n)
{
    if (n < 3)
        return false;
    unsigned nibble = p[r->scheme / 2] >> (r->scheme % 2 ? 0 : 4) & 0xF;
    r->part[0] = 0;
    if (nibble == 0)
        return true;
    p += 3;
    n -= 3;
    for (unsigned i = 1; n > 0; i++) {
        size_t len = strnlen((const char *)p, n);
        if (i == nibble && len > 0 && len < sizeof r->part) {
            field_text(r->part, sizeof r->part, p, len);
            break;
        }
        size_t skip = len < n ? len + 1 : n;
        p += skip;
        n -= skip;
    }
    struct uf2_info *info = r->info;
    if (!r->part[0])
        return false;
    for (size_t i = 0; i < info->n_parts; i++)
        if (strcmp(info->parts[i], r->part) == 0)
            return true;
    if (info->n_parts < UF2_PARTS)
        memcpy(info->parts[info->n_parts++], r->part, sizeof r->part);
    return true;
}

static bool tags(struct reader *r, const uint8_t *p, size_t n)
{
    while (n >= 4 && p[0] != 0) {
        size_t len = p[0];
        uint32_t type = p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16;
        if (len < 4 || len > n)
            return false;
        const uint8_t *value = p + 4;
        size_t size = len - 4, step = (len + 3) / 4 * 4;
        if (type == TAG_PART_INFO && !part_info(r, value, size))
            return false;
        if (type == TAG_BOARD)
            field_text(r->info->board, sizeof r->info->board, value, size);
        if (type == TAG_FIRMWARE)
            field_text(r->info->firmware, sizeof r->info->firmware, value, size);
        if (type == TAG_VERSION)
            field_text(r->info->version, sizeof r->info->version, value, size);
        step = step < n ? step : n;
        p += step;
        n -= step;
    }
    return true;
}

static bkf_status block_read(struct reader *r, const uint8_t *p, size_t i, size_t total,
                             bkf_error *err)
{
    uint32_t flags = le32(p + 8), addr = le32(p + 12), len = le32(p + 16);
    if (le32(p) != MAGIC0 || le32(p + 4) != MAGIC1 || le32(p + 508) != MAGIC2)
        return damaged(err, i, "magic numbers are wrong");
    if (le32(p + 20) != i || le32(p + 24) != total)
        return damaged(err, i, "numbered wrong: blocks are missing or out of order");
    if (len > 476)
        return damaged(err, i, "names more data than a block holds");
    if (flags & FLAG_CONTAINER)
        return damaged(err, i, "file containers are not firmware");
    if (flags & FLAG_FAMILY) {
        uint32_t family = le32(p + 28);
        if (i > 0 && family != r->info->family)
            return damaged(err, i, "belongs to another chip family than the first");
        r->info->family = family;
    }
    size_t room = 476 - (flags & FLAG_MD5 ? 24u : 0u);
    if (len > room)
        return damaged(err, i, "data runs into its checksum");
    size_t data_end = (len + 3) / 4 * 4;
    if (flags & FLAG_TAGS && data_end < room && !tags(r, p + 32 + data_end, room - data_end))
        return damaged(err, i, "has a broken tag");
    if (flags & FLAG_NOT_MAIN || len == 0 || !r->part[0])
        return BKF_OK;
    if ((uint64_t)addr + len > MAX_PARTITION)
        return damaged(err, i, "lies past the end of any flash");
    return r->sink ? r->sink(r->ud, r->part, addr, p + 32, len, err) : BKF_OK;
}

bkf_status uf2_read(const uint8_t *p, size_t n, enum uf2_scheme scheme, struct uf2_info *info,
                    uf2_sink sink, void *ud, bkf_error *err)
{
    struct reader r = { .scheme = scheme, .info = info, .sink = sink, .ud = ud };
    memset(info, 0, sizeof *info);
    if (n == 0 || n % UF2_BLOCK)
        return error_set(err, BKF_E_IMAGE,
                         "a UF2 file has whole 512-byte blocks; this has %zu bytes", n);
    info->blocks = n / UF2_BLOCK;
    for (size_t i = 0; i < info->blocks; i++) {
        bkf_status st = block_read(&r, p + i * UF2_BLOCK, i, info->blocks, err);
        if (st)
            return st;
    }
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        if (families[i].id == info->family)
            info->chip = families[i].chip;
    return BKF_OK;
}

struct extent {
    const char *partition;
    uint8_t *out; /* NULL in the first pass, which measures */
    size_t len;
};

static bkf_status extent_add(void *ud, const char *partition, uint32_t offset, const uint8_t *p,
                             size_t n, bkf_error *err)
{
    struct extent *e = ud;
    (void)err;
    if (strcmp(partition, e->partition) != 0)
        return BKF_OK;
    if (e->out)
        memcpy(e->out + offset, p, n);
    else if (offset + n > e->len)
        e->len = offset + n;
    return BKF_OK;
}

bkf_status uf2_extract(const uint8_t *p, size_t n, enum uf2_scheme scheme, const char *partition,
                       uint8_t **out, size_t *out_len, bkf_error *err)
{
    struct uf2_info info;
    struct extent e = { .partition = partition };
    *out = NULL;
    bkf_status st = uf2_read(p, n, scheme, &info, extent_add, &e, err);
    if (st)
        return st;
    if (e.len == 0)
        return error_set(err, BKF_E_IMAGE, "the UF2 file has nothing for partition '%s'",
                         partition);
    e.out = malloc(e.len);
    if (!e.out)
        return error_set(err, BKF_E_NOMEM, "no memory for %zu bytes", e.len);
    memset(e.out, 0xFF, e.len);
    st = uf2_read(p, n, scheme, &info, extent_add, &e, err);
    if (st) {
        free(e.out);
        return st;
    }
    *out = e.out;
    *out_len = e.len;
    return BKF_OK;
}
