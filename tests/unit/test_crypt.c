/* The code cipher against the vendor's tool, both directions; key text; key search. */
#include "core/image/bytes.h"
#include "core/image/crc34.h"
#include "core/image/crypt.h"
#include "tests/support/vectors.h"

static struct crypt_key key_of(const char *text)
{
    struct crypt_key key;
    if (!crypt_parse(text, &key))
        fail_msg("key '%s' not understood", text);
    return key;
}

static void words(void **state)
{
    json_t *v = json_object_get(*state, "cipher"), *item;
    size_t i;
    json_array_foreach(v, i, item)
    {
        struct crypt_key key = key_of(text_of(item, "key"));
        uint32_t addr = hex_of(item, "addr");
        uint8_t plain[4], out[4];
        put_le32(plain, hex_of(item, "plain_u32"));
        crypt_run(&key, addr, plain, out, 4);
        if (le32(out) != hex_of(item, "cipher_u32"))
            fail_msg("%s at %08x: %08x", text_of(item, "label"), addr, le32(out));
        crypt_run(&key, addr, out, out, 4);
        assert_memory_equal(out, plain, 4);
        assert_int_equal(crypt_word(&key, addr),
                         hex_of(item, "plain_u32") ^ hex_of(item, "cipher_u32"));
    }
    assert_int_equal(i, 43);
}

static void blocks(void **state)
{
    json_t *v = json_object_get(*state, "packed_blocks"), *item;
    size_t i;
    json_array_foreach(v, i, item)
    {
        struct crypt_key key = key_of(text_of(item, "key"));
        uint8_t plain[32], want[34], got[34];
        assert_int_equal(unhex(text_of(item, "plain"), plain, 32), 32);
        assert_int_equal(unhex(text_of(item, "flash34"), want, 34), 34);
        uint8_t data[32];
        crypt_run(&key, hex_of(item, "logical"), plain, data, 32);
        crc34_pack(data, 32, got);
        assert_memory_equal(got, want, 34);
        assert_int_equal(crc34_check(want), CRC34_GOOD);
        crc34_strip(want, 34, data);
        crypt_run(&key, hex_of(item, "logical"), data, data, 32);
        assert_memory_equal(data, plain, 32);
    }
    assert_int_equal(i, 7);
}

static void vendor_tool(void **state)
{
    json_t *v = json_object_get(*state, "vendor_encrypt"), *item;
    struct crypt_key tuya = key_of("tuya");
    size_t i;
    json_array_foreach(v, i, item)
    {
        size_t n = int_of(item, "n");
        uint8_t *in = malloc(n), *out = malloc(crypt_vendor_size(n));
        for (size_t k = 0; k < n; k++)
            in[k] = (uint8_t)(7 * k + 1 + (k >> 8));
        assert_int_equal(crypt_vendor_size(n), int_of(item, "out_len"));
        assert_true(crypt_vendor(&tuya, hex_of(item, "start_address"), in, n, out));
        struct sha256_hex sha;
        sha256_of(out, crypt_vendor_size(n), &sha);
        assert_string_equal(sha.text, text_of(item, "sha256"));
        free(in);
        free(out);
    }
    assert_int_equal(i, 6);
}

/* A run over bytes is the words one by one, whatever the length. */
static void runs_and_words_agree(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "tuya",
        "uascent",
        "zero",
        "0123456789abcdef02468ace55001b60",
        "01234567 89abcdef 02468ace 5500100b",
        "0123456789abcdef02468ace5500000d",
    };
    uint8_t in[133], out[133];
    random_fill(4, in, sizeof in);
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        struct crypt_key key = key_of(keys[k]);
        for (size_t n = 0; n <= sizeof in; n++) {
            crypt_run(&key, 0x1A0000, in, out, n);
            for (size_t i = 0; i < n; i++) {
                uint32_t ks = crypt_word(&key, 0x1A0000 + (uint32_t)(i / 4 * 4));
                assert_int_equal(out[i], in[i] ^ (uint8_t)(ks >> 8 * (i % 4)));
            }
        }
    }
}

