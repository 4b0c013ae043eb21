/* stream.c - packets and answers as USB transfers.  The chip holds only a few answers and
 * then takes no more commands, so as many IN transfers as there are answers to come, up to
 * IN_TRANSFERS, are always posted before the OUT transfer that causes them; several OUT
 * transfers are queued, so the wire is never idle between two of them. */
#include "ch341a.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STALL_MS = 2000, PACKET_MS = 1000, DRAIN_MS = 5, DRAIN_MAX = 64, CANCEL_MS = 1000 };

static uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* -- completions --------------------------------------------------------------------------- */
struct task {
    struct stream *s;
    struct packets *p;
    unsigned slot;
};

static void failed(struct stream *s, bkf_status st, int code, const char *what)
{
    if (s->status)
        return;
    s->status = st;
    s->usb_code = code;
    s->what = what;
}

static bool good(struct stream *s, const struct libusb_transfer *t)
{
    switch (t->status) {
    case LIBUSB_TRANSFER_COMPLETED:
        return true;
    case LIBUSB_TRANSFER_NO_DEVICE:
        failed(s, BKF_E_NO_DEVICE, LIBUSB_ERROR_NO_DEVICE, "it was unplugged or lost power");
        return false;
    case LIBUSB_TRANSFER_STALL:
        failed(s, BKF_E_IO, LIBUSB_ERROR_PIPE, "it refused a packet (stall)");
        return false;
    case LIBUSB_TRANSFER_OVERFLOW:
        failed(s, BKF_E_PROTOCOL, LIBUSB_ERROR_OVERFLOW, "it answered with an oversized packet");
        return false;
    case LIBUSB_TRANSFER_CANCELLED:
        failed(s, BKF_E_IO, LIBUSB_ERROR_INTERRUPTED, "a transfer was cancelled");
        return false;
    default:
        failed(s, BKF_E_IO, LIBUSB_ERROR_IO, "a transfer failed on the cable");
        return false;
    }
}

static void LIBUSB_CALL out_done(struct libusb_transfer *t)
{
    struct task *task = t->user_data;
    struct stream *s = task->s;
    s->out_busy[task->slot] = false;
    s->out_flight--;
    s->events++;
    if (good(s, t) && t->actual_length != t->length)
        failed(s, BKF_E_IO, LIBUSB_ERROR_IO, "it took only part of a transfer");
}

static void LIBUSB_CALL in_done(struct libusb_transfer *t)
{
    struct task *task = t->user_data;
    struct stream *s = task->s;
    s->in_flight--;
    s->events++;
    if (!good(s, t) || s->status)
        return;
    unsigned want = s->expect[s->expect_first];
    s->expect_first = (s->expect_first + 1) % EXPECT_MAX;
    s->expect_n--;
    s->expect_posted--;
    if (t->actual_length != (int)want) {
        failed(s, BKF_E_PROTOCOL, 0, "an answer has the wrong length, bytes were lost on USB");
        return;
    }
    packets_answer(task->p, t->buffer, want);
}

/* -- submitting ------------------------------------------------------------------------------ */
static void submit(struct stream *s, struct libusb_transfer *t, unsigned *flight)
{
    int r = libusb_submit_transfer(t);
    if (r == 0)
        (*flight)++;
    else
        failed(s, r == LIBUSB_ERROR_NO_DEVICE ? BKF_E_NO_DEVICE : BKF_E_IO, r,
               r == LIBUSB_ERROR_NO_DEVICE ? "it was unplugged or lost power"
                                           : "the host refused a transfer");
}

static void post_in(bkf_adapter *a, struct task *task)
{
    struct stream *s = &a->s;
    while (!s->status && s->in_flight < IN_TRANSFERS && s->expect_posted < s->expect_n) {
        unsigned slot = s->in_next;
        libusb_fill_bulk_transfer(s->in[slot], a->usb, CH_EP_IN, s->in_buf + slot * CH_PACKET,
                                  CH_PACKET, in_done, task, 0);
        submit(s, s->in[slot], &s->in_flight);
        s->in_next = (slot + 1) % IN_TRANSFERS;
        s->expect_posted++;
    }
}

