/* FT232H (and the MPSSE channels of FT2232H and FT4232H) as the host sees it: FIFOs both
 * ways, two status bytes at the head of every IN packet, a latency timer, and the MPSSE
 * engine behind them.  Sources: FTDI AN_108, libftdi's ftdi.h, OpenOCD mpsse.c. */
#include "usb.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_FIFO = 4096,
    CHUNK = 64,       /* bytes the engine shifts before the bus looks again */
    PAYLOAD = 510,    /* of a 512-byte IN packet */
    COMMAND_NS = 200, /* pin and setting commands */
    IMMEDIATE_NS = 125000
};
enum { MODE_UART = 0, MODE_MPSSE = 2 };

/* What tells the three apart, FTDI's data sheets of the FT232H, FT2232H and FT4232H. */
struct chip {
    unsigned fifo;    /* bytes each way, per channel */
    unsigned engines; /* channels with MPSSE, from A on */
    bool low_only;    /* eight pins per channel instead of sixteen */
};

struct fifo {
    uint8_t byte[MAX_FIFO];
    unsigned first, n;
};
struct usb_model {
    struct usb_pins *pins; /* NULL: this channel is not wired */
    struct usb_report *report;
    const struct chip *chip;
    bool engine;   /* this channel has one */
    unsigned size; /* of each FIFO */
    uint64_t now;  /* the engine has worked up to here */
    uint64_t full_at, flush_at, last_in;
    struct {
        unsigned mode, latency;
        uint8_t value[2], dir[2]; /* AD, AC */
        uint32_t divisor;
        bool div5, loopback, flush;
        uint8_t op;         /* data command under way, 0 = none */
        uint32_t remaining; /* bytes (bits of a bit command) of it */
        struct fifo cmd, reply;
    } s;
};

static uint8_t peek(const struct fifo *f, unsigned i)
{
    return f->byte[(f->first + i) % MAX_FIFO];
}

static void drop(struct fifo *f, unsigned n)
{
    f->first = (f->first + n) % MAX_FIFO;
    f->n -= n;
}

static void put(struct fifo *f, uint8_t b)
{
    f->byte[(f->first + f->n++) % MAX_FIFO] = b;
}

static void answer(struct usb_model *m, uint8_t b)
{
    if (m->s.reply.n == MAX_FIFO)
        return;
    put(&m->s.reply, b);
    if (m->s.reply.n == PAYLOAD)
        m->full_at = m->now;
}

static uint32_t clock_hz(const struct usb_model *m)
{
    return (m->s.div5 ? 12000000u : 60000000u) / (2 * (1 + m->s.divisor));
}

static unsigned level_of(const struct usb_model *m, unsigned bit)
{
    unsigned port = bit / 8, mask = 1u << (bit % 8);
    if (m->s.mode != MODE_MPSSE)
        return bit == 0 ? 1 : NET_FLOAT; /* AD0 is the UART's TXD */
    if (!(m->s.dir[port] & mask))
        return NET_FLOAT;
    return m->s.value[port] & mask ? 1 : 0;
}

static void drive(struct usb_model *m)
{
    struct usb_pins *p = m->pins;
    if (!p)
        return;
    pins_at(p, m->now);
    pins_cen(p, level_of(m, p->cen_bit));
    /* All pins of a port move at once; the target must not see a clock edge in the frame
     * that ends with it, nor data of the one that begins. */
    if (level_of(m, 3) != 0)
        pins_cs(p, level_of(m, 3));
    pins_sck(p, level_of(m, 0));
    pins_mosi(p, level_of(m, 1));
    pins_cs(p, level_of(m, 3));
}

static uint8_t read_pins(struct usb_model *m, unsigned port)
{
    uint8_t v = (uint8_t)((m->s.value[port] & m->s.dir[port]) | (uint8_t)~m->s.dir[port]);
    if (port == 0 && m->pins && !pins_miso(m->pins))
        v &= (uint8_t)~0x04;
    return v;
}

