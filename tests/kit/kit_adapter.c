/* kit_adapter.c - points of an adapter class.  Without a unit attached only the first ones
 * can be tried; the others are skipped and say so. */
#include "kit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NO_UNIT "no-such-unit-7f3a"
enum { CHURN = 100, HEAP_SLACK = 1024 };

struct bench { /* one open unit */
    struct kit *k;
    struct verdict *v;
    struct kit_host host;
    struct props *props;
    bkf_adapter *a;
    bkf_iface spi, gpio, uart, clock;
};

/* -- opening ---------------------------------------------------------------------------- */

static bool bench_props(struct bench *b, struct kit *k, struct verdict *v)
{
    *b = (struct bench){ .k = k, .v = v };
    kit_host_init(&b->host, v, NULL);
    return kit_props(k, k->adapter->props, k->adapter->name, &b->props, v);
}

static bkf_status try_open(struct bench *b, const char *unit, bkf_error *err)
{
    b->a = NULL;
    return b->k->adapter->open(&b->host.host, unit, props_view(b->props), &b->a, err);
}

static bool bench_open(struct bench *b)
{
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = try_open(b, b->k->unit, &err);
    if (st == BKF_OK) {
        if (!b->a)
            verdict_fail(b->v, "open returned BKF_OK without an adapter");
        return b->a != NULL;
    }
    if (kit_failed_well(b->v, "open", st, &err))
        verdict_skip(b->v, "no unit can be opened: %s", err.message);
    return false;
}

static bool bench_start(struct bench *b, struct kit *k, struct verdict *v)
{
    return bench_props(b, k, v) && bench_open(b);
}

static void bench_end(struct bench *b)
{
    if (b->a)
        b->k->adapter->close(b->a);
    props_free(b->props);
    b->a = NULL;
}

/* Takes an interface; false with a SKIP when the class does not offer it. */
static bool bench_take(struct bench *b, const char *id, bkf_iface *out)
{
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = b->k->adapter->acquire(b->a, id, out, &err);
    if (st == BKF_OK && !out->ops)
        verdict_fail(b->v, "acquire(%s) returned BKF_OK without ops", id);
    else if (st == BKF_E_UNSUPPORTED && kit_failed_well(b->v, "acquire", st, &err))
        verdict_skip(b->v, "%s is not offered", id);
    else if (st != BKF_OK && kit_failed_well(b->v, "acquire", st, &err))
        verdict_fail(b->v, "acquire(%s): %s", id, err.message);
    return st == BKF_OK && out->ops;
}

static bool start_with(struct bench *b, struct kit *k, struct verdict *v, const char *id,
                       bkf_iface *out)
{
    return bench_start(b, k, v) && bench_take(b, id, out);
}

static uint64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* -- class functions ------------------------------------------------------------------------ */

struct listing {
    struct verdict *v;
    unsigned n;
};
static void found_unit(void *ud, const char *path, const char *label)
{
    struct listing *l = ud;
    l->n++;
    if (!path || !path[0] || !label || !label[0])
        verdict_fail(l->v, "list reported a unit without a path or label");
    else if (strlen(path) > 255 || strpbrk(path, "\r\n") || strpbrk(label, "\r\n"))
        verdict_fail(l->v, "list reported a path or label that is not one line");
}

static void list_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    struct listing l = { v, 0 };
    bkf_error err = BKF_ERROR_INIT;
    kit_host_init(&b.host, v, NULL);
    bkf_status st = k->adapter->list(&b.host.host, found_unit, &l, &err);
    if (st != BKF_OK)
        kit_failed_well(v, "list", st, &err);
    struct usage before, after;
    usage_take(&before);
    for (int i = 0; i < 20; i++)
        k->adapter->list(&b.host.host, found_unit, &l, &err);
    usage_take(&after);
    MUST(v, after.fds <= before.fds, "list leaves files open (%zu more after 20 calls)",
         after.fds - before.fds);
    MUST(v, after.heap <= before.heap + HEAP_SLACK, "list leaks memory (%zu bytes in 20 calls)",
         after.heap - before.heap);
}

