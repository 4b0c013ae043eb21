/* Known-plaintext search for the code key of a bootloader.  The keystream is linear in the
 * key: with the wiring of the three stages fixed, all key words together add one constant
 * word.  The XOR of neighbouring words cancels it (mildsunrise/bk7231_key_calculator). */
#include "bytes.h"
#include "crypt.h"
#include <stdlib.h>

/* Texts that Beken and Tuya bootloaders contain (BK7231GUIFlashTool Beken_Crypto.cs). */
static const char *const texts[] = {
    "0123456789ABCDEF0123456789ABCDEF",
    "Custom verify RAW firmware failed!",
    "unknown compression method",
    "incorrect header check",
    "invalid window size",
    "invalid block type",
    "invalid stored block lengths",
    "invalid distance code",
    "invalid literal/length code",
    "incorrect data check",
    "pwm_iconfig_fail",
    "[E/OTA] (%s:%d) ",
};
/* Where a bootloader keeps its own copy of the key (BK7231GUIFlashTool Beken_Crypto.cs). */
static const uint32_t key_places[] = { 0x48, 0x44, 0x1F08, 0x20F8 };

enum { MAX_BYTES = 0x10000, OFF = 4 };

struct search {
    const uint8_t *img;
    size_t n; /* multiple of 4 */
    uint8_t *x, *y;
};

static uint32_t settings(unsigned s15, unsigned s16, unsigned s32)
{
    uint32_t c3 = 0x55000000;
    c3 |= s15 == OFF ? 1u : s15 << 5;
    c3 |= s16 == OFF ? 2u : s16 << 8;
    c3 |= s32 == OFF ? 4u : s32 << 11;
    return c3;
}

static bool explains(const struct search *s, const struct crypt_key *key)
{
    return crypt_score(key, 0, s->img) >= 6;
}

/* The differences of text bytes four apart, looked for among those of the image. */
static bool find_text(const struct search *s, const char *text, uint32_t c3, struct crypt_key *key)
{
    uint8_t pat[64];
    size_t len = strlen(text) - 4, at = 0;
    for (size_t i = 0; i < len; i++)
        pat[i] = (uint8_t)(text[i] ^ text[i + 4]);
    while ((at = bytes_find(s->y, s->n - 4, at, pat, len)) != SIZE_MAX) {
        uint32_t ku = 0;
        for (size_t i = 0; i < 4; i++)
            ku |= (uint32_t)(uint8_t)(s->x[at + i] ^ (uint8_t)text[i]) << 8 * ((at + i) & 3);
        *key = (struct crypt_key){ { 0, 0, ku, c3 } };
        if (explains(s, key))
            return true;
        at++;
    }
    return false;
}

static bool try_settings(struct search *s, uint32_t c3, struct crypt_key *key)
{
    struct crypt_key base = { { 0, 0, 0, c3 } };
    crypt_run(&base, 0, s->img, s->x, s->n);
    for (size_t i = 0; i + 4 < s->n; i++)
        s->y[i] = s->x[i] ^ s->x[i + 4];
    for (size_t t = 0; t < ARRAY_LEN(texts); t++)
        if (find_text(s, texts[t], c3, key))
            return true;
    return false;
}

/* The chip's own key stands in the bootloader; proven when it makes the same plain bytes. */
static bool own_key(const struct search *s, struct crypt_key *key)
{
    crypt_run(key, 0, s->img, s->x, s->n);
    for (size_t p = 0; p < ARRAY_LEN(key_places); p++) {
        struct crypt_key own;
        if (key_places[p] + 16 > s->n)
            continue;
        for (size_t i = 0; i < 4; i++)
            own.c[i] = le32(s->x + key_places[p] + 4 * i);
        if (!crypt_active(&own))
            continue;
        crypt_run(&own, 0, s->img, s->y, s->n);
        if (memcmp(s->x, s->y, s->n) == 0) {
            *key = own;
            return true;
        }
    }
    return false;
}

static bool search_all(struct search *s, struct crypt_key *key)
{
    for (unsigned i = 0; i < 125; i++)
        if (try_settings(s, settings(i / 25, i / 5 % 5, i % 5), key))
            return true;
    return false;
}

bool crypt_recover(const uint8_t *p, size_t n, struct crypt_key *key, bool *exact)
{
    struct search s = { .img = p, .n = (n < MAX_BYTES ? n : MAX_BYTES) / 4 * 4 };
    *exact = false;
    if (s.n < 256)
        return false;
    s.x = malloc(s.n);
    s.y = calloc(1, s.n);
    bool found = s.x && s.y && search_all(&s, key);
    if (found)
        *exact = own_key(&s, key);
    free(s.x);
    free(s.y);
    return found;
}
