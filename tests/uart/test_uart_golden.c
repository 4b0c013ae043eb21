/* The two recorded sessions of bk7231tools (a BK7231N, a BK7231T), from the client's side:
 * every request leaves byte for byte as recorded, every recorded reply is understood.  Where
 * the client by itself does more or in another order, its requests are made one by one. */
#include "rig.h"

/* A peer that knows one session by heart. */
struct turn {
    const char *say, *hear; /* hex; hear NULL: the test sets it */
};
struct script {
    const struct turn *turns;
    size_t n, at; /* turn whose request is awaited */
    uint8_t want[8192], reply[8192];
    size_t want_len, sent, reply_len, taken;
    const uint8_t *data; /* 4096 bytes that follow a Write4K or Read4K header */
    uint32_t crc;        /* what a reply with NULL says */
    uint32_t baud;
};

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++) {
        const char pair[3] = { text[2 * i], text[2 * i + 1], 0 };
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

static bool is_op(const uint8_t *p, size_t n, size_t at, uint8_t op)
{
    return n > at && p[at] == op;
}

static void next_turn(struct script *s)
{
    s->sent = 0;
    s->want_len = unhex(s->turns[s->at].say, s->want);
    if (s->want_len == 12 && is_op(s->want, 12, 7, 0x07)) {
        memcpy(s->want + s->want_len, s->data, 4096);
        s->want_len += 4096;
    }
}

static void load_reply(struct script *s)
{
    const char *hear = s->turns[s->at].hear;
    s->taken = 0;
    if (hear) {
        s->reply_len = unhex(hear, s->reply);
    } else {
        s->reply_len = unhex("040E0801E0FC10", s->reply);
        uart_put_le32(s->reply + 7, s->crc);
        s->reply_len += 4;
    }
    if (s->reply_len == 15 && is_op(s->reply, 15, 9, 0x09)) {
        memcpy(s->reply + 15, s->data, 4096);
        s->reply_len += 4096;
    }
}

static bkf_status s_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    struct script *s = self;
    (void)err;
    s->baud = *got = baud;
    return BKF_OK;
}

static bkf_status s_write(void *self, const uint8_t *p, size_t len, uint32_t ms, size_t *done,
                          bkf_error *err)
{
    struct script *s = self;
    (void)ms;
    (void)err;
    if (s->at >= s->n) {
        fail_msg("a request after the session's last one");
    }
    if (s->taken < s->reply_len) {
        fail_msg("turn %zu: a request before the last reply was read", s->at);
    }
    if (s->sent + len > s->want_len || memcmp(p, s->want + s->sent, len) != 0) {
        fail_msg("turn %zu: %zu bytes that differ from the recorded %s", s->at, len,
                 s->turns[s->at].say);
    }
    s->sent += len;
    *done = len;
    if (s->sent == s->want_len) {
        load_reply(s);
        s->at++;
        if (s->at < s->n) {
            next_turn(s);
        }
    }
    return BKF_OK;
}

static bkf_status s_read(void *self, uint8_t *p, size_t len, uint32_t ms, size_t *done,
                         bkf_error *err)
{
    struct script *s = self;
    (void)ms;
    size_t n = s->reply_len - s->taken;
    n = n < len ? n : len;
    memcpy(p, s->reply + s->taken, n);
    s->taken += n;
    *done = n;
    if (n == len) {
        return BKF_OK;
    }
    err->status = BKF_E_TIMEOUT;
    return BKF_E_TIMEOUT;
}

static bkf_status s_purge(void *self, bkf_error *err)
{
    (void)self;
    (void)err;
    return BKF_OK;
}

static const bkf_uart_ops script_ops = { .struct_size = sizeof script_ops,
                                         .setup = s_setup,
                                         .write = s_write,
                                         .read = s_read,
                                         .purge = s_purge };

static struct rig begin(struct script *s, enum uart_family family)
{
    const struct loader_config c = family == UART_ROM ? rig_rom() : rig_boot(0x200000);
    struct rig r = rig_make(&c, NULL);
    r.u->io.ops = &script_ops;
    r.u->io.self = s;
    r.u->io.op = r.op;
    r.u->id.family = family;
    r.u->linked = true;
    uart_parser_reset(&r.u->io.rx);
    next_turn(s);
    return r;
}

