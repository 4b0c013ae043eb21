/* The UART loaders of the virtual device: rates, boot windows, idle time, what counts as a
 * request, cut ones.  The numbers are those of the table in tests/device/README.md. */
#include "tests/support/uart_say.h"

/* -- 1: rates ------------------------------------------------------------------------------ */
static void wrong_rate_is_garbage(void **state)
{
    (void)state;
    struct bench b;
    static const struct {
        uint32_t baud;
        bool works;
    } rates[] = {
        { 115200, true }, { 117000, true }, { 112500, true }, { 120000, false }, { 921600, false }
    };
    for (size_t i = 0; i < 5; i++) {
        open_linked(&b, ROM_CHIP);
        device_uart_host_baud(b.dev, rates[i].baud);
        assert_int_equal(answers(&b), rates[i].works);
        assert_int_equal(count(&b, VIOLATION_UART_BAUD) == 0, rates[i].works);
        bench_close(&b);
    }
}

struct baud_case {
    const char *options;
    uint32_t baud;
    uint8_t delay;
    uint64_t wait_us; /* until the first reply byte is complete */
    bool works;
};

static void set_baud_waits_and_answers_at_the_new_rate(void **state)
{
    (void)state;
    static const struct baud_case cases[] = {
        { ROM_CHIP, 921600, 20, 20000, true },   { ROM_CHIP, 921600, 200, 200000, true },
        { L_CHIP, 921600, 20, 42000, true },     { L_CHIP, 921600, 100, 202000, true },
        { ROM_CHIP, 2000000, 20, 20000, true },  { L_CHIP, 1500000, 20, 42000, true },
        { ROM_CHIP, 3000000, 20, 20000, false }, /* 3250000 is what the divider makes of it */
        { L_CHIP, 3000000, 20, 42000, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct baud_case *c = &cases[i];
        struct bench b;
        uint8_t tx[10] = { HEAD,
                           6,
                           0x0F,
                           (uint8_t)c->baud,
                           (uint8_t)(c->baud >> 8),
                           (uint8_t)(c->baud >> 16),
                           0,
                           c->delay };
        open_linked(&b, c->options);
        device_uart_write(b.dev, tx, 10);
        uint64_t sent = b.clock.ns;
        device_uart_host_baud(b.dev, c->baud);
        uint64_t next = device_uart_next_ns(b.dev);
        assert_in_range((next - sent) / 1000, c->wait_us, c->wait_us + 30);
        size_t got = uart_say(&b, NULL, 0, rx, sizeof rx, 500);
        bool right = got == 12 && !memcmp(rx + 7, tx + 5, 5);
        if (right != c->works) {
            fail_msg("case %zu: %zu bytes", i, got);
        }
        bench_close(&b);
    }
}

static void old_rate_during_the_switch_is_lost(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, L_CHIP);
    device_uart_write(b.dev, (const uint8_t[]){ HEAD, 6, 0x0F, 0x00, 0x10, 0x0E, 0x00, 20 }, 10);
    device_uart_write(b.dev, (const uint8_t[]){ CHECK }, 5);
    assert_true(count(&b, VIOLATION_UART_BAUD) > 0);
    device_uart_host_baud(b.dev, 921600);
    (void)uart_say(&b, NULL, 0, rx, sizeof rx, 60);
    assert_true(answers(&b));
    bench_close(&b);
}

/* -- 2, 3, 4: windows ------------------------------------------------------------------ */
static bool link_after(struct bench *b, uint64_t us)
{
    device_power_cycle(b->dev);
    bench_wait_us(b, us);
    bool early = UART_SAY(b, rx, CHECK) >= 8;
    return early;
}

