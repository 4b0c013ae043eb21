/* values.c - parsers of single profile values. */
#include "schema.h"
#include <string.h>

static bool all_of(const char *s, const char *extra, bool upper, size_t max)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  (upper && c >= 'A' && c <= 'Z') || strchr(extra, c);
        if (!ok)
            return false;
    }
    return n >= 1 && n <= max;
}

bool value_name(const char *s)
{
    return all_of(s, "_-", false, 32);
}

bool value_word(const char *s)
{
    return all_of(s, "_.#+/-", true, 32);
}

bool value_baud(const char *s, uint32_t *out)
{
    uint64_t v;
    if (!num_parse_u64(s, &v) || v < 300 || v > 12000000)
        return false;
    *out = (uint32_t)v;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool value_byte(const char *s, uint8_t *out)
{
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        s += 2;
    if (!s[0] || !s[1] || s[2] || hex_digit(s[0]) < 0 || hex_digit(s[1]) < 0)
        return false;
    *out = (uint8_t)(hex_digit(s[0]) << 4 | hex_digit(s[1]));
    return true;
}

/* Copies the next blank-separated word to out and moves *s; false at the end or if it
 * does not fit (then *s stays on it). */
static bool next_word(const char **s, char *out, size_t cap)
{
    *s += strspn(*s, " \t");
    size_t n = strcspn(*s, " \t");
    if (!n || n >= cap)
        return false;
    memcpy(out, *s, n);
    out[n] = '\0';
    *s += n;
    return true;
}

bool value_bytes(const char *s, uint8_t *out, size_t cap, size_t *n)
{
    char word[8];
    *n = 0;
    while (next_word(&s, word, sizeof word))
        if (*n == cap || !value_byte(word, &out[(*n)++]))
            return false;
    return *n && !*s;
}

bool value_erase(const char *s, struct erase_op *out, size_t cap, size_t *n)
{
    char word[24];
    *n = 0;
    while (next_word(&s, word, sizeof word)) {
        uint64_t size;
        char *colon = strchr(word, ':');
        if (!colon || *n == cap)
            return false;
        *colon = '\0';
        if (!num_parse_size(word, &size) || size < 256 || size > 16 * 1024 * 1024 ||
            (size & (size - 1)) || !value_byte(colon + 1, &out[*n].opcode))
            return false;
        out[*n].size = (uint32_t)size;
        if (*n && out[*n].size <= out[*n - 1].size)
            return false;
        (*n)++;
    }
    return *n && !*s;
}

bool value_times(const char *s, struct time_pair *out)
{
    char typ[24], max[24];
    uint64_t t, m;
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : 0;
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    if (!n || n >= sizeof typ)
        return false;
    memcpy(typ, s, n);
    typ[n] = '\0';
    slash++;
    if (!next_word(&slash, max, sizeof max) || slash[strspn(slash, " \t")])
        return false;
    if (!num_parse_us(typ, &t) || !num_parse_us(max, &m) || t > m || m > UINT32_MAX)
        return false;
    *out = (struct time_pair){ (uint32_t)t, (uint32_t)m };
    return true;
}

/* "0x0..end"; every piece is at most 40 bytes. */
static bool one_range(char *text, uint64_t end_of_flash, bkf_range *out, const char **why)
{
    uint64_t from, to;
    char *dots = strstr(text, "..");
    if (!dots)
        return false;
    *dots = '\0';
    dots += 2;
    if (!num_parse_size(text, &from))
        return false;
    if (strcmp(dots, "end") == 0)
        to = end_of_flash;
    else if (!num_parse_size(dots, &to))
        return false;
    if (from > UINT32_MAX || to > UINT32_MAX)
        *why = "lies past 4 GiB";
    else if (from >= to)
        *why = "is empty: the end is not included";
    else
        *out = (bkf_range){ (uint32_t)from, (uint32_t)to };
    return !*why;
}

bool value_ranges(const char *s, uint64_t end_of_flash, bkf_range *out, size_t cap, size_t *n,
                  const char **why)
{
    const char *unused;
    why = why ? why : &unused;
    *why = NULL;
    *n = 0;
    if (strcmp(s, "none") == 0)
        return true;
    for (;;) {
        char piece[48];
        s += strspn(s, " \t");
        size_t len = strcspn(s, ","), used = len;
        while (used && (s[used - 1] == ' ' || s[used - 1] == '\t'))
            used--;
        if (!used || used >= sizeof piece)
            return false;
        if (*n == cap) {
            *why = "has too many pieces, at most 8 are allowed";
            return false;
        }
        memcpy(piece, s, used);
        piece[used] = '\0';
        if (!one_range(piece, end_of_flash, &out[*n], why))
            return false;
        (*n)++;
        s += len;
        if (!*s)
            return true;
        s++;
    }
}

static char *strip(char *s)
{
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = '\0';
    return s;
}

bool value_pad(char *buf, const char **signal, const char **line, bool *inverted)
{
    char *at = strchr(buf, '@');
    if (!at)
        return false;
    *at = '\0';
    char *l = strip(at + 1);
    size_t n = strlen(l);
    *inverted = n > 1 && l[n - 1] == '!';
    if (*inverted)
        l[n - 1] = '\0';
    *signal = strip(buf);
    *line = strip(l);
    return value_name(*signal) && value_word(*line);
}

size_t value_list(char *buf, const char **out, size_t cap)
{
    size_t n = 0;
    for (char *s = buf; s;) {
        char *comma = strchr(s, ',');
        if (comma)
            *comma = '\0';
        if (n == cap)
            return cap + 1;
        out[n++] = strip(s);
        s = comma ? comma + 1 : NULL;
    }
    return n;
}

const char *const *value_signals(void)
{
    static const char *const names[] = { "cen", "sck", "mosi", "miso", "cs0", "rx", "tx", NULL };
    return names;
}
