/* Packets of the usbredir protocol (usbredirproto.h, docs/usb-redirection-protocol.md of
 * usbredir) as transfers of the emulated bus, and back. */
#include "redir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int on_read(void *self, uint8_t *to, int count)
{
    struct redir *r = self;
    ssize_t n = read(r->fd, to, (size_t)count);
    if (n > 0)
        return (int)n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    r->lost = true;
    return -1;
}

static int on_write(void *self, uint8_t *from, int count)
{
    struct redir *r = self;
    ssize_t n = write(r->fd, from, (size_t)count);
    if (n >= 0)
        return (int)n;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    r->lost = true;
    return -1;
}

static void on_log(void *self, int level, const char *text)
{
    (void)self;
    if (level <= usbredirparser_warning)
        (void)fprintf(stderr, "bkflash-redir: %s\n", text);
}

/* Index of an endpoint in the tables of the protocol: 0..15 out, 16..31 in. */
static unsigned ep_index(uint8_t ep)
{
    return (ep & 0x80u) >> 3 | (ep & 0x0Fu);
}

/* Walks the configuration descriptor, which is where both tables are. */
static void send_interfaces(struct redir *r)
{
    struct usb_redir_interface_info_header info = { 0 };
    struct usb_redir_ep_info_header ep;
    const uint8_t *d = r->adapter->config_desc;
    uint8_t number = 0;
    memset(&ep, 0, sizeof ep);
    memset(ep.type, usb_redir_type_invalid, sizeof ep.type);
    ep.type[0] = ep.type[16] = usb_redir_type_control;
    ep.max_packet_size[0] = ep.max_packet_size[16] = r->adapter->device_desc[7];
    for (size_t at = 0; at + 1 < r->adapter->config_len && d[at]; at += d[at]) {
        if (d[at + 1] == 4) {
            uint32_t i = info.interface_count++;
            number = info.interface[i] = d[at + 2];
            info.interface_class[i] = d[at + 5];
            info.interface_subclass[i] = d[at + 6];
            info.interface_protocol[i] = d[at + 7];
        } else if (d[at + 1] == 5) {
            unsigned i = ep_index(d[at + 2]);
            ep.type[i] = d[at + 3] & 3;
            ep.interface[i] = number;
            ep.max_packet_size[i] = (uint16_t)(d[at + 4] | d[at + 5] << 8);
            ep.interval[i] = d[at + 6];
        }
    }
    usbredirparser_send_interface_info(r->parser, &info);
    usbredirparser_send_ep_info(r->parser, &ep);
}

void redir_plug(struct redir *r)
{
    const struct usb_adapter *a = r->adapter;
    if (r->notice_ns)
        r->notice_ns = r->now;
    redir_notice(r);
    r->plugged = true;
    if (r->adapter->bus.gone) {
        r->adapter->bus.gone = false;
        bus_reset(&r->adapter->bus, r->now);
    }
    if (!r->greeted)
        return; /* as soon as there is a machine to plug it into */
    struct usb_redir_device_connect_header d = {
        .speed = a->class->mbit == 480 ? usb_redir_speed_high : usb_redir_speed_full,
        .device_class = a->device_desc[4],
        .vendor_id = a->vid,
        .product_id = a->pid,
        .device_version_bcd = (uint16_t)(a->device_desc[12] | a->device_desc[13] << 8),
    };
    send_interfaces(r);
    usbredirparser_send_device_connect(r->parser, &d);
}

void redir_unplug(struct redir *r)
{
    if (!r->plugged)
        return;
    r->plugged = false;
    bus_unplug(&r->adapter->bus, r->now);
    struct usb_urb *u;
    while ((u = bus_reap(&r->adapter->bus, USB_NEVER)))
        redir_complete(r, u);
    r->notice_ns = r->now + REDIR_NOTICE_NS;
}

void redir_notice(struct redir *r)
{
    if (!r->notice_ns || r->now < r->notice_ns)
        return;
    r->notice_ns = 0;
    if (r->greeted)
        usbredirparser_send_device_disconnect(r->parser);
}

/* Every request of the guest is a call, as faults count them. */
static bool call(struct redir *r)
{
    struct usb_bus *bus = &r->adapter->bus;
    if (!r->plugged)
        return false;
    if (++bus->report.count.calls == bus->fault.unplug)
        redir_unplug(r);
    return r->plugged;
}

static void on_hello(void *self, struct usb_redir_hello_header *h)
{
    struct redir *r = self;
    (void)h;
    r->greeted = true;
    if (r->plugged)
        redir_plug(r);
}

static void on_nothing(void *self)
{
    (void)self;
}

static void on_reset(void *self)
{
    struct redir *r = self;
    bus_reset(&r->adapter->bus, r->now);
}

