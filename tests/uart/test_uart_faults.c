/* Seeded misfortunes on the wire: each run ends with the right bytes, or says why not.
 * Whatever happens, the client never sends what could end the loader's life. */
#include "rig.h"
#include <zlib.h>

enum { SIZE = 0x80000, SPAN = 0x20000, SEEDS = 300 };

struct tally {
    unsigned right, refused;
    uint64_t longest_us;
    char last[200];
};

static bkf_status proven_piece(struct rig *r, uint32_t off, uint8_t *p, size_t n, unsigned depth)
{
    bkf_status st = BKF_OK;
    for (unsigned tries = 0; st == BKF_OK && tries < 6; tries++) {
        uint32_t crc = 0;
        st = beken_uart_read(r->u, r->op, off, p, n, &r->err);
        if (st == BKF_OK) {
            st = beken_uart_crc32(r->u, r->op, off, n, &crc, &r->err);
        }
        if (st == BKF_OK && crc == crc32(0, p, (uInt)n)) {
            return BKF_OK;
        }
        if (st == BKF_OK && n > 0x1000) {
            for (size_t at = 0; st == BKF_OK && at < n; at += 0x1000) {
                st = proven_piece(r, off + (uint32_t)at, p + at, 0x1000, depth + 1);
            }
            return st;
        }
    }
    return st == BKF_OK ? BKF_E_UNPROVEN : st;
}

static void judge_run(struct rig *r, const char *family, uint64_t seed, bkf_status st,
                      const uint8_t *got, const uint8_t *want, size_t n, struct tally *t)
{
    if (loader_breach(r->l)) {
        fail_msg("%s, seed %u: the client sent: %s", family, (unsigned)seed, loader_breach(r->l));
    }
    if (st == BKF_OK) {
        if (memcmp(got, want, n) != 0) {
            fail_msg("%s, seed %u: wrong bytes taken for right", family, (unsigned)seed);
        }
        t->right++;
    } else {
        if (!r->err.message[0] && st != BKF_E_UNPROVEN) {
            fail_msg("%s, seed %u: status %d without a cause", family, (unsigned)seed, (int)st);
        }
        t->refused++;
        snprintf(t->last, sizeof t->last, "%.199s", r->err.message);
    }
    if (loader_now_us(r->l) > t->longest_us) {
        t->longest_us = loader_now_us(r->l);
    }
}

static void read_run(const struct loader_config *c, const char *family, struct tally *t)
{
    static uint8_t got[SPAN];
    struct rig r = rig_make(c, (const char *const[]){ "uart_timeout=3s", "uart_size=512K", NULL });
    bkf_status st = rig_up(&r);
    for (uint32_t at = 0; st == BKF_OK && at < SPAN; at += 0x10000) {
        st = proven_piece(&r, at, got + at, 0x10000, 0);
    }
    bkf_error end = BKF_ERROR_INIT;
    beken_uart_detach(r.u, r.op, 1, &end);
    judge_run(&r, family, c->seed, st, got, loader_flash(r.l), SPAN, t);
    rig_free(&r);
}

static bkf_status put(struct rig *r, uint32_t off, const uint8_t *p, size_t n)
{
    const bkf_status st = beken_uart_erase(r->u, r->op, off, n, &r->err);
    return st == BKF_OK ? beken_uart_program(r->u, r->op, off, p, n, &r->err) : st;
}

static bool same(struct rig *r, uint32_t off, const uint8_t *p, size_t n, bkf_status *st)
{
    uint32_t crc = 0;
    *st = beken_uart_crc32(r->u, r->op, off, n, &crc, &r->err);
    return *st == BKF_OK && crc == crc32(0, p, (uInt)n);
}

static void write_run(const struct loader_config *c, const char *family, bool wire_to_device_clean,
                      struct tally *t)
{
    enum { OFF = 0x11000, LEN = 0x1F000 };
    static uint8_t data[LEN], before[0x11000];
    struct rig r = rig_make(c, (const char *const[]){ "uart_timeout=3s", "uart_size=512K", NULL });
    rig_fill(data, LEN, (uint32_t)c->seed + 5);
    memcpy(before, loader_flash(r.l), sizeof before);
    bkf_status st = rig_up(&r);
    if (st == BKF_OK) {
        st = beken_uart_unlock(r.u, r.op, &r.err);
    }
    if (st == BKF_OK) {
        st = put(&r, OFF, data, LEN);
    }
    /* What the checksum finds is written again, sector by sector. */
    for (unsigned tries = 0; st == BKF_OK && !same(&r, OFF, data, LEN, &st); tries++) {
        if (tries == 6) {
            st = BKF_E_UNPROVEN;
        }
        for (uint32_t at = 0; st == BKF_OK && at < LEN; at += 0x1000) {
            if (!same(&r, OFF + at, data + at, 0x1000, &st) && st == BKF_OK) {
                st = put(&r, OFF + at, data + at, 0x1000);
            }
        }
    }
    if (wire_to_device_clean && memcmp(before, loader_flash(r.l), sizeof before) != 0) {
        fail_msg("%s, seed %u: the bootloader was changed", family, (unsigned)c->seed);
    }
    judge_run(&r, family, c->seed, st, loader_flash(r.l) + OFF, data, LEN, t);
    rig_free(&r);
}

