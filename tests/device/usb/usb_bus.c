/* The wire between host controller and adapter.  Bulk transactions are serial; an endpoint
 * that NAKs costs nothing but time.  Packet times are those of USB 2.0 5.11.3 without bit
 * stuffing: 13 bytes of overhead per full-speed transaction, 55 at high speed. */
#include "usb.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t packet_ns(const struct usb_bus *b, size_t n)
{
    return b->class->mbit == 12 ? (13 + n) * 2000 / 3 : (55 + n) * 50 / 3;
}

static void push(struct usb_queue *q, struct usb_urb *u)
{
    u->next = NULL;
    if (q->tail)
        q->tail->next = u;
    else
        q->head = u;
    q->tail = u;
    q->n++;
}

static struct usb_urb *pop(struct usb_queue *q)
{
    struct usb_urb *u = q->head;
    if (!u)
        return NULL;
    q->head = u->next;
    if (!q->head)
        q->tail = NULL;
    q->n--;
    return u;
}

static struct usb_urb *take(struct usb_queue *q, const void *user)
{
    struct usb_urb *before = NULL;
    for (struct usb_urb *u = q->head; u; before = u, u = u->next) {
        if (u->user != user)
            continue;
        if (before)
            before->next = u->next;
        else
            q->head = u->next;
        if (q->tail == u)
            q->tail = before;
        q->n--;
        return u;
    }
    return NULL;
}

static void complete(struct usb_bus *b, struct usb_urb *u, int status, uint64_t at)
{
    u->status = status;
    u->end_ns = at;
    if (at > b->report.count.last_ns)
        b->report.count.last_ns = at;
    struct usb_queue *q = &b->completed;
    if (!q->tail || q->tail->end_ns <= at) {
        push(q, u);
        return;
    }
    struct usb_urb **at_link = &q->head;
    while ((*at_link)->end_ns <= at)
        at_link = &(*at_link)->next;
    u->next = *at_link;
    *at_link = u;
    q->n++;
}

void bus_complete(struct usb_bus *b, struct usb_urb *u, int status, uint64_t at)
{
    complete(b, u, status, at);
}

static struct usb_pipe *pipe_of(struct usb_bus *b, uint8_t ep)
{
    for (unsigned i = 0; i < b->class->pipes; i++)
        if (b->class->ep_in[i] == ep || b->class->ep_out[i] == ep)
            return &b->pipe[i];
    return NULL;
}

static struct usb_queue *queue_of(struct usb_bus *b, uint8_t ep)
{
    struct usb_pipe *p = pipe_of(b, ep);
    if (!p)
        return &b->parked; /* an interrupt endpoint that never has anything to say */
    return ep & 0x80 ? &p->in : &p->out;
}

bool bus_has_endpoint(const struct usb_bus *b, uint8_t ep)
{
    for (unsigned i = 0; i < b->class->pipes; i++)
        if (b->class->ep_in[i] == ep || b->class->ep_out[i] == ep)
            return true;
    return false;
}

void bus_submit(struct usb_bus *b, struct usb_urb *u, uint64_t now)
{
    struct usb_counts *c = &b->report.count;
    struct usb_queue *q = queue_of(b, u->ep);
    if (!c->first_ns)
        c->first_ns = now ? now : 1;
    u->done = 0;
    u->ready_ns = now;
    if (q->halted) {
        complete(b, u, -EPIPE, now);
        return;
    }
    if (u->ep & 0x80) {
        c->in_urbs++;
        if (q->n + 1 > c->max_in_flight)
            c->max_in_flight = q->n + 1;
    } else {
        c->out_urbs++;
        usb_log(&b->report, "OUT", u->data, u->len);
        /* An idle endpoint: the host controller has to be told, and looks again. */
        if (!q->head) {
            u->ready_ns += b->turnaround_ns;
            c->turnarounds++;
        }
    }
    push(q, u);
}

bool bus_cancel(struct usb_bus *b, void *user, uint64_t now)
{
    struct usb_urb *u = take(&b->parked, user);
    for (unsigned i = 0; !u && i < b->class->pipes; i++) {
        u = take(&b->pipe[i].in, user);
        if (!u)
            u = take(&b->pipe[i].out, user);
    }
    if (!u)
        return false;
    b->report.count.cancelled++;
    complete(b, u, -ENOENT, now);
    return true;
}

static void halt(struct usb_bus *b, struct usb_queue *q, uint64_t at)
{
    q->halted = true;
    complete(b, pop(q), -EPIPE, at);
}

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static size_t next_out(const struct usb_bus *b, const struct usb_urb *u)
{
    size_t left = u->len - u->done;
    return left < b->class->packet ? left : b->class->packet;
}

