/* The link stack: pads, polarity, splitting, cutting, vanished adapters, slices of UART reads. */
#include "tests/support/fake_link.h"

static void binds_and_claims(void **state)
{
    (void)state;
    struct fake f = { .caps = 0 };
    struct link_config cfg = spi_config();
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    assert_string_equal(f.log, "sck=SCK mosi=MOSI miso=MISO cs0=CS0 claim:D2/1/1 ");
    assert_string_equal(v->where(v, "miso"), "TDO on MISO");
    assert_string_equal(v->where(v, "boot"), "boot");
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(v->signal(v, "boot", 1, &err), BKF_E_UNSUPPORTED);
    assert_int_equal(v->signal(v, "sck", 1, &err), BKF_E_UNSUPPORTED);
    assert_int_equal(v->signal(v, "cen", 0, &err), BKF_OK);
    assert_int_equal(v->signal(v, "cen", BKF_LEVEL_FLOAT, &err), BKF_OK);
    assert_int_equal(v->signal(v, "cen", 1, &err), BKF_OK);
    link_close(l);
    assert_string_equal(f.log, "sck=SCK mosi=MOSI miso=MISO cs0=CS0 claim:D2/1/1 7=0 drop7 "
                               "claim:D2/1/1 rel:s drop7 rel:g rel:c ");
}

static void polarity(void **state)
{
    (void)state;
    struct fake f = { .caps = BKF_SPI_INLINE_LINE };
    struct link_pad inv[ARRAY_LEN(pads)];
    memcpy(inv, pads, sizeof inv);
    inv[0].inverted = true;
    struct link_config cfg = spi_config();
    cfg.pads = inv;
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    bkf_error err = BKF_ERROR_INIT;
    uint32_t cen;
    assert_int_equal(v->line(v, "cen", &cen, &err), BKF_OK);
    assert_int_equal(setup(v, &err), BKF_OK);
    f.log[0] = 0;
    bkf_spi_step steps[] = { { .kind = BKF_STEP_LINE, .line = cen, .value = 0 },
                             { .kind = BKF_STEP_XFER, .len = 2 } };
    const bkf_spi_ops *ops = v->spi->ops;
    assert_int_equal(ops->run(v->spi->self, steps, 2, &err), BKF_OK);
    assert_int_equal(v->signal(v, "cen", 1, &err), BKF_OK);
    assert_string_equal(f.log, "[L7=1 x2 ] 7=0 ");
    link_close(l);
}

static void splits_what_cannot_be_inlined(void **state)
{
    (void)state;
    static const struct {
        uint32_t caps;
        const char *log;
    } cases[] = {
        { 0, "[x1 ] 7=1 [h2 ] s5000 [x3 ] " },
        { BKF_SPI_INLINE_LINE, "[x1 L7=1 h2 ] s5000 [x3 ] " },
        { BKF_SPI_INLINE_DELAY, "[x1 ] 7=1 [h2 D5000 x3 ] " },
        { BKF_SPI_INLINE_LINE | BKF_SPI_INLINE_DELAY, "[x1 L7=1 h2 D5000 x3 ] " },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake f = { .caps = cases[i].caps };
        struct link_config cfg = spi_config();
        struct link *l = open_on(&f, &cfg);
        const bkf_links *v = link_view(l);
        bkf_error err = BKF_ERROR_INIT;
        uint32_t cen = 99;
        assert_int_equal(v->line(v, "cen", &cen, &err), BKF_OK);
        bkf_spi_step steps[] = {
            { .kind = BKF_STEP_XFER, .len = 1 },
            { .kind = BKF_STEP_LINE, .line = cen, .value = 1 },
            { .kind = BKF_STEP_XFER, .len = 2, .flags = BKF_SPI_HOLD_CS },
            { .kind = BKF_STEP_DELAY, .value = 5000 },
            { .kind = BKF_STEP_XFER, .len = 3 },
        };
        const bkf_spi_ops *ops = v->spi->ops;
        assert_int_equal(ops->run(v->spi->self, steps, 5, &err), BKF_E_PARAM); /* no setup yet */
        assert_int_equal(setup(v, &err), BKF_OK);
        f.log[0] = 0;
        assert_int_equal(ops->run(v->spi->self, steps, 5, &err), BKF_OK);
        assert_string_equal(f.log, cases[i].log);
        link_close(l);
    }
}

