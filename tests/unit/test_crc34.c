/* CRC-16 of code blocks, packing, and the two address spaces. */
#include "core/image/crc34.h"
#include "tests/support/vectors.h"

static void crc_vectors(void **state)
{
    json_t *v = json_object_get(*state, "crc16"), *item;
    size_t i;
    json_array_foreach(v, i, item)
    {
        uint8_t data[64];
        size_t n = unhex(text_of(item, "data"), data, sizeof data);
        assert_int_equal(crc16_cms(data, n), hex_of(item, "crc"));
    }
    assert_true(i >= 5);
}

static void addresses(void **state)
{
    json_t *v = json_object_get(*state, "address_map"), *item;
    size_t i;
    json_array_foreach(v, i, item)
    {
        uint64_t back;
        assert_int_equal(crc34_physical(hex_of(item, "logical")), hex_of(item, "physical"));
        assert_true(crc34_logical(hex_of(item, "physical"), &back));
        assert_int_equal(back, hex_of(item, "logical"));
    }
    uint64_t l;
    assert_false(crc34_logical(0x20, &l)); /* a CRC byte */
    assert_false(crc34_logical(0x21, &l));
    assert_true(crc34_logical(0x22, &l));
}

/* Every length around the block and the eight-block stride packs into good blocks, and comes
 * back with 0xFF fill. */
static void round_trip(void **state)
{
    (void)state;
    uint8_t plain[512], packed[1024], back[1024];
    random_fill(1, plain, sizeof plain);
    for (size_t n = 0; n <= sizeof plain; n++) {
        size_t size = crc34_pack(plain, n, packed);
        assert_int_equal(size, crc34_packed_size(n));
        struct crc34_stat st;
        crc34_stat(packed, size, &st);
        assert_int_equal(st.good, size / CRC34_BLOCK);
        assert_int_equal(st.leading_good, st.good);
        assert_int_equal(crc34_leading(packed, size), st.good); /* the other way to compute it */
        size_t len = crc34_strip(packed, size, back);
        assert_int_equal(len, (n + 31) / 32 * 32);
        assert_memory_equal(back, plain, n);
        for (size_t i = n; i < len; i++)
            assert_int_equal(back[i], 0xFF);
    }
}

static void every_bit_of_a_block_counts(void **state)
{
    (void)state;
    uint8_t plain[32], block[34];
    random_fill(2, plain, sizeof plain);
    crc34_pack(plain, 32, block);
    for (size_t bit = 0; bit < 34 * 8; bit++) {
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(crc34_check(block), CRC34_BAD);
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(crc34_check(block), CRC34_GOOD);
}

static void states_are_told_apart(void **state)
{
    (void)state;
    uint8_t plain[32 * 6], img[34 * 6 + 5];
    random_fill(3, plain, sizeof plain);
    memset(img, 0, sizeof img);
    crc34_pack(plain, sizeof plain, img);
    memset(img + 34 * 2, 0xFF, 34);
    img[34 * 3 + 7] ^= 1;
    struct crc34_stat st;
    crc34_stat(img, sizeof img, &st);
    assert_int_equal(st.blocks, 6);
    assert_int_equal(st.good, 4);
    assert_int_equal(st.erased, 1);
    assert_int_equal(st.bad, 1);
    assert_int_equal(st.leading_good, 2);
    assert_int_equal(st.first_bad, 34 * 3);
    assert_int_equal(st.last_good_end, 34 * 6);
    crc34_stat(img, 0, &st);
    assert_int_equal(st.blocks, 0);
    assert_true(st.first_bad == SIZE_MAX);
}

int main(void)
{
    json_t *v = vectors_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(crc_vectors, v),
        cmocka_unit_test_prestate(addresses, v),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_bit_of_a_block_counts),
        cmocka_unit_test(states_are_told_apart),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(v);
    return failed;
}
