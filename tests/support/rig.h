/* rig.h - the whole stack below the session on a bench: a virtual device, an adapter over
 * its nets, the link stack, the NOR engine with the shipped parts table. */
#ifndef TESTS_SUPPORT_RIG_H
#define TESTS_SUPPORT_RIG_H
#include "core/link/link.h"
#include "core/nor/nor.h"
#include "core/profile/profile.h"
#include "tests/device/device.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
    struct vclock clock;
    struct device *dev;
    /* the adapter's character; may be changed before rig_open */
    uint32_t caps, min_hz, max_hz, turnaround_us;
    bool no_park, no_cen;
    uint32_t hz, mode;
    bool selected;
    uint32_t runs;     /* run() calls so far */
    uint32_t stall_at; /* before that run() ... */
    uint32_t stall_us; /* ... the host sleeps so long */
    /* what is built on it */
    struct link *link;
    struct nor_env env;
    bkf_nor_service service;
    bkf_nor *nor;
    bkf_host host;
    bkf_op op;
    const char *fault;
    uint64_t seed;
    /* what was said */
    char notes[65536], logs[16384];
    uint64_t stop_after_us; /* should_stop from then on; 0 = never */
    uint64_t progress;
};

/* -- the adapter -------------------------------------------------------------------------- */
static inline void rig_cs(struct rig *r, bool on)
{
    if (r->selected != on) {
        device_set_cs(r->dev, !on);
        vclock_advance(&r->clock, 200);
    }
    r->selected = on;
}
static inline bkf_status rig_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    (void)pins;
    (void)err;
    struct rig *r = self;
    assert_int_equal(n, 4);
    device_set_cs(r->dev, 1);
    device_set_sck(r->dev, 0);
    return BKF_OK;
}
static inline bkf_status rig_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got,
                                   bkf_error *err)
{
    struct rig *r = self;
    if (want && want < r->min_hz) {
        *got = r->min_hz;
        return error_set(err, BKF_E_UNSUPPORTED, "rig: slowest clock is %u", r->min_hz);
    }
    r->hz = !want || want > r->max_hz ? r->max_hz : want;
    r->mode = mode;
    device_set_sck(r->dev, mode >> 1);
    *got = r->hz;
    return BKF_OK;
}
static inline bkf_status rig_run(void *self, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    (void)err;
    struct rig *r = self;
    vclock_advance(&r->clock, (uint64_t)r->turnaround_us * 1000);
    if (++r->runs == r->stall_at)
        vclock_advance(&r->clock, (uint64_t)r->stall_us * 1000);
    for (size_t i = 0; i < n; i++) {
        if (s[i].kind == BKF_STEP_LINE) {
            device_set_cen(r->dev, s[i].value);
        } else if (s[i].kind == BKF_STEP_DELAY) {
            vclock_advance(&r->clock, (uint64_t)s[i].value * 1000);
        } else {
            rig_cs(r, true);
            device_spi_xfer(r->dev, r->mode, r->hz, s[i].tx, s[i].rx, s[i].len);
            if (!(s[i].flags & BKF_SPI_HOLD_CS))
                rig_cs(r, false);
        }
    }
    return BKF_OK;
}
static inline uint32_t rig_caps(void *self)
{
    return ((struct rig *)self)->caps;
}
static inline bkf_status rig_park(void *self, uint32_t parked, bkf_error *err)
{
    (void)err;
    struct rig *r = self;
    device_set_cs(r->dev, parked ? NET_FLOAT : 1);
    device_set_sck(r->dev, parked ? NET_FLOAT : r->mode >> 1);
    device_set_mosi(r->dev, parked ? NET_FLOAT : 1);
    return BKF_OK;
}
static inline bkf_status rig_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                                   uint32_t *id, bkf_error *err)
{
    (void)line;
    (void)drive;
    (void)err;
    *id = 5;
    device_set_cen(((struct rig *)self)->dev, level);
    return BKF_OK;
}
static inline bkf_status rig_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    (void)id;
    (void)err;
    struct rig *r = self;
    vclock_advance(&r->clock, (uint64_t)r->turnaround_us * 1000);
    device_set_cen(r->dev, level);
    return BKF_OK;
}
static inline void rig_drop(void *self, uint32_t id)
{
    (void)id;
    device_set_cen(((struct rig *)self)->dev, NET_FLOAT);
}
static inline uint64_t rig_now(void *self)
{
    return ((struct rig *)self)->clock.ns / 1000;
}
static inline void rig_sleep(void *self, uint64_t us)
{
    vclock_advance(&((struct rig *)self)->clock, us * 1000);
}
static const bkf_spi_ops rig_spi = { .struct_size = sizeof rig_spi,
                                     .bind = rig_bind,
                                     .setup = rig_setup,
                                     .run = rig_run,
                                     .caps = rig_caps,
                                     .park = rig_park };
