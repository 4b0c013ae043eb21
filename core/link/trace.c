/* trace.c - records every link call in a .bktrace file.  Each record is one write(2), so
 * that a killed process leaves a trace that is whole up to its last call. */
#include "trace.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct trace {
    struct link_ifaces below;
    const bkf_host *host;
    int fd;
    bool dead; /* the disk refused; the job goes on without a trace */
    uint64_t seq, origin, t;
    struct strbuf line;
    char path[256];
};

static void warn(struct trace *t, const char *why)
{
    t->dead = true;
    if (!t->host || !t->host->log)
        return;
    char text[400];
    snprintf(text, sizeof text, "%s: the trace ends here: %s", t->path, why);
    t->host->log(t->host, BKF_LOG_WARN, text);
}

static void emit(struct trace *t)
{
    strbuf_add(&t->line, "\n", 1);
    if (t->line.failed) {
        warn(t, "out of memory");
        return;
    }
    for (size_t done = 0; done < t->line.len && !t->dead;) {
        ssize_t k = write(t->fd, t->line.data + done, t->line.len - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            warn(t, strerror(errno));
        else
            done += (size_t)k;
    }
    t->line.len = 0;
}

/* The caller renders the call into t->line after this. */
static struct strbuf *begin(struct trace *t)
{
    t->t = clock_now(&t->below.clock);
    t->line.len = 0;
    return &t->line;
}

/* Puts number and times in front of the call, the status behind it. */
static void end(struct trace *t, bkf_status st)
{
    uint64_t now = clock_now(&t->below.clock);
    char head[80];
    int n = snprintf(head, sizeof head, "%llu %llu %llu ", (unsigned long long)++t->seq,
                     (unsigned long long)(t->t - t->origin), (unsigned long long)(now - t->t));
    size_t call = t->line.len;
    strbuf_add(&t->line, head, (size_t)n);
    if (t->line.failed)
        return;
    /* rotate: [call][head] -> [head][call] */
    char *d = t->line.data;
    memmove(d + n, d, call);
    memcpy(d, head, (size_t)n);
    strbuf_addf(&t->line, " > %ld", (long)st);
}

static void put_error(struct trace *t, bkf_status st, const bkf_error *err)
{
    if (!st || !err || !BKF_HAS(bkf_error, err, message) || !err->message[0])
        return;
    strbuf_add(&t->line, " ", 1);
    trace_put_text(&t->line, err->message);
}

/* The plain case: nothing but a status comes back. */
static bkf_status done(struct trace *t, bkf_status st, const bkf_error *err)
{
    end(t, st);
    put_error(t, st, err);
    if (!t->dead)
        emit(t);
    return st;
}

static bkf_status done_value(struct trace *t, bkf_status st, uint32_t value, const bkf_error *err)
{
    end(t, st);
    if (!st)
        strbuf_addf(&t->line, " %u", value);
    put_error(t, st, err);
    if (!t->dead)
        emit(t);
    return st;
}

/* -- SPI --------------------------------------------------------------------------- */

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "bind");
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&t->line, " %s=%s", pins[i].signal, pins[i].line);
    return done(t, spi_of(&t->below)->bind(t->below.spi.self, pins, n, err), err);
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "setup %u %u", mode, want);
    bkf_status st = spi_of(&t->below)->setup(t->below.spi.self, mode, want, got, err);
    end(t, st);
    strbuf_addf(&t->line, " %u", *got); /* also says the slowest clock when unsupported */
    put_error(t, st, err);
    if (!t->dead)
        emit(t);
    return st;
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    struct trace *t = self;
    trace_put_run(begin(t), steps, n);
    bkf_status st = spi_of(&t->below)->run(t->below.spi.self, steps, n, err);
    end(t, st);
    for (size_t i = 0; !st && i < n; i++) {
        if (steps[i].kind != BKF_STEP_XFER || !steps[i].rx)
            continue;
        strbuf_add(&t->line, " ", 1);
        trace_put_bytes(&t->line, steps[i].rx, steps[i].len);
    }
    put_error(t, st, err);
    if (!t->dead)
        emit(t);
    return st;
}

static size_t spi_max_len(void *self)
{
    const struct trace *t = self;
    return spi_max_len_of(&t->below);
}

static uint32_t spi_caps(void *self)
{
    const struct trace *t = self;
    return spi_caps_of(&t->below);
}

static bkf_status spi_park(void *self, uint32_t parked, bkf_error *err)
{
    struct trace *t = self;
    if (!spi_can_park(&t->below))
        return error_set(err, BKF_E_UNSUPPORTED, "this adapter cannot float its SPI pins");
    strbuf_addf(begin(t), "park %u", parked);
    return done(t, spi_of(&t->below)->park(t->below.spi.self, parked, err), err);
}

static const bkf_spi_ops trace_spi_ops = {
    .struct_size = sizeof trace_spi_ops,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
    .park = spi_park,
};
/* Without park below there is none above: the guard asks by the pointer. */
static const bkf_spi_ops trace_spi_ops_no_park = {
    .struct_size = sizeof trace_spi_ops_no_park,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
};

/* -- GPIO -------------------------------------------------------------------------- */

static bkf_status gpio_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                             uint32_t *id, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "claim %s %u %u", line, drive, level);
    bkf_status st = gpio_of(&t->below)->claim(t->below.gpio.self, line, drive, level, id, err);
    return done_value(t, st, *id, err);
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "set %u %u", id, level);
    return done(t, gpio_of(&t->below)->set(t->below.gpio.self, id, level, err), err);
}

