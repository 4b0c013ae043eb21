/* loader.c - the device: requests, flash, windows, faults.  See loader.h. */
#include "loader_priv.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

uint64_t loader_random(struct loader *l)
{
    uint64_t z = (l->rng += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static bool hit(struct loader *l, uint32_t per_million)
{
    return per_million && loader_random(l) % 1000000 < per_million;
}

uint64_t loader_byte_ns(uint32_t baud)
{
    return 10000000000u / baud;
}

static bool rates_meet(uint32_t a, uint32_t b)
{
    const uint32_t d = a > b ? a - b : b - a;
    return (uint64_t)d * 100 <= (uint64_t)b * 3;
}

static void enqueue(struct loader *l, uint64_t at_ns, uint8_t v)
{
    if (l->tail - l->head < QUEUE) {
        l->queue[l->tail++ % QUEUE] = (struct out_byte){ at_ns, v };
    }
}

/* One byte on the wire towards the host, with its faults. */
static void emit(struct loader *l, uint32_t baud, uint8_t v)
{
    const uint64_t start = l->tx_free_ns > l->busy_ns ? l->tx_free_ns : l->busy_ns;
    const uint64_t at = start + loader_byte_ns(baud);
    l->tx_free_ns = at;
    if (!rates_meet(baud, l->host_baud) ||
        (l->c.max_host_baud && l->host_baud > l->c.max_host_baud)) {
        v = (uint8_t)(loader_random(l) | 1);
    } else if (l->c.max_holding && baud > l->c.max_holding && loader_random(l) % 400 == 0) {
        v ^= 0x10;
    }
    if (hit(l, l->c.flip_in)) {
        v ^= (uint8_t)(1u << loader_random(l) % 8);
    }
    if (hit(l, l->c.drop_in)) {
        return;
    }
    enqueue(l, at, v);
    if (hit(l, l->c.dup_in)) {
        enqueue(l, at, v);
    }
}

static void reply(struct loader *l, const uint8_t *p, size_t n)
{
    if (l->mute_after && --l->mute_after == 0) {
        l->c.silent = true;
    }
    for (size_t i = 0; i < n; i++) {
        emit(l, l->baud, p[i]);
    }
}

static void short_reply(struct loader *l, uint8_t cmd, const uint8_t *p, size_t n)
{
    uint8_t f[64] = { 0x04, 0x0E, (uint8_t)(4 + n), 0x01, 0xE0, 0xFC, cmd };
    memcpy(f + 7, p, n);
    reply(l, f, 7 + n);
}

static void long_reply(struct loader *l, uint8_t op, uint8_t st, const uint8_t *p, size_t n)
{
    uint8_t f[4200] = {
        0x04, 0x0E, 0xFF, 0x01, 0xE0, 0xFC, 0xF4, (uint8_t)(n + 2), (uint8_t)((n + 2) >> 8), op, st
    };
    if (n) {
        memcpy(f + 11, p, n);
    }
    size_t len = 11 + n;
    if (op == 0x09 && st == 0 && ++l->counts.reads == l->c.cut_read_at) {
        len = 4056;
    }
    reply(l, f, len);
}

void loader_boot(struct loader *l)
{
    l->state = LOADER_WINDOW;
    l->boot_ns = l->busy_ns = l->tx_free_ns = l->ns;
    l->head = l->tail;
    l->baud = 115200;
    l->armed = l->heard = l->told_app = false;
    l->req_len = l->n_pending = 0;
    l->counts.resets++;
}

static void spend(struct loader *l, uint64_t us)
{
    if (l->busy_ns < l->ns) {
        l->busy_ns = l->ns;
    }
    l->busy_ns += us * 1000;
}

static uint32_t zcrc(const struct loader *l, uint32_t first, uint32_t len)
{
    uLong crc = crc32(0, NULL, 0);
    while (len) {
        const uint32_t at = (first & 0xFFFFFF) % l->c.size;
        const uint32_t n = len < l->c.size - at ? len : l->c.size - at;
        crc = crc32(crc, l->flash + at, n);
        first += n;
        len -= n;
    }
    return (uint32_t)crc;
}

static bool shielded(const struct loader *l)
{
    return (l->sr1 & 0x7C) || (l->sr2 & 0x40);
}

static void do_crc(struct loader *l)
{
    const uint32_t first = le32(l->req + 5), last = le32(l->req + 9);
    uint32_t len = last - first + 1;
    if (!l->c.rom) {
        len = len / 256 * 256;
        if (last < first || len >= 0x1000000) {
            l->state = LOADER_OFF; /* hangs */
            return;
        }
        l->sr1 |= 0x7C;
    }
    l->counts.crcs++;
    spend(l, (uint64_t)len * 1000000 / 400000);
    const uint32_t wire = zcrc(l, first, len) ^ 0xFFFFFFFFu;
    const uint8_t p[4] = { (uint8_t)wire, (uint8_t)(wire >> 8), (uint8_t)(wire >> 16),
                           (uint8_t)(wire >> 24) };
    short_reply(l, 0x10, p, 4);
}

static void do_baud(struct loader *l)
{
    const uint8_t delay = l->req[9];
    if (l->c.deaf_to_baud) {
        return;
    }
    l->baud = le32(l->req + 5);
    if (l->baud < 1200 || l->baud > 4000000) {
        l->state = LOADER_OFF;
        return;
    }
    spend(l, l->c.rom ? delay * 1000u : (delay + 1u) * 2000u);
    for (unsigned i = 0; i < l->c.stale; i++) {
        short_reply(l, 0x01, (const uint8_t[]){ 0 }, 1);
    }
    l->c.stale = 0;
    /* The reply leaves at the new rate when the wait is over: by then the host may have
     * changed its own, which is settled when the bytes are read. */
    if (l->c.lose_baud_reply) {
        l->c.lose_baud_reply = false;
        return;
    }
    uint8_t f[12] = { 0x04, 0x0E, 0x09, 0x01, 0xE0, 0xFC, 0x0F };
    memcpy(f + 7, l->req + 5, 5);
    const uint32_t host = l->host_baud;
    l->host_baud = l->baud; /* judged again at reading, see loader_read */
    reply(l, f, 12);
    l->host_baud = host;
}

static void do_reg(struct loader *l, bool write)
{
    uint8_t p[8];
    memcpy(p, l->req + 5, 4);
    const uint32_t addr = le32(p);
    uint32_t v = 0;
    if (write) {
        v = le32(l->req + 9);
    } else if (addr == 0x800000) {
        v = l->c.chip_id;
    } else if (addr == 0x800078) {
        v = 0x100;
    }
    p[4] = (uint8_t)v;
    p[5] = (uint8_t)(v >> 8);
    p[6] = (uint8_t)(v >> 16);
    p[7] = (uint8_t)(v >> 24);
    if (!write && l->c.reg_plus_one) {
        p[0]++;
    }
    short_reply(l, write ? 0x01 : 0x03, p, 8);
}

static void run_short(struct loader *l)
{
    const uint8_t cmd = l->req[4];
    switch (cmd) {
    case 0x00:
        l->armed = true;
        l->state = LOADER_LINKED;
        l->counts.links++;
        short_reply(l, 0x01, (const uint8_t[]){ 0 }, 1);
        return;
    case 0x0F:
        do_baud(l);
        return;
    case 0x10:
        do_crc(l);
        return;
    case 0x0E:
        if (l->req[5] == 0xA5) {
            loader_boot(l);
        }
        return;
    case 0x11:
        if (!l->c.rom) {
            if (l->c.version) {
                uint8_t v[16] = { 0 };
                memcpy(v, l->c.version, strlen(l->c.version));
                short_reply(l, 0x11, v, 16);
            }
            return;
        }
        break;
    case 0x01:
    case 0x03:
        if (l->c.rom) {
            do_reg(l, cmd == 0x01);
            return;
        }
        break;
    default:
        break;
    }
    if (l->c.rom) {
        short_reply(l, cmd, (const uint8_t[]){ 7 }, 1);
    }
}

static bool brownout(struct loader *l)
{
    if (l->c.brownout_at && ++l->changes == l->c.brownout_at) {
        loader_boot(l);
        return true;
    }
    return false;
}

static void put_bytes(struct loader *l, uint32_t addr, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && !shielded(l); i++) {
        l->flash[((addr + i) & 0xFFFFFF) % l->c.size] &= p[i];
    }
}

static void do_erase(struct loader *l, uint8_t code, uint32_t addr)
{
    uint8_t p[5];
    memcpy(p, l->req + 8, 5);
    if (!l->c.rom && (int32_t)addr < (int32_t)l->c.limit) {
        long_reply(l, 0x0F, 6, p, 5);
        return;
    }
    if (!l->c.rom && l->armed) {
        l->armed = false;
        l->sr1 &= 0x83;
        l->sr2 = 0;
    }
    const uint32_t len = code == 0x20 ? 0x1000 : code == 0xD8 ? 0x10000 : l->c.rom ? 0x8000 : 0;
    spend(l, len == 0x1000 ? 45000 : 250000);
    l->counts.erases++;
    if (len && !shielded(l)) {
        memset(l->flash + ((addr & 0xFFFFFF) % l->c.size) / len * len, 0xFF, len);
    }
    if (!brownout(l)) {
        long_reply(l, 0x0F, 0, p, 5);
    }
}

static void do_write(struct loader *l, bool whole, size_t n)
{
    const uint32_t addr = le32(l->req + 8);
    uint8_t p[5];
    memcpy(p, l->req + 8, 4);
    p[4] = (uint8_t)n;
    const size_t echo = whole ? 4 : 5;
    if (l->c.rom && whole && n != 4096) {
        long_reply(l, 0x07, 4, p, echo);
        return;
    }
    if (!l->c.rom && addr < (whole ? l->c.limit_4k : l->c.limit)) {
        long_reply(l, whole ? 0x07 : 0x06, 6, p, echo);
        return;
    }
    put_bytes(l, addr, l->req + 12, n);
    spend(l, 600);
    l->counts.writes++;
    if (!brownout(l)) {
        long_reply(l, whole ? 0x07 : 0x06, 0, p, echo);
    }
}

static void do_read(struct loader *l, uint32_t addr)
{
    uint8_t p[4100];
    memcpy(p, l->req + 8, 4);
    if (!l->c.rom && addr < l->c.limit) {
        p[4] = 0;
        long_reply(l, 0x09, 6, p, 5);
        return;
    }
    for (uint32_t i = 0; i < 4096; i++) {
        p[4 + i] = l->flash[((addr + i) & 0xFFFFFF) % l->c.size];
    }
    spend(l, l->c.rom ? 0 : 2000);
    long_reply(l, 0x09, 0, p, 4100);
}

static void rom_extra(struct loader *l, uint8_t op, size_t n)
{
    const uint8_t *a = l->req + 8;
    if (op == 0x0C) {
        const uint8_t v[2] = { a[0], a[0] == 0x05 ? l->sr1 : a[0] == 0x35 ? l->sr2 : 0 };
        long_reply(l, op, 0, v, 2);
    } else if (op == 0x0D) {
        const size_t count = n - 2;
        if (a[0] == 0x31 && l->c.sr_bytes == 1) {
            l->sr2 = a[1];
        } else if (a[0] == 0x01 && (!l->c.sr_bytes || l->c.sr_bytes == count)) {
            l->sr1 = a[1];
            l->sr2 = count > 1 ? a[2] : l->sr2;
        }
        long_reply(l, op, 0, a, n - 1);
    } else if (op == 0x0E) {
        const uint8_t v[4] = { 0, (uint8_t)(l->c.jedec >> 16), (uint8_t)(l->c.jedec >> 8),
                               (uint8_t)l->c.jedec };
        uint8_t f[15] = { 0x04, 0x0E, 0xFF, 0x01, 0xE0, 0xFC, 0xF4, l->c.get_mid_5 ? 5 : 6,
                          0,    0x0E, 0 };
        memcpy(f + 11, v, 4);
        reply(l, f, 15);
    } else {
        long_reply(l, op, 7, NULL, 0);
    }
}

static void run_long(struct loader *l)
{
    const size_t n = (size_t)l->req[5] | (size_t)l->req[6] << 8;
    const uint8_t op = l->req[7];
    switch (op) {
    case 0x06:
    case 0x07:
        do_write(l, op == 0x07, n - 5);
        return;
    case 0x09:
        do_read(l, le32(l->req + 8));
        return;
    case 0x0F:
        do_erase(l, l->req[8], le32(l->req + 9));
        return;
    default:
        if (l->c.rom) {
            rom_extra(l, op, n);
        }
    }
}

static size_t wanted(const uint8_t *r, size_t n)
{
    if (n < 4) {
        return 4;
    }
    if (r[3] != 0xFF) {
        return 4u + r[3];
    }
    return n < 7 ? 7 : 7u + ((size_t)r[5] | (size_t)r[6] << 8);
}

/* The header matcher of the bootloader does not restart on a repeated 01; the ROM's does. */
static void take(struct loader *l, uint8_t v)
{
    static const uint8_t head[3] = { 0x01, 0xE0, 0xFC };
    if (l->req_len < 3) {
        if (v == head[l->req_len]) {
            l->req[l->req_len++] = v;
        } else {
            l->req_len = l->c.rom && v == 0x01 ? 1 : 0;
        }
        return;
    }
    if (l->req_len < FRAME) {
        l->req[l->req_len] = v;
    }
    l->req_len++;
    if (l->req_len >= 5 && l->req[3] == 0xFF && l->req[4] != 0xF4) {
        l->req_len = 0;
        return;
    }
    if (l->req_len == 4 && l->req[3] == 0) {
        l->req_len = 0;
        return;
    }
    const size_t want = wanted(l->req, l->req_len < FRAME ? l->req_len : FRAME);
    if (l->req_len >= want && l->req_len >= 5) {
        l->req_len = 0;
        /* Linking and changing the rate is no work. */
        if (l->baud > l->fastest && l->req[4] != 0x00 && l->req[4] != 0x0E && l->req[4] != 0x0F) {
            l->fastest = l->baud;
        }
        if (want <= FRAME) {
            (l->req[3] == 0xFF ? run_long : run_short)(l);
        }
    }
}

static void app_take(struct loader *l, uint8_t v)
{
    memmove(l->app_tail, l->app_tail + 1, 7);
    l->app_tail[7] = (char)v;
    if (memcmp(l->app_tail, "reboot\r\n", 8) == 0) {
        loader_boot(l);
        l->boot_ns = l->busy_ns = l->ns + 100000000u;
    }
}

/* Time-driven changes of state. */
void loader_step(struct loader *l)
{
    if (l->cen_low || l->state == LOADER_OFF) {
        return;
    }
    const uint64_t age = l->ns > l->boot_ns ? l->ns - l->boot_ns : 0;
    if (l->state == LOADER_WINDOW) {
        const uint64_t window = l->c.rom ? 5000000u : l->heard ? 800000000u : 10000000u;
        if (age > window) {
            l->state = LOADER_APP;
        }
    }
    if (l->state == LOADER_LINKED && !l->c.rom) {
        const uint64_t idle = (l->c.idle_reset_us ? l->c.idle_reset_us : 300000u) * 1000ull;
        /* It counts idle turns of its main loop: none while it works or sends. */
        uint64_t since = l->heard_ns > l->busy_ns ? l->heard_ns : l->busy_ns;
        since = since > l->tx_free_ns ? since : l->tx_free_ns;
        if (l->ns > since + idle) {
            loader_boot(l);
        }
    }
    /* ROM: an unfinished request is given up. */
    if (l->c.rom && l->req_len >= 4 && l->ns > l->heard_ns + 500000000u) {
        if (l->req[3] == 0xFF && l->req_len > 7) {
            long_reply(l, l->req[7], 5, l->req + 8, 4);
        }
        l->req_len = 0;
    }
    if (l->state == LOADER_APP && l->c.chatter && !l->told_app) {
        l->told_app = true;
        l->busy_ns = l->ns;
        for (const char *p = l->c.chatter; *p; p++) {
            emit(l, l->c.chatter_baud ? l->c.chatter_baud : 115200, (uint8_t)*p);
        }
    }
    while (l->n_pending && l->busy_ns <= l->ns && l->tx_free_ns <= l->ns &&
           l->state != LOADER_OFF) {
        const uint8_t v = l->pending[0];
        memmove(l->pending, l->pending + 1, --l->n_pending);
        take(l, v);
    }
}

void loader_arrive(struct loader *l, uint8_t v)
{
    loader_step(l);
    if (l->c.echo) {
        enqueue(l, l->ns, v);
    }
    if (l->c.silent || l->cen_low || l->state == LOADER_OFF || l->ns < l->boot_ns) {
        return;
    }
    if (!rates_meet(l->host_baud, l->baud) && l->state != LOADER_APP) {
        v = (uint8_t)loader_random(l);
    }
    if (hit(l, l->c.flip_out)) {
        v ^= (uint8_t)(1u << loader_random(l) % 8);
    }
    if (hit(l, l->c.drop_out)) {
        return;
    }
    l->heard_ns = l->ns;
    l->heard = true;
    if (l->state == LOADER_APP) {
        app_take(l, v);
        return;
    }
    const int copies = hit(l, l->c.dup_out) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        if (l->c.rom) {
            if (l->busy_ns <= l->ns && l->tx_free_ns <= l->ns) {
                take(l, v);
            }
        } else if (l->n_pending < sizeof l->pending) {
            if (l->n_pending >= RING) {
                l->n_pending = 0; /* the ring wraps */
            }
            l->pending[l->n_pending++] = v;
        }
    }
    loader_step(l);
}
