/* loader.c - the line: baud rates, byte times, what happens when. */
#include "loader.h"
#include "device_priv.h"
#include "synth.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS          1000000ull
#define UART_CLOCK  26000000u
#define FIRST_BAUD  115200u
#define MAX_ERROR   0.03 /* of a byte time: a receiver samples the tenth bit half a bit off */
#define ROM_TIMEOUT (500 * MS)

const struct uart_chip *loader_chip_find(const char *name)
{
    static const struct uart_chip chips[] = {
        { "bk7231t", "BK7231S_1.0.5", 0, 0, 0x10000, 0x20E0, false, 0 },
        { "bk7231s", "BK7231S_1.0.5", 0, 0, 0x10000, 0x20E0, false, 0 },
        { "bk7231q", NULL, 0, 0, 0x10000, 0x20E0, false, 0 },
        { "bk7231u", NULL, 0, 0, 0x2000, 0x2000, false, 0 },
        { "bk7251", NULL, 0, 0, 0x2000, 0x2000, false, 0 },
        { "bk7252", NULL, 0, 0, 0x2000, 0x2000, false, 0 },
        { "bk7231n", NULL, 0x7231C, 0x00800000, 0, 0, true, 1 },
        { "bk7231m", NULL, 0x7231C, 0x00800000, 0, 0, true, 0 },
        { "bl2028n", NULL, 0x7231C, 0x00800000, 0, 0, true, 0 },
        { "bk7238", NULL, 0x7238, 0x00800000, 0, 0, true, 0 },
        { "bk7252n", NULL, 0x7252A, 0x00800000, 0, 0, true, 0 },
        { "bk7236", NULL, 0x7236, 0x44010004, 0, 0, true, 0 },
    };
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (!strcmp(chips[i].name, name)) {
            return &chips[i];
        }
    }
    return NULL;
}

uint32_t loader_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The L loader rounds and clamps, the ROM cuts off. */
uint32_t loader_divider(bool rom, uint32_t baud)
{
    if (rom) {
        uint32_t d = UART_CLOCK / baud;
        return d ? d : 1;
    }
    uint64_t d = (UART_CLOCK + (uint64_t)baud / 2) / baud;
    return d < 5 ? 5 : d > 0x2000 ? 0x2000 : (uint32_t)d;
}

double loader_error(uint32_t host_baud, uint32_t divider)
{
    return fabs((double)host_baud * divider / UART_CLOCK - 1);
}

uint64_t loader_byte_ns(const struct uart *u)
{
    return 10 * 1000000000ull * u->divider / UART_CLOCK;
}

static uint64_t opt_ns(struct opt_value o, uint64_t otherwise)
{
    return config_or(o, otherwise);
}

/* -- replies --------------------------------------------------------------------------- */
static void push(struct uart *u, uint64_t at, uint8_t byte)
{
    if (u->tx_head == u->tx_n) {
        u->tx_head = u->tx_n = 0;
    }
    if (u->tx_n == u->tx_cap) {
        size_t cap = u->tx_cap ? u->tx_cap * 2 : 8192;
        struct uart_tx *tx = realloc(u->tx, cap * sizeof *tx);
        if (!tx) {
            return;
        }
        u->tx = tx;
        u->tx_cap = cap;
    }
    u->tx[u->tx_n++] = (struct uart_tx){ at, u->divider, byte };
}

static bool chance(struct uart *u, double p)
{
    return p > 0 && rng_unit(&u->fault_rng) < p;
}

uint64_t loader_reply(struct uart *u, uint64_t t, const uint8_t *p, size_t n)
{
    uint64_t step = loader_byte_ns(u);
    if (t < u->tx_free) {
        t = u->tx_free;
    }
    for (size_t i = 0; i < n; i++) {
        t += step;
        uint8_t byte = p[i];
        if (u->fault.dead_tx || chance(u, u->fault.drop)) {
            continue;
        }
        if (chance(u, u->fault.flip)) {
            byte ^= (uint8_t)(1u << rng_below(&u->fault_rng, 8));
        }
        push(u, t, byte);
        if (chance(u, u->fault.dup)) {
            push(u, t, byte);
        }
        if (chance(u, u->fault.noise)) {
            push(u, t, (uint8_t)rng_next(&u->fault_rng));
        }
    }
    u->tx_free = t;
    return t;
}

