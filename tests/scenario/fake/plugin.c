/* plugin.c - an adapter and a chip made for tests of the session: every misfortune has an
 * option, and at the end the chip logs what was done to it. */
#include <bkflash/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- adapter: a UART that nobody uses, and a clock of its own ------------------------------- */

struct bkf_adapter {
    uint64_t us;
};

static bkf_status uart_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    (void)self;
    (void)err;
    *got = baud;
    return BKF_OK;
}

static bkf_status uart_write(void *self, const uint8_t *p, size_t n, uint32_t ms, size_t *done,
                             bkf_error *err)
{
    (void)self;
    (void)p;
    (void)ms;
    (void)err;
    *done = n;
    return BKF_OK;
}

static bkf_status uart_read(void *self, uint8_t *p, size_t n, uint32_t ms, size_t *done,
                            bkf_error *err)
{
    (void)self;
    (void)p;
    (void)n;
    (void)ms;
    (void)err;
    *done = 0;
    return BKF_E_TIMEOUT;
}

static bkf_status uart_purge(void *self, bkf_error *err)
{
    (void)self;
    (void)err;
    return BKF_OK;
}

static uint64_t clock_now(void *self)
{
    return ((struct bkf_adapter *)self)->us;
}

static void clock_sleep(void *self, uint64_t us)
{
    ((struct bkf_adapter *)self)->us += us;
}

static bkf_status fake_list(const bkf_host *host,
                            void (*found)(void *ud, const char *path, const char *label), void *ud,
                            bkf_error *err)
{
    (void)host;
    (void)err;
    found(ud, "fake:0", "test adapter");
    return BKF_OK;
}

static bkf_status fake_open(const bkf_host *host, const char *unit, const bkf_props *props,
                            bkf_adapter **out, bkf_error *err)
{
    (void)host;
    (void)unit;
    (void)props;
    (void)err;
    *out = calloc(1, sizeof **out);
    return *out ? BKF_OK : BKF_E_NOMEM;
}

static void fake_close(bkf_adapter *a)
{
    free(a);
}

static bkf_status fake_acquire(bkf_adapter *a, const char *id, bkf_iface *out, bkf_error *err)
{
    static const bkf_uart_ops uart = { .struct_size = sizeof uart,
                                       .setup = uart_setup,
                                       .write = uart_write,
                                       .read = uart_read,
                                       .purge = uart_purge };
    static const bkf_clock_ops clock = { .struct_size = sizeof clock,
                                         .now_us = clock_now,
                                         .sleep_us = clock_sleep };
    (void)err;
    out->self = a;
    out->ops = strcmp(id, BKF_IFACE_UART) == 0    ? (const void *)&uart
               : strcmp(id, BKF_IFACE_CLOCK) == 0 ? (const void *)&clock
                                                  : NULL;
    return out->ops ? BKF_OK : BKF_E_UNSUPPORTED;
}

static void fake_release(bkf_adapter *a, const char *id)
{
    (void)a;
    (void)id;
}

static const bkf_prop_spec no_props[] = { { .key = NULL } };
static const bkf_line_spec lines[] = { { .name = "TXD", .alias = "rx", .roles = BKF_ROLE_TX },
                                       { .name = "RXD", .alias = "tx", .roles = BKF_ROLE_RX },
                                       { .name = NULL } };
static const bkf_adapter_class fake_adapter = {
    .struct_size = sizeof fake_adapter,
    .name = "fake",
    .summary = "test adapter",
    .props = no_props,
    .lines = lines,
    .list = fake_list,
    .open = fake_open,
    .close = fake_close,
    .acquire = fake_acquire,
    .release = fake_release,
};

/* -- chip ---------------------------------------------------------------------------------- */

struct bkf_chip {
    const bkf_host *host;
    uint8_t *flash;
    uint32_t size, jedec, evidence, hole, refuse_at, unstable_at, flaky, fail_at, fail_times;
    int32_t fail_status;
    uint32_t digest; /* 0 = none, 1 = slower than reading, 2 = faster */
    bkf_digest_ops ops;
    /* counters */
    uint32_t calls, attach, detach, attached, read_bytes, crcs, reads, noise;
};

