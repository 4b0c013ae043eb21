/* strict.h - the client on the virtual device, with a judge on what the client sends. */
#ifndef TESTS_UART_STRICT_H
#define TESTS_UART_STRICT_H
#include "rig.h"
#include "tests/device/device.h"
#include <zlib.h>

struct strict {
    struct vclock clock;
    struct device *d;
    struct beken_uart *u;
    bkf_iface uart;
    bkf_links links;
    bkf_host host;
    bkf_op op;
    bkf_props props;
    const char *const *pairs;
    bkf_chip_info info;
    bkf_error err;
    /* what the client meant, before any fault */
    bool rom, armed, erased;
    uint32_t size;
    char breach[120];
};

static inline void strict_breach(struct strict *s, const char *what, uint32_t addr)
{
    if (!s->breach[0]) {
        snprintf(s->breach, sizeof s->breach, "%s at 0x%06X", what, (unsigned)addr);
    }
}

static inline void strict_judge(struct strict *s, const uint8_t *p, size_t n)
{
    if (n < 5 || p[0] != 1 || p[1] != 0xE0 || p[2] != 0xFC) {
        return;
    }
    if (p[3] != 0xFF) {
        s->armed = s->armed || p[4] == 0x00;
        s->erased = s->erased && p[4] != 0x10;
        return;
    }
    const bool erase = p[7] == 0x0F;
    if (!erase && p[7] != 0x06 && p[7] != 0x07) {
        return;
    }
    const uint32_t addr = uart_le32(p + (erase ? 9 : 8));
    const uint32_t len = !erase         ? (uint32_t)n - 12
                         : p[8] == 0x20 ? 0x1000
                         : p[8] == 0xD8 ? 0x10000
                                        : 0x8000;
    if ((uint64_t)addr + len > s->size || (erase && addr % len)) {
        strict_breach(s, "unaligned or past the end", addr);
    }
    if (!s->rom && addr < 0x11000) {
        strict_breach(s, "change of the bootloader", addr);
    }
    if (!s->rom && !erase && !s->erased) {
        strict_breach(s, "write behind a checksum", addr);
    }
    if (erase) {
        s->erased = s->erased || s->armed;
        s->armed = false;
    }
}

static inline bkf_status strict_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    struct strict *s = self;
    (void)err;
    device_uart_host_baud(s->d, baud);
    *got = baud;
    return BKF_OK;
}

static inline bkf_status strict_write(void *self, const uint8_t *p, size_t n, uint32_t ms,
                                      size_t *done, bkf_error *err)
{
    struct strict *s = self;
    (void)ms;
    (void)err;
    strict_judge(s, p, n);
    device_uart_write(s->d, p, n);
    *done = n;
    return BKF_OK;
}

static inline bkf_status strict_read(void *self, uint8_t *p, size_t n, uint32_t ms, size_t *done,
                                     bkf_error *err)
{
    struct strict *s = self;
    const uint64_t end = s->clock.ns + ms * 1000000ull;
    *done = 0;
    for (;;) {
        *done += device_uart_read(s->d, p + *done, n - *done);
        if (*done == n || !ms) {
            return BKF_OK;
        }
        const uint64_t next = device_uart_next_ns(s->d);
        if (next > end) {
            s->clock.ns = end;
            err->status = BKF_E_TIMEOUT;
            return BKF_E_TIMEOUT;
        }
        s->clock.ns = next > s->clock.ns ? next : s->clock.ns;
    }
}

static inline bkf_status strict_purge(void *self, bkf_error *err)
{
    struct strict *s = self;
    uint8_t waste[64];
    (void)err;
    while (device_uart_read(s->d, waste, sizeof waste)) {
    }
    return BKF_OK;
}

static const bkf_uart_ops strict_ops = { .struct_size = sizeof strict_ops,
                                         .setup = strict_setup,
                                         .write = strict_write,
                                         .read = strict_read,
                                         .purge = strict_purge };

static inline bkf_status strict_signal(const bkf_links *l, const char *name, uint32_t level,
                                       bkf_error *err)
{
    struct strict *s = l->handle;
    (void)err;
    if (strcmp(name, "cen") == 0) {
        device_set_cen(s->d, level);
    }
    return BKF_OK;
}

static inline bkf_status strict_no_line(const bkf_links *l, const char *name, uint32_t *id,
                                        bkf_error *err)
{
    (void)l;
    (void)name;
    (void)id;
    (void)err;
    return BKF_E_UNSUPPORTED;
}

static inline const char *strict_where(const bkf_links *l, const char *signal)
{
    (void)l;
    return signal;
}

static inline void strict_log(const bkf_host *h, int32_t level, const char *line)
{
    (void)h;
    if (getenv("LOADER_LOG")) {
        fprintf(stderr, "%d %s\n", (int)level, line);
    }
}

static inline const void *strict_service(const bkf_host *h, const char *id)
{
    (void)h;
    (void)id;
    return NULL;
}

