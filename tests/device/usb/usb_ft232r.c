/* FT232R as the kernel's ftdi_sio sees it: baud divisors, modem lines, latency timer, two status
 * bytes at the head of every IN packet; behind it the UART of the virtual device, with RTS# or
 * DTR# on its CEN.  Sources: FTDI AN_232B-05 (divisors), the requests in Linux's ftdi_sio.h. */
#include "usb.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAYLOAD = 62, /* of a 64-byte IN packet */
    TX_FIFO = 128,
    RX_FIFO = 256,
    MAX_FIFO = 1 << 20
};
enum { LINE_DTR, LINE_RTS }; /* bits of request 1 */
enum { LINE_STATUS_IDLE = 0x60, LINE_STATUS_OVERRUN = 0x02, MODEM_STATUS = 0x01 };

struct usb_model {
    struct usb_pins *pins;
    uint64_t now; /* the wire has been served up to here */
    uint64_t full_at, last_in;
    uint8_t *rx; /* ring */
    unsigned rx_size, rx_first, rx_n, rx_most;
    bool overrun;
    uint8_t tx[TX_FIFO];
    unsigned tx_first, tx_n;
    struct {
        unsigned latency, asserted; /* asserted: LINE_ bits, 1 = pin low */
        uint32_t baud;
    } s;
};

static void drive(struct usb_model *m)
{
    pins_at(m->pins, m->now);
    pins_cen(m->pins, m->s.asserted & 1u << m->pins->cen_bit ? 0 : 1);
}

/* AN_232B-05: 3 MHz by a divisor in eighths, its lowest bits coded; 0 and 1 are 3 and 2 MBd. */
static uint32_t rate(uint16_t value, uint16_t index)
{
    static const unsigned eighths[8] = { 0, 4, 2, 1, 3, 5, 6, 7 };
    unsigned divisor = (value & 0x3FFFu) * 8 + eighths[value >> 14 | (index & 1u) << 2];
    if (divisor == 0)
        return 3000000;
    if (divisor == 8)
        return 2000000;
    return 24000000 / divisor;
}

static void receive(struct usb_model *m)
{
    uint8_t buf[64];
    size_t n = device_uart_read(m->pins->device, buf, sizeof buf);
    for (; n; n = device_uart_read(m->pins->device, buf, sizeof buf))
        for (size_t i = 0; i < n; i++) {
            if (m->rx_n == m->rx_size) {
                if (!m->overrun)
                    usb_violation(m->pins->report, m->now,
                                  "receive FIFO overrun: the host is late");
                m->overrun = true;
                continue;
            }
            m->rx[(m->rx_first + m->rx_n++) % m->rx_size] = buf[i];
            if (m->rx_n == PAYLOAD)
                m->full_at = m->now;
            if (m->rx_n > m->rx_most)
                m->rx_most = m->rx_n;
        }
}

static uint64_t byte_ns(const struct usb_model *m)
{
    return 10000000000u / m->s.baud;
}

/* The next byte has left, or the device has something to say. */
static uint64_t next(struct usb_model *m)
{
    if (m->tx_n)
        return m->now + byte_ns(m);
    uint64_t t = device_uart_next_ns(m->pins->device);
    return t > m->now ? t : m->now + 1; /* always ahead, so that the bus moves on */
}

static void run(struct usb_model *m, uint64_t now)
{
    while (m->tx_n && m->now + byte_ns(m) <= now) {
        pins_at(m->pins, m->now);
        device_uart_write(m->pins->device, m->tx + m->tx_first, 1); /* takes its wire time */
        m->now += byte_ns(m);
        m->tx_first = (m->tx_first + 1) % TX_FIFO;
        m->tx_n--;
        receive(m);
    }
    if (!m->tx_n && now > m->now)
        m->now = now;
    pins_at(m->pins, m->now);
    receive(m);
}

static uint64_t out_ready(struct usb_model *m, size_t n)
{
    if (m->tx_n + n <= TX_FIFO)
        return m->now;
    return m->now + (m->tx_n + n - TX_FIFO) * byte_ns(m);
}

static void out(struct usb_model *m, uint64_t now, const uint8_t *p, size_t n)
{
    run(m, now);
    for (size_t i = 0; i < n && m->tx_n < TX_FIFO; i++)
        m->tx[(m->tx_first + m->tx_n++) % TX_FIFO] = p[i];
}

static uint64_t in_ready(struct usb_model *m)
{
    uint64_t t = m->last_in + (uint64_t)m->s.latency * 1000000;
    return m->rx_n >= PAYLOAD && m->full_at < t ? m->full_at : t;
}

static size_t in(struct usb_model *m, uint64_t now, uint8_t *buf)
{
    run(m, now);
    unsigned n = m->rx_n < PAYLOAD ? m->rx_n : PAYLOAD;
    buf[0] = MODEM_STATUS;
    buf[1] = (uint8_t)(LINE_STATUS_IDLE | (m->overrun ? LINE_STATUS_OVERRUN : 0));
    for (unsigned i = 0; i < n; i++)
        buf[2 + i] = m->rx[(m->rx_first + i) % m->rx_size];
    m->rx_first = (m->rx_first + n) % m->rx_size;
    m->rx_n -= n;
    m->overrun = false;
    m->last_in = m->full_at = now;
    return n + 2;
}

