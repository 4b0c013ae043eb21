/* RBL containers and UG wrappers: vectors made by other programs, both directions. */
#include "core/image/bytes.h"
#include "core/image/crc34.h"
#include "core/image/crypt.h"
#include "core/image/rbl.h"
#include "tests/support/vectors.h"

static void hashes(void **state)
{
    json_t *v = json_object_get(*state, "fnv1a32"), *item;
    size_t i;
    json_array_foreach(v, i, item)
    {
        const char *text = text_of(item, "data_ascii");
        assert_int_equal(fnv1a((const uint8_t *)text, strlen(text)), hex_of(item, "v"));
    }
    assert_int_equal(i, 4);
}

static void payload(uint8_t out[100])
{
    for (size_t i = 0; i < 100; i++)
        out[i] = (uint8_t)(7 * i + 3);
}

static void ota_files(void **state)
{
    json_t *v = json_object_get(*state, "ota_rbl"), *item;
    uint8_t want[100];
    size_t i;
    payload(want);
    json_array_foreach(v, i, item)
    {
        size_t len;
        uint8_t *file = data_file(text_of(item, "file"), &len), *raw;
        struct sha256_hex sha;
        struct rbl_header h;
        bkf_error err = BKF_ERROR_INIT;
        sha256_of(file, len, &sha);
        assert_string_equal(sha.text, text_of(item, "sha256"));
        if (rbl_unpack(file, len, &rbl_default_keys, &h, &raw, &err))
            fail_msg("%s: %s", text_of(item, "file"), err.message);
        assert_int_equal(h.algo, hex_of(item, "algo"));
        assert_int_equal(h.crc32, hex_of(item, "crc32"));
        assert_int_equal(h.hash, hex_of(item, "hash"));
        assert_int_equal(h.size_raw, int_of(item, "raw"));
        assert_int_equal(h.size_package, int_of(item, "pkg"));
        assert_string_equal(h.name, "app");
        assert_string_equal(h.version, "1.00");
        assert_memory_equal(raw, want, 100);

        /* the other direction: same bytes where no compressor is involved */
        struct rbl_header mine = { .algo = h.algo, .name = "app", .version = "1.00" };
        strcpy(mine.serial, h.serial);
        uint8_t *packed, *again;
        size_t packed_len;
        assert_int_equal(rbl_pack(raw, 100, &mine, &rbl_default_keys, &packed, &packed_len, &err),
                         0);
        if (!(h.algo & RBL_COMP_GZIP)) {
            assert_int_equal(packed_len, len);
            assert_memory_equal(packed, file, len);
        }
        assert_int_equal(rbl_unpack(packed, packed_len, &rbl_default_keys, &h, &again, &err), 0);
        assert_memory_equal(again, want, 100);
        free(again);
        free(packed);
        free(raw);
        free(file);
    }
    assert_int_equal(i, 4);
}

/* Every bit of a container counts: header, package or hash says so. */
static void damage_is_named(void **state)
{
    (void)state;
    static const char *const files[] = { "ota_none.rbl", "ota_aes256.rbl", "ota_aes256_gzip.rbl" };
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        size_t len;
        uint8_t *file = data_file(files[f], &len), *raw;
        struct rbl_header h;
        for (size_t bit = 0; bit < len * 8; bit++) {
            bkf_error err = BKF_ERROR_INIT;
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(rbl_unpack(file, len, &rbl_default_keys, &h, &raw, &err), BKF_E_IMAGE);
            assert_null(raw);
            assert_true(strlen(err.message) > 20);
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t n = 0; n < len; n++)
            assert_int_equal(rbl_unpack(file, n, &rbl_default_keys, &h, &raw, NULL), BKF_E_IMAGE);
        struct rbl_keys other = rbl_default_keys;
        other.key[3] ^= 1;
        if (f > 0)
            assert_int_equal(rbl_unpack(file, len, &other, &h, &raw, NULL), BKF_E_IMAGE);
        free(file);
    }
}

static void unknown_algorithms_are_refused(void **state)
{
    (void)state;
    size_t len;
    uint8_t *file = data_file("ota_none.rbl", &len), *raw;
    static const uint32_t algos[] = { 1, 0x200, 0x300, 3, 0x10000 };
    for (size_t i = 0; i < ARRAY_LEN(algos); i++) {
        struct rbl_header h;
        rbl_header_read(file, &h);
        h.algo = algos[i];
        rbl_header_write(&h, file);
        assert_int_equal(rbl_unpack(file, len, &rbl_default_keys, &h, &raw, NULL),
                         BKF_E_UNSUPPORTED);
        assert_int_equal(rbl_pack(file, len, &h, &rbl_default_keys, &raw, &len, NULL),
                         BKF_E_UNSUPPORTED);
    }
    free(file);
}

