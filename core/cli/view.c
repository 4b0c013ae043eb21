/* view.c - what a job shows while it runs.  On a terminal one line, redrawn at most ten
 * times a second; elsewhere a plain line every few seconds; with --json records. */
#include "cli.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double redraw = 0.1, plain_every = 5.0, json_every = 0.5;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *escape(bool on, const char *what)
{
    if (!on)
        return "";
    return strcmp(what, "red") == 0      ? "\033[31m"
           : strcmp(what, "yellow") == 0 ? "\033[33m"
           : strcmp(what, "bold") == 0   ? "\033[1m"
                                         : "\033[0m";
}

const char *paint(const struct cli *c, const char *what)
{
    return escape(c->color_err, what);
}

const char *paint_out(const struct cli *c, const char *what)
{
    return escape(c->color_out, what);
}

void view_clear(struct cli *c)
{
    if (c->view.line_open)
        fputs("\r\033[K", stderr);
    c->view.line_open = false;
}

static void say_line(struct cli *c, const char *fmt, va_list ap)
{
    view_clear(c);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

void say(struct cli *c, const char *fmt, ...)
{
    if (c->json || c->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    say_line(c, fmt, ap);
    va_end(ap);
}

void say_always(struct cli *c, const char *fmt, ...)
{
    if (c->json)
        return;
    va_list ap;
    va_start(ap, fmt);
    say_line(c, fmt, ap);
    va_end(ap);
}

void say_warning(struct cli *c, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->json)
        json_record(
            c, "log",
            json_pack("{s:s, s:s, s:s}", "level", "warning", "who", "bkflash", "text", text));
    else
        say_always(c, "%swarning:%s %s", paint(c, "yellow"), paint(c, "off"), text);
}

/* -- progress ------------------------------------------------------------------------------ */

static void draw_bar(struct cli *c, const bkf_progress *p)
{
    char bar[25], a[32], b[32], r[32], e[32], retries[32] = "";
    double part = p->total ? (double)p->done / (double)p->total : 0;
    double s = (double)p->elapsed_us / 1e6;
    double rate = s > 0 ? (double)p->done / s : 0;
    for (int i = 0; i < 24; i++)
        bar[i] = i < (int)(part * 24) ? '#' : '.';
    bar[24] = '\0';
    if (p->retries)
        snprintf(retries, sizeof retries, "  retries %u", p->retries);
    fprintf(stderr, "\r%-6s [%s] %3d%%  %s/%s  %s  ETA %s%s\033[K", p->phase, bar,
            (int)(part * 100), size_text(p->done & ~(uint64_t)1023, a), size_text(p->total, b),
            rate_text(rate, r), rate > 0 ? time_text((double)(p->total - p->done) / rate, e) : "-",
            retries);
    c->view.line_open = true;
}

static void plain_progress(const bkf_progress *p)
{
    char a[32], b[32], r[32];
    double s = (double)p->elapsed_us / 1e6;
    fprintf(stderr, "%s: %d%%, %s of %s, %s\n", p->phase, (int)(100 * p->done / p->total),
            size_text(p->done, a), size_text(p->total, b),
            rate_text(s > 0 ? (double)p->done / s : 0, r));
}

static void json_progress(struct cli *c, const bkf_progress *p)
{
    json_record(c, "progress",
                json_pack("{s:s, s:I, s:I, s:I, s:i}", "phase", p->phase, "done",
                          (json_int_t)p->done, "total", (json_int_t)p->total, "elapsed_us",
                          (json_int_t)p->elapsed_us, "retries", (int)p->retries));
}

static void on_progress(void *ud, const bkf_progress *p)
{
    struct cli *c = ud;
    struct view *v = &c->view;
    double now = seconds();
    bool fresh = p->done < v->last_done || strncmp(v->phase, p->phase, sizeof v->phase - 1) != 0;
    bool end = p->total && p->done >= p->total && (fresh || v->last_done < p->total);
    double since = now - v->last_draw;
    if (fresh) {
        snprintf(v->phase, sizeof v->phase, "%s", p->phase);
        v->last_line = now;
    }
    v->last_done = p->done;
    if (c->quiet || !p->total)
        return;
    if (c->json   ? (fresh || end || since >= json_every)
        : v->live ? (end || since >= redraw)
                  : (end || now - v->last_line >= plain_every)) {
        v->last_draw = v->last_line = now;
        if (c->json)
            json_progress(c, p);
        else if (v->live)
            draw_bar(c, p);
        else
            plain_progress(p);
    }
}

static void on_note(void *ud, const char *line)
{
    struct cli *c = ud;
    struct view *v = &c->view;
    double now = seconds();
    double every = c->json ? json_every : v->live ? redraw : plain_every;
    if (c->quiet || now - v->last_draw < every || strcmp(v->note, line) == 0)
        return;
    v->last_draw = now;
    snprintf(v->note, sizeof v->note, "%s", line);
    if (c->json)
        json_record(c, "note", json_pack("{s:s}", "text", line));
    else if (v->live)
        fprintf(stderr, "\r%.120s\033[K", line);
    else
        fprintf(stderr, "%s\n", line);
    v->line_open = v->live && !c->json;
}

/* -- messages --------------------------------------------------------------------------------- */

static void on_log(void *ud, int32_t level, const char *who, const char *line)
{
    static const char *const names[] = { "error", "warning", "info", "debug", "trace" };
    struct cli *c = ud;
    int most = c->quiet ? 0 : 1 + c->verbosity;
    if (level < 0 || level > 4)
        level = 4;
    if (level > most)
        return;
    if (c->json) {
        json_record(c, "log",
                    json_pack("{s:s, s:s, s:s}", "level", names[level], "who", who, "text", line));
        return;
    }
    view_clear(c);
    fprintf(stderr, "%s%s:%s %s: %s\n",
            paint(c, level == 0   ? "red"
                     : level == 1 ? "yellow"
                                  : "off"),
            names[level], paint(c, "off"), who, line);
}

static json_t *optional(const char *s)
{
    return s ? json_string(s) : json_null();
}

enum { DIAGS_SHOWN = 20 };

void view_diags_end(struct cli *c)
{
    if (c->diags > DIAGS_SHOWN && !c->json)
        say_always(c, "... and %u more", c->diags - DIAGS_SHOWN);
    c->diags = 0;
}

static void on_diag(void *ud, const bkf_diag *d)
{
    static const char *const names[] = { "error", "warning", "note" };
    struct cli *c = ud;
    const char *severity = names[d->severity >= 0 && d->severity <= 2 ? d->severity : 0];
    if (c->quiet && d->severity)
        return;
    if (c->json) {
        json_record(c, "diagnostic",
                    json_pack("{s:s, s:s, s:i, s:o, s:o, s:s}", "severity", severity, "file",
                              d->file, "line", (int)d->line, "section", optional(d->section), "key",
                              optional(d->key), "text", d->text));
        return;
    }
    if (++c->diags > DIAGS_SHOWN)
        return;
    view_clear(c);
    if (*d->file && d->line)
        fprintf(stderr, "%s:%d: ", d->file, (int)d->line);
    else if (*d->file)
        fprintf(stderr, "%s: ", d->file);
    fprintf(stderr, "%s%s:%s ", paint(c, d->severity ? "yellow" : "red"), severity,
            paint(c, "off"));
    if (d->section)
        fprintf(stderr, "[%s] ", d->section);
    if (d->key)
        fprintf(stderr, "%s: ", d->key);
    fprintf(stderr, "%s\n", d->text);
}

static int32_t on_should_stop(void *ud)
{
    struct cli *c = ud;
    if (!c->stop_signal)
        c->stop_signal = signals_pending();
    return c->stop_signal != 0;
}

static bool wants_color(const struct cli *c, FILE *f)
{
    const char *when = args_get(&c->args, OPT_COLOR), *no = getenv("NO_COLOR"),
               *term = getenv("TERM");
    if (when && strcmp(when, "always") == 0)
        return true;
    if ((when && strcmp(when, "never") == 0) || (no && *no) || (term && !strcmp(term, "dumb")))
        return false;
    return isatty(fileno(f));
}

void view_init(struct cli *c)
{
    const char *term = getenv("TERM");
    c->color_out = wants_color(c, stdout);
    c->color_err = wants_color(c, stderr);
    c->view.live = isatty(STDERR_FILENO) && !c->json && !(term && strcmp(term, "dumb") == 0);
    c->cb = (bkf_callbacks){ .struct_size = sizeof c->cb,
                             .ud = c,
                             .log = on_log,
                             .diag = on_diag,
                             .progress = on_progress,
                             .note = on_note,
                             .should_stop = on_should_stop };
}
