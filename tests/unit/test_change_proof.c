/* Which old bytes are read again before they are overwritten. */
#include "core/image/crc34.h"
#include "core/session/change.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

/* Runs are taken whole, so up to one of 64 KiB is left of the most that is read again. */
enum { SIZE = 0x400000, MOST = 0xC0000, RUN = 0x10000 };

/* All of the flash changes, unless a test says otherwise. */
struct rig {
    struct bkf_profile profile;
    bkf_session session;
    struct change c;
    struct range_list again;
    uint64_t own;
};

static struct rig *rig_make(void)
{
    struct rig *r = calloc(1, sizeof *r);
    r->profile.erased = 0xFF;
    r->session.profile = &r->profile;
    r->c.s = &r->session;
    r->c.request = (bkf_range){ 0, SIZE };
    r->c.current = malloc(SIZE);
    r->c.target = malloc(SIZE);
    r->c.skip = calloc(SIZE / SECTOR, sizeof *r->c.skip);
    memset(r->c.current, 0xFF, SIZE);
    memset(r->c.target, 0x55, SIZE);
    return r;
}

static void rig_free(struct rig *r)
{
    range_list_free(&r->again);
    free(r->c.current);
    free(r->c.target);
    free(r->c.skip);
    free(r);
}

static void fill_random(uint8_t *p, size_t n)
{
    uint64_t s = 3;
    for (size_t i = 0; i < n; i++) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(s >> 56);
    }
}

/* Code from 0 to at least end, as it lies in flash. */
static void fill_code(uint8_t *flash, size_t end)
{
    size_t blocks = (end + CRC34_BLOCK - 1) / CRC34_BLOCK;
    uint8_t *code = malloc(blocks * CRC34_DATA);
    fill_random(code, blocks * CRC34_DATA);
    crc34_pack(code, blocks * CRC34_DATA, flash);
    free(code);
}

static void pick(struct rig *r)
{
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(change_proof_pick(&r->c, r->c.request, &r->again, &r->own, &err), BKF_OK);
}

static bool read_again(const struct rig *r, uint32_t at)
{
    for (size_t i = 0; i < r->again.n; i++)
        if (at >= r->again.items[i].start && at < r->again.items[i].end)
            return true;
    return false;
}

static void code_proves_itself(void **state)
{
    (void)state;
    struct rig *r = rig_make();
    fill_code(r->c.current, 0x200000);
    pick(r);
    assert_int_equal(r->own, 0x200000);
    assert_false(read_again(r, 0));
    assert_false(read_again(r, 0x1FF000));
    uint64_t again = range_list_bytes(&r->again);
    assert_in_range(again, MOST - RUN, MOST); /* of the erased rest */
    assert_int_equal(r->c.backup_read_once, 0x200000 - again);
    rig_free(r);
}

static void a_damaged_block_does_not(void **state)
{
    (void)state;
    struct rig *r = rig_make();
    fill_code(r->c.current, SIZE - CRC34_BLOCK);
    r->c.current[0x12345] ^= 0x10;
    assert_true(0x21000 % CRC34_BLOCK); /* both sectors depend on this block */
    r->c.current[0x21000] ^= 1;
    pick(r);
    assert_true(read_again(r, 0x12000));
    assert_true(read_again(r, 0x20000));
    assert_true(read_again(r, 0x21000));
    assert_true(read_again(r, SIZE - SECTOR)); /* its last block is cut off */
    assert_int_equal(range_list_bytes(&r->again), 4 * SECTOR);
    assert_int_equal(r->c.backup_read_once, 0);
    rig_free(r);
}

/* A read that came from another address has good blocks at the wrong place. */
static void misaddressed_code_does_not(void **state)
{
    (void)state;
    for (unsigned bit = 8; bit < 22; bit++) {
        struct rig *r = rig_make();
        fill_code(r->c.current, 0x380000);
        memcpy(r->c.target, r->c.current, SIZE);
        memmove(r->c.current + 0x100000, r->c.target + (0x100000u ^ 1u << bit), 0x10000);
        memset(r->c.target + 0x100000, 0, 0x10000);
        pick(r);
        assert_true(read_again(r, 0x100000));
        assert_true(read_again(r, 0x108000));
        assert_true(read_again(r, 0x10F000));
        rig_free(r);
    }
}

static void what_stays_is_not_read_again(void **state)
{
    (void)state;
    struct rig *r = rig_make();
    fill_random(r->c.current, SIZE);
    memcpy(r->c.target, r->c.current, SIZE);
    r->c.target[0x345678] ^= 1;
    r->c.target[0x111111] ^= 1;
    r->c.skip[0x111] = true; /* a hole of the dump */
    pick(r);
    assert_int_equal(r->again.n, 1);
    assert_int_equal(r->again.items[0].start, 0x345000);
    assert_int_equal(r->again.items[0].end, 0x346000);
    rig_free(r);
}

static void data_goes_before_erased_flash(void **state)
{
    (void)state;
    struct rig *r = rig_make();
    fill_random(r->c.current + 0x300000, MOST - 0x10000);
    pick(r);
    for (uint32_t at = 0x300000; at < 0x300000 + MOST - 0x10000; at += SECTOR)
        assert_true(read_again(r, at));
    assert_in_range(range_list_bytes(&r->again), MOST - RUN, MOST);
    rig_free(r);
}

static void too_much_data_is_sampled_all_over(void **state)
{
    (void)state;
    struct rig *r = rig_make();
    fill_random(r->c.current, SIZE);
    pick(r);
    assert_int_equal(range_list_bytes(&r->again), MOST);
    assert_int_equal(r->c.backup_read_once, SIZE - MOST);
    for (uint32_t at = 0; at < SIZE; at += SIZE / 8) {
        bool any = false;
        for (uint32_t i = 0; i < SIZE / 8; i += SECTOR)
            any = any || read_again(r, at + i);
        assert_true(any);
    }
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_proves_itself),
        cmocka_unit_test(a_damaged_block_does_not),
        cmocka_unit_test(misaddressed_code_does_not),
        cmocka_unit_test(what_stays_is_not_read_again),
        cmocka_unit_test(data_goes_before_erased_flash),
        cmocka_unit_test(too_much_data_is_sampled_all_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
