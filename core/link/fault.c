/* fault.c - a seeded schedule of misfortunes between the guard and the adapter.
 *
 * Grammar, comma separated:
 *   unplug@N      call N (the first is 1) fails with BKF_E_NO_DEVICE, and all later ones; of a
 *                 step list a seeded number of steps still reaches the adapter
 *   timeout@N     call N fails with BKF_E_TIMEOUT and does not reach the adapter
 *   kill@N        the process ends at call N by SIGKILL, as a power cut would end it
 *   stall@N:MS    call N starts MS milliseconds late
 *   flip=P        every received bit (SPI and UART) is inverted with probability P
 *   drop=P dup=P  every received UART byte is lost, or arrives twice, with probability P
 *   short=P       a UART reception ends early with probability P
 * Counted are the calls that can fail: bind, setup, run, park, claim, set, get, write, read,
 * purge.  P is written 0.001 or 1e-5. */
#include "stack.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { UNPLUG, TIMEOUT, KILL, STALL, FLIP, DROP, DUP, SHORT, KINDS };
static const char *const kind_names[] = { "unplug", "timeout", "kill",  "stall", "flip",
                                          "drop",   "dup",     "short", NULL };
struct event {
    enum kind kind;
    uint64_t at, ms;
};
enum { EVENTS_MAX = 32, HELD_MAX = 4096 };
struct fault {
    struct link_ifaces below;
    struct link_stats *stats;
    struct event events[EVENTS_MAX];
    size_t n_events;
    double p[KINDS];
    uint64_t rng, call, until_flip; /* bits until the next flip */
    bool gone;
    uint8_t held[HELD_MAX]; /* received bytes that the chip did not get yet (dup) */
    size_t n_held;
};

static uint64_t next_random(struct fault *f)
{
    /* splitmix64: any seed is good */
    uint64_t z = (f->rng += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double uniform(struct fault *f)
{
    return ((double)(next_random(f) >> 11) + 0.5) / 9007199254740992.0;
}

static void plan_flip(struct fault *f)
{
    double p = f->p[FLIP];
    if (p <= 0)
        f->until_flip = UINT64_MAX;
    else if (p >= 1)
        f->until_flip = 0;
    else
        f->until_flip = (uint64_t)fmin(log(uniform(f)) / log1p(-p), 9e18);
}

static void flip_bits(struct fault *f, uint8_t *p, size_t n)
{
    if (!p)
        return;
    uint64_t bits = (uint64_t)n * 8, at = 0;
    while (f->until_flip < bits - at) {
        at += f->until_flip;
        p[at / 8] ^= (uint8_t)(1u << (at % 8));
        at++;
        f->stats->faults++;
        plan_flip(f);
        if (at >= bits)
            return;
    }
    if (f->until_flip != UINT64_MAX)
        f->until_flip -= bits - at;
}

static bool due(const struct fault *f, enum kind kind, uint64_t *ms)
{
    for (size_t i = 0; i < f->n_events; i++) {
        if (f->events[i].kind == kind && f->events[i].at == f->call) {
            if (ms)
                *ms = f->events[i].ms;
            return true;
        }
    }
    return false;
}

static bkf_status unplugged(bkf_error *err)
{
    return error_set(err, BKF_E_NO_DEVICE, "the adapter was unplugged (injected fault)");
}

/* *gone_now: this very call is the one during which the cable goes. */
static bkf_status enter(struct fault *f, bool *gone_now, bkf_error *err)
{
    uint64_t ms = 0;
    *gone_now = false;
    if (f->gone)
        return unplugged(err);
    f->call++;
    if (due(f, STALL, &ms)) {
        f->stats->faults++;
        clock_sleep(&f->below.clock, ms * 1000);
    }
    if (due(f, KILL, NULL))
        raise(SIGKILL);
    if (due(f, TIMEOUT, NULL)) {
        f->stats->faults++;
        return error_set(err, BKF_E_TIMEOUT, "no answer in time (injected fault, call %llu)",
                         (unsigned long long)f->call);
    }
    if (due(f, UNPLUG, NULL)) {
        f->stats->faults++;
        f->gone = *gone_now = true;
        return unplugged(err);
    }
    return BKF_OK;
}

/* -- SPI ------------------------------------------------------------------------- */

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    return st ? st : spi_of(&f->below)->bind(f->below.spi.self, pins, n, err);
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    return st ? st : spi_of(&f->below)->setup(f->below.spi.self, mode, want, got, err);
}

/* The cable goes in the middle of a list: what was sent before happened. */
static void run_prefix(struct fault *f, const bkf_spi_step *steps, size_t n)
{
    size_t k = (size_t)(next_random(f) % (n + 1));
    if (!k)
        return;
    bkf_spi_step *copy = malloc(k * sizeof *copy);
    if (!copy)
        return;
    memcpy(copy, steps, k * sizeof *copy);
    for (size_t i = k; i-- > 0;) {
        if (copy[i].kind == BKF_STEP_XFER) {
            copy[i].flags = 0; /* an unpowered adapter lets chip select go */
            break;
        }
    }
    bkf_error ignored = BKF_ERROR_INIT;
    spi_of(&f->below)->run(f->below.spi.self, copy, k, &ignored);
    free(copy);
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    if (now)
        run_prefix(f, steps, n);
    if (st)
        return st;
    st = spi_of(&f->below)->run(f->below.spi.self, steps, n, err);
    for (size_t i = 0; !st && i < n; i++) {
        if (steps[i].kind == BKF_STEP_XFER)
            flip_bits(f, steps[i].rx, steps[i].len);
    }
    return st;
}

static size_t spi_max_len(void *self)
{
    const struct fault *f = self;
    return spi_max_len_of(&f->below);
}

static uint32_t spi_caps(void *self)
{
    const struct fault *f = self;
    return spi_caps_of(&f->below);
}

static bkf_status spi_park(void *self, uint32_t parked, bkf_error *err)
{
    struct fault *f = self;
    if (!spi_can_park(&f->below))
        return error_set(err, BKF_E_UNSUPPORTED, "this adapter cannot float its SPI pins");
    bool now;
    bkf_status st = enter(f, &now, err);
    return st ? st : spi_of(&f->below)->park(f->below.spi.self, parked, err);
}

static const bkf_spi_ops fault_spi_ops = {
    .struct_size = sizeof fault_spi_ops,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
    .park = spi_park,
};

/* -- GPIO ------------------------------------------------------------------------ */

static bkf_status gpio_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                             uint32_t *id, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    return st ? st : gpio_of(&f->below)->claim(f->below.gpio.self, line, drive, level, id, err);
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    return st ? st : gpio_of(&f->below)->set(f->below.gpio.self, id, level, err);
}

