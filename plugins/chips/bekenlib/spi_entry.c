/* spi_entry.c - into SPI download mode and out of it.
 *
 * The host is not in the timing loop: CEN up and a burst of tokens that covers the whole
 * window are one list of steps, which the adapter executes from its own queue, and what it
 * captured meanwhile tells what happened.  A plausible identification is success at any
 * time; 00 never is a reason for another reset while the die may still be starting. */
#include "spi.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct spi_rung spi_ladder[SPI_RUNGS] = {
    { .cover_us = 70000, .poll_us = 150000, .name = "sweep" },
    { .pre_us = 5000, .burst = 2, .poll_us = 300000, .name = "two bytes after 5 ms" },
    { .cover_us = 70000, .frame = 25, .poll_us = 150000, .name = "frames of 25" },
    { .cover_us = 120000, .hz = 50000, .poll_us = 300000, .name = "50 kHz" },
    { .pre_us = 10000, .cover_us = 60000, .poll_us = 1000000, .name = "after 10 ms" },
    { .cover_us = 70000, .poll_us = 150000, .float_pins = true, .name = "pins floating in reset" },
    { .cover_us = 70000, .hz = 100000, .mode = 3, .poll_us = 300000, .name = "mode 3" },
    { .pre_us = 20000, .cover_us = 40000, .hz = 500000, .poll_us = 300000, .name = "after 20 ms" },
};

enum {
    FIRST_POLL_US = 2000,
    POLL_US = 5000,
    START_US = 2000000,      /* how long an accepted die may go on starting */
    WAKE_AFTER_US = 1000000, /* when to try to wake it */
    JITTER_FROM = 9,
    JITTER_US = 3000,
    VERIFY_TRIES = 3,
    VERIFY_IDS = 16,
    VERIFY_BYTES = 64
};

static void say(const struct spi_entry *e, const char *line)
{
    if (e->op->note)
        e->op->note(e->op, line);
}

static void log_line(const struct spi_entry *e, int32_t level, const char *line)
{
    if (e->host && e->host->log)
        e->host->log(e->host, level, line);
}

static bool stopping(const struct spi_entry *e)
{
    return e->op->should_stop && e->op->should_stop(e->op);
}

/* -- settings ------------------------------------------------------------------------------- */

bkf_status spi_settings_read(struct spi_settings *s, const bkf_props *props, const bkf_links *links,
                             bkf_error *err)
{
    const char *strategy = props->str(props, "spi_strategy");
    const char *mode = props->str(props, "spi_mode");
    *s = (struct spi_settings){
        .attempts = props->num(props, "attempts"),
        .force_reset = props->num(props, "force_reset") != 0,
        .no_entry = !strcmp(strategy, "none"),
        .only_rung = -1,
        .only_mode = -1,
        .token = (uint8_t)props->num(props, "spi_entry"),
        .entry_hz = (uint32_t)props->num(props, "entry_clock"),
        .max_hz = links->clock_hz ? links->clock_hz : (uint32_t)props->num(props, "spi_clock"),
        .reset_low_us = (uint32_t)props->num(props, "reset_low"),
        .reset_exit_us = (uint32_t)props->num(props, "reset_exit"),
    };
    if (strategy[0] >= '0' && strategy[0] < '0' + SPI_RUNGS && !strategy[1])
        s->only_rung = strategy[0] - '0';
    else if (!s->no_entry && strcmp(strategy, "ladder") != 0)
        return beken_error(err, BKF_E_PARAM, "spi_strategy '%s': use ladder, none, or 0 to %d",
                           strategy, SPI_RUNGS - 1);
    if (!strcmp(mode, "0") || !strcmp(mode, "3"))
        s->only_mode = mode[0] - '0';
    else if (strcmp(mode, "auto") != 0)
        return beken_error(err, BKF_E_PARAM, "spi_mode '%s': use auto, 0 or 3", mode);
    if (s->entry_hz > s->max_hz)
        s->entry_hz = s->max_hz;
    return BKF_OK;
}

/* -- is it there? ----------------------------------------------------------------------------- */

static bkf_status ask(struct spi_entry *e, enum spi_answer *answer, bkf_error *err)
{
    bkf_status st = spi_rdid(e, e->last_reply, err);
    if (st)
        return st;
    *answer = spi_classify(e->last_reply, e->set.token);
    e->answers[*answer]++;
    return BKF_OK;
}

