/* The link stack over a fake adapter: pads, guard, faults, trace and replay. */
#include "core/link/link.h"
#include "core/link/trace.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- fake adapter: writes down what reaches it ------------------------------------- */
struct fake {
    char log[4096];
    uint32_t caps;
    size_t max_len;
    uint64_t now;
    int calls, vanish_at;
    size_t rx_have; /* bytes the UART will deliver */
    int setup_fails;
};

static void note(struct fake *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void note(struct fake *f, const char *fmt, ...)
{
    size_t n = strlen(f->log);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->log + n, sizeof f->log - n, fmt, ap);
    va_end(ap);
}

static bkf_status here(struct fake *f, bkf_error *err)
{
    f->now += 10;
    if (f->vanish_at && ++f->calls >= f->vanish_at)
        return error_set(err, BKF_E_NO_DEVICE, "fake is gone");
    return BKF_OK;
}

static bkf_status f_bind(void *self, const bkf_pin *p, size_t n, bkf_error *err)
{
    struct fake *f = self;
    for (size_t i = 0; i < n; i++)
        note(f, "%s=%s ", p[i].signal, p[i].line);
    return here(f, err);
}
static bkf_status f_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    struct fake *f = self;
    note(f, "setup%u/%u ", mode, want);
    *got = want > 1500000 ? 1500000 : want;
    if (f->setup_fails)
        return BKF_E_IO; /* a plugin that forgets the message */
    return here(f, err);
}
static bkf_status f_run(void *self, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    struct fake *f = self;
    note(f, "[");
    for (size_t i = 0; i < n; i++) {
        if (s[i].kind == BKF_STEP_LINE) {
            note(f, "L%u=%u ", s[i].line, s[i].value);
        } else if (s[i].kind == BKF_STEP_DELAY) {
            note(f, "D%u ", s[i].value);
            f->now += s[i].value;
        } else {
            note(f, "%c%zu ", s[i].flags ? 'h' : 'x', s[i].len);
            for (size_t b = 0; s[i].rx && b < s[i].len; b++)
                s[i].rx[b] = (uint8_t)(s[i].tx ? ~s[i].tx[b] : 0xA5);
        }
    }
    note(f, "] ");
    return here(f, err);
}
static size_t f_max(void *self)
{
    return ((struct fake *)self)->max_len;
}
static uint32_t f_caps(void *self)
{
    return ((struct fake *)self)->caps;
}
static bkf_status f_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                          uint32_t *id, bkf_error *err)
{
    struct fake *f = self;
    note(f, "claim:%s/%u/%u ", line, drive, level);
    *id = 7;
    return here(f, err);
}
static bkf_status f_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    note(self, "%u=%u ", id, level);
    return here(self, err);
}
static bkf_status f_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    (void)id;
    *level = 1;
    return here(self, err);
}
static void f_drop(void *self, uint32_t id)
{
    note(self, "drop%u ", id);
}
static bkf_status f_baud(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    *got = baud;
    return here(self, err);
}
static bkf_status f_write(void *self, const uint8_t *p, size_t len, uint32_t ms, size_t *done,
                          bkf_error *err)
{
    (void)p;
    note(self, "w%zu/%u ", len, ms);
    *done = len;
    return here(self, err);
}
static bkf_status f_read(void *self, uint8_t *p, size_t len, uint32_t ms, size_t *done,
                         bkf_error *err)
{
    struct fake *f = self;
    note(f, "r%zu/%u ", len, ms);
    *done = f->rx_have < len ? f->rx_have : len;
    memset(p, 0x5A, *done);
    f->rx_have -= *done;
    if (*done < len && ms) {
        f->now += ms * 1000u;
        return error_set(err, BKF_E_TIMEOUT, "fake timeout");
    }
    return BKF_OK;
}
static bkf_status f_purge(void *self, bkf_error *err)
{
    return here(self, err);
}
static uint64_t f_now(void *self)
{
    return ((struct fake *)self)->now;
}
static void f_sleep(void *self, uint64_t us)
{
    struct fake *f = self;
    note(f, "s%llu ", (unsigned long long)us);
    f->now += us;
}
static const bkf_spi_ops spi_ops = { .struct_size = sizeof spi_ops,
                                     .bind = f_bind,
                                     .setup = f_setup,
                                     .run = f_run,
                                     .max_len = f_max,
                                     .caps = f_caps };
static const bkf_gpio_ops gpio_ops = {
    .struct_size = sizeof gpio_ops, .claim = f_claim, .set = f_set, .get = f_get, .drop = f_drop
};
static const bkf_uart_ops uart_ops = { .struct_size = sizeof uart_ops,
                                       .setup = f_baud,
                                       .write = f_write,
                                       .read = f_read,
                                       .purge = f_purge };