/* Length of a command with its parameters, without data. */
static unsigned header_len(uint8_t op)
{
    if (op < 0x80)
        return op & 0x02 ? 2 : 3;
    switch (op) {
    case 0x80:
    case 0x82:
    case 0x86:
    case 0x8F:
    case 0x9C:
    case 0x9D:
    case 0x9E:
        return 3;
    case 0x8E:
        return 2;
    default:
        return 1;
    }
}

static bool data_op(uint8_t op)
{
    switch (op) {
    case 0x11:
    case 0x13:
    case 0x20:
    case 0x22:
    case 0x31:
    case 0x33:
        return true;
    default:
        return false;
    }
}

static void setting(struct usb_model *m, uint8_t op)
{
    struct fifo *c = &m->s.cmd;
    switch (op) {
    case 0x80:
    case 0x82:
        if (op == 0x82 && m->chip->low_only)
            usb_violation(m->report, m->now, "82: this chip has no AC lines");
        m->s.value[op == 0x82] = peek(c, 1);
        m->s.dir[op == 0x82] = peek(c, 2);
        drive(m);
        break;
    case 0x81:
    case 0x83:
        if (m->pins)
            pins_at(m->pins, m->now);
        answer(m, read_pins(m, op == 0x83));
        break;
    case 0x84:
    case 0x85:
        m->s.loopback = op == 0x84;
        break;
    case 0x86:
        m->s.divisor = (uint32_t)(peek(c, 1) | peek(c, 2) << 8);
        break;
    case 0x87:
        m->s.flush = true;
        m->flush_at = m->now + IMMEDIATE_NS;
        break;
    case 0x8A:
    case 0x8B:
        m->s.div5 = op == 0x8B;
        break;
    case 0x8C:
    case 0x8D:
    case 0x96:
    case 0x97:
    case 0x9E:
        break;
    default:
        answer(m, 0xFA);
        answer(m, op);
        if (op != 0xAA && op != 0xAB) /* the two that clients use to synchronise */
            usb_violation(m->report, m->now, "MPSSE command %02X does not exist", op);
    }
}

/* 8E and 8F: clocks without data. */
static void idle_clocks(struct usb_model *m, uint8_t op)
{
    uint32_t n = op == 0x8E ? peek(&m->s.cmd, 1) + 1u
                            : (uint32_t)(peek(&m->s.cmd, 1) | peek(&m->s.cmd, 2) << 8) + 1;
    uint64_t bits = op == 0x8E ? n : (uint64_t)n * 8;
    if (m->pins && m->pins->cs == 0)
        usb_violation(m->report, m->now, "clocks without data while CS is low");
    m->now += bits * 1000000000u / clock_hz(m);
}

static void begin_data(struct usb_model *m, uint8_t op)
{
    if (m->pins) {
        char what[32];
        pins_at(m->pins, m->now);
        snprintf(what, sizeof what, "MPSSE data command %02X", op);
        pins_expect_frame(m->pins, what);
        if (level_of(m, 0) != 0)
            usb_violation(m->report, m->now, "%s with SCK not at 0", what);
    }
    m->s.op = op;
    m->s.remaining = op & 2 ? peek(&m->s.cmd, 1) + 1u
                            : (uint32_t)(peek(&m->s.cmd, 1) | peek(&m->s.cmd, 2) << 8) + 1;
}

static void begin(struct usb_model *m)
{
    uint8_t op = peek(&m->s.cmd, 0);
    unsigned len = header_len(op);
    m->now += COMMAND_NS;
    if (data_op(op)) {
        begin_data(m, op);
    } else if (op == 0x8E || op == 0x8F) {
        idle_clocks(m, op);
    } else if (op < 0x80) {
        usb_violation(m->report, m->now, "MPSSE data command %02X has the wrong edges for SPI", op);
    } else {
        setting(m, op);
    }
    drop(&m->s.cmd, len);
}

/* Bytes the data command can shift at once right now. */
static uint32_t can_shift(const struct usb_model *m)
{
    uint32_t k = m->s.remaining < CHUNK ? m->s.remaining : CHUNK;
    if (m->s.op & 2) /* bits: one byte each way */
        return m->s.op & 0x10 && !m->s.cmd.n ? 0 : m->s.remaining;
    if (m->s.op & 0x10 && k > m->s.cmd.n)
        k = m->s.cmd.n;
    if (m->s.op & 0x20) {
        uint32_t room = m->size - m->s.reply.n, edge = PAYLOAD - m->s.reply.n % PAYLOAD;
        if (k > room)
            k = room;
        if (k > edge)
            k = edge; /* stop where a packet becomes full */
    }
    return k;
}

