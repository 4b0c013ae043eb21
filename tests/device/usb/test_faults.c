/* What an adapter plugin says and does when opening fails or USB goes wrong.  The first
 * argument names the case; the launcher's keys set it up. */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct harness harness, *const h = &harness;
static const char *what;

static void expect_failure(bkf_status got, bkf_status want, const char *words)
{
    print_message("%s: %d: %s\n", what, (int)got, h->err.message);
    assert_int_equal(got, want);
    char list[256];
    snprintf(list, sizeof list, "%s", words);
    for (char *rest = list, *w = strtok_r(list, "+", &rest); w; w = strtok_r(NULL, "+", &rest))
        if (!strstr(h->err.message, w))
            fail_msg("'%s' does not say '%s'", h->err.message, w);
}

static void seen(void *ud, const char *path, const char *label)
{
    char *all = ud;
    size_t n = strlen(all);
    snprintf(all + n, 512 - n, "%s=%s;", path, label);
}

static void opening(void **state)
{
    (void)state;
    static const struct {
        const char *name, *unit;
        bkf_status want;
        const char *words;
    } cases[] = {
        { "absent", NULL, BKF_E_NO_DEVICE, "plugged in" },
        { "uart-mode", NULL, BKF_E_NO_DEVICE, "UART+jumper" },
        { "printer-mode", NULL, BKF_E_NO_DEVICE, "printer mode+5584+jumper" },
        { "no-access", NULL, BKF_E_ACCESS, "60-bkflash.rules+/dev/bus/usb/001/002+usb:1-1" },
        { "in-use", NULL, BKF_E_BUSY, "in use+another program+usb:1-1" },
        { "two", NULL, BKF_E_PARAM, "usb:1-1+usb:1-4.2+-u" },
        { "two-wrong", "usb:1-9", BKF_E_NO_DEVICE, "usb:1-9" },
        { "two-first", "usb:1-1", BKF_OK, "" },
        { "two-second", "1-4.2", BKF_OK, "" },
        { "two-address", "001:003", BKF_OK, "" },
        { "two-serial", "B2", BKF_OK, "" },
        { "clone", NULL, BKF_OK, "" },
        { "driver", NULL, BKF_OK, "" },
        { "stale", NULL, BKF_OK, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].name, what) != 0)
            continue;
        char all[512] = "";
        OK(h->cls->list(NULL, seen, all, &h->err));
        print_message("list: %s\n", all);
        bkf_status st = harness_open(h, cases[i].unit);
        expect_failure(st, cases[i].want, cases[i].words);
        if (!st && !strncmp(what, "two-", 4)) { /* the second one, but for one case */
            bool first = !strcmp(what, "two-first"), serials = !strcmp(h->cls->name, "ft232h");
            const char *unit = serials ? (first ? "A1" : "B2") : (first ? "usb:1-1" : "usb:1-4.2");
            assert_string_equal(h->cls->unit(h->adapter), unit);
        }
        if (!st)
            harness_close(h);
        return;
    }
    fail_msg("no case of that name");
}

static const bkf_pin *pins(void)
{
    static const bkf_pin ch[] = {
        { "sck", "SCK" }, { "mosi", "MOSI" }, { "miso", "MISO" }, { "cs0", "CS0" }
    };
    static const bkf_pin ft[] = {
        { "sck", "AD0" }, { "mosi", "AD1" }, { "miso", "AD2" }, { "cs0", "AD3" }
    };
    return strstr(h->cls->name, "ch341a") ? ch : ft;
}

static bkf_status start(uint32_t hz)
{
    uint32_t got;
    bkf_status st = harness_open(h, NULL);
    if (st)
        return st;
    harness_acquire(h);
    st = h->s->bind(h->spi.self, pins(), 4, &h->err);
    return st ? st : h->s->setup(h->spi.self, 0, hz, &got, &h->err);
}

static bkf_status read_some(uint8_t *to, size_t n)
{
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER,
          .flags = BKF_SPI_HOLD_CS,
          .tx = (const uint8_t[]){ 0x03, 0, 0x10, 0 },
          .len = 4 },
        { .kind = BKF_STEP_XFER, .rx = to, .len = n },
    };
    return h->s->run(h->spi.self, steps, 2, &h->err);
}

static uint8_t *image(void)
{
    uint8_t *want = malloc(4 << 20);
    FILE *f = fopen(getenv("USB_TEST_IMAGE"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(want, 1, 4 << 20, f), 4 << 20);
    fclose(f);
    return want;
}

/* A failure in the middle of a read is reported, and the next read is right. */
static void recovery(void **state)
{
    (void)state;
    static uint8_t got[100000];
    uint8_t *want = image();
    OK(start(6000000));
    bkf_status st = read_some(got, sizeof got);
    print_message("%s: %d: %s\n", what, (int)st, h->err.message);
    assert_int_not_equal(st, BKF_OK);
    assert_int_not_equal(st, BKF_E_NO_DEVICE);
    OK(read_some(got, sizeof got));
    assert_memory_equal(got, want + 0x1000, sizeof got);
    harness_close(h);
    free(want);
}

/* Unplugged at some call: every later call says so at once, and closing works. */
static void unplug(void **state)
{
    (void)state;
    static uint8_t got[1000];
    bkf_status st = start(6000000);
    bool started = !st;
    print_message("start: %d: %s\n", (int)st, h->err.message);
    if (started)
        st = read_some(got, sizeof got);
    if (st) /* found, then lost while it was being opened; later it is just away */
        assert_int_equal(st, h->adapter ? BKF_E_NO_DEVICE : BKF_E_LINK_LOST);
    if (st && started)
        assert_int_equal(read_some(got, sizeof got), BKF_E_NO_DEVICE);
    if (h->adapter)
        harness_close(h);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 2);
    what = argv[1];
    harness_load(h);
    const struct CMUnitTest open_tests[] = { cmocka_unit_test(opening) };
    const struct CMUnitTest recover_tests[] = { cmocka_unit_test(recovery) };
    const struct CMUnitTest unplug_tests[] = { cmocka_unit_test(unplug) };
    if (!strcmp(what, "unplug"))
        return cmocka_run_group_tests(unplug_tests, NULL, NULL);
    return !strncmp(what, "recover", 7) ? cmocka_run_group_tests(recover_tests, NULL, NULL)
                                        : cmocka_run_group_tests(open_tests, NULL, NULL);
}
