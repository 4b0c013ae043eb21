/* Reading and writing FAL partition tables. */
#include "fal.h"
#include "bytes.h"
#include "crc34.h"

enum { MAX_FLASH = 16 << 20 };

/* A name: printable, ended by NULs to the end of its field. */
static bool name_ok(const uint8_t *p, size_t n)
{
    size_t len = strnlen((const char *)p, n);
    if (len == 0 || len == n || !bytes_are(p + len, n - len, 0))
        return false;
    for (size_t i = 0; i < len; i++)
        if (p[i] <= 0x20 || p[i] >= 0x7F)
            return false;
    return true;
}

static bool entry_read(const uint8_t *p, struct fal_entry *e)
{
    uint32_t crc = le32(p + 60);
    if (!name_ok(p + 4, 24) || !name_ok(p + 28, 24))
        return false;
    if (crc != 0 && crc != crc32_update(0, p, 60))
        return false;
    field_text(e->name, sizeof e->name, p + 4, 24);
    field_text(e->flash, sizeof e->flash, p + 28, 24);
    e->offset = le32(p + 52);
    e->length = le32(p + 56);
    e->crc = crc ? FAL_CRC_OK : FAL_CRC_ZERO;
    size_t len = strlen(e->flash);
    e->code = len > 4 && strcmp(e->flash + len - 4, "_crc") == 0;
    uint64_t start = e->offset, end = start + e->length;
    if (end > MAX_FLASH || e->length == 0)
        return false;
    if (e->code) {
        start = crc34_physical(start);
        end = crc34_physical(end);
    }
    e->physical = (bkf_range){ (uint32_t)start, (uint32_t)end };
    return true;
}

void fal_search(const uint8_t *p, size_t n, struct fal_table *out)
{
    out->n = 0;
    for (size_t at = 0; out->n < FAL_MAX && (at = bytes_find(p, n, at, "01PE", 4)) != SIZE_MAX;
         at++) {
        struct fal_entry *e = &out->entry[out->n];
        *e = (struct fal_entry){ .at = (uint32_t)at };
        if (n - at >= FAL_ENTRY && entry_read(p + at, e))
            out->n++;
    }
}

void fal_write(const struct fal_entry *e, uint8_t out[FAL_ENTRY])
{
    memset(out, 0, FAL_ENTRY);
    put_le32(out, 0x45503130u); /* "01PE" */
    memcpy(out + 4, e->name, strnlen(e->name, 23));
    memcpy(out + 28, e->flash, strnlen(e->flash, 23));
    put_le32(out + 52, e->offset);
    put_le32(out + 56, e->length);
    put_le32(out + 60, e->crc == FAL_CRC_OK ? crc32_update(0, out, 60) : 0);
}

const struct fal_entry *fal_find(const struct fal_table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->entry[i].name, name) == 0)
            return &t->entry[i];
    return NULL;
}