static bkf_status gpio_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    return st ? st : gpio_of(&f->below)->get(f->below.gpio.self, id, level, err);
}

static void gpio_drop(void *self, uint32_t id)
{
    struct fault *f = self;
    if (!f->gone)
        gpio_of(&f->below)->drop(f->below.gpio.self, id);
}

static const bkf_gpio_ops fault_gpio_ops = {
    .struct_size = sizeof fault_gpio_ops,
    .claim = gpio_claim,
    .set = gpio_set,
    .get = gpio_get,
    .drop = gpio_drop,
};

/* -- UART ------------------------------------------------------------------------ */

static bkf_status uart_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    return st ? st : uart_of(&f->below)->setup(f->below.uart.self, baud, got, err);
}

static bkf_status uart_write(void *self, const uint8_t *p, size_t len, uint32_t timeout_ms,
                             size_t *done, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    *done = 0;
    bkf_status st = enter(f, &now, err);
    if (now) { /* a part of it still went out */
        bkf_error ignored = BKF_ERROR_INIT;
        size_t part = (size_t)(next_random(f) % (len + 1)), sent = 0;
        if (part)
            uart_of(&f->below)->write(f->below.uart.self, p, part, timeout_ms, &sent, &ignored);
    }
    return st ? st : uart_of(&f->below)->write(f->below.uart.self, p, len, timeout_ms, done, err);
}

static bool happens(struct fault *f, enum kind kind)
{
    if (f->p[kind] <= 0 || uniform(f) >= f->p[kind])
        return false;
    f->stats->faults++;
    return true;
}

/* in[n] as the chip gets it: bytes lost and doubled; what does not fit waits in held. */
static size_t mangle(struct fault *f, const uint8_t *in, size_t n, uint8_t *out, size_t cap)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (happens(f, DROP))
            continue;
        int copies = happens(f, DUP) ? 2 : 1;
        while (copies--) {
            if (k < cap)
                out[k++] = in[i];
            else if (f->n_held < HELD_MAX)
                f->held[f->n_held++] = in[i];
        }
    }
    return k;
}

static size_t take_held(struct fault *f, uint8_t *p, size_t len)
{
    size_t k = f->n_held < len ? f->n_held : len;
    memcpy(p, f->held, k);
    memmove(f->held, f->held + k, f->n_held - k);
    f->n_held -= k;
    return k;
}