static const bkf_clock_ops clock_ops = { .struct_size = sizeof clock_ops,
                                         .now_us = f_now,
                                         .sleep_us = f_sleep };
static bkf_status f_acquire(bkf_adapter *a, const char *id, bkf_iface *i, bkf_error *err)
{
    const void *ops = !strcmp(id, BKF_IFACE_SPI)     ? (const void *)&spi_ops
                      : !strcmp(id, BKF_IFACE_GPIO)  ? (const void *)&gpio_ops
                      : !strcmp(id, BKF_IFACE_UART)  ? (const void *)&uart_ops
                      : !strcmp(id, BKF_IFACE_CLOCK) ? (const void *)&clock_ops
                                                     : NULL;
    *i = (bkf_iface){ ops, a };
    return ops ? BKF_OK : error_set(err, BKF_E_UNSUPPORTED, "no");
}
static void f_release(bkf_adapter *a, const char *id)
{
    note((struct fake *)a, "rel:%c ", id[8]);
}
static const bkf_line_spec fake_lines[] = {
    { .name = "SCK", .roles = BKF_ROLE_SCK },
    { .name = "MOSI", .roles = BKF_ROLE_MOSI },
    { .name = "MISO", .roles = BKF_ROLE_MISO },
    { .name = "CS0", .roles = BKF_ROLE_CS },
    { .name = "D2", .alias = "CS2", .roles = BKF_ROLE_OUT },
    { .name = NULL },
};
static const bkf_adapter_class fake_class = { .struct_size = sizeof fake_class,
                                              .name = "fake",
                                              .lines = fake_lines,
                                              .acquire = f_acquire,
                                              .release = f_release };
static const struct link_pad pads[] = {
    { "CE", "cen", "D2", false },     { "TCK", "sck", "SCK", false },
    { "TMS", "cs0", "CS0", false },   { "TDI", "mosi", "MOSI", false },
    { "TDO", "miso", "MISO", false },
};

static struct link_config spi_config(void)
{
    return (struct link_config){ .transport = "spi", .pads = pads, .n_pads = ARRAY_LEN(pads) };
}

static struct link *open_on(struct fake *f, const struct link_config *cfg)
{
    struct link *l;
    bkf_error err = BKF_ERROR_INIT;
    if (link_open(cfg, NULL, &fake_class, (bkf_adapter *)f, &l, &err))
        fail_msg("link_open: %s", err.message);
    return l;
}

static bkf_status xfer(const bkf_links *v, const uint8_t *tx, uint8_t *rx, size_t n, bkf_error *err)
{
    const bkf_spi_ops *ops = v->spi->ops;
    bkf_spi_step s = { .kind = BKF_STEP_XFER, .tx = tx, .rx = rx, .len = n };
    return ops->run(v->spi->self, &s, 1, err);
}

static bkf_status setup(const bkf_links *v, bkf_error *err)
{
    const bkf_spi_ops *ops = v->spi->ops;
    uint32_t got;
    return ops->setup(v->spi->self, 0, 1000000, &got, err);
}

/* -- tests --------------------------------------------------------------------------- */

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

static const char *trace_prop(const bkf_props *p, const char *key)
{
    (void)key;
    return p->handle;
}

static bkf_status open_replay(const char *path, bkf_adapter **a, bkf_error *err)
{
    bkf_props props = { .struct_size = sizeof props, .handle = path, .str = trace_prop };
    return link_replay_class.open(NULL, NULL, &props, a, err);
}

/* What a small job does; every result goes into sum. */
static bkf_status small_job(struct link *l, uint8_t last, uint32_t *sum, bkf_error *err)
{
    const bkf_links *v = link_view(l);
    uint8_t tx[70] = { 0x9F }, rx[70];
    uint64_t origin = link_now_us(l);
    bkf_status st = setup(v, err);
    *sum = 0;
    for (int i = 0; !st && i < 3; i++) {
        tx[69] = i == 2 ? last : 3;
        link_sleep_us(l, 5000);
        st = xfer(v, tx, rx, sizeof tx, err);
        *sum = crc32_update(*sum, rx, st ? 0 : sizeof rx);
        *sum += (uint32_t)(link_now_us(l) - origin);
        if (!st)
            st = v->signal(v, "cen", (uint32_t)i & 1, err);
    }
    return st;
}

static char *record(const char *path, bool inverted, uint32_t *sum)
{
    struct fake f = { .caps = BKF_SPI_INLINE_LINE, .max_len = 31, .now = 123456 };
    struct link_pad mine[ARRAY_LEN(pads)];
    memcpy(mine, pads, sizeof mine);
    mine[0].inverted = inverted;
    struct link_config cfg = spi_config();
    cfg.pads = mine;
    cfg.trace_path = path;
    cfg.trace_meta = "{\"tool\":\"test\"}";
    struct link *l = open_on(&f, &cfg);
    bkf_error err = BKF_ERROR_INIT;
    if (small_job(l, 9, sum, &err))
        fail_msg("%s", err.message);
    link_close(l);
    uint8_t *text;
    size_t n;
    assert_int_equal(file_read(path, 1 << 20, &text, &n, &err), BKF_OK);
    return (char *)text;
}

