/* loader.c - see loader.h. */
#include "loader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { QUEUE = 1 << 18, RING = 512, FRAME = 8192 };

struct out_byte {
    uint64_t at_ns;
    uint8_t value;
};
struct loader {
    struct loader_config c;
    uint8_t *flash;
    uint64_t ns, busy_ns, boot_ns, heard_ns, tx_free_ns;
    enum loader_state state;
    bool cen_low, armed, heard, told_app;
    uint32_t baud, host_baud;
    uint8_t sr1, sr2;
    /* request under way */
    uint8_t req[FRAME];
    size_t req_len;
    /* towards the host */
    struct out_byte *queue;
    size_t head, tail;
    /* bootloader: bytes that arrive while it works */
    uint8_t pending[RING * 8];
    size_t n_pending;
    char app_tail[8];
    uint64_t rng;
    struct loader_counts counts;
    char breach[160], log[512];
    uint64_t memory;
    bool has_memory, baud_reply_lost;
    uint32_t changes;
    /* what the client sent, before any fault */
    uint8_t sent[FRAME];
    size_t n_sent;
    bool client_erased, client_armed;
    unsigned stop_after, polls;
    unsigned mute_after; /* replies until silence; 0 = none counted */
    /* interfaces */
    bkf_iface uart;
    bkf_links links;
    bkf_host host;
    bkf_op op;
    bkf_memory memory_ops;
    bkf_props props;
    const bkf_prop_spec *spec;
    const char *const *pairs;
};