static bool has_clock(const struct bench *b)
{
    bkf_iface i;
    bkf_error err = BKF_ERROR_INIT;
    return b->k->adapter->acquire(b->a, BKF_IFACE_CLOCK, &i, &err) == BKF_OK;
}

static void unknown_unit_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    bkf_error err = BKF_ERROR_INIT;
    if (!bench_props(&b, k, v))
        return;
    bkf_status st = try_open(&b, NO_UNIT, &err);
    if (st == BKF_OK && b.a && has_clock(&b)) {
        verdict_skip(v, "a virtual adapter may take any unit name");
        bench_end(&b);
        return;
    }
    if (kit_failed_well(v, "open of a unit that does not exist", st, &err))
        MUST(v, !b.a, "open failed, but left an adapter behind");
    bench_end(&b);
}

/* Callers of another age hand in a shorter record, or none. */
static void error_record_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    union {
        bkf_error err;
        unsigned char bytes[sizeof(bkf_error)];
    } u;
    if (!bench_props(&b, k, v))
        return;
    memset(&u, 0xA5, sizeof u);
    u.err.struct_size = offsetof(bkf_error, message);
    if (try_open(&b, NO_UNIT, &u.err) == BKF_OK) {
        verdict_skip(v, "a virtual adapter may take any unit name");
        bench_end(&b);
        return;
    }
    for (size_t i = offsetof(bkf_error, message); i < sizeof u; i++)
        MUST(v, u.bytes[i] == 0xA5,
             "open wrote into an error record past its struct_size; test BKF_HAS(bkf_error, err, "
             "message) first");
    try_open(&b, NO_UNIT, NULL); /* crashes if it does not look */
    bench_end(&b);
}

static void garbage_point(struct kit *k, struct verdict *v)
{
    static const char *const junk[] = { "/dev/null/none", "\xff\xfe", "%s%n%s", "-1", "a b c" };
    char longest[5001];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    size_t own = k->n_options;
    MUST(v, chdir(k->scratch) == 0, "no scratch folder");
    for (const bkf_prop_spec *p = k->adapter->props; p->key; p++) {
        if (p->type != BKF_PROP_STRING || own == ARRAY_LEN(k->options))
            continue;
        for (size_t i = 0; i <= ARRAY_LEN(junk); i++) {
            struct bench b;
            bkf_error err = BKF_ERROR_INIT;
            k->options[own] = (struct option){ p->key, i < ARRAY_LEN(junk) ? junk[i] : longest };
            k->n_options = own + 1;
            if (!bench_props(&b, k, v))
                return;
            bkf_status st = try_open(&b, k->unit, &err);
            if (st != BKF_OK && !kit_failed_well(v, "open with a bad option", st, &err))
                return;
            bench_end(&b);
        }
    }
    k->n_options = own;
}

static void churn_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    struct usage before = { 0 }, after;
    if (!bench_props(&b, k, v))
        return;
    for (int i = 0; i < CHURN + 10; i++) {
        if (i == 10)
            usage_take(&before); /* libraries have filled their caches by now */
        bkf_error err = BKF_ERROR_INIT;
        bkf_iface f;
        bkf_status st = try_open(&b, k->unit, &err);
        if (st == BKF_OK) {
            static const char *const ids[] = { BKF_IFACE_GPIO, BKF_IFACE_SPI, BKF_IFACE_UART };
            for (size_t n = 0; n < ARRAY_LEN(ids); n++)
                if (k->adapter->acquire(b.a, ids[n], &f, &err) == BKF_OK)
                    k->adapter->release(b.a, ids[n]);
            k->adapter->close(b.a);
        } else if (!kit_failed_well(v, "open", st, &err)) {
            return;
        }
        MUST(v, st != BKF_OK || b.a, "open returned BKF_OK without an adapter");
    }
    usage_take(&after);
    MUST(v, after.fds <= before.fds, "%d times open and close left %zu files open", CHURN,
         after.fds - before.fds);
    MUST(v, after.threads <= before.threads, "%d times open and close left %zu threads", CHURN,
         after.threads - before.threads);
    MUST(v, after.heap <= before.heap + HEAP_SLACK, "%d times open and close leaked %zu bytes",
         CHURN, after.heap - before.heap);
    props_free(b.props);
}

