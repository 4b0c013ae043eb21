/* program.c - page programs without a host turnaround between them.
 *
 * One step list holds many pages: write enable, program, then a status stream long enough
 * to cover the busy time.  The streams are judged afterwards.  Where a stream ends busy, the
 * die has ignored the commands behind it, so programming goes on from the page after it;
 * programming the same bytes twice changes nothing.  The length of the streams follows what
 * was seen. */
#include "engine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_PAGES = 64,
    STREAM_MIN = 4,
    STREAM_MAX = 16384,
    RETRIES = 4,
    MAX_UNKNOWN_US = 10000,
    SLACK = 3
};

enum verdict { CONFIRMED, STILL_BUSY, NOT_TAKEN, REFUSED, SILENT };

struct page {
    uint32_t off;
    size_t len;
    const uint8_t *data;
};
struct batch {
    struct page pages[BATCH_PAGES];
    size_t n;
    size_t stream; /* status bytes per page */
    uint8_t *tx, *status_tx, *rx;
    bkf_spi_step steps[3 * BATCH_PAGES];
};

static bool blank(const uint8_t *p, size_t n)
{
    return p[0] == 0xFF && (n == 1 || !memcmp(p, p + 1, n - 1));
}

/* Bytes that pass in the busy time at the rate of the link. */
static size_t first_guess(const bkf_nor *nor)
{
    uint64_t typ = nor->part.program_typ_us ? nor->part.program_typ_us : 700;
    uint64_t rate = nor->timing.read_rate ? nor->timing.read_rate : 1000000;
    uint64_t n = typ * rate / 1000000u;
    n += n / 4 + STREAM_MIN;
    return n > STREAM_MAX ? STREAM_MAX : (size_t)n;
}

static bool allocate(struct batch *b, const bkf_nor *nor)
{
    size_t page = 4 + (size_t)nor->part.page;
    b->tx = malloc(BATCH_PAGES * page);
    b->status_tx = calloc(1, 1 + STREAM_MAX);
    b->rx = NULL;
    if (b->status_tx)
        b->status_tx[0] = OP_RDSR;
    return b->tx && b->status_tx;
}

static void release(struct batch *b)
{
    free(b->tx);
    free(b->status_tx);
    free(b->rx);
}

/* The next pages of off..off+n from *done on; pages of FF need no programming. */
static void fill(struct batch *b, const bkf_nor *nor, uint32_t off, const uint8_t *data, size_t n,
                 size_t *done)
{
    uint32_t page = nor->part.page;
    b->n = 0;
    while (*done < n && b->n < BATCH_PAGES) {
        uint32_t at = off + (uint32_t)*done;
        size_t len = page - at % page;
        if (len > n - *done)
            len = n - *done;
        if (!blank(data + *done, len))
            b->pages[b->n++] = (struct page){ at, len, data + *done };
        *done += len;
    }
}

static bkf_status send(struct batch *b, bkf_nor *nor, size_t first, bkf_error *err)
{
    static const uint8_t wren = OP_WREN;
    size_t count = b->n - first, k = 0;
    uint8_t *rx = realloc(b->rx, count * (1 + b->stream));
    if (!rx)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    b->rx = rx;
    uint8_t *tx = b->tx;
    for (size_t i = 0; i < count; i++) {
        const struct page *p = &b->pages[first + i];
        nor_address(tx, OP_PROGRAM, p->off);
        memcpy(tx + 4, p->data, p->len);
        b->steps[k++] = (bkf_spi_step){ .kind = BKF_STEP_XFER, .tx = &wren, .len = 1 };
        b->steps[k++] = (bkf_spi_step){ .kind = BKF_STEP_XFER, .tx = tx, .len = 4 + p->len };
        b->steps[k++] = (bkf_spi_step){ .kind = BKF_STEP_XFER,
                                        .tx = b->status_tx,
                                        .rx = rx + i * (1 + b->stream),
                                        .len = 1 + b->stream };
        tx += 4 + p->len;
    }
    return nor_run(nor, b->steps, k, err);
}

/* *ready = index of the first status byte without WIP. */
static enum verdict judge(const uint8_t *status, size_t n, size_t *ready)
{
    *ready = 0;
    if (status[0] == 0xFF && status[n - 1] == 0xFF)
        return SILENT;
    if (!(status[0] & SR_WIP))
        return status[0] & SR_WEL ? NOT_TAKEN : REFUSED;
    if (status[n - 1] & SR_WIP)
        return STILL_BUSY;
    while (status[*ready] & SR_WIP)
        ++*ready;
    return CONFIRMED;
}

static void adapt(bkf_nor *nor, size_t longest, size_t shortest)
{
    size_t want = longest + longest / 64 + (longest - shortest) / 4 + 2;
    /* grow at once, shrink slowly: an overrun costs more than a few bytes */
    nor->busy_bytes =
        want >= nor->busy_bytes ? want : nor->busy_bytes - (nor->busy_bytes - want + 3) / 4;
    if (nor->busy_bytes > STREAM_MAX)
        nor->busy_bytes = STREAM_MAX;
}