/* A plausible id came: is it there again, and does the die read steadily? */
static bkf_status confirm(struct spi_entry *e, bool *in, bkf_error *err)
{
    uint8_t ref[VERIFY_BYTES];
    const uint8_t *r = e->last_reply;
    uint32_t first = (uint32_t)(r[1] << 16 | r[2] << 8 | r[3]);
    enum spi_answer answer;
    *in = false;
    bkf_status st = ask(e, &answer, err);
    if (st || answer != ANSWER_ID || (uint32_t)(r[1] << 16 | r[2] << 8 | r[3]) != first)
        return st;
    e->id = first;
    for (int i = 0; i < VERIFY_TRIES && !*in; i++) {
        st = spi_stable(e, VERIFY_IDS, ref, sizeof ref, false, in, err);
        if (st)
            return st;
    }
    e->integrity = !*in;
    return BKF_OK;
}

/* The die may sleep, or wait in continuous read for the two FF that end it. */
static bkf_status wake(struct spi_entry *e, bkf_error *err)
{
    static const uint8_t crm[] = { 0xFF, 0xFF }, res[] = { 0xAB }, rsten[] = { 0x66 },
                         rst[] = { 0x99 };
    bkf_status st = spi_frame(e, crm, NULL, sizeof crm, err);
    if (!st)
        st = spi_frame(e, res, NULL, 1, err);
    if (!st)
        st = spi_frame(e, rsten, NULL, 1, err);
    if (!st)
        st = spi_frame(e, rst, NULL, 1, err);
    if (!st)
        e->op->sleep_us(e->op, 1000);
    return st;
}

static bkf_status already_in(struct spi_entry *e, bool *in, bkf_error *err)
{
    enum spi_answer answer;
    *in = false;
    for (int i = 0; i < 2 && !*in; i++) {
        bkf_status st = ask(e, &answer, err);
        if (st)
            return st;
        if (answer == ANSWER_ID)
            st = confirm(e, in, err);
        if (st)
            return st;
    }
    e->integrity = false; /* a running application may say anything */
    return BKF_OK;
}

/* -- one attempt ----------------------------------------------------------------------- */

static bkf_status set_cen(struct spi_entry *e, uint32_t level, bkf_error *err)
{
    return e->has_cen ? e->links->signal(e->links, "cen", level, err) : BKF_OK;
}

static bkf_status park(struct spi_entry *e, uint32_t on, bkf_error *err)
{
    const bkf_spi_ops *ops = e->links->spi->ops;
    if (!BKF_HAS(bkf_spi_ops, ops, park) || !ops->park)
        return BKF_OK;
    bkf_status st = ops->park(e->links->spi->self, on, err);
    return st == BKF_E_UNSUPPORTED ? BKF_OK : st;
}

/* A reset is longer by three and ten times with every full turn of the ladder: some boards
 * have a large capacitor on CEN. */
static uint64_t stretch(uint64_t us, uint32_t attempt)
{
    static const uint32_t factors[] = { 1, 3, 10 };
    uint32_t turn = attempt ? (attempt - 1) / SPI_RUNGS : 0;
    return us * factors[turn > 2 ? 2 : turn];
}

static uint32_t pre_us(const struct spi_entry *e, const struct spi_rung *rung, uint32_t attempt)
{
    if (attempt < JITTER_FROM)
        return rung->pre_us;
    /* spreads attempts over the unknown opening time; need not be a good generator */
    uint64_t x = (attempt * 0x9E3779B97F4A7C15u) ^ e->op->now_us(e->op);
    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9u;
    int64_t us = (int64_t)rung->pre_us + (int64_t)((x >> 40) % (2 * JITTER_US + 1)) - JITTER_US;
    return us > 0 ? (uint32_t)us : 0;
}

static size_t burst_len(const struct spi_entry *e, const struct spi_rung *rung)
{
    if (rung->burst)
        return rung->burst;
    return (size_t)((uint64_t)e->hz * rung->cover_us / 8000000u) + 1;
}