/* A request of the frame layer and a reply that its expectation takes. */
static void ask(struct rig *r, size_t n, const struct uart_expect *want, struct uart_reply *reply)
{
    RIG_OK(r, uart_ask(&r->u->io, r->u->tx, n, want, 100000, reply, &r->err));
    assert_int_equal(reply->status, 0);
}

static void set_baud(struct rig *r, struct script *s)
{
    const struct uart_expect want = { .op = UART_SET_BAUD,
                                      .echo = { 0x00, 0x10, 0x0E },
                                      .n_echo = 3 };
    struct uart_reply reply;
    uint32_t got;
    ask(r, uart_req_set_baud(r->u->tx, 921600, 20), &want, &reply);
    RIG_OK(r, uart_setup(&r->u->io, 921600, &got, &r->err));
    assert_int_equal(s->baud, 921600);
}

/* As bk7231tools asks: the second address is behind the section on the bootloader family. */
static uint32_t crc_to(struct rig *r, uint32_t first, uint32_t second)
{
    const struct uart_expect want = { .op = UART_CHECK_CRC };
    struct uart_reply reply;
    ask(r, uart_req_crc(r->u->tx, first, second), &want, &reply);
    return uart_le32(reply.payload) ^ 0xFFFFFFFFu;
}

static void read_4k(struct rig *r, uint32_t addr, const uint8_t *data)
{
    static uint8_t got[4096];
    RIG_OK(r, uart_read_sector_ask(r->u, addr, &r->err));
    RIG_OK(r, uart_read_sector_take(r->u, addr, got, &r->err));
    assert_memory_equal(got, data, sizeof got);
}

/* Addressed through the alias 2 MiB up, as that tool does; the client's own jobs never do. */
static void erase_and_write(struct rig *r, uint32_t addr, const uint8_t *data)
{
    const struct uart_expect erased = { .is_long = true, .op = UART_ERASE };
    const struct uart_expect written = { .is_long = true, .op = UART_WRITE_4K };
    struct uart_reply reply;
    ask(r, uart_req_erase(r->u->tx, 0x20, addr), &erased, &reply);
    ask(r, uart_req_write_4k(r->u->tx, addr, data), &written, &reply);
}

/* Both registers, protection cleared with the rest kept, both registers: what
 * uart_rom_set_status does, which also asks if the flash is idle again. */
static void lift_protection(struct rig *r)
{
    const struct uart_expect want = { .is_long = true, .op = UART_WRITE_SR };
    struct uart_reply reply;
    uint8_t sr1, sr2;
    RIG_OK(r, uart_rom_sr(r->u, 0x05, &sr1, &r->err));
    RIG_OK(r, uart_rom_sr(r->u, 0x35, &sr2, &r->err));
    const uint8_t cleared[] = { (uint8_t)(sr1 & ~UART_SR_BITS),
                                (uint8_t)(sr2 & ~(UART_SR_BITS >> 8)) };
    ask(r, uart_req_write_sr(r->u->tx, 0x01, cleared, sizeof cleared), &want, &reply);
    RIG_OK(r, uart_rom_sr(r->u, 0x05, &sr1, &r->err));
    RIG_OK(r, uart_rom_sr(r->u, 0x35, &sr2, &r->err));
    assert_int_equal(sr1, 0x80);
    assert_int_equal(sr2, 0x02);
}

static void finished(const struct script *s)
{
    assert_int_equal(s->at, s->n);
    assert_int_equal(s->taken, s->reply_len);
}

