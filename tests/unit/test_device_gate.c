/* test_device_gate.c - the boot window of the virtual device against the entry sequences of
 * published programs, and each of its parameters. */
#include "tests/support/spi_bench.h"

static void cen_pulse(struct bench *b, uint64_t low_ms)
{
    device_set_cen(b->dev, 0);
    bench_wait_us(b, low_ms * 1000);
    device_set_cen(b->dev, 1);
}

/* n bytes of D2 in one frame; rx may be NULL. */
static void burst(struct bench *b, uint8_t *rx, size_t n)
{
    uint8_t *tx = malloc(n);
    assert_non_null(tx);
    memset(tx, 0xD2, n);
    bench_frame(b, tx, rx, n);
    free(tx);
}

static bool rdid_within(struct bench *b, uint32_t want, unsigned tries, uint64_t step_ms)
{
    for (unsigned i = 0; i < tries; i++) {
        if (bench_rdid(b) == want) {
            return true;
        }
        bench_wait_us(b, step_ms * 1000);
    }
    return false;
}

/* -- programs that work on hardware ------------------------------------------------- */

/* bk7252-cam: 5 ms with CS low, two bytes, then 9F until the answer is neither 00 nor D2. */
static void entry_cam(void **state)
{
    (void)state;
    struct bench b;
    uint8_t d2[2] = { 0xD2, 0xD2 }, rx[2], x = 0;
    bench_open(&b, "jedec=1C7015 app_pins=toggle");
    b.hz = 50000;
    cen_pulse(&b, 100);
    device_set_cs(b.dev, 0);
    bench_wait_us(&b, 5000);
    bench_bytes(&b, d2, rx, 2);
    assert_int_equal(rx[0], 0xD2);
    bench_cs(&b, 1);
    bench_wait_us(&b, 1000);
    bench_cs(&b, 0);
    bench_bytes(&b, NULL, rx, 2);
    for (unsigned i = 0; i < 300 && (x == 0 || x == 0xD2); i++) {
        uint8_t rdid = 0x9F;
        bench_bytes(&b, &rdid, &x, 1);
    }
    bench_cs(&b, 1);
    assert_int_not_equal(x, 0);
    assert_int_equal(bench_rdid(&b), 0x1C7015);
    bench_close(&b);
}

/* pico-beken: 16 bytes thrown away, then 250 whose first is D2 and the next three 00, then
 * 32 zero bytes, all in one frame from CEN on. */
static void entry_pico(void **state)
{
    (void)state;
    struct bench b;
    uint8_t tx[298], rx[298];
    bench_open(&b, "jedec=1C7015 t_open=2.5ms");
    b.hz = 50000;
    memset(tx, 0xD2, 266);
    memset(tx + 266, 0, 32);
    cen_pulse(&b, 1000);
    bench_frame(&b, tx, rx, sizeof tx);
    assert_memory_equal(rx + 16, "\xD2\x00\x00\x00", 4);
    bench_wait_us(&b, 5000);
    assert_true(rdid_within(&b, 0x1C7015, 2, 0));
    bench_clean(&b);
    bench_close(&b);
}

struct pattern {
    const char *name;
    unsigned mode;
    uint64_t low_ms, gap_us;
    unsigned frames;
    size_t bytes;
    uint64_t between_us;
    uint32_t hz;
};

static void entry_patterns(void **state)
{
    (void)state;
    static const struct pattern patterns[] = {
        { "ltchiptool 64 bytes at 100 kHz", 0, 100, 1000, 1, 64, 0, 100000 },
        { "Arduino 255 bytes at 8 MHz", 0, 500, 50100, 1, 255, 0, 8000000 },
        { "hid_download_py mode 3", 3, 1000, 0, 1, 250, 0, 50000 },
        { "BK7231_SPI_Flasher mode 3", 3, 1000, 0, 1, 250, 0, 30000 },
        { "spidev script, 4 x 64", 3, 300, 0, 4, 64, 500, 50000 },
        { "GUI tool, 10 x 25 at 1.5 MHz", 0, 100, 1500, 10, 25, 1000, 1500000 },
        { "sweep of 70 ms at 1 MHz", 0, 100, 0, 1, 8750, 0, 1000000 },
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        for (unsigned seed = 1; seed <= 20; seed++) {
            const struct pattern *p = &patterns[i];
            struct bench b;
            char options[64];
            (void)snprintf(options, sizeof options, "jedec=0B4016 seed=%u", seed);
            bench_open(&b, options);
            b.mode = p->mode;
            b.hz = p->hz;
            device_set_sck(b.dev, p->mode >> 1);
            cen_pulse(&b, p->low_ms);
            bench_wait_us(&b, p->gap_us);
            for (unsigned f = 0; f < p->frames; f++) {
                burst(&b, NULL, p->bytes);
                bench_wait_us(&b, p->between_us);
            }
            if (!rdid_within(&b, 0x0B4016, 5, 100)) {
                fail_msg("%s, seed %u: no answer", p->name, seed);
            }
            bench_clean(&b);
            bench_close(&b);
        }
    }
}