/* CEN up, wait, tokens: one list. */
static bkf_status sweep(struct spi_entry *e, const struct spi_rung *rung, uint32_t wait_us,
                        uint8_t *tx, uint8_t *rx, size_t n, bkf_error *err)
{
    const bkf_spi_ops *ops = e->links->spi->ops;
    size_t frame = rung->frame ? rung->frame : n, k = 0;
    size_t cap = 2 + n / frame + 1;
    bkf_spi_step *steps = calloc(cap, sizeof *steps);
    if (!steps)
        return beken_error(err, BKF_E_NOMEM, "out of memory");
    if (e->has_cen)
        steps[k++] = (bkf_spi_step){ .kind = BKF_STEP_LINE, .line = e->cen, .value = 1 };
    if (wait_us)
        steps[k++] = (bkf_spi_step){ .kind = BKF_STEP_DELAY, .value = wait_us };
    for (size_t at = 0; at < n; at += frame) {
        size_t len = n - at < frame ? n - at : frame;
        steps[k++] =
            (bkf_spi_step){ .kind = BKF_STEP_XFER, .tx = tx + at, .rx = rx + at, .len = len };
    }
    bkf_status st = ops->run(e->links->spi->self, steps, k, err);
    free(steps);
    return st;
}

static bkf_status burst(struct spi_entry *e, const struct spi_rung *rung, uint32_t attempt,
                        double *byte_us, bkf_error *err)
{
    size_t n = burst_len(e, rung);
    uint8_t *buf = malloc(2 * n);
    if (!buf)
        return beken_error(err, BKF_E_NOMEM, "out of memory");
    memset(buf, e->set.token, n);
    uint32_t wait = pre_us(e, rung, attempt);
    uint64_t start = e->op->now_us(e->op);
    bkf_status st = sweep(e, rung, wait, buf, buf + n, n, err);
    uint64_t took = e->op->now_us(e->op) - start;
    if (!st) {
        e->last = spi_look(buf + n, n, e->set.token);
        /* two bytes cannot tell the application from the window */
        if (n >= 16 || e->last.sight == SIGHT_WINDOW || e->last.sight == SIGHT_ACCEPTED)
            e->seen[e->last.sight]++;
    }
    double nominal = 8e6 / (e->hz ? e->hz : 1);
    *byte_us = took > wait ? (double)(took - wait) / (double)n : nominal;
    free(buf);
    return st;
}

static bkf_status more_tokens(struct spi_entry *e, bkf_error *err)
{
    uint8_t tokens[16];
    memset(tokens, e->set.token, sizeof tokens);
    return spi_frame(e, tokens, NULL, sizeof tokens, err);
}

/* Ask until the flash answers or there is no hope for this attempt. */
static bkf_status poll(struct spi_entry *e, const struct spi_rung *rung, bool *in, bkf_error *err)
{
    uint64_t start = e->op->now_us(e->op), budget = rung->poll_us;
    bool accepted = e->last.sight == SIGHT_ACCEPTED, woken = false;
    bkf_status st = BKF_OK;
    *in = false;
    e->op->sleep_us(e->op, FIRST_POLL_US);
    st = spi_frame(e, NULL, NULL, 2, err);
    while (!st && !*in && !stopping(e)) {
        enum spi_answer answer = ANSWER_NOISE;
        st = ask(e, &answer, err);
        uint64_t spent = e->op->now_us(e->op) - start;
        if (!st && answer == ANSWER_ID)
            st = confirm(e, in, err);
        else if (!st && answer == ANSWER_WINDOW)
            st = more_tokens(e, err);
        /* a token in front of zeros: the handshake was taken just now */
        if (answer == ANSWER_STARTING && e->last_reply[0] == e->set.token)
            accepted = true;
        if (accepted && (answer == ANSWER_STARTING || answer == ANSWER_WINDOW))
            budget = START_US;
        bool odd = answer != ANSWER_STARTING && answer != ANSWER_WINDOW && spent > budget / 2;
        if (!st && !*in && accepted && !woken && (odd || spent >= WAKE_AFTER_US)) {
            woken = true;
            st = wake(e, err);
        }
        if (spent >= budget)
            break;
        if (!*in)
            e->op->sleep_us(e->op, POLL_US);
    }
    return st;
}

