/* The Beken code cipher. */
#include "crypt.h"
#include "bytes.h"
#include <stdlib.h>

const struct crypt_known crypt_known_keys[] = {
    { "zero", { { 0, 0, 0, 0 } } },
    { "tuya", { { 0x510FB093, 0xA3CBEADC, 0x5993A17E, 0xC7ADEB03 } } },
    { "uascent", { { 0x4862379A, 0x8612784B, 0x85C5E258, 0x75754528 } } },
};
const size_t crypt_known_count = ARRAY_LEN(crypt_known_keys);

static inline uint32_t rol32(uint32_t v, unsigned n)
{
    return n ? v << n | v >> (32 - n) : v;
}

/* Stage 1: 16 bits, added to the upper half. */
static inline uint32_t stage15(uint32_t a, uint32_t c1, unsigned sel)
{
    uint32_t b0 = a & 0xFF, b1 = a >> 8 & 0xFF, b2 = a >> 16 & 0xFF, b3 = a >> 24;
    uint32_t hi = sel & 2 ? b2 << 8 | b3 : b3 << 8 | b2;
    uint32_t lo = sel & 1 ? b0 << 8 | b1 : b1 << 8 | b0;
    uint32_t x = (hi ^ lo ^ c1 >> 16) & 0xFFFF;
    return ((x << 9 | x >> 7) & 0xFFFF) ^ (0x6371 & ((x >> 5 & 0xF) * 0x1111));
}

/* Stage 2: 17 bits in, 16 used; the mask matters, the 17th bit must not reach stage 1's half. */
static inline uint32_t stage16(uint32_t a, uint32_t c1, unsigned sel, unsigned bit)
{
    uint32_t y = (a >> sel & 0x1FFFF) ^ ((c1 >> 8 & 0xFF) << 9 | bit << 8 | (c1 & 0xFF));
    uint32_t m = (y >> 1 & 1) << 3 | (y >> 5 & 1) << 2 | (y >> 9 & 1) << 1 | (y >> 13 & 1);
    uint32_t mask = 0x13659 & ((y >> 4 & 1) << 16 | m * 0x1111);
    return (((y & 0x3FF) << 7 | (y >> 10 & 0x7F)) ^ mask) & 0xFFFF;
}

/* Stage 3: 32 bits. */
static inline uint32_t stage32(uint32_t a, uint32_t c0, unsigned sel)
{
    uint32_t z = (sel ? a >> 8 * sel | a << (32 - 8 * sel) : a) ^ c0;
    return rol32(z, 17) ^ (0xE519A4F1u & ((z >> 2 & 0xF) * 0x11111111u));
}

/* c3 taken apart: which stages are on and how they are wired. */
struct wiring {
    bool on15, on16, on32, on_c2;
    unsigned sel15, sel16, sel32, bit16;
};

static struct wiring wiring_of(const struct crypt_key *key)
{
    uint32_t c3 = key->c[3];
    bool bypass = c3 >> 24 == 0x00 || c3 >> 24 == 0xFF;
    return (struct wiring){
        .on15 = !bypass && !(c3 & 1),
        .on16 = !bypass && !(c3 & 2),
        .on32 = !bypass && !(c3 & 4),
        .on_c2 = !bypass && !(c3 & 8),
        .sel15 = c3 >> 5 & 3,
        .sel16 = c3 >> 8 & 3,
        .sel32 = c3 >> 11 & 3,
        .bit16 = c3 >> 4 & 1,
    };
}

static inline uint32_t stream(const struct wiring *w, const uint32_t *c, uint32_t a)
{
    uint32_t ks = w->on_c2 ? c[2] : 0;
    if (w->on32)
        ks ^= stage32(a, c[0], w->sel32);
    if (w->on15)
        ks ^= stage15(a, c[1], w->sel15) << 16;
    if (w->on16)
        ks ^= stage16(a, c[1], w->sel16, w->bit16);
    return ks;
}

bool crypt_active(const struct crypt_key *key)
{
    struct wiring w = wiring_of(key);
    return w.on15 || w.on16 || w.on32 || w.on_c2;
}

uint32_t crypt_word(const struct crypt_key *key, uint32_t addr)
{
    struct wiring w = wiring_of(key);
    return stream(&w, key->c, addr);
}

/* Every stage is linear over GF(2) in the address, plus a constant: what the low address bits
 * add to the stream is the same in every window.  So a window costs one evaluation and a
 * plain XOR with a table. */
enum { WINDOW = 256 };

