/* kit_spi.c - points of bkflash.spi/1. */
#include "kit_unit.h"
#include <stdlib.h>
#include <string.h>

static const bkf_spi_ops *spi_of(const struct unit *b)
{
    return b->spi.ops;
}

static const char *line_with(const bkf_adapter_class *c, uint32_t role)
{
    for (const bkf_line_spec *l = c->lines; l->name; l++)
        if (l->roles & role)
            return l->name;
    return NULL;
}

static bool spi_take(struct unit *b)
{
    if (!unit_take(b, BKF_IFACE_SPI, &b->spi))
        return false;
    const bkf_spi_ops *s = spi_of(b);
    if (s->struct_size < offsetof(bkf_spi_ops, caps) + sizeof s->caps || !s->bind || !s->setup ||
        !s->run || !s->max_len || !s->caps) {
        verdict_fail(b->v, "bkflash.spi/1: struct_size is too small or a member is NULL");
        return false;
    }
    return true;
}

/* Bound and set up, ready to run. */
static bool spi_ready(struct unit *b)
{
    bkf_pin pins[4] = { { "sck", line_with(b->k->adapter, BKF_ROLE_SCK) },
                        { "mosi", line_with(b->k->adapter, BKF_ROLE_MOSI) },
                        { "miso", line_with(b->k->adapter, BKF_ROLE_MISO) },
                        { "cs0", line_with(b->k->adapter, BKF_ROLE_CS) } };
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got = 0;
    if (!spi_take(b))
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!pins[i].line) {
            verdict_fail(b->v, "no line of the table has the role for %s", pins[i].signal);
            return false;
        }
    if (spi_of(b)->bind(b->spi.self, pins, 4, &err) != BKF_OK)
        verdict_fail(b->v, "bind to the lines of its own table: %s", err.message);
    else if (spi_of(b)->setup(b->spi.self, 0, 0, &got, &err) != BKF_OK)
        verdict_fail(b->v, "setup(mode 0, any clock): %s", err.message);
    else if (got == 0)
        verdict_fail(b->v, "setup does not say the clock it set");
    else
        return true;
    return false;
}

static void spi_bind_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    bkf_error err = BKF_ERROR_INIT;
    const bkf_pin pins[] = { { "sck", "no-such-line" } };
    if (!unit_start(&b, k, v) || !spi_take(&b))
        return;
    kit_failed_well(v, "bind to an unknown line", spi_of(&b)->bind(b.spi.self, pins, 1, &err),
                    &err);
    unit_end(&b);
}

static void spi_setup_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    uint32_t top = 0, got = 0;
    bkf_error err = BKF_ERROR_INIT;
    if (!unit_start(&b, k, v) || !spi_ready(&b))
        return;
    const bkf_spi_ops *s = spi_of(&b);
    MUST(v, s->setup(b.spi.self, 0, 0, &top, &err) == BKF_OK, "setup: %s", err.message);
    bkf_status st = s->setup(b.spi.self, 0, top / 2 + 1, &got, &err);
    MUST(v, st == BKF_OK || st == BKF_E_UNSUPPORTED, "setup at half the clock: %s", err.message);
    MUST(v, st != BKF_OK || (got > 0 && got <= top / 2 + 1),
         "setup was asked for at most %u Hz and set %u Hz", top / 2 + 1, got);
    MUST(v, st == BKF_OK || got > top / 2 + 1,
         "setup refused %u Hz as too slow, but gives %u Hz as the slowest", top / 2 + 1, got);
    got = 0;
    err = (bkf_error)BKF_ERROR_INIT;
    st = s->setup(b.spi.self, 0, 1, &got, &err);
    MUST(v, st == BKF_OK ? got <= 1 : st == BKF_E_UNSUPPORTED && got > 1,
         "setup at 1 Hz: %s with %u Hz; too slow is BKF_E_UNSUPPORTED with the slowest rate",
         status_name(st), got);
    err = (bkf_error)BKF_ERROR_INIT;
    kit_failed_well(v, "setup of SPI mode 7", s->setup(b.spi.self, 7, 0, &got, &err), &err);
    unit_end(&b);
}

static bkf_status one_xfer(const struct unit *b, const uint8_t *tx, uint8_t *rx, size_t n,
                           uint32_t flags, bkf_error *err)
{
    const bkf_spi_step s = { .kind = BKF_STEP_XFER, .flags = flags, .tx = tx, .rx = rx, .len = n };
    return spi_of(b)->run(b->spi.self, &s, 1, err);
}

/* What is on the wire may be a flash: then every frame is a harmless RDID. */
static uint8_t pattern(const struct kit *k, size_t at, size_t run)
{
    return at == 0 && !k->loopback ? 0x9F : (uint8_t)(at * 7 + run);
}

