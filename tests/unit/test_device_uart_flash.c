/* What the UART loaders of the virtual device do with the flash: busy times, addresses, limits,
 * protection, checksums.  The numbers are those of the table in tests/device/README.md. */
#include "tests/support/uart_say.h"
#include <zlib.h>

/* -- 11: busy times -------------------------------------------------------------------- */
static uint64_t reply_after_us(struct bench *b, const uint8_t *tx, size_t n)
{
    device_uart_write(b->dev, tx, n);
    uint64_t sent = b->clock.ns;
    size_t got = 0;
    while (!got) {
        b->clock.ns = device_uart_next_ns(b->dev);
        got = device_uart_read(b->dev, rx, 1);
    }
    uint64_t us = (b->clock.ns - sent) / 1000;
    (void)uart_say(b, NULL, 0, rx, sizeof rx, 60);
    return us;
}

static void busy_times(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint8_t tx[16];
        size_t n;
        uint64_t us; /* without the 87 us of the byte itself */
    } cases[] = {
        { L_CHIP, { LONG, 5, 0, 9, 0, 0x10, 1, 0 }, 12, 2000 },
        { ROM_CHIP, { LONG, 5, 0, 9, 0, 0x10, 1, 0 }, 12, 0 },
        { ROM_CHIP "jedec=0B4015 t_se=45ms", { LONG, 6, 0, 0x0F, 0x20, 0, 0, 2, 0 }, 13, 45000 },
        { L_CHIP "jedec=0B4015 t_be=250ms", { LONG, 6, 0, 0x0F, 0xD8, 0, 0, 2, 0 }, 13, 250000 },
        { ROM_CHIP, { HEAD, 9, 0x10, 0, 0, 1, 0, 0xFF, 0xFF, 1, 0 }, 13, 163840 },
        { ROM_CHIP, { HEAD, 5, 3, 0, 0, 0x80, 0 }, 9, 50 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        open_linked(&b, cases[i].options);
        uint64_t us = reply_after_us(&b, cases[i].tx, cases[i].n);
        if (us < cases[i].us + 80 || us > cases[i].us + 95) {
            fail_msg("case %zu: %u us", i, (unsigned)us);
        }
        bench_close(&b);
    }
}

/* Sixteen pages are programmed while they arrive; what is left is the last one. */
static void write4k_overlaps_the_wire(void **state)
{
    (void)state;
    struct bench b;
    uint8_t tx[12 + 4096] = { LONG, 0x05, 0x10, 0x07, 0x00, 0x00, 0x02, 0x00 };
    open_linked(&b, ROM_CHIP "t_pp=600us");
    memset(flash(&b) + 0x20000, 0xFF, 4096);
    uint64_t us = reply_after_us(&b, tx, sizeof tx);
    assert_in_range(us, 600 + 80, 600 + 95);
    bench_close(&b);
    /* a die that is slower than the line decides: 16 x 30 ms from the first page on */
    open_linked(&b, ROM_CHIP "t_pp=30ms");
    memset(flash(&b) + 0x20000, 0xFF, 4096);
    us = reply_after_us(&b, tx, sizeof tx);
    assert_in_range(us, 480000 - 15 * 22300, 480000 - 15 * 22100);
    bench_close(&b);
    /* on the L family that means a full ring */
    open_linked(&b, L_CHIP "t_pp=50ms");
    memset(flash(&b) + 0x20000, 0xFF, 4096);
    (void)uart_say(&b, tx, sizeof tx, rx, sizeof rx, 200);
    assert_true(count(&b, VIOLATION_UART_OVERRUN) > 0);
    bench_close(&b);
}

/* -- 12, 13, 16, 18, 19: addresses ----------------------------------------------------- */
struct limit_case {
    const char *chip;
    uint8_t op;
    uint32_t addr;
    uint8_t status;
};

static void limits(void **state)
{
    (void)state;
    static const struct limit_case cases[] = {
        { T_CHIP, 0x09, 0x00FFFF, 6 },   { T_CHIP, 0x09, 0x010000, 0 },
        { T_CHIP, 0x09, 0x200000, 0 },   { T_CHIP, 0x0F, 0x00F000, 6 },
        { T_CHIP, 0x0F, 0x011000, 0 },   { T_CHIP, 0x06, 0x00F000, 6 },
        { T_CHIP, 0x07, 0x0020DF, 6 },   { T_CHIP, 0x07, 0x0020E0, 0 },
        { L_CHIP, 0x09, 0x001FFF, 6 },   { L_CHIP, 0x09, 0x002000, 0 },
        { L_CHIP, 0x0F, 0x001000, 6 },   { L_CHIP, 0x0F, 0x002000, 0 },
        { L_CHIP, 0x07, 0x001F00, 6 },   { L_CHIP, 0x0F, 0x80020000, 6 }, /* compared as signed */
        { L_CHIP, 0x09, 0x01000000, 0 }, { ROM_CHIP, 0x09, 0, 0 },
        { ROM_CHIP, 0x0F, 0, 0 },
    };
    static uint8_t page[4096];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct limit_case *c = &cases[i];
        struct bench b;
        open_linked(&b, c->chip);
        memset(page, 0xFF, sizeof page);
        size_t n = c->op == 0x06 ? 8 : c->op == 0x07 ? 4096 : 0;
        if (c->op == 0x0F) {
            (void)erase(&b, 0x20, c->addr);
        } else {
            (void)at_addr(&b, c->op, c->addr, page, n);
        }
        if (rx[10] != c->status) {
            fail_msg("%s op %02X at 0x%X: status %u", c->chip, c->op, (unsigned)c->addr, rx[10]);
        }
        bench_close(&b);
    }
}

