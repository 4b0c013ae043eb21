/* Into and out of SPI download mode, on the virtual device behind its gate. */
#include "plugins/chips/bekenlib/spi.h"
#include "tests/support/rig.h"

/* -- options, as the host would fill them ----------------------------------------------- */
static const bkf_prop_spec specs[] = { BEKEN_SPI_PROPS, { .key = NULL } };
struct values {
    const char *text; /* "attempts=3 reset_low=20ms" */
    char buf[64];
};

static const char *value_str(const bkf_props *p, const char *key)
{
    struct values *v = (struct values *)(uintptr_t)p->handle;
    size_t k = strlen(key);
    for (const char *at = v->text; at && *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL) {
        if (!strncmp(at, key, k) && at[k] == '=') {
            snprintf(v->buf, sizeof v->buf, "%.*s", (int)strcspn(at + k + 1, " "), at + k + 1);
            return v->buf;
        }
    }
    for (const bkf_prop_spec *s = specs; s->key; s++) {
        if (!strcmp(s->key, key))
            return s->dflt;
    }
    fail_msg("no option %s", key);
    return "";
}

static uint64_t value_num(const bkf_props *p, const char *key)
{
    const char *text = value_str(p, key);
    uint64_t n = 0;
    if (!num_parse_size(text, &n) && !num_parse_hz(text, &n) && !num_parse_us(text, &n) &&
        !num_parse_bool(text, &n))
        fail_msg("option %s: %s", key, text);
    return n;
}

static const struct beken_model model = { .name = "bk7252", .uart_protocol = "bootloader" };

struct bench {
    struct rig rig;
    struct values values;
    bkf_props props;
    bkf_chip *chip;
};

static struct bench *bench(const char *device)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    rig_init(&b->rig);
    rig_device(&b->rig, device);
    rig_parts(&b->rig);
    return b;
}

static void build(struct bench *b, const char *options)
{
    bkf_error err = BKF_ERROR_INIT;
    if (rig_link(&b->rig, &err))
        fail_msg("link: %s", err.message);
    b->values.text = options;
    b->props = (bkf_props){
        .struct_size = sizeof b->props, .handle = &b->values, .str = value_str, .num = value_num
    };
    if (beken_spi_ops.create(&b->rig.host, link_view(b->rig.link), &b->props, &model, &b->chip,
                             &err))
        fail_msg("create: %s", err.message);
}

static void finish(struct bench *b)
{
    beken_spi_ops.destroy(b->chip);
    rig_close(&b->rig);
    free(b);
}

/* Attach, probe, read the first KiB, detach; returns the resets it took. */
static uint32_t full_job(struct bench *b)
{
    bkf_error err = BKF_ERROR_INIT;
    bkf_chip_info info = { .struct_size = sizeof info };
    uint8_t buf[1024];
    size_t size;
    if (beken_spi_ops.attach(b->chip, &b->rig.op, &err))
        fail_msg("attach: %s\n%s", err.message, b->rig.notes);
    if (beken_spi_ops.probe(b->chip, &b->rig.op, &info, &err))
        fail_msg("probe: %s", err.message);
    if (beken_spi_ops.read(b->chip, &b->rig.op, 0, buf, sizeof buf, &err))
        fail_msg("read: %s", err.message);
    assert_memory_equal(buf, device_flash(b->rig.dev, &size), sizeof buf);
    if (beken_spi_ops.detach(b->chip, &b->rig.op, 1, &err))
        fail_msg("detach: %s", err.message);
    return info.resets;
}

/* -- scenarios that end well ---------------------------------------------------------------- */

struct good {
    const char *name, *device, *options;
    uint32_t min_hz; /* slowest clock of the adapter: CH341A has one clock */
    uint32_t caps;
    uint32_t resets_min, resets_max;
};
#define INLINE (BKF_SPI_INLINE_LINE | BKF_SPI_INLINE_DELAY)