static void answer_configuration(struct redir *r, uint64_t id, uint8_t want)
{
    struct usb_redir_configuration_status_header s = {
        .status = want <= 1 ? usb_redir_success : usb_redir_inval,
        .configuration = 1,
    };
    usbredirparser_send_configuration_status(r->parser, id, &s);
}

static void on_set_configuration(void *self, uint64_t id,
                                 struct usb_redir_set_configuration_header *h)
{
    send_interfaces(self);
    answer_configuration(self, id, h->configuration);
}

static void on_get_configuration(void *self, uint64_t id)
{
    answer_configuration(self, id, 1);
}

static void answer_alt(struct redir *r, uint64_t id, uint8_t interface, uint8_t alt)
{
    struct usb_redir_alt_setting_status_header s = {
        .status = alt ? usb_redir_inval : usb_redir_success,
        .interface = interface,
    };
    usbredirparser_send_alt_setting_status(r->parser, id, &s);
}

static void on_set_alt(void *self, uint64_t id, struct usb_redir_set_alt_setting_header *h)
{
    answer_alt(self, id, h->interface, h->alt);
}

static void on_get_alt(void *self, uint64_t id, struct usb_redir_get_alt_setting_header *h)
{
    answer_alt(self, id, h->interface, 0);
}

/* The interrupt endpoint of a CH341A never has anything to say. */
static void on_start_interrupt(void *self, uint64_t id,
                               struct usb_redir_start_interrupt_receiving_header *h)
{
    struct redir *r = self;
    struct usb_redir_interrupt_receiving_status_header s = { usb_redir_success, h->endpoint };
    usbredirparser_send_interrupt_receiving_status(r->parser, id, &s);
}

static void on_stop_interrupt(void *self, uint64_t id,
                              struct usb_redir_stop_interrupt_receiving_header *h)
{
    struct redir *r = self;
    struct usb_redir_interrupt_receiving_status_header s = { usb_redir_success, h->endpoint };
    usbredirparser_send_interrupt_receiving_status(r->parser, id, &s);
}

static uint8_t status_of(int code)
{
    switch (code) {
    case 0:
        return usb_redir_success;
    case -EPIPE:
        return usb_redir_stall;
    case -ENOENT:
        return usb_redir_cancelled;
    case -EOVERFLOW:
        return usb_redir_babble;
    default:
        return usb_redir_ioerror;
    }
}

enum { CLEAR_FEATURE = 1, TO_ENDPOINT = 0x02, FROM_VENDOR = 0xC0, CH341A_VERSION = 0x5F };

static void on_control(void *self, uint64_t id, struct usb_redir_control_packet_header *h,
                       uint8_t *data, int len)
{
    struct redir *r = self;
    uint8_t answer[4096];
    const uint8_t setup[8] = {
        h->requesttype,     h->request,
        (uint8_t)h->value,  (uint8_t)(h->value >> 8),
        (uint8_t)h->index,  (uint8_t)(h->index >> 8),
        (uint8_t)h->length, (uint8_t)(h->length >> 8),
    };
    int n = -EPIPE;
    bool here = call(r);
    /* No device sees its file being closed; but who opens a CH341A asks for its version first. */
    if (h->requesttype == FROM_VENDOR && h->request == CH341A_VERSION)
        pins_closed(&r->adapter->pins);
    if (!here)
        n = -ESHUTDOWN;
    else if (h->requesttype == TO_ENDPOINT && h->request == CLEAR_FEATURE)
        n = bus_clear_halt(&r->adapter->bus, (uint8_t)h->index) ? 0 : -EPIPE;
    else if (h->requesttype & 0x80 && h->length <= sizeof answer)
        n = bus_control(&r->adapter->bus, r->now, setup, answer);
    else if (!(h->requesttype & 0x80))
        n = bus_control(&r->adapter->bus, r->now, setup, data);
    bool in = h->requesttype & 0x80;
    h->status = status_of(n < 0 ? n : 0);
    if (n < 0)
        h->length = 0;
    else if (in)
        h->length = (uint16_t)n;
    else
        h->length = (uint16_t)len;
    usbredirparser_send_control_packet(r->parser, id, h, in && n > 0 ? answer : NULL,
                                       in && n > 0 ? n : 0);
    usbredirparser_free_packet_data(r->parser, data);
}