static void do_out(struct usb_bus *b, struct usb_pipe *p, uint64_t at)
{
    struct usb_urb *u = p->out.head;
    struct usb_counts *c = &b->report.count;
    size_t n = next_out(b, u);
    if (++b->out_packet_no == b->fault.stall_out) {
        halt(b, &p->out, at);
        return;
    }
    at += packet_ns(b, n);
    b->free_ns = at;
    b->class->out(p->model, at, u->data + u->done, n);
    u->done += n;
    c->out_packets++;
    c->out_bytes += n;
    if (u->done < u->len)
        return;
    if (u->zero_packet && n == b->class->packet) {
        u->zero_packet = false;
        return; /* one more round, with an empty packet */
    }
    complete(b, pop(&p->out), 0, at);
}

static void do_in(struct usb_bus *b, struct usb_pipe *p, uint64_t at)
{
    struct usb_urb *u = p->in.head;
    struct usb_counts *c = &b->report.count;
    uint8_t packet[512];
    if (++b->in_packet_no == b->fault.stall_in) {
        halt(b, &p->in, at);
        return;
    }
    size_t n = b->class->in(p->model, at, packet);
    if (b->in_packet_no == b->fault.shorten && n > 0)
        n--;
    at += packet_ns(b, n);
    b->free_ns = at;
    c->in_packets++;
    c->in_bytes += n;
    usb_log(&b->report, "IN", packet, n);
    size_t room = u->len - u->done, fit = n < room ? n : room;
    memcpy(u->data + u->done, packet, fit);
    u->done += fit;
    if (n > room)
        complete(b, pop(&p->in), -EOVERFLOW, at);
    else if (u->done == u->len || n < b->class->packet)
        complete(b, pop(&p->in), u->done < u->len && u->short_not_ok ? -EREMOTEIO : 0, at);
}

/* The next thing to happen on the bus; false = nothing until limit. */
static bool step(struct usb_bus *b, uint64_t limit)
{
    uint64_t best = USB_NEVER, event = USB_NEVER;
    struct usb_pipe *who = NULL, *own = NULL;
    bool in = false;
    for (unsigned i = 0; i < b->class->pipes; i++) {
        struct usb_pipe *p = &b->pipe[i];
        bool hung_in = b->fault.hang_in && b->in_packet_no + 1 >= b->fault.hang_in;
        bool hung_out = b->fault.hang_out && b->out_packet_no + 1 >= b->fault.hang_out;
        uint64_t t;
        if (p->in.head && !hung_in && (t = b->class->in_ready(p->model)) != USB_NEVER) {
            t = latest(latest(t, b->free_ns), p->in.head->ready_ns);
            if (t < best) {
                best = t;
                who = p;
                in = true;
            }
        }
        if (p->out.head && !hung_out &&
            (t = b->class->out_ready(p->model, next_out(b, p->out.head))) != USB_NEVER) {
            t = latest(latest(t, b->free_ns), p->out.head->ready_ns);
            if (t < best) {
                best = t;
                who = p;
                in = false;
            }
        }
        t = b->class->next(p->model);
        if (t < event) {
            event = t;
            own = p;
        }
    }
    if (event <= best) {
        if (event == USB_NEVER || event > limit)
            return false;
        b->class->run(own->model, event);
        return true;
    }
    if (best > limit)
        return false;
    b->class->run(who->model, best);
    if (in)
        do_in(b, who, best);
    else
        do_out(b, who, best);
    return true;
}

void bus_run(struct usb_bus *b, uint64_t now, uint64_t limit)
{
    if (b->gone)
        return;
    while (step(b, now))
        ;
    while (!b->completed.head && step(b, limit))
        ;
}

uint64_t bus_completed_at(const struct usb_bus *b)
{
    return b->completed.head ? b->completed.head->end_ns : USB_NEVER;
}

struct usb_urb *bus_reap(struct usb_bus *b, uint64_t now)
{
    if (!b->completed.head || b->completed.head->end_ns > now)
        return NULL;
    return pop(&b->completed);
}

static void fail_all(struct usb_bus *b, struct usb_queue *q, int status, uint64_t now)
{
    struct usb_urb *u;
    while ((u = pop(q)))
        complete(b, u, status, now);
    q->halted = false;
}

static void fail_everything(struct usb_bus *b, int status, uint64_t now)
{
    for (unsigned i = 0; i < b->class->pipes; i++) {
        fail_all(b, &b->pipe[i].in, status, now);
        fail_all(b, &b->pipe[i].out, status, now);
    }
    fail_all(b, &b->parked, status, now);
}