static bkf_status uart_read(void *self, uint8_t *p, size_t len, uint32_t timeout_ms, size_t *done,
                            bkf_error *err)
{
    struct fault *f = self;
    bool now;
    *done = 0;
    bkf_status st = enter(f, &now, err);
    if (st)
        return st;
    size_t have = take_held(f, p, len);
    size_t want = len - have, got = 0;
    bool cut = want > 1 && happens(f, SHORT);
    if (cut)
        want = 1 + (size_t)(next_random(f) % (want - 1));
    uint8_t *raw = malloc(want ? want : 1);
    if (!raw)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (want)
        st = uart_of(&f->below)->read(f->below.uart.self, raw, want, timeout_ms, &got, err);
    flip_bits(f, raw, got);
    *done = have + mangle(f, raw, got, p + have, len - have);
    free(raw);
    if (!st && *done < len && timeout_ms)
        st = error_set(err, BKF_E_TIMEOUT, "UART: %zu of %zu bytes came in time", *done, len);
    return st;
}

static bkf_status uart_purge(void *self, bkf_error *err)
{
    struct fault *f = self;
    bool now;
    bkf_status st = enter(f, &now, err);
    f->n_held = 0;
    return st ? st : uart_of(&f->below)->purge(f->below.uart.self, err);
}

static const bkf_uart_ops fault_uart_ops = {
    .struct_size = sizeof fault_uart_ops,
    .setup = uart_setup,
    .write = uart_write,
    .read = uart_read,
    .purge = uart_purge,
};

/* -- schedule ---------------------------------------------------------------------- */

static bkf_status bad_item(const char *item, const char *why, bkf_error *err)
{
    return error_set(err, BKF_E_PARAM,
                     "fault '%s': %s (unplug@N timeout@N kill@N stall@N:MS flip=P drop=P dup=P "
                     "short=P)",
                     item, why);
}

static bkf_status parse_event(struct fault *f, enum kind kind, const char *item, char *value,
                              bkf_error *err)
{
    struct event e = { kind, 0, 0 };
    char *colon = strchr(value, ':');
    if ((kind == STALL) != (colon != NULL))
        return bad_item(item, kind == STALL ? "needs call and milliseconds" : "takes no ':'", err);
    if (colon) {
        *colon = '\0';
        if (!num_parse_u64(colon + 1, &e.ms) || e.ms > 86400000)
            return bad_item(item, "bad number of milliseconds", err);
    }
    if (!num_parse_u64(value, &e.at) || !e.at)
        return bad_item(item, "bad call number, the first call is 1", err);
    if (f->n_events == EVENTS_MAX)
        return bad_item(item, "too many events", err);
    f->events[f->n_events++] = e;
    return BKF_OK;
}

static bkf_status parse_rate(struct fault *f, enum kind kind, const char *item, const char *value,
                             bkf_error *err)
{
    char *end;
    double p = strtod(value, &end);
    bool digits = *value >= '0' && *value <= '9';
    if (!digits || *end || !(p >= 0 && p <= 1))
        return bad_item(item, "a probability is a number from 0 to 1", err);
    f->p[kind] = p;
    return BKF_OK;
}

static bkf_status parse_item(struct fault *f, const char *item, bkf_error *err)
{
    char text[64];
    if (strlen(item) >= sizeof text)
        return bad_item(item, "too long", err);
    snprintf(text, sizeof text, "%s", item);
    char *sep = strpbrk(text, "@=");
    if (!sep)
        return bad_item(item, "needs '@' or '='", err);
    bool event = *sep == '@';
    *sep = '\0';
    for (int k = 0; k < KINDS; k++) {
        if (strcmp(text, kind_names[k]))
            continue;
        if (event != (k < FLIP))
            return bad_item(item, event ? "is a rate, write '='" : "is an event, write '@'", err);
        return event ? parse_event(f, (enum kind)k, item, sep + 1, err)
                     : parse_rate(f, (enum kind)k, item, sep + 1, err);
    }
    return bad_item(item, "unknown kind", err);
}

static bkf_status parse(struct fault *f, const char *spec, bkf_error *err)
{
    char *copy = strdup(spec), *rest = copy, *item;
    if (!copy)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    bkf_status st = BKF_OK;
    while (!st && (item = strsep(&rest, ",")))
        st = parse_item(f, item, err);
    free(copy);
    return st;
}

bkf_status fault_new(const struct link_ifaces *below, const char *spec, uint64_t seed,
                     struct link_stats *stats, struct fault **out, struct link_ifaces *ifaces,
                     bkf_error *err)
{
    struct fault *f = calloc(1, sizeof *f);
    if (!f)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    f->below = *below;
    f->stats = stats;
    f->rng = seed;
    bkf_status st = parse(f, spec, err);
    if (st) {
        free(f);
        return st;
    }
    plan_flip(f);
    *ifaces = *below;
    if (below->spi.ops)
        ifaces->spi = (bkf_iface){ &fault_spi_ops, f };
    if (below->gpio.ops)
        ifaces->gpio = (bkf_iface){ &fault_gpio_ops, f };
    if (below->uart.ops)
        ifaces->uart = (bkf_iface){ &fault_uart_ops, f };
    *out = f;
    return BKF_OK;
}

void fault_free(struct fault *f)
{
    free(f);
}
