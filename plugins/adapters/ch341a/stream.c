/* stream.c - packets and answers as USB transfers.  The chip holds only a few answers and
 * then takes no more commands, so as many IN transfers as there are answers to come, up to
 * IN_TRANSFERS, are always posted before the OUT transfer that causes them; several OUT
 * transfers are queued, so the wire is never idle between two of them. */
#include "ch341a.h"
#include <stdlib.h>
#include <string.h>

enum { STALL_MS = 2000, PACKET_MS = 1000, DRAIN_MS = 5, DRAIN_MAX = 64, CANCEL_MS = 1000 };

/* -- completions --------------------------------------------------------------------------- */
struct task {
    struct stream *s;
    struct packets *p;
    unsigned slot;
};

static void LIBUSB_CALL out_done(struct libusb_transfer *t)
{
    struct task *task = t->user_data;
    struct stream *s = task->s;
    s->out_busy[task->slot] = false;
    s->out_flight--;
    if (usb_flow_good(&s->f, t) && t->actual_length != t->length)
        usb_flow_failed(&s->f, BKF_E_IO, LIBUSB_ERROR_IO, "it took only part of a transfer");
}

static void LIBUSB_CALL in_done(struct libusb_transfer *t)
{
    struct task *task = t->user_data;
    struct stream *s = task->s;
    s->in_flight--;
    if (!usb_flow_good(&s->f, t) || s->f.status)
        return;
    unsigned want = s->expect[s->expect_first];
    s->expect_first = (s->expect_first + 1) % EXPECT_MAX;
    s->expect_n--;
    s->expect_posted--;
    if (t->actual_length != (int)want) {
        usb_flow_failed(&s->f, BKF_E_PROTOCOL, 0,
                        "an answer has the wrong length, bytes were lost on USB");
        return;
    }
    packets_answer(task->p, t->buffer, want);
}

/* -- submitting ------------------------------------------------------------------------------ */
static void post_in(bkf_adapter *a, struct task *task)
{
    struct stream *s = &a->s;
    while (!s->f.status && s->in_flight < IN_TRANSFERS && s->expect_posted < s->expect_n) {
        unsigned slot = s->in_next;
        libusb_fill_bulk_transfer(s->in[slot], a->usb, CH_EP_IN, s->in_buf + slot * CH_PACKET,
                                  CH_PACKET, in_done, task, 0);
        usb_flow_submit(&s->f, s->in[slot], &s->in_flight);
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
    if (s->f.status)
        return false;
    s->out_busy[slot] = true;
    usb_flow_submit(&s->f, s->out[slot], &s->out_flight);
    return !s->f.status;
}

static bool serve(bkf_adapter *a, unsigned ms)
{
    return usb_flow_serve(&a->s.f, a->ctx, ms);
}

static void cancel_all(bkf_adapter *a)
{
    struct stream *s = &a->s;
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        (void)libusb_cancel_transfer(s->out[i]); /* those not in flight say so */
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        (void)libusb_cancel_transfer(s->in[i]);
    uint64_t start = usb_now_ms();
    while (s->in_flight + s->out_flight && usb_now_ms() - start < CANCEL_MS)
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
    if (a->gone || !usb_still_there(a->usb, &a->gone))
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
    usb_log(a->host, BKF_LOG_WARN, "%s: stuck, resetting it; its lines may glitch", a->unit);
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
    struct usb_flow *f = &a->s.f;
    a->gone |= f->status == BKF_E_NO_DEVICE;
    recover(a);
    if (a->gone)
        f->status = BKF_E_NO_DEVICE;
    return usb_flow_report(f, "CH341A", a->unit, "check cable and hub (a USB 2 hub helps)", err);
}

/* -- interface ------------------------------------------------------------------------- */
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
    return ok ? BKF_OK : usb_fail(err, BKF_E_NOMEM, 0, "out of memory");
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
        return usb_fail(err, BKF_E_NO_DEVICE, 0, "CH341A %s has vanished", a->unit);
    if (s->in_flight + s->out_flight)
        return usb_fail(err, BKF_E_IO, 0, "CH341A %s: the host still holds transfers; unplug it",
                        a->unit);
    usb_flow_begin(&s->f);
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
    while (!s->f.status) {
        while (!s->f.status && !s->out_busy[slot] && post_out(a, &task[slot], p))
            slot = (slot + 1) % OUT_TRANSFERS;
        post_in(a, &task[0]);
        if (s->f.status || !(s->in_flight + s->out_flight))
            break;
        if (!serve(a, STALL_MS))
            usb_flow_failed(&s->f, BKF_E_TIMEOUT, LIBUSB_ERROR_TIMEOUT, "it stopped answering");
    }
    if (!s->f.status)
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
        usb_flow_failed(&a->s.f, BKF_E_PROTOCOL, 0, "an answer has the wrong length");
    if (r == LIBUSB_ERROR_NO_DEVICE)
        usb_flow_failed(&a->s.f, BKF_E_NO_DEVICE, r, "");
    else if (r)
        usb_flow_failed(&a->s.f, r == LIBUSB_ERROR_TIMEOUT ? BKF_E_TIMEOUT : BKF_E_IO, r,
                        "it does not take commands");
    if (a->s.f.status)
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
    usb_flow_failed(&a->s.f, r == LIBUSB_ERROR_NO_DEVICE ? BKF_E_NO_DEVICE : BKF_E_IO, r,
                    "it never stops answering");
    return report(a, err);
}
