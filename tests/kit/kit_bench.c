/* kit_bench.c - links over the virtual device: SPI with lines and delays in the queue, the
 * reset signal, virtual time. */
#include "kit_bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_CEN = 1, MAX_HZ = 30000000, MIN_HZ = 10000, CALL_US = 125 };

static bkf_status gone(struct chip_bench *b, bkf_error *err)
{
    b->calls++;
    vclock_advance(&b->clock, CALL_US * 1000u);
    if (!b->unplug_at || b->calls < b->unplug_at)
        return BKF_OK;
    /* What a pulled plug does to the target: every line floats. */
    device_set_cs(b->dev, NET_FLOAT);
    device_set_sck(b->dev, NET_FLOAT);
    device_set_mosi(b->dev, NET_FLOAT);
    device_set_cen(b->dev, NET_FLOAT);
    b->cen = NET_FLOAT;
    return error_set(err, BKF_E_NO_DEVICE, "the adapter was unplugged");
}

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    (void)self;
    (void)pins;
    (void)n;
    return error_set(err, BKF_E_PARAM, "a chip plugin does not bind lines");
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    struct chip_bench *b = self;
    bkf_status st = gone(b, err);
    if (st != BKF_OK)
        return st;
    if (mode > 3)
        return error_set(err, BKF_E_PARAM, "SPI mode %u", mode);
    if (want && want < MIN_HZ) {
        *got = MIN_HZ;
        return error_set(err, BKF_E_UNSUPPORTED, "the slowest clock is %d Hz", MIN_HZ);
    }
    b->mode = mode;
    b->hz = want && want < MAX_HZ ? want : MAX_HZ;
    *got = b->hz;
    if (!b->held)
        device_set_sck(b->dev, mode >> 1);
    return BKF_OK;
}

static void drive(struct chip_bench *b, uint32_t level)
{
    b->cen = level;
    device_set_cen(b->dev, level);
}

static void xfer(struct chip_bench *b, const bkf_spi_step *s)
{
    if (!b->held) {
        device_set_cs(b->dev, 0);
        vclock_advance(&b->clock, 300);
    }
    device_spi_xfer(b->dev, b->mode, b->hz, s->tx, s->rx, s->len);
    b->held = s->flags & BKF_SPI_HOLD_CS;
    if (!b->held) {
        vclock_advance(&b->clock, 300);
        device_set_cs(b->dev, 1);
        vclock_advance(&b->clock, 300);
    }
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    struct chip_bench *b = self;
    bkf_status st = gone(b, err);
    if (st == BKF_OK && !b->hz)
        st = error_set(err, BKF_E_PARAM, "run was called before setup");
    for (size_t i = 0; st == BKF_OK && i < n; i++) {
        const bkf_spi_step *s = &steps[i];
        if (s->kind == BKF_STEP_DELAY)
            vclock_advance(&b->clock, s->value * 1000ull);
        else if (s->kind == BKF_STEP_LINE && s->line == LINE_CEN && s->value <= BKF_LEVEL_FLOAT)
            drive(b, s->value);
        else if (s->kind == BKF_STEP_XFER)
            xfer(b, s);
        else
            st = error_set(err, BKF_E_PARAM, "step %zu: kind %u, line %u, value %u", i, s->kind,
                           s->line, s->value);
    }
    return st;
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
    struct chip_bench *b = self;
    bkf_status st = gone(b, err);
    if (st != BKF_OK)
        return st;
    b->held = false;
    device_set_cs(b->dev, parked ? NET_FLOAT : 1);
    device_set_sck(b->dev, parked ? NET_FLOAT : b->mode >> 1);
    device_set_mosi(b->dev, parked ? NET_FLOAT : 1);
    return BKF_OK;
}

static const bkf_spi_ops spi_ops = {
    .struct_size = sizeof spi_ops,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
    .park = spi_park,
};

/* -- links and operation -------------------------------------------------------------------- */

static bkf_status link_signal(const bkf_links *l, const char *name, uint32_t level, bkf_error *err)
{
    struct chip_bench *b = l->handle;
    if (strcmp(name, "cen") != 0 || level > BKF_LEVEL_FLOAT)
        return error_set(err, BKF_E_UNSUPPORTED, "signal '%s' is not wired", name);
    bkf_status st = gone(b, err);
    if (st == BKF_OK)
        drive(b, level);
    return st;
}

static bkf_status link_line(const bkf_links *l, const char *name, uint32_t *id, bkf_error *err)
{
    (void)l;
    if (strcmp(name, "cen") != 0)
        return error_set(err, BKF_E_UNSUPPORTED, "signal '%s' is not wired", name);
    *id = LINE_CEN;
    return BKF_OK;
}

static const char *link_where(const bkf_links *l, const char *signal)
{
    (void)l;
    return signal;
}

static void op_progress(const bkf_op *op, uint64_t done, uint64_t total)
{
    struct chip_bench *b = op->handle;
    if (done > total || (b->last_total == total && done < b->last_done))
        b->progress_back = true;
    b->last_done = done;
    b->last_total = total;
}

static int op_stop(const bkf_op *op)
{
    struct chip_bench *b = op->handle;
    b->polls++;
    return b->stop_after && b->polls >= b->stop_after;
}