static uint64_t shift_ns(const struct usb_model *m, uint32_t k)
{
    return (uint64_t)k * (m->s.op & 2 ? 1 : 8) * 1000000000u / clock_hz(m);
}

static void shift(struct usb_model *m, uint32_t k)
{
    uint8_t tx[CHUNK] = { 0 }, rx[CHUNK];
    uint32_t bytes = m->s.op & 2 ? 1 : k;
    memset(rx, 0xFF, sizeof rx);
    for (uint32_t i = 0; i < bytes; i++)
        if (m->s.op & 0x10)
            tx[i] = peek(&m->s.cmd, i);
        else
            tx[i] = m->s.value[0] & 2 ? 0xFF : 0; /* DO stays where it is */
    if (m->s.op & 0x10)
        drop(&m->s.cmd, bytes);
    uint64_t end = m->now + shift_ns(m, k);
    if (m->s.loopback) {
        memcpy(rx, tx, bytes);
    } else if (m->pins) {
        pins_at(m->pins, m->now);
        if (m->s.op & 2)
            pins_spi_bits(m->pins, clock_hz(m), tx, rx, k);
        else
            pins_spi(m->pins, clock_hz(m), tx, rx, k);
    }
    m->now = end; /* rounded down; the target counts fractions, and is not to fall behind it */
    if (m->pins && m->pins->clock.ns > end)
        m->now = m->pins->clock.ns;
    if (m->s.op & 0x10) {
        unsigned last = m->s.op & 2 ? (unsigned)tx[0] >> (8 - k) & 1u : tx[bytes - 1] & 1u;
        m->s.value[0] = (uint8_t)((m->s.value[0] & 0xFDu) | last << 1);
    }
    if (m->s.op & 0x20)
        for (uint32_t i = 0; i < bytes; i++)
            answer(m, (uint8_t)(m->s.op & 2 ? rx[0] >> (8 - k) : rx[i]));
    m->s.remaining -= k;
    if (!m->s.remaining)
        m->s.op = 0;
}

static uint64_t next(struct usb_model *m)
{
    if (m->s.mode != MODE_MPSSE)
        return USB_NEVER;
    if (m->s.op) {
        uint32_t k = can_shift(m);
        return k ? m->now + shift_ns(m, k) : USB_NEVER;
    }
    if (!m->s.cmd.n || m->s.cmd.n < header_len(peek(&m->s.cmd, 0)) || m->s.reply.n + 2 > m->size)
        return USB_NEVER;
    return m->now + COMMAND_NS;
}

static void run(struct usb_model *m, uint64_t now)
{
    uint64_t t;
    while ((t = next(m)) != USB_NEVER && t <= now) {
        if (m->s.op)
            shift(m, can_shift(m));
        else
            begin(m);
    }
    /* Idle or waiting: time passes all the same. */
    if (t == USB_NEVER && now > m->now)
        m->now = now;
}

static uint64_t out_ready(struct usb_model *m, size_t n)
{
    if (m->s.mode != MODE_MPSSE)
        return 0; /* the UART takes it, or throws it away */
    return m->s.cmd.n + n <= m->size ? m->now : USB_NEVER;
}

static void out(struct usb_model *m, uint64_t now, const uint8_t *p, size_t n)
{
    run(m, now);
    if (m->s.mode != MODE_MPSSE)
        return;
    for (size_t i = 0; i < n; i++)
        put(&m->s.cmd, p[i]);
}

static uint64_t in_ready(struct usb_model *m)
{
    uint64_t t = m->last_in + (uint64_t)m->s.latency * 1000000;
    if (m->s.reply.n >= PAYLOAD && m->full_at < t)
        t = m->full_at;
    if (m->s.flush && m->flush_at < t)
        t = m->flush_at;
    return t;
}

