/* replay.c - the adapter class "replay": answers from a recorded trace, and stops at the
 * first call that differs from what was recorded.
 *
 * Lines are named like signals; the trace's own pad table says which recorded line that
 * was and whether it was inverted, so a trace taken on any adapter replays. */
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 32, TRACE_MAX = 1 << 30 };
struct replay { /* what struct bkf_adapter is to this class */
    char *path;
    uint8_t *text;
    struct trace_reader reader;
    struct trace_record rec; /* the next one */
    bool have;               /* rec is valid */
    uint64_t now;
    bkf_error failed; /* first divergence; every later call repeats it */
    struct strbuf call;
    uint32_t inverted_ids[LINES_MAX]; /* recorded ids whose level is the other way round */
    size_t n_inverted;
};

static bkf_status diverged(struct replay *r, bkf_error *err)
{
    return error_set(err, r->failed.status, "%s", r->failed.message);
}

/* Loads the next record; at the end have is false. */
static void advance(struct replay *r)
{
    if (r->failed.status)
        return;
    int32_t k = trace_next(&r->reader, &r->rec, &r->failed);
    r->have = k == 1;
}

/* A sleep that the present program does not do is no divergence. */
static void skip_sleeps(struct replay *r)
{
    while (r->have && r->rec.op.n == 5 && !memcmp(r->rec.op.p, "sleep", 5)) {
        if (r->now < r->rec.t + r->rec.dt)
            r->now = r->rec.t + r->rec.dt;
        advance(r);
    }
}

static int cut(size_t n)
{
    return n > 120 ? 120 : (int)n;
}

static bkf_status report(struct replay *r, bkf_error *err)
{
    const char *got = r->call.data ? r->call.data : "";
    size_t n = strlen(got), same = 0;
    if (!r->have) {
        error_set(&r->failed, BKF_E_MISMATCH,
                  "%s: the trace ends at line %zu, but the program goes on with '%.*s'", r->path,
                  r->reader.line, cut(n), got);
        return diverged(r, err);
    }
    while (same < n && same < r->rec.call.n && got[same] == r->rec.call.p[same])
        same++;
    size_t from = same > 40 ? same - 40 : 0;
    error_set(&r->failed, BKF_E_MISMATCH,
              "%s:%zu: record %llu differs at character %zu: recorded '%s%.*s', now '%s%.*s'",
              r->path, r->rec.line, (unsigned long long)r->rec.seq, same + 1, from ? "..." : "",
              cut(r->rec.call.n - from), r->rec.call.p + from, from ? "..." : "",
              cut(n > from ? n - from : 0), got + (from < n ? from : n));
    return diverged(r, err);
}

/* r->call holds the rendered call.  BKF_OK: the record matches and is current. */
static bkf_status match(struct replay *r, bkf_error *err)
{
    skip_sleeps(r);
    if (r->failed.status)
        return diverged(r, err);
    if (r->call.failed)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (!r->have || r->call.len != r->rec.call.n ||
        memcmp(r->call.data, r->rec.call.p, r->call.len) != 0)
        return report(r, err);
    return BKF_OK;
}

/* The recorded status and message; the record is used up. */
static bkf_status finish(struct replay *r, bkf_error *err)
{
    bkf_status st = r->rec.status;
    if (st) {
        char text[sizeof err->message];
        trace_unquote(r->rec.message, text, sizeof text);
        error_set(err, st, "%s", text[0] ? text : status_text(st));
    }
    if (r->now < r->rec.t + r->rec.dt)
        r->now = r->rec.t + r->rec.dt;
    advance(r);
    return st;
}

static bkf_status malformed(struct replay *r, bkf_error *err)
{
    error_set(&r->failed, BKF_E_FILE, "%s:%zu: record %llu has no fitting result", r->path,
              r->rec.line, (unsigned long long)r->rec.seq);
    return diverged(r, err);
}

static struct strbuf *render(struct replay *r)
{
    r->call.len = 0;
    return &r->call;
}

