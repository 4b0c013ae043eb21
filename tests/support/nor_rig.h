/* nor_rig.h - a bare die behind the rig, identified, for tests of the NOR engine. */
#ifndef TESTS_NOR_RIG_H
#define TESTS_NOR_RIG_H
#include "core/nor/engine.h"
#include "tests/device/nor_die.h"
#include "tests/support/rig.h"

static inline struct rig *open_die(const char *options)
{
    struct rig *r = malloc(sizeof *r);
    bkf_chip_info info = { .struct_size = sizeof info };
    bkf_error err = BKF_ERROR_INIT;
    char all[600];
    assert_non_null(r);
    rig_init(r);
    snprintf(all, sizeof all, "gate=no %s", options);
    rig_open(r, all);
    if (r->service.identify(r->nor, &r->op, &info, &err))
        fail_msg("%s: %s", options, err.message);
    return r;
}

static inline void end(struct rig *r)
{
    rig_close(r);
    free(r);
}

static inline const uint8_t *flash(const struct rig *r)
{
    size_t size;
    return device_flash(r->dev, &size);
}

static inline void set_clock(struct rig *r, uint32_t hz)
{
    const bkf_links *v = link_view(r->link);
    const bkf_spi_ops *spi = v->spi->ops;
    bkf_chip_info info = { .struct_size = sizeof info };
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got;
    assert_int_equal(spi->setup(v->spi->self, 0, hz, &got, &err), BKF_OK);
    assert_int_equal(r->service.identify(r->nor, &r->op, &info, &err), BKF_OK);
}

static inline long counter(struct rig *r, const char *name)
{
    char key[40], *report = device_report(r->dev);
    snprintf(key, sizeof key, "\"%s\":", name);
    assert_non_null(report);
    const char *at = strstr(report, key);
    assert_non_null(at);
    long n = strtol(at + strlen(key), NULL, 10);
    free(report);
    return n;
}

static inline uint8_t *noise(size_t n, uint32_t seed)
{
    uint8_t *p = malloc(n ? n : 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
    return p;
}

static inline bool all_ff(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0xFF)
            return false;
    }
    return true;
}
#endif
