/* guard.c - rules that hold for every adapter, so that neither chip nor adapter plugins
 * repeat them: sane arguments, lists split where the adapter cannot inline a step, long
 * transfers cut with chip select held, cancelling during waits, and silence towards an
 * adapter that has vanished. */
#include "guard.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_US = 50000 }; /* how long a cancel may go unnoticed */

bkf_status guard_enter(struct guard *g, bkf_error *err)
{
    if (g->gone)
        return error_set(err, BKF_E_NO_DEVICE, "%s", g->gone_text);
    return BKF_OK;
}

bkf_status guard_leave(struct guard *g, bkf_status st, const char *what, bkf_error *err)
{
    g->stats->calls++;
    if (!st)
        return BKF_OK;
    if (!strcmp(status_name(st), status_name(INT32_MIN))) /* none of ours */
        return error_set(err, BKF_E_PLUGIN, "adapter: %s returned %ld, which is no status code",
                         what, (long)st);
    if (err && BKF_HAS(bkf_error, err, message)) {
        if (err->status != st || !err->message[0])
            error_set(err, st, "adapter: %s: %s", what, status_text(st));
    }
    if (st == BKF_E_NO_DEVICE) {
        g->gone = true;
        bool told = err && BKF_HAS(bkf_error, err, message) && err->message[0];
        snprintf(g->gone_text, sizeof g->gone_text, "%s",
                 told ? err->message : "the adapter has vanished");
    }
    return st;
}

bool guard_stopping(const struct guard *g)
{
    return g->should_stop && g->should_stop(g->ud);
}

bkf_status guard_sleep(struct guard *g, uint64_t us, bkf_error *err)
{
    while (us) {
        uint64_t slice = us > SLICE_US ? SLICE_US : us;
        clock_sleep(&g->below.clock, slice);
        us -= slice;
        if (us && guard_stopping(g))
            return error_set(err, BKF_E_CANCELLED, "cancelled while waiting");
    }
    return BKF_OK;
}

/* -- SPI ----------------------------------------------------------------------- */

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    struct guard *g = self;
    if (!pins || !n || g->bound)
        return error_set(err, BKF_E_PARAM, "SPI pins are bound exactly once, with a pin list");
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    st = spi_of(&g->below)->bind(g->below.spi.self, pins, n, err);
    g->bound = !st;
    return guard_leave(g, st, "bind", err);
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    struct guard *g = self;
    uint32_t dummy;
    if (mode > 3)
        return error_set(err, BKF_E_PARAM, "SPI mode %u does not exist", mode);
    if (!g->bound)
        return error_set(err, BKF_E_PARAM, "SPI is set up before its pins are bound");
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    st = spi_of(&g->below)->setup(g->below.spi.self, mode, want, got ? got : &dummy, err);
    if (!st)
        g->set_up = true;
    return guard_leave(g, st, "SPI setup", err);
}

static bool push(struct guard *g, const bkf_spi_step *s)
{
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        bkf_spi_step *more = realloc(g->steps, cap * sizeof *more);
        if (!more)
            return false;
        g->steps = more;
        g->cap = cap;
    }
    g->steps[g->n++] = *s;
    return true;
}

/* A transfer in pieces the adapter takes, chip select held between them. */
static bool push_xfer(struct guard *g, const bkf_spi_step *s, size_t max)
{
    bkf_spi_step piece = *s;
    size_t done = 0;
    while (max && s->len - done > max) {
        piece.len = max;
        piece.flags = s->flags | BKF_SPI_HOLD_CS;
        piece.tx = s->tx ? s->tx + done : NULL;
        piece.rx = s->rx ? s->rx + done : NULL;
        if (!push(g, &piece))
            return false;
        done += max;
    }
    piece.len = s->len - done;
    piece.flags = s->flags;
    piece.tx = s->tx ? s->tx + done : NULL;
    piece.rx = s->rx ? s->rx + done : NULL;
    return push(g, &piece);
}

static bkf_status flush(struct guard *g, bkf_error *err)
{
    if (!g->n)
        return BKF_OK;
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    for (size_t i = 0; i < g->n; i++)
        g->stats->spi_bytes += g->steps[i].kind == BKF_STEP_XFER ? g->steps[i].len : 0;
    st = spi_of(&g->below)->run(g->below.spi.self, g->steps, g->n, err);
    g->n = 0;
    return guard_leave(g, st, "SPI transfer", err);
}

static bkf_status check_step(const struct guard *g, const bkf_spi_step *s, size_t i, bkf_error *err)
{
    switch (s->kind) {
    case BKF_STEP_XFER:
        if (s->flags & ~(uint32_t)BKF_SPI_HOLD_CS)
            return error_set(err, BKF_E_PARAM, "SPI step %zu: unknown flags 0x%x", i, s->flags);
        if (s->len > UINT32_MAX)
            return error_set(err, BKF_E_PARAM, "SPI step %zu: %zu bytes", i, s->len);
        return BKF_OK;
    case BKF_STEP_LINE:
        if (!g->below.gpio.ops)
            return error_set(err, BKF_E_PARAM, "SPI step %zu: no line is claimed", i);
        if (s->value > BKF_LEVEL_FLOAT)
            return error_set(err, BKF_E_PARAM, "SPI step %zu: level %u", i, s->value);
        return BKF_OK;
    case BKF_STEP_DELAY:
        return BKF_OK;
    default:
        return error_set(err, BKF_E_PARAM, "SPI step %zu: unknown kind %u", i, s->kind);
    }
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err);