/* The next number of the result. */
static bool result_number(struct replay *r, uint32_t *out)
{
    struct trace_slice word;
    uint64_t v;
    if (!trace_word(&r->rec.result, &word) || !trace_number(word, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

static bkf_status plain(struct replay *r, bkf_error *err)
{
    bkf_status st = match(r, err);
    return st ? st : finish(r, err);
}

/* Calls with one number as result, present when they succeeded. */
static bkf_status with_number(struct replay *r, uint32_t *out, bkf_error *err)
{
    bkf_status st = match(r, err);
    if (st)
        return st;
    if (!r->rec.status && !result_number(r, out))
        return malformed(r, err);
    return finish(r, err);
}

static bool inverted(const struct replay *r, uint32_t id)
{
    for (size_t i = 0; i < r->n_inverted; i++) {
        if (r->inverted_ids[i] == id)
            return true;
    }
    return false;
}

static uint32_t level_of(const struct replay *r, uint32_t id, uint32_t level)
{
    return level <= 1 && inverted(r, id) ? !level : level;
}

/* -- SPI ----------------------------------------------------------------------------- */

/* Which lines carry the bus is the recorded adapter's affair: any bind matches. */
static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    struct replay *r = self;
    (void)pins;
    (void)n;
    skip_sleeps(r);
    if (r->have && r->rec.op.n == 4 && !memcmp(r->rec.op.p, "bind", 4)) {
        render(r);
        strbuf_add(&r->call, r->rec.call.p, r->rec.call.n);
    } else {
        strbuf_addf(render(r), "bind");
    }
    return plain(r, err);
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    struct replay *r = self;
    strbuf_addf(render(r), "setup %u %u", mode, want);
    bkf_status st = match(r, err);
    if (st)
        return st;
    if (!result_number(r, got))
        return malformed(r, err);
    return finish(r, err);
}

static bkf_status run_results(struct replay *r, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct trace_slice word;
        if (steps[i].kind != BKF_STEP_XFER || !steps[i].rx)
            continue;
        if (!trace_word(&r->rec.result, &word) || !trace_bytes(word, steps[i].rx, steps[i].len))
            return malformed(r, err);
    }
    return BKF_OK;
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    struct replay *r = self;
    bkf_spi_step *copy = n ? malloc(n * sizeof *copy) : NULL;
    if (!copy)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    memcpy(copy, steps, n * sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        if (copy[i].kind == BKF_STEP_LINE)
            copy[i].value = level_of(r, copy[i].line, copy[i].value);
    }
    trace_put_run(render(r), copy, n);
    free(copy);
    bkf_status st = match(r, err);
    if (!st && !r->rec.status)
        st = run_results(r, steps, n, err);
    return st ? st : finish(r, err);
}

static size_t spi_max_len(void *self)
{
    struct replay *r = self;
    return (size_t)r->reader.max_len;
}

static uint32_t spi_caps(void *self)
{
    struct replay *r = self;
    return (uint32_t)r->reader.caps;
}

static bkf_status spi_park(void *self, uint32_t parked, bkf_error *err)
{
    struct replay *r = self;
    strbuf_addf(render(r), "park %u", parked);
    return plain(r, err);
}

static const bkf_spi_ops replay_spi_ops = {
    .struct_size = sizeof replay_spi_ops,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
    .park = spi_park,
};
static const bkf_spi_ops replay_spi_ops_no_park = {
    .struct_size = sizeof replay_spi_ops_no_park,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
};

/* -- GPIO ---------------------------------------------------------------------------- */

static bkf_status gpio_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                             uint32_t *id, bkf_error *err)
{
    struct replay *r = self;
    bool invert = false;
    const char *recorded = line;
    for (size_t i = 0; i < r->reader.n_pads; i++) {
        const struct trace_pad *p = &r->reader.pads[i];
        if (!strcmp(p->signal, line)) {
            recorded = p->line;
            invert = p->inverted;
        }
    }
    /* How hard a line is driven depends on the adapter's line, not on the chip's program. */
    (void)drive;
    skip_sleeps(r);
    uint32_t was = BKF_LINE_PUSH_PULL;
    struct trace_slice rest = r->rec.call, word;
    uint64_t v;
    if (r->have && trace_word(&rest, &word) && trace_word(&rest, &word) &&
        trace_word(&rest, &word) && trace_number(word, &v) && v <= BKF_LINE_OPEN_DRAIN)
        was = (uint32_t)v;
    strbuf_addf(render(r), "claim %s %u %u", recorded, was, invert ? !level : level);
    bkf_status st = with_number(r, id, err);
    if (!st && invert && !inverted(r, *id) && r->n_inverted < LINES_MAX)
        r->inverted_ids[r->n_inverted++] = *id;
    return st;
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    struct replay *r = self;
    strbuf_addf(render(r), "set %u %u", id, level_of(r, id, level));
    return plain(r, err);
}