/* Byte n of the flash; a tail of blank blocks. */
static uint8_t content(uint32_t n, uint32_t blank_from)
{
    uint32_t x = n * 2654435761u;
    return n >= blank_from ? 0xFF : (uint8_t)(x >> 24);
}

static bkf_status call(struct bkf_chip *c, const char *what, bkf_error *err)
{
    c->calls++;
    if (!c->fail_at || c->calls < c->fail_at || c->calls >= c->fail_at + c->fail_times)
        return BKF_OK;
    err->status = c->fail_status;
    err->effect = BKF_EFFECT_NONE;
    snprintf(err->message, sizeof err->message, "made to fail: %s", what);
    return c->fail_status;
}

static bkf_status chip_create(const bkf_host *host, const bkf_links *links, const bkf_props *p,
                              bkf_chip **out, bkf_error *err)
{
    struct bkf_chip *c = calloc(1, sizeof *c);
    (void)links;
    (void)err;
    if (!c)
        return BKF_E_NOMEM;
    c->host = host;
    c->size = (uint32_t)p->num(p, "die_size");
    c->jedec = (uint32_t)p->num(p, "die_jedec");
    c->evidence = (uint32_t)p->num(p, "evidence");
    c->hole = (uint32_t)p->num(p, "hole");
    c->refuse_at = (uint32_t)p->num(p, "refuse_at");
    c->unstable_at = (uint32_t)p->num(p, "unstable_at");
    c->flaky = (uint32_t)p->num(p, "flaky");
    c->fail_at = (uint32_t)p->num(p, "fail_at");
    c->fail_times = (uint32_t)p->num(p, "fail_times");
    c->fail_status = -(int32_t)p->num(p, "fail_status");
    c->digest = (uint32_t)p->num(p, "digest");
    c->flash = malloc(c->size);
    if (!c->flash) {
        free(c);
        return BKF_E_NOMEM;
    }
    for (uint32_t i = 0; i < c->size; i++)
        c->flash[i] = content(i, (uint32_t)p->num(p, "blank_from"));
    *out = c;
    return BKF_OK;
}

static void chip_destroy(bkf_chip *c)
{
    char line[160];
    snprintf(line, sizeof line, "count calls=%u attach=%u detach=%u reads=%u bytes=%u crcs=%u",
             c->calls, c->attach, c->detach, c->reads, c->read_bytes, c->crcs);
    c->host->log(c->host, BKF_LOG_DEBUG, line);
    free(c->flash);
    free(c);
}

static bkf_status chip_attach(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    op->sleep_us(op, 1000);
    c->attach++;
    return call(c, "attach", err);
}

static bkf_status chip_detach(bkf_chip *c, const bkf_op *op, uint32_t run, bkf_error *err)
{
    (void)run;
    op->sleep_us(op, 1000);
    c->detach++;
    return call(c, "detach", err);
}

static bkf_status chip_probe(bkf_chip *c, const bkf_op *op, bkf_chip_info *info, bkf_error *err)
{
    (void)op;
    info->jedec_id = c->jedec;
    info->flash_size = c->size;
    info->size_evidence = c->evidence;
    info->page = 256;
    info->sector = 4096;
    info->resets = c->attach;
    return call(c, "probe", err);
}

static size_t chip_windows(bkf_chip *c, bkf_window *w, size_t cap)
{
    if (cap)
        w[0] = (bkf_window){ .start = c->hole,
                             .end = c->size,
                             .access = BKF_CAN_READ,
                             .reason = c->hole ? "the loader hides its own code" : NULL };
    return 1;
}