static void two_point(struct kit *k, struct verdict *v)
{
    struct bench one, two;
    if (!bench_start(&one, k, v))
        return;
    if (!bench_props(&two, k, v))
        return;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = try_open(&two, k->unit, &err);
    if (st == BKF_OK) {
        MUST(v, two.a && two.a != one.a, "two hosts got the same adapter object");
        bench_end(&two);
    } else if (kit_failed_well(v, "second open", st, &err)) {
        MUST(v, st == BKF_E_BUSY || st == BKF_E_ACCESS || st == BKF_E_NO_DEVICE,
             "the second open of one unit says %s, not BKF_E_BUSY", status_name(st));
    }
    bkf_iface f; /* the first one still works */
    st = k->adapter->acquire(one.a, "com.example.none/1", &f, &err);
    MUST(v, st == BKF_E_UNSUPPORTED, "after a second open and close the first unit answers %s",
         status_name(st));
    bench_end(&one);
}

static void unit_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    if (!BKF_HAS(bkf_adapter_class, k->adapter, unit) || !k->adapter->unit) {
        verdict_skip(v, "the class has no unit()");
        return;
    }
    if (!bench_start(&b, k, v))
        return;
    const char *name = k->adapter->unit(b.a);
    MUST(v, name && name[0] && strlen(name) < 256 && !strpbrk(name, "\r\n"),
         "unit() gives no one-line name");
    MUST(v, strcmp(name, k->adapter->unit(b.a)) == 0, "unit() changes its answer");
    bench_end(&b);
}

static void unknown_iface_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    bkf_iface f = { NULL, NULL };
    bkf_error err = BKF_ERROR_INIT;
    if (!bench_start(&b, k, v))
        return;
    bkf_status st = k->adapter->acquire(b.a, "com.example.none/1", &f, &err);
    if (kit_failed_well(v, "acquire of an unknown interface", st, &err))
        MUST(v, st == BKF_E_UNSUPPORTED,
             "acquire of an unknown interface says %s, not "
             "BKF_E_UNSUPPORTED",
             status_name(st));
    k->adapter->release(b.a, "com.example.none/1"); /* harmless */
    bench_end(&b);
}

static void offers_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    bkf_iface f;
    bkf_error err = BKF_ERROR_INIT;
    if (!bench_start(&b, k, v))
        return;
    bool any = k->adapter->acquire(b.a, BKF_IFACE_SPI, &f, &err) == BKF_OK;
    any |= k->adapter->acquire(b.a, BKF_IFACE_UART, &f, &err) == BKF_OK;
    MUST(v, any, "it offers neither %s nor %s: no chip can be reached", BKF_IFACE_SPI,
         BKF_IFACE_UART);
    bench_end(&b);
}

/* -- GPIO ------------------------------------------------------------------------------------ */

static const bkf_gpio_ops *gpio_of(const struct bench *b)
{
    return b->gpio.ops;
}

static bool gpio_start(struct bench *b, struct kit *k, struct verdict *v)
{
    if (!start_with(b, k, v, BKF_IFACE_GPIO, &b->gpio))
        return false;
    const bkf_gpio_ops *g = gpio_of(b);
    if (g->struct_size < offsetof(bkf_gpio_ops, drop) + sizeof g->drop || !g->claim || !g->set ||
        !g->get || !g->drop) {
        verdict_fail(v, "bkflash.gpio/1: struct_size is too small or a member is NULL");
        return false;
    }
    return true;
}