static bool post_out(bkf_adapter *a, struct task *task, struct packets *p)
{
    struct stream *s = &a->s;
    uint8_t expect[OUT_BYTES / CH_PACKET];
    size_t n_expect;
    unsigned slot = task->slot;
    if (EXPECT_MAX - s->expect_n < OUT_BYTES / CH_PACKET)
        return false;
    uint8_t *buf = s->out_buf + slot * OUT_BYTES;
    size_t n = packets_fill(p, buf, OUT_BYTES, expect, OUT_BYTES / CH_PACKET, &n_expect);
    if (!n)
        return false;
    for (size_t i = 0; i < n_expect; i++)
        s->expect[(s->expect_first + s->expect_n++) % EXPECT_MAX] = expect[i];
    post_in(a, task);
    libusb_fill_bulk_transfer(s->out[slot], a->usb, CH_EP_OUT, buf, (int)n, out_done, task, 0);
    if (s->status)
        return false;
    s->out_busy[slot] = true;
    submit(s, s->out[slot], &s->out_flight);
    return !s->status;
}

/* Serves events for at most ms; true if something completed. */
static bool serve(bkf_adapter *a, unsigned ms)
{
    uint64_t before = a->s.events, start = now_ms(), spent;
    while (a->s.events == before && (spent = now_ms() - start) < ms) {
        struct timeval tv = { (time_t)((ms - spent) / 1000),
                              (suseconds_t)((ms - spent) % 1000 * 1000) };
        int r = libusb_handle_events_timeout_completed(a->ctx, &tv, NULL);
        if (r < 0 && r != LIBUSB_ERROR_INTERRUPTED && r != LIBUSB_ERROR_TIMEOUT) {
            failed(&a->s, BKF_E_IO, r, "the USB library lost its event loop");
            break;
        }
    }
    return a->s.events != before;
}

static void cancel_all(bkf_adapter *a)
{
    struct stream *s = &a->s;
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        (void)libusb_cancel_transfer(s->out[i]); /* those not in flight say so */
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        (void)libusb_cancel_transfer(s->in[i]);
    uint64_t start = now_ms();
    while (s->in_flight + s->out_flight && now_ms() - start < CANCEL_MS)
        (void)serve(a, CANCEL_MS);
}

/* -- recovery ---------------------------------------------------------------------------------- */
static bool no_device(bkf_adapter *a, int r)
{
    if (r == LIBUSB_ERROR_NO_DEVICE)
        a->gone = true;
    return a->gone;
}

/* Answers nobody waits for would shift every later one: read until there are none. */
static int drain(bkf_adapter *a)
{
    uint8_t packet[CH_PACKET];
    int r = 0, n;
    for (int i = 0; i < DRAIN_MAX; i++) {
        r = libusb_bulk_transfer(a->usb, CH_EP_IN, packet, sizeof packet, &n, DRAIN_MS);
        if (r)
            break;
    }
    return r == LIBUSB_ERROR_TIMEOUT ? 0 : r ? r : LIBUSB_ERROR_BUSY;
}

static void clear_buffers(bkf_adapter *a)
{
    /* 40 B2: drop unfinished commands and answers; clones may stall it, no harm */
    int r = libusb_control_transfer(a->usb, 0x40, 0xB2, 0, 0, NULL, 0, PACKET_MS);
    (void)no_device(a, r);
}

/* Idle levels out, and the pins back as a sign of life. */
static int send_idle(bkf_adapter *a)
{
    uint8_t packet[CH_PACKET] = { CMD_UIO, ch_idle(a), ch_dir(a), UIO_IN, UIO_END };
    int n;
    int r = libusb_bulk_transfer(a->usb, CH_EP_OUT, packet, 5, &n, PACKET_MS);
    if (!r)
        r = libusb_bulk_transfer(a->usb, CH_EP_IN, packet, CH_PACKET, &n, PACKET_MS);
    return r || n == 1 ? r : LIBUSB_ERROR_IO;
}

/* After a failure: nothing in flight, no stale answers, chip select high, CEN as it was. */
static void recover(bkf_adapter *a)
{
    a->cs_low = false;
    if (a->gone)
        return;
    clear_buffers(a);
    int r = drain(a);
    if (!r)
        r = send_idle(a);
    if (!r || no_device(a, r))
        return;
    libusb_clear_halt(a->usb, CH_EP_OUT);
    libusb_clear_halt(a->usb, CH_EP_IN);
    clear_buffers(a);
    r = drain(a);
    if (!r)
        r = send_idle(a);
    if (!r || no_device(a, r))
        return;
    ch_log(a, BKF_LOG_WARN, "%s: stuck, resetting it; its lines may glitch", a->unit);
    r = libusb_reset_device(a->usb);
    if (r == LIBUSB_ERROR_NOT_FOUND)
        a->gone = true;
    if (no_device(a, r))
        return;
    (void)drain(a);
    (void)send_idle(a);
}

