/* The route's baud is a cap, and so is what the adapter can do: no flash request and no checksum
 * ever travels faster, whatever rate the loader is found at. */
#include "rig.h"

static struct loader_config family(bool rom)
{
    struct loader_config c = rom ? rig_rom() : rig_boot(0x200000);
    c.reset_wired = false;
    c.idle_reset_us = 5000000; /* it stays where it was left */
    return c;
}

/* Nobody resets it: the client has to take it as it is. */
static struct rig left_at(const struct loader_config *c, uint32_t rate, const char *more)
{
    const char *pairs[] = { "uart_soft_reset=no", "uart_timeout=3s", more, NULL };
    struct rig r = rig_make(c, pairs);
    loader_leave_at(r.l, rate);
    return r;
}

static void expect_rate(struct rig *r, const char *what, uint32_t rate)
{
    static uint8_t b[0x3000];
    RIG_OK(r, beken_uart_read(r->u, r->op, 0x20000, b, sizeof b, &r->err));
    assert_memory_equal(b, loader_flash(r->l) + 0x20000, sizeof b);
    if (loader_baud(r->l) != rate || loader_host_baud(r->l) != rate || loader_fastest(r->l) > rate)
        fail_msg("%s: device at %u, host at %u, worked at %u baud instead of %u", what,
                 (unsigned)loader_baud(r->l), (unsigned)loader_host_baud(r->l),
                 (unsigned)loader_fastest(r->l), (unsigned)rate);
    if (r->u->io.baud != rate) /* what times and progress are reckoned from */
        fail_msg("%s: the client believes in %u baud", what, (unsigned)r->u->io.baud);
    if (loader_breach(r->l))
        fail_msg("%s: %s", what, loader_breach(r->l));
}

/* The best rung that the cap allows; below 115200, where every loader starts, the cap itself. */
static uint32_t best(bool rom, uint32_t cap)
{
    static const uint32_t rungs[] = { 2000000, 1500000, 1000000, 921600, 460800, 230400, 115200 };
    for (size_t i = rom ? 0 : 1; i < sizeof rungs / sizeof rungs[0]; i++)
        if (rungs[i] <= cap)
            return rungs[i];
    return cap;
}

static const uint32_t found_at[] = { 115200, 230400, 460800, 921600, 1000000, 1500000, 2000000 };
static const uint32_t caps[] = { 57600,  115200,  200000,  230400, 460800,
                                 921600, 1000000, 1500000, 2000000 };

static void found_above_the_cap(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2 * sizeof found_at / sizeof found_at[0]; k++) {
        for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
            const uint32_t at = found_at[k / 2];
            struct loader_config c = family(k % 2);
            c.cap = caps[i];
            struct rig r = left_at(&c, at, NULL);
            RIG_OK(&r, rig_up(&r));
            char what[80];
            snprintf(what, sizeof what, "%s found at %u, cap %u", c.rom ? "ROM" : "bootloader",
                     (unsigned)at, (unsigned)caps[i]);
            expect_rate(&r, what, best(c.rom, caps[i]));
            assert_int_equal(loader_counts(r.l).resets, 0);
            rig_free(&r);
        }
    }
}

/* uart_adaptive=no: the cap is the rate. */
static void taken_as_it_is(void **state)
{
    (void)state;
    static const uint32_t said[] = { 57600, 115200, 250000, 921600 };
    for (unsigned k = 0; k < 2 * sizeof said / sizeof said[0]; k++) {
        struct loader_config c = family(k % 2);
        c.cap = said[k / 2];
        struct rig r = left_at(&c, 1500000, "uart_adaptive=no");
        RIG_OK(&r, rig_up(&r));
        expect_rate(&r, "not adaptive", c.cap);
        rig_free(&r);
    }
}

/* In the middle of a job the loader turns up at a rate nobody asked for: a damaged SetBaud. */
static void found_above_the_cap_again(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        struct loader_config c = family(k % 2);
        c.cap = k < 2 ? 460800 : 115200;
        struct rig r = left_at(&c, 115200, NULL);
        RIG_OK(&r, rig_up(&r));
        expect_rate(&r, "before", c.cap);
        loader_leave_at(r.l, 1500000);
        expect_rate(&r, "after", c.cap);
        rig_free(&r);
    }
}

/* After a loss the loader is at 115200 again; a lower cap still holds. */
static void reset_to_a_rate_above_the_cap(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct loader_config c = family(k % 2);
        c.cap = 57600;
        struct rig r = left_at(&c, 115200, NULL);
        RIG_OK(&r, rig_up(&r));
        loader_leave_at(r.l, 115200);
        expect_rate(&r, "after a reset", 57600);
        rig_free(&r);
    }
}

/* The adapter refuses a rate, or says that it takes its highest one instead. */
static void what_the_adapter_can_do(void **state)
{
    (void)state;
    static const struct {
        uint32_t refuse_above, clamp, found, expect;
    } cases[] = { { 460800, 0, 460800, 460800 },    { 115200, 0, 115200, 115200 },
                  { 0, 460800, 460800, 460800 },    { 0, 230400, 230400, 230400 },
                  { 0, 1000000, 1000000, 1000000 }, { 0, 1500000, 1500000, 1500000 } };
    for (unsigned k = 0; k < 2 * sizeof cases / sizeof cases[0]; k++) {
        struct loader_config c = family(k % 2);
        c.refuse_above = cases[k / 2].refuse_above;
        c.clamp = cases[k / 2].clamp;
        struct rig r = left_at(&c, cases[k / 2].found, NULL);
        RIG_OK(&r, rig_up(&r));
        char what[80];
        snprintf(what, sizeof what, "case %u: adapter up to %u", k,
                 (unsigned)(c.clamp ? c.clamp : c.refuse_above));
        expect_rate(&r, what, cases[k / 2].expect);
        rig_free(&r);
    }
}

/* It answers above the cap and does not come down: said, never worked with. */
static void stays_above_the_cap(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct loader_config c = family(k % 2);
        c.cap = 460800;
        c.deaf_to_baud = true;
        struct rig r = left_at(&c, 1500000, NULL);
        assert_int_equal(beken_uart_attach(r.u, r.op, &r.err), BKF_E_NO_LINK);
        static const char *const words[] = { "1500000 baud", "460800", "reset" };
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (!strstr(r.err.message, words[i]))
                fail_msg("'%s' is not in: %s", words[i], r.err.message);
        assert_int_equal(loader_fastest(r.l), 0);
        assert_true(loader_now_us(r.l) < 10000000);
        rig_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_above_the_cap),
        cmocka_unit_test(taken_as_it_is),
        cmocka_unit_test(found_above_the_cap_again),
        cmocka_unit_test(reset_to_a_rate_above_the_cap),
        cmocka_unit_test(what_the_adapter_can_do),
        cmocka_unit_test(stays_above_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