static bkf_status run_step(struct guard *g, const bkf_spi_step *s, uint32_t caps, size_t max,
                           bkf_error *err)
{
    bool inlined = s->kind == BKF_STEP_XFER ||
                   (s->kind == BKF_STEP_LINE && (caps & BKF_SPI_INLINE_LINE)) ||
                   (s->kind == BKF_STEP_DELAY && (caps & BKF_SPI_INLINE_DELAY));
    if (inlined) {
        bool ok = s->kind == BKF_STEP_XFER ? push_xfer(g, s, max) : push(g, s);
        return ok ? BKF_OK : error_set(err, BKF_E_NOMEM, "SPI step list: out of memory");
    }
    bkf_status st = flush(g, err);
    if (st)
        return st;
    return s->kind == BKF_STEP_LINE ? gpio_set(g, s->line, s->value, err)
                                    : guard_sleep(g, s->value, err);
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    struct guard *g = self;
    if (!g->set_up)
        return error_set(err, BKF_E_PARAM, "SPI is used before setup");
    if (!steps || !n)
        return error_set(err, BKF_E_PARAM, "empty SPI step list");
    for (size_t i = 0; i < n; i++) {
        bkf_status st = check_step(g, &steps[i], i, err);
        if (st)
            return st;
    }
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    uint32_t caps = spi_caps_of(&g->below);
    size_t max = spi_max_len_of(&g->below);
    g->n = 0;
    for (size_t i = 0; !st && i < n; i++)
        st = run_step(g, &steps[i], caps, max, err);
    return st ? st : flush(g, err);
}

static size_t spi_max_len(void *self)
{
    (void)self;
    return 0; /* longer transfers are cut here */
}

static uint32_t spi_caps(void *self)
{
    const struct guard *g = self;
    return spi_caps_of(&g->below);
}

static bkf_status spi_park(void *self, uint32_t parked, bkf_error *err)
{
    struct guard *g = self;
    if (!spi_can_park(&g->below))
        return error_set(err, BKF_E_UNSUPPORTED, "this adapter cannot float its SPI pins");
    bkf_status st = guard_enter(g, err);
    return st ? st
              : guard_leave(g, spi_of(&g->below)->park(g->below.spi.self, parked, err), "park",
                            err);
}

static const bkf_spi_ops guard_spi_ops = {
    .struct_size = sizeof guard_spi_ops,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
    .park = spi_park,
};

/* -- GPIO ---------------------------------------------------------------------- */

static bkf_status gpio_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                             uint32_t *id, bkf_error *err)
{
    struct guard *g = self;
    if (!line || !id || drive > BKF_LINE_OPEN_DRAIN || level > 1)
        return error_set(err, BKF_E_PARAM, "claim of a line with bad arguments");
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    st = gpio_of(&g->below)->claim(g->below.gpio.self, line, drive, level, id, err);
    return guard_leave(g, st, "claim", err);
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    struct guard *g = self;
    if (level > 1)
        return error_set(err, BKF_E_PARAM, "line level %u", level);
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    return guard_leave(g, gpio_of(&g->below)->set(g->below.gpio.self, id, level, err), "set line",
                       err);
}

static bkf_status gpio_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    struct guard *g = self;
    if (!level)
        return error_set(err, BKF_E_PARAM, "no place for the level");
    bkf_status st = guard_enter(g, err);
    if (st)
        return st;
    return guard_leave(g, gpio_of(&g->below)->get(g->below.gpio.self, id, level, err), "get line",
                       err);
}

static void gpio_drop(void *self, uint32_t id)
{
    struct guard *g = self;
    if (!g->gone)
        gpio_of(&g->below)->drop(g->below.gpio.self, id);
}

static const bkf_gpio_ops guard_gpio_ops = {
    .struct_size = sizeof guard_gpio_ops,
    .claim = gpio_claim,
    .set = gpio_set,
    .get = gpio_get,
    .drop = gpio_drop,
};

bkf_status guard_new(const struct link_ifaces *below, const struct link_config *cfg,
                     struct link_stats *stats, struct guard **out, struct link_ifaces *ifaces,
                     bkf_error *err)
{
    struct guard *g = calloc(1, sizeof *g);
    if (!g)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    g->below = *below;
    g->stats = stats;
    g->should_stop = cfg->should_stop;
    g->ud = cfg->ud;
    *ifaces = *below;
    if (below->spi.ops)
        ifaces->spi = (bkf_iface){ &guard_spi_ops, g };
    if (below->gpio.ops)
        ifaces->gpio = (bkf_iface){ &guard_gpio_ops, g };
    if (below->uart.ops)
        ifaces->uart = (bkf_iface){ &guard_uart_ops, g };
    *out = g;
    return BKF_OK;
}

void guard_free(struct guard *g)
{
    if (!g)
        return;
    free(g->steps);
    free(g);
}

bool guard_vanished(const struct guard *g)
{
    return g->gone;
}
