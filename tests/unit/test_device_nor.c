/* test_device_nor.c - the NOR die of the virtual device, at its pins. */
#include "tests/device/options.h"
#include "tests/support/spi_bench.h"

#define PLAIN "gate=no jedec=EF4016 "

static void identification(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, PLAIN "rdid_tail=repeat");
    assert_int_equal(bench_rdid(&b), 0xEF4016);
    uint8_t tx[8] = { 0x9F }, rx[8];
    bench_frame(&b, tx, rx, 8);
    assert_memory_equal(rx + 1, "\xEF\x40\x16\xEF\x40\x16\xEF", 7);
    assert_int_equal(rx[0], 0xFF); /* nothing drives MISO under the opcode: pull-up */
    uint8_t rems[6] = { 0x90 }, id[6];
    bench_frame(&b, rems, id, 6);
    assert_memory_equal(id + 4, "\xEF\x15", 2);
    uint8_t res[5] = { 0xAB };
    bench_frame(&b, res, id, 5);
    assert_int_equal(id[4], 0x15);
    bench_clean(&b);
    bench_close(&b);
}

static void unique_id_follows_the_seed(void **state)
{
    (void)state;
    uint8_t tx[13] = { 0x4B }, one[13], again[13], other[13];
    const char *seeds[] = { PLAIN "seed=7", PLAIN "seed=7", PLAIN "seed=8" };
    uint8_t *to[] = { one, again, other };
    for (size_t i = 0; i < 3; i++) {
        struct bench b;
        bench_open(&b, seeds[i]);
        bench_frame(&b, tx, to[i], 13);
        bench_close(&b);
    }
    assert_memory_equal(one + 5, again + 5, 8);
    assert_memory_not_equal(one + 5, other + 5, 8);
}

static void sfdp_describes_the_die(void **state)
{
    (void)state;
    struct bench b;
    uint8_t tx[256] = { 0x5A }, rx[256];
    bench_open(&b, PLAIN);
    bench_frame(&b, tx, rx, 255);
    const uint8_t *t = rx + 5;
    assert_memory_equal(t, "SFDP", 4);
    assert_int_equal(t[8], 0); /* basic table */
    assert_int_equal(t[11], 16);
    const uint8_t *basic = t + t[12];
    uint32_t bits = (uint32_t)basic[4] | (uint32_t)basic[5] << 8 | (uint32_t)basic[6] << 16 |
                    (uint32_t)basic[7] << 24;
    assert_int_equal(bits, 4u * 1024 * 1024 * 8 - 1);
    assert_int_equal(basic[0] & 3, 1);
    assert_int_equal(basic[1], 0x20);
    assert_memory_equal(basic + 28, "\x0C\x20\x0F\x52\x10\xD8", 6);
    bench_close(&b);
    bench_open(&b, PLAIN "sfdp=no");
    bench_frame(&b, tx, rx, 32);
    assert_int_equal(rx[5], 0xFF);
    bench_close(&b);
}

static void program_is_and_and_wraps(void **state)
{
    (void)state;
    struct bench b;
    uint8_t data[300], got[256];
    bench_open(&b, PLAIN);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)i;
    }
    bench_program(&b, 0x1000, data, 256);
    assert_in_range(bench_ready_us(&b, 10000), 300, 600); /* 0.5 ms, less the status frames */
    bench_read(&b, 0x1000, got, 256);
    assert_memory_equal(got, data, 256);
    bench_clean(&b);
    uint8_t half[2] = { 0x0F, 0xF0 };
    bench_program(&b, 0x1010, half, 2); /* 10 & 0F, 11 & F0 */
    (void)bench_ready_us(&b, 10000);
    bench_read(&b, 0x1010, got, 2);
    assert_memory_equal(got, "\x00\x10", 2);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_UNERASED), 1);
    /* over the end of the page: back to its start, and not into the next page */
    bench_program(&b, 0x20FE, data + 1, 4);
    (void)bench_ready_us(&b, 10000);
    bench_read(&b, 0x20FE, got, 4);
    assert_memory_equal(got, "\x01\x02\xFF\xFF", 4);
    bench_read(&b, 0x2000, got, 2);
    assert_memory_equal(got, "\x03\x04", 2);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_WRAP), 1);
    /* more than a page: the last 256 bytes count */
    bench_program(&b, 0x3000, data, 300);
    (void)bench_ready_us(&b, 10000);
    bench_read(&b, 0x3000, got, 256);
    assert_memory_equal(got, data + 256, 44);
    assert_memory_equal(got + 44, data + 44, 212);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_LENGTH), 1);
    bench_close(&b);
}