static bkf_status report(bkf_adapter *a, bkf_error *err)
{
    struct stream *s = &a->s;
    if (s->status == BKF_E_NO_DEVICE)
        a->gone = true;
    recover(a);
    if (a->gone)
        return ch_fail(err, BKF_E_NO_DEVICE, s->usb_code,
                       "CH341A %s has vanished: unplugged, or the target draws too much power "
                       "from it; plug it in again and start over",
                       a->unit);
    return ch_fail(err, s->status, s->usb_code,
                   "CH341A %s: %s%s%s; check cable and hub (a USB 2 hub helps), then try again",
                   a->unit, s->what, s->usb_code ? ": " : "",
                   s->usb_code ? libusb_error_name(s->usb_code) : "");
}

/* -- interface ------------------------------------------------------------------------------------
 */
bkf_status stream_new(bkf_adapter *a, bkf_error *err)
{
    struct stream *s = &a->s;
    s->out_buf = malloc(OUT_TRANSFERS * OUT_BYTES);
    s->in_buf = malloc(IN_TRANSFERS * CH_PACKET);
    bool ok = s->out_buf && s->in_buf;
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        ok &= (s->out[i] = libusb_alloc_transfer(0)) != NULL;
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        ok &= (s->in[i] = libusb_alloc_transfer(0)) != NULL;
    return ok ? BKF_OK : ch_fail(err, BKF_E_NOMEM, 0, "out of memory");
}

void stream_free(bkf_adapter *a)
{
    struct stream *s = &a->s;
    if (s->in_flight + s->out_flight) /* the host still writes there; better lose it */
        return;
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        libusb_free_transfer(s->out[i]);
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        libusb_free_transfer(s->in[i]);
    free(s->out_buf);
    free(s->in_buf);
}

static bkf_status usable(bkf_adapter *a, bkf_error *err)
{
    struct stream *s = &a->s;
    if (a->gone)
        return ch_fail(err, BKF_E_NO_DEVICE, 0, "CH341A %s has vanished", a->unit);
    if (s->in_flight + s->out_flight)
        return ch_fail(err, BKF_E_IO, 0, "CH341A %s: the host still holds transfers; unplug it",
                       a->unit);
    s->status = BKF_OK;
    s->usb_code = 0;
    s->expect_first = s->expect_n = s->expect_posted = 0;
    return BKF_OK;
}

bkf_status stream_run(bkf_adapter *a, struct packets *p, bkf_error *err)
{
    struct stream *s = &a->s;
    struct task task[OUT_TRANSFERS];
    bkf_status st = usable(a, err);
    if (st)
        return st;
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        task[i] = (struct task){ s, p, i };
    unsigned slot = 0;
    while (!s->status) {
        while (!s->status && !s->out_busy[slot] && post_out(a, &task[slot], p))
            slot = (slot + 1) % OUT_TRANSFERS;
        post_in(a, &task[0]);
        if (s->status || !(s->in_flight + s->out_flight))
            break;
        if (!serve(a, STALL_MS))
            failed(s, BKF_E_TIMEOUT, LIBUSB_ERROR_TIMEOUT, "it stopped answering");
    }
    if (!s->status)
        return BKF_OK;
    cancel_all(a);
    return report(a, err);
}

bkf_status stream_packet(bkf_adapter *a, const uint8_t *packet, size_t len, uint8_t *answer,
                         size_t n, bkf_error *err)
{
    uint8_t buf[CH_PACKET];
    int done = 0;
    bkf_status st = usable(a, err);
    if (st)
        return st;
    memcpy(buf, packet, len);
    int r = libusb_bulk_transfer(a->usb, CH_EP_OUT, buf, (int)len, &done, PACKET_MS);
    if (!r && n)
        r = libusb_bulk_transfer(a->usb, CH_EP_IN, buf, CH_PACKET, &done, PACKET_MS);
    if (!r && n && (size_t)done != n)
        failed(&a->s, BKF_E_PROTOCOL, 0, "an answer has the wrong length");
    if (r == LIBUSB_ERROR_NO_DEVICE)
        failed(&a->s, BKF_E_NO_DEVICE, r, "");
    else if (r)
        failed(&a->s, r == LIBUSB_ERROR_TIMEOUT ? BKF_E_TIMEOUT : BKF_E_IO, r,
               "it does not take commands");
    if (a->s.status)
        return report(a, err);
    if (n)
        memcpy(answer, buf, n);
    return BKF_OK;
}

bkf_status stream_drain(bkf_adapter *a, bkf_error *err)
{
    clear_buffers(a);
    int r = a->gone ? LIBUSB_ERROR_NO_DEVICE : drain(a);
    if (!r)
        return BKF_OK;
    failed(&a->s, r == LIBUSB_ERROR_NO_DEVICE ? BKF_E_NO_DEVICE : BKF_E_IO, r,
           "it never stops answering");
    return report(a, err);
}
