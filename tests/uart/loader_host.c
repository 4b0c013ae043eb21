/* loader_host.c - what the client is given: UART, lines, host and clock; and the judge of what it
 * sends.  See loader.h. */
#include "loader_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    if (l->c.refuse_above && baud > l->c.refuse_above) {
        err->status = BKF_E_UNSUPPORTED;
        snprintf(err->message, sizeof err->message, "%u baud is too fast", (unsigned)baud);
        return BKF_E_UNSUPPORTED;
    }
    l->host_baud = l->c.clamp && baud > l->c.clamp ? l->c.clamp : baud;
    *got = l->host_baud;
    return BKF_OK;
}

/* A request may come in several calls: cut_sent bytes of it came before this one. */
static bool cut_here(struct loader *l, const uint8_t *p, size_t n)
{
    if (!l->cut_op)
        return false;
    bool starts = n > 8 && p[0] == 1 && p[1] == 0xE0 && p[2] == 0xFC;
    if (starts) {
        l->cut_begun = l->cut_op == (p[3] == 0xFF ? p[7] : p[4]);
        l->cut_sent = 0;
    }
    return l->cut_begun && l->cut_sent + n > l->cut_bytes;
}

static bkf_status do_send(void *self, const uint8_t *p, size_t n, uint32_t ms, size_t *done,
                          bkf_error *err)
{
    struct loader *l = self;
    const bool cut = cut_here(l, p, n);
    if (l->in_vain && !cut) {
        l->in_vain--;
        loader_idle(l, ms * 1000ull);
        *done = 0;
        err->status = BKF_E_TIMEOUT;
        return BKF_E_TIMEOUT;
    }
    judge(l, p, n);
    *done = cut ? l->cut_bytes - l->cut_sent : n;
    l->cut_sent += *done;
    for (size_t i = 0; i < *done; i++) {
        l->ns += loader_byte_ns(l->host_baud);
        loader_arrive(l, p[i]);
    }
    l->counts.tx += *done;
    if (cut) {
        l->was_cut = true;
        l->cut_op = 0;
        l->cut_begun = false;
        l->in_vain = l->cut_in_vain;
        err->status = BKF_E_TIMEOUT;
    }
    return cut ? BKF_E_TIMEOUT : BKF_OK;
}

static bkf_status do_recv(void *self, uint8_t *p, size_t n, uint32_t ms, size_t *done,
                          bkf_error *err)
{
    struct loader *l = self;
    const uint64_t end = l->ns + (uint64_t)ms * 1000000u;
    const uint64_t late = (uint64_t)l->c.latency_us * 1000u;
    size_t got = 0;
    if (l->babble) {
        for (; got < n && (ms || l->babbled % 3); got++) {
            p[got] = l->babble(l->babbled++);
            l->ns += loader_byte_ns(l->host_baud);
        }
        *done = got;
        l->babbled++;
        return BKF_OK;
    }
    if (l->c.piece && n > l->c.piece) {
        n = l->c.piece;
    }
    for (;;) {
        loader_step(l);
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
        loader_boot(l);
        l->boot_ns = l->ns + loader_random(l) % 3000000; /* start-up of the clock */
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
                            .baud = c->cap,
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
        loader_step(l);
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
uint32_t loader_host_baud(const struct loader *l)
{
    return l->host_baud;
}
void loader_leave_at(struct loader *l, uint32_t baud)
{
    l->state = LOADER_LINKED;
    l->baud = baud;
    l->heard_ns = l->ns;
}
void loader_cut_send(struct loader *l, uint8_t op, size_t bytes, unsigned in_vain)
{
    l->cut_op = op;
    l->cut_bytes = bytes;
    l->cut_in_vain = in_vain;
    l->was_cut = false;
}
bool loader_was_cut(const struct loader *l)
{
    return l->was_cut;
}
bool loader_is_protected(const struct loader *l)
{
    return (l->sr1 & 0x7C) == 0x7C;
}
bool loader_hangs(const struct loader *l)
{
    return l->state == LOADER_OFF && !l->cen_low;
}
void loader_babble(struct loader *l, uint8_t (*what)(uint64_t n))
{
    l->babble = what;
}
uint32_t loader_fastest(const struct loader *l)
{
    return l->fastest;
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
