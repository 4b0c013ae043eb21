/* test_device_status.c - status registers of the virtual die: write widths, protection
 * ranges, volatile writes, lies. */
#include "tests/device/nor_die.h"
#include "tests/support/spi_bench.h"

static void status_write(struct bench *b, const uint8_t *frame, size_t n, uint8_t enable)
{
    BENCH_SEND(b, enable);
    bench_frame(b, frame, NULL, n);
    assert_int_not_equal(bench_ready_us(b, 1000000), UINT64_MAX);
}

struct dialect {
    const char *options;
    uint32_t from;
    uint8_t frame[4];
    uint8_t n;
    uint32_t to;
    bool length_violation;
};

static void every_write_width(void **state)
{
    (void)state;
    static const struct dialect cases[] = {
        /* one byte, SR2 kept or cleared */
        { "wrsr=one wrsr1=keep", 0x4204, { 0x01, 0x00 }, 2, 0x4200, false },
        { "wrsr=one wrsr1=clear", 0x4204, { 0x01, 0x00 }, 2, 0x0000, false },
        /* two bytes */
        { "wrsr=one,two", 0x4204, { 0x01, 0x00, 0x02 }, 3, 0x0200, false },
        { "wrsr=two", 0x4204, { 0x01, 0x00, 0x02 }, 3, 0x0200, false },
        { "wrsr=two", 0x4204, { 0x01, 0x00 }, 2, 0x4204, true },
        { "wrsr=one", 0x4204, { 0x01, 0x00, 0x02 }, 3, 0x4204, true },
        { "wrsr=one wrsr_extra=ignore", 0x4204, { 0x01, 0x00, 0x02 }, 3, 0x4200, false },
        { "wrsr=one,two", 0x4204, { 0x01, 0x00, 0x02, 0x00 }, 4, 0x4204, true },
        { "wrsr=one,two wrsr_extra=ignore", 0x4204, { 0x01, 0, 2, 0 }, 4, 0x0200, false },
        /* separate registers */
        { "wrsr=one,31", 0x4204, { 0x31, 0x02 }, 2, 0x0204, false },
        { "wrsr=one,two", 0x4204, { 0x31, 0x02 }, 2, 0x4204, false },
        { "wrsr=one,31,11 sr_count=3", 0x4204, { 0x11, 0x60 }, 2, 0x604204, false },
        /* WIP and WEL are not writable */
        { "wrsr=one", 0x0000, { 0x01, 0xFF }, 2, 0x00FC, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dialect *c = &cases[i];
        struct bench b;
        char options[128];
        (void)snprintf(options, sizeof options, "gate=no jedec=0B4016 sr=0x%X %s",
                       (unsigned)c->from, c->options);
        bench_open(&b, options);
        status_write(&b, c->frame, c->n, 0x06);
        if (device_flash_status(b.dev) != c->to &&
            device_flash_status(b.dev) != (c->to | 0x02)) { /* WEL stays on an unknown opcode */
            fail_msg("%s, %02X..: status %06X, expected %06X", c->options, c->frame[0],
                     (unsigned)device_flash_status(b.dev), (unsigned)c->to);
        }
        assert_int_equal(device_violation_count(b.dev, VIOLATION_LENGTH) != 0, c->length_violation);
        bench_close(&b);
    }
}

static void missing_registers_echo(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint8_t want;
    } cases[] = { { "rdsr2=sr1", 0x7C }, { "rdsr2=00", 0 }, { "rdsr2=ff", 0xFF } };
    for (size_t i = 0; i < 3; i++) {
        struct bench b;
        char options[96];
        (void)snprintf(options, sizeof options, "gate=no jedec=1C7015 sr=0x7C %s",
                       cases[i].options);
        bench_open(&b, options);
        assert_int_equal(bench_status(&b, 0x05), 0x7C);
        assert_int_equal(bench_status(&b, 0x35), cases[i].want);
        bench_close(&b);
    }
    struct bench b; /* MX25V: the second register is the configuration register, read by 15 */
    bench_open(&b, "gate=no jedec=C22315 sr=0x0838");
    assert_int_equal(bench_status(&b, 0x15), 0x08);
    assert_int_equal(bench_status(&b, 0x35), 0xFF);
    bench_close(&b);
}

