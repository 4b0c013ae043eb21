/* Conversions one by one and in chains. */
#include "core/image/bytes.h"
#include "core/image/convert.h"
#include "core/image/crc34.h"
#include "tests/support/vectors.h"

static void keyed(struct convert_options *o, const char *key, uint64_t address)
{
    convert_defaults(o);
    assert_true(crypt_parse(key, &o->key));
    o->has_key = o->has_address = true;
    o->address = address;
}

static uint8_t *run(const char *steps, const struct convert_options *o, const uint8_t *p, size_t n,
                    size_t *len)
{
    uint8_t *out;
    bkf_error err = BKF_ERROR_INIT;
    if (convert_run(steps, o, p, n, &out, len, &err))
        fail_msg("%s: %s", steps, err.message);
    return out;
}

/* Every step undone by its opposite. */
static void round_trips(void **state)
{
    (void)state;
    static const struct {
        const char *there, *back;
    } pairs[] = { { "crc-add", "crc-strip" },
                  { "encrypt", "decrypt" },
                  { "encrypt,crc-add", "crc-strip,decrypt" },
                  { "rbl-pack", "rbl-unpack" },
                  { "rbl-pack,ug-pack", "ug-unpack,rbl-unpack" },
                  { "hex-write", "hex-read" },
                  { "encrypt,crc-add,hex-write", "hex-read,crc-strip,decrypt" } };
    uint8_t data[65536];
    random_fill(1, data, sizeof data);
    struct convert_options o;
    keyed(&o, "uascent", 0x10000);
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        size_t n, m;
        uint8_t *a = run(pairs[i].there, &o, data, sizeof data, &n);
        uint8_t *b = run(pairs[i].back, &o, a, n, &m);
        assert_int_equal(m, sizeof data);
        assert_memory_equal(b, data, m);
        free(a);
        free(b);
    }
}

static void packed_vectors(void **state)
{
    json_t *v = json_object_get(*state, "packed_blocks"), *item;
    size_t i;
    json_array_foreach(v, i, item)
    {
        struct convert_options o;
        uint8_t plain[32], want[34];
        size_t n;
        keyed(&o, text_of(item, "key"), hex_of(item, "logical"));
        unhex(text_of(item, "plain"), plain, 32);
        unhex(text_of(item, "flash34"), want, 34);
        uint8_t *out = run("encrypt,crc-add", &o, plain, 32, &n);
        assert_int_equal(n, 34);
        assert_memory_equal(out, want, 34);
        free(out);
        out = run("crc-strip,decrypt", &o, want, 34, &n);
        assert_memory_equal(out, plain, 32);
        free(out);
    }
}

static void files(void **state)
{
    (void)state;
    struct convert_options o;
    size_t len, n;
    convert_defaults(&o);
    uint8_t *ug = data_file("ug_of_ota_aes256_gzip.bin", &len);
    uint8_t *out = run("ug-unpack,rbl-unpack", &o, ug, len, &n);
    assert_int_equal(n, 100);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(out[i], (7 * i + 3) & 0xFF);
    free(out);
    free(ug);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *steps, *says;
    } cases[] = {
        { "crc-strp", "there are crc-add, crc-strip" },
        { "", "no conversion ''" },
        { "crc-add,", "no conversion ''" },
        { "crc-strip", "bad CRC, the first at 0x0" },
        { "encrypt", "which key" },
        { "rbl-unpack", "rbl-unpack: no RBL header" },
        { "ug-unpack", "no UG header" },
        { "uf2-read", "whole 512-byte blocks" },
        { "hex-read", "line 1" },
        { "crc-add,crc-strip,crc-strip", "bad CRC" },
    };
    uint8_t data[100], *out;
    size_t len;
    struct convert_options o;
    random_fill(2, data, sizeof data);
    convert_defaults(&o);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bkf_error err = BKF_ERROR_INIT;
        assert_int_not_equal(convert_run(cases[i].steps, &o, data, sizeof data, &out, &len, &err),
                             0);
        assert_null(out);
        if (!strstr(err.message, cases[i].says))
            fail_msg("%s: %s", cases[i].steps, err.message);
    }
    o.keep_bad = true;
    out = run("crc-strip", &o, data, sizeof data, &len);
    assert_int_equal(len, 64);
    free(out);
}

int main(void)
{
    json_t *v = vectors_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test_prestate(packed_vectors, v),
        cmocka_unit_test(files),
        cmocka_unit_test(refusals),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(v);
    return failed;
}
