/* The ch341a plugin over the real libusb: every byte on the wire, against vectors written
 * from the command descriptions in flashrom's ch341a_spi.c and the vendor's driver. */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SELECT                                                                             \
    "AB B7 B6 20 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 " \
    "00 00 00 00"

static struct harness harness, *const h = &harness;
static uint32_t cen;

static uint8_t reversed(uint8_t b)
{
    uint8_t r = 0;
    for (int i = 0; i < 8; i++)
        r |= (uint8_t)((b >> i & 1) << (7 - i));
    return r;
}

static void run(const bkf_spi_step *steps, size_t n)
{
    OK(h->s->run(h->spi.self, steps, n, &h->err));
}

static void frame(const uint8_t *tx, uint8_t *rx, size_t n)
{
    const bkf_spi_step step = { .kind = BKF_STEP_XFER, .tx = tx, .rx = rx, .len = n };
    run(&step, 1);
}

static int setup(void **state)
{
    (void)state;
    static const bkf_pin pins[] = {
        { "sck", "SCK" }, { "mosi", "MOSI" }, { "miso", "MISO" }, { "cs0", "CS0" }
    };
    uint32_t got;
    harness_load(h);
    OK(harness_open(h, NULL));
    assert_string_equal(h->cls->unit(h->adapter), "usb:1-1");
    harness_expect(h, "CTL 8: C0 5F 00 00 00 00 02 00|CTL 8: 40 B2 00 00 00 00 00 00");
    harness_acquire(h);
    OK(h->s->bind(h->spi.self, pins, 4, &h->err));
    OK(h->g->claim(h->gpio.self, "D2", BKF_LINE_PUSH_PULL, 1, &cen, &h->err));
    harness_expect(h, "OUT 4: AB B7 44 20");
    OK(h->s->setup(h->spi.self, 0, 6000000, &got, &h->err));
    assert_int_equal(got, 1500000);
    harness_expect(h, "OUT 3: AA 63 00|OUT 4: AB B7 7F 20");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    h->cls->release(h->adapter, BKF_IFACE_SPI);
    harness_expect(h, "OUT 4: AB B7 44 20"); /* SPI pins first, CEN still up */
    OK(h->g->set(h->gpio.self, cen, 0, &h->err));
    harness_expect(h, "OUT 4: AB B3 44 20");
    const struct timespec ms100 = { 0, 100000000 };
    nanosleep(&ms100, NULL);
    OK(h->g->set(h->gpio.self, cen, 1, &h->err));
    harness_expect(h, "OUT 4: AB B7 44 20");
    harness_close(h);
    harness_expect(h, "OUT 4: AB B7 40 20");
    return 0;
}

static void lines(void **state)
{
    (void)state;
    uint32_t level = 9;
    OK(h->g->set(h->gpio.self, cen, 0, &h->err));
    harness_expect(h, "OUT 4: AB B3 7F 20");
    const struct timespec ms = { 0, 2000000 };
    nanosleep(&ms, NULL);
    const bkf_spi_step up = { .kind = BKF_STEP_LINE, .line = cen, .value = 1 };
    run(&up, 1);
    harness_expect(h, "OUT 3: AB B7 20");
    const bkf_spi_step select = { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS };
    run(&select, 1);
    harness_expect(h, "OUT 3: AB B6 20");
    const bkf_spi_step deselect = { .kind = BKF_STEP_XFER };
    run(&deselect, 1);
    harness_expect(h, "OUT 3: AB B7 20");
    OK(h->g->get(h->gpio.self, cen, &level, &h->err));
    assert_int_equal(level, 1);
    char *got = harness_log(h, true);
    assert_string_equal(got, "OUT 3: AB 00 20|IN 1: F7");
    free(got);
    assert_int_equal(h->g->claim(h->gpio.self, "D3", 1, 1, &level, &h->err), BKF_E_BUSY);
    assert_int_equal(h->g->claim(h->gpio.self, "D9", 1, 1, &level, &h->err), BKF_E_PARAM);
}