/* What the sweep's capture shows: idle, one D2, zeros. */
static void sweep_capture(void **state)
{
    (void)state;
    struct bench b;
    uint8_t rx[8750];
    size_t at = 0;
    bench_open(&b, "jedec=0B4016 t_open=2500 t_init=40ms");
    cen_pulse(&b, 100);
    burst(&b, rx, sizeof rx);
    while (rx[at] == 0xFF) {
        at++;
    }
    assert_in_range(at, 311, 314); /* 2.5 ms of 8 us bytes */
    if (rx[at] != 0xD2) {
        at++; /* the byte during which the window opened */
    }
    assert_int_equal(rx[at], 0xD2);
    for (size_t i = at + 1; i < at + 5000; i++) {
        assert_int_equal(rx[i], 0);
    }
    bench_clean(&b);
    bench_close(&b);
}

/* -- parameters ---------------------------------------------------------------------- */
struct sweep {
    const char *options;
    bool works;
};

static void one_sweep_under_options(void **state)
{
    (void)state;
    static const struct sweep cases[] = {
        { "t_init=40ms", true },
        { "t_init=150ms", true },
        { "t_init=0", true },
        { "t_close=20ms", true },
        { "t_open=10ms t_close=11ms", true },
        { "n_accept=4", true },
        { "align=slide", true },
        { "init_miso=zero", true },
        { "crm=yes", false },
        { "entry=2", false },
        { "p_fail=1", false },
        { "cen=open", false },
        { "cen=low", false },
        { "miso=stuck0", false },
        { "miso=stuck1", false },
        { "miso=open", false },
        { "f_handshake=500kHz", false },
        { "t_cen_min=200ms", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        char options[128];
        (void)snprintf(options, sizeof options, "jedec=0B4016 %s", cases[i].options);
        bench_open(&b, options);
        cen_pulse(&b, 100);
        burst(&b, NULL, 8750);
        bool works = rdid_within(&b, 0x0B4016, 40, 5);
        if (works != cases[i].works) {
            fail_msg("%s: %s", cases[i].options, works ? "answers" : "does not answer");
        }
        bench_close(&b);
    }
}

static void many_resets_until_it_answers(void **state)
{
    (void)state;
    struct bench b;
    unsigned n = 0;
    bench_open(&b, "jedec=0B4016 entry=398");
    do {
        cen_pulse(&b, 100);
        burst(&b, NULL, 8750);
        bench_wait_us(&b, 50000);
        n++;
    } while (bench_rdid(&b) != 0x0B4016 && n < 1000);
    assert_int_equal(n, 398);
    assert_int_equal(device_resets(b.dev), 398);
    bench_close(&b);
}

static void probability_of_failure(void **state)
{
    (void)state;
    struct bench b;
    unsigned good = 0;
    bench_open(&b, "jedec=0B4016 p_fail=0.9 seed=3");
    for (unsigned i = 0; i < 300; i++) {
        cen_pulse(&b, 100);
        burst(&b, NULL, 8750);
        bench_wait_us(&b, 50000);
        good += bench_rdid(&b) == 0x0B4016;
    }
    assert_in_range(good, 15, 50);
    bench_close(&b);
}

static void application_boots_and_protects(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "jedec=0B4016 sr=0");
    assert_int_equal(device_flash_status(b.dev), 0);
    cen_pulse(&b, 100);
    bench_wait_us(&b, 340000); /* 53 ms window + 300 ms are not over yet */
    assert_int_equal(device_flash_status(b.dev), 0);
    bench_wait_us(&b, 20000);
    assert_int_equal(device_flash_status(b.dev), 0x4004);
    bench_close(&b);
    bench_open(&b, "jedec=1C7015");
    assert_int_equal(device_flash_status(b.dev), 0x7C); /* an EN25 application ran before */
    bench_close(&b);
    bench_open(&b, "jedec=0B4016 blank=yes");
    assert_int_equal(device_flash_status(b.dev), 0); /* nothing there to run */
    cen_pulse(&b, 100);
    burst(&b, NULL, 8750);
    assert_true(rdid_within(&b, 0x0B4016, 40, 5)); /* the handshake needs no flash content */
    bench_close(&b);
}

