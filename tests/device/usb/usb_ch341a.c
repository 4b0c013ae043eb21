/* CH341A as its host sees it: every bulk OUT packet is one command, every answer is a packet
 * of its own, nothing overlaps.  Sources: flashrom ch341a_spi.c, the drivers spi-ch341 and
 * ch34x_pis, and the CH341DS2 data sheet.  Full-duplex shifting at 1.5 MHz, LSB first. */
#include "usb.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REPLIES = 16, SPI_HZ = 1500000, UIO_NS = 750, GAP_NS = 8000 };

struct usb_model {
    struct usb_pins *pins;
    unsigned depth; /* unread replies it can hold */
    unsigned version;
    bool after_full; /* version 20: a full A8 packet waits for its empty one */
    uint64_t busy_until;
    struct {
        uint8_t out, dir, stream;
        uint8_t reply[MAX_REPLIES][32], len[MAX_REPLIES];
        uint64_t ready[MAX_REPLIES];
        unsigned first, n;
    } s;
};

static uint8_t reversed(uint8_t b)
{
    b = (uint8_t)((b & 0xF0) >> 4 | (b & 0x0F) << 4);
    b = (uint8_t)((b & 0xCC) >> 2 | (b & 0x33) << 2);
    return (uint8_t)((b & 0xAA) >> 1 | (b & 0x55) << 1);
}

static unsigned level_of(const struct usb_model *m, unsigned bit)
{
    if (!(m->s.dir >> bit & 1))
        return NET_FLOAT;
    return m->s.out >> bit & 1;
}

static void drive(struct usb_model *m)
{
    struct usb_pins *p = m->pins;
    pins_cen(p, level_of(m, p->cen_bit));
    pins_cs(p, level_of(m, 0));
    pins_sck(p, level_of(m, 3));
    pins_mosi(p, level_of(m, 5));
}

static void reply(struct usb_model *m, uint64_t at, const uint8_t *d, size_t n)
{
    unsigned i = (m->s.first + m->s.n) % MAX_REPLIES;
    if (m->s.n == MAX_REPLIES)
        return;
    memcpy(m->s.reply[i], d, n);
    m->s.len[i] = (uint8_t)n;
    m->s.ready[i] = at;
    m->s.n++;
}

static uint8_t sample(struct usb_model *m)
{
    uint8_t v = 0;
    for (unsigned bit = 0; bit < 6; bit++)
        if (m->s.out >> bit & 1 || !(m->s.dir >> bit & 1))
            v |= (uint8_t)(1u << bit); /* a floating pin has a weak pull-up */
    v |= 0x40;
    if (pins_miso(m->pins))
        v |= 0x80;
    return v;
}

static uint64_t do_spi(struct usb_model *m, uint64_t now, const uint8_t *p, size_t n)
{
    uint8_t tx[32], rx[32];
    if (!n) {
        usb_violation(m->pins->report, now, "A8 packet without data");
        return 0;
    }
    if (m->after_full)
        usb_violation(m->pins->report, now, "A8 without the empty packet that version 20 needs");
    for (size_t i = 0; i < n; i++)
        tx[i] = reversed(p[i]);
    if ((m->s.dir & 0x28) == 0x28) {
        pins_expect_frame(m->pins, "A8");
        pins_spi(m->pins, SPI_HZ, tx, rx, n);
        m->s.out = (uint8_t)((m->s.out & ~0x28) | (tx[n - 1] & 1) << 5);
    } else {
        usb_violation(m->pins->report, now, "A8 with SCK or MOSI not driven");
        memset(rx, 0xFF, n);
    }
    for (size_t i = 0; i < n; i++)
        rx[i] = reversed(rx[i]);
    uint64_t took = (uint64_t)n * 8 * 1000000000 / SPI_HZ + GAP_NS;
    reply(m, now + took, rx, n);
    m->after_full = m->version == 0x20 && n == 31;
    return took;
}

