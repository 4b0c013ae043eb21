#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { T_TEXT, T_NUMBER, T_FLAG, T_CHOICE, T_TIME, T_HERTZ, T_REAL };
struct spec {
    const char *key;
    enum type type;
    size_t offset;
    const char *choices;
};
static const struct spec specs[] = {
#define X(key, type, member, dflt, choices, help) \
    { key, T_##type, offsetof(struct device_config, member), choices },
    DEVICE_OPTIONS(X)
#undef X
};

/* A number with a unit: suffix[i] multiplies by factor[i]. */
static bool parse_scaled(const char *s, const char *const suffix[], const double factor[], size_t n,
                         uint64_t *out)
{
    char *end;
    errno = 0;
    bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    if (*s < '0' || *s > '9') {
        return false;
    }
    double d = hex ? (double)strtoull(s, &end, 16) : strtod(s, &end);
    if (errno) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(end, suffix[i])) {
            d *= factor[i];
            *out = (uint64_t)(d + 0.5);
            return d >= 0 && d < 1.8e19;
        }
    }
    return false;
}

static bool parse_choice(const char *s, const char *choices, uint64_t *out)
{
    size_t len = strlen(s);
    for (uint64_t i = 0; *choices; i++) {
        size_t n = strcspn(choices, "|");
        if (n == len && !strncmp(s, choices, n)) {
            *out = i;
            return true;
        }
        choices += n + (choices[n] == '|');
    }
    return false;
}

static bool parse_value(const struct spec *spec, const char *s, uint64_t *out)
{
    static const char *const sizes[] = { "", "K", "M", "k" };
    static const double by_size[] = { 1, 1024, 1048576, 1024 };
    static const char *const times[] = { "", "us", "ms", "s", "ns" };
    static const double by_time[] = { 1e3, 1e3, 1e6, 1e9, 1 };
    static const char *const rates[] = { "", "Hz", "kHz", "MHz" };
    static const double by_rate[] = { 1, 1, 1e3, 1e6 };
    switch (spec->type) {
    case T_NUMBER:
        return parse_scaled(s, sizes, by_size, 4, out);
    case T_TIME: /* plain numbers are microseconds, as everywhere in bkflash */
        return parse_scaled(s, times, by_time, 5, out);
    case T_HERTZ:
        return parse_scaled(s, rates, by_rate, 4, out);
    case T_FLAG:
        *out = !strcmp(s, "yes") || !strcmp(s, "1");
        return *out || !strcmp(s, "no") || !strcmp(s, "0");
    case T_CHOICE:
        return parse_choice(s, spec->choices, out);
    case T_TEXT:
    case T_REAL:
    default:
        return false;
    }
}

static const char *expected(const struct spec *spec)
{
    switch (spec->type) {
    case T_NUMBER:
        return "a number (4096, 0x1000, 4K, 4M)";
    case T_TIME:
        return "a time (5us, 70ms, 1s)";
    case T_HERTZ:
        return "a frequency (50kHz, 1MHz)";
    case T_FLAG:
        return "yes or no";
    case T_CHOICE:
        return spec->choices;
    case T_REAL:
    default:
        return "a number from 0 to 1";
    }
}

static bool store(struct device_config *c, const struct spec *spec, const char *value)
{
    void *member = (char *)c + spec->offset;
    if (spec->type == T_TEXT) {
        ((struct opt_text *)member)->s = value;
        return true;
    }
    if (spec->type == T_REAL) {
        struct opt_real *r = member;
        char *end;
        r->v = strtod(value, &end);
        r->given = true;
        return !*end && r->v >= 0 && r->v <= 1;
    }
    struct opt_value *o = member;
    o->given = true;
    return parse_value(spec, value, &o->v);
}

static const struct spec *find(const char *key)
{
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        if (!strcmp(specs[i].key, key)) {
            return &specs[i];
        }
    }
    return NULL;
}

bool config_parse(struct device_config *c, const struct device_option *opt, size_t n, char err[256])
{
    size_t need = 1;
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        if (specs[i].type == T_TEXT) {
            ((struct opt_text *)((void *)((char *)c + specs[i].offset)))->s = "";
        }
    }
    for (size_t i = 0; i < n; i++) {
        need += strlen(opt[i].value) + 1;
    }
    char *at = c->arena = malloc(need);
    if (!at) {
        (void)snprintf(err, 256, "out of memory");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct spec *spec = find(opt[i].key);
        if (!spec) {
            (void)snprintf(err, 256, "unknown device option '%s'", opt[i].key);
            config_free(c);
            return false;
        }
        if (!*opt[i].value) {
            continue;
        }
        size_t len = strlen(opt[i].value) + 1;
        memcpy(at, opt[i].value, len);
        if (!store(c, spec, at)) {
            (void)snprintf(err, 256, "device option %s=%s: expected %s", spec->key, opt[i].value,
                           expected(spec));
            config_free(c);
            return false;
        }
        at += len;
    }
    return true;
}

void config_free(struct device_config *c)
{
    free(c->arena);
    c->arena = NULL;
}