/* The first line that can be claimed as an output and is not one of SPI's. */
static bool claim_any(struct bench *b, uint32_t level, const char **name, uint32_t *id)
{
    char why[200] = "no line is an output";
    const uint32_t spi = BKF_ROLE_SCK | BKF_ROLE_MOSI | BKF_ROLE_MISO | BKF_ROLE_CS;
    for (int pass = 0; pass < 2; pass++)
        for (const bkf_line_spec *l = b->k->adapter->lines; l->name; l++) {
            bkf_error err = BKF_ERROR_INIT;
            uint32_t drive = l->roles & BKF_ROLE_OUT ? BKF_LINE_PUSH_PULL : BKF_LINE_OPEN_DRAIN;
            if (!(l->roles & (BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN)) || !(l->roles & spi) != !pass)
                continue;
            bkf_status st = gpio_of(b)->claim(b->gpio.self, l->name, drive, level, id, &err);
            if (st == BKF_OK) {
                *name = l->name;
                return true;
            }
            if (!kit_failed_well(b->v, "claim", st, &err))
                return false;
            snprintf(why, sizeof why, "%.199s", err.message);
        }
    verdict_skip(b->v, "no output line can be claimed: %s", why);
    return false;
}

static void gpio_levels_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    const char *name;
    uint32_t id, got;
    if (!gpio_start(&b, k, v) || !claim_any(&b, 0, &name, &id))
        return;
    for (uint32_t level = 0; level < 4; level++) {
        bkf_error err = BKF_ERROR_INIT;
        got = 99;
        MUST(v, gpio_of(&b)->set(b.gpio.self, id, level & 1, &err) == BKF_OK, "set(%s): %s", name,
             err.message);
        MUST(v, gpio_of(&b)->get(b.gpio.self, id, &got, &err) == BKF_OK, "get(%s): %s", name,
             err.message);
        MUST(v, got == (level & 1), "line %s was set to %u and reads %u", name, level & 1, got);
    }
    gpio_of(&b)->drop(b.gpio.self, id);
    bench_end(&b);
}

static void gpio_claim_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    const char *name;
    uint32_t id, again;
    bkf_error err = BKF_ERROR_INIT;
    if (!gpio_start(&b, k, v) || !claim_any(&b, 1, &name, &id))
        return;
    bkf_status st =
        gpio_of(&b)->claim(b.gpio.self, "no-such-line", BKF_LINE_PUSH_PULL, 0, &again, &err);
    if (!kit_failed_well(v, "claim of an unknown line", st, &err))
        return;
    err = (bkf_error)BKF_ERROR_INIT;
    st = gpio_of(&b)->claim(b.gpio.self, name, BKF_LINE_PUSH_PULL, 0, &again, &err);
    if (!kit_failed_well(v, "a second claim of one line", st, &err))
        return;
    err = (bkf_error)BKF_ERROR_INIT;
    st = gpio_of(&b)->set(b.gpio.self, 0xFFFFFF, 1, &err);
    if (!kit_failed_well(v, "set of an id that was never given", st, &err))
        return;
    gpio_of(&b)->drop(b.gpio.self, id);
    gpio_of(&b)->drop(b.gpio.self, 0xFFFFFF); /* harmless */
    err = (bkf_error)BKF_ERROR_INIT;
    st = gpio_of(&b)->set(b.gpio.self, id, 1, &err);
    if (!kit_failed_well(v, "set of a dropped line", st, &err))
        return;
    MUST(v,
         gpio_of(&b)->claim(b.gpio.self, name, BKF_LINE_OPEN_DRAIN, 1, &id, &err) == BKF_OK ||
             gpio_of(&b)->claim(b.gpio.self, name, BKF_LINE_PUSH_PULL, 1, &id, &err) == BKF_OK,
         "line %s cannot be claimed again after drop", name);
    bench_end(&b);
}

/* -- SPI -------------------------------------------------------------------------------------- */

static const bkf_spi_ops *spi_of(const struct bench *b)
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

static bool spi_take(struct bench *b)
{
    if (!bench_take(b, BKF_IFACE_SPI, &b->spi))
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
static bool spi_ready(struct bench *b)
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
    struct bench b;
    bkf_error err = BKF_ERROR_INIT;
    const bkf_pin pins[] = { { "sck", "no-such-line" } };
    if (!bench_start(&b, k, v) || !spi_take(&b))
        return;
    kit_failed_well(v, "bind to an unknown line", spi_of(&b)->bind(b.spi.self, pins, 1, &err),
                    &err);
    bench_end(&b);
}