static const struct good good[] = {
    { "plain", "seed=1", "", 0, INLINE, 1, 1 },
    { "fixed clock", "seed=1", "", 1500000, INLINE, 1, 1 },
    { "CEN and delays by host calls", "seed=1", "", 0, 0, 1, 1 },
    { "already in SPI mode", "boot=spi", "", 0, INLINE, 0, 0 },
    { "already in, reset forced", "boot=spi", "force_reset=yes", 0, INLINE, 1, 1 },
    { "no entry wanted", "boot=spi", "spi_strategy=none", 0, INLINE, 0, 0 },
    { "nine of ten resets fail", "p_fail=0.9 seed=7", "", 0, INLINE, 1, 200 },
    { "398 resets", "entry=398", "", 0, INLINE, 398, 420 },
    { "slow die, 40 ms", "t_init=40ms", "", 0, INLINE, 1, 1 },
    { "slow die, 150 ms", "t_init=150ms", "", 0, INLINE, 1, 1 },
    { "slow die, 700 ms", "t_init=700ms", "", 0, INLINE, 1, 1 },
    { "instant die", "t_init=0ms", "", 0, INLINE, 1, 1 },
    { "zero while starting", "init_miso=zero t_init=30ms", "", 0, INLINE, 1, 1 },
    { "window of 20 ms", "t_close=20ms", "", 0, INLINE, 1, 1 },
    { "window opens at once", "t_open=0ms", "", 0, INLINE, 1, 1 },
    { "window opens late", "t_open=10ms", "", 0, INLINE, 1, 1 },
    { "four tokens needed", "n_accept=4", "", 0, INLINE, 1, 1 },
    { "any bit alignment", "align=slide", "", 0, INLINE, 1, 1 },
    { "handshake at 60 kHz only", "f_handshake=60kHz", "", 0, INLINE, 2, 12 },
    { "long CEN pulse needed", "t_cen_min=250ms", "", 0, INLINE, 9, 16 },
    { "application drives the pins", "app_pins=toggle", "", 0, INLINE, 1, 2 },
    { "application makes noise", "app_pins=noise pull=noise seed=4", "", 0, INLINE, 1, 3 },
    { "continuous read left on", "crm=yes", "", 0, INLINE, 1, 1 },
    { "mode 3 asked for", "seed=2", "spi_mode=3", 0, INLINE, 1, 1 },
    { "rung 1 only", "seed=2", "spi_strategy=1", 0, INLINE, 1, 20 },
    { "rung 2 only", "seed=2", "spi_strategy=2", 0, INLINE, 1, 1 },
    { "rung 3 only", "seed=2", "spi_strategy=3", 0, INLINE, 1, 1 },
    { "rung 4 only", "seed=2", "spi_strategy=4", 0, INLINE, 1, 1 },
    { "rung 5 only", "seed=2", "spi_strategy=5", 0, INLINE, 1, 1 },
    { "rung 6 only", "seed=2", "spi_strategy=6", 0, INLINE, 1, 1 },
    { "rung 7 only", "seed=2", "spi_strategy=7", 0, INLINE, 1, 1 },
    { "adapter with only slow rungs", "seed=2", "entry_clock=100kHz", 0, INLINE, 1, 1 },
    { "1 SR die", "jedec=1C7015 seed=3", "", 0, INLINE, 1, 1 },
    { "blank flash", "firmware=no seed=5", "", 0, INLINE, 1, 1 },
};

static void good_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const struct good *g = &good[i];
        struct bench *b = bench(g->device);
        b->rig.min_hz = g->min_hz ? g->min_hz : b->rig.min_hz;
        b->rig.max_hz = g->min_hz ? g->min_hz : b->rig.max_hz;
        b->rig.caps = g->caps;
        build(b, g->options);
        b->rig.stop_after_us = 3600u * 1000000u;
        uint32_t resets = full_job(b);
        if (resets < g->resets_min || resets > g->resets_max)
            fail_msg("%s: %u resets\n%s", g->name, resets, b->rig.notes);
        /* a stream of D2 that the window cuts into holds its rotations: only slide sees them */
        if (!strstr(g->device, "slide") && device_violation_count(b->rig.dev, VIOLATION_HAZARD))
            fail_msg("%s: a hazardous byte went out in the window", g->name);
        finish(b);
    }
}