static void addresses_wrap_and_masks(void **state)
{
    (void)state;
    struct bench b;
    static uint8_t zero[4096];
    open_linked(&b, T_CHIP);
    assert_int_equal(at_addr(&b, 0x09, 0x200000, NULL, 0), 4111);
    assert_memory_equal(rx + 15, flash(&b), 4096);
    assert_int_equal(at_addr(&b, 0x09, 0x01003000, NULL, 0), 4111);
    assert_memory_equal(rx + 15, flash(&b) + 0x3000, 4096);
    assert_int_equal(at_addr(&b, 0x09, 0x1FFF00, NULL, 0), 4111); /* over the end */
    assert_memory_equal(rx + 15 + 256, flash(&b), 4096 - 256);
    bench_clean(&b);
    (void)erase(&b, 0x20, 0x200000); /* reaches the loader through the wrap */
    assert_int_equal(count(&b, VIOLATION_BOOTLOADER), 1);
    assert_int_equal(flash(&b)[0], 0xFF);
    (void)at_addr(&b, 0x06, 0x01020000, zero, 8); /* becomes a sector erase */
    assert_int_equal(count(&b, VIOLATION_UART_ADDRESS), 1);
    assert_int_equal(flash(&b)[0x20000], 0xFF);
    bench_close(&b);
    open_linked(&b, ROM_CHIP);
    memset(flash(&b) + 0x20000, 0xFF, 0x1000);
    assert_int_equal(at_addr(&b, 0x06, 0x200FC + 0x200000, zero, 8), 16); /* split at the page */
    assert_int_equal(rx[15], 8);
    assert_memory_equal(flash(&b) + 0x200FC, zero, 8);
    assert_int_equal(flash(&b)[0x20000], 0xFF);
    assert_int_equal(at_addr(&b, 0x06, 0x20200, zero, 256), 16);
    assert_int_equal(rx[15], 0); /* 256 in eight bits */
    assert_int_equal(at_addr(&b, 0x06, 0x20200, zero, 0), 16);
    assert_int_equal(rx[10], 6);
    bench_clean(&b);
    bench_close(&b);
    open_linked(&b, L_CHIP);
    memset(flash(&b) + 0x20000, 0, 0x10000);
    assert_int_equal(erase(&b, 0x52, 0x20000), 0); /* says 0, erases nothing */
    assert_int_equal(flash(&b)[0x20000], 0);
    assert_int_equal(erase(&b, 0xD8, 0x21234), 0); /* aligned down */
    assert_int_equal(flash(&b)[0x20000], 0xFF);
    bench_clean(&b);
    assert_int_equal(erase(&b, 0xD8, 0x11000), 0); /* takes the loader's tail with it */
    assert_int_equal(count(&b, VIOLATION_BOOTLOADER), 1);
    bench_close(&b);
}

/* -- 14, 15: protection ---------------------------------------------------------------- */
static void l_protection_machine(void **state)
{
    (void)state;
    struct bench b;
    uint8_t data[256];
    memset(data, 0x11, sizeof data);
    open_linked(&b, L_CHIP "sr=0x4004");
    assert_int_equal(erase(&b, 0x20, 0x20000), 0); /* armed by the LinkCheck */
    assert_int_equal(device_flash_status(b.dev), 0);
    assert_int_equal(at_addr(&b, 0x06, 0x20000, data, 256), 16);
    assert_int_equal(flash(&b)[0x20000], 0x11);
    (void)crc(&b, 0x20000, 0x20FFF);
    assert_int_equal(device_flash_status(b.dev), 0x7C);
    assert_int_equal(erase(&b, 0x20, 0x20000), 0); /* not armed any more: nothing happens */
    assert_int_equal(flash(&b)[0x20000], 0x11);
    assert_int_equal(count(&b, VIOLATION_UART_ORDER), 1);
    assert_true(answers(&b));
    assert_int_equal(erase(&b, 0x20, 0x20000), 0);
    assert_int_equal(flash(&b)[0x20000], 0xFF);
    bench_close(&b);
}