static bkf_status chip_read(bkf_chip *c, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                            bkf_error *err)
{
    bkf_status st = call(c, "read", err);
    op->sleep_us(op, n);
    op->progress(op, n, n);
    c->reads++;
    if (st)
        return st;
    if (op->should_stop(op)) {
        err->status = BKF_E_CANCELLED;
        return BKF_E_CANCELLED;
    }
    if (c->refuse_at && off <= c->refuse_at && c->refuse_at < off + n) {
        err->status = BKF_E_UNPROVEN;
        snprintf(err->message, sizeof err->message, "alias not proven");
        return BKF_E_UNPROVEN;
    }
    c->read_bytes += (uint32_t)n;
    memcpy(p, c->flash + off, n);
    c->noise = c->noise * 1664525u + 1013904223u;
    if (c->flaky && c->reads % c->flaky == 0)
        p[(c->noise >> 8) % n] ^= 0x10;
    if (c->unstable_at && off <= c->unstable_at && c->unstable_at < off + n)
        memcpy(p + (c->unstable_at - off), &c->reads, 4);
    return BKF_OK;
}

/* CRC-32 of IEEE 802.3, bit by bit: independent of the host's. */
static bkf_status chip_crc(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, uint32_t *crc,
                           bkf_error *err)
{
    uint32_t r = 0xFFFFFFFFu;
    bkf_status st = call(c, "crc", err);
    op->sleep_us(op, 100);
    c->crcs++;
    for (size_t i = 0; i < n; i++) {
        r ^= c->flash[off + i];
        for (int b = 0; b < 8; b++)
            r = (r >> 1) ^ (0xEDB88320u & (0u - (r & 1)));
    }
    *crc = r ^ 0xFFFFFFFFu;
    return st;
}

/* Mandatory members; this chip refuses both. */
static bkf_status chip_erase(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    (void)c;
    (void)op;
    (void)off;
    (void)n;
    err->status = BKF_E_PROTECTED;
    return BKF_E_PROTECTED;
}

static bkf_status chip_program(bkf_chip *c, const bkf_op *op, uint32_t off, const uint8_t *p,
                               size_t n, bkf_error *err)
{
    (void)p;
    return chip_erase(c, op, off, n, err);
}

static const void *chip_extension(bkf_chip *c, const char *id)
{
    if (!c->digest || strcmp(id, BKF_EXT_DIGEST) != 0)
        return NULL;
    c->ops = (bkf_digest_ops){ .struct_size = sizeof c->ops,
                               .granule = 4096,
                               .crc32 = chip_crc,
                               .read_rate = 10000,
                               .crc_rate = c->digest == 2 ? 1000000 : 1000 };
    return &c->ops;
}

#define NUMBER(k, d)                                                    \
    {                                                                   \
        .key = k, .type = BKF_PROP_UINT, .dflt = d, .help = "for tests" \
    }
static const bkf_prop_spec chip_props[] = { NUMBER("die_size", "256K"),
                                            NUMBER("die_jedec", "0x0B4016"),
                                            NUMBER("evidence", "12"),
                                            NUMBER("hole", "0"),
                                            NUMBER("refuse_at", "0"),
                                            NUMBER("unstable_at", "0"),
                                            NUMBER("flaky", "0"),
                                            NUMBER("fail_at", "0"),
                                            NUMBER("fail_times", "1000000"),
                                            NUMBER("fail_status", "7"),
                                            NUMBER("digest", "0"),
                                            NUMBER("blank_from", "0x30000"),
                                            NUMBER("attempts", "0"),
                                            { .key = NULL } };
static const bkf_chip_class fake_chip = {
    .struct_size = sizeof fake_chip,
    .name = "fakechip",
    .summary = "test chip",
    .props = chip_props,
    .create = chip_create,
    .destroy = chip_destroy,
    .attach = chip_attach,
    .detach = chip_detach,
    .probe = chip_probe,
    .windows = chip_windows,
    .read = chip_read,
    .erase = chip_erase,
    .program = chip_program,
    .extension = chip_extension,
};

static const bkf_adapter_class *const adapters[] = { &fake_adapter, NULL };
static const bkf_chip_class *const chips[] = { &fake_chip, NULL };
static const bkf_plugin plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_MINOR,
    .struct_size = sizeof plugin,
    .id = "org.bkflash.test.fake",
    .version = "1.0",
    .license = "MIT",
    .adapters = adapters,
    .chips = chips,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
