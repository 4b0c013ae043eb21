/* num.c - numbers with units, as users write them in profiles and on the command line. */
#include "base.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* Digits at *s in the given base; moves *s past them; false on none or overflow. */
static bool digits(const char **s, unsigned base, uint64_t *out)
{
    uint64_t v = 0;
    const char *p = *s;
    while (digit_value(*p) < (int)base) {
        unsigned d = (unsigned)digit_value(*p++);
        if (v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    if (p == *s)
        return false;
    *s = p;
    *out = v;
    return true;
}

static bool leading_number(const char **s, uint64_t *out)
{
    if (*s && (*s)[0] == '0' && ((*s)[1] == 'x' || (*s)[1] == 'X')) {
        *s += 2;
        return digits(s, 16, out);
    }
    return *s && digits(s, 10, out);
}

static bool scaled(uint64_t v, uint64_t by, uint64_t *out)
{
    if (v > UINT64_MAX / by)
        return false;
    *out = v * by;
    return true;
}

bool num_parse_u64(const char *s, uint64_t *out)
{
    uint64_t v;
    if (!leading_number(&s, &v) || *s)
        return false;
    *out = v;
    return true;
}

bool num_parse_size(const char *s, uint64_t *out)
{
    uint64_t v, by = 1;
    if (!leading_number(&s, &v))
        return false;
    if (*s == 'K' || *s == 'k')
        by = 1024, s++;
    else if (*s == 'M' || *s == 'm')
        by = 1024 * 1024, s++;
    return !*s && scaled(v, by, out);
}

/* "1.5MHz": up to six decimals, exact; the scale must swallow them. */
static bool decimal_with_unit(const char *s, const char *const units[], const uint64_t scales[],
                              size_t n, uint64_t *out)
{
    uint64_t whole, frac = 0, frac_scale = 1;
    if (!s || !digits(&s, 10, &whole))
        return false;
    if (*s == '.') {
        const char *start = ++s;
        if (!digits(&s, 10, &frac) || s - start > 6)
            return false;
        for (const char *p = start; p < s; p++)
            frac_scale *= 10;
    }
    while (*s == ' ')
        s++;
    for (size_t i = 0; i < n; i++) {
        uint64_t v;
        if (strcmp(s, units[i]) != 0)
            continue;
        if (!scaled(whole, scales[i], &v) || (frac * scales[i]) % frac_scale)
            return false;
        uint64_t part = frac * scales[i] / frac_scale;
        if (v > UINT64_MAX - part)
            return false;
        *out = v + part;
        return true;
    }
    return false;
}

bool num_parse_hz(const char *s, uint64_t *out)
{
    static const char *const units[] = { "Hz", "kHz", "MHz" };
    static const uint64_t scales[] = { 1, 1000, 1000000 };
    return decimal_with_unit(s, units, scales, ARRAY_LEN(units), out);
}

bool num_parse_us(const char *s, uint64_t *out)
{
    static const char *const units[] = { "us", "ms", "s" };
    static const uint64_t scales[] = { 1, 1000, 1000000 };
    return decimal_with_unit(s, units, scales, ARRAY_LEN(units), out);
}

bool num_parse_bool(const char *s, uint64_t *out)
{
    if (!s || (strcmp(s, "yes") != 0 && strcmp(s, "no") != 0))
        return false;
    *out = s[0] == 'y';
    return true;
}

bool num_parse_hex_id(const char *s, uint32_t *out)
{
    uint64_t v;
    const char *p = s;
    if (!s || !digits(&p, 16, &v) || *p || p - s != 6)
        return false;
    *out = (uint32_t)v;
    return true;
}

const char *num_format_size(uint64_t n, char buf[24])
{
    if (n && n % (1024 * 1024) == 0)
        snprintf(buf, 24, "%" PRIu64 "M", n / (1024 * 1024));
    else if (n && n % 1024 == 0)
        snprintf(buf, 24, "%" PRIu64 "K", n / 1024);
    else
        snprintf(buf, 24, "%" PRIu64, n);
    return buf;
}