static const bkf_gpio_ops rig_gpio = {
    .struct_size = sizeof rig_gpio, .claim = rig_claim, .set = rig_set, .drop = rig_drop
};
static const bkf_clock_ops rig_clock = { .struct_size = sizeof rig_clock,
                                         .now_us = rig_now,
                                         .sleep_us = rig_sleep };
static inline bkf_status rig_acquire(bkf_adapter *a, const char *id, bkf_iface *i, bkf_error *err)
{
    const void *ops = !strcmp(id, BKF_IFACE_SPI)     ? (const void *)&rig_spi
                      : !strcmp(id, BKF_IFACE_GPIO)  ? (const void *)&rig_gpio
                      : !strcmp(id, BKF_IFACE_CLOCK) ? (const void *)&rig_clock
                                                     : NULL;
    *i = (bkf_iface){ ops, a };
    return ops ? BKF_OK : error_set(err, BKF_E_UNSUPPORTED, "rig: no %s", id);
}
static inline void rig_release(bkf_adapter *a, const char *id)
{
    (void)a;
    (void)id;
}
static const bkf_line_spec rig_lines[] = {
    { .name = "SCK", .roles = BKF_ROLE_SCK },   { .name = "MOSI", .roles = BKF_ROLE_MOSI },
    { .name = "MISO", .roles = BKF_ROLE_MISO }, { .name = "CS0", .roles = BKF_ROLE_CS },
    { .name = "D2", .roles = BKF_ROLE_OUT },    { .name = NULL },
};
static const bkf_adapter_class rig_class = { .struct_size = sizeof rig_class,
                                             .name = "rig",
                                             .lines = rig_lines,
                                             .acquire = rig_acquire,
                                             .release = rig_release };

/* -- host and op ----------------------------------------------------------------------------- */
static inline void rig_append(char *to, size_t cap, const char *line)
{
    size_t n = strlen(to);
    snprintf(to + n, cap - n, "%s\n", line);
}
static inline void rig_log(const bkf_host *h, int32_t level, const char *line)
{
    (void)level;
    struct rig *r = h->handle;
    rig_append(r->logs, sizeof r->logs, line);
}
static inline const void *rig_service(const bkf_host *h, const char *id)
{
    struct rig *r = h->handle;
    return strcmp(id, BKF_SERVICE_NOR) ? NULL : &r->service;
}
static inline void rig_progress(const bkf_op *op, uint64_t done, uint64_t total)
{
    struct rig *r = op->handle;
    assert_true(done <= total);
    r->progress = done;
}
static inline int rig_stop(const bkf_op *op)
{
    struct rig *r = op->handle;
    return r->stop_after_us && r->clock.ns / 1000 >= r->stop_after_us;
}
static inline uint64_t rig_op_now(const bkf_op *op)
{
    return ((struct rig *)op->handle)->clock.ns / 1000;
}
static inline void rig_op_sleep(const bkf_op *op, uint64_t us)
{
    vclock_advance(&((struct rig *)op->handle)->clock, us * 1000);
}
static inline void rig_note(const bkf_op *op, const char *line)
{
    struct rig *r = op->handle;
    rig_append(r->notes, sizeof r->notes, line);
}