struct erase_case {
    uint8_t opcode;
    uint32_t addr, start, end;
    uint32_t us;
};

static void erase_sizes_and_times(void **state)
{
    (void)state;
    static const struct erase_case cases[] = {
        { 0x20, 0x12345, 0x12000, 0x13000, 60000 },
        { 0x52, 0x1FFFF, 0x18000, 0x20000, 150000 },
        { 0xD8, 0x21234, 0x20000, 0x30000, 250000 },
        { 0xC7, 0, 0, 0x400000, 15000000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct erase_case *c = &cases[i];
        struct bench b;
        size_t size;
        bench_open(&b, PLAIN);
        uint8_t *flash = (uint8_t *)(uintptr_t)device_flash(b.dev, &size);
        memset(flash, 0, size);
        if (c->opcode == 0xC7) {
            BENCH_SEND(&b, 0x06);
            BENCH_SEND(&b, 0xC7);
        } else {
            bench_erase(&b, c->opcode, c->addr);
        }
        uint64_t us = bench_ready_us(&b, 60000000);
        assert_in_range(us, c->us - 200, c->us + 200);
        for (uint32_t a = 0; a < size; a++) {
            uint8_t want = a >= c->start && a < c->end ? 0xFF : 0;
            if (flash[a] != want) {
                fail_msg("erase %02X: %02X at 0x%X", c->opcode, flash[a], a);
            }
        }
        bench_clean(&b);
        bench_close(&b);
    }
}

static void only_status_is_answered_while_busy(void **state)
{
    (void)state;
    struct bench b;
    uint8_t got[4];
    bench_open(&b, PLAIN);
    bench_erase(&b, 0x20, 0x1000);
    assert_int_equal(bench_status(&b, 0x05), 0x03);
    assert_int_equal(bench_rdid(&b), 0xFFFFFF);
    bench_read(&b, 0, got, 4);
    BENCH_SEND(&b, 0x06);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_BUSY), 3);
    (void)bench_ready_us(&b, 100000);
    assert_int_equal(bench_status(&b, 0x05), 0x00); /* WEL ended with the erase */
    bench_close(&b);
}

static void commands_need_wel_and_whole_bytes(void **state)
{
    (void)state;
    struct bench b;
    uint8_t zero[1] = { 0 }, tx[5] = { 0x02, 0, 0, 0, 0 }, got[1];
    bench_open(&b, PLAIN);
    bench_frame(&b, tx, NULL, 5);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_WEL), 1);
    BENCH_SEND(&b, 0x06);
    assert_int_equal(bench_status(&b, 0x05), 0x02);
    bench_cs(&b, 0); /* one clock too many: the program is dropped */
    bench_bytes(&b, tx, NULL, 5);
    device_spi_xfer_bits(b.dev, 0, BENCH_HZ, zero, NULL, 1);
    bench_cs(&b, 1);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_FRAME), 1);
    bench_read(&b, 0, got, 1);
    assert_int_equal(got[0], 0xFF);
    BENCH_SEND(&b, 0x04);
    assert_int_equal(bench_status(&b, 0x05), 0x00);
    bench_close(&b);
}

static void reads_wrap_at_the_end(void **state)
{
    (void)state;
    struct bench b;
    uint8_t got[8];
    bench_open(&b, "gate=no jedec=0B4016 size=2M");
    uint8_t *flash = (uint8_t *)(uintptr_t)device_flash(b.dev, NULL);
    memcpy(flash, "START", 5);
    memcpy(flash + 0x1FFFFD, "END", 3);
    bench_read(&b, 0x1FFFFD, got, 8);
    assert_memory_equal(got, "ENDSTART", 8);
    bench_read(&b, 0x3FFFFD, got, 8); /* the address line above the array is not there */
    assert_memory_equal(got, "ENDSTART", 8);
    bench_close(&b);
}

