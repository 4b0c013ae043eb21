/* spi.c - bkflash.spi/1 on the virtual device: a list is one submission, timed by the
 * adapter, so nothing of the host's speed shows between its steps. */
#include "sim.h"
#include <string.h>

/* Chip select changes are a few hundred nanoseconds apart, as on an MPSSE engine. */
enum { CS_NS = 300, LINE_NS = 500, MIN_HZ = 10000 };

void sim_spi_idle(bkf_adapter *a, bool floating)
{
    a->held = false;
    device_set_cs(a->dev, floating ? NET_FLOAT : 1);
    device_set_sck(a->dev, floating ? NET_FLOAT : a->mode >> 1);
    device_set_mosi(a->dev, floating ? NET_FLOAT : 1);
}

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    static const char *const names[] = { "sck", "mosi", "miso", "cs0" };
    bkf_adapter *a = self;
    unsigned seen = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned k = 0;
        while (k < 4 && strcmp(pins[i].signal, names[k]) != 0) {
            k++;
        }
        if (k == 4 || strcmp(pins[i].line, names[k]) != 0) {
            return sim_fail(err, BKF_E_PARAM, "sim: signal %s cannot be on line %s", pins[i].signal,
                            pins[i].line);
        }
        seen |= 1u << k;
    }
    if (seen != 15) {
        return sim_fail(err, BKF_E_PARAM, "sim: SPI needs sck, mosi, miso and cs0");
    }
    a->bound = true;
    sim_spi_idle(a, false);
    return BKF_OK;
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    bkf_adapter *a = self;
    if (mode > 3) {
        return sim_fail(err, BKF_E_PARAM, "sim: SPI mode %u", mode);
    }
    if (want && want < MIN_HZ) {
        *got = MIN_HZ;
        return sim_fail(err, BKF_E_UNSUPPORTED, "sim: the slowest clock is %d Hz", MIN_HZ);
    }
    a->mode = mode;
    a->hz = want && want < a->max_hz ? want : a->max_hz;
    *got = a->hz;
    if (!a->held && !a->parked) {
        device_set_sck(a->dev, mode >> 1);
    }
    return BKF_OK;
}

static void select_chip(bkf_adapter *a)
{
    if (!a->held) {
        device_set_cs(a->dev, 0);
        vclock_advance(&a->clock, CS_NS);
        a->held = true;
    }
}

static void deselect_chip(bkf_adapter *a)
{
    if (a->held) {
        vclock_advance(&a->clock, CS_NS);
        device_set_cs(a->dev, 1);
        vclock_advance(&a->clock, CS_NS);
        a->held = false;
    }
}

static bkf_status check(const bkf_adapter *a, const bkf_spi_step *s, size_t i, bkf_error *err)
{
    if (s->kind > BKF_STEP_DELAY) {
        return sim_fail(err, BKF_E_PARAM, "sim: step %zu has kind %u", i, s->kind);
    }
    if (s->kind == BKF_STEP_LINE &&
        (s->line >= SIM_LINES || !a->claimed[s->line] || s->value > BKF_LEVEL_FLOAT)) {
        return sim_fail(err, BKF_E_PARAM, "sim: step %zu drives line %u, which is not claimed", i,
                        s->line);
    }
    return BKF_OK;
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    if (!a->bound || a->parked) {
        return sim_fail(err, BKF_E_PARAM, "sim: SPI is %s", a->parked ? "parked" : "not bound");
    }
    for (size_t i = 0; i < n; i++) {
        bkf_status st = check(a, &steps[i], i, err);
        if (st) {
            return st;
        }
    }
    sim_turnaround(a);
    for (size_t i = 0; i < n; i++) {
        const bkf_spi_step *s = &steps[i];
        if (s->kind == BKF_STEP_DELAY) {
            vclock_advance(&a->clock, s->value * 1000ull);
        } else if (s->kind == BKF_STEP_LINE) {
            vclock_advance(&a->clock, LINE_NS);
            sim_drive(a, s->line, s->value);
        } else {
            select_chip(a);
            device_spi_xfer(a->dev, a->mode, a->hz, s->tx, s->rx, s->len);
            if (!(s->flags & BKF_SPI_HOLD_CS)) {
                deselect_chip(a);
            }
        }
    }
    return BKF_OK;
}

static size_t spi_max_len(void *self)
{
    (void)self;
    return 0;
}

static uint32_t spi_caps(void *self)
{
    (void)self;
    return BKF_SPI_INLINE_LINE | BKF_SPI_INLINE_DELAY | BKF_SPI_FLOAT;
}

static bkf_status spi_park(void *self, uint32_t parked, bkf_error *err)
{
    bkf_adapter *a = self;
    (void)err;
    a->parked = parked != 0;
    sim_spi_idle(a, a->parked);
    return BKF_OK;
}

const bkf_spi_ops sim_spi_ops = {
    .struct_size = sizeof sim_spi_ops,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
    .park = spi_park,
};
