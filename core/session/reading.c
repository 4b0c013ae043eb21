/* reading.c - a range of flash into a file, then proof of every byte.
 *
 * First pass: every readable piece, 64 KiB at a time.  With a device CRC each piece is
 * proven at once and only sectors that fail are read again; a blank piece is recognised
 * by its CRC and not transferred where that is faster.  Without one a second pass reads
 * everything again after the first, so that a change in between is seen too; sectors
 * that differ are read until two readings agree, or are reported.
 * Memory stays at a few pieces whatever the size: the file is the buffer.
 *
 * With a log (readlog.h) every piece that is in the file, or proven, is recorded there, and
 * what the log has from an earlier run is not read or proven again. */
#include "readlog.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void range_list_add(struct range_list *l, uint32_t start, uint32_t end)
{
    if (l->n && l->items[l->n - 1].end == start) {
        l->items[l->n - 1].end = end;
        return;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        bkf_range *items = realloc(l->items, cap * sizeof *items);
        if (!items) {
            l->failed = true;
            return;
        }
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = (bkf_range){ start, end };
}

uint64_t range_list_bytes(const struct range_list *l)
{
    uint64_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += range_len(l->items[i]);
    return n;
}

void range_list_free(struct range_list *l)
{
    free(l->items);
    *l = (struct range_list){ 0 };
}

/* -- the file as memory ------------------------------------------------------------------ */

static bkf_status put(const struct reading *r, uint32_t off, const uint8_t *p, size_t n,
                      bkf_error *err)
{
    off_t at = (off_t)(off - r->range.start);
    while (n) {
        ssize_t k = pwrite(r->fd, p, n, at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return error_os(err, BKF_E_FILE, errno, "cannot write the output: %s",
                            strerror(k ? errno : ENOSPC));
        p += k;
        at += k;
        n -= (size_t)k;
    }
    return BKF_OK;
}

static bkf_status get(const struct reading *r, uint32_t off, uint8_t *p, size_t n, bkf_error *err)
{
    off_t at = (off_t)(off - r->range.start);
    while (n) {
        ssize_t k = pread(r->fd, p, n, at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return error_os(err, BKF_E_FILE, k ? errno : 0, "cannot read the output back: %s",
                            k ? strerror(errno) : "it became shorter");
        p += k;
        at += k;
        n -= (size_t)k;
    }
    return BKF_OK;
}

static bkf_status put_erased(const struct reading *r, uint32_t start, uint32_t end, uint8_t *buf,
                             bkf_error *err)
{
    bkf_status st = BKF_OK;
    memset(buf, 0xFF, CHUNK);
    while (start < end && !st) {
        uint32_t n = end - start < CHUNK ? end - start : CHUNK;
        st = put(r, start, buf, n, err);
        start += n;
    }
    return st;
}

/* -- proof by device CRC -------------------------------------------------------------------- */

/* Sector by sector: only those whose CRC differs are read again. */
static bkf_status mend_by_crc(struct reading *r, const bkf_digest_ops *d, uint32_t off,
                              uint8_t *buf, size_t n, bkf_error *err)
{
    bkf_session *s = r->session;
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < n && !st; i += SECTOR) {
        size_t len = n - i < SECTOR ? n - i : SECTOR;
        uint32_t want = 0;
        int tries = 0;
        st = chunk_crc(s, d, off + (uint32_t)i, len, &want, err);
        while (!st && crc32_update(0, buf + i, len) != want && tries++ < READ_TRIES) {
            s->stats.rereads++;
            st = chunk_read(s, off + (uint32_t)i, buf + i, len, err);
        }
        if (!st && crc32_update(0, buf + i, len) != want)
            range_list_add(&r->unstable, off + (uint32_t)i, off + (uint32_t)(i + len));
        else if (!st)
            r->by_crc += len;
    }
    return st;
}

static bool is_sampled(const struct reading *r, uint32_t off)
{
    if (r->verify == BKF_VERIFY_FULL)
        return true;
    uint32_t i = (off - r->range.start) / CHUNK;
    return r->verify == BKF_VERIFY_SAMPLE && (i % 16 == 0 || r->range.end - off <= CHUNK);
}

static bkf_status read_with_crc(struct reading *r, const bkf_digest_ops *d, uint32_t off,
                                uint8_t *buf, size_t n, bkf_error *err)
{
    bkf_session *s = r->session;
    bool ahead = d->crc_rate && d->read_rate && d->crc_rate > d->read_rate;
    uint32_t want = 0;
    bkf_status st = BKF_OK;
    if (ahead) {
        st = chunk_crc(s, d, off, n, &want, err);
        memset(buf, 0xFF, n);
        if (!st && crc32_update(0, buf, n) == want) {
            r->by_crc += n;
            r->blank_skipped += n;
            return BKF_OK;
        }
    }
    if (!st)
        st = chunk_read(s, off, buf, n, err);
    if (!st && !ahead)
        st = chunk_crc(s, d, off, n, &want, err);
    if (st)
        return st;
    if (crc32_update(0, buf, n) == want) {
        r->by_crc += n;
        return BKF_OK;
    }
    size_t sector_ok = SECTOR % d->granule == 0 && n % SECTOR == 0;
    if (sector_ok)
        return mend_by_crc(r, d, off, buf, n, err);
    range_list_add(&r->unstable, off, off + (uint32_t)n);
    return BKF_OK;
}

/* -- first pass ------------------------------------------------------------------------ */

/* Ends at the next 64 KiB boundary of flash, so that blocks and device CRCs line up. */
static uint32_t chunk_end(uint32_t off, uint32_t end)
{
    uint64_t next = ((uint64_t)off / CHUNK + 1) * CHUNK;
    return next < end ? (uint32_t)next : end;
}

/* A refusal of the driver in the middle of its own window is a hole, not the end. */
static bool is_hole(bkf_status st)
{
    return st == BKF_E_UNPROVEN || st == BKF_E_PROTECTED;
}

/* Holes and what never read the same twice are left to the next run, or another route. */
static bool is_sound(const struct reading *r, uint64_t bad_before)
{
    return range_list_bytes(&r->holes) + range_list_bytes(&r->unstable) == bad_before;
}

static bool held(const struct reading *r, uint32_t off, uint32_t end)
{
    return r->log && readlog_held(r->log, (bkf_range){ off, end });
}

static bool is_proven(const struct reading *r, uint32_t off, uint32_t end)
{
    bkf_range piece = { off, end };
    return r->log &&
           (readlog_has(r->log, CLAIM_CRC, piece) || readlog_has(r->log, CLAIM_SECOND, piece));
}

static void record_first(struct reading *r, bkf_range piece, bool by_crc)
{
    if (!r->log)
        return;
    readlog_add(r->log, CLAIM_READ, piece);
    if (by_crc)
        readlog_add(r->log, CLAIM_CRC, piece);
    readlog_sync(r->log, r->session, r->fd, false);
}

static bkf_status first_chunk(struct reading *r, uint32_t off, uint32_t end, uint8_t *buf,
                              bkf_error *err)
{
    size_t n = end - off;
    uint64_t bad = range_list_bytes(&r->holes) + range_list_bytes(&r->unstable);
    const bkf_digest_ops *d = is_sampled(r, off) ? chunk_digest(r->session, off, n) : NULL;
    bkf_status st =
        d ? read_with_crc(r, d, off, buf, n, err) : chunk_read(r->session, off, buf, n, err);
    if (is_hole(st)) {
        session_log(r->session, BKF_LOG_WARN, "0x%06x..0x%06x not read: %s", off, end,
                    err->message);
        range_list_add(&r->holes, off, end);
        memset(buf, 0xFF, n);
        st = BKF_OK;
    }
    st = st ? session_failed(r->session, err) : put(r, off, buf, n, err);
    if (!st && is_sound(r, bad))
        record_first(r, (bkf_range){ off, end }, d != NULL);
    return st;
}

static uint64_t first_total(const struct reading *r, const bkf_range *pieces, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        for (uint32_t off = pieces[i].start; off < pieces[i].end;) {
            uint32_t end = chunk_end(off, pieces[i].end);
            total += held(r, off, end) ? 0 : end - off;
            off = end;
        }
    }
    return total;
}

static bkf_status cancelled(bkf_error *err)
{
    return error_set(err, BKF_E_CANCELLED, "cancelled");
}

/* Out of reach on this route; what an earlier run read and proved on another one is no hole. */
static bkf_status first_gap(struct reading *r, uint32_t start, uint32_t end, uint8_t *buf,
                            bkf_error *err)
{
    bkf_status st = BKF_OK;
    for (uint32_t off = start; off < end && !st;) {
        uint32_t next = chunk_end(off, end);
        if (!held(r, off, next))
            st = put_erased(r, off, next, buf, err);
        if (!held(r, off, next) || (is_sampled(r, off) && !is_proven(r, off, next)))
            range_list_add(&r->holes, off, next);
        off = next;
    }
    return st;
}

static bkf_status first_pass(struct reading *r, const bkf_range *pieces, size_t n, uint8_t *buf,
                             bkf_error *err)
{
    bkf_session *s = r->session;
    uint64_t done = 0, start = op_now(s);
    uint32_t at = r->range.start;
    bkf_status st = BKF_OK;
    op_phase(s, "read", first_total(r, pieces, n));
    for (size_t i = 0; i <= n && !st; i++) {
        uint32_t gap_end = i < n ? pieces[i].start : r->range.end;
        if (at < gap_end)
            st = first_gap(r, at, gap_end, buf, err);
        at = i < n ? pieces[i].end : r->range.end;
        for (uint32_t off = gap_end; i < n && off < pieces[i].end && !st;) {
            uint32_t end = chunk_end(off, pieces[i].end);
            if (!held(r, off, end)) {
                st = op_stopped(s) ? cancelled(err) : first_chunk(r, off, end, buf, err);
                done += end - off;
            }
            off = end;
            if (!st)
                op_progress(s, done);
        }
    }
    r->read_us = op_now(s) - start;
    return st;
}

/* -- second pass ----------------------------------------------------------------------- */

static bool in_list(const struct range_list *l, uint32_t off)
{
    for (size_t i = 0; i < l->n; i++)
        if (off >= l->items[i].start && off < l->items[i].end)
            return true;
    return false;
}

/* first and again hold one chunk each; sectors that differ are settled and stored. */
static bkf_status compare_chunk(struct reading *r, uint32_t off, const uint8_t *first,
                                uint8_t *again, size_t n, bkf_error *err)
{
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < n && !st; i += SECTOR) {
        size_t len = n - i < SECTOR ? n - i : SECTOR;
        uint32_t at = off + (uint32_t)i;
        bool agreed = true;
        if (memcmp(first + i, again + i, len) != 0) {
            uint8_t settled[SECTOR];
            st = chunk_settle(r->session, at, settled, len, first + i, &agreed, err);
            if (!st)
                st = put(r, at, settled, len, err);
            if (!st)
                session_log(r->session, BKF_LOG_INFO, "sector 0x%06x: two readings differed%s", at,
                            agreed ? ", settled" : ", no two agree");
        }
        if (!st && agreed)
            r->by_second_read += len;
        else if (!st) /* not recorded as proven: the next run tries again */
            range_list_add(&r->unstable, at, at + (uint32_t)len);
    }
    return st;
}

