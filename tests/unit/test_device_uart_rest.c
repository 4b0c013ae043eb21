/* The UART loaders of the virtual device: reboots, fuses, quirks, faults, the other route.  The
 * numbers are those of the table in tests/device/README.md. */
#include "tests/support/uart_say.h"

/* -- 20, 21, 22 ------------------------------------------------------------ */
static void reboots(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint8_t tx[9];
        size_t n, reply;
        bool gone;
    } cases[] = {
        { ROM_CHIP, { HEAD, 2, 0x0E, 0xA5 }, 6, 0, true },
        { ROM_CHIP, { HEAD, 2, 0x0E, 0x11 }, 6, 8, false },
        { ROM_CHIP, { HEAD, 5, 0x70, 'S', 'E', 'A', 'N' }, 9, 0, true },
        { ROM_CHIP, { HEAD, 5, 0x70, 'P', 'E', 'T', 'E' }, 9, 11, false },
        { L_CHIP, { HEAD, 2, 0x0E, 0xA5 }, 6, 0, true },
        { L_CHIP, { HEAD, 2, 0x0E, 0x11 }, 6, 0, true },
    };
    for (size_t i = 0; i < 6; i++) {
        struct bench b;
        open_linked(&b, cases[i].options);
        assert_int_equal(uart_say(&b, cases[i].tx, cases[i].n, rx, sizeof rx, 60), cases[i].reply);
        assert_int_equal(answers(&b), !cases[i].gone);
        bench_close(&b);
    }
}

static void efuse_bytes(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, ROM_CHIP "efuse=00112233445566778899AABBCCDDEEFF");
    for (uint8_t i = 0; i < 18; i++) {
        (void)UART_SAY(&b, rx, HEAD, 9, 1, 0x74, 0, 0x80, 0, 1, i, 0, 0);
        unsigned polls = 0;
        do {
            assert_int_equal(UART_SAY(&b, rx, HEAD, 5, 3, 0x74, 0, 0x80, 0), 15);
        } while ((rx[11] & 1) && ++polls < 10);
        assert_true(polls <= 2);
        assert_int_equal(UART_SAY(&b, rx, HEAD, 5, 3, 0x78, 0, 0x80, 0), 15);
        assert_int_equal(rx[11] | rx[12] << 8, 0x100 | (i < 16 ? i * 0x11 : 0));
    }
    bench_clean(&b);
    (void)UART_SAY(&b, rx, HEAD, 9, 1, 0x74, 0, 0x80, 0, 3, 0, 0xFF, 0); /* the write bit */
    assert_int_equal(count(&b, VIOLATION_OTP), 1);
    bench_close(&b);
}

static void quirks(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, ROM_CHIP "uart_quirk=addr1");
    (void)UART_SAY(&b, rx, HEAD, 5, 3, 0, 0, 0x80, 0);
    assert_int_equal(rx[7], 1);
    bench_close(&b);
    bench_open(&b, ROM_CHIP "uart_quirk=stayrom blank=yes");
    device_power_cycle(b.dev);
    assert_false(answers(&b));
    assert_int_equal(UART_SAY(&b, rx, HEAD, 2, 0xAA, 0x55), 8);
    assert_memory_equal(rx, "\x04\x0E\x05\x01\xE0\xFC\xAA\x55", 8);
    bench_close(&b);
    bench_open(&b, ROM_CHIP "uart_quirk=banner blank=yes");
    device_power_cycle(b.dev);
    assert_true(uart_say(&b, NULL, 0, rx, sizeof rx, 20) > 10);
    assert_memory_equal(rx, "\x04\x0E", 2);
    assert_int_equal(rx[6], 0xFE);
    bench_close(&b);
}

/* -- 23: faults ------------------------------------------------------------ */
static void faults(void **state)
{
    (void)state;
    struct bench b;
    static const uint8_t read4k[] = { LONG, 5, 0, 9, 0, 0x10, 1, 0 };
    open_linked(&b, L_CHIP "uart_fault=cut:4056");
    assert_int_equal(uart_say(&b, read4k, 12, rx, sizeof rx, 60), 4056);
    assert_int_equal(uart_say(&b, read4k, 12, rx, sizeof rx, 60), 4111); /* once */
    bench_close(&b);

    open_linked(&b, L_CHIP "uart_fault=latency:16");
    uint64_t start = b.clock.ns;
    assert_true(answers(&b));
    assert_true(b.clock.ns > start);
    device_uart_write(b.dev, (const uint8_t[]){ CHECK }, 5);
    assert_int_equal(device_uart_next_ns(b.dev) % 16000000, 0);
    bench_close(&b);

    bench_open(&b, L_CHIP "uart_fault=echo");
    assert_int_equal(UART_SAY(&b, rx, CHECK), 5);
    assert_memory_equal(rx, "\x01\xE0\xFC\x01\x00", 5);
    bench_close(&b);

    open_linked(&b, ROM_CHIP "uart_fault=losebaud");
    device_uart_write(b.dev, (const uint8_t[]){ HEAD, 6, 0x0F, 0x00, 0x10, 0x0E, 0x00, 20 }, 10);
    device_uart_host_baud(b.dev, 921600);
    assert_int_equal(uart_say(&b, NULL, 0, rx, sizeof rx, 100), 0);
    assert_true(answers(&b)); /* it did switch */
    bench_close(&b);

    open_linked(&b, ROM_CHIP "uart_fault=brownout:2");
    assert_int_equal(erase(&b, 0x20, 0x20000), 0);
    assert_int_equal(erase(&b, 0x20, 0x21000), 0xEE);
    assert_false(answers(&b));
    bench_close(&b);

    open_linked(&b, ROM_CHIP "uart_fault=flip:0.001 seed=4");
    unsigned wrong = 0;
    for (unsigned i = 0; i < 20; i++) {
        size_t got = uart_say(&b, read4k, 12, rx, sizeof rx, 600);
        wrong += got != 4111 || memcmp(rx + 15, flash(&b) + 0x11000, 4096) != 0;
    }
    assert_in_range(wrong, 10, 20);
    bench_close(&b);
}

static void spi_mode_silences_the_uart(void **state)
{
    (void)state;
    struct bench b;
    uint8_t d2[64];
    memset(d2, 0xD2, sizeof d2);
    bench_open(&b, ROM_CHIP "blank=yes t_open=1ms");
    device_power_cycle(b.dev);
    bench_wait_us(&b, 2000);
    b.hz = 100000;
    bench_frame(&b, d2, NULL, sizeof d2);
    bench_wait_us(&b, 50000);
    assert_int_equal(bench_rdid(&b), 0xEB6015);
    assert_false(answers(&b));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reboots),
        cmocka_unit_test(efuse_bytes),
        cmocka_unit_test(quirks),
        cmocka_unit_test(faults),
        cmocka_unit_test(spi_mode_silences_the_uart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