static void key_text(void **state)
{
    (void)state;
    struct crypt_key key;
    assert_true(crypt_parse("510FB093 A3CBEADC 5993A17E C7ADEB03", &key));
    assert_string_equal(crypt_name(&key), "tuya");
    assert_true(crypt_active(&key));
    assert_true(crypt_parse("ffffffffffffffffffffffffffffffff", &key));
    assert_null(crypt_name(&key));
    assert_false(crypt_active(&key));
    static const char *const bad[] = { "",
                                       "tuy",
                                       "510fb093",
                                       "510fb093 a3cbeadc 5993a17e c7adeb0",
                                       "510fb093 a3cbeadc 5993a17e c7adeb033",
                                       "5 10fb093a3cbeadc5993a17ec7adeb03",
                                       "510fb093 a3cbeadc 5993a17e c7adeb0g",
                                       "\x10\x11\x12" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (crypt_parse(bad[i], &key))
            fail_msg("'%s' taken for a key", bad[i]);
}

static void guess_needs_vectors(void **state)
{
    (void)state;
    static const uint8_t vectors[8] = { 0x0E, 0, 0, 0xEA, 0x14, 0xF0, 0x9F, 0xE5 };
    uint8_t plain[32], data[32];
    for (size_t i = 0; i < 8; i++)
        memcpy(plain + 4 * i, vectors + (i ? 4 : 0), 4);
    for (size_t i = 0; i < crypt_known_count; i++) {
        crypt_run(&crypt_known_keys[i].key, 0x10000, plain, data, 32);
        assert_ptr_equal(crypt_guess(0x10000, data), &crypt_known_keys[i]);
    }
    random_fill(5, data, 32);
    assert_null(crypt_guess(0x10000, data));
}

/* A made-up bootloader under keys nobody knows: found by its texts, and the chip's own key
 * where the bootloader holds a copy. */
static void unknown_keys_are_found(void **state)
{
    (void)state;
    static const char *const keys[] = { "deadbeef 13371337 0badcafe 12000b23",
                                        "11223344 55667788 99aabbcc 7f001a40",
                                        "00c0ffee 00000001 80000000 55000007" };
    static uint8_t plain[0x4000], img[0x4000];
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        for (int with_copy = 0; with_copy < 2; with_copy++) {
            struct crypt_key key = key_of(keys[k]), got;
            random_fill(6, plain, sizeof plain);
            for (size_t i = 0; i < 8; i++)
                put_le32(plain + 4 * i, 0xE59FF014);
            memcpy(plain + 0x2001, "unknown compression method", 27);
            for (size_t i = 0; i < 4; i++)
                put_le32(plain + 0x48 + 4 * i, with_copy ? key.c[i] : 0);
            crypt_run(&key, 0, plain, img, sizeof plain);
            bool exact;
            assert_true(crypt_recover(img, sizeof img, &got, &exact));
            assert_int_equal(exact, with_copy);
            if (with_copy)
                assert_memory_equal(&got, &key, sizeof key);
            crypt_run(&got, 0, img, img, sizeof img);
            assert_memory_equal(img, plain, sizeof img);
        }
    }
    random_fill(7, img, sizeof img);
    struct crypt_key got;
    bool exact;
    assert_false(crypt_recover(img, sizeof img, &got, &exact));
    assert_false(crypt_recover(img, 10, &got, &exact));
}

int main(void)
{
    json_t *v = vectors_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(words, v),
        cmocka_unit_test_prestate(blocks, v),
        cmocka_unit_test_prestate(vendor_tool, v),
        cmocka_unit_test(runs_and_words_agree),
        cmocka_unit_test(key_text),
        cmocka_unit_test(guess_needs_vectors),
        cmocka_unit_test(unknown_keys_are_found),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(v);
    return failed;
}
