/* A line that never falls silent: whatever pours in, every call ends, and in bounded time. */
#include "rig.h"

enum { WAIT_S = 3, LINES = 9 };

static uint8_t of(const char *hex, uint64_t n)
{
    const size_t len = strlen(hex) / 2;
    char byte[3] = { hex[n % len * 2], hex[n % len * 2 + 1], 0 };
    return (uint8_t)strtoul(byte, NULL, 16);
}

static uint8_t zeros(uint64_t n)
{
    (void)n;
    return 0;
}
static uint8_t ones(uint64_t n)
{
    (void)n;
    return 0xFF;
}
static uint8_t noise(uint64_t n)
{
    return (uint8_t)((n + 1) * 0x9E3779B97F4A7C15u >> 56);
}
static uint8_t starts(uint64_t n)
{
    return of("040E", n);
}
static uint8_t link_replies(uint64_t n)
{
    return of("040E0501E0FC0100", n);
}
static uint8_t checksums(uint64_t n)
{
    return of("040E0801E0FC1011223344", n);
}
static uint8_t long_frames(uint64_t n)
{
    return n % 4111 < 11 ? of("040EFF01E0FCF406100900", n % 4111) : 0x04;
}
static uint8_t refusals(uint64_t n)
{
    return of("040EFF01E0FCF4070009060000000000", n);
}
static uint8_t echo(uint64_t n)
{
    return of("01E0FC0100", n);
}

static uint8_t (*const lines[LINES])(uint64_t) = { zeros,       ones,         noise,
                                                   starts,      link_replies, checksums,
                                                   long_frames, refusals,     echo };

static struct rig make(unsigned k)
{
    struct loader_config c = k % 2 ? rig_rom() : rig_boot(0x200000);
    c.reset_wired = k / 2 % 2;
    return rig_make(&c, (const char *const[]){ "uart_timeout=3s", NULL });
}

/* What one call may take: the longest time-out of its own, and eight attempts at linking. */
static void expect_end(struct rig *r, const char *call, uint64_t since, unsigned seconds,
                       uint64_t *longest)
{
    const uint64_t took = loader_now_us(r->l) - since;
    *longest = took > *longest ? took : *longest;
    if (took > seconds * 1000000ull)
        fail_msg("%s took %.1f s", call, (double)took / 1e6);
    if (loader_breach(r->l))
        fail_msg("%s: %s", call, loader_breach(r->l));
}

static void from_the_start(void **state)
{
    (void)state;
    uint64_t longest = 0;
    for (unsigned k = 0; k < 4 * LINES; k++) {
        struct rig r = make(k);
        loader_babble(r.l, lines[k / 4]);
        assert_int_not_equal(beken_uart_attach(r.u, r.op, &r.err), BKF_OK);
        expect_end(&r, "attach", 0, 10 * WAIT_S, &longest);
        beken_uart_detach(r.u, r.op, 1, &r.err);
        rig_free(&r);
    }
    printf("linking took %.1f s at most\n", (double)longest / 1e6);
}

static void in_the_middle(void **state)
{
    (void)state;
    static uint8_t b[0x4000];
    uint64_t longest = 0;
    for (unsigned k = 0; k < 4 * LINES * 5; k++) {
        struct rig r = make(k);
        uint32_t crc;
        RIG_OK(&r, rig_up(&r));
        const uint64_t since = loader_now_us(r.l);
        loader_babble(r.l, lines[k / 4 % LINES]);
        static const char *const names[] = { "read", "erase", "program", "checksum", "lock" };
        const unsigned call = k / 4 / LINES;
        (void)(call == 0   ? beken_uart_read(r.u, r.op, 0x20000, b, sizeof b, &r.err)
               : call == 1 ? beken_uart_erase(r.u, r.op, 0x20000, sizeof b, &r.err)
               : call == 2 ? beken_uart_program(r.u, r.op, 0x20000, b, sizeof b, &r.err)
               : call == 3 ? beken_uart_crc32(r.u, r.op, 0x20000, sizeof b, &crc, &r.err)
                           : beken_uart_lock(r.u, r.op, &r.err));
        expect_end(&r, names[call], since, 20 * WAIT_S, &longest);
        beken_uart_detach(r.u, r.op, 1, &r.err);
        rig_free(&r);
    }
    printf("a call took %.1f s at most\n", (double)longest / 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(from_the_start),
                                        cmocka_unit_test(in_the_middle) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