static void on_bulk(void *self, uint64_t id, struct usb_redir_bulk_packet_header *h, uint8_t *data,
                    int len)
{
    struct redir *r = self;
    size_t want = h->endpoint & 0x80 ? (size_t)h->length_high << 16 | h->length : (size_t)len;
    bool here = call(r);
    struct usb_urb *u = calloc(1, sizeof *u + want);
    if (u) {
        u->user = (void *)(uintptr_t)id; /* never dereferenced: the name of the transfer */
        u->data = (uint8_t *)(u + 1);
        u->len = want;
        u->ep = h->endpoint;
        if (len > 0)
            memcpy(u->data, data, (size_t)len);
        u->status = -ESHUTDOWN;
    }
    if (u && here) {
        bus_run(&r->adapter->bus, r->now, r->now);
        bus_submit(&r->adapter->bus, u, r->now);
    } else if (u) {
        redir_complete(r, u);
    }
    usbredirparser_free_packet_data(r->parser, data);
}

void redir_complete(struct redir *r, struct usb_urb *u)
{
    bool in = u->ep & 0x80;
    struct usb_redir_bulk_packet_header h = {
        .endpoint = u->ep,
        .status = status_of(u->status),
        .length = (uint16_t)u->done,
        .length_high = (uint16_t)(u->done >> 16),
    };
    usbredirparser_send_bulk_packet(r->parser, (uintptr_t)u->user, &h, in ? u->data : NULL,
                                    in ? (int)u->done : 0);
    free(u);
}

static void on_interrupt(void *self, uint64_t id, struct usb_redir_interrupt_packet_header *h,
                         uint8_t *data, int len)
{
    struct redir *r = self;
    (void)len;
    h->status = usb_redir_inval; /* no adapter has an interrupt endpoint out */
    h->length = 0;
    usbredirparser_send_interrupt_packet(r->parser, id, h, NULL, 0);
    usbredirparser_free_packet_data(r->parser, data);
}

static void on_cancel(void *self, uint64_t id)
{
    struct redir *r = self;
    (void)bus_cancel(&r->adapter->bus, (void *)(uintptr_t)id, r->now);
}

bool redir_accept(struct redir *r)
{
    uint32_t caps[USB_REDIR_CAPS_SIZE] = { 0 };
    r->fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    r->parser = usbredirparser_create();
    if (r->fd < 0 || !r->parser)
        return false;
    struct usbredirparser *p = r->parser;
    p->priv = r;
    p->log_func = on_log;
    p->read_func = on_read;
    p->write_func = on_write;
    p->hello_func = on_hello;
    p->reset_func = on_reset;
    p->set_configuration_func = on_set_configuration;
    p->get_configuration_func = on_get_configuration;
    p->set_alt_setting_func = on_set_alt;
    p->get_alt_setting_func = on_get_alt;
    p->start_interrupt_receiving_func = on_start_interrupt;
    p->stop_interrupt_receiving_func = on_stop_interrupt;
    p->cancel_data_packet_func = on_cancel;
    p->control_packet_func = on_control;
    p->bulk_packet_func = on_bulk;
    p->interrupt_packet_func = on_interrupt;
    p->filter_reject_func = on_nothing;
    p->device_disconnect_ack_func = on_nothing;
    /* Only what is answered above: an announced packet without a function crashes the parser. */
    usbredirparser_caps_set_cap(caps, usb_redir_cap_connect_device_version);
    usbredirparser_caps_set_cap(caps, usb_redir_cap_device_disconnect_ack);
    usbredirparser_caps_set_cap(caps, usb_redir_cap_ep_info_max_packet_size);
    usbredirparser_caps_set_cap(caps, usb_redir_cap_64bits_ids);
    usbredirparser_caps_set_cap(caps, usb_redir_cap_32bits_bulk_length);
    usbredirparser_init(p, "bkflash-redir", caps, USB_REDIR_CAPS_SIZE, usbredirparser_fl_usb_host);
    return true;
}

bool redir_receive(struct redir *r)
{
    (void)usbredirparser_do_read(r->parser);
    return !r->lost;
}

bool redir_unsent(const struct redir *r)
{
    return r->parser && usbredirparser_has_data_to_write(r->parser) > 0;
}

bool redir_flush(struct redir *r)
{
    if (redir_unsent(r))
        (void)usbredirparser_do_write(r->parser);
    return !r->lost;
}

static void drop(struct usb_bus *bus, const struct usb_queue *q, uint64_t now)
{
    while (q->head)
        (void)bus_cancel(bus, q->head->user, now);
}

void redir_end(struct redir *r)
{
    struct usb_bus *bus = &r->adapter->bus;
    struct usb_urb *u;
    for (unsigned i = 0; i < bus->class->pipes; i++) {
        drop(bus, &bus->pipe[i].in, r->now);
        drop(bus, &bus->pipe[i].out, r->now);
    }
    drop(bus, &bus->parked, r->now);
    while ((u = bus_reap(bus, USB_NEVER)))
        free(u);
    if (r->parser)
        usbredirparser_destroy(r->parser);
    if (r->fd >= 0)
        (void)close(r->fd);
    (void)close(r->listener);
    (void)close(r->signals);
}