static void commands(void **state)
{
    (void)state;
    static const struct {
        uint8_t tx[8];
        size_t n;
        const char *data; /* of the A8 packet */
    } v[] = {
        { { 0x9F, 0xFF, 0xFF, 0xFF }, 4, "37: " SELECT " A8 F9 FF FF FF" },
        { { 0x05, 0xFF }, 2, "35: " SELECT " A8 A0 FF" },
        { { 0x35, 0xFF }, 2, "35: " SELECT " A8 AC FF" },
        { { 0x06 }, 1, "34: " SELECT " A8 60" },
        { { 0x01, 0x00, 0x02 }, 3, "36: " SELECT " A8 80 00 40" },
        { { 0x06 }, 1, "34: " SELECT " A8 60" },
        { { 0x20, 0x00, 0x10, 0x00 }, 4, "37: " SELECT " A8 04 00 08 00" },
        { { 0x06 }, 1, "34: " SELECT " A8 60" },
        { { 0xD8, 0x12, 0x00, 0x00 }, 4, "37: " SELECT " A8 1B 48 00 00" },
        { { 0x00, 0x00 }, 2, "35: " SELECT " A8 00 00" },
    };
    char want[256];
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        const struct timespec s = { 0, 500000000 }; /* whatever it was, the die is done */
        nanosleep(&s, NULL);
        frame(v[i].tx, NULL, v[i].n);
        snprintf(want, sizeof want, "OUT %s|OUT 3: AB B7 20", v[i].data);
        harness_expect(h, want);
    }
}

static void answers(void **state)
{
    (void)state;
    uint8_t rx[4];
    frame((const uint8_t[]){ 0x9F, 0xFF, 0xFF, 0xFF }, rx, 4);
    assert_memory_equal(rx + 1, "\x0B\x40\x16", 3);
    char *got = harness_log(h, true);
    assert_non_null(strstr(got, "IN 4: FF D0 02 68"));
    free(got);
}

/* 256 bytes from 012300, where the image holds 00 01 .. FF. */
static void read_page(void **state)
{
    (void)state;
    uint8_t head[] = { 0x03, 0x01, 0x23, 0x00 }, fill[256], rx[256];
    char want[4096];
    memset(fill, 0xFF, sizeof fill);
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = head, .len = 4 },
        { .kind = BKF_STEP_XFER, .tx = fill, .rx = rx, .len = 256 },
    };
    run(steps, 2);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(rx[i], i);
    size_t n = (size_t)sprintf(want, "OUT 301: " SELECT " A8 C0 80 C4 00");
    for (size_t i = 0; i < 256; i++)
        n += (size_t)sprintf(want + n, "%s FF", i >= 27 && (i - 27) % 31 == 0 ? " A8" : "");
    sprintf(want + n, "|OUT 3: AB B7 20");
    harness_expect(h, want);
}

static void program_page(void **state)
{
    (void)state;
    uint8_t page[260] = { 0x02, 0, 0, 0 };
    char want[4096];
    for (unsigned i = 0; i < 256; i++)
        page[4 + i] = (uint8_t)i;
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x06 }, .len = 1 },
        { .kind = BKF_STEP_XFER, .tx = page, .len = 260 },
    };
    run(steps, 2);
    /* one list: the select of the second command is the deselect of the first */
    size_t n = (size_t)sprintf(want, "OUT 34: " SELECT " A8 60|OUT 301: " SELECT);
    for (size_t i = 0; i < 260; i++)
        n += (size_t)sprintf(want + n, "%s %02X", i % 31 == 0 ? " A8" : "", reversed(page[i]));
    sprintf(want + n, "|OUT 3: AB B7 20");
    harness_expect(h, want);
    const struct timespec s = { 0, 500000000 };
    nanosleep(&s, NULL);
}

/* CEN up, chip select and 9300 bytes of D2, with nothing between them but the chip itself. */
static void sweep(void **state)
{
    (void)state;
    enum { N = 9300 };
    uint8_t *d2 = malloc(N), *rx = malloc(N);
    char *want = malloc(40000);
    memset(d2, 0xD2, N);
    OK(h->g->set(h->gpio.self, cen, 0, &h->err));
    const struct timespec ms100 = { 0, 100000000 };
    nanosleep(&ms100, NULL);
    harness_skip(h);
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_LINE, .line = cen, .value = 1 },
        { .kind = BKF_STEP_XFER, .tx = d2, .rx = rx, .len = N },
    };
    run(steps, 2);
    size_t n = (size_t)sprintf(want, "OUT 9635: AB B7 B7 B6 20");
    for (int i = 0; i < 27; i++)
        n += (size_t)sprintf(want + n, " 00");
    for (int i = 0; i < N; i++)
        n += (size_t)sprintf(want + n, "%s 4B", i % 31 == 0 ? " A8" : "");
    sprintf(want + n, " AB B7 20"); /* the last data packet is full: same transfer */
    harness_expect(h, want);
    free(d2);
    free(rx);
    free(want);
}