uint64_t loader_short_reply(struct uart *u, uint64_t t, uint8_t cmd, const uint8_t *p, size_t n)
{
    uint8_t frame[64] = { 0x04, 0x0E, (uint8_t)(4 + n), 0x01, 0xE0, 0xFC, cmd };
    memcpy(frame + 7, p, n);
    return loader_reply(u, t, frame, 7 + n);
}

uint64_t loader_long_reply(struct uart *u, uint64_t t, uint8_t op, uint8_t status, const uint8_t *p,
                           size_t n)
{
    uint8_t frame[4200] = {
        0x04, 0x0E,  0xFF, 0x01, 0xE0, 0xFC, 0xF4, (uint8_t)(2 + n), (uint8_t)((2 + n) >> 8),
        op,   status
    };
    if (n) {
        memcpy(frame + 11, p, n);
    }
    size_t len = 11 + n;
    if (op == 0x09 && n > 4000 && u->fault.cut_at && u->fault.cut_times && len > u->fault.cut_at) {
        len = u->fault.cut_at;
        u->fault.cut_times--;
    }
    return loader_reply(u, t, frame, len);
}

/* -- states ------------------------------------------------------------------------------ */
static bool blank(const struct uart *u)
{
    const uint8_t *flash = u->dev->flash;
    for (size_t i = 0; i < 256; i++) {
        if (flash[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/* How long the ROM listens: byte 0x116, if the chip's name stands at 0x110. */
static uint64_t rom_window(const struct uart *u)
{
    const uint8_t *at = u->dev->flash + 0x110;
    const char *marker = synth_rom_marker(u->chip->name);
    if (!marker) {
        marker = "BK7236";
    }
    if (memcmp(at, marker, 6) != 0) {
        return UINT64_MAX; /* flash empty: waits for ever */
    }
    return at[6] == 0xE1 ? 0 : (at[6] < 5 || at[6] == 0xFF ? 5 : at[6]) * MS;
}

static void enter_boot(struct uart *u, uint64_t at)
{
    uint64_t window = u->chip->rom ? rom_window(u) : opt_ns(u->dev->opt.uart_window, 10 * MS);
    u->state = UART_BOOT;
    u->boot_at = at;
    u->window_end = window == UINT64_MAX ? UINT64_MAX : at + window;
    if (!u->chip->rom && blank(u)) {
        u->state = UART_DEAD;
    }
    if (u->quirks & QUIRK_BANNER) {
        static const uint8_t banner[] = "Mar  4 2021";
        (void)loader_short_reply(u, at + MS / 2, 0xFE, banner, sizeof banner - 1);
    }
}

static void enter_app(struct uart *u, uint64_t at)
{
    u->state = UART_APP;
    u->heard_n = 0;
    u->reboot_at = u->user_at = UINT64_MAX;
    u->chatter_line = 0;
    u->chatter_at = config_or(u->dev->opt.chatter, 0) ? at + 20 * MS : UINT64_MAX;
    u->divider = loader_divider(false, (uint32_t)config_or(u->dev->opt.chatter_baud, FIRST_BAUD));
}

void loader_reset(struct uart *u, uint64_t at)
{
    u->resets++;
    u->divider = loader_divider(u->chip->rom, FIRST_BAUD);
    u->busy_until = u->deaf_until = 0;
    u->last_activity = at;
    u->any_byte = u->armed = u->crc_protected = false;
    u->hung = 0;
    u->step = u->n = u->need = 0;
    u->ring_rd = u->ring_wr = 0;
    u->tx_free = at;
    u->reboot_at = u->user_at = u->chatter_at = UINT64_MAX;
    while (u->tx_n > u->tx_head && u->tx[u->tx_n - 1].at > at) {
        u->tx_n--; /* what was still in the transmitter is gone */
    }
    enter_boot(u, at);
}

void loader_restart(struct uart *u, uint64_t t)
{
    gate_reset_at(&u->dev->gate, t);
    loader_reset(u, t);
}

void loader_hang(struct uart *u, uint64_t t, const char *why)
{
    u->hung = 1;
    violation_add(&u->dev->log, t, VIOLATION_UART_FRAME, "%s", why);
}

void loader_linked(struct uart *u, uint64_t t)
{
    if (u->state == UART_LINKED) {
        return;
    }
    u->state = UART_LINKED;
    u->dev->gate.download = u->dev->gate.sr_written = true; /* no application boots */
    if (u->chip->rom) {
        u->deaf_until = t + 1 * MS;
    }
}

static bool parse_hex(const char *s, uint8_t to[32])
{
    size_t len = strlen(s);
    for (size_t i = 0; i < len; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, s[i] | 0x20);
        if (!at || len % 2 || len > 64) {
            return false;
        }
        unsigned high = i % 2 ? to[i / 2] : 0u;
        to[i / 2] = (uint8_t)(high << 4 | (unsigned)(at - digits));
    }
    return true;
}

bool loader_init(struct uart *u, struct device *d, char err[256])
{
    const char *name = *d->opt.chip.s ? d->opt.chip.s : "bk7252";
    memset(u, 0, sizeof *u);
    u->dev = d;
    u->chip = loader_chip_find(name);
    bool unknown = !u->chip; /* then nothing ever answers */
    if (unknown) {
        u->chip = loader_chip_find("bk7252");
    }
    u->rng = rng_fork(config_or(d->opt.seed, 1), 0x55415254);
    u->fault_rng = rng_fork(config_or(d->opt.seed, 1), 0x4641554C);
    u->host_baud = FIRST_BAUD;
    u->divider = loader_divider(u->chip->rom, FIRST_BAUD);
    static const uint8_t tuya[16] = { 0x93, 0xB0, 0x0F, 0x51, 0xDC, 0xEA, 0xCB, 0xA3,
                                      0x7E, 0xA1, 0x93, 0x59, 0x03, 0xEB, 0xAD, 0xC7 };
    if (u->chip->key) {
        memcpy(u->efuse, tuya, sizeof tuya); /* published: the same in every such module */
    }
    if (*d->opt.efuse.s && !parse_hex(d->opt.efuse.s, u->efuse)) {
        (void)snprintf(err, 256, "device option efuse=%s: expected up to 64 hex digits",
                       d->opt.efuse.s);
        return false;
    }
    if (!loader_faults_parse(d->opt.uart_fault.s, &u->fault, err) ||
        !loader_quirks_parse(d->opt.uart_quirk.s, &u->quirks, err)) {
        return false;
    }
    loader_reset(u, d->clock->ns);
    u->resets = 0;
    if (u->state == UART_BOOT && u->window_end != UINT64_MAX) {
        enter_app(u, d->clock->ns); /* it has been running for long */
    }
    if (unknown) {
        u->state = UART_DEAD;
    }
    return true;
}

void loader_free(struct uart *u)
{
    free(u->tx);
}

/* -- time ---------------------------------------------------------------------------------- */
static bool powered(const struct uart *u)
{
    enum gate_state s = u->dev->gate.state;
    return !u->dev->gate.plain && s != GATE_OFF && s != GATE_ACCEPTED && s != GATE_FLASH;
}

enum event { EV_NONE, EV_RING, EV_WINDOW, EV_IDLE, EV_TIMEOUT, EV_REBOOT, EV_USER, EV_CHATTER };

static void earlier(uint64_t *best, enum event *which, uint64_t at, enum event ev)
{
    if (at < *best) {
        *best = at;
        *which = ev;
    }
}

static uint64_t idle_since(const struct uart *u)
{
    return u->busy_until > u->last_activity ? u->busy_until : u->last_activity;
}

static enum event next_event(const struct uart *u, uint64_t *at)
{
    enum event ev = EV_NONE;
    *at = UINT64_MAX;
    if (!powered(u)) {
        return EV_NONE;
    }
    if (u->state == UART_APP) {
        earlier(at, &ev, u->reboot_at, EV_REBOOT);
        earlier(at, &ev, u->user_at, EV_USER);
        earlier(at, &ev, u->chatter_at, EV_CHATTER);
        return ev;
    }
    if (u->state == UART_DEAD || u->hung) {
        return EV_NONE;
    }
    if (u->state == UART_BOOT) {
        earlier(at, &ev, u->window_end, EV_WINDOW);
    }
    if (!u->chip->rom && u->ring_rd != u->ring_wr) {
        uint64_t arrived = u->ring_at[u->ring_rd % UART_RING];
        earlier(at, &ev, u->busy_until > arrived ? u->busy_until : arrived, EV_RING);
    } else if (!u->chip->rom && u->state == UART_LINKED) {
        earlier(at, &ev, idle_since(u) + opt_ns(u->dev->opt.uart_idle, 300 * MS), EV_IDLE);
    }
    if (u->chip->rom && u->step >= 3) {
        earlier(at, &ev, u->last_activity + ROM_TIMEOUT, EV_TIMEOUT);
    }
    return ev;
}

static void chatter(struct uart *u)
{
    static const char *const lines[] = {
        "BK7231 application, built for tests\r\n",
        "[FAL] Partition table NOT found\r\n",
        "sr:4 sr:4004\r\n",
        "wifi: scanning\r\n",
        "heartbeat\r\n",
    };
    size_t n = sizeof lines / sizeof lines[0];
    const char *line = lines[u->chatter_line < n ? u->chatter_line : n - 1];
    (void)loader_reply(u, u->chatter_at, (const uint8_t *)line, strlen(line));
    u->chatter_at += u->chatter_line < n ? 15 * MS : 500 * MS;
    u->chatter_line++;
}

void loader_settle(struct uart *u, uint64_t now)
{
    uint64_t at;
    for (enum event ev = next_event(u, &at); ev != EV_NONE && at <= now; ev = next_event(u, &at)) {
        switch (ev) {
        case EV_RING: {
            uint8_t byte = u->ring[u->ring_rd++ % UART_RING];
            loader_l_byte(u, byte, at);
            break;
        }
        case EV_WINDOW:
            enter_app(u, at);
            break;
        case EV_TIMEOUT:
            loader_rom_timeout(u, at);
            break;
        case EV_CHATTER:
            chatter(u);
            break;
        case EV_IDLE:
        case EV_REBOOT:
        case EV_USER:
        default:
            loader_restart(u, at);
            break;
        }
    }
}

uint64_t loader_next_event(struct uart *u)
{
    uint64_t at;
    (void)next_event(u, &at);
    return at;
}

/* -- receiving --------------------------------------------------------------------------------- */
/* The application's command line, and the reboot frame of the SDK. */
static void app_byte(struct uart *u, uint8_t byte, uint64_t t)
{
    static const uint8_t bkreg[] = { 0x01, 0xE0, 0xFC, 0x05, 0xFE, 0x95, 0x27, 0x95, 0x27 };
    uint64_t user = opt_ns(u->dev->opt.user_reset, 500 * MS);
    if (u->user_at == UINT64_MAX && user) {
        u->user_at = t + user; /* somebody at the bench sees it waiting */
    }
    memmove(u->heard, u->heard + 1, sizeof u->heard - 1);
    u->heard[sizeof u->heard - 1] = byte;
    const uint8_t *end = u->heard + sizeof u->heard;
    bool text = (byte == '\n' || byte == '\r') &&
                (!memcmp(end - 7, "reboot", 6) || !memcmp(end - 8, "reboot", 6));
    if ((text || !memcmp(end - sizeof bkreg, bkreg, sizeof bkreg)) && u->reboot_at == UINT64_MAX &&
        config_or(u->dev->opt.app_reboot, 1)) {
        u->reboot_at = t + 100 * MS;
    }
}

static void ring_byte(struct uart *u, uint8_t byte, uint64_t t)
{
    u->ring[u->ring_wr % UART_RING] = byte;
    u->ring_at[u->ring_wr % UART_RING] = t;
    u->ring_wr++;
    if (u->ring_wr - u->ring_rd == UART_RING) {
        /* The write index meets the read index: everything unread is lost at once. */
        violation_add(&u->dev->log, t, VIOLATION_UART_OVERRUN,
                      "512 bytes unread in the receive ring: all lost (working on %02X)",
                      u->busy_with);
        u->ring_rd = u->ring_wr;
    }
}

static void good_byte(struct uart *u, uint8_t byte, uint64_t t)
{
    if (u->state == UART_APP) {
        app_byte(u, byte, t);
        return;
    }
    if (u->state == UART_DEAD || u->hung) {
        return;
    }
    if (u->state == UART_BOOT && !u->any_byte && !u->chip->rom) {
        u->any_byte = true;
        u->window_end = u->boot_at + 800 * MS;
    }
    if (!u->chip->rom) {
        u->last_activity = t;
        ring_byte(u, byte, t);
        loader_settle(u, t);
        return;
    }
    if (t < u->deaf_until) {
        return;
    }
    if (t < u->busy_until) {
        if (u->busy_with != 0x00) { /* a flood of LinkChecks is how linking works */
            violation_add(&u->dev->log, t, VIOLATION_UART_OVERRUN,
                          "byte %02X sent while the ROM works on %02X: dropped", byte,
                          u->busy_with);
        }
        return;
    }
    u->last_activity = t;
    loader_rom_byte(u, byte, t);
}

static void receive(struct uart *u, uint8_t byte, uint64_t t)
{
    if (loader_error(u->host_baud, u->divider) <= MAX_ERROR) {
        good_byte(u, byte, t);
        return;
    }
    u->baud_errors++;
    if (u->state == UART_LINKED) {
        violation_add(&u->dev->log, t, VIOLATION_UART_BAUD,
                      "byte sent at %u baud, the device listens at %.0f", u->host_baud,
                      (double)UART_CLOCK / u->divider);
    }
    uint64_t r = rng_next(&u->rng);
    if (r & 0x100) {
        good_byte(u, (uint8_t)((r & 0xFF) == byte ? r ^ 0x55 : r), t);
    }
}

void device_uart_host_baud(struct device *d, uint32_t baud)
{
    loader_settle(&d->uart, d->clock->ns);
    d->uart.host_baud = baud ? baud : 1;
}

void device_uart_write(struct device *d, const uint8_t *p, size_t n)
{
    struct uart *u = &d->uart;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = p[i];
        d->clock->ns += 10 * 1000000000ull / u->host_baud;
        gate_settle(&d->gate);
        loader_settle(u, d->clock->ns);
        if (u->fault.echo) {
            push(u, d->clock->ns, byte);
        }
        if (!powered(u) || chance(u, u->fault.drop)) {
            continue;
        }
        if (chance(u, u->fault.flip)) {
            byte ^= (uint8_t)(1u << rng_below(&u->fault_rng, 8));
        }
        receive(u, byte, d->clock->ns);
        if (chance(u, u->fault.dup)) {
            receive(u, byte, d->clock->ns);
        }
    }
}

/* When the host's adapter hands a byte on: its latency timer makes steps. */
static uint64_t seen_at(const struct uart *u, uint64_t at)
{
    uint64_t q = u->fault.batch_ns;
    return q ? (at + q - 1) / q * q : at;
}

size_t device_uart_read(struct device *d, uint8_t *to, size_t cap)
{
    struct uart *u = &d->uart;
    size_t n = 0;
    gate_settle(&d->gate);
    loader_settle(u, d->clock->ns);
    while (n < cap && u->tx_head < u->tx_n && seen_at(u, u->tx[u->tx_head].at) <= d->clock->ns) {
        struct uart_tx *tx = &u->tx[u->tx_head++];
        if (loader_error(u->host_baud, tx->divider) <= MAX_ERROR) {
            to[n++] = tx->byte;
        } else if (rng_next(&u->rng) & 1) {
            to[n++] = (uint8_t)rng_next(&u->rng);
        }
    }
    return n;
}

bool device_uart_working(struct device *d)
{
    struct uart *u = &d->uart;
    return u->tx_head < u->tx_n || u->busy_until > d->clock->ns || u->ring_rd != u->ring_wr;
}

bool device_uart_switching(struct device *d)
{
    return d->uart.busy_with == 0x0F && !d->uart.is_long && d->uart.busy_until > d->clock->ns;
}

uint32_t device_uart_baud(const struct device *d)
{
    return UART_CLOCK / d->uart.divider;
}

uint64_t device_uart_next_ns(struct device *d)
{
    struct uart *u = &d->uart;
    gate_settle(&d->gate);
    loader_settle(u, d->clock->ns);
    uint64_t at = loader_next_event(u);
    if (u->tx_head < u->tx_n && seen_at(u, u->tx[u->tx_head].at) < at) {
        at = seen_at(u, u->tx[u->tx_head].at);
    }
    return at;
}
