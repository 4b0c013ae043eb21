/* RBL headers: reading, writing, scanning, checking in place. */
#include "rbl.h"
#include "bytes.h"
#include "crc34.h"

uint32_t fnv1a(const uint8_t *p, size_t n)
{
    uint32_t h = 0x811C9DC5u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x01000193u;
    return h;
}

static const uint8_t magic[4] = { 'R', 'B', 'L', 0 };

bool rbl_header_read(const uint8_t p[RBL_HEADER], struct rbl_header *out)
{
    memset(out, 0, sizeof *out);
    if (memcmp(p, magic, sizeof magic) != 0)
        return false;
    out->algo = le32(p + 4);
    out->timestamp = le32(p + 8);
    field_text(out->name, sizeof out->name, p + 12, 16);
    field_text(out->version, sizeof out->version, p + 28, 24);
    field_text(out->serial, sizeof out->serial, p + 52, 24);
    out->crc32 = le32(p + 76);
    out->hash = le32(p + 80);
    out->size_raw = le32(p + 84);
    out->size_package = le32(p + 88);
    out->info_crc32 = le32(p + 92);
    return crc32_update(0, p, 92) == out->info_crc32;
}

static void put_text(uint8_t *out, size_t cap, const char *text)
{
    memset(out, 0, cap);
    memcpy(out, text, strnlen(text, cap));
}

void rbl_header_write(const struct rbl_header *h, uint8_t out[RBL_HEADER])
{
    memcpy(out, magic, sizeof magic);
    put_le32(out + 4, h->algo);
    put_le32(out + 8, h->timestamp);
    put_text(out + 12, 16, h->name);
    put_text(out + 28, 24, h->version);
    put_text(out + 52, 24, h->serial);
    put_le32(out + 76, h->crc32);
    put_le32(out + 80, h->hash);
    put_le32(out + 84, h->size_raw);
    put_le32(out + 88, h->size_package);
    put_le32(out + 92, crc32_update(0, out, 92));
}

/* The three blocks of a packed header start where the header starts, on or off the grid. */
static bool read_packed(const uint8_t *p, struct rbl_header *out)
{
    uint8_t header[RBL_HEADER];
    for (size_t i = 0; i < 3; i++)
        if (crc34_check(p + i * CRC34_BLOCK) != CRC34_GOOD)
            return false;
    crc34_strip(p, RBL_PACKED_HEADER, header);
    return rbl_header_read(header, out);
}

bool rbl_scan(const uint8_t *p, size_t n, size_t from, struct rbl_found *out)
{
    for (size_t at = from; (at = bytes_find(p, n, at, magic, sizeof magic)) != SIZE_MAX; at++) {
        out->offset = at;
        out->packed = n - at >= RBL_PACKED_HEADER && read_packed(p + at, &out->header);
        if (out->packed || (n - at >= RBL_HEADER && rbl_header_read(p + at, &out->header)))
            return true;
    }
    return false;
}

static uint32_t package_crc(const uint8_t *body, size_t raw, uint32_t pad)
{
    uint32_t crc = crc32_update(0, body, raw);
    uint8_t value = (uint8_t)pad;
    for (uint32_t i = 0; i < pad; i++)
        crc = crc32_update(crc, &value, 1);
    return crc;
}

void rbl_check_inplace(const struct rbl_header *h, const uint8_t *body, size_t n,
                       struct rbl_verdict *out)
{
    *out = (struct rbl_verdict){ .package_ok = -1 };
    if (h->size_raw > n)
        return;
    out->complete = true;
    out->hash_ok = fnv1a(body, h->size_raw) == h->hash;
    if (h->algo != 0)
        return;
    uint32_t pad = h->size_package - h->size_raw;
    out->package_ok = h->size_package >= h->size_raw && pad <= 16 &&
                      package_crc(body, h->size_raw, pad) == h->crc32;
}

void rbl_header_inplace(struct rbl_header *h, const uint8_t *body, size_t n)
{
    uint32_t pad = 16 - (uint32_t)(n % 16);
    h->algo = 0;
    h->size_raw = (uint32_t)n;
    h->size_package = (uint32_t)n + pad;
    h->hash = fnv1a(body, n);
    h->crc32 = package_crc(body, n, pad);
}

size_t rbl_vendor_tail(const uint8_t *body, size_t n)
{
    size_t tail = 0;
    while (tail < n && n - tail - 1 >= 0x10000 &&
           body[n - tail - 1] == body[n - tail - 1 - 0x10000])
        tail++;
    return tail;
}

bool ug_read(const uint8_t *p, size_t n, struct ug_header *out)
{
    memset(out, 0, sizeof *out);
    if (n < UG_HEADER || be32(p) != 0x55AA55AAu || be32(p + 28) != 0xAA55AA55u)
        return false;
    field_text(out->version, sizeof out->version, p + 4, 12);
    out->length = be32(p + 16);
    out->payload_sum = be32(p + 20);
    out->header_sum = be32(p + 24);
    out->header_ok = byte_sum(p, 24) == out->header_sum;
    out->payload_ok =
        out->length <= n - UG_HEADER && byte_sum(p + UG_HEADER, out->length) == out->payload_sum;
    return true;
}

void ug_write(const char *version, const uint8_t *payload, size_t n, uint8_t *out)
{
    put_be32(out, 0x55AA55AAu);
    put_text(out + 4, 12, version);
    put_be32(out + 16, (uint32_t)n);
    put_be32(out + 20, byte_sum(payload, n));
    put_be32(out + 24, byte_sum(out, 24));
    put_be32(out + 28, 0xAA55AA55u);
    memcpy(out + UG_HEADER, payload, n);
}