static void boot_windows(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint64_t us;
        bool works;
    } cases[] = {
        { ROM_CHIP, 4000, true },
        { ROM_CHIP, 4700, false }, /* the frame would end after 5 ms */
        { L_CHIP, 9000, true },
        { L_CHIP, 9950, false }, /* the first byte comes after 10 ms */
        { L_CHIP "uart_window=20ms", 19000, true },
        { L_CHIP "blank=yes", 1000, false },   /* no loader left */
        { ROM_CHIP "blank=yes", 60000, true }, /* the ROM waits for ever */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        bench_open(&b, cases[i].options);
        if (link_after(&b, cases[i].us) != cases[i].works) {
            fail_msg("%s after %u us", cases[i].options, (unsigned)cases[i].us);
        }
        bench_close(&b);
    }
}

static void any_byte_keeps_the_l_loader_for_800_ms(void **state)
{
    (void)state;
    struct bench b;
    for (unsigned ms = 700; ms <= 900; ms += 200) {
        bench_open(&b, L_CHIP);
        device_power_cycle(b.dev);
        device_uart_host_baud(b.dev, 230400); /* garbage counts too */
        device_uart_write(b.dev, (const uint8_t[]){ 0x55, 0x55, 0x55, 0x55 }, 4);
        device_uart_host_baud(b.dev, 115200);
        bench_wait_us(&b, ms * 1000u);
        assert_int_equal(UART_SAY(&b, rx, 0, 0, 0, CHECK) >= 8, ms == 700);
        bench_close(&b);
    }
}

static void rom_is_silent_before_the_link_and_deaf_just_after(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, ROM_CHIP "blank=yes");
    device_power_cycle(b.dev);
    assert_int_equal(UART_SAY(&b, rx, HEAD, 0x05, 0x03, 0, 0, 0x80, 0), 0);
    /* the second of three checks falls into the millisecond of re-initialisation */
    size_t got = UART_SAY(&b, rx, CHECK, CHECK, CHECK, CHECK, CHECK);
    assert_in_range(got, 8, 24);
    assert_int_equal(got % 8, 0);
    assert_true(answers(&b));
    bench_clean(&b);
    bench_close(&b);
}

static void flooding_hits_the_rom_window(void **state)
{
    (void)state;
    unsigned linked = 0;
    for (unsigned seed = 0; seed < 100; seed++) {
        struct bench b;
        const uint8_t check[] = { CHECK };
        bench_open(&b, ROM_CHIP);
        for (unsigned i = 0; i < 3 + seed % 5; i++) {
            device_uart_write(b.dev, check, 5);
        }
        device_uart_write(b.dev, check, seed % 5);
        device_power_cycle(b.dev); /* in the middle of the flood */
        device_uart_write(b.dev, check + seed % 5, 5 - seed % 5);
        for (unsigned i = 0; i < 20; i++) {
            device_uart_write(b.dev, check, 5);
        }
        linked += uart_say(&b, NULL, 0, rx, sizeof rx, 30) >= 8;
        bench_close(&b);
    }
    assert_true(linked >= 99);
}

static void the_application_obeys_reboot(void **state)
{
    (void)state;
    struct bench b;
    static const char *const texts[] = { "reboot\r\n", "reboot\n",
                                         "\x01\xE0\xFC\x05\xFE\x95\x27\x95\x27" };
    for (size_t i = 0; i < 3; i++) {
        bench_open(&b, ROM_CHIP);
        assert_false(answers(&b)); /* it runs */
        device_uart_write(b.dev, (const uint8_t *)texts[i], strlen(texts[i]));
        size_t got = 0;
        for (unsigned k = 0; k < 400; k++) {
            device_uart_write(b.dev, (const uint8_t[]){ CHECK }, 5);
            got += device_uart_read(b.dev, rx, sizeof rx);
        }
        assert_true(got >= 8);
        bench_close(&b);
    }
}

static void somebody_presses_reset(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "chip=bk7238 jedec=EB6015 size=2M user_reset=200ms");
    size_t got = 0;
    while (!got && b.clock.ns < 1000000000) {
        device_uart_write(b.dev, (const uint8_t[]){ CHECK }, 5);
        got = device_uart_read(b.dev, rx, sizeof rx);
    }
    assert_in_range(b.clock.ns / 1000000, 200, 206);
    bench_close(&b);
}