static uint64_t rnd(struct loader *l)
{
    uint64_t z = (l->rng += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static bool hit(struct loader *l, uint32_t per_million)
{
    return per_million && rnd(l) % 1000000 < per_million;
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t byte_ns(uint32_t baud)
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
    const uint64_t at = start + byte_ns(baud);
    l->tx_free_ns = at;
    if (!rates_meet(baud, l->host_baud) ||
        (l->c.max_host_baud && l->host_baud > l->c.max_host_baud)) {
        v = (uint8_t)(rnd(l) | 1);
    } else if (l->c.max_holding && baud > l->c.max_holding && rnd(l) % 400 == 0) {
        v ^= 0x10;
    }
    if (hit(l, l->c.flip_in)) {
        v ^= (uint8_t)(1u << rnd(l) % 8);
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

static void boot(struct loader *l)
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
            boot(l);
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
        boot(l);
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
        boot(l);
        l->boot_ns = l->busy_ns = l->ns + 100000000u;
    }
}

/* Time-driven changes of state. */
static void step(struct loader *l)
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
            boot(l);
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

static void arrive(struct loader *l, uint8_t v)
{
    step(l);
    if (l->c.echo) {
        enqueue(l, l->ns, v);
    }
    if (l->c.silent || l->cen_low || l->state == LOADER_OFF || l->ns < l->boot_ns) {
        return;
    }
    if (!rates_meet(l->host_baud, l->baud) && l->state != LOADER_APP) {
        v = (uint8_t)rnd(l);
    }
    if (hit(l, l->c.flip_out)) {
        v ^= (uint8_t)(1u << rnd(l) % 8);
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
    step(l);
}

/* -- what the client meant: judged on its own bytes ------------------------------------------ */

static void breach(struct loader *l, const char *what, uint32_t addr)
{
    if (!l->breach[0]) {
        snprintf(l->breach, sizeof l->breach, "%s at 0x%06X", what, (unsigned)addr);
    }
}

static void judge(struct loader *l, const uint8_t *p, size_t n)
{
    if (n < 5 || p[0] != 1 || p[1] != 0xE0 || p[2] != 0xFC) {
        return;
    }
    if (p[3] != 0xFF) {
        if (p[4] == 0x00) {
            l->client_armed = true;
        } else if (p[4] == 0x10) {
            l->client_erased = false;
        } else if (p[4] == 0x01 && (p[9] & 2)) {
            breach(l, "efuse write", le32(p + 5));
        }
        return;
    }
    const uint8_t op = p[7];
    uint32_t addr = op == 0x0F ? le32(p + 9) : le32(p + 8);
    uint32_t len = op == 0x0F ? (p[8] == 0x20   ? 0x1000
                                 : p[8] == 0xD8 ? 0x10000
                                                : 0x8000)
                              : (uint32_t)n - 12;
    if (op != 0x0F && op != 0x06 && op != 0x07) {
        if (op == 0x0A) {
            breach(l, "erase all", 0);
        }
        return;
    }
    if ((uint64_t)addr + len > l->c.size) {
        breach(l, "change past the end", addr);
    }
    if (op == 0x0F && addr % len) {
        breach(l, "unaligned erase", addr);
    }
    if (l->c.rom) {
        return;
    }
    if (addr < 0x11000) {
        breach(l, "change of the bootloader", addr);
    }
    if (op == 0x0F) {
        l->client_erased = l->client_erased || l->client_armed;
        l->client_armed = false;
    } else if (!l->client_erased) {
        breach(l, "write after a checksum without erase", addr);
    }
}

/* -- interfaces ------------------------------------------------------------------------ */

static bkf_status do_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    struct loader *l = self;
    (void)err;
    l->host_baud = baud;
    *got = baud;
    return BKF_OK;
}

static bkf_status do_send(void *self, const uint8_t *p, size_t n, uint32_t ms, size_t *done,
                          bkf_error *err)
{
    struct loader *l = self;
    (void)ms;
    (void)err;
    judge(l, p, n);
    for (size_t i = 0; i < n; i++) {
        l->ns += byte_ns(l->host_baud);
        arrive(l, p[i]);
    }
    l->counts.tx += n;
    *done = n;
    return BKF_OK;
}

static bkf_status do_recv(void *self, uint8_t *p, size_t n, uint32_t ms, size_t *done,
                          bkf_error *err)
{
    struct loader *l = self;
    const uint64_t end = l->ns + (uint64_t)ms * 1000000u;
    const uint64_t late = (uint64_t)l->c.latency_us * 1000u;
    size_t got = 0;
    if (l->c.piece && n > l->c.piece) {
        n = l->c.piece;
    }
    for (;;) {
        step(l);
        while (got < n && l->head != l->tail && l->queue[l->head % QUEUE].at_ns + late <= l->ns) {
            p[got++] = l->queue[l->head++ % QUEUE].value;
        }
        if (got == n || l->ns >= end) {
            break;
        }
        uint64_t next = end;
        if (l->head != l->tail && l->queue[l->head % QUEUE].at_ns + late < next) {
            next = l->queue[l->head % QUEUE].at_ns + late;
        } else if (l->head == l->tail) {
            next = l->ns + 500000 < end ? l->ns + 500000 : end;
        }
        l->ns = next > l->ns ? next : l->ns + 1;
    }
    *done = got;
    l->counts.rx += got;
    if (got < n && ms) {
        if (err) {
            err->status = BKF_E_TIMEOUT;
        }
        return BKF_E_TIMEOUT;
    }
    return BKF_OK;
}

static bkf_status do_purge(void *self, bkf_error *err)
{
    struct loader *l = self;
    (void)err;
    while (l->head != l->tail && l->queue[l->head % QUEUE].at_ns <= l->ns) {
        l->head++;
    }
    return BKF_OK;
}

static const bkf_uart_ops uart_ops = { .struct_size = sizeof uart_ops,
                                       .setup = do_setup,
                                       .write = do_send,
                                       .read = do_recv,
                                       .purge = do_purge };

static bkf_status do_signal(const bkf_links *links, const char *name, uint32_t level,
                            bkf_error *err)
{
    struct loader *l = links->handle;
    if (!l->c.reset_wired || strcmp(name, "cen") != 0) {
        if (err) {
            err->status = BKF_E_UNSUPPORTED;
        }
        return BKF_E_UNSUPPORTED;
    }
    if (level == 0) {
        l->cen_low = true;
        l->state = LOADER_OFF;
    } else if (l->cen_low) {
        l->cen_low = false;
        boot(l);
        l->boot_ns = l->ns + rnd(l) % 3000000; /* start-up of the clock */
    }
    return BKF_OK;
}

static bkf_status do_line(const bkf_links *links, const char *name, uint32_t *id, bkf_error *err)
{
    (void)links;
    (void)name;
    (void)id;
    (void)err;
    return BKF_E_UNSUPPORTED;
}

static const char *do_where(const bkf_links *links, const char *signal)
{
    (void)links;
    return strcmp(signal, "rx") == 0   ? "P10 on TXD"
           : strcmp(signal, "tx") == 0 ? "P11 on RXD"
                                       : signal;
}

static void do_log(const bkf_host *h, int32_t level, const char *line)
{
    struct loader *l = h->handle;
    if (level <= BKF_LOG_INFO) {
        snprintf(l->log, sizeof l->log, "%s", line);
    }
    if (getenv("LOADER_LOG")) {
        fprintf(stderr, "[%10.3f ms] %s\n", (double)l->ns / 1e6, line);
    }
}

static int32_t memory_get(const bkf_memory *m, const char *key, uint64_t *v)
{
    struct loader *l = m->handle;
    (void)key;
    *v = l->memory;
    return l->has_memory;
}

static void memory_set(const bkf_memory *m, const char *key, uint64_t v)
{
    struct loader *l = m->handle;
    (void)key;
    l->memory = v;
    l->has_memory = true;
}

static const void *do_service(const bkf_host *h, const char *id)
{
    struct loader *l = h->handle;
    return strcmp(id, BKF_SERVICE_MEMORY) == 0 ? &l->memory_ops : NULL;
}

static void op_progress(const bkf_op *op, uint64_t done, uint64_t total)
{
    (void)op;
    if (done > total) {
        abort();
    }
}

static int op_stop(const bkf_op *op)
{
    struct loader *l = op->handle;
    return l->stop_after && ++l->polls >= l->stop_after;
}

static uint64_t op_now(const bkf_op *op)
{
    return ((struct loader *)op->handle)->ns / 1000;
}

static void op_sleep(const bkf_op *op, uint64_t us)
{
    loader_idle(op->handle, us);
}

static void op_note(const bkf_op *op, const char *line)
{
    (void)op;
    (void)line;
}

struct loader *loader_new(const struct loader_config *c)
{
    struct loader *l = calloc(1, sizeof *l);
    l->c = *c;
    l->flash = malloc(c->size);
    memset(l->flash, 0xFF, c->size);
    l->queue = calloc(QUEUE, sizeof *l->queue);
    l->rng = c->seed * 7919 + 1;
    l->baud = l->host_baud = 115200;
    l->sr1 = c->sr1;
    l->state = LOADER_APP; /* powered long ago */
    l->told_app = false;
    l->uart = (bkf_iface){ &uart_ops, l };
    l->links = (bkf_links){ .struct_size = sizeof l->links,
                            .handle = l,
                            .uart = &l->uart,
                            .signal = do_signal,
                            .line = do_line,
                            .where = do_where };
    l->memory_ops = (bkf_memory){
        .struct_size = sizeof l->memory_ops, .handle = l, .get = memory_get, .set = memory_set
    };
    l->host = (bkf_host){ .struct_size = sizeof l->host,
                          .abi_major = BKF_ABI_MAJOR,
                          .handle = l,
                          .log = do_log,
                          .service = do_service };
    l->op = (bkf_op){ .struct_size = sizeof l->op,
                      .handle = l,
                      .progress = op_progress,
                      .should_stop = op_stop,
                      .now_us = op_now,
                      .sleep_us = op_sleep,
                      .note = op_note };
    return l;
}

void loader_free(struct loader *l)
{
    free(l->flash);
    free(l->queue);
    free(l);
}

static const char *prop_text(const bkf_props *p, const char *key)
{
    const struct loader *l = p->handle;
    const size_t n = strlen(key);
    for (size_t i = 0; l->pairs && l->pairs[i]; i++) {
        if (strncmp(l->pairs[i], key, n) == 0 && l->pairs[i][n] == '=') {
            return l->pairs[i] + n + 1;
        }
    }
    for (const bkf_prop_spec *s = l->spec; s->key; s++) {
        if (strcmp(s->key, key) == 0) {
            return s->dflt && s->dflt[0] != '@' ? s->dflt : "";
        }
    }
    abort();
}

static uint64_t prop_num(const bkf_props *p, const char *key)
{
    const char *t = prop_text(p, key);
    char *end;
    const uint64_t v = strtoull(t, &end, 0);
    if (strcmp(t, "yes") == 0) {
        return 1;
    }
    return strcmp(end, "ms") == 0  ? v * 1000
           : strcmp(end, "s") == 0 ? v * 1000000
           : *end == 'M'           ? v << 20
           : *end == 'K'           ? v << 10
                                   : v;
}

const bkf_props *loader_props(struct loader *l, const bkf_prop_spec *spec, const char *const *pairs)
{
    l->spec = spec;
    l->pairs = pairs;
    l->props = (bkf_props){
        .struct_size = sizeof l->props, .handle = l, .str = prop_text, .num = prop_num
    };
    return &l->props;
}

uint8_t *loader_flash(struct loader *l)
{
    return l->flash;
}
const bkf_links *loader_links(struct loader *l)
{
    return &l->links;
}
const bkf_host *loader_host(struct loader *l)
{
    return &l->host;
}
const bkf_op *loader_op(struct loader *l)
{
    return &l->op;
}
uint64_t loader_now_us(const struct loader *l)
{
    return l->ns / 1000;
}
void loader_idle(struct loader *l, uint64_t us)
{
    const uint64_t end = l->ns + us * 1000;
    while (l->ns < end) {
        l->ns += end - l->ns < 500000 ? end - l->ns : 500000;
        step(l);
    }
}
void loader_mute_after(struct loader *l, unsigned replies)
{
    l->mute_after = replies;
}

void loader_stop_after(struct loader *l, unsigned polls)
{
    l->stop_after = polls;
    l->polls = 0;
}
const char *loader_breach(const struct loader *l)
{
    return l->breach[0] ? l->breach : NULL;
}
const char *loader_log(const struct loader *l)
{
    return l->log;
}
uint32_t loader_baud(const struct loader *l)
{
    return l->baud;
}
uint64_t loader_memory(const struct loader *l)
{
    return l->has_memory ? l->memory : 0;
}
void loader_forget(struct loader *l)
{
    l->has_memory = false;
}
struct loader_counts loader_counts(const struct loader *l)
{
    return l->counts;
}