static void set_modem(struct usb_model *m, uint16_t value)
{
    unsigned mask = value >> 8 & 3u;
    m->s.asserted = (m->s.asserted & ~mask) | (value & mask);
    drive(m);
}

static int control(struct usb_model *m, uint64_t now, const struct usb_setup *s, uint8_t *data)
{
    run(m, now);
    switch (s->type << 8 | s->request) {
    case 0x4000: /* reset, purge */
        if (s->value != 1)
            m->tx_n = 0;
        if (s->value != 2)
            m->rx_n = 0;
        return 0;
    case 0x4001:
        set_modem(m, s->value);
        return 0;
    case 0x4003:
        m->s.baud = rate(s->value, s->index);
        device_uart_host_baud(m->pins->device, m->s.baud);
        return 0;
    case 0x4009:
        if (s->value < 1 || s->value > 255)
            return -EPIPE;
        m->s.latency = s->value;
        return 0;
    case 0x4002: /* flow control, */
    case 0x4004: /* character format, */
    case 0x4006: /* event and */
    case 0x4007: /* error character, */
    case 0x400B: /* bit mode */
        return 0;
    case 0x4091:
    case 0x4092:
        usb_violation(m->pins->report, now, "EEPROM write or erase");
        return 0;
    case 0xC005:
        data[0] = MODEM_STATUS;
        data[1] = LINE_STATUS_IDLE;
        return 2;
    case 0xC00A:
        data[0] = (uint8_t)m->s.latency;
        return 1;
    case 0xC00C:
        data[0] = 0xFF;
        return 1;
    case 0xC090:
        data[0] = data[1] = 0xFF; /* blank */
        return 2;
    default:
        return -EPIPE;
    }
}

static void reset(struct usb_model *m)
{
    m->s.latency = 16;
    m->s.asserted = 0;
    m->s.baud = 9600;
    m->tx_n = m->rx_n = 0;
    device_uart_host_baud(m->pins->device, m->s.baud);
    drive(m);
}

static struct usb_model *create(struct usb_pins *pins, unsigned pipe, const struct usb_key *keys,
                                size_t n, char err[256])
{
    (void)pipe;
    unsigned long size = strtoul(usb_key_get(keys, n, "fifo", "0"), NULL, 0);
    if (!size)
        size = RX_FIFO;
    if (size < PAYLOAD || size > MAX_FIFO) {
        snprintf(err, 256, "fifo= is %d..%d bytes", PAYLOAD, MAX_FIFO);
        return NULL;
    }
    struct usb_model *m = calloc(1, sizeof *m + size);
    if (!m)
        return NULL;
    m->pins = pins;
    m->rx = (uint8_t *)(m + 1);
    m->rx_size = (unsigned)size;
    reset(m);
    return m;
}

static void destroy(struct usb_model *m)
{
    free(m);
}

static int line(const char *name)
{
    return !strcmp(name, "DTR#") ? LINE_DTR : !strcmp(name, "RTS#") ? LINE_RTS : -1;
}

/* A kernel driver reads all the time, but nobody has to be interested in what it got. */
static void finish(struct usb_model *m, uint64_t now)
{
    run(m, now);
}

static size_t state(struct usb_model *m, void **at)
{
    *at = &m->s;
    return sizeof m->s;
}

static size_t config(uint8_t *to, size_t cap)
{
    static const uint8_t bytes[] = { 9,  2, 32, 0,    1,    1,    0, 0xA0, 0x2D, 9,    4,
                                     0,  0, 2,  0xFF, 0xFF, 0xFF, 2, 7,    5,    0x81, 2,
                                     64, 0, 0,  7,    5,    0x02, 2, 64,   0,    0 };
    (void)cap;
    memcpy(to, bytes, sizeof bytes);
    return sizeof bytes;
}

const struct usb_class usb_ft232r = {
    .name = "ft232r",
    .vid = 0x0403,
    .pid = 0x6001,
    .mbit = 12,
    .packet = 64,
    .pipes = 1,
    .ep_out = { 0x02 },
    .ep_in = { 0x81 },
    .default_cen = "RTS#",
    .driver = "ftdi_sio",
    .device = { 18, 1, 0, 2, 0, 0, 0, 8, 0x03, 0x04, 0x01, 0x60, 0, 6, 1, 2, 0, 1 },
    .config = config,
    .vendor = "FTDI",
    .product = "FT232R USB UART",
    .create = create,
    .destroy = destroy,
    .control = control,
    .out_ready = out_ready,
    .out = out,
    .in_ready = in_ready,
    .in = in,
    .next = next,
    .run = run,
    .reset = reset,
    .line = line,
    .finish = finish,
    .state = state,
    .drive = drive,
};