static void cuts_long_transfers(void **state)
{
    (void)state;
    struct fake f = { .max_len = 4 };
    struct link_config cfg = spi_config();
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(setup(v, &err), BKF_OK);
    f.log[0] = 0;
    uint8_t tx[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, rx[10] = { 0 };
    assert_int_equal(xfer(v, tx, rx, 10, &err), BKF_OK);
    assert_string_equal(f.log, "[h4 h4 x2 ] ");
    for (int i = 0; i < 10; i++)
        assert_int_equal(rx[i], (uint8_t)~i);
    assert_int_equal(xfer(v, tx, rx, 8, &err), BKF_OK);
    assert_string_equal(f.log, "[h4 h4 x2 ] [h4 x4 ] ");
    link_close(l);
}

static void vanished_stays_vanished(void **state)
{
    (void)state;
    struct fake f = { .vanish_at = 4 }; /* bind, claim, setup, then gone */
    struct link_config cfg = spi_config();
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(setup(v, &err), BKF_OK);
    uint8_t b[1];
    assert_false(link_vanished(l));
    assert_int_equal(xfer(v, NULL, b, 1, &err), BKF_E_NO_DEVICE);
    assert_true(link_vanished(l));
    f.log[0] = 0;
    error_clear(&err);
    assert_int_equal(xfer(v, NULL, b, 1, &err), BKF_E_NO_DEVICE);
    assert_string_equal(err.message, "fake is gone");
    assert_int_equal(v->signal(v, "cen", 0, &err), BKF_E_NO_DEVICE);
    assert_string_equal(f.log, "");
    link_close(l);
    assert_string_equal(f.log, "rel:s rel:g rel:c "); /* memory yes, calls no */
}

static void silent_plugins_get_words(void **state)
{
    (void)state;
    struct fake f = { .setup_fails = 1 };
    struct link_config cfg = spi_config();
    struct link *l = open_on(&f, &cfg);
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(setup(link_view(l), &err), BKF_E_IO);
    assert_non_null(strstr(err.message, "SPI setup"));
    link_close(l);
}

static void refuses_wrong_pads(void **state)
{
    (void)state;
    static const struct {
        struct link_pad pad;
        const char *says;
    } cases[] = {
        { { "X", "cen", "NONE", false }, "no line 'NONE'" },
        { { "X", "cen", "MISO", false }, "cannot be driven" },
        { { "X", "sck", "SCK", true }, "cannot be inverted" },
        { { "X", "miso", "MISO", false }, "signal 'sck'" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake f = { .caps = 0 };
        struct link_config cfg = spi_config();
        cfg.pads = &cases[i].pad;
        cfg.n_pads = 1;
        struct link *l = NULL;
        bkf_error err = BKF_ERROR_INIT;
        assert_int_equal(link_open(&cfg, NULL, &fake_class, (bkf_adapter *)&f, &l, &err),
                         BKF_E_PROFILE);
        if (!strstr(err.message, cases[i].says))
            fail_msg("'%s' does not say '%s'", err.message, cases[i].says);
        assert_null(l);
    }
}

static void derives_pads(void **state)
{
    (void)state;
    struct link_pad out[LINK_PADS_MAX];
    size_t n = link_derive_pads("spi", pads, ARRAY_LEN(pads), &link_replay_class, out);
    assert_int_equal(n, 5);
    assert_string_equal(out[0].pad, "CE");
    assert_string_equal(out[0].line, "cen");
    assert_string_equal(out[4].line, "miso");
    assert_int_equal(link_derive_pads("spi", NULL, 0, &link_replay_class, out), 5);
    assert_int_equal(link_derive_pads("uart", pads, ARRAY_LEN(pads), &link_replay_class, out), 3);
    assert_int_equal(link_derive_pads("spi", pads, ARRAY_LEN(pads), &fake_class, out), 0);
}

/* -- UART ------------------------------------------------------------------------------- */

static int stop_now(void *ud)
{
    int *left = ud;
    return (*left)-- <= 0;
}

static void uart_slices(void **state)
{
    (void)state;
    struct fake f = { .rx_have = 3 };
    int left = 1000;
    struct link_config cfg = { .transport = "uart", .should_stop = stop_now, .ud = &left };
    struct link *l = open_on(&f, &cfg);
    const bkf_links *v = link_view(l);
    const bkf_uart_ops *u = v->uart->ops;
    bkf_error err = BKF_ERROR_INIT;
    uint8_t b[8];
    size_t done = 77;
    assert_null(v->spi);
    assert_int_equal(u->read(v->uart->self, b, 8, 100, &done, &err), BKF_E_PARAM);
    uint32_t got;
    assert_int_equal(u->setup(v->uart->self, 115200, &got, &err), BKF_OK);
    assert_int_equal(u->read(v->uart->self, b, 8, 250, &done, &err), BKF_E_TIMEOUT);
    assert_int_equal(done, 3);
    assert_string_equal(f.log, "r8/100 r5/100 r5/50 ");
    assert_int_equal(u->read(v->uart->self, b, 8, 0, &done, &err), BKF_OK);
    assert_int_equal(done, 0);
    left = 2;
    f.log[0] = 0;
    assert_int_equal(u->read(v->uart->self, b, 8, 10000, &done, &err), BKF_E_CANCELLED);
    assert_string_equal(f.log, "r8/100 r8/100 r8/100 ");
    link_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_and_claims),
        cmocka_unit_test(polarity),
        cmocka_unit_test(splits_what_cannot_be_inlined),
        cmocka_unit_test(cuts_long_transfers),
        cmocka_unit_test(vanished_stays_vanished),
        cmocka_unit_test(silent_plugins_get_words),
        cmocka_unit_test(refuses_wrong_pads),
        cmocka_unit_test(derives_pads),
        cmocka_unit_test(uart_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