static bkf_status replay(const char *path, uint8_t last, uint32_t *sum, bkf_error *err)
{
    bkf_adapter *a = NULL;
    struct link *l = NULL;
    struct link_pad mine[LINK_PADS_MAX];
    struct link_config cfg = { .transport = "spi", .pads = mine };
    cfg.n_pads = link_derive_pads("spi", pads, ARRAY_LEN(pads), &link_replay_class, mine);
    bkf_status st = open_replay(path, &a, err);
    if (!st)
        st = link_open(&cfg, NULL, &link_replay_class, a, &l, err);
    if (!st)
        st = small_job(l, last, sum, err);
    link_close(l);
    link_replay_class.close(a);
    return st;
}

static void trace_replays(void **state)
{
    (void)state;
    for (int inverted = 0; inverted < 2; inverted++) {
        char path[] = "/tmp/test_link_XXXXXX";
        close(mkstemp(path));
        uint32_t recorded = 0, replayed = 0;
        char *text = record(path, inverted, &recorded);
        assert_non_null(strstr(text, "bktrace 1\nmeta {\"tool\":\"test\"}\niface spi max_len=31"));
        assert_non_null(strstr(text, "h31=9f00*30."));
        bkf_error err = BKF_ERROR_INIT;
        /* bytes are the same, and time passes by the same amount */
        if (replay(path, 9, &replayed, &err))
            fail_msg("%s", err.message);
        assert_int_equal(recorded, replayed);
        /* another byte in the last transfer is found, with its record */
        assert_int_equal(replay(path, 8, &replayed, &err), BKF_E_MISMATCH);
        assert_non_null(strstr(err.message, "record "));
        assert_non_null(strstr(err.message, "differs at character"));
        free(text);
        unlink(path);
    }
}

static void trace_cut_short(void **state)
{
    (void)state;
    char path[] = "/tmp/test_link_XXXXXX";
    close(mkstemp(path));
    uint32_t sum;
    char *text = record(path, false, &sum);
    size_t n = strlen(text);
    bkf_error err = BKF_ERROR_INIT;
    /* a killed writer leaves any prefix: never a crash, never a success */
    for (size_t cut = 0; cut < n; cut += 7) {
        assert_int_equal(file_write_atomic(path, text, cut, &err), BKF_OK);
        char *tail = strstr(text, " x8=");
        bkf_status st = replay(path, 9, &sum, &err);
        if (!st && cut < (size_t)(tail - text))
            fail_msg("a trace cut to %zu bytes replayed whole", cut);
    }
    free(text);
    unlink(path);
}

static void byte_words(void **state)
{
    (void)state;
    uint8_t in[300], out[300];
    for (size_t n = 0; n < sizeof in; n++) {
        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(i * i / 37);
        struct strbuf sb = STRBUF_INIT;
        trace_put_bytes(&sb, in, n);
        assert_non_null(sb.data);
        struct trace_slice w = { sb.data, sb.len };
        size_t count;
        assert_true(trace_bytes(w, out, n));
        assert_memory_equal(in, out, n);
        assert_false(trace_bytes(w, out, n + 1));
        assert_true(trace_bytes_count(w, sizeof in, &count));
        assert_int_equal(count, n);
        strbuf_free(&sb);
    }
    static const char *const bad[] = {
        "0", "0g", "00*", "00*.", "00*0.", "00*x.", "00*4294967296.", "*3.", "00*3", "AB"
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct trace_slice w = { bad[i], strlen(bad[i]) };
        size_t count;
        if (trace_bytes_count(w, SIZE_MAX, &count))
            fail_msg("'%s' was taken", bad[i]);
    }
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
        cmocka_unit_test(binds_and_claims),
        cmocka_unit_test(polarity),
        cmocka_unit_test(splits_what_cannot_be_inlined),
        cmocka_unit_test(cuts_long_transfers),
        cmocka_unit_test(vanished_stays_vanished),
        cmocka_unit_test(silent_plugins_get_words),
        cmocka_unit_test(refuses_wrong_pads),
        cmocka_unit_test(derives_pads),
        cmocka_unit_test(fault_grammar),
        cmocka_unit_test(fault_events),
        cmocka_unit_test(fault_flip_rate),
        cmocka_unit_test(trace_replays),
        cmocka_unit_test(trace_cut_short),
        cmocka_unit_test(byte_words),
        cmocka_unit_test(uart_slices),
        cmocka_unit_test(uart_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