static bkf_status gpio_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "get %u", id);
    bkf_status st = gpio_of(&t->below)->get(t->below.gpio.self, id, level, err);
    return done_value(t, st, *level, err);
}

static void gpio_drop(void *self, uint32_t id)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "drop %u", id);
    gpio_of(&t->below)->drop(t->below.gpio.self, id);
    done(t, BKF_OK, NULL);
}

static const bkf_gpio_ops trace_gpio_ops = {
    .struct_size = sizeof trace_gpio_ops,
    .claim = gpio_claim,
    .set = gpio_set,
    .get = gpio_get,
    .drop = gpio_drop,
};

/* -- UART -------------------------------------------------------------------------- */

static bkf_status uart_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "baud %u", baud);
    return done_value(t, uart_of(&t->below)->setup(t->below.uart.self, baud, got, err), *got, err);
}

static bkf_status uart_write(void *self, const uint8_t *p, size_t len, uint32_t timeout_ms,
                             size_t *n, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "write %u ", timeout_ms);
    trace_put_bytes(&t->line, p, len);
    bkf_status st = uart_of(&t->below)->write(t->below.uart.self, p, len, timeout_ms, n, err);
    end(t, st);
    strbuf_addf(&t->line, " %zu", *n);
    put_error(t, st, err);
    if (!t->dead)
        emit(t);
    return st;
}

static bkf_status uart_read(void *self, uint8_t *p, size_t len, uint32_t timeout_ms, size_t *n,
                            bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "read %zu %u", len, timeout_ms);
    bkf_status st = uart_of(&t->below)->read(t->below.uart.self, p, len, timeout_ms, n, err);
    end(t, st);
    strbuf_add(&t->line, " ", 1);
    trace_put_bytes(&t->line, p, *n <= len ? *n : 0);
    put_error(t, st, err);
    if (!t->dead)
        emit(t);
    return st;
}

static bkf_status uart_purge(void *self, bkf_error *err)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "purge");
    return done(t, uart_of(&t->below)->purge(t->below.uart.self, err), err);
}

static const bkf_uart_ops trace_uart_ops = {
    .struct_size = sizeof trace_uart_ops,
    .setup = uart_setup,
    .write = uart_write,
    .read = uart_read,
    .purge = uart_purge,
};

/* -- clock: sleeps are records, so that a replay keeps the same time ----------------- */

static uint64_t now_us(void *self)
{
    struct trace *t = self;
    return clock_now(&t->below.clock);
}

static void sleep_us(void *self, uint64_t us)
{
    struct trace *t = self;
    strbuf_addf(begin(t), "sleep %llu", (unsigned long long)us);
    clock_sleep(&t->below.clock, us);
    done(t, BKF_OK, NULL);
}

static const bkf_clock_ops trace_clock_ops = {
    .struct_size = sizeof trace_clock_ops,
    .now_us = now_us,
    .sleep_us = sleep_us,
};

/* -- file ---------------------------------------------------------------------------- */

static void write_header(struct trace *t, const struct link_config *cfg)
{
    struct strbuf *sb = &t->line;
    strbuf_addf(sb, "%s\n", TRACE_MAGIC);
    if (cfg->trace_meta && !strchr(cfg->trace_meta, '\n'))
        strbuf_addf(sb, "meta %s\n", cfg->trace_meta);
    if (t->below.spi.ops)
        strbuf_addf(sb, "iface spi max_len=%zu caps=%u park=%d\n", spi_max_len(t), spi_caps(t),
                    spi_can_park(&t->below));
    if (t->below.gpio.ops)
        strbuf_addf(sb, "iface gpio\n");
    if (t->below.uart.ops)
        strbuf_addf(sb, "iface uart\n");
    for (size_t i = 0; i < cfg->n_pads; i++) {
        const struct link_pad *p = &cfg->pads[i];
        strbuf_addf(sb, "pad %s %s %s %d\n", p->pad, p->signal, p->line, p->inverted);
    }
    if (sb->len)
        sb->len--; /* emit adds the newline */
    emit(t);
}

bkf_status trace_new(const struct link_ifaces *below, const struct link_config *cfg,
                     const bkf_host *host, struct trace **out, struct link_ifaces *ifaces,
                     bkf_error *err)
{
    struct trace *t = calloc(1, sizeof *t);
    if (!t)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    t->below = *below;
    t->host = host;
    snprintf(t->path, sizeof t->path, "%s", cfg->trace_path);
    t->fd = open(cfg->trace_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (t->fd < 0) {
        int e = errno;
        free(t);
        return error_os(err, BKF_E_FILE, e, "%s: cannot create the trace: %s", cfg->trace_path,
                        strerror(e));
    }
    write_header(t, cfg);
    t->origin = clock_now(&below->clock);
    *ifaces = *below;
    if (below->spi.ops)
        ifaces->spi =
            (bkf_iface){ spi_can_park(&t->below) ? &trace_spi_ops : &trace_spi_ops_no_park, t };
    if (below->gpio.ops)
        ifaces->gpio = (bkf_iface){ &trace_gpio_ops, t };
    if (below->uart.ops)
        ifaces->uart = (bkf_iface){ &trace_uart_ops, t };
    ifaces->clock = (bkf_iface){ &trace_clock_ops, t };
    *out = t;
    return BKF_OK;
}

void trace_free(struct trace *t)
{
    if (!t)
        return;
    close(t->fd);
    strbuf_free(&t->line);
    free(t);
}