void bus_unplug(struct usb_bus *b, uint64_t now)
{
    b->gone = true;
    fail_everything(b, -ESHUTDOWN, now);
}

static struct usb_adapter *adapter_of(struct usb_bus *b)
{
    return (struct usb_adapter *)((char *)b - offsetof(struct usb_adapter, bus));
}

void bus_reset(struct usb_bus *b, uint64_t now)
{
    fail_everything(b, -ESHUTDOWN, now);
    for (unsigned i = 0; i < b->class->pipes; i++)
        b->class->reset(b->pipe[i].model);
    pins_closed(&adapter_of(b)->pins);
    b->fault.hang_in = b->fault.hang_out = 0;
}

bool bus_clear_halt(struct usb_bus *b, uint8_t ep)
{
    if (!bus_has_endpoint(b, ep))
        return false;
    queue_of(b, ep)->halted = false;
    return true;
}

enum { REQUEST_EEPROM_WORD = 0x90 }; /* FTDI: its index is a word of the EEPROM */

static size_t text_descriptor(const char *s, uint8_t *out)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        out[2 + 2 * i] = (uint8_t)s[i];
        out[3 + 2 * i] = 0;
    }
    out[0] = (uint8_t)(2 + 2 * n);
    out[1] = 3;
    return out[0];
}

/* Which channel a vendor request is for: the low byte of its index, counted from 1.  A program
 * that leaves it out, or names a channel it does not own, changes the wrong one. */
static int addressed_pipe(struct usb_bus *b, const struct usb_setup *s, uint64_t now)
{
    const struct usb_adapter *a = adapter_of(b);
    unsigned number = s->index & 0xFFu;
    if (b->class->pipes == 1 || s->request == REQUEST_EEPROM_WORD)
        return 0;
    if (number > b->class->pipes)
        return -1;
    if (!number)
        usb_violation(&b->report, now, "request %02X %02X without a channel", s->type, s->request);
    else if (!a->claimed[number - 1])
        usb_violation(&b->report, now, "request %02X %02X to channel %c, which is not claimed",
                      s->type, s->request, 'A' + (int)number - 1);
    return number ? (int)number - 1 : 0;
}

int bus_control(struct usb_bus *b, uint64_t now, const uint8_t raw[8], uint8_t *data)
{
    struct usb_setup s = { raw[0], raw[1], (uint16_t)(raw[2] | raw[3] << 8),
                           (uint16_t)(raw[4] | raw[5] << 8), (uint16_t)(raw[6] | raw[7] << 8) };
    b->report.count.control++;
    bus_run(b, now, now);
    if ((s.type & 0x60) == 0x40) {
        int pipe = addressed_pipe(b, &s, now);
        if (pipe < 0)
            return -EPIPE;
        uint8_t line[8];
        memcpy(line, raw, sizeof line);
        usb_log(&b->report, "CTL", line, sizeof line);
        b->class->run(b->pipe[pipe].model, now);
        return b->class->control(b->pipe[pipe].model, now, &s, data);
    }
    struct usb_adapter *a = adapter_of(b);
    uint8_t buf[256];
    size_t n = 0;
    if (s.type == 0x80 && s.request == 6 && s.value >> 8 == 1) {
        memcpy(buf, a->device_desc, n = 18);
    } else if (s.type == 0x80 && s.request == 6 && s.value >> 8 == 2) {
        memcpy(buf, a->config_desc, n = a->config_len);
    } else if (s.type == 0x80 && s.request == 6 && s.value >> 8 == 3) {
        unsigned i = s.value & 0xFF;
        if (i == 0)
            memcpy(buf, "\x04\x03\x09\x04", n = 4);
        else if (i == a->device_desc[14] && b->class->vendor)
            n = text_descriptor(b->class->vendor, buf);
        else if (i == a->device_desc[15] && b->class->product)
            n = text_descriptor(b->class->product, buf);
        else if (i == a->device_desc[16] && a->serial[0])
            n = text_descriptor(a->serial, buf);
        else
            return -EPIPE;
    } else if (s.type == 0x80 && s.request == 8) {
        buf[0] = 1;
        n = 1;
    } else if ((s.type & 0x80) && s.request == 0) {
        buf[0] = buf[1] = 0;
        n = 2;
    } else if (s.type & 0x80) {
        return -EPIPE;
    }
    if (n > s.length)
        n = s.length;
    if (n)
        memcpy(data, buf, n);
    return (int)n;
}