static void bk7231n(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        { "01E0FC0100", "040E0501E0FC0100" },
        { "01E0FC060F00100E0014", "040E0901E0FC0F00100E0014" },
        { "01E0FC09100000000000010000", "040E0801E0FC10456EBE1E" },
        { "01E0FC0100", "040E0501E0FC0100" },
        { "01E0FC050300008000", "040E0C01E0FC03000080001C230700" },
        { "01E0FCFFF405000E9F000000", "040EFF01E0FCF406000E0000EB6015" },
        { "01E0FCFFF405000900002000", "040EFF01E0FCF40610090000002000" },
        { "01E0FC091000002000FF0F2000", NULL },
        { "01E0FCFFF402000C05", "040EFF01E0FCF404000C00059C" },
        { "01E0FCFFF402000C35", "040EFF01E0FCF404000C003502" },
        { "01E0FCFFF404000D018002", "040EFF01E0FCF405000D00018002" },
        { "01E0FCFFF402000C05", "040EFF01E0FCF404000C000580" },
        { "01E0FCFFF402000C35", "040EFF01E0FCF404000C003502" },
        { "01E0FCFFF406000F2000002200", "040EFF01E0FCF407000F002000002200" },
        { "01E0FCFFF405100700002200", "040EFF01E0FCF40600070000002200" },
    };
    static uint8_t data[4096];
    static struct script s = { .turns = turns, .n = sizeof turns / sizeof turns[0], .data = data };
    rig_fill(data, sizeof data, 5);
    s.crc = uart_zlib_crc(0, data, sizeof data) ^ 0xFFFFFFFFu;
    struct rig r = begin(&s, UART_ROM);
    uint32_t crc, v;
    RIG_OK(&r, uart_link_check(r.u, 1000, &r.err));
    set_baud(&r, &s);
    RIG_OK(&r, uart_crc(r.u, 0, 257, &crc, &r.err));
    assert_int_equal(crc, 0xE14191BA);
    RIG_OK(&r, uart_link_check(r.u, 1000, &r.err));
    RIG_OK(&r, uart_rom_reg(r.u, 0x800000, &v, &r.err));
    assert_int_equal(v, 0x7231C);
    RIG_OK(&r, uart_rom_jedec(r.u, &v, &r.err));
    assert_int_equal(v, 0xEB6015);
    read_4k(&r, 0x200000, data);
    RIG_OK(&r, uart_crc(r.u, 0x200000, 4096, &crc, &r.err));
    assert_int_equal(crc, uart_zlib_crc(0, data, sizeof data));
    lift_protection(&r);
    erase_and_write(&r, 0x220000, data);
    finished(&s);
    rig_free(&r);
}

static void bk7231t(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        { "01E0FC0100", "040E0501E0FC0100" },
        { "01E0FC060F00100E0014", "040E0901E0FC0F00100E0014" },
        { "01E0FC09100000000000010000", "040E0801E0FC10473EAB45" },
        { "01E0FC0100", "040E0501E0FC0100" },
        { "01E0FC0111", "040E1401E0FC11424B37323331535F312E302E35000000" },
        { "01E0FCFFF405000900002000", "040EFF01E0FCF40610090000002000" },
        { "01E0FC09100000200000102000", NULL },
        { "01E0FC0100", "040E0501E0FC0100" },
        { "01E0FCFFF406000F2000002200", "040EFF01E0FCF407000F002000002200" },
        { "01E0FCFFF405100700002200", "040EFF01E0FCF40600070000002200" },
        { "01E0FC09100000220000102200", NULL },
        { "01E0FC0100", "040E0501E0FC0100" },
    };
    static uint8_t data[4096];
    static struct script s = { .turns = turns, .n = sizeof turns / sizeof turns[0], .data = data };
    rig_fill(data, sizeof data, 6);
    s.crc = uart_zlib_crc(0, data, sizeof data) ^ 0xFFFFFFFFu;
    struct rig r = begin(&s, UART_L);
    char version[20];
    RIG_OK(&r, uart_link_check(r.u, 1000, &r.err));
    set_baud(&r, &s);
    assert_int_equal(crc_to(&r, 0, 0x100), 0x45AB3E47 ^ 0xFFFFFFFFu);
    RIG_OK(&r, uart_link_check(r.u, 1000, &r.err));
    RIG_OK(&r, uart_l_boot_version(r.u, version, &r.err));
    assert_string_equal(version, "BK7231S_1.0.5");
    read_4k(&r, 0x200000, data);
    assert_int_equal(crc_to(&r, 0x200000, 0x201000), uart_zlib_crc(0, data, sizeof data));
    RIG_OK(&r, uart_link_check(r.u, 1000, &r.err));
    erase_and_write(&r, 0x220000, data);
    assert_int_equal(crc_to(&r, 0x220000, 0x221000), uart_zlib_crc(0, data, sizeof data));
    RIG_OK(&r, uart_link_check(r.u, 1000, &r.err));
    finished(&s);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bk7231n), cmocka_unit_test(bk7231t) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