static bkf_status second_chunk(struct reading *r, uint32_t off, uint32_t end, uint8_t *buf,
                               bkf_error *err)
{
    size_t n = end - off;
    bkf_status st = chunk_read(r->session, off, buf, n, err);
    if (st)
        return session_failed(r->session, err);
    st = get(r, off, buf + CHUNK, n, err);
    uint64_t bad = range_list_bytes(&r->unstable);
    if (!st)
        st = compare_chunk(r, off, buf + CHUNK, buf, n, err);
    if (st)
        return session_failed(r->session, err);
    if (r->log && range_list_bytes(&r->unstable) == bad) {
        readlog_add(r->log, CLAIM_SECOND, (bkf_range){ off, end });
        readlog_sync(r->log, r->session, r->fd, false);
    }
    return BKF_OK;
}

/* A device CRC has proven what this run read, not what an earlier one did without it. */
static bool needs_second(const struct reading *r, uint32_t off, uint32_t end)
{
    if (!is_sampled(r, off) || in_list(&r->holes, off) || is_proven(r, off, end))
        return false;
    return held(r, off, end) || !chunk_digest(r->session, off, end - off);
}

static uint64_t second_total(const struct reading *r, const bkf_range *pieces, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        for (uint32_t off = pieces[i].start; off < pieces[i].end;) {
            uint32_t end = chunk_end(off, pieces[i].end);
            total += needs_second(r, off, end) ? end - off : 0;
            off = end;
        }
    }
    return total;
}