static uint64_t op_now(const bkf_op *op)
{
    const struct chip_bench *b = op->handle;
    return b->clock.ns / 1000;
}

static void op_sleep(const bkf_op *op, uint64_t us)
{
    struct chip_bench *b = op->handle;
    vclock_advance(&b->clock, us * 1000);
}

static void op_note(const bkf_op *op, const char *line)
{
    struct chip_bench *b = op->handle;
    if (!line || strpbrk(line, "\r\n"))
        verdict_fail(b->v, "a note is not one line");
}

/* -- life ------------------------------------------------------------------------------------- */

/* No two places alike and nothing blank, so that no mistake about an offset goes unseen. */
static void fill_flash(struct device *dev)
{
    size_t size;
    uint8_t *flash = (uint8_t *)(uintptr_t)device_flash(dev, &size);
    uint32_t x = 0x2545F491;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        flash[i] = (uint8_t)(x >> 11);
    }
}

static bool make_device(struct chip_bench *b)
{
    struct device_option o[70] = { { "seed", "7" } };
    size_t n = 1;
    char why[256] = "";
    for (size_t i = 0; i < b->k->n_device; i++)
        o[n++] = (struct device_option){ b->k->device[i].key, b->k->device[i].value };
    bool size = false;
    for (size_t i = 1; i < n; i++)
        size |= strcmp(o[i].key, "size") == 0 || strcmp(o[i].key, "jedec") == 0;
    if (!size) { /* small, so that thousands of runs are quick; found by SFDP */
        o[n++] = (struct device_option){ "size", "512K" };
        o[n++] = (struct device_option){ "jedec", "0B4013" };
    }
    b->dev = device_new(&b->clock, o, n, why);
    if (!b->dev)
        verdict_skip(b->v, "virtual device: %s", why);
    else
        fill_flash(b->dev);
    return b->dev != NULL;
}

bool bench_new(struct chip_bench *b, struct kit *k, struct verdict *v, unsigned flags)
{
    *b = (struct chip_bench){ .k = k, .v = v, .cen = NET_FLOAT };
    b->env = (struct nor_env){ .parts = &b->parts };
    nor_service_init(&b->nor, &b->env);
    kit_host_init(&b->host, v, &b->nor);
    b->env.host = &b->host.host;
    b->spi = (bkf_iface){ &spi_ops, b };
    b->links = (bkf_links){ .struct_size = sizeof b->links,
                            .handle = b,
                            .spi = flags & BENCH_NO_LINKS ? NULL : &b->spi,
                            .signal = link_signal,
                            .line = link_line,
                            .where = link_where };
    b->op = (bkf_op){ .struct_size = sizeof b->op,
                      .handle = b,
                      .progress = op_progress,
                      .should_stop = op_stop,
                      .now_us = op_now,
                      .sleep_us = op_sleep,
                      .note = op_note };
    if (!kit_props(k, k->chip->props, k->chip->name, &b->props, v) || !make_device(b))
        return false;
    device_set_cs(b->dev, 1);
    device_set_mosi(b->dev, 1);
    vclock_advance(&b->clock, 1000000000); /* powered for a second, the application runs */
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = k->chip->create(&b->host.host, &b->links, props_view(b->props), &b->chip, &err);
    if (st == BKF_OK && !b->chip)
        verdict_fail(v, "create returned BKF_OK without a chip");
    else if (st != BKF_OK && kit_failed_well(v, "create", st, &err) && !(flags & BENCH_NO_LINKS)) {
        if (st == BKF_E_UNSUPPORTED)
            verdict_skip(v, "no SPI: %s", err.message);
        else
            verdict_fail(v, "create: %s", err.message);
    }
    return st == BKF_OK && b->chip;
}

bkf_status bench_attach(struct chip_bench *b, bkf_error *err)
{
    b->attached = true; /* detach is due from here on, also when attach fails */
    return b->k->chip->attach(b->chip, &b->op, err);
}

bkf_status bench_detach(struct chip_bench *b, bkf_error *err)
{
    b->attached = false;
    b->stop_after = 0;
    return b->k->chip->detach(b->chip, &b->op, 1, err);
}

bool bench_ready(struct chip_bench *b, bkf_chip_info *info)
{
    bkf_error err = BKF_ERROR_INIT;
    *info = (bkf_chip_info){ .struct_size = sizeof *info };
    bkf_status st = bench_attach(b, &err);
    if (st != BKF_OK) {
        verdict_fail(b->v, "attach to the virtual device: %s", err.message);
        return false;
    }
    st = b->k->chip->probe(b->chip, &b->op, info, &err);
    if (st != BKF_OK)
        verdict_fail(b->v, "probe of the virtual device: %s", err.message);
    return st == BKF_OK;
}

void bench_free(struct chip_bench *b)
{
    bkf_error err = BKF_ERROR_INIT;
    if (b->chip && b->attached)
        bench_detach(b, &err);
    if (b->chip)
        b->k->chip->destroy(b->chip);
    device_free(b->dev);
    props_free(b->props);
    b->chip = NULL;
    b->dev = NULL;
}