static inline const char *strict_str(const bkf_props *p, const char *key)
{
    const struct strict *s = p->handle;
    const size_t n = strlen(key);
    for (const char *const *x = s->pairs; x && *x; x++) {
        if (strncmp(*x, key, n) == 0 && (*x)[n] == '=') {
            return *x + n + 1;
        }
    }
    for (const bkf_prop_spec *q = rig_spec; q->key; q++) {
        if (strcmp(q->key, key) == 0) {
            return q->dflt && q->dflt[0] != '@' ? q->dflt : "";
        }
    }
    abort();
}

static inline uint64_t strict_num(const bkf_props *p, const char *key)
{
    const char *t = strict_str(p, key);
    char *end;
    const uint64_t v = strtoull(t, &end, 0);
    return strcmp(t, "yes") == 0    ? 1
           : strcmp(end, "ms") == 0 ? v * 1000
           : strcmp(end, "s") == 0  ? v * 1000000
           : *end == 'M'            ? v << 20
           : *end == 'K'            ? v << 10
                                    : v;
}

static inline void strict_progress(const bkf_op *op, uint64_t done, uint64_t total)
{
    (void)op;
    (void)done;
    (void)total;
}
static inline int strict_stop(const bkf_op *op)
{
    (void)op;
    return 0;
}
static inline uint64_t strict_now(const bkf_op *op)
{
    return ((struct strict *)op->handle)->clock.ns / 1000;
}
static inline void strict_sleep(const bkf_op *op, uint64_t us)
{
    ((struct strict *)op->handle)->clock.ns += us * 1000;
}
static inline void strict_note(const bkf_op *op, const char *line)
{
    (void)op;
    (void)line;
}

/* options: "key=value" of the device; pairs: of the chip. */
static inline struct strict *strict_new(bool rom, uint32_t size, const char *const *options,
                                        const char *const *pairs, uint32_t baud)
{
    struct strict *s = calloc(1, sizeof *s);
    struct device_option o[24];
    char keys[24][24], err[256];
    size_t n = 0;
    for (; options[n]; n++) {
        const char *eq = strchr(options[n], '=');
        snprintf(keys[n], sizeof keys[n], "%.*s", (int)(eq - options[n]), options[n]);
        o[n] = (struct device_option){ keys[n], eq + 1 };
    }
    s->d = device_new(&s->clock, o, n, err);
    if (!s->d) {
        fail_msg("%s", err);
    }
    s->rom = rom;
    s->size = size;
    s->pairs = pairs;
    s->err.struct_size = sizeof s->err;
    s->info.struct_size = sizeof s->info;
    s->uart = (bkf_iface){ &strict_ops, s };
    s->links = (bkf_links){ .struct_size = sizeof s->links,
                            .handle = s,
                            .uart = &s->uart,
                            .baud = baud,
                            .signal = strict_signal,
                            .line = strict_no_line,
                            .where = strict_where };
    s->host = (bkf_host){
        .struct_size = sizeof s->host, .handle = s, .log = strict_log, .service = strict_service
    };
    s->op = (bkf_op){ .struct_size = sizeof s->op,
                      .handle = s,
                      .progress = strict_progress,
                      .should_stop = strict_stop,
                      .now_us = strict_now,
                      .sleep_us = strict_sleep,
                      .note = strict_note };
    s->props = (bkf_props){
        .struct_size = sizeof s->props, .handle = s, .str = strict_str, .num = strict_num
    };
    if (beken_uart_new(&s->host, &s->links, &s->props, rom ? "bk7231n" : "bk7231t",
                       rom ? "rom" : "bootloader", &s->u, &s->err) != BKF_OK) {
        fail_msg("%s", s->err.message);
    }
    return s;
}

static inline void strict_free(struct strict *s)
{
    beken_uart_free(s->u);
    device_free(s->d);
    free(s);
}

static inline bkf_status strict_up(struct strict *s)
{
    bkf_status st = beken_uart_attach(s->u, &s->op, &s->err);
    if (st == BKF_OK) {
        st = beken_uart_probe(s->u, &s->op, &s->info, &s->err);
    }
    return st;
}

/* One block as the host reads it: blank ones by checksum alone, the rest proven, sectors
 * that fail asked for again. */
static inline bkf_status strict_block(struct strict *s, uint32_t off, uint8_t *p, size_t n)
{
    uint32_t crc = 0;
    bkf_status st = beken_uart_crc32(s->u, &s->op, off, n, &crc, &s->err);
    memset(p, 0xFF, n);
    if (st != BKF_OK || crc32(0, p, (uInt)n) == crc) {
        return st;
    }
    st = beken_uart_read(s->u, &s->op, off, p, n, &s->err);
    if (st != BKF_OK || crc32(0, p, (uInt)n) == crc) {
        return st;
    }
    for (size_t at = 0; at < n && st == BKF_OK; at += 0x1000) {
        bool good = false;
        for (unsigned tries = 0; st == BKF_OK && !good && tries < 8; tries++) {
            st = beken_uart_crc32(s->u, &s->op, off + (uint32_t)at, 0x1000, &crc, &s->err);
            good = crc == crc32(0, p + at, 0x1000);
            if (st == BKF_OK && !good) {
                st = beken_uart_read(s->u, &s->op, off + (uint32_t)at, p + at, 0x1000, &s->err);
            }
        }
        if (st == BKF_OK && !good) {
            st = BKF_E_UNPROVEN;
        }
    }
    return st;
}
#endif
