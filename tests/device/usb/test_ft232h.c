/* The ft232h plugin over the real libftdi and libusb: every byte on the wire, against
 * vectors written from FTDI AN_108. */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct harness harness, *const h = &harness;
static uint32_t cen;

static void run(const bkf_spi_step *steps, size_t n)
{
    OK(h->s->run(h->spi.self, steps, n, &h->err));
}

static void pass(unsigned ms)
{
    const struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&ts, NULL);
}

static int setup(void **state)
{
    (void)state;
    static const bkf_pin pins[] = {
        { "sck", "AD0" }, { "mosi", "AD1" }, { "miso", "AD2" }, { "cs0", "AD3" }
    };
    uint32_t got;
    harness_load(h);
    OK(harness_open(h, NULL));
    char *log = harness_log(h, true);
    char mpsse[40]; /* for the interface of the channel, counted from 1 */
    const char *number = getenv("USB_TEST_CHANNEL");
    snprintf(mpsse, sizeof mpsse, "CTL 8: 40 0B 00 02 0%s 00", number ? number : "1");
    const char *mode = strstr(log, mpsse);
    assert_non_null(mode);
    assert_non_null(strstr(mode, "OUT 2: AA 87|"));
    assert_non_null(strstr(mode, "IN 4: 32 60 FA AA"));
    free(log);
    harness_acquire(h);
    OK(h->s->bind(h->spi.self, pins, 4, &h->err));
    OK(h->g->claim(h->gpio.self, "AC0", BKF_LINE_PUSH_PULL, 1, &cen, &h->err));
    harness_expect(h, "OUT 3: 82 01 01");
    OK(h->s->setup(h->spi.self, 0, 1000000, &got, &h->err));
    assert_int_equal(got, 1000000);
    harness_expect(h, "OUT 13: 8A 97 8D 85 86 1D 00 80 08 0B 82 01 01");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    h->cls->release(h->adapter, BKF_IFACE_SPI);
    harness_expect(h, "OUT 6: 80 00 00 82 01 01"); /* SPI pins first, CEN still up */
    harness_close(h);
    harness_expect(h, "OUT 6: 80 00 00 82 00 00");
    return 0;
}

static void lines(void **state)
{
    (void)state;
    uint32_t level = 9, id;
    OK(h->g->set(h->gpio.self, cen, 0, &h->err));
    harness_expect(h, "OUT 3: 82 00 01");
    pass(2);
    OK(h->g->set(h->gpio.self, cen, 1, &h->err));
    harness_expect(h, "OUT 3: 82 01 01");
    OK(h->g->get(h->gpio.self, cen, &level, &h->err));
    assert_int_equal(level, 1);
    harness_expect(h, "OUT 2: 83 87");
    OK(h->g->claim(h->gpio.self, "AD4", BKF_LINE_PUSH_PULL, 1, &id, &h->err));
    harness_expect(h, "OUT 3: 80 18 1B");
    h->g->drop(h->gpio.self, id);
    harness_expect(h, "OUT 3: 80 08 0B");
    assert_int_equal(h->g->claim(h->gpio.self, "AD2", 0, 1, &id, &h->err), BKF_E_BUSY);
    assert_int_equal(h->g->claim(h->gpio.self, "AC8", 1, 1, &id, &h->err), BKF_E_PARAM);
}

static void clocks(void **state)
{
    (void)state;
    static const struct {
        uint32_t want, got;
        const char *out;
    } v[] = {
        { 30000000, 30000000, "86 00 00" }, { 15000000, 15000000, "86 01 00" },
        { 10000000, 10000000, "86 02 00" }, { 8000000, 7500000, "86 03 00" },
        { 6000000, 6000000, "86 04 00" },   { 5000000, 5000000, "86 05 00" },
        { 3000000, 3000000, "86 09 00" },   { 2000000, 2000000, "86 0E 00" },
        { 500000, 500000, "86 3B 00" },     { 100000, 100000, "86 2B 01" },
        { 50000, 50000, "86 57 02" },       { 30000, 30000, "86 E7 03" },
        { 60000000, 30000000, "86 00 00" }, { 1000000, 1000000, "86 1D 00" },
    };
    uint32_t got;
    char want[32];
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        OK(h->s->setup(h->spi.self, 0, v[i].want, &got, &h->err));
        assert_int_equal(got, v[i].got);
        snprintf(want, sizeof want, "OUT 3: %s", v[i].out);
        harness_expect(h, want);
    }
    assert_int_equal(h->s->setup(h->spi.self, 0, 100, &got, &h->err), BKF_E_UNSUPPORTED);
    assert_int_equal(got, 457);
}