static bkf_status attempt_once(struct spi_entry *e, const struct spi_rung *rung, uint32_t attempt,
                               bool *in, bkf_error *err)
{
    char line[200];
    double byte_us = 0;
    uint32_t mode = e->set.only_mode >= 0 ? (uint32_t)e->set.only_mode : rung->mode;
    bkf_status st = spi_setup(e, mode, rung->hz ? rung->hz : e->set.entry_hz, err);
    if (!st && rung->float_pins)
        st = park(e, 1, err);
    if (!st)
        st = set_cen(e, 0, err);
    if (st)
        return st;
    if (e->has_cen)
        e->op->sleep_us(e->op, stretch(e->set.reset_low_us, attempt));
    if (rung->float_pins)
        st = park(e, 0, err);
    if (!st) {
        e->resets++;
        st = burst(e, rung, attempt, &byte_us, err);
    }
    if (!st)
        st = poll(e, rung, in, err);
    if (st)
        return st;
    spi_describe(e, rung, byte_us, line, sizeof line);
    say(e, line);
    log_line(e, BKF_LOG_DEBUG, line);
    return BKF_OK;
}

/* -- the loop -------------------------------------------------------------------------- */

static bkf_status give_up(struct spi_entry *e, bool cancelled, bkf_error *err)
{
    char why[360];
    spi_diagnose(e, why, sizeof why);
    if (!cancelled)
        return beken_error(err, BKF_E_NO_LINK, "no answer over SPI after %u resets: %s", e->resets,
                           why);
    return beken_error(err, BKF_E_CANCELLED, "cancelled after %u resets without an answer: %s",
                       e->resets, why);
}

/* With the flash on the wire: mode 0 if it works, then the fastest safe clock. */
static bkf_status settle(struct spi_entry *e, bkf_error *err)
{
    char line[120];
    if (e->mode != 0 && e->set.only_mode < 0) {
        uint8_t ref[VERIFY_BYTES];
        bool ok;
        bkf_status st = spi_setup(e, 0, e->hz, err);
        if (!st)
            st = spi_stable(e, VERIFY_IDS, ref, sizeof ref, false, &ok, err);
        if (!st && !ok)
            st = spi_setup(e, 3, e->hz, err);
        if (st)
            return st;
    }
    bkf_status st = spi_raise_clock(e, err);
    snprintf(line, sizeof line, "flash answers %06X after %u resets, SPI mode %u at %u Hz", e->id,
             e->resets, e->mode, e->hz);
    log_line(e, BKF_LOG_INFO, line);
    return st;
}

static bkf_status reset_until_in(struct spi_entry *e, bool *in, bkf_error *err)
{
    if (!e->has_cen)
        log_line(e, BKF_LOG_WARN, "CEN is not wired: power-cycle the target while this runs");
    for (uint32_t attempt = 1; !*in; attempt++) {
        if (stopping(e))
            return give_up(e, true, err);
        if (e->set.attempts && attempt > e->set.attempts)
            return give_up(e, false, err);
        size_t rung = e->set.only_rung >= 0 ? (size_t)e->set.only_rung : (attempt - 1) % SPI_RUNGS;
        bkf_status st = attempt_once(e, &spi_ladder[rung], attempt, in, err);
        if (st)
            return st;
    }
    return BKF_OK;
}

bkf_status spi_enter(struct spi_entry *e, const bkf_op *op, bkf_error *err)
{
    bkf_error ignored = BKF_ERROR_INIT;
    bool in = false;
    e->op = op;
    e->resets = 0;
    e->integrity = false;
    memset(e->seen, 0, sizeof e->seen);
    e->has_cen = !e->links->line(e->links, "cen", &e->cen, &ignored);
    uint32_t mode = e->set.only_mode >= 0 ? (uint32_t)e->set.only_mode : 0;
    bkf_status st = e->parked ? park(e, 0, err) : BKF_OK;
    e->parked = e->parked && st;
    if (!st)
        st = spi_setup(e, mode, e->set.entry_hz, err);
    if (!st)
        st = set_cen(e, 1, err);
    if (!st && (!e->set.force_reset || e->set.no_entry))
        st = already_in(e, &in, err);
    if (st)
        return st;
    if (!in && e->set.no_entry)
        return give_up(e, false, err);
    if (!in)
        st = reset_until_in(e, &in, err);
    return st ? st : settle(e, err);
}

bkf_status spi_leave(struct spi_entry *e, const bkf_op *op, uint32_t run, bkf_error *err)
{
    bkf_status st = park(e, 1, err);
    e->parked = !st;
    if (st || !run)
        return st;
    st = set_cen(e, 0, err);
    if (st)
        return st;
    op->sleep_us(op, stretch(e->set.reset_exit_us, e->resets));
    return set_cen(e, 1, err);
}
