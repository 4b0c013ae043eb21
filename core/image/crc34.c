/* CRC-16/CMS and the 34-byte blocks it protects. */
#include "crc34.h"
#include "bytes.h"

/* One step of the CRC register for a byte is linear over GF(2), so the table of a byte k
 * places before the end is spanned by eight constants: the CRC of each single bit.  The
 * macros expand to constant tables; two of them together hold what a 16-bit register and
 * 16 bits of data become. */
#define BIT(b, n, c) ((((b) >> (n)) & 1u) ? (c) : 0u)
#define T0(b)                                                                                      \
    (uint16_t)(BIT(b, 0, 0x8005u) ^ BIT(b, 1, 0x800Fu) ^ BIT(b, 2, 0x801Bu) ^ BIT(b, 3, 0x8033u) ^ \
               BIT(b, 4, 0x8063u) ^ BIT(b, 5, 0x80C3u) ^ BIT(b, 6, 0x8183u) ^ BIT(b, 7, 0x8303u))
#define R4(T, b)  T(b), T((b) + 1), T((b) + 2), T((b) + 3)
#define R16(T, b) R4(T, b), R4(T, (b) + 4), R4(T, (b) + 8), R4(T, (b) + 12)
#define R64(T, b) R16(T, b), R16(T, (b) + 16), R16(T, (b) + 32), R16(T, (b) + 48)
static const uint16_t table[256] = { R64(T0, 0), R64(T0, 64), R64(T0, 128), R64(T0, 192) };

static inline uint16_t step(uint16_t crc, uint8_t byte)
{
    return (uint16_t)(crc << 8 ^ table[(crc >> 8 ^ byte) & 0xFF]);
}

uint16_t crc16_cms(const uint8_t *p, size_t n)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < n; i++)
        crc = step(crc, p[i]);
    return crc;
}

/* Four blocks side by side: their registers do not wait for one another. */
static void crc_four(const uint8_t *p, size_t stride, uint16_t crc[4])
{
    uint16_t a = 0xFFFF, b = 0xFFFF, c = 0xFFFF, d = 0xFFFF;
    for (size_t i = 0; i < CRC34_DATA; i++) {
        a = step(a, p[i]);
        b = step(b, p[stride + i]);
        c = step(c, p[2 * stride + i]);
        d = step(d, p[3 * stride + i]);
    }
    crc[0] = a;
    crc[1] = b;
    crc[2] = c;
    crc[3] = d;
}

static enum crc34_state state_of(const uint8_t *block, uint16_t crc)
{
    if (crc == (block[CRC34_DATA] << 8 | block[CRC34_DATA + 1]))
        return CRC34_GOOD;
    return bytes_are(block, CRC34_BLOCK, 0xFF) ? CRC34_ERASED : CRC34_BAD;
}

enum crc34_state crc34_check(const uint8_t *block)
{
    return state_of(block, crc16_cms(block, CRC34_DATA));
}

static void count(struct crc34_stat *out, enum crc34_state state, bool *leading)
{
    size_t at = out->blocks++ * CRC34_BLOCK;
    if (state == CRC34_GOOD) {
        out->good++;
        out->leading_good += *leading;
        out->last_good_end = at + CRC34_BLOCK;
        return;
    }
    *leading = false;
    if (state == CRC34_ERASED) {
        out->erased++;
        return;
    }
    out->bad++;
    if (out->first_bad == SIZE_MAX)
        out->first_bad = at;
}

void crc34_stat(const uint8_t *p, size_t n, struct crc34_stat *out)
{
    *out = (struct crc34_stat){ .first_bad = SIZE_MAX };
    size_t blocks = n / CRC34_BLOCK, i = 0;
    bool leading = true;
    for (; i + 4 <= blocks; i += 4) {
        uint16_t crc[4];
        crc_four(p + i * CRC34_BLOCK, CRC34_BLOCK, crc);
        for (size_t k = 0; k < 4; k++)
            count(out, state_of(p + (i + k) * CRC34_BLOCK, crc[k]), &leading);
    }
    for (; i < blocks; i++)
        count(out, crc34_check(p + i * CRC34_BLOCK), &leading);
}

size_t crc34_leading(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n / CRC34_BLOCK && crc34_check(p + i * CRC34_BLOCK) == CRC34_GOOD)
        i++;
    return i;
}

size_t crc34_strip(const uint8_t *p, size_t n, uint8_t *out)
{
    size_t blocks = n / CRC34_BLOCK;
    for (size_t i = 0; i < blocks; i++)
        memmove(out + i * CRC34_DATA, p + i * CRC34_BLOCK, CRC34_DATA);
    return blocks * CRC34_DATA;
}

static void seal(uint8_t *block, const uint8_t *data, uint16_t crc)
{
    memcpy(block, data, CRC34_DATA);
    block[CRC34_DATA] = (uint8_t)(crc >> 8);
    block[CRC34_DATA + 1] = (uint8_t)crc;
}

size_t crc34_pack(const uint8_t *p, size_t n, uint8_t *out)
{
    size_t full = n / CRC34_DATA, i = 0;
    for (; i + 4 <= full; i += 4) {
        uint16_t crc[4];
        crc_four(p + i * CRC34_DATA, CRC34_DATA, crc);
        for (size_t k = 0; k < 4; k++)
            seal(out + (i + k) * CRC34_BLOCK, p + (i + k) * CRC34_DATA, crc[k]);
    }
    for (; i < full; i++)
        seal(out + i * CRC34_BLOCK, p + i * CRC34_DATA, crc16_cms(p + i * CRC34_DATA, CRC34_DATA));
    if (n % CRC34_DATA) {
        uint8_t last[CRC34_DATA];
        memset(last, 0xFF, sizeof last);
        memcpy(last, p + full * CRC34_DATA, n % CRC34_DATA);
        seal(out + full * CRC34_BLOCK, last, crc16_cms(last, CRC34_DATA));
    }
    return crc34_packed_size(n);
}