static bkf_status page_error(bkf_nor *nor, const struct page *p, enum verdict v, uint8_t sr,
                             bkf_error *err)
{
    uint32_t value = 0;
    bkf_error ignored = BKF_ERROR_INIT;
    if (v == SILENT)
        return error_set(
            err, BKF_E_LINK_LOST,
            "program at 0x%06x: the status register reads FF: the flash does not answer "
            "any more; check MISO (%s) and the supply",
            p->off, nor_where(nor, "miso"));
    if (v == NOT_TAKEN)
        return error_set(
            err, BKF_E_PROTOCOL,
            "program at 0x%06x: the flash did not take the command (status %02X): shorten "
            "the wires or lower the clock",
            p->off, sr);
    nor_status_value(nor, &value, &ignored);
    return error_set(
        err, BKF_E_PROTECTED,
        "program at 0x%06x: refused by the flash, it ended at once (status %0*X): the page "
        "is write-protected",
        p->off, (int)(2 * nor->part.sr_count), value);
}

/* A stream that was too short: wait the rest out; the page itself is done then. */
static bkf_status wait_page(bkf_nor *nor, const bkf_op *op, const struct page *p, bkf_error *err)
{
    char what[48];
    uint64_t max = nor->part.program_max_us ? nor->part.program_max_us : MAX_UNKNOWN_US;
    const struct nor_patience wait = { 0, 100, max * SLACK + 10000 };
    snprintf(what, sizeof what, "program at 0x%06x", p->off);
    return nor_wait(nor, op, wait, what, NULL, err);
}

/* Sends and judges until every page of the batch is confirmed.  *sent counts pages that
 * the die took, for honest effects. */
static bkf_status run_batch(struct batch *b, bkf_nor *nor, const bkf_op *op, size_t *sent,
                            bkf_error *err)
{
    size_t first = 0;
    int retries = 0;
    while (first < b->n) {
        b->stream = nor->busy_bytes;
        bkf_status st = send(b, nor, first, err);
        if (st || !b->rx) {
            error_effect(err, BKF_EFFECT_UNKNOWN);
            return st;
        }
        size_t longest = 0, shortest = b->stream, ready, at = first;
        enum verdict v = CONFIRMED;
        const uint8_t *status = b->rx;
        for (; at < b->n; at++, status += 1 + b->stream) {
            v = judge(status + 1, b->stream, &ready);
            if (v != CONFIRMED)
                break;
            longest = ready > longest ? ready : longest;
            shortest = ready < shortest ? ready : shortest;
        }
        *sent += at - first;
        retries = at > first ? 0 : retries;
        first = at;
        if (v == CONFIRMED) {
            adapt(nor, longest, shortest);
            continue;
        }
        if (v == STILL_BUSY) {
            adapt(nor, b->stream + b->stream / 4, b->stream);
            st = wait_page(nor, op, &b->pages[at], err);
            if (st) {
                error_effect(err, BKF_EFFECT_UNKNOWN);
                return st;
            }
            ++*sent;
            first++;
        } else if (++retries > RETRIES) {
            return page_error(nor, &b->pages[at], v, status[1], err);
        } else if (v == REFUSED && nor->unlocked && retries == 2) {
            bkf_error ignored = BKF_ERROR_INIT;
            nor_unlock(nor, op, &ignored);
        }
    }
    return BKF_OK;
}

bkf_status nor_program(bkf_nor *nor, const bkf_op *op, uint32_t off, const uint8_t *data, size_t n,
                       bkf_error *err)
{
    bkf_status st = nor_check_range(nor, off, n, err);
    if (st)
        return st;
    struct batch *b = calloc(1, sizeof *b);
    if (!b || !allocate(b, nor)) {
        if (b)
            release(b);
        free(b);
        return error_set(err, BKF_E_NOMEM, "out of memory");
    }
    if (!nor->busy_bytes)
        nor->busy_bytes = first_guess(nor);
    size_t done = 0, sent = 0;
    uint64_t began = op->now_us(op);
    while (!st && done < n) {
        fill(b, nor, off, data, n, &done);
        st = run_batch(b, nor, op, &sent, err);
        if (!st) {
            nor_progress(op, done, n);
            if (done < n && nor_stopping(op))
                st = nor_cancelled(err, "programming");
        }
    }
    if (st && sent)
        error_effect(err, BKF_EFFECT_PARTIAL);
    if (!st && sent) {
        st = nor_still_there(nor, "programming", off, n, err);
        if (st)
            error_effect(err, BKF_EFFECT_UNKNOWN);
    }
    uint64_t us = op->now_us(op) - began;
    if (!st && us && sent >= BATCH_PAGES)
        nor->timing.write_rate = (uint32_t)((uint64_t)sent * nor->part.page * 1000000u / us);
    release(b);
    free(b);
    return st;
}
