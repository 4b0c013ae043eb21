/* The ft232h plugin on the chips with several channels: which one is opened, what the others
 * see of it, and what is said about a wrong one.  The first argument names the case; the
 * launcher's keys set it up, USB_TEST_OPTS is what the user chose. */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct harness harness, *const h = &harness;
static const char *what;
static const bkf_pin pins[] = {
    { "sck", "AD0" }, { "mosi", "AD1" }, { "miso", "AD2" }, { "cs0", "AD3" }
};

static void start(struct harness *t)
{
    uint32_t got;
    if (harness_open(t, NULL))
        fail_msg("%s", t->err.message);
    harness_acquire(t);
    OK(t->s->bind(t->spi.self, pins, 4, &t->err));
    OK(t->s->setup(t->spi.self, 0, 1000000, &got, &t->err));
}

static void read_id(struct harness *t, uint8_t id[3])
{
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER,
          .flags = BKF_SPI_HOLD_CS,
          .tx = (const uint8_t[]){ 0x9F },
          .len = 1 },
        { .kind = BKF_STEP_XFER, .rx = id, .len = 3 },
    };
    OK(t->s->run(t->spi.self, steps, 2, &t->err));
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bkf_status want;
        const char *words;
    } cases[] = {
        { "one-channel", BKF_E_PARAM, "FT232H+channel A only+channel B" },
        { "two-channels", BKF_E_PARAM, "FT2232H+channels A and B only+channel C" },
        { "four-channels", BKF_E_PARAM, "FT4232H+channels A and B only+channel D" },
        { "no-such", BKF_E_PARAM, "channel 'E'+A, B, C or D" },
        { "two-letters", BKF_E_PARAM, "channel 'AB'" },
        { "busy", BKF_E_BUSY, "FT2232H channel B+usb:1-1+another program" },
        { "no-engine", BKF_E_PROTOCOL, "does not answer as an MPSSE engine" },
        { "older", BKF_E_NO_DEVICE, "0403:6010+release 5.00+FT2232H (7.00)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].name, what) != 0)
            continue;
        bkf_status st = harness_open(h, NULL);
        print_message("%s: %d: %s\n", what, (int)st, h->err.message);
        assert_int_equal(st, cases[i].want);
        char list[128];
        snprintf(list, sizeof list, "%s", cases[i].words);
        for (char *rest = list, *w = strtok_r(list, "+", &rest); w; w = strtok_r(NULL, "+", &rest))
            if (!strstr(h->err.message, w))
                fail_msg("'%s' does not say '%s'", h->err.message, w);
        return;
    }
    fail_msg("no case of that name");
}

/* Chip select, and CEN on a line of the same port: the FT4232H has no other. */
static void low_port(void **state)
{
    (void)state;
    uint8_t id[3];
    uint32_t cen, line, got;
    OK(harness_open(h, NULL));
    harness_acquire(h);
    OK(h->s->bind(h->spi.self, pins, 4, &h->err));
    assert_int_equal(h->g->claim(h->gpio.self, "AC0", BKF_LINE_PUSH_PULL, 1, &line, &h->err),
                     BKF_E_PARAM);
    print_message("%s\n", h->err.message);
    assert_non_null(strstr(h->err.message, "FT4232H"));
    assert_non_null(strstr(h->err.message, "AD4 to AD7"));
    harness_skip(h);
    OK(h->g->claim(h->gpio.self, "AD4", BKF_LINE_PUSH_PULL, 1, &cen, &h->err));
    harness_expect(h, "OUT 3: 80 10 10");
    OK(h->s->setup(h->spi.self, 0, 1000000, &got, &h->err));
    harness_expect(h, "OUT 10: 8A 97 8D 85 86 1D 00 80 18 1B");
    read_id(h, id);
    assert_memory_equal(id, "\x0B\x40\x16", 3);
    harness_expect(h, "OUT 14: 80 10 1B 11 00 00 9F 20 02 00 80 18 1B 87");
    OK(h->g->set(h->gpio.self, cen, 0, &h->err));
    harness_expect(h, "OUT 3: 80 08 1B");
    nanosleep(&(const struct timespec){ 0, 2000000 }, NULL);
    OK(h->g->set(h->gpio.self, cen, 1, &h->err));
    harness_expect(h, "OUT 3: 80 18 1B");
    OK(h->s->park(h->spi.self, 1, &h->err));
    harness_expect(h, "OUT 3: 80 10 10");
    harness_close(h);
    harness_expect(h, "OUT 3: 80 00 00");
}

/* The wrong channel answers, but nothing hangs on it. */
static void not_wired(void **state)
{
    (void)state;
    uint8_t id[3];
    start(h);
    read_id(h, id);
    assert_memory_equal(id, "\xFF\xFF\xFF", 3);
    harness_close(h);
}

static void set_channel(const char *opts)
{
    assert_int_equal(setenv("USB_TEST_OPTS", opts, 1), 0);
}

/* Both engines of one chip at a time: neither disturbs the other, in whatever order. */
static void both(void **state)
{
    (void)state;
    struct harness other;
    uint8_t id[3];
    harness_load(&other);
    set_channel("channel=A");
    start(h);
    set_channel("channel=B");
    start(&other);
    assert_non_null(strstr(other.cls->unit(other.adapter), "usb:1-1"));
    for (int i = 0; i < 3; i++) {
        read_id(&other, id); /* the target is on A */
        assert_memory_equal(id, "\xFF\xFF\xFF", 3);
        read_id(h, id);
        assert_memory_equal(id, "\x0B\x40\x16", 3);
    }
    struct harness third;
    harness_load(&third);
    bkf_status st = harness_open(&third, NULL); /* B once more */
    print_message("%d: %s\n", (int)st, third.err.message);
    assert_int_equal(st, BKF_E_BUSY);
    harness_close(&other);
    read_id(h, id);
    assert_memory_equal(id, "\x0B\x40\x16", 3);
    harness_close(h);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 2);
    what = argv[1];
    harness_load(h);
    const struct CMUnitTest low_tests[] = { cmocka_unit_test(low_port) };
    const struct CMUnitTest wired_tests[] = { cmocka_unit_test(not_wired) };
    const struct CMUnitTest both_tests[] = { cmocka_unit_test(both) };
    const struct CMUnitTest refused_tests[] = { cmocka_unit_test(refused) };
    if (!strcmp(what, "low-port"))
        return cmocka_run_group_tests(low_tests, NULL, NULL);
    if (!strcmp(what, "not-wired"))
        return cmocka_run_group_tests(wired_tests, NULL, NULL);
    if (!strcmp(what, "both"))
        return cmocka_run_group_tests(both_tests, NULL, NULL);
    return cmocka_run_group_tests(refused_tests, NULL, NULL);
}