static uint8_t read_sr(struct bench *b, uint8_t op)
{
    size_t got = say_long(b, 0x0C, &op, 1, NULL, 0, 60);
    assert_int_equal(got, 13);
    return rx[12];
}

static void rom_status_registers(void **state)
{
    (void)state;
    struct bench b;
    static const struct {
        const char *options;
        uint8_t frame[3];
        size_t n;
        uint32_t status;
    } cases[] = {
        { ROM_CHIP "sr=0x4204 wrsr=one,two", { 0x01, 0x00, 0x02 }, 3, 0x0200 },
        { ROM_CHIP "sr=0x4204 wrsr=one,31", { 0x01, 0x00, 0x02 }, 3, 0x4204 }, /* ignored */
        { ROM_CHIP "sr=0x4204 wrsr=one,31", { 0x01, 0x00 }, 2, 0x4200 },
        { ROM_CHIP "sr=0x4204 wrsr=one,31", { 0x31, 0x02 }, 2, 0x0204 },
        { ROM_CHIP "sr=0x4204 wrsr=two", { 0x01, 0x00 }, 2, 0x4204 },
    };
    for (size_t i = 0; i < 5; i++) {
        open_linked(&b, cases[i].options);
        size_t got = say_long(&b, 0x0D, cases[i].frame, cases[i].n, NULL, 0, 60);
        assert_int_equal(got, 11 + cases[i].n);
        assert_int_equal(rx[10], 0); /* always echoed with 0 */
        bench_wait_us(&b, 20000);
        assert_int_equal(read_sr(&b, 0x05) | read_sr(&b, 0x35) << 8, cases[i].status);
        bench_close(&b);
    }
    /* WIP can be seen */
    open_linked(&b, ROM_CHIP "sr=0x0004 t_w=10ms");
    device_uart_host_baud(b.dev, 115200);
    device_uart_write(b.dev, (const uint8_t[]){ LONG, 4, 0, 0x0D, 0x01, 0, 0 }, 11);
    (void)uart_say(&b, NULL, 0, rx, sizeof rx, 2);
    assert_int_equal(read_sr(&b, 0x05) & 1, 1);
    bench_clean(&b);
    assert_int_equal(erase(&b, 0x20, 0x20000), 0);
    bench_close(&b);
    open_linked(&b, ROM_CHIP "sr=0x4004");
    memset(flash(&b) + 0x20000, 0, 4096);
    assert_int_equal(erase(&b, 0x20, 0x20000), 0);
    assert_int_equal(flash(&b)[0x20000], 0);
    assert_int_equal(count(&b, VIOLATION_PROTECTED), 1);
    bench_close(&b);
}

/* -- 17: CheckCRC ------------------------------------------------------------ */
static uint32_t wire(const uint8_t *p, size_t n)
{
    return (uint32_t)crc32(0, p, (uInt)n) ^ 0xFFFFFFFFu;
}

static void check_crc_ranges(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, L_CHIP "uart_idle=20s");
    assert_int_equal(crc(&b, 0x11000, 0x11FFF), wire(flash(&b) + 0x11000, 4096));
    assert_int_equal(crc(&b, 0x11000, 0x12000), wire(flash(&b) + 0x11000, 4096));
    assert_int_equal(crc(&b, 0x11000, 0x120FE), wire(flash(&b) + 0x11000, 4096));
    assert_int_equal(crc(&b, 0x11000, 0x11000), 0xFFFFFFFF);
    assert_int_equal(crc(&b, 0, 0xFFFF), wire(flash(&b), 65536)); /* no limit on checksums */
    assert_int_equal(crc(&b, 0x200000, 0x20FFFF), wire(flash(&b), 65536));
    bench_clean(&b);
    /* a range that never ends */
    assert_int_equal(UART_SAY(&b, rx, HEAD, 9, 0x10, 0, 0, 1, 0, 0, 0, 0, 0), 0);
    assert_false(answers(&b));
    assert_int_equal(count(&b, VIOLATION_UART_FRAME), 1);
    assert_true(uart_link(&b)); /* after a reset */
    bench_close(&b);
    open_linked(&b, ROM_CHIP);
    assert_int_equal(crc(&b, 0x11000, 0x11FFF), wire(flash(&b) + 0x11000, 4096));
    assert_int_equal(crc(&b, 0x11000, 0x12000), wire(flash(&b) + 0x11000, 4097));
    assert_int_equal(crc(&b, 0x11000, 0x11000), wire(flash(&b) + 0x11000, 1));
    bench_clean(&b);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_times),
        cmocka_unit_test(write4k_overlaps_the_wire),
        cmocka_unit_test(limits),
        cmocka_unit_test(addresses_wrap_and_masks),
        cmocka_unit_test(l_protection_machine),
        cmocka_unit_test(rom_status_registers),
        cmocka_unit_test(check_crc_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