/* CEN up is inside the list, so a stalled host between CEN low and the sweep is harmless. */
static void host_stalls(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < 12; at++) {
        struct bench *b = bench("seed=3");
        b->rig.stall_at = at;
        b->rig.stall_us = 60000;
        build(b, "");
        assert_in_range(full_job(b), 1, 1);
        finish(b);
    }
}

/* Without CEN the user switches the supply while it runs. */
static void without_cen(void **state)
{
    (void)state;
    struct bench *b = bench("boot=spi");
    b->rig.no_cen = true;
    build(b, "");
    assert_int_equal(full_job(b), 0);
    finish(b);
}

/* -- scenarios that cannot end well ------------------------------------------------------------ */

static void bad_scenarios(void **state)
{
    (void)state;
    static const struct {
        const char *name, *device, *options;
        bkf_status st;
        const char *says[2];
    } cases[] = {
        { "MISO open",
          "miso=open pull=up",
          "attempts=3",
          BKF_E_NO_LINK,
          { "stays high", "TDO on MISO" } },
        { "MISO stuck high",
          "miso=stuck1",
          "attempts=3",
          BKF_E_NO_LINK,
          { "stays high", "CE on D2" } },
        { "MISO stuck low",
          "miso=stuck0",
          "attempts=3",
          BKF_E_NO_LINK,
          { "stays low", "shorted" } },
        { "CEN not connected",
          "cen=open app_pins=float pull=up",
          "attempts=3",
          BKF_E_NO_LINK,
          { "stays high", "CEN" } },
        { "CEN not connected, pins toggle",
          "cen=open app_pins=toggle",
          "attempts=3",
          BKF_E_NO_LINK,
          { "CE on D2", "does not reset" } },
        { "never accepts",
          "n_accept=1 p_fail=1 pull=up",
          "attempts=4",
          BKF_E_NO_LINK,
          { "does not receive", "TDI on MOSI" } },
        { "no entry, nobody there",
          "seed=1 pull=up",
          "spi_strategy=none",
          BKF_E_NO_LINK,
          { "not connected", "TDO on MISO" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench(cases[i].device);
        bkf_error err = BKF_ERROR_INIT;
        build(b, cases[i].options);
        bkf_status st = beken_spi_ops.attach(b->chip, &b->rig.op, &err);
        if (st != cases[i].st)
            fail_msg("%s: %d %s", cases[i].name, st, err.message);
        for (size_t k = 0; k < 2; k++) {
            if (!strstr(err.message, cases[i].says[k]))
                fail_msg("%s: '%s' does not say '%s'\n%s", cases[i].name, err.message,
                         cases[i].says[k], b->rig.notes);
        }
        assert_int_equal(beken_spi_ops.detach(b->chip, &b->rig.op, 1, &err), BKF_OK);
        finish(b);
    }
}

static void cancel_tells_why(void **state)
{
    (void)state;
    struct bench *b = bench("miso=stuck0");
    bkf_error err = BKF_ERROR_INIT;
    build(b, "");
    b->rig.stop_after_us = 60u * 1000000u; /* a minute of patience, no limit of attempts */
    assert_int_equal(beken_spi_ops.attach(b->chip, &b->rig.op, &err), BKF_E_CANCELLED);
    assert_non_null(strstr(err.message, "stays low"));
    assert_non_null(strstr(b->rig.notes, "reset 9 ("));
    assert_non_null(strstr(b->rig.notes, "00 throughout"));
    /* felt within a second */
    assert_true(b->rig.clock.ns / 1000 < 62u * 1000000u);
    finish(b);
}

/* Faults of the adapter pass through, and detach is harmless afterwards. */
static void unplug_anywhere(void **state)
{
    (void)state;
    for (int n = 1; n < 60; n++) {
        char fault[32];
        struct bench *b = bench("seed=9");
        bkf_error err = BKF_ERROR_INIT;
        snprintf(fault, sizeof fault, "unplug@%d", n + 6); /* bind and claims come first */
        b->rig.fault = fault;
        build(b, "");
        bkf_status st = beken_spi_ops.attach(b->chip, &b->rig.op, &err);
        if (st && st != BKF_E_NO_DEVICE)
            fail_msg("call %d: %d %s", n, st, err.message);
        beken_spi_ops.detach(b->chip, &b->rig.op, 1, &err);
        finish(b);
    }
}

/* -- out again ------------------------------------------------------------------------- */

static void leaves_the_application_running(void **state)
{
    (void)state;
    struct bench *b = bench("seed=1 app_pins=toggle sr_boot=0x4004 sr=0x0000 firmware=yes");
    build(b, "");
    full_job(b);
    vclock_advance(&b->rig.clock, 500000000);
    /* the application has booted and written its status registers */
    assert_int_equal(device_flash_status(b->rig.dev), 0x4004);
    finish(b);
    /* without run the chip stays as it is: the next job needs no reset */
    b = bench("seed=1");
    build(b, "");
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(beken_spi_ops.attach(b->chip, &b->rig.op, &err), BKF_OK);
    assert_int_equal(beken_spi_ops.detach(b->chip, &b->rig.op, 0, &err), BKF_OK);
    uint32_t resets = device_resets(b->rig.dev);
    assert_int_equal(full_job(b), 0);
    assert_int_equal(device_resets(b->rig.dev), resets + 1); /* the one at the end */
    finish(b);
}

/* -- clock ----------------------------------------------------------------------------- */

static void raises_the_clock(void **state)
{
    (void)state;
    static const struct {
        const char *device, *options;
        uint32_t cap, lo, hi;
    } cases[] = {
        { "seed=1", "", 0, 6000000, 6000000 },
        { "seed=1", "spi_clock=30MHz", 0, 30000000, 30000000 },
        { "seed=1", "", 2000000, 2000000, 2000000 }, /* the profile's clock comes first */
        { "seed=1", "spi_clock=1MHz", 0, 1000000, 1000000 },
        /* fails at 10 MHz: two notches back from there */
        { "seed=1 f_data=8MHz", "spi_clock=30MHz", 0, 1500000, 3000000 },
        { "seed=1 f_data=2MHz", "spi_clock=30MHz", 0, 1000000, 1500000 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench(cases[i].device);
        build(b, cases[i].options);
        bkf_links links = *link_view(b->rig.link);
        links.clock_hz = cases[i].cap;
        beken_spi_ops.destroy(b->chip);
        bkf_error err = BKF_ERROR_INIT;
        assert_int_equal(
            beken_spi_ops.create(&b->rig.host, &links, &b->props, &model, &b->chip, &err), BKF_OK);
        full_job(b);
        if (b->rig.hz < cases[i].lo || b->rig.hz > cases[i].hi)
            fail_msg("case %zu: ended at %u Hz", i, b->rig.hz);
        finish(b);
    }
}

static void refuses_bad_options(void **state)
{
    (void)state;
    static const char *const bad[] = { "spi_strategy=8", "spi_strategy=fast", "spi_mode=1",
                                       "spi_mode=x" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bench *b = bench("seed=1");
        bkf_error err = BKF_ERROR_INIT;
        build(b, "");
        bkf_chip *chip = NULL;
        b->values.text = bad[i];
        assert_int_equal(beken_spi_ops.create(&b->rig.host, link_view(b->rig.link), &b->props,
                                              &model, &chip, &err),
                         BKF_E_PARAM);
        assert_non_null(strstr(err.message, "use "));
        finish(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_scenarios),
        cmocka_unit_test(host_stalls),
        cmocka_unit_test(without_cen),
        cmocka_unit_test(bad_scenarios),
        cmocka_unit_test(cancel_tells_why),
        cmocka_unit_test(unplug_anywhere),
        cmocka_unit_test(leaves_the_application_running),
        cmocka_unit_test(raises_the_clock),
        cmocka_unit_test(refuses_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
