/* stream.c - a command buffer and its answers over USB.  The chip has one or a few KiB of
 * FIFO each way and stops clocking when the host does not read, so IN transfers for all
 * that is to come, up to IN_TRANSFERS, are posted before the commands go out.  Every IN
 * packet begins with two status bytes. */
#include "ft232h.h"
#include <stdlib.h>
#include <string.h>

enum { STALL_MS = 2000, CANCEL_MS = 1000, STATUS_BYTES = 2 };

struct task {
    bkf_adapter *a;
    struct commands *c;
    uint8_t *small; /* instead of steps: n bytes to here */
    size_t left;    /* payload still to come */
};
struct slot {
    struct task *task;
    unsigned index;
};

static size_t payload_of(const bkf_adapter *a, size_t bytes)
{
    size_t packets = bytes / a->packet, rest = bytes % a->packet;
    return packets * (a->packet - STATUS_BYTES) + (rest > STATUS_BYTES ? rest - STATUS_BYTES : 0);
}

static void deliver(struct task *t, const uint8_t *d, size_t n)
{
    if (n > t->left) {
        usb_flow_failed(&t->a->s.f, BKF_E_PROTOCOL, 0, "it answered more than was asked");
        n = t->left;
    }
    if (t->small) {
        memcpy(t->small, d, n);
        t->small += n;
    } else {
        commands_answer(t->c, d, n);
    }
    t->left -= n;
}

static void LIBUSB_CALL in_done(struct libusb_transfer *x)
{
    struct slot *slot = x->user_data;
    struct task *t = slot->task;
    bkf_adapter *a = t->a;
    struct stream *s = &a->s;
    s->in_busy[slot->index] = false;
    s->flight--;
    s->promised -= payload_of(a, (size_t)x->length);
    if (!usb_flow_good(&s->f, x) || s->f.status)
        return;
    size_t n = (size_t)x->actual_length;
    for (size_t at = 0; at < n; at += a->packet) {
        size_t k = n - at < a->packet ? n - at : a->packet;
        if (k < STATUS_BYTES) {
            usb_flow_failed(&s->f, BKF_E_PROTOCOL, 0, "a packet came without its status bytes");
            return;
        }
        deliver(t, x->buffer + at + STATUS_BYTES, k - STATUS_BYTES);
    }
}

static void LIBUSB_CALL out_done(struct libusb_transfer *x)
{
    struct slot *slot = x->user_data;
    struct stream *s = &slot->task->a->s;
    s->out_busy[slot->index] = false;
    s->flight--;
    if (usb_flow_good(&s->f, x) && x->actual_length != x->length)
        usb_flow_failed(&s->f, BKF_E_IO, LIBUSB_ERROR_IO, "it took only part of a transfer");
}

static void post_in(struct task *t, struct slot *slots)
{
    bkf_adapter *a = t->a;
    struct stream *s = &a->s;
    while (!s->f.status && s->promised < t->left && !s->in_busy[s->in_next]) {
        unsigned i = s->in_next;
        size_t packets = (t->left - s->promised + a->packet - 3) / (a->packet - STATUS_BYTES);
        size_t bytes = packets * a->packet < IN_BYTES ? packets * a->packet : IN_BYTES;
        libusb_fill_bulk_transfer(s->in[i], a->ftdi->usb_dev, a->ep_in, s->in_buf + i * IN_BYTES,
                                  (int)bytes, in_done, &slots[i], 0);
        if (!usb_flow_submit(&s->f, s->in[i], &s->flight))
            return;
        s->in_busy[i] = true;
        s->promised += payload_of(a, bytes);
        s->in_next = (i + 1) % IN_TRANSFERS;
    }
}

static void post_out(struct task *t, struct slot *slots, size_t *at, unsigned *next)
{
    bkf_adapter *a = t->a;
    struct stream *s = &a->s;
    while (!s->f.status && *at < a->cmd.n && !s->out_busy[*next]) {
        unsigned i = *next;
        size_t n = a->cmd.n - *at < OUT_BYTES ? a->cmd.n - *at : OUT_BYTES;
        libusb_fill_bulk_transfer(s->out[i], a->ftdi->usb_dev, a->ep_out, a->cmd.data + *at, (int)n,
                                  out_done, &slots[i], 0);
        if (!usb_flow_submit(&s->f, s->out[i], &s->flight))
            return;
        s->out_busy[i] = true;
        *at += n;
        *next = (i + 1) % OUT_TRANSFERS;
    }
}

static bool serve(bkf_adapter *a, uint64_t ms)
{
    return usb_flow_serve(&a->s.f, a->ftdi->usb_ctx, ms);
}

static void cancel_all(bkf_adapter *a)
{
    struct stream *s = &a->s;
    s->f.cancelling = true;
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        if (s->out_busy[i])
            (void)libusb_cancel_transfer(s->out[i]);
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        if (s->in_busy[i])
            (void)libusb_cancel_transfer(s->in[i]);
    uint64_t start = usb_now_ms();
    while (s->flight && usb_now_ms() - start < CANCEL_MS)
        (void)serve(a, CANCEL_MS);
}