/* A command, and n bytes that are only read. */
static void command(const uint8_t *tx, size_t len, uint8_t *rx, size_t n)
{
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .flags = n ? BKF_SPI_HOLD_CS : 0, .tx = tx, .len = len },
        { .kind = BKF_STEP_XFER, .rx = rx, .len = n },
    };
    run(steps, n ? 2 : 1);
}
#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void commands(void **state)
{
    (void)state;
    uint8_t rx[1024];
    command(BYTES(0x9F), rx, 3);
    assert_memory_equal(rx, "\x0B\x40\x16", 3);
    harness_expect(h, "OUT 14: 80 00 0B 11 00 00 9F 20 02 00 80 08 0B 87");
    const bkf_spi_step duplex = {
        .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x9F, 0, 0, 0 }, .rx = rx, .len = 4
    };
    run(&duplex, 1);
    assert_memory_equal(rx + 1, "\x0B\x40\x16", 3);
    harness_expect(h, "OUT 14: 80 00 0B 31 03 00 9F 00 00 00 80 08 0B 87");
    command(BYTES(0x05), rx, 1);
    harness_expect(h, "OUT 14: 80 00 0B 11 00 00 05 20 00 00 80 08 0B 87");
    command(BYTES(0x05), rx, 16);
    harness_expect(h, "OUT 14: 80 00 0B 11 00 00 05 20 0F 00 80 08 0B 87");
    command(BYTES(0x06), NULL, 0);
    harness_expect(h, "OUT 10: 80 00 0B 11 00 00 06 80 08 0B");
    command(BYTES(0x03, 0x01, 0x23, 0x00), rx, 256);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(rx[i], i);
    harness_expect(h, "OUT 17: 80 00 0B 11 03 00 03 01 23 00 20 FF 00 80 08 0B 87");
    command(BYTES(0x03, 0, 0, 0), rx, 1024);
    char *log = harness_log(h, true);
    assert_non_null(strstr(log, "OUT 17: 80 00 0B 11 03 00 03 00 00 00 20 FF 03 80 08 0B 87"));
    const char *full = strstr(log, "IN 512: 32 60");
    assert_non_null(full);
    assert_non_null(full = strstr(full + 1, "|IN 512: 32 60"));
    assert_non_null(strstr(full, "|IN 6: 32 60"));
    free(log);
}

static void lists(void **state)
{
    (void)state;
    const bkf_spi_step erase[] = {
        { .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x06 }, .len = 1 },
        { .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x20, 0x00, 0x10, 0x00 }, .len = 4 },
    };
    run(erase, 2);
    harness_expect(h,
                   "OUT 23: 80 00 0B 11 00 00 06 80 08 0B 80 00 0B 11 03 00 20 00 10 00 80 08 0B");
    pass(500);
    const bkf_spi_step status[] = {
        { .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x06 }, .len = 1 },
        { .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x01, 0x00, 0x02 }, .len = 3 },
    };
    run(status, 2);
    harness_expect(h, "OUT 22: 80 00 0B 11 00 00 06 80 08 0B 80 00 0B 11 02 00 01 00 02 80 08 0B");
    pass(500);
    uint8_t page[260] = { 0x02 };
    char want[2048];
    for (unsigned i = 0; i < 256; i++)
        page[4 + i] = (uint8_t)i;
    const bkf_spi_step program[] = {
        { .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x06 }, .len = 1 },
        { .kind = BKF_STEP_XFER, .tx = page, .len = 260 },
    };
    run(program, 2);
    size_t n = (size_t)sprintf(want, "OUT 279: 80 00 0B 11 00 00 06 80 08 0B 80 00 0B 11 03 01");
    for (size_t i = 0; i < 260; i++)
        n += (size_t)sprintf(want + n, " %02X", page[i]);
    sprintf(want + n, " 80 08 0B");
    harness_expect(h, want);
    pass(500);
}

static void sweep(void **state)
{
    (void)state;
    enum { N = 8750 };
    uint8_t *d2 = malloc(N), *rx = malloc(N);
    char *want = malloc(40000);
    memset(d2, 0xD2, N);
    OK(h->g->set(h->gpio.self, cen, 0, &h->err));
    pass(100);
    harness_skip(h);
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_LINE, .line = cen, .value = 1 },
        { .kind = BKF_STEP_XFER, .tx = d2, .rx = rx, .len = N },
    };
    run(steps, 2);
    size_t n = (size_t)sprintf(want, "OUT 8763: 82 01 01 80 00 0B 31 2D 22");
    for (int i = 0; i < N; i++)
        n += (size_t)sprintf(want + n, " D2");
    sprintf(want + n, " 80 08 0B 87");
    harness_expect(h, want);
    free(d2);
    free(rx);
    free(want);
}