static bkf_status second_pass(struct reading *r, const bkf_range *pieces, size_t n, uint8_t *buf,
                              bkf_error *err)
{
    bkf_session *s = r->session;
    uint64_t total = second_total(r, pieces, n), done = 0;
    bkf_status st = BKF_OK;
    if (!total)
        return BKF_OK;
    op_phase(s, "prove", total);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t off = pieces[i].start; off < pieces[i].end && !st;) {
            uint32_t end = chunk_end(off, pieces[i].end);
            if (op_stopped(s))
                st = cancelled(err);
            else if (needs_second(r, off, end)) {
                st = second_chunk(r, off, end, buf, err);
                done += end - off;
                op_progress(s, done);
            }
            off = end;
        }
    }
    return st;
}

/* Pieces end at 64 KiB boundaries, as in a whole second pass. */
bkf_status reading_prove(struct reading *r, const struct range_list *ranges, bkf_error *err)
{
    bkf_session *s = r->session;
    uint64_t done = 0, start = op_now(s);
    bkf_status st = BKF_OK;
    uint8_t *buf = malloc(2 * CHUNK);
    if (!buf)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    op_phase(s, "prove", range_list_bytes(ranges));
    for (size_t i = 0; i < ranges->n; i++) {
        for (uint32_t off = ranges->items[i].start; off < ranges->items[i].end && !st;) {
            uint32_t end = chunk_end(off, ranges->items[i].end);
            st = op_stopped(s) ? cancelled(err) : second_chunk(r, off, end, buf, err);
            done += end - off;
            off = end;
            if (!st)
                op_progress(s, done);
        }
    }
    free(buf);
    r->total_us += op_now(s) - start;
    return st;
}