/* The engine may be in the middle of a command: leaving MPSSE mode ends it. */
static void recover(bkf_adapter *a)
{
    static const uint8_t tries = 2;
    a->cs_low = false;
    bool was = a->configured;
    for (uint8_t i = 0; i < tries && !a->gone; i++) {
        libusb_clear_halt(a->ftdi->usb_dev, a->ep_in);
        libusb_clear_halt(a->ftdi->usb_dev, a->ep_out);
        if (!ft_start_engine(a, NULL)) {
            a->configured = false;
            a->cmd.n = 0;
            if (was) {
                const uint8_t config[] = { MPSSE_60MHZ,
                                           MPSSE_NOT_ADAPTIVE,
                                           MPSSE_1PHASE,
                                           MPSSE_LOOP_OFF,
                                           MPSSE_DIVISOR,
                                           (uint8_t)a->divisor,
                                           (uint8_t)(a->divisor >> 8) };
                put(&a->cmd, config, sizeof config);
            }
            put_ports(a, &a->cmd);
            a->configured = was;
            if (!stream_small(a, NULL, 0, NULL))
                return;
        }
        if (a->gone)
            return;
        usb_log(a->host, BKF_LOG_WARN, "%s: stuck, resetting it; its lines may glitch", a->path);
        int r = libusb_reset_device(a->ftdi->usb_dev);
        if (r == LIBUSB_ERROR_NOT_FOUND || r == LIBUSB_ERROR_NO_DEVICE)
            a->gone = true;
    }
}

static bkf_status report(bkf_adapter *a, bkf_error *err)
{
    struct usb_flow *f = &a->s.f;
    if (a->gone)
        f->status = BKF_E_NO_DEVICE;
    a->gone |= f->status == BKF_E_NO_DEVICE;
    return usb_flow_report(f, a->name, a->path, "check cable and hub", err);
}

bkf_status stream_new(bkf_adapter *a, bkf_error *err)
{
    struct stream *s = &a->s;
    s->in_buf = malloc(IN_TRANSFERS * IN_BYTES);
    bool ok = s->in_buf != NULL;
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        ok &= (s->in[i] = libusb_alloc_transfer(0)) != NULL;
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        ok &= (s->out[i] = libusb_alloc_transfer(0)) != NULL;
    return ok ? BKF_OK : usb_fail(err, BKF_E_NOMEM, 0, "out of memory");
}

void stream_free(bkf_adapter *a)
{
    struct stream *s = &a->s;
    if (s->flight) /* the host still writes there; better lose it */
        return;
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        libusb_free_transfer(s->in[i]);
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        libusb_free_transfer(s->out[i]);
    free(s->in_buf);
    free(a->cmd.data);
}

static void transfer(struct task *t, uint64_t stall_ms)
{
    bkf_adapter *a = t->a;
    struct stream *s = &a->s;
    struct slot in[IN_TRANSFERS], out[OUT_TRANSFERS];
    for (unsigned i = 0; i < IN_TRANSFERS; i++)
        in[i] = (struct slot){ t, i };
    for (unsigned i = 0; i < OUT_TRANSFERS; i++)
        out[i] = (struct slot){ t, i };
    size_t at = 0, before = SIZE_MAX;
    unsigned next = 0;
    uint64_t since = usb_now_ms();
    while (!s->f.status) {
        post_in(t, in);
        post_out(t, out, &at, &next);
        unsigned busy = 0;
        for (unsigned i = 0; i < OUT_TRANSFERS; i++)
            busy += s->out_busy[i];
        if (s->f.status || (at == a->cmd.n && !busy && !t->left))
            break;
        /* Packets without payload, which come for ever, are no progress. */
        size_t now = t->left + (a->cmd.n - at) + busy;
        if (now != before)
            since = usb_now_ms();
        before = now;
        uint64_t spent = usb_now_ms() - since;
        if (spent >= stall_ms || !serve(a, stall_ms - spent))
            usb_flow_failed(&s->f, BKF_E_TIMEOUT, LIBUSB_ERROR_TIMEOUT, "it stopped answering");
    }
    cancel_all(a); /* after success: a transfer posted for a packet that came in two parts */
}

static bkf_status begin(bkf_adapter *a, bkf_error *err)
{
    struct stream *s = &a->s;
    if (a->gone)
        return usb_fail(err, BKF_E_NO_DEVICE, 0, "%s %s has vanished", a->name, a->path);
    if (s->flight)
        return usb_fail(err, BKF_E_IO, 0, "%s %s: the host still holds transfers; unplug it",
                        a->name, a->path);
    if (a->cmd.failed) {
        a->cmd.failed = false;
        return usb_fail(err, BKF_E_NOMEM, 0, "out of memory");
    }
    usb_flow_begin(&s->f);
    s->promised = 0;
    return BKF_OK;
}

bkf_status stream_run(bkf_adapter *a, struct commands *c, bkf_error *err)
{
    bkf_status st = begin(a, err);
    if (st)
        return st;
    struct task t = { .a = a, .c = c, .left = c->answers };
    transfer(&t, STALL_MS + c->us / 500);
    if (!a->s.f.status)
        return BKF_OK;
    bool there = usb_still_there(a->ftdi->usb_dev, &a->gone);
    st = report(a, err);
    if (there)
        recover(a);
    return st;
}

bkf_status stream_small(bkf_adapter *a, uint8_t *answer, size_t n, bkf_error *err)
{
    bkf_status st = begin(a, err);
    if (st)
        return st;
    struct task t = { .a = a, .small = answer, .left = n };
    transfer(&t, STALL_MS);
    return a->s.f.status ? report(a, err) : BKF_OK;
}
