/* suggest.c - "did you mean": edit distance with swaps, over short words. */
#include "base.h"
#include <string.h>

enum { MAX_WORD = 48 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned d[3][MAX_WORD + 1];
    if (n > MAX_WORD || m > MAX_WORD)
        return MAX_WORD;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = d[i % 3], *prev = d[(i + 2) % 3], *prev2 = d[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned cost = a[i - 1] != b[j - 1];
            now[j] = min3(prev[j] + 1, now[j - 1] + 1, prev[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                prev2[j - 2] + 1 < now[j])
                now[j] = prev2[j - 2] + 1;
        }
    }
    return d[n % 3][m];
}

/* The only word that begins with what was typed: people leave the end off. */
static const char *completed(const char *typed, size_t len, const char *const *words)
{
    const char *only = NULL;
    for (; len >= 2 && *words; words++) {
        if (strncmp(typed, *words, len) != 0)
            continue;
        if (only)
            return NULL;
        only = *words;
    }
    return only;
}

const char *suggest_word(const char *typed, const char *const *words)
{
    size_t len = strlen(typed);
    const char *best = completed(typed, len, words);
    if (best)
        return best;
    unsigned limit = len < 4 ? 1 : (unsigned)(len > MAX_WORD ? MAX_WORD : len) / 3 + 1;
    unsigned best_d = limit + 1;
    for (; *words; words++) {
        unsigned d = distance(typed, *words);
        if (d < best_d) {
            best_d = d;
            best = *words;
        }
    }
    return best;
}