static void volatile_write_is_lost(void **state)
{
    (void)state;
    struct bench b;
    const uint8_t frame[3] = { 0x01, 0x00, 0x00 };
    bench_open(&b, "gate=no jedec=0B4016 sr=0x4004");
    status_write(&b, frame, 3, 0x50);
    assert_int_equal(device_flash_status(b.dev), 0);
    BENCH_SEND(&b, 0x66);
    BENCH_SEND(&b, 0x99);
    assert_int_equal(device_flash_status(b.dev), 0x4004);
    status_write(&b, frame, 3, 0x06);
    device_power_cycle(b.dev);
    assert_int_equal(device_flash_status(b.dev), 0);
    bench_clean(&b);
    /* 50 does not enable anything but status writes */
    BENCH_SEND(&b, 0x50);
    BENCH_SEND(&b, 0x20, 0, 0, 0);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_WEL), 1);
    bench_close(&b);
}

static void one_time_bits(void **state)
{
    (void)state;
    struct bench b;
    const uint8_t set[3] = { 0x01, 0x00, 0x08 }, clear[3] = { 0x01, 0x00, 0x00 };
    bench_open(&b, "gate=no jedec=0B4016 sr=0");
    status_write(&b, set, 3, 0x06);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_OTP), 1);
    status_write(&b, clear, 3, 0x06);
    assert_int_equal(device_flash_status(b.dev), 0x0800);
    bench_close(&b);
    /* SRP1: locked until the power goes */
    const uint8_t lock[3] = { 0x01, 0x04, 0x01 };
    bench_open(&b, "gate=no jedec=0B4016 sr=0");
    status_write(&b, lock, 3, 0x06);
    status_write(&b, clear, 3, 0x06);
    assert_int_equal(device_flash_status(b.dev), 0x0104);
    device_power_cycle(b.dev);
    status_write(&b, clear, 3, 0x06);
    assert_int_equal(device_flash_status(b.dev), 0);
    bench_close(&b);
}

/* -- protection ranges --------------------------------------------------------------- */
struct range_row {
    uint8_t sr1; /* SEC TB BP2..0 in place */
    uint32_t start, end;
};

/* The W25Q32 data sheet's table for CMP = 0, written out row by row (SEC TB BP2 BP1 BP0). */
static const struct range_row w25q32[] = {
    { 0x00, 0, 0 },
    { 0x04, 0x3F0000, 0x400000 }, /* 0 0 001: upper 1/64 */
    { 0x08, 0x3E0000, 0x400000 },
    { 0x0C, 0x3C0000, 0x400000 },
    { 0x10, 0x380000, 0x400000 },
    { 0x14, 0x300000, 0x400000 },
    { 0x18, 0x200000, 0x400000 }, /* 0 0 110: upper half */
    { 0x24, 0x000000, 0x010000 }, /* 0 1 001: lower 1/64 */
    { 0x28, 0x000000, 0x020000 },
    { 0x2C, 0x000000, 0x040000 },
    { 0x30, 0x000000, 0x080000 },
    { 0x34, 0x000000, 0x100000 },
    { 0x38, 0x000000, 0x200000 },
    { 0x1C, 0x000000, 0x400000 }, /* x x 111: all */
    { 0x3C, 0x000000, 0x400000 },
    { 0x5C, 0x000000, 0x400000 },
    { 0x7C, 0x000000, 0x400000 },
    { 0x44, 0x3FF000, 0x400000 }, /* 1 0 001: upper 4 KiB */
    { 0x48, 0x3FE000, 0x400000 },
    { 0x4C, 0x3FC000, 0x400000 },
    { 0x50, 0x3F8000, 0x400000 }, /* 1 0 10x: upper 32 KiB */
    { 0x54, 0x3F8000, 0x400000 },
    { 0x64, 0x000000, 0x001000 },
    { 0x68, 0x000000, 0x002000 },
    { 0x6C, 0x000000, 0x004000 },
    { 0x70, 0x000000, 0x008000 },
    { 0x74, 0x000000, 0x008000 },
};