/* -- all of it ------------------------------------------------------------------------- */

bkf_status reading_run(struct reading *r, bkf_error *err)
{
    bkf_session *s = r->session;
    bkf_range windows[WINDOWS_MAX], pieces[WINDOWS_MAX];
    uint64_t start = op_now(s);
    size_t n = session_windows(s, BKF_CAN_READ, r->size, windows, &r->hole_reason), k = 0;
    uint8_t *buf = malloc(2 * CHUNK);
    if (!buf)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        bkf_range piece = range_intersect(windows[i], r->range);
        if (piece.start < piece.end)
            pieces[k++] = piece;
    }
    if (r->log) {
        r->by_crc = readlog_bytes(r->log, CLAIM_CRC);
        r->by_second_read = readlog_bytes(r->log, CLAIM_SECOND);
    }
    bkf_status st = first_pass(r, pieces, k, buf, err);
    if (!st && r->log)
        readlog_sync(r->log, s, r->fd, true);
    if (!st && r->verify != BKF_VERIFY_NONE)
        st = second_pass(r, pieces, k, buf, err);
    if (r->log)
        readlog_sync(r->log, s, r->fd, true); /* also when interrupted: nothing is lost */
    free(buf);
    r->total_us = op_now(s) - start;
    if (!st && (r->holes.failed || r->unstable.failed))
        st = error_set(err, BKF_E_NOMEM, "out of memory");
    return st;
}

void reading_free(struct reading *r)
{
    range_list_free(&r->holes);
    range_list_free(&r->unstable);
}