/* The packed form at the end of a partition, as ltchiptool writes it. */
static void in_flash(void **state)
{
    json_t *v = json_object_get(*state, "inflash");
    size_t len;
    uint8_t *img = data_file(text_of(v, "file"), &len), body[512], plain[512];
    struct rbl_found found;
    assert_true(rbl_scan(img, len, 0, &found));
    assert_true(found.packed);
    assert_int_equal(found.offset, int_of(v, "header_offset"));
    assert_int_equal(found.offset, len - RBL_PACKED_HEADER);
    assert_int_equal(found.header.size_raw, int_of(v, "raw"));
    assert_int_equal(found.header.size_package, int_of(v, "pkg"));
    assert_int_equal(found.header.crc32, hex_of(v, "crc32"));
    assert_int_equal(found.header.hash, hex_of(v, "hash"));
    crc34_strip(img, len, body);
    struct rbl_verdict verdict;
    rbl_check_inplace(&found.header, body, crc34_packed_size(112) / 34 * 32, &verdict);
    assert_true(verdict.complete && verdict.hash_ok);
    assert_int_equal(verdict.package_ok, 1);
    body[20] ^= 1;
    rbl_check_inplace(&found.header, body, sizeof body, &verdict);
    assert_true(verdict.complete && !verdict.hash_ok);
    assert_int_equal(verdict.package_ok, 0);
    body[20] ^= 1;
    struct crypt_key tuya;
    crypt_parse("tuya", &tuya);
    crypt_run(&tuya, 0x10000, body, plain, 96);
    for (size_t i = 0; i < 70; i++)
        assert_int_equal(plain[i], i);
    /* the other direction */
    struct rbl_header h = found.header;
    h.crc32 = h.hash = h.size_raw = h.size_package = h.info_crc32 = 0;
    uint8_t header[RBL_HEADER], packed[RBL_PACKED_HEADER];
    rbl_header_inplace(&h, body, 112);
    rbl_header_write(&h, header);
    crc34_pack(header, sizeof header, packed);
    assert_memory_equal(packed, img + found.offset, RBL_PACKED_HEADER);
    assert_false(rbl_scan(img, len, found.offset + 1, &found));
    free(img);
}

static void magic_alone_is_no_header(void **state)
{
    (void)state;
    uint8_t junk[4096];
    struct rbl_found found;
    random_fill(3, junk, sizeof junk);
    for (size_t i = 0; i + 4 < sizeof junk; i += 100)
        memcpy(junk + i, "RBL", 4);
    assert_false(rbl_scan(junk, sizeof junk, 0, &found));
    memcpy(junk + sizeof junk - 4, "RBL", 4);
    assert_false(rbl_scan(junk, sizeof junk, 0, &found));
}

/* The vendor tool leaves its old bytes behind the program. */
static void vendor_tails(void **state)
{
    (void)state;
    struct crypt_key tuya;
    crypt_parse("tuya", &tuya);
    for (size_t n = 0x10100; n < 0x10130; n++) {
        uint8_t *in = malloc(n), *out = malloc(crypt_vendor_size(n));
        random_fill((uint32_t)n, in, n);
        assert_true(crypt_vendor(&tuya, 0x10000, in, n, out));
        size_t size = crypt_vendor_size(n), tail = rbl_vendor_tail(out, size);
        assert_int_equal(size - (tail & ~(size_t)3), (n + 3) / 4 * 4);
        free(in);
        free(out);
    }
}

static void ug(void **state)
{
    (void)state;
    size_t len, inner_len;
    uint8_t *file = data_file("ug_of_ota_aes256_gzip.bin", &len);
    uint8_t *inner = data_file("ota_aes256_gzip.rbl", &inner_len), *mine = malloc(len);
    struct ug_header h;
    assert_true(ug_read(file, len, &h));
    assert_true(h.header_ok && h.payload_ok);
    assert_int_equal(h.length, inner_len);
    assert_string_equal(h.version, "1.0.0");
    assert_memory_equal(file + UG_HEADER, inner, inner_len);
    ug_write("1.0.0", inner, inner_len, mine);
    assert_memory_equal(mine, file, len);
    assert_true(ug_read(file, len - 1, &h));
    assert_true(h.header_ok && !h.payload_ok);
    file[40] ^= 1;
    assert_true(ug_read(file, len, &h));
    assert_false(h.payload_ok);
    file[5] ^= 1;
    assert_true(ug_read(file, len, &h));
    assert_false(h.header_ok);
    assert_false(ug_read(file, 31, &h));
    assert_false(ug_read(inner, inner_len, &h));
    free(mine);
    free(file);
    free(inner);
}

int main(void)
{
    json_t *v = vectors_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(hashes, v),   cmocka_unit_test_prestate(ota_files, v),
        cmocka_unit_test(damage_is_named),      cmocka_unit_test(unknown_algorithms_are_refused),
        cmocka_unit_test_prestate(in_flash, v), cmocka_unit_test(magic_alone_is_no_header),
        cmocka_unit_test(vendor_tails),         cmocka_unit_test(ug),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(v);
    return failed;
}