static void the_application_chatters(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, ROM_CHIP "chatter=yes");
    size_t got = uart_say(&b, NULL, 0, rx, sizeof rx, 300);
    rx[got] = 0;
    assert_non_null(strstr((char *)rx, "sr:4004"));
    bench_close(&b);
}

/* -- 5: idle --------------------------------------------------------------------------- */
static void an_idle_l_loader_resets_itself(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, L_CHIP "uart_idle=300ms");
    bench_wait_us(&b, 200000);
    assert_true(answers(&b));
    bench_wait_us(&b, 290000);
    assert_false(answers(&b)); /* 300 ms after its last byte it is in the application */
    bench_close(&b);
    open_linked(&b, ROM_CHIP);
    bench_wait_us(&b, 10000000);
    assert_true(answers(&b)); /* the ROM has patience */
    bench_close(&b);
}

/* -- 6, 7, 9: header, garbage, unknown ------------------------------------------------- */
static void header_matchers_differ(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, L_CHIP);
    assert_int_equal(UART_SAY(&b, rx, 0x01, CHECK), 0);
    assert_true(answers(&b));
    assert_int_equal(UART_SAY(&b, rx, HEAD, 0x00), 0);
    assert_true(answers(&b));
    assert_int_equal(UART_SAY(&b, rx, HEAD, 0x01, 0x55), 0);
    assert_int_equal(UART_SAY(&b, rx, LONG, 0x02, 0x00, 0x0C, 0x05), 0);
    assert_int_equal(UART_SAY(&b, rx, 0xFF, 0x00, 0xE0, CHECK), 8);
    bench_clean(&b);
    bench_close(&b);
    open_linked(&b, ROM_CHIP);
    assert_int_equal(UART_SAY(&b, rx, 0x01, CHECK), 8);
    assert_int_equal(UART_SAY(&b, rx, 0x01, 0xE0, CHECK), 8);
    assert_int_equal(UART_SAY(&b, rx, HEAD, 0x00), 8);
    assert_memory_equal(rx, "\x04\x0E\x05\x01\xE0\xFC\xFF\x07", 8);
    bench_clean(&b);
    bench_close(&b);
}

static void rom_drops_what_comes_while_it_works(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, ROM_CHIP);
    size_t got = UART_SAY(&b, rx, LONG, 5, 0, 9, 0, 0x10, 1, 0, LONG, 5, 0, 9, 0, 0x20, 1, 0);
    assert_int_equal(got, 4111); /* one reply */
    assert_true(count(&b, VIOLATION_UART_OVERRUN) > 0);
    bench_close(&b);
}

static void l_ring_queues_510_bytes_and_loses_512(void **state)
{
    (void)state;
    for (unsigned n = 102; n <= 103; n++) {
        struct bench b;
        open_linked(&b, L_CHIP);
        device_uart_write(b.dev, (const uint8_t[]){ LONG, 5, 0, 9, 0, 0x20, 1, 0 }, 12);
        for (unsigned i = 0; i < n; i++) {
            device_uart_write(b.dev, (const uint8_t[]){ CHECK }, 5);
        }
        size_t got = uart_say(&b, NULL, 0, rx, sizeof rx, 100);
        if (n == 102) {
            assert_int_equal(got, 4111 + 102 * 8);
            bench_clean(&b);
        } else {
            assert_true(got < 4111 + 10 * 8);
            assert_int_equal(count(&b, VIOLATION_UART_OVERRUN), 1);
        }
        bench_close(&b);
    }
}

static void pipelined_reads_work_on_l(void **state)
{
    (void)state;
    struct bench b;
    open_linked(&b, L_CHIP);
    size_t got = UART_SAY(&b, rx, LONG, 5, 0, 9, 0, 0x20, 1, 0, LONG, 5, 0, 9, 0, 0x30, 1, 0);
    assert_int_equal(got, 2 * 4111);
    assert_memory_equal(rx + 15, flash(&b) + 0x12000, 4096);
    assert_memory_equal(rx + 4111 + 15, flash(&b) + 0x13000, 4096);
    bench_clean(&b);
    bench_close(&b);
}

