/* test_device_uart.c - the UART loaders of the virtual device, behaviour by behaviour:
 * rates, windows, parsers, busy times, limits, protection, faults. */
#include "tests/support/uart_bench.h"
#include <zlib.h>

#define ROM_CHIP "chip=bk7231n jedec=EB6015 size=2M sr=0 user_reset=0 "
#define L_CHIP   "chip=bk7252 jedec=EB6015 size=2M sr=0 user_reset=0 uart_idle=10s "
#define T_CHIP   "chip=bk7231t jedec=EB6015 size=2M sr=0 user_reset=0 uart_idle=10s "
#define HEAD     0x01, 0xE0, 0xFC
#define LONG     HEAD, 0xFF, 0xF4
#define CHECK    HEAD, 0x01, 0x00

static uint8_t rx[16384];

static uint8_t *flash(struct bench *b)
{
    return (uint8_t *)(uintptr_t)device_flash(b->dev, NULL);
}

static void open_linked(struct bench *b, const char *options)
{
    bench_open(b, options);
    if (!uart_link(b)) {
        fail_msg("%s: no link", options);
    }
}

static bool answers(struct bench *b)
{
    return UART_SAY(b, rx, CHECK) == 8 && !memcmp(rx, "\x04\x0E\x05\x01\xE0\xFC\x01\x00", 8);
}

/* A long request: opcode, address, data. */
static size_t say_long(struct bench *b, uint8_t op, const uint8_t *params, size_t n_params,
                       const uint8_t *data, size_t n, uint64_t quiet_ms)
{
    static uint8_t tx[5000];
    size_t total = 1 + n_params + n;
    const uint8_t head[8] = { LONG, (uint8_t)total, (uint8_t)(total >> 8), op };
    memcpy(tx, head, 8);
    memcpy(tx + 8, params, n_params);
    if (n) {
        memcpy(tx + 8 + n_params, data, n);
    }
    return uart_say(b, tx, 8 + n_params + n, rx, sizeof rx, quiet_ms);
}

static size_t at_addr(struct bench *b, uint8_t op, uint32_t addr, const uint8_t *data, size_t n)
{
    const uint8_t a[4] = { (uint8_t)addr, (uint8_t)(addr >> 8), (uint8_t)(addr >> 16),
                           (uint8_t)(addr >> 24) };
    return say_long(b, op, a, 4, data, n, 700);
}

static uint8_t erase(struct bench *b, uint8_t size, uint32_t addr)
{
    const uint8_t p[5] = { size, (uint8_t)addr, (uint8_t)(addr >> 8), (uint8_t)(addr >> 16),
                           (uint8_t)(addr >> 24) };
    size_t got = say_long(b, 0x0F, p, 5, NULL, 0, 700);
    return got == 16 ? rx[10] : 0xEE;
}

static uint32_t crc(struct bench *b, uint32_t start, uint32_t end)
{
    uint8_t tx[13] = { HEAD, 9, 0x10 };
    for (unsigned i = 0; i < 4; i++) {
        tx[5 + i] = (uint8_t)(start >> 8 * i);
        tx[9 + i] = (uint8_t)(end >> 8 * i);
    }
    size_t got = uart_say(b, tx, 13, rx, sizeof rx, 2000);
    assert_int_equal(got, 11);
    return (uint32_t)rx[7] | (uint32_t)rx[8] << 8 | (uint32_t)rx[9] << 16 | (uint32_t)rx[10] << 24;
}

static uint32_t count(struct bench *b, unsigned kind)
{
    return device_violation_count(b->dev, kind);
}

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

/* -- 17: CheckCRC
 * ---------------------------------------------------------------------------------------------------
 */
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

/* -- 20, 21, 22
 * --------------------------------------------------------------------------------------------------------
 */
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

/* -- 23: faults
 * ------------------------------------------------------------------------------------------------------------
 */
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
        cmocka_unit_test(busy_times),
        cmocka_unit_test(write4k_overlaps_the_wire),
        cmocka_unit_test(limits),
        cmocka_unit_test(addresses_wrap_and_masks),
        cmocka_unit_test(l_protection_machine),
        cmocka_unit_test(rom_status_registers),
        cmocka_unit_test(check_crc_ranges),
        cmocka_unit_test(reboots),
        cmocka_unit_test(efuse_bytes),
        cmocka_unit_test(quirks),
        cmocka_unit_test(faults),
        cmocka_unit_test(spi_mode_silences_the_uart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