/* Bits on the nets, as a bit-banging adapter makes them, give the same as bytes. */
static void edges_equal_bytes(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode <= 3; mode += 3) {
        struct bench b;
        const uint8_t tx[4] = { 0x9F, 0, 0, 0 };
        uint8_t rx[4] = { 0 };
        bench_open(&b, PLAIN);
        device_set_sck(b.dev, mode >> 1);
        bench_cs(&b, 0);
        for (size_t bit = 0; bit < 32; bit++) {
            device_set_sck(b.dev, 0);
            device_set_mosi(b.dev, (unsigned)tx[bit / 8] >> (7 - bit % 8) & 1u);
            bench_wait_us(&b, 10);
            rx[bit / 8] = (uint8_t)((unsigned)rx[bit / 8] << 1 | device_miso_read(b.dev));
            device_set_sck(b.dev, 1);
            bench_wait_us(&b, 10);
        }
        if (mode == 0) {
            device_set_sck(b.dev, 0);
        }
        bench_cs(&b, 1);
        assert_memory_equal(rx, "\xFF\xEF\x40\x16", 4);
        b.mode = mode;
        assert_int_equal(bench_rdid(&b), 0xEF4016);
        bench_clean(&b);
        bench_close(&b);
    }
}

static void power_down_and_reset(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, PLAIN);
    BENCH_SEND(&b, 0xB9);
    assert_int_equal(bench_rdid(&b), 0xFFFFFF);
    BENCH_SEND(&b, 0xAB);
    assert_int_equal(bench_rdid(&b), 0xEF4016);
    BENCH_SEND(&b, 0x06);
    BENCH_SEND(&b, 0x66);
    BENCH_SEND(&b, 0x05); /* anything in between disarms the reset */
    BENCH_SEND(&b, 0x99);
    assert_int_equal(bench_status(&b, 0x05), 0x02);
    BENCH_SEND(&b, 0x66);
    BENCH_SEND(&b, 0x99);
    assert_int_equal(bench_status(&b, 0x05), 0x00);
    bench_close(&b);
    bench_open(&b, PLAIN "crm=yes");
    assert_int_not_equal(bench_rdid(&b), 0xEF4016);
    BENCH_SEND(&b, 0xFF, 0xFF);
    assert_int_equal(bench_rdid(&b), 0xEF4016);
    bench_close(&b);
}

static void long_reads_take_their_time(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, PLAIN);
    b.hz = 15000000;
    uint8_t *got = malloc(4u << 20);
    uint64_t start = b.clock.ns;
    bench_read(&b, 0, got, 4u << 20);
    uint64_t us = (b.clock.ns - start) / 1000;
    assert_in_range(us, 2236965, 2236975); /* (4 MiB + 4) * 8 / 15 MHz */
    free(got);
    bench_close(&b);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    static const struct device_option bad[] = {
        { "jedec", "XYZ" },   { "size", "3M" },      { "size", "banana" },
        { "no-such", "1" },   { "t_pp", "5 m" },     { "p_fail", "2" },
        { "lie", "nothing" }, { "boot", "warp" },    { "wrsr", "one,six" },
        { "timing", "fast" }, { "tolerate", "all" }, { "image", "/nonexistent" },
        { "uid", "5" },       { "sr_count", "4" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vclock clock = { 0 };
        char err[256] = "";
        assert_null(device_new(&clock, &bad[i], 1, err));
        assert_true(strlen(err) > 10);
    }
}

/* The table for people has every option, with the same words. */
static void readme_lists_every_option(void **state)
{
    (void)state;
    static const struct {
        const char *key, *help;
    } options[] = {
#define X(key_, type, member, from_profile, choices, help_) { key_, help_ },
        DEVICE_OPTIONS(X)
#undef X
    };
    static char text[65536];
    FILE *f = fopen(SOURCE_DIR "/tests/device/README.md", "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    (void)fclose(f);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        char row[64];
        (void)snprintf(row, sizeof row, "| `%s` |", options[i].key);
        char *at = strstr(text, row);
        if (!at || !strstr(at, options[i].help)) {
            fail_msg("README.md lacks option %s: %s", options[i].key, options[i].help);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identification),
        cmocka_unit_test(unique_id_follows_the_seed),
        cmocka_unit_test(sfdp_describes_the_die),
        cmocka_unit_test(program_is_and_and_wraps),
        cmocka_unit_test(erase_sizes_and_times),
        cmocka_unit_test(only_status_is_answered_while_busy),
        cmocka_unit_test(commands_need_wel_and_whole_bytes),
        cmocka_unit_test(reads_wrap_at_the_end),
        cmocka_unit_test(edges_equal_bytes),
        cmocka_unit_test(power_down_and_reset),
        cmocka_unit_test(long_reads_take_their_time),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(readme_lists_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
