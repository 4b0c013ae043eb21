/* op.c - what a running call gets from the session: time, progress, cancel. */
#include "session.h"
#include <stdio.h>
#include <time.h>

static bkf_session *of(const bkf_op *op)
{
    return op->handle;
}

/* Before there is a link there is only the system's clock. */
static uint64_t system_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t op_now(const bkf_session *s)
{
    return s->link ? link_now_us(s->link) : system_us();
}

bool op_stopped(const bkf_session *s)
{
    if (s->closing || !s->cb.should_stop)
        return false;
    pthread_mutex_lock(&s->ctx->cb_lock);
    bool stop = s->cb.should_stop(s->cb.ud) != 0;
    pthread_mutex_unlock(&s->ctx->cb_lock);
    return stop;
}

static void report(bkf_session *s, uint64_t done)
{
    if (!s->cb.progress || !s->phase)
        return;
    if (done > s->phase_total)
        done = s->phase_total;
    if (done < s->phase_done)
        done = s->phase_done;
    s->phase_done = done;
    bkf_progress p = { .struct_size = sizeof p,
                       .retries = s->stats.retries + s->stats.rereads,
                       .phase = s->phase,
                       .done = done,
                       .total = s->phase_total,
                       .elapsed_us = op_now(s) - s->phase_start_us };
    pthread_mutex_lock(&s->ctx->cb_lock);
    s->cb.progress(s->cb.ud, &p);
    pthread_mutex_unlock(&s->ctx->cb_lock);
}

void op_phase(bkf_session *s, const char *phase, uint64_t total)
{
    s->phase = phase;
    s->phase_total = total;
    s->phase_base = 0;
    s->phase_done = 0;
    s->phase_start_us = op_now(s);
    report(s, 0);
}

void op_progress(bkf_session *s, uint64_t done)
{
    s->phase_base = done;
    report(s, done);
}

void op_note(bkf_session *s, const char *fmt, ...)
{
    char line[256];
    if (!s->cb.note)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&s->ctx->cb_lock);
    s->cb.note(s->cb.ud, line);
    pthread_mutex_unlock(&s->ctx->cb_lock);
}

/* The chip counts from 0 in its own call; bytes of the phase are what users see. */
static void on_progress(const bkf_op *op, uint64_t done, uint64_t total)
{
    bkf_session *s = of(op);
    if (s->phase_total && total)
        report(s, s->phase_base + done);
}

static int on_should_stop(const bkf_op *op)
{
    return op_stopped(of(op));
}

static uint64_t on_now(const bkf_op *op)
{
    return op_now(of(op));
}

static void on_sleep(const bkf_op *op, uint64_t us)
{
    link_sleep_us(of(op)->link, us);
}

static void on_note(const bkf_op *op, const char *line)
{
    op_note(of(op), "%s", line);
}

void op_init(bkf_session *s)
{
    s->op = (bkf_op){ .struct_size = sizeof s->op,
                      .handle = s,
                      .progress = on_progress,
                      .should_stop = on_should_stop,
                      .now_us = on_now,
                      .sleep_us = on_sleep,
                      .note = on_note };
}
