/* listen.c - the log UART of a board: bytes in, lines with times and meanings out.  The chip
 * is never spoken to; only an adapter's receive side is used. */
#include "ctx.h"
#include "log_rules.h"
#include <bkflash/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 50, QUIET_US = 300000 };

struct listener {
    bkf_ctx *ctx;
    const bkf_callbacks *cb;
    const bkf_log_options *o;
    const bkf_adapter_class *cls;
    struct props *props;
    bkf_adapter *adapter;
    bkf_iface uart, clock;
    struct log_rules rules;
    struct log_lines lines;
    uint64_t start_us;
    char redacted[LOG_LINE_MAX + 32];
    bool cut_in_private; /* the last line was cut inside a private value */
};

static uint64_t now_us(const struct listener *l)
{
    const bkf_clock_ops *clock = l->clock.ops;
    struct timespec t;
    if (clock)
        return clock->now_us(l->clock.self);
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static const struct prof_route *log_route(const struct bkf_profile *p, const char *name)
{
    const struct prof_route *r = name ? profile_route(p, name) : NULL;
    for (size_t i = 0; !r && i < p->n_routes; i++)
        if (p->routes[i].transport == TRANSPORT_LOG)
            r = &p->routes[i];
    return r;
}

enum { INPUTS_MAX = 64 };

/* The route's options and -O KEY=VALUE; keys are copied into text. */
static size_t gather(const struct listener *l, const struct prof_route *r,
                     struct prop_input in[INPUTS_MAX], char text[INPUTS_MAX][40])
{
    size_t n = 0;
    bool own = r && strcmp(r->driver, l->cls->name) == 0;
    for (size_t i = 0; own && i < r->n_options && n < INPUTS_MAX; i++)
        in[n++] = (struct prop_input){ r->options[i].key, r->options[i].value,
                                       r->options[i].at->file, r->options[i].at->line };
    for (const char *const *o = l->o->options; o && *o && n < INPUTS_MAX; o++) {
        const char *eq = strchr(*o, '=');
        snprintf(text[n], 40, "%.*s", eq ? (int)(eq - *o) : 0, *o);
        in[n] = (struct prop_input){ text[n], eq ? eq + 1 : "", NULL, 0 };
        n++;
    }
    return n;
}

static const char *fill_nothing(void *ud, const char *what)
{
    (void)ud;
    (void)what;
    return NULL;
}

static bkf_status pick(struct listener *l, const struct bkf_profile *p, const struct prof_route *r,
                       bkf_error *err)
{
    const char *name = l->o->route;
    bool is_route = name && profile_route(p, name);
    if (name && !is_route)
        return registry_adapter(l->ctx->registry, name, &l->cls, err);
    if (!r)
        return error_set(err, BKF_E_PROFILE,
                         "%s has no log route: add [adapter:log] with transport = log, or name an "
                         "adapter with -a",
                         p->file);
    return registry_adapter(l->ctx->registry, r->driver, &l->cls, err);
}

static bkf_status open_uart(struct listener *l, const struct bkf_profile *p, bkf_error *err)
{
    const struct prof_route *r = log_route(p, l->o->route);
    struct prop_input in[INPUTS_MAX];
    char text[INPUTS_MAX][40];
    struct diag_list diags = { 0 };
    bkf_status st = pick(l, p, r, err);
    if (st || !l->cls)
        return st;
    st = props_new(l->cls->props, l->cls->name, in, gather(l, r, in, text), fill_nothing, NULL,
                   &diags, &l->props, err);
    ctx_diags(l->ctx, l->cb, &diags);
    if (!st)
        st = l->cls->open(&l->ctx->host,
                          l->o->unit ? l->o->unit
                          : r        ? r->path
                                     : NULL,
                          props_view(l->props), &l->adapter, err);
    if (!st)
        st = l->cls->acquire(l->adapter, BKF_IFACE_UART, &l->uart, err);
    if (st)
        return st;
    bkf_error ignored = BKF_ERROR_INIT;
    if (l->cls->acquire(l->adapter, BKF_IFACE_CLOCK, &l->clock, &ignored))
        l->clock.ops = NULL;
    uint32_t got;
    uint32_t baud = l->o->baud ? l->o->baud : r && r->baud ? r->baud : 115200;
    return ((const bkf_uart_ops *)l->uart.ops)->setup(l->uart.self, baud, &got, err);
}

/* The line without its private part; what a line that was cut leaves for the next one is
 * private as well. */
static const char *hide(struct listener *l, const char *text)
{
    const char *from = l->cut_in_private ? text : log_rules_private(&l->rules, text);
    l->cut_in_private = from && strlen(text) >= LOG_LINE_MAX;
    if (!from || !*from)
        return text;
    snprintf(l->redacted, sizeof l->redacted, "%.*s%s[redacted]", (int)(from - text), text,
             from > text ? " " : "");
    return l->redacted;
}

static bkf_status put_line(struct listener *l, bkf_log_sink sink, void *ud, bkf_error *err)
{
    const char *after = NULL, *text = l->lines.text;
    const bool explain = l->o->flags & BKF_LOG_EXPLAIN;
    const struct log_rule *rule = log_rules_find(&l->rules, text, &after);
    if (!(l->o->flags & BKF_LOG_SECRETS))
        text = hide(l, text);
    const bkf_log_line line = { .struct_size = sizeof line,
                                .at_us = l->lines.started_us - l->start_us,
                                .text = text,
                                .meaning = rule && explain ? rule->meaning : NULL };
    bkf_status st = sink(ud, &line, err);
    log_lines_next(&l->lines);
    return st;
}

static bkf_status pump(struct listener *l, bkf_log_sink sink, void *ud, bkf_error *err)
{
    const bkf_uart_ops *ops = l->uart.ops;
    uint64_t last = l->start_us;
    bkf_status st = BKF_OK;
    while (!st && ops) {
        uint8_t buf[256];
        size_t done = 0;
        uint64_t now = now_us(l);
        if (l->o->duration_us && now - l->start_us >= l->o->duration_us)
            break;
        if (l->cb->should_stop && l->cb->should_stop(l->cb->ud)) {
            st = error_set(err, BKF_E_CANCELLED, "cancelled");
            break;
        }
        st = ops->read(l->uart.self, buf, 1, POLL_MS, &done, err);
        if (!st && done) {
            size_t more = 0;
            st = ops->read(l->uart.self, buf + 1, sizeof buf - 1, 0, &more, err);
            done += more;
        }
        if (st == BKF_E_TIMEOUT)
            st = BKF_OK;
        now = now_us(l);
        for (size_t i = 0; i < done && !st; i++)
            if (log_lines_take(&l->lines, buf[i], now))
                st = put_line(l, sink, ud, err);
        last = done ? now : last;
        if (!st && l->lines.len && now - last > QUIET_US) {
            l->lines.text[l->lines.len] = '\0'; /* a prompt without an end of line */
            st = put_line(l, sink, ud, err);
        }
    }
    if (l->lines.len && (!st || st == BKF_E_CANCELLED)) {
        bkf_error ignored = BKF_ERROR_INIT;
        l->lines.text[l->lines.len] = '\0';
        (void)put_line(l, sink, ud, &ignored);
    }
    return st == BKF_E_NO_DEVICE || st == BKF_E_IO ? (err->status = BKF_E_LINK_LOST) : st;
}

static bkf_status load_rules(struct listener *l, bkf_error *err)
{
    bkf_status st = BKF_OK;
    if ((l->o->flags & (BKF_LOG_EXPLAIN | BKF_LOG_SECRETS)) == BKF_LOG_SECRETS)
        return st;
    for (const char *const *dir = l->ctx->env.dirs; *dir && !st && !l->rules.n; dir++) {
        char *path = path_join(*dir, "log");
        st = path ? log_rules_load(path, &l->rules, err)
                  : error_set(err, BKF_E_NOMEM, "out of memory");
        free(path);
    }
    if (!st && !l->rules.n)
        st = error_set(err, BKF_E_FILE,
                       "no conf/log folder was found, so it is not known which lines are private; "
                       "--show-secrets shows the log as it comes");
    return st;
}

bkf_status bkf_log_listen(bkf_ctx *ctx, const bkf_profile *p, const bkf_log_options *options,
                          const bkf_callbacks *cb, bkf_log_sink sink, void *ud, bkf_error *err)
{
    bkf_error own = BKF_ERROR_INIT;
    bkf_log_options o = { 0 };
    if (!err)
        err = &own;
    if (!ctx || !p || !sink)
        return error_set(err, BKF_E_PARAM, "bkf_log_listen: context, profile and sink are needed");
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    struct listener l = { .ctx = ctx, .cb = cb ? cb : &ctx->cb, .o = &o };
    bkf_status st = load_rules(&l, err);
    if (!st)
        st = open_uart(&l, p, err);
    l.start_us = now_us(&l);
    if (!st)
        st = pump(&l, sink, ud, err);
    if (l.adapter) {
        if (l.clock.ops)
            l.cls->release(l.adapter, BKF_IFACE_CLOCK);
        if (l.uart.ops)
            l.cls->release(l.adapter, BKF_IFACE_UART);
        l.cls->close(l.adapter);
    }
    props_free(l.props);
    log_rules_free(&l.rules);
    return st;
}
