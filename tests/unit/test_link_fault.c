/* Injected faults: the grammar, events at a call, rates, what they do to a UART. */
#include "tests/support/fake_link.h"

static bkf_status open_fault(const char *spec, bkf_error *err)
{
    struct fake f = { .caps = 0 };
    struct link_config cfg = spi_config();
    cfg.fault = spec;
    struct link *l = NULL;
    bkf_status st = link_open(&cfg, NULL, &fake_class, (bkf_adapter *)&f, &l, err);
    link_close(l);
    return st;
}

static void fault_grammar(void **state)
{
    (void)state;
    static const char *const good[] = { "unplug@99", "timeout@99,stall@98:500", "flip=1e-5",
                                        "flip=0.5,drop=0,dup=1,short=0.25" };
    static const char *const bad[] = { "unplug",    "unplug@0",  "unplug@x", "unplug@1:2",
                                       "stall@1",   "stall@1:x", "flip@1",   "unplug=1",
                                       "flip=2",    "flip=-1",   "flip=nan", "flip=",
                                       "explode@1", "unplug@1,", "flip=0.1x" };
    bkf_error err = BKF_ERROR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (open_fault(good[i], &err))
            fail_msg("%s: %s", good[i], err.message);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (open_fault(bad[i], &err) != BKF_E_PARAM || !strstr(err.message, "unplug@N"))
            fail_msg("'%s' was taken (%s)", bad[i], err.message);
    }
}

static void fault_events(void **state)
{
    (void)state;
    struct fake f = { .caps = 0 };
    struct link_config cfg = spi_config();
    cfg.fault = "stall@4:20,timeout@5,unplug@7"; /* bind 1, claim 2, setup 3 */
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    bkf_error err = BKF_ERROR_INIT;
    uint8_t b[4];
    assert_int_equal(setup(v, &err), BKF_OK);
    uint64_t t = link_now_us(l);
    assert_int_equal(xfer(v, NULL, b, 4, &err), BKF_OK);
    assert_true(link_now_us(l) - t >= 20000);
    assert_int_equal(xfer(v, NULL, b, 4, &err), BKF_E_TIMEOUT);
    assert_int_equal(xfer(v, NULL, b, 4, &err), BKF_OK);
    assert_int_equal(xfer(v, NULL, b, 4, &err), BKF_E_NO_DEVICE);
    assert_int_equal(xfer(v, NULL, b, 4, &err), BKF_E_NO_DEVICE);
    struct link_stats stats;
    link_stats_get(l, &stats);
    assert_int_equal(stats.faults, 3);
    link_close(l);
}

static void fault_flip_rate(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    struct fake f = { .caps = 0 };
    struct link_config cfg = spi_config();
    cfg.fault = "flip=1e-4";
    cfg.seed = 42;
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(setup(v, &err), BKF_OK);
    uint8_t *rx = malloc(N);
    assert_non_null(rx);
    unsigned flipped = 0;
    assert_int_equal(xfer(v, NULL, rx, N, &err), BKF_OK);
    for (size_t i = 0; i < N; i++)
        flipped += (unsigned)__builtin_popcount(rx[i] ^ 0xA5u);
    /* 8.4 million bits: 839 expected, six sigma is 174 */
    assert_in_range(flipped, 665, 1013);
    free(rx);
    link_close(l);
}

static void uart_faults(void **state)
{
    (void)state;
    enum { N = 4000 };
    struct fake f = { .rx_have = N };
    struct link_config cfg = { .transport = "uart", .fault = "drop=0.1,dup=0.05", .seed = 3 };
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    const bkf_uart_ops *u = v->uart->ops;
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got;
    assert_int_equal(u->setup(v->uart->self, 115200, &got, &err), BKF_OK);
    size_t total = 0, done;
    uint8_t b[64];
    do {
        u->read(v->uart->self, b, sizeof b, 0, &done, &err);
        total += done;
    } while (done || f.rx_have);
    /* 4000 * 0.9 * 1.05 = 3780 */
    assert_in_range(total, 3650, 3900);
    link_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault_grammar),
        cmocka_unit_test(fault_events),
        cmocka_unit_test(fault_flip_rate),
        cmocka_unit_test(uart_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