/* -- open and close -------------------------------------------------------------------- */
static inline void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->caps = BKF_SPI_INLINE_LINE | BKF_SPI_INLINE_DELAY;
    r->min_hz = 10000;
    r->max_hz = 30000000;
    r->turnaround_us = 250;
    r->host = (bkf_host){ .struct_size = sizeof r->host,
                          .abi_major = BKF_ABI_MAJOR,
                          .handle = r,
                          .log = rig_log,
                          .service = rig_service };
    r->op = (bkf_op){ .struct_size = sizeof r->op,
                      .handle = r,
                      .progress = rig_progress,
                      .should_stop = rig_stop,
                      .now_us = rig_op_now,
                      .sleep_us = rig_op_sleep,
                      .note = rig_note };
}
static inline void rig_device(struct rig *r, const char *options)
{
    struct device_option opt[32];
    char text[1024], err[256] = "";
    size_t n = 0;
    snprintf(text, sizeof text, "%s", options);
    char *save = NULL;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(word, '=');
        assert_non_null(eq);
        *eq = 0;
        opt[n++] = (struct device_option){ word, eq + 1 };
    }
    r->dev = device_new(&r->clock, opt, n, err);
    if (!r->dev)
        fail_msg("%s: %s", options, err);
}
static inline bkf_status rig_link(struct rig *r, bkf_error *err)
{
    static const struct link_pad pads[] = {
        { "TCK", "sck", "SCK", false },   { "TMS", "cs0", "CS0", false },
        { "TDI", "mosi", "MOSI", false }, { "TDO", "miso", "MISO", false },
        { "CE", "cen", "D2", false },
    };
    struct link_config cfg = { .transport = "spi",
                               .pads = pads,
                               .n_pads = ARRAY_LEN(pads) - r->no_cen,
                               .fault = r->fault,
                               .seed = r->seed };
    return link_open(&cfg, &r->host, &rig_class, (bkf_adapter *)r, &r->link, err);
}
static inline void rig_parts(struct rig *r)
{
    static const char *const dirs[] = { SOURCE_DIR "/conf", NULL };
    static struct nor_part_table table; /* read once; stays until the program ends */
    const struct profile_env env = { dirs };
    struct diag_list diags = { 0 };
    bkf_error err = BKF_ERROR_INIT;
    if (!table.n)
        assert_int_equal(profile_parts_load(&env, &diags, &table, &err), BKF_OK);
    diag_free(&diags);
    r->env.parts = &table;
    r->env.host = &r->host;
    nor_service_init(&r->service, &r->env);
}
/* Device, link, and an engine with the SPI set up at 1 MHz; for tests without a gate. */
static inline void rig_open(struct rig *r, const char *options)
{
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got;
    rig_device(r, options);
    rig_parts(r);
    if (rig_link(r, &err))
        fail_msg("link: %s", err.message);
    const bkf_links *v = link_view(r->link);
    if (r->service.open(&r->service, v, &r->nor, &err))
        fail_msg("nor: %s", err.message);
    const bkf_spi_ops *spi = v->spi->ops;
    if (spi->setup(v->spi->self, 0, 1000000, &got, &err))
        fail_msg("setup: %s", err.message);
}
static inline void rig_close(struct rig *r)
{
    if (r->nor)
        r->service.close(r->nor);
    link_close(r->link);
    device_free(r->dev);
}
/* The device has nothing to complain about. */
static inline void rig_clean(struct rig *r)
{
    const struct violation *v;
    size_t n = device_violations(r->dev, &v);
    if (n)
        fail_msg("%zu violations, the first at %llu us: %s", n,
                 (unsigned long long)v[0].at_ns / 1000, v[0].text);
}
#endif