static size_t in(struct usb_model *m, uint64_t now, uint8_t *buf)
{
    run(m, now);
    unsigned n = m->s.reply.n < PAYLOAD ? m->s.reply.n : PAYLOAD;
    buf[0] = 0x32;
    buf[1] = 0x60;
    for (unsigned i = 0; i < n; i++)
        buf[2 + i] = peek(&m->s.reply, i);
    drop(&m->s.reply, n);
    m->last_in = now;
    if (m->s.reply.n >= PAYLOAD)
        m->full_at = now;
    if (n < PAYLOAD)
        m->s.flush = false;
    return n + 2;
}

static void purge(struct usb_model *m, bool commands, bool replies)
{
    if (commands)
        m->s.cmd.n = 0;
    if (replies) {
        m->s.reply.n = 0;
        m->s.flush = false;
    }
}

static void set_mode(struct usb_model *m, unsigned mode)
{
    m->s.mode = mode;
    m->s.op = 0;
    m->s.remaining = 0;
    memset(m->s.dir, 0, sizeof m->s.dir);
    memset(m->s.value, 0, sizeof m->s.value);
    m->s.divisor = 0;
    m->s.div5 = true; /* until 8A: compatible with the older chips */
    m->s.loopback = false;
    purge(m, true, true);
    drive(m);
}

static int control(struct usb_model *m, uint64_t now, const struct usb_setup *s, uint8_t *data)
{
    if (now > m->now)
        m->now = now;
    switch (s->type << 8 | s->request) {
    case 0x4000:
        purge(m, s->value != 2, s->value != 1);
        if (s->value == 0)
            m->s.op = 0;
        return 0;
    case 0x4009:
        if (s->value < 1 || s->value > 255)
            return -EPIPE;
        m->s.latency = s->value;
        return 0;
    case 0x400B:
        if (s->value >> 8 != MODE_UART && s->value >> 8 != MODE_MPSSE)
            return -EPIPE; /* other modes are not modelled */
        set_mode(m, m->engine ? s->value >> 8 : MODE_UART);
        return 0;
    case 0x4091:
    case 0x4092:
        usb_violation(m->report, now, "EEPROM write or erase");
        return 0;
    case 0xC005:
        data[0] = 0x32;
        data[1] = 0x60;
        return 2;
    case 0xC00A:
        data[0] = (uint8_t)m->s.latency;
        return 1;
    case 0xC00C:
        data[0] = read_pins(m, 0);
        return 1;
    case 0xC090:
        data[0] = data[1] = 0xFF; /* blank */
        return 2;
    default:
        return s->type & 0x80 ? -EPIPE : 0;
    }
}

static void reset(struct usb_model *m)
{
    set_mode(m, MODE_UART);
    m->s.latency = 16;
}

static struct usb_model *create(const struct chip *chip, struct usb_pins *pins, unsigned pipe,
                                const struct usb_key *keys, size_t n, char err[256])
{
    struct usb_model *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    unsigned wired = (unsigned)strtoul(usb_key_get(keys, n, "channel", "0"), NULL, 0);
    m->report = pins->report;
    m->chip = chip;
    m->engine = pipe < chip->engines;
    m->pins = pipe == wired ? pins : NULL;
    const char *fifo = usb_key_get(keys, n, "fifo", NULL);
    m->size = fifo ? (unsigned)strtoul(fifo, NULL, 0) : chip->fifo;
    if (m->size < 512 || m->size > MAX_FIFO) {
        snprintf(err, 256, "fifo= is 512..%d bytes", MAX_FIFO);
        free(m);
        return NULL;
    }
    m->s.latency = 16;
    m->s.div5 = true;
    unsigned stale = (unsigned)strtoul(usb_key_get(keys, n, "stale", "0"), NULL, 0);
    for (unsigned i = 0; i < stale && i < m->size; i++)
        put(&m->s.reply, (uint8_t)i);
    drive(m);
    return m;
}

/* One of the kinds: its create() is all that differs, beside the descriptors. */
#define CHIP(NAME, FIFO, ENGINES, LOW_ONLY)                                                     \
    static struct usb_model *create_##NAME(struct usb_pins *pins, unsigned pipe,                \
                                           const struct usb_key *keys, size_t n, char err[256]) \
    {                                                                                           \
        static const struct chip chip = { FIFO, ENGINES, LOW_ONLY };                            \
        return create(&chip, pins, pipe, keys, n, err);                                         \
    }