static void spi_setup_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    uint32_t top = 0, got = 0;
    bkf_error err = BKF_ERROR_INIT;
    if (!bench_start(&b, k, v) || !spi_ready(&b))
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
    bench_end(&b);
}

static bkf_status one_xfer(const struct bench *b, const uint8_t *tx, uint8_t *rx, size_t n,
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
    struct bench b;
    enum { GUARD = 64, CAP = 300000 };
    if (!bench_start(&b, k, v) || !spi_ready(&b))
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
    bench_end(&b);
}

static void spi_steps_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    bkf_error err = BKF_ERROR_INIT;
    const bkf_spi_step odd = { .kind = 99 };
    const bkf_spi_step line = { .kind = BKF_STEP_LINE, .line = 0xFFFFFF, .value = 1 };
    if (!bench_start(&b, k, v) || !spi_ready(&b))
        return;
    if (!kit_failed_well(v, "an unknown kind of step", spi_of(&b)->run(b.spi.self, &odd, 1, &err),
                         &err))
        return;
    err = (bkf_error)BKF_ERROR_INIT;
    kit_failed_well(v, "a step on a line that is not claimed",
                    spi_of(&b)->run(b.spi.self, &line, 1, &err), &err);
    uint32_t caps = spi_of(&b)->caps(b.spi.self);
    MUST(v, !(caps & ~7u), "caps() has unknown bits: 0x%X", caps);
    bench_end(&b);
}

static void spi_held_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    uint8_t tx[16] = { 0x9F }, whole[16], parts[16];
    bkf_error err = BKF_ERROR_INIT;
    if (!bench_start(&b, k, v) || !spi_ready(&b))
        return;
    if (!k->loopback && !k->flash && !has_clock(&b)) {
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
    bench_end(&b);
}

static void spi_keeps_lines_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    const char *name;
    uint32_t id, got;
    uint8_t buf[600];
    memset(buf, 0x5A, sizeof buf);
    if (!bench_start(&b, k, v) || !bench_take(&b, BKF_IFACE_GPIO, &b.gpio) || !spi_ready(&b) ||
        !claim_any(&b, 0, &name, &id))
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
    bench_end(&b);
}

/* -- UART ---------------------------------------------------------------------------------------
 */

static const bkf_uart_ops *uart_of(const struct bench *b)
{
    return b->uart.ops;
}

static bool uart_start(struct bench *b, struct kit *k, struct verdict *v)
{
    if (!start_with(b, k, v, BKF_IFACE_UART, &b->uart))
        return false;
    const bkf_uart_ops *u = uart_of(b);
    if (u->struct_size < offsetof(bkf_uart_ops, purge) + sizeof u->purge || !u->setup ||
        !u->write || !u->read || !u->purge) {
        verdict_fail(v, "bkflash.uart/1: struct_size is too small or a member is NULL");
        return false;
    }
    return true;
}

static bool uart_ready(struct bench *b, uint32_t baud)
{
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got = 0;
    if (uart_of(b)->setup(b->uart.self, baud, &got, &err) != BKF_OK)
        verdict_fail(b->v, "setup(%u baud): %s", baud, err.message);
    else if (got < baud - baud / 20 || got > baud + baud / 20)
        verdict_fail(b->v, "setup(%u baud) says it set %u", baud, got);
    else
        return true;
    return false;
}

static void uart_setup_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    uint32_t got;
    bkf_error err = BKF_ERROR_INIT;
    if (!uart_start(&b, k, v) || !uart_ready(&b, 115200))
        return;
    uint32_t fast = 0;
    bkf_status st = uart_of(&b)->setup(b.uart.self, 921600, &fast, &err);
    if (st != BKF_OK && !kit_failed_well(v, "setup of 921600 baud", st, &err))
        return;
    MUST(v, st != BKF_OK || fast > 0, "setup does not say the rate it set");
    err = (bkf_error)BKF_ERROR_INIT;
    kit_failed_well(v, "setup of 0 baud", uart_of(&b)->setup(b.uart.self, 0, &got, &err), &err);
    bench_end(&b);
}

