/* CRC-16/CMS and the 34-byte blocks it protects. */
#include "crc34.h"
#include "bytes.h"

/* One step of the CRC register for a byte is linear over GF(2), so its table
 * is spanned by eight constants: the CRC of each single bit.  The
 * macros expand to a constant table. */
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

/* Eight blocks side by side, one in each lane of a vector. */
typedef uint16_t lanes __attribute__((vector_size(16)));
enum { LANES = 8 };

/* v * x^16 modulo x^16 + x^15 + x^2 + 1, without a table.  The quotient q obeys
 * v = q ^ q >> 1 ^ q >> 14, which a prefix XOR solves but for the two lowest bits; the
 * remainder is the low half of q times the polynomial. */
static inline lanes times_x16(lanes v)
{
    v ^= v >> 1;
    v ^= v >> 2;
    v ^= v >> 4;
    v ^= v >> 8;
    lanes top = v >> 14;
    v ^= top ^ top >> 1;
    return v ^ v << 2 ^ v << 15;
}

/* lane[i][k] = word i of row k  ->  lane[k][i]. */
static inline void transpose(lanes m[LANES])
{
    lanes a[LANES], b[LANES];
    for (int i = 0; i < 4; i++) {
        a[2 * i] = __builtin_shufflevector(m[i], m[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
        a[2 * i + 1] = __builtin_shufflevector(m[i], m[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
    for (int i = 0; i < 4; i++) {
        b[2 * i] = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
        b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
    for (int i = 0; i < 4; i++) {
        m[2 * i] = __builtin_shufflevector(b[i], b[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
        m[2 * i + 1] = __builtin_shufflevector(b[i], b[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
}

static void crc_eight(const uint8_t *p, size_t stride, uint16_t crc[LANES])
{
    lanes reg = ~(lanes){ 0 };
    for (size_t half = 0; half < CRC34_DATA; half += 16) {
        lanes m[LANES];
        for (size_t k = 0; k < LANES; k++) {
            memcpy(&m[k], p + k * stride + half, 16);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            m[k] = m[k] << 8 | m[k] >> 8;
#endif
        }
        transpose(m);
        for (size_t i = 0; i < LANES; i++)
            reg = times_x16(reg ^ m[i]);
    }
    memcpy(crc, &reg, sizeof reg);
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
    for (; i + LANES <= blocks; i += LANES) {
        uint16_t crc[LANES];
        crc_eight(p + i * CRC34_BLOCK, CRC34_BLOCK, crc);
        for (size_t k = 0; k < LANES; k++)
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
    for (; i + LANES <= full; i += LANES) {
        uint16_t crc[LANES];
        crc_eight(p + i * CRC34_DATA, CRC34_DATA, crc);
        for (size_t k = 0; k < LANES; k++)
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