static uint64_t do_uio(struct usb_model *m, uint64_t now, const uint8_t *p, size_t n)
{
    uint8_t in[32];
    size_t n_in = 0;
    uint64_t t = now;
    size_t i = 0;
    for (; i < n && p[i] != 0x20; i++) {
        t += UIO_NS;
        pins_at(m->pins, t);
        if ((p[i] & 0xC0) == 0x80)
            m->s.out = p[i] & 0x3F;
        else if ((p[i] & 0xC0) == 0x40)
            m->s.dir = p[i] & 0x3F;
        else if ((p[i] & 0xC0) == 0xC0)
            t += (p[i] & 0x3Fu) * 1000;
        else if (p[i] == 0)
            in[n_in++] = sample(m);
        else
            usb_violation(m->pins->report, now, "UIO sub-command %02X", p[i]);
        drive(m);
    }
    if (i == n && n < 32)
        usb_violation(m->pins->report, now, "UIO packet without END");
    if (n_in)
        reply(m, t, in, n_in);
    return t - now;
}

static uint64_t do_i2c(struct usb_model *m, uint64_t now, const uint8_t *p, size_t n)
{
    uint64_t t = 0;
    for (size_t i = 0; i < n && p[i] != 0; i++) {
        if ((p[i] & 0xF0) == 0x60)
            m->s.stream = p[i] & 0x0F;
        else if ((p[i] & 0xF0) == 0x40)
            t += (p[i] & 0x0Fu) * 1000;
        else if ((p[i] & 0xF0) == 0x50)
            t += (p[i] & 0x0Fu) * 1000000;
        else if (p[i] != 0x74 && p[i] != 0x75)
            usb_violation(m->pins->report, now, "I2C sub-command %02X: no bus there", p[i]);
    }
    return t;
}

static void do_a1(struct usb_model *m, uint64_t now, const uint8_t *p, size_t n)
{
    if (n < 6 || p[0] != 0x6A) {
        usb_violation(m->pins->report, now, "malformed A1 packet");
        return;
    }
    if (p[1] & 0x04)
        m->s.out = p[4] & 0x3F;
    if (p[1] & 0x08)
        m->s.dir = p[5] & 0x3F;
    drive(m);
}

static void out(struct usb_model *m, uint64_t now, const uint8_t *p, size_t n)
{
    uint64_t took = 0;
    pins_at(m->pins, now);
    if (m->after_full && n && p[0] == 0) {
        m->after_full = false;
    } else if (n == 0) {
        usb_violation(m->pins->report, now, "empty packet");
    } else if (p[0] == 0xA8) {
        took = do_spi(m, now, p + 1, n - 1);
    } else if (p[0] == 0xAB) {
        took = do_uio(m, now, p + 1, n - 1);
    } else if (p[0] == 0xAA) {
        took = do_i2c(m, now, p + 1, n - 1);
    } else if (p[0] == 0xA1) {
        do_a1(m, now, p + 1, n - 1);
    } else if (p[0] == 0xA0 && n == 1) {
        uint8_t status[6] = { sample(m), 0, 7, 0, 0, 0 };
        reply(m, now, status, sizeof status);
    } else {
        usb_violation(m->pins->report, now, "packet begins with %02X, no command", p[0]);
    }
    m->busy_until = now + took;
}

static uint64_t out_ready(struct usb_model *m, size_t n)
{
    (void)n;
    return m->s.n >= m->depth ? USB_NEVER : m->busy_until;
}

static uint64_t in_ready(struct usb_model *m)
{
    return m->s.n ? m->s.ready[m->s.first] : USB_NEVER;
}

static size_t in(struct usb_model *m, uint64_t now, uint8_t *buf)
{
    (void)now;
    size_t n = m->s.len[m->s.first];
    memcpy(buf, m->s.reply[m->s.first], n);
    m->s.first = (m->s.first + 1) % MAX_REPLIES;
    m->s.n--;
    return n;
}