static bkf_status gpio_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    struct replay *r = self;
    strbuf_addf(render(r), "get %u", id);
    bkf_status st = with_number(r, level, err);
    if (!st)
        *level = level_of(r, id, *level);
    return st;
}

static void gpio_drop(void *self, uint32_t id)
{
    struct replay *r = self;
    bkf_error ignored = BKF_ERROR_INIT;
    strbuf_addf(render(r), "drop %u", id);
    plain(r, &ignored);
}

static const bkf_gpio_ops replay_gpio_ops = {
    .struct_size = sizeof replay_gpio_ops,
    .claim = gpio_claim,
    .set = gpio_set,
    .get = gpio_get,
    .drop = gpio_drop,
};

/* -- UART ---------------------------------------------------------------------------- */

static bkf_status uart_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    struct replay *r = self;
    strbuf_addf(render(r), "baud %u", baud);
    return with_number(r, got, err);
}

static bkf_status uart_write(void *self, const uint8_t *p, size_t len, uint32_t timeout_ms,
                             size_t *done, bkf_error *err)
{
    struct replay *r = self;
    uint32_t n = 0;
    *done = 0;
    strbuf_addf(render(r), "write %u ", timeout_ms);
    trace_put_bytes(&r->call, p, len);
    bkf_status st = match(r, err);
    if (st)
        return st;
    if (!result_number(r, &n) || n > len)
        return malformed(r, err);
    *done = n;
    return finish(r, err);
}

static bkf_status uart_read(void *self, uint8_t *p, size_t len, uint32_t timeout_ms, size_t *done,
                            bkf_error *err)
{
    struct replay *r = self;
    struct trace_slice word;
    *done = 0;
    strbuf_addf(render(r), "read %zu %u", len, timeout_ms);
    bkf_status st = match(r, err);
    if (st)
        return st;
    size_t n;
    if (!trace_word(&r->rec.result, &word) || !trace_bytes_count(word, len, &n) ||
        !trace_bytes(word, p, n))
        return malformed(r, err);
    *done = n;
    return finish(r, err);
}

static bkf_status uart_purge(void *self, bkf_error *err)
{
    struct replay *r = self;
    strbuf_addf(render(r), "purge");
    return plain(r, err);
}

static const bkf_uart_ops replay_uart_ops = {
    .struct_size = sizeof replay_uart_ops,
    .setup = uart_setup,
    .write = uart_write,
    .read = uart_read,
    .purge = uart_purge,
};

/* -- clock: time is what it was when the next recorded thing happened ------------------ */

static uint64_t now_us(void *self)
{
    struct replay *r = self;
    return r->have && r->rec.t > r->now ? r->rec.t : r->now;
}

static void sleep_us(void *self, uint64_t us)
{
    struct replay *r = self;
    r->now = now_us(r);
    bool recorded = r->have && r->rec.op.n == 5 && !memcmp(r->rec.op.p, "sleep", 5);
    if (recorded) {
        bkf_error ignored = BKF_ERROR_INIT;
        finish(r, &ignored);
    } else {
        r->now += us;
    }
}

static const bkf_clock_ops replay_clock_ops = {
    .struct_size = sizeof replay_clock_ops,
    .now_us = now_us,
    .sleep_us = sleep_us,
};

/* -- class ----------------------------------------------------------------------------- */