static void spi_lengths_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    enum { GUARD = 64, CAP = 300000 };
    if (!unit_start(&b, k, v) || !spi_ready(&b))
        return;
    size_t max = spi_of(&b)->max_len(b.spi.self), most = max && max < CAP ? max : CAP;
    const size_t lengths[] = { 0, 1, 2, 31, 32, 33, 255, 256, 4096, most };
    uint8_t *tx = malloc(most + GUARD), *rx = malloc(most + GUARD);
    MUST(v, tx && rx, "out of memory");
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        size_t n = lengths[i] < most ? lengths[i] : most;
        bkf_error err = BKF_ERROR_INIT;
        for (size_t c = 0; c < most + GUARD; c++)
            tx[c] = pattern(k, c, i);
        memset(rx, 0xEE, most + GUARD);
        MUST(v, one_xfer(&b, tx, rx, n, 0, &err) == BKF_OK, "a transfer of %zu bytes: %s", n,
             err.message);
        for (size_t c = n; c < n + GUARD; c++)
            MUST(v, rx[c] == 0xEE, "a transfer of %zu bytes wrote past its buffer", n);
        for (size_t c = 0; c < most + GUARD; c++)
            MUST(v, tx[c] == pattern(k, c, i), "a transfer changed what it sends");
        if (k->loopback)
            MUST(v, memcmp(tx, rx, n) == 0, "looped back, %zu bytes came back changed", n);
        MUST(v, one_xfer(&b, NULL, rx, n, 0, &err) == BKF_OK, "tx NULL: %s", err.message);
        MUST(v, one_xfer(&b, tx, NULL, n, 0, &err) == BKF_OK, "rx NULL: %s", err.message);
    }
    bkf_error err = BKF_ERROR_INIT;
    MUST(v, spi_of(&b)->run(b.spi.self, NULL, 0, &err) == BKF_OK, "run of no steps: %s",
         err.message);
    if (max && max <= CAP) { /* the host never does this; refuse it or do it, but survive */
        uint8_t *big = calloc(2, max);
        bkf_status st = big ? one_xfer(&b, big, big + max, max, 0, &err) : BKF_E_NOMEM;
        MUST(v, st == BKF_OK, "a transfer of max_len() bytes: %s", err.message);
        err = (bkf_error)BKF_ERROR_INIT;
        st = one_xfer(&b, big, NULL, max + 1, 0, &err);
        if (st != BKF_OK)
            kit_failed_well(v, "a transfer over max_len()", st, &err);
        free(big);
    }
    free(tx);
    free(rx);
    unit_end(&b);
}

static void spi_steps_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    bkf_error err = BKF_ERROR_INIT;
    const bkf_spi_step odd = { .kind = 99 };
    const bkf_spi_step line = { .kind = BKF_STEP_LINE, .line = 0xFFFFFF, .value = 1 };
    if (!unit_start(&b, k, v) || !spi_ready(&b))
        return;
    if (!kit_failed_well(v, "an unknown kind of step", spi_of(&b)->run(b.spi.self, &odd, 1, &err),
                         &err))
        return;
    err = (bkf_error)BKF_ERROR_INIT;
    kit_failed_well(v, "a step on a line that is not claimed",
                    spi_of(&b)->run(b.spi.self, &line, 1, &err), &err);
    uint32_t caps = spi_of(&b)->caps(b.spi.self);
    MUST(v, !(caps & ~7u), "caps() has unknown bits: 0x%X", caps);
    unit_end(&b);
}

static void spi_held_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    uint8_t tx[16] = { 0x9F }, whole[16], parts[16];
    bkf_error err = BKF_ERROR_INIT;
    if (!unit_start(&b, k, v) || !spi_ready(&b))
        return;
    if (!k->loopback && !k->flash && !unit_has_clock(&b)) {
        verdict_skip(v, "needs --loopback, --flash or a virtual adapter");
        return;
    }
    MUST(v, one_xfer(&b, tx, whole, sizeof tx, 0, &err) == BKF_OK, "transfer: %s", err.message);
    for (size_t i = 0; i < sizeof tx; i++)
        MUST(v,
             one_xfer(&b, tx + i, parts + i, 1, i + 1 < sizeof tx ? BKF_SPI_HOLD_CS : 0, &err) ==
                 BKF_OK,
             "held transfer: %s", err.message);
    MUST(v, memcmp(whole, parts, sizeof whole) == 0,
         "one frame in 16 held transfers reads differently from one transfer");
    MUST(v, one_xfer(&b, NULL, NULL, 0, BKF_SPI_HOLD_CS, &err) == BKF_OK,
         "asserting CS with an empty transfer: %s", err.message);
    MUST(v, one_xfer(&b, NULL, NULL, 0, 0, &err) == BKF_OK, "releasing CS again: %s", err.message);
    unit_end(&b);
}

static void spi_keeps_lines_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    const char *name;
    uint32_t id, got;
    uint8_t buf[600];
    memset(buf, 0x5A, sizeof buf);
    if (!unit_start(&b, k, v) || !unit_take(&b, BKF_IFACE_GPIO, &b.gpio) || !spi_ready(&b) ||
        !gpio_claim_any(&b, 0, &name, &id))
        return;
    for (uint32_t i = 0; i < 6; i++) {
        bkf_error err = BKF_ERROR_INIT;
        uint32_t level = i & 1;
        MUST(v, gpio_of(&b)->set(b.gpio.self, id, level, &err) == BKF_OK, "set: %s", err.message);
        MUST(v, one_xfer(&b, buf, buf, i < 3 ? 1 : sizeof buf, 0, &err) == BKF_OK, "transfer: %s",
             err.message);
        MUST(v, gpio_of(&b)->get(b.gpio.self, id, &got, &err) == BKF_OK, "get: %s", err.message);
        MUST(v, got == level, "claimed line %s went from %u to %u during an SPI transfer", name,
             level, got);
    }
    unit_end(&b);
}

void spi_points(struct kit *k)
{
    kit_point(k, "spi.bind", spi_bind_point);
    kit_point(k, "spi.setup", spi_setup_point);
    kit_point(k, "spi.lengths", spi_lengths_point);
    kit_point(k, "spi.steps", spi_steps_point);
    kit_point(k, "spi.held-select", spi_held_point);
    kit_point(k, "spi.keeps-lines", spi_keeps_lines_point);
}