static void check_ranges(uint32_t jedec, uint32_t sr, uint32_t start, uint32_t end, bool inverted)
{
    struct nor_config cfg;
    struct violation_log log = { 0 };
    char err[256];
    assert_true(nor_part_defaults(jedec, &cfg));
    uint8_t *array = malloc(cfg.size);
    struct nor_die *die = nor_new(&cfg, array, &log, err);
    assert_non_null(die);
    nor_force_status(die, sr);
    for (uint32_t a = 0; a < cfg.size; a += 4096) {
        bool want = (a >= start && a < end) != inverted;
        if (nor_protects(die, a) != want) {
            fail_msg("%06X, SR %04X: 0x%06X should %sbe protected", (unsigned)jedec, (unsigned)sr,
                     (unsigned)a, want ? "" : "not ");
        }
    }
    nor_free(die);
    free(array);
    violation_free(&log);
}

static void w25q_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof w25q32 / sizeof w25q32[0]; i++) {
        const struct range_row *r = &w25q32[i];
        check_ranges(0xEF4016, r->sr1, r->start, r->end, false);
        check_ranges(0xEF4016, r->sr1 | 0x4000u, r->start, r->end, true);
    }
    /* W25Q16: the smallest block stays 64 KiB; 64 Mbit: 1/64 is 128 KiB */
    check_ranges(0xEF4015, 0x04, 0x1F0000, 0x200000, false);
    check_ranges(0xEF4015, 0x14, 0x100000, 0x200000, false);
    check_ranges(0xC84017, 0x04, 0x7E0000, 0x800000, false);
    /* what the Beken SDK leaves: everything but the last block */
    check_ranges(0x0B4016, 0x4004, 0x3F0000, 0x400000, true);
    /* EN25QH16B as seen after boot */
    check_ranges(0x1C7015, 0x7C, 0x000000, 0x008000, false);
}

/* Clearing SR1 alone turns "all but the last block" into "all". */
static void protected_commands_do_nothing(void **state)
{
    (void)state;
    struct bench b;
    const uint8_t sr1[2] = { 0x01, 0x00 }, both[3] = { 0x01, 0x00, 0x00 };
    uint8_t zero = 0, got;
    bench_open(&b, "gate=no jedec=0B4016 sr=0x4004");
    bench_program(&b, 0x1000, &zero, 1);
    assert_int_equal(bench_status(&b, 0x05) & 3, 0); /* WEL dropped at once, no busy time */
    bench_read(&b, 0x1000, &got, 1);
    assert_int_equal(got, 0xFF);
    bench_program(&b, 0x3F0000, &zero, 1);
    (void)bench_ready_us(&b, 10000);
    bench_read(&b, 0x3F0000, &got, 1);
    assert_int_equal(got, 0);
    status_write(&b, sr1, 2, 0x06);
    assert_int_equal(device_flash_status(b.dev), 0x4000);
    bench_erase(&b, 0x20, 0x3F0000);
    bench_read(&b, 0x3F0000, &got, 1);
    assert_int_equal(got, 0);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_PROTECTED), 2);
    status_write(&b, both, 3, 0x06);
    BENCH_SEND(&b, 0x06);
    BENCH_SEND(&b, 0xC7);
    assert_true(bench_ready_us(&b, 60000000) > 10000000);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_PROTECTED), 2);
    bench_close(&b);
}

/* -- lies ------------------------------------------------------------------------------- */
static void flipped_bits_at_the_given_rate(void **state)
{
    (void)state;
    struct bench b;
    uint8_t *got = malloc(1u << 20);
    unsigned wrong = 0;
    bench_open(&b, "gate=no jedec=0B4016 lie=flip:1e-5 seed=9");
    b.hz = 15000000;
    bench_read(&b, 0, got, 1u << 20);
    for (size_t i = 0; i < 1u << 20; i++) {
        wrong += (unsigned)__builtin_popcount(got[i] ^ 0xFFu);
    }
    assert_in_range(wrong, 55, 115); /* 83.9 expected of 2^23 bits */
    free(got);
    bench_close(&b);
}