CHIP(ft232h, 1024, 1, false)
CHIP(ft2232h, 4096, 2, false)
CHIP(ft4232h, 2048, 2, true)

static void destroy(struct usb_model *m)
{
    free(m);
}

static int line(const char *name)
{
    if ((strncmp(name, "AD", 2) && strncmp(name, "AC", 2)) || name[2] < '0' || name[2] > '7')
        return -1;
    return name[3] ? -1 : (name[1] == 'C' ? 8 : 0) + (name[2] - '0');
}

static int line_low(const char *name)
{
    return line(name) < 8 ? line(name) : -1;
}

static void finish(struct usb_model *m, uint64_t now)
{
    run(m, now + 1000000); /* what was sent last is still on its way */
    if (m->s.mode == MODE_MPSSE && (m->s.op || m->s.cmd.n))
        usb_violation(m->report, now, "MPSSE left with a command half sent");
    if (m->s.reply.n)
        usb_violation(m->report, now, "%u reply bytes left unread", m->s.reply.n);
}

static size_t state(struct usb_model *m, void **at)
{
    *at = &m->s;
    return sizeof m->s;
}

static size_t config_for(uint8_t *to, unsigned interfaces)
{
    size_t n = 9;
    for (unsigned i = 0; i < interfaces; i++) {
        const uint8_t part[] = { 9,
                                 4,
                                 (uint8_t)i,
                                 0,
                                 2,
                                 0xFF,
                                 0xFF,
                                 0xFF,
                                 2,
                                 7,
                                 5,
                                 (uint8_t)(0x81 + 2 * i),
                                 2,
                                 0,
                                 2,
                                 0,
                                 7,
                                 5,
                                 (uint8_t)(0x02 + 2 * i),
                                 2,
                                 0,
                                 2,
                                 0 };
        memcpy(to + n, part, sizeof part);
        n += sizeof part;
    }
    const uint8_t head[9] = { 9, 2,    (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)interfaces, 1,
                              0, 0x80, 0xFA };
    memcpy(to, head, sizeof head);
    return n;
}

static size_t config1(uint8_t *to, size_t cap)
{
    (void)cap;
    return config_for(to, 1);
}

static size_t config2(uint8_t *to, size_t cap)
{
    (void)cap;
    return config_for(to, 2);
}

static size_t config4(uint8_t *to, size_t cap)
{
    (void)cap;
    return config_for(to, 4);
}

#define FTDI(NAME, PID, VERSION, PIPES, CONFIG, PRODUCT)                                          \
    .name = #NAME, .vid = 0x0403, .pid = (PID), .mbit = 480, .packet = 512, .pipes = (PIPES),     \
    .ep_out = { 0x02, 0x04, 0x06, 0x08 }, .ep_in = { 0x81, 0x83, 0x85, 0x87 },                    \
    .driver = "ftdi_sio", .device = { 18,   1,          0,          2, 0,         0, 0, 64, 0x03, \
                                      0x04, (PID)&0xFF, (PID) >> 8, 0, (VERSION), 1, 2, 0,  1 },  \
    .config = (CONFIG), .vendor = "FTDI", .product = (PRODUCT), .create = create_##NAME,          \
    .destroy = destroy, .control = control, .out_ready = out_ready, .out = out,                   \
    .in_ready = in_ready, .in = in, .next = next, .run = run, .reset = reset, .finish = finish,   \
    .state = state, .drive = drive

const struct usb_class usb_ft232h = { FTDI(ft232h, 0x6014, 0x09, 1, config1, "Single RS232-HS"),
                                      .line = line, .default_cen = "AC0" };
const struct usb_class usb_ft2232h = { FTDI(ft2232h, 0x6010, 0x07, 2, config2, "Dual RS232-HS"),
                                       .line = line, .default_cen = "AC0" };
const struct usb_class usb_ft4232h = { FTDI(ft4232h, 0x6011, 0x08, 4, config4, "Quad RS232-HS"),
                                       .line = line_low, .default_cen = "AD4" };