static void uart_timeout_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    uint8_t buf[64];
    size_t done;
    if (!uart_start(&b, k, v) || !uart_ready(&b, 115200))
        return;
    const uint32_t waits[] = { 0, 20, 100 };
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        bkf_error err = BKF_ERROR_INIT;
        MUST(v, uart_of(&b)->purge(b.uart.self, &err) == BKF_OK, "purge: %s", err.message);
        done = 777;
        uint64_t start = real_ms();
        bkf_status st = uart_of(&b)->read(b.uart.self, buf, sizeof buf, waits[i], &done, &err);
        uint64_t took = real_ms() - start;
        MUST(v, done <= sizeof buf, "read did not set *done (status %s)", status_name(st));
        MUST(v, took < waits[i] + 1000, "read with a timeout of %u ms took %llu ms", waits[i],
             (unsigned long long)took);
        if (waits[i] == 0)
            MUST(v, st == BKF_OK, "read with timeout 0 says %s; it returns what is there",
                 status_name(st));
        else if (done < sizeof buf && kit_failed_well(v, "read of a silent line", st, &err))
            MUST(v, st == BKF_E_TIMEOUT, "read of a silent line says %s, not BKF_E_TIMEOUT",
                 status_name(st));
        if (v->kind == FAIL)
            return;
    }
    bkf_error err = BKF_ERROR_INIT;
    done = 777;
    MUST(v, uart_of(&b)->write(b.uart.self, buf, 0, 100, &done, &err) == BKF_OK && done == 0,
         "write of no bytes: %s, done %zu", err.message, done);
    bench_end(&b);
}

static void uart_loopback_point(struct kit *k, struct verdict *v)
{
    struct bench b;
    uint8_t out[600], in[600];
    size_t done = 0;
    bkf_error err = BKF_ERROR_INIT;
    if (!k->loopback) {
        verdict_skip(v, "needs --loopback");
        return;
    }
    if (!uart_start(&b, k, v) || !uart_ready(&b, 115200))
        return;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 31);
    uart_of(&b)->purge(b.uart.self, &err);
    MUST(v, uart_of(&b)->write(b.uart.self, out, sizeof out, 2000, &done, &err) == BKF_OK,
         "write: %s", err.message);
    MUST(v, done == sizeof out, "write of %zu bytes says BKF_OK and done %zu", sizeof out, done);
    MUST(v, uart_of(&b)->read(b.uart.self, in, sizeof in, 2000, &done, &err) == BKF_OK, "read: %s",
         err.message);
    MUST(v, done == sizeof in && memcmp(in, out, sizeof in) == 0, "looped back bytes differ");
    bench_end(&b);
}

void adapter_points(struct kit *k)
{
    kit_point(k, "adapter.list", list_point);
    kit_point(k, "adapter.unknown-unit", unknown_unit_point);
    kit_point(k, "adapter.error-record", error_record_point);
    kit_point(k, "adapter.bad-options", garbage_point);
    kit_point(k, "adapter.churn", churn_point);
    kit_point(k, "adapter.two-hosts", two_point);
    kit_point(k, "adapter.unit", unit_point);
    kit_point(k, "adapter.unknown-interface", unknown_iface_point);
    kit_point(k, "adapter.offers", offers_point);
    kit_point(k, "gpio.claim", gpio_claim_point);
    kit_point(k, "gpio.levels", gpio_levels_point);
    kit_point(k, "spi.bind", spi_bind_point);
    kit_point(k, "spi.setup", spi_setup_point);
    kit_point(k, "spi.lengths", spi_lengths_point);
    kit_point(k, "spi.steps", spi_steps_point);
    kit_point(k, "spi.held-select", spi_held_point);
    kit_point(k, "spi.keeps-lines", spi_keeps_lines_point);
    kit_point(k, "uart.setup", uart_setup_point);
    kit_point(k, "uart.timeout", uart_timeout_point);
    kit_point(k, "uart.loopback", uart_loopback_point);
}
