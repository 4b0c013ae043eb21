/* vectors.h - tests/data/image for the image tests: JSON vectors, binary files, hex. */
#ifndef TESTS_SUPPORT_VECTORS_H
#define TESTS_SUPPORT_VECTORS_H
#include "cmocka.h"
#include "core/base/base.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint8_t *data_file(const char *name, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/data/image/%s", SOURCE_DIR, name);
    bkf_error err = BKF_ERROR_INIT;
    uint8_t *data = NULL;
    if (file_read(path, 64u << 20, &data, len, &err))
        fail_msg("%s: %s", path, err.message);
    return data;
}

static inline json_t *vectors_open(void)
{
    size_t len;
    uint8_t *text = data_file("vectors.json", &len);
    json_error_t err;
    json_t *root = json_loadb((const char *)text, len, 0, &err);
    if (!root)
        fail_msg("vectors.json:%d: %s", err.line, err.text);
    free(text);
    return root;
}

static inline const char *text_of(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));
    if (!s)
        fail_msg("no text '%s' in the vector", key);
    return s;
}
/* A hexadecimal number with or without 0x. */
static inline uint32_t hex_of(const json_t *obj, const char *key)
{
    return (uint32_t)strtoul(text_of(obj, key), NULL, 16);
}
static inline uint32_t int_of(const json_t *obj, const char *key)
{
    assert_true(json_is_integer(json_object_get(obj, key)));
    return (uint32_t)json_integer_value(json_object_get(obj, key));
}

static inline size_t unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = 0;
    unsigned v;
    for (; hex[0] && hex[1] && sscanf(hex, "%2x", &v) == 1; hex += 2) {
        assert_true(n < cap);
        out[n++] = (uint8_t)v;
    }
    return n;
}

/* A repeatable stream of random bytes. */
static inline uint32_t random_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
static inline void random_fill(uint32_t seed, uint8_t *p, size_t n)
{
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(random_next(&state) >> 8);
}
#endif