static int control(struct usb_model *m, uint64_t now, const struct usb_setup *s, uint8_t *data)
{
    (void)now;
    switch (s->type << 8 | s->request) {
    case 0xC05F:
        if (s->length < 2)
            return 0;
        data[0] = (uint8_t)m->version;
        data[1] = 0;
        return 2;
    case 0x40B1:
    case 0x40B2:
        m->s.n = 0;
        m->after_full = false;
        return 0;
    case 0x4053:
    case 0x4054:
    case 0x405E:
        return 0;
    default:
        return -EPIPE;
    }
}

static uint64_t next(struct usb_model *m)
{
    (void)m;
    return USB_NEVER;
}

static void run(struct usb_model *m, uint64_t now)
{
    (void)m;
    (void)now;
}

static void reset(struct usb_model *m)
{
    /* A port reset clears the endpoints; the pins fall back to inputs. */
    memset(&m->s, 0, sizeof m->s);
    m->after_full = false;
    drive(m);
}

static struct usb_model *create(struct usb_pins *pins, unsigned pipe, const struct usb_key *keys,
                                size_t n, char err[256])
{
    (void)pipe;
    struct usb_model *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->pins = pins;
    pins->cen_stays = true; /* every byte that sets outputs or directions sets CEN too */
    m->depth = (unsigned)strtoul(usb_key_get(keys, n, "fifo", "4"), NULL, 0);
    m->version = (unsigned)strtoul(usb_key_get(keys, n, "version", "0x30"), NULL, 0);
    unsigned stale = (unsigned)strtoul(usb_key_get(keys, n, "stale", "0"), NULL, 0);
    if (m->depth < 1 || m->depth > MAX_REPLIES || stale > m->depth) {
        snprintf(err, 256, "fifo= is 1..%d packets, stale= at most as many", MAX_REPLIES);
        free(m);
        return NULL;
    }
    for (unsigned i = 0; i < stale; i++)
        reply(m, 0, (const uint8_t *)"left behind by the last program", 31);
    return m;
}

static void destroy(struct usb_model *m)
{
    free(m);
}

static int line(const char *name)
{
    return name[0] == 'D' && name[1] >= '0' && name[1] <= '5' && !name[2] ? name[1] - '0' : -1;
}

static void finish(struct usb_model *m, uint64_t now)
{
    if (m->s.n)
        usb_violation(m->pins->report, now, "%u reply packets left unread", m->s.n);
}

static size_t state(struct usb_model *m, void **at)
{
    *at = &m->s;
    return sizeof m->s;
}

static size_t config(uint8_t *to, size_t cap)
{
    static const uint8_t bytes[] = { 9, 2,    39, 0,  1, 1, 0, 0x80, 0x30, 9,  4, 0, 0,
                                     3, 0xFF, 1,  2,  0, 7, 5, 0x82, 2,    32, 0, 0, 7,
                                     5, 2,    2,  32, 0, 0, 7, 5,    0x81, 3,  8, 0, 1 };
    (void)cap;
    memcpy(to, bytes, sizeof bytes);
    return sizeof bytes;
}

#define CH341A(NAME, ID_LO, ID_HI)                                                               \
    .name = (NAME), .vid = 0x1a86, .pid = (ID_HI) << 8 | (ID_LO), .mbit = 12, .packet = 32,      \
    .pipes = 1, .ep_out = { 0x02 }, .ep_in = { 0x82 }, .default_cen = "D2",                      \
    .device = { 18, 1, 0x10, 1, 0xFF, 0, 2, 8, 0x86, 0x1A, (ID_LO), (ID_HI), 4, 3, 0, 2, 0, 1 }, \
    .config = config, .product = "USB UART-LPT", .create = create, .destroy = destroy,           \
    .control = control, .out_ready = out_ready, .out = out, .in_ready = in_ready, .in = in,      \
    .next = next, .run = run, .reset = reset, .line = line, .finish = finish, .state = state,    \
    .drive = drive

const struct usb_class usb_ch341a = { CH341A("ch341a", 0x12, 0x55) };
/* The same board with its jumper in the UART position: another personality. */
const struct usb_class usb_ch341a_uart = { CH341A("ch341a-uart", 0x23, 0x55) };