static bkf_status list(const bkf_host *host, void (*found)(void *, const char *, const char *),
                       void *ud, bkf_error *err)
{
    (void)host;
    (void)found;
    (void)ud;
    (void)err;
    return BKF_OK; /* nothing is ever plugged in */
}

static void close_replay(bkf_adapter *a)
{
    struct replay *r = (struct replay *)a;
    if (!r)
        return;
    strbuf_free(&r->call);
    free(r->text);
    free(r->path);
    free(r);
}

static bkf_status load(struct replay *r, const char *path, bkf_error *err)
{
    size_t n = 0;
    r->path = strdup(path);
    if (!r->path)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    bkf_status st = file_read(path, TRACE_MAX, &r->text, &n, err);
    if (!st)
        st = trace_reader_init(&r->reader, r->path, (const char *)r->text, n, err);
    if (st)
        return st;
    advance(r);
    return r->failed.status ? diverged(r, err) : BKF_OK;
}

static bkf_status open_replay(const bkf_host *host, const char *unit, const bkf_props *props,
                              bkf_adapter **out, bkf_error *err)
{
    (void)host;
    const char *path = props->str(props, "trace");
    if (!*path)
        path = unit && *unit ? unit : "";
    if (!*path)
        return error_set(err, BKF_E_PARAM, "replay needs a trace: -O trace=FILE");
    struct replay *r = calloc(1, sizeof *r);
    if (!r)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    r->failed = (bkf_error)BKF_ERROR_INIT;
    bkf_status st = load(r, path, err);
    if (st) {
        close_replay((bkf_adapter *)r);
        return st;
    }
    *out = (bkf_adapter *)r;
    return BKF_OK;
}

static bkf_status acquire(bkf_adapter *a, const char *id, bkf_iface *iface, bkf_error *err)
{
    struct replay *r = (struct replay *)a;
    const void *ops = NULL;
    if (!strcmp(id, BKF_IFACE_SPI) && r->reader.has_spi)
        ops = r->reader.has_park ? &replay_spi_ops : &replay_spi_ops_no_park;
    else if (!strcmp(id, BKF_IFACE_GPIO) && r->reader.has_gpio)
        ops = &replay_gpio_ops;
    else if (!strcmp(id, BKF_IFACE_UART) && r->reader.has_uart)
        ops = &replay_uart_ops;
    else if (!strcmp(id, BKF_IFACE_CLOCK))
        ops = &replay_clock_ops;
    if (!ops)
        return error_set(err, BKF_E_UNSUPPORTED, "%s was recorded without %s", r->path, id);
    *iface = (bkf_iface){ ops, r };
    return BKF_OK;
}

static void release(bkf_adapter *a, const char *id)
{
    (void)a;
    (void)id;
}

static const char *unit_name(bkf_adapter *a)
{
    return ((struct replay *)a)->path;
}

static const bkf_prop_spec replay_props[] = {
    { .key = "trace", .type = BKF_PROP_STRING, .dflt = "", .help = "recorded .bktrace file" },
    { .key = NULL },
};
static const bkf_line_spec replay_lines[] = {
    { .name = "sck", .roles = BKF_ROLE_SCK | BKF_ROLE_OUT },
    { .name = "mosi", .roles = BKF_ROLE_MOSI | BKF_ROLE_OUT },
    { .name = "miso", .roles = BKF_ROLE_MISO | BKF_ROLE_IN },
    { .name = "cs0", .roles = BKF_ROLE_CS | BKF_ROLE_OUT },
    { .name = "cen", .roles = BKF_ROLE_OUT | BKF_ROLE_IN | BKF_ROLE_OPEN_DRAIN },
    { .name = "rx", .roles = BKF_ROLE_TX | BKF_ROLE_OUT },
    { .name = "tx", .roles = BKF_ROLE_RX | BKF_ROLE_IN },
    { .name = NULL },
};
const bkf_adapter_class link_replay_class = {
    .struct_size = sizeof link_replay_class,
    .name = "replay",
    .summary = "Answers from a recorded trace",
    .props = replay_props,
    .lines = replay_lines,
    .list = list,
    .open = open_replay,
    .close = close_replay,
    .acquire = acquire,
    .release = release,
    .unit = unit_name,
};