static void window_table(const struct wiring *w, const uint32_t *c, uint8_t table[WINDOW])
{
    for (uint32_t a = 0; a < WINDOW; a += 4)
        put_le32(table + a, stream(w, c, a) ^ stream(w, c, 0));
}

/* One whole window, in words the compiler can make wide. */
static inline void xor_window(uint32_t ks, const uint8_t *table, const uint8_t *in, uint8_t *out)
{
    uint32_t data[WINDOW / 4], t[WINDOW / 4];
    uint8_t bytes[4];
    put_le32(bytes, ks);
    memcpy(&ks, bytes, 4);
    memcpy(data, in, WINDOW);
    memcpy(t, table, WINDOW);
    for (size_t i = 0; i < WINDOW / 4; i++)
        data[i] ^= t[i] ^ ks;
    memcpy(out, data, WINDOW);
}

void crypt_run(const struct crypt_key *key, uint32_t addr, const uint8_t *in, uint8_t *out,
               size_t n)
{
    if (!crypt_active(key)) {
        memmove(out, in, n);
        return;
    }
    struct wiring w = wiring_of(key);
    uint8_t table[WINDOW], ks[4];
    window_table(&w, key->c, table);
    for (size_t i = 0; i < n;) {
        uint32_t a = addr + (uint32_t)i, low = a % WINDOW;
        uint32_t base = stream(&w, key->c, a - low);
        if (low == 0 && n - i >= WINDOW) {
            xor_window(base, table, in + i, out + i);
            i += WINDOW;
            continue;
        }
        put_le32(ks, base);
        for (; low < WINDOW && i < n; low++, i++)
            out[i] = in[i] ^ table[low] ^ ks[low % 4];
    }
}

unsigned crypt_vectors(const uint8_t *p)
{
    unsigned score = 0;
    for (size_t i = 0; i < 8; i++) {
        uint32_t w = le32(p + 4 * i);
        score += w >> 24 == 0xEA || w >> 16 == 0xE59F;
    }
    return score;
}

unsigned crypt_score(const struct crypt_key *key, uint32_t addr, const uint8_t *p)
{
    uint8_t plain[32];
    crypt_run(key, addr, p, plain, sizeof plain);
    return crypt_vectors(plain);
}

const struct crypt_known *crypt_guess(uint32_t addr, const uint8_t *p)
{
    const struct crypt_known *best = NULL;
    unsigned score = 5;
    for (size_t i = 0; i < crypt_known_count; i++) {
        unsigned s = crypt_score(&crypt_known_keys[i].key, addr, p);
        if (s > score) {
            score = s;
            best = &crypt_known_keys[i];
        }
    }
    return best;
}

const char *crypt_name(const struct crypt_key *key)
{
    for (size_t i = 0; i < crypt_known_count; i++)
        if (memcmp(&crypt_known_keys[i].key, key, sizeof *key) == 0)
            return crypt_known_keys[i].name;
    return NULL;
}

bool crypt_parse(const char *text, struct crypt_key *out)
{
    for (size_t i = 0; i < crypt_known_count; i++)
        if (strcmp(crypt_known_keys[i].name, text) == 0) {
            *out = crypt_known_keys[i].key;
            return true;
        }
    struct crypt_key key = { { 0 } };
    size_t digits = 0;
    for (const char *s = text; *s; s++) {
        if (*s == ' ' && digits % 8 == 0)
            continue;
        static const char hex[] = "0123456789abcdef";
        const char *at = strchr(hex, *s | 0x20);
        if (!at || *s < '0' || digits == 32)
            return false;
        key.c[digits / 8] = key.c[digits / 8] << 4 | (uint32_t)(at - hex);
        digits++;
    }
    if (digits != 32)
        return false;
    *out = key;
    return true;
}

bool crypt_vendor(const struct crypt_key *key, uint32_t base, const uint8_t *p, size_t n,
                  uint8_t *out)
{
    /* The tool moves the program down inside its buffer, so that the last bytes show what was
     * there before: the end of the program 64 KiB earlier, or fill. */
    size_t aligned = (n + 31) / 32 * 32, size = base + aligned + 16;
    uint8_t *buf = malloc(size);
    if (!buf)
        return false;
    memset(buf, 0xFF, size);
    memcpy(buf + base, p, n);
    crypt_run(key, 0, buf, buf, base + aligned);
    memmove(buf, buf + base, n);
    memcpy(out, buf, aligned + 16);
    free(buf);
    return true;
}