static void delays(void **state)
{
    (void)state;
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_DELAY, .value = 100 },
        { .kind = BKF_STEP_XFER, .tx = (const uint8_t[]){ 0x05 }, .len = 1 },
        { .kind = BKF_STEP_DELAY, .value = 5 },
    };
    run(steps, 3);
    harness_expect(h, "OUT 34: AB FF E5 B7 B6 20 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
                      "00 00 00 00 00 00 00 00 00 00 A8 A0|OUT 4: AB B7 C5 20");
}

/* Mode 0 at 50 kHz and mode 3, clocked by hand: same answers, D2 bit by bit. */
static void by_hand(void **state)
{
    (void)state;
    uint32_t got;
    uint8_t rx[4];
    OK(h->s->setup(h->spi.self, 0, 50000, &got, &h->err));
    assert_in_range(got, 45000, 50000);
    harness_skip(h);
    frame((const uint8_t[]){ 0xD2 }, NULL, 1);
    harness_expect(h, "OUT 40: AB B7 B6 B6 C9 BE C9 B6 C9 BE C9 96 C9 9E C9 B6 C9 BE C9 96 C9 9E "
                      "C9 96 C9 9E C9 B6 C9 BE C9 20 AB 96 C9 9E C9 B6 B7 20");
    frame((const uint8_t[]){ 0x9F, 0, 0, 0 }, rx, 4);
    assert_memory_equal(rx + 1, "\x0B\x40\x16", 3);
    OK(h->s->setup(h->spi.self, 3, 100000, &got, &h->err));
    frame((const uint8_t[]){ 0x9F, 0, 0, 0 }, rx, 4);
    assert_memory_equal(rx + 1, "\x0B\x40\x16", 3);
    assert_int_equal(h->s->setup(h->spi.self, 1, 0, &got, &h->err), BKF_E_UNSUPPORTED);
    assert_int_equal(h->s->setup(h->spi.self, 0, 1000000, &got, &h->err), BKF_E_UNSUPPORTED);
    assert_int_equal(got, 1500000); /* nothing between by hand and the fixed clock */
    OK(h->s->setup(h->spi.self, 0, 0, &got, &h->err));
    harness_skip(h);
}

static void parked(void **state)
{
    (void)state;
    OK(h->s->park(h->spi.self, 1, &h->err));
    harness_expect(h, "OUT 4: AB B7 44 20");
    OK(h->s->park(h->spi.self, 0, &h->err));
    harness_expect(h, "OUT 4: AB B7 7F 20");
}

static void whole_chip(void **state)
{
    (void)state;
    enum { SIZE = 4 << 20, PIECE = 64 << 10 };
    uint8_t *got = malloc(SIZE), *want = malloc(SIZE);
    FILE *f = fopen(getenv("USB_TEST_IMAGE"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(want, 1, SIZE, f), SIZE);
    fclose(f);
    for (unsigned i = 0; i < 256; i++) /* program_page and the erases were before this */
        want[i] = (uint8_t)i;
    memset(want + 0x1000, 0xFF, 0x1000);
    memset(want + 0x120000, 0xFF, 0x10000);
    struct timespec t0, t1;
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
    print_message("4 MiB in %.3f s of modelled time\n", s);
    assert_memory_equal(got, want, SIZE);
    assert_true(s < 31.5 * 1.01);
    free(got);
    free(want);
    harness_skip(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),      cmocka_unit_test(commands),     cmocka_unit_test(answers),
        cmocka_unit_test(read_page),  cmocka_unit_test(program_page), cmocka_unit_test(sweep),
        cmocka_unit_test(delays),     cmocka_unit_test(by_hand),      cmocka_unit_test(parked),
        cmocka_unit_test(whole_chip),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