/* -- 8: partial frames ----------------------------------------------------------------- */
static void rom_gives_up_on_partial_frames(void **state)
{
    (void)state;
    struct bench b;
    uint8_t data[700];
    memset(data, 0, sizeof data);
    open_linked(&b, ROM_CHIP);
    const uint8_t cut[] = { HEAD, 0x05, 0x03, 0x00, 0x00 };
    size_t got = uart_say(&b, cut, sizeof cut, rx, sizeof rx, 700);
    assert_int_equal(got, 11); /* one less than its own length field says */
    assert_memory_equal(rx, "\x04\x0E\x09\x01\xE0\xFC\x05\x05\x03\x00\x00", 11);
    memset(flash(&b) + 0x11000, 0xFF, 4096);
    uint8_t part[12 + 700] = { LONG, 0x05, 0x10, 0x07, 0x00, 0x10, 0x01, 0x00 };
    got = uart_say(&b, part, sizeof part, rx, sizeof rx, 700);
    assert_int_equal(got, 15);
    assert_memory_equal(rx, "\x04\x0E\xFF\x01\xE0\xFC\xF4\x06\x00\x07\x05\x00\x10\x01\x00", 15);
    assert_int_equal(flash(&b)[0x11000 + 511], 0); /* two pages were complete */
    assert_int_equal(flash(&b)[0x11000 + 512], 0xFF);
    assert_true(answers(&b));
    bench_close(&b);
}

static void l_swallows_what_follows_a_partial_write(void **state)
{
    (void)state;
    struct bench b;
    uint8_t part[12 + 1000] = { LONG, 0x05, 0x10, 0x07, 0x00, 0x00, 0x02, 0x00 }, filler[256];
    open_linked(&b, L_CHIP "uart_idle=10s");
    memset(flash(&b) + 0x20000, 0xFF, 4096);
    memset(filler, 0xFF, sizeof filler);
    device_uart_write(b.dev, part, sizeof part);
    assert_false(answers(&b)); /* it is data now */
    size_t got = 0;
    unsigned sent = 0;
    while (!got && sent < 20) {
        got = uart_say(&b, filler, sizeof filler, rx, sizeof rx, 60);
        sent++;
    }
    assert_int_equal(got, 15);
    assert_int_equal(rx[10], 0);
    assert_int_equal(sent, 13); /* 3.3 kB of filler */
    assert_memory_equal(flash(&b) + 0x20000 + 1000, "\x01\xE0\xFC\x01\x00\xFF", 6);
    assert_true(answers(&b));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_rate_is_garbage),
        cmocka_unit_test(set_baud_waits_and_answers_at_the_new_rate),
        cmocka_unit_test(old_rate_during_the_switch_is_lost),
        cmocka_unit_test(boot_windows),
        cmocka_unit_test(any_byte_keeps_the_l_loader_for_800_ms),
        cmocka_unit_test(rom_is_silent_before_the_link_and_deaf_just_after),
        cmocka_unit_test(flooding_hits_the_rom_window),
        cmocka_unit_test(the_application_obeys_reboot),
        cmocka_unit_test(somebody_presses_reset),
        cmocka_unit_test(the_application_chatters),
        cmocka_unit_test(an_idle_l_loader_resets_itself),
        cmocka_unit_test(header_matchers_differ),
        cmocka_unit_test(rom_drops_what_comes_while_it_works),
        cmocka_unit_test(l_ring_queues_510_bytes_and_loses_512),
        cmocka_unit_test(pipelined_reads_work_on_l),
        cmocka_unit_test(rom_gives_up_on_partial_frames),
        cmocka_unit_test(l_swallows_what_follows_a_partial_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
