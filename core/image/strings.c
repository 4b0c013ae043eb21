/* Texts in deciphered programs that say what they are. */
#include "bytes.h"
#include "inspect.h"
#include <math.h>
#include <stdlib.h>

static const char *const marks[] = { "TUYA IOT SDK V:", "TuyaOS V:",  "OpenBK7",
                                     "OpenBeken",       "LibreTiny ", "BUILD AT:",
                                     "ESPHome",         "SDK Rev: ",  "OSK Rev: " };

static bool text_char(uint8_t c)
{
    return c >= 0x20 && c < 0x7F;
}

static void string_add(struct image_facts *f, const uint8_t *p, size_t n, size_t at)
{
    struct app_string *s = &f->string[f->n_strings];
    size_t len = 0;
    while (len + 1 < sizeof s->text && at + len < n && text_char(p[at + len]))
        len++;
    while (len > 0 && (p[at + len - 1] == ' ' || p[at + len - 1] == '>'))
        len--;
    memcpy(s->text, p + at, len);
    s->text[len] = 0;
    s->at = (uint32_t)at;
    for (size_t i = 0; i < f->n_strings; i++)
        if (strcmp(f->string[i].text, s->text) == 0)
            return;
    f->n_strings++;
}

static void find_mark(const uint8_t *p, size_t n, const char *mark, struct image_facts *f)
{
    size_t per_mark = 0;
    for (size_t at = 0; (at = bytes_find(p, n, at, mark, strlen(mark))) != SIZE_MAX; at++) {
        if (f->n_strings == MAX_STRINGS || per_mark++ == 4)
            return;
        string_add(f, p, n, at);
    }
}

/* The pin configuration of a Tuya program: text between two NULs with these keys in it
 * (bk7231tools analysis/kvstorage.py). */
static void find_params(const uint8_t *p, size_t n, struct image_facts *f)
{
    static const char *const keys[] = { ",crc:", ",module:", "Jsonver:" };
    enum { LONGEST = 4096 };
    for (size_t k = 0; k < ARRAY_LEN(keys); k++)
        for (size_t at = 0; (at = bytes_find(p, n, at, keys[k], strlen(keys[k]))) != SIZE_MAX;
             at++) {
            size_t start = at, end = at;
            while (start > 0 && at - start < LONGEST && text_char(p[start - 1]))
                start--;
            while (end < n && end - at < LONGEST && text_char(p[end]))
                end++;
            if (p[start] != '{' || end == n || p[end] != 0)
                continue;
            f->params = calloc(1, end - start + 1);
            if (f->params)
                memcpy(f->params, p + start, end - start);
            f->params_at = (uint32_t)start;
            return;
        }
}

void strings_find(const uint8_t *p, size_t n, struct image_facts *f)
{
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        find_mark(p, n, marks[i], f);
    find_params(p, n, f);
}

double entropy_of(const uint8_t *p, size_t n)
{
    size_t count[256] = { 0 };
    double bits = 0;
    for (size_t i = 0; i < n; i++)
        count[p[i]]++;
    for (size_t i = 0; i < 256; i++)
        if (count[i]) {
            double share = (double)count[i] / (double)n;
            bits -= share * log2(share);
        }
    return bits;
}