static struct loader_config base(bool rom, uint64_t seed)
{
    struct loader_config c = rom ? rig_rom() : rig_boot(SIZE);
    c.size = SIZE;
    c.jedec = 0xEB6013;
    c.seed = seed;
    c.reset_wired = seed % 3 != 0; /* every third board has no reset line */
    return c;
}

static void report(const char *name, const struct tally *t, unsigned least_right)
{
    printf("           %-28s right %4u  refused %4u  longest %7.1f s  %s\n", name, t->right,
           t->refused, (double)t->longest_us / 1e6, t->refused ? t->last : "");
    if (t->right < least_right) {
        fail_msg("%s: only %u of %u runs came through", name, t->right, t->right + t->refused);
    }
    if (t->longest_us > 1200u * 1000000u) {
        fail_msg("%s: a run took %u s", name, (unsigned)(t->longest_us / 1000000));
    }
}

#define READ_FAMILY(fn, name, change, least)                    \
    static void fn(void **state)                                \
    {                                                           \
        (void)state;                                            \
        struct tally t = { 0 };                                 \
        for (uint64_t seed = 0; seed < SEEDS; seed++) {         \
            struct loader_config c = base(seed % 2 != 0, seed); \
            change;                                             \
            read_run(&c, name, &t);                             \
        }                                                       \
        report(name, &t, least);                                \
    }
#define WRITE_FAMILY(fn, name, change, clean, least)            \
    static void fn(void **state)                                \
    {                                                           \
        (void)state;                                            \
        struct tally t = { 0 };                                 \
        for (uint64_t seed = 0; seed < SEEDS; seed++) {         \
            struct loader_config c = base(seed % 2 != 0, seed); \
            change;                                             \
            write_run(&c, name, clean, &t);                     \
        }                                                       \
        report(name, &t, least);                                \
    }

READ_FAMILY(flips, "bits flipped", c.flip_in = c.flip_out = 1u + (uint32_t)(seed % 40),
            SEEDS * 9 / 10)
READ_FAMILY(drops, "bytes lost", c.drop_in = c.drop_out = 1u + (uint32_t)(seed % 40),
            SEEDS * 9 / 10)
READ_FAMILY(doubles, "bytes doubled", c.dup_in = c.dup_out = 1u + (uint32_t)(seed % 40),
            SEEDS * 9 / 10)
READ_FAMILY(bad_wire, "everything, often",
            c.flip_in = c.drop_in = c.dup_in = c.flip_out = c.drop_out = c.dup_out = 40, SEEDS / 10)
READ_FAMILY(cut, "4056 of 4111 bytes", c.cut_read_at = 1u + (uint32_t)(seed % 30), SEEDS)
READ_FAMILY(lost_baud, "SetBaud reply lost", c.lose_baud_reply = true, SEEDS)
READ_FAMILY(stale, "stale LinkCheck replies", c.stale = 1u + (unsigned)(seed % 102), SEEDS)
READ_FAMILY(latency, "16 ms latency", c.latency_us = 16000, SEEDS)
READ_FAMILY(chatter, "chatter before the link",
            c.chatter = "\x04\x0e\xff log \x04\x0e\x05\x01\xe0\xfc\x01\x01 [I/FAL] V:BK7231N\r\n";
            c.chatter_baud = seed % 5 ? 115200 : 921600, SEEDS)
READ_FAMILY(pieces, "1 and 4095 byte pieces", c.piece = seed % 4 < 2 ? 1 : 4095, SEEDS)
WRITE_FAMILY(brownout, "brown-out while writing", c.brownout_at = 1u + (uint32_t)(seed % 40), true,
             SEEDS)
WRITE_FAMILY(write_in, "writes, replies damaged",
             c.flip_in = c.drop_in = c.dup_in = 1u + (uint32_t)(seed % 200), true, SEEDS * 9 / 10)
WRITE_FAMILY(write_out, "writes, requests damaged",
             c.flip_out = c.drop_out = c.dup_out = 1u + (uint32_t)(seed % 10), false,
             SEEDS * 9 / 10)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flips),     cmocka_unit_test(drops),    cmocka_unit_test(doubles),
        cmocka_unit_test(bad_wire),  cmocka_unit_test(cut),      cmocka_unit_test(lost_baud),
        cmocka_unit_test(stale),     cmocka_unit_test(latency),  cmocka_unit_test(chatter),
        cmocka_unit_test(pieces),    cmocka_unit_test(brownout), cmocka_unit_test(write_in),
        cmocka_unit_test(write_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