static void lying_dies(void **state)
{
    (void)state;
    struct bench b;
    uint8_t zero[4] = { 0 }, got[4];
    bench_open(&b, "gate=no jedec=0B4016 lie=stuckbit:0x1002:3");
    bench_program(&b, 0x1000, zero, 4);
    (void)bench_ready_us(&b, 10000);
    bench_read(&b, 0x1000, got, 4);
    assert_memory_equal(got, "\x00\x00\x08\x00", 4);
    bench_close(&b);
    bench_open(&b, "gate=no jedec=0B4016 lie=noerase:0x1000:1");
    bench_program(&b, 0x1000, zero, 4);
    (void)bench_ready_us(&b, 10000);
    bench_erase(&b, 0x20, 0x1000);
    assert_true(bench_ready_us(&b, 100000) > 50000);
    bench_read(&b, 0x1000, got, 4);
    assert_memory_equal(got, zero, 4);
    bench_erase(&b, 0x20, 0x1000); /* the second one works */
    (void)bench_ready_us(&b, 100000);
    bench_read(&b, 0x1000, got, 4);
    assert_memory_equal(got, "\xFF\xFF\xFF\xFF", 4);
    bench_close(&b);
    bench_open(&b, "gate=no jedec=0B4016 lie=wip:2");
    bench_erase(&b, 0x20, 0x1000);
    assert_int_not_equal(bench_ready_us(&b, 100000), UINT64_MAX);
    bench_erase(&b, 0x20, 0x2000);
    assert_int_equal(bench_ready_us(&b, 5000000), UINT64_MAX);
    bench_close(&b);
    const uint8_t clear[3] = { 0x01, 0, 0 };
    bench_open(&b, "gate=no jedec=0B4016 sr=0x4004 lie=sr");
    status_write(&b, clear, 3, 0x06);
    assert_int_equal(device_flash_status(b.dev), 0x4004);
    bench_close(&b);
    bench_open(&b, "gate=no jedec=0B4016 lie=cut:1");
    bench_erase(&b, 0x20, 0x1000);
    assert_int_equal(bench_rdid(&b), 0xFFFFFF); /* the supply is gone */
    device_power_cycle(b.dev);
    assert_int_equal(bench_rdid(&b), 0x0B4016);
    bench_close(&b);
}

static void power_loss_leaves_a_torn_sector(void **state)
{
    (void)state;
    struct bench b;
    uint8_t got[4096];
    unsigned other = 0;
    bench_open(&b, "gate=no jedec=0B4016");
    memset((uint8_t *)(uintptr_t)device_flash(b.dev, NULL), 0x5A, 0x4000);
    bench_erase(&b, 0x20, 0x1000);
    bench_wait_us(&b, 20000);
    device_power_cycle(b.dev);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_ABORT), 1);
    bench_read(&b, 0x1000, got, sizeof got);
    for (size_t i = 0; i < sizeof got; i++) {
        other += got[i] != 0xFF && got[i] != 0x5A;
    }
    assert_true(other > 100);
    bench_read(&b, 0x2000, got, sizeof got);
    assert_int_equal(got[0], 0x5A);
    bench_close(&b);
}

static void busy_times_vary(void **state)
{
    (void)state;
    struct bench b;
    uint64_t least = UINT64_MAX, most = 0;
    bench_open(&b, "gate=no jedec=0B4016 jitter=0.5 timing=slow");
    for (unsigned i = 0; i < 30; i++) {
        bench_erase(&b, 0x20, i * 4096);
        uint64_t us = bench_ready_us(&b, 2000000);
        least = us < least ? us : least;
        most = us > most ? us : most;
    }
    assert_in_range(least, 200000, 260000);
    assert_in_range(most, 540000, 600000);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_write_width),
        cmocka_unit_test(missing_registers_echo),
        cmocka_unit_test(volatile_write_is_lost),
        cmocka_unit_test(one_time_bits),
        cmocka_unit_test(w25q_ranges),
        cmocka_unit_test(protected_commands_do_nothing),
        cmocka_unit_test(flipped_bits_at_the_given_rate),
        cmocka_unit_test(lying_dies),
        cmocka_unit_test(power_loss_leaves_a_torn_sector),
        cmocka_unit_test(busy_times_vary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