static void hazardous_bytes_are_recorded(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "jedec=0B4016 t_open=1ms");
    cen_pulse(&b, 100);
    bench_wait_us(&b, 5000);
    BENCH_SEND(&b, 0x9F, 0, 0, 0);
    BENCH_SEND(&b, 0xFF, 0xFF);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_HAZARD), 0);
    BENCH_SEND(&b, 0x66);
    BENCH_SEND(&b, 0xAB);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_HAZARD), 2);
    bench_close(&b);
}

static void short_cen_pulse_is_not_a_reset(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "jedec=0B4016 boot=spi");
    assert_int_equal(bench_rdid(&b), 0x0B4016);
    device_set_cen(b.dev, 0);
    bench_wait_us(&b, 1000);
    assert_int_equal(bench_rdid(&b), 0xFFFFFF);
    device_set_cen(b.dev, 1);
    assert_int_equal(bench_rdid(&b), 0x0B4016);
    assert_int_equal(device_resets(b.dev), 0);
    cen_pulse(&b, 10);
    assert_int_equal(bench_rdid(&b), 0xFFFFFF);
    assert_int_equal(device_resets(b.dev), 1);
    bench_close(&b);
}

/* Released pins: the application's pattern on MISO, the die out of reach. */
static void outside_the_mode(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint8_t low, high;
    } cases[] = { { "app_pins=float", 0xFF, 0xFF },
                  { "app_pins=float pull=down", 0, 0 },
                  { "app_pins=low", 0, 0 },
                  { "app_pins=high pull=down", 0xFF, 0xFF } };
    for (size_t i = 0; i < 4; i++) {
        struct bench b;
        uint8_t tx[4] = { 0x9F }, rx[4];
        bench_open(&b, cases[i].options);
        bench_frame(&b, tx, rx, 4);
        assert_int_equal(rx[1], cases[i].low);
        assert_int_equal(rx[3], cases[i].high);
        bench_close(&b);
    }
    struct bench b;
    uint8_t rx[64], changes = 0;
    bench_open(&b, "app_pins=toggle");
    bench_frame(&b, (const uint8_t[64]){ 0 }, rx, 64);
    for (size_t i = 1; i < 64; i++) {
        changes = (uint8_t)(changes + (rx[i] != rx[i - 1]));
    }
    assert_true(changes > 10);
    bench_close(&b);
}

/* The die comes on the wire in the middle of a frame: it sees a partial byte. */
static void switch_over_inside_a_frame(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 30; seed++) {
        struct bench b;
        char options[64];
        (void)snprintf(options, sizeof options, "jedec=0B4016 seed=%u", seed);
        bench_open(&b, options);
        cen_pulse(&b, 100);
        burst(&b, NULL, 8750);
        assert_int_equal(bench_rdid(&b), 0x0B4016); /* 70 ms cover 40 ms of waking up */
        bench_clean(&b);
        bench_close(&b);
    }
}

static void too_fast_for_the_pads(void **state)
{
    (void)state;
    struct bench b;
    uint8_t want[256], got[256];
    bench_open(&b, "jedec=EF4016 boot=spi f_data=15MHz");
    b.hz = 10000000;
    bench_read(&b, 0, want, sizeof want);
    bench_clean(&b);
    b.hz = 30000000;
    bench_read(&b, 0, got, sizeof got);
    assert_memory_not_equal(got, want, sizeof want);
    assert_int_equal(device_violation_count(b.dev, VIOLATION_CLOCK), 1);
    bench_close(&b);
}

static void lost_edges_shift_everything(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "jedec=EF4016 boot=spi slip=13");
    assert_int_not_equal(bench_rdid(&b), 0xEF4016);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_cam),
        cmocka_unit_test(entry_pico),
        cmocka_unit_test(entry_patterns),
        cmocka_unit_test(sweep_capture),
        cmocka_unit_test(one_sweep_under_options),
        cmocka_unit_test(many_resets_until_it_answers),
        cmocka_unit_test(probability_of_failure),
        cmocka_unit_test(application_boots_and_protects),
        cmocka_unit_test(hazardous_bytes_are_recorded),
        cmocka_unit_test(short_cen_pulse_is_not_a_reset),
        cmocka_unit_test(outside_the_mode),
        cmocka_unit_test(switch_over_inside_a_frame),
        cmocka_unit_test(too_fast_for_the_pads),
        cmocka_unit_test(lost_edges_shift_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