static void delays(void **state)
{
    (void)state;
    uint8_t rx[3];
    const bkf_spi_step high = { .kind = BKF_STEP_DELAY, .value = 1000 };
    run(&high, 1); /* 125 bytes of clock at 1 MHz */
    harness_expect(h, "OUT 3: 8F 7C 00");
    const bkf_spi_step low[] = {
        { .kind = BKF_STEP_XFER,
          .flags = BKF_SPI_HOLD_CS,
          .tx = (const uint8_t[]){ 0x9F },
          .len = 1 },
        { .kind = BKF_STEP_DELAY, .value = 20 },
        { .kind = BKF_STEP_XFER, .rx = rx, .len = 3 },
    };
    run(low, 3);
    assert_memory_equal(rx, "\x0B\x40\x16", 3);
    harness_expect(h, "OUT 7: 80 00 0B 11 00 00 9F|OUT 7: 20 02 00 80 08 0B 87");
}

static void mode3(void **state)
{
    (void)state;
    uint8_t rx[3];
    uint32_t got;
    OK(h->s->setup(h->spi.self, 3, 1000000, &got, &h->err));
    harness_expect(h, "OUT 9: 86 1D 00 80 09 0B 82 01 01");
    command(BYTES(0x9F), rx, 3);
    assert_memory_equal(rx, "\x0B\x40\x16", 3);
    harness_expect(h, "OUT 17: 80 01 0B 80 00 0B 11 00 00 9F 20 02 00 80 09 0B 87");
    assert_int_equal(h->s->setup(h->spi.self, 2, 0, &got, &h->err), BKF_E_UNSUPPORTED);
    OK(h->s->setup(h->spi.self, 0, 1000000, &got, &h->err));
    harness_skip(h);
    OK(h->s->park(h->spi.self, 1, &h->err));
    harness_expect(h, "OUT 6: 80 00 00 82 01 01");
    OK(h->s->park(h->spi.self, 0, &h->err));
    harness_expect(h, "OUT 6: 80 08 0B 82 01 01");
}

/* 4 MiB in pieces of 64 KiB with chip select held, both ways, at three clocks. */
static void whole_chip(void **state)
{
    (void)state;
    enum { SIZE = 4 << 20, PIECE = 64 << 10 };
    uint8_t *got = malloc(SIZE), *want = malloc(SIZE);
    FILE *f = fopen(getenv("USB_TEST_IMAGE"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(want, 1, SIZE, f), SIZE);
    fclose(f);
    for (unsigned i = 0; i < 256; i++) /* lists() was before this */
        want[i] = (uint8_t)i;
    memset(want + 0x1000, 0xFF, 0x1000);
    static const struct {
        uint32_t hz;
        double bound;
    } rates[] = { { 1000000, 1.01 }, { 6000000, 1.01 }, { 30000000, 1.03 } };
    for (size_t r = 0; r < 3; r++) {
        uint32_t hz;
        struct timespec t0, t1;
        OK(h->s->setup(h->spi.self, 0, rates[r].hz, &hz, &h->err));
        clock_gettime(CLOCK_MONOTONIC, &t0);
        for (size_t at = 0; at < SIZE; at += PIECE) {
            const bkf_spi_step steps[] = {
                { .kind = BKF_STEP_XFER,
                  .flags = BKF_SPI_HOLD_CS,
                  .tx = (const uint8_t[]){ 0x03, 0, 0, 0 },
                  .len = at ? 0 : 4 },
                { .kind = BKF_STEP_XFER,
                  .flags = at + PIECE < SIZE ? BKF_SPI_HOLD_CS : 0,
                  .rx = got + at,
                  .len = PIECE },
            };
            run(steps, 2);
        }
        clock_gettime(CLOCK_MONOTONIC, &t1);
        double s = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
        double bound = (SIZE + 4) * 8.0 / hz;
        print_message("4 MiB at %u Hz in %.3f s of modelled time, %.4f of the SPI clock's\n", hz, s,
                      s / bound);
        assert_memory_equal(got, want, SIZE);
        assert_true(s < bound * rates[r].bound);
    }
    free(got);
    free(want);
    harness_skip(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines), cmocka_unit_test(clocks),     cmocka_unit_test(commands),
        cmocka_unit_test(lists), cmocka_unit_test(sweep),      cmocka_unit_test(delays),
        cmocka_unit_test(mode3), cmocka_unit_test(whole_chip),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
