/* bytes.h - little-endian fields and bounded searches; the flash is little-endian. */
#ifndef CORE_IMAGE_BYTES_H
#define CORE_IMAGE_BYTES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint32_t be32(const uint8_t *p)
{
    return p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}
static inline void put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void put_le32(uint8_t *p, uint32_t v)
{
    put_le16(p, (uint16_t)v);
    put_le16(p + 2, (uint16_t)(v >> 16));
}
static inline void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
static inline uint32_t byte_sum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += p[i];
    return sum;
}
/* All n bytes equal v.  n = 0 is true. */
static inline bool bytes_are(const uint8_t *p, size_t n, uint8_t v)
{
    return n == 0 || (p[0] == v && memcmp(p, p + 1, n - 1) == 0);
}
/* Next place of pat at or after from, or SIZE_MAX. */
static inline size_t bytes_find(const uint8_t *p, size_t n, size_t from, const void *pat,
                                size_t pat_len)
{
    if (from >= n)
        return SIZE_MAX;
    const uint8_t *hit = memmem(p + from, n - from, pat, pat_len);
    return hit ? (size_t)(hit - p) : SIZE_MAX;
}
/* Fixed field to C string: stops at NUL, replaces what is not printable ASCII by '?'. */
static inline void field_text(char *out, size_t cap, const uint8_t *p, size_t n)
{
    size_t i = 0;
    for (; i < n && i + 1 < cap && p[i]; i++)
        out[i] = p[i] >= 0x20 && p[i] < 0x7F ? (char)p[i] : '?';
    out[i] = 0;
}
#endif
