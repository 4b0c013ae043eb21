/* A small dump, ended by kill -9 at every link call, over SPI and both UART families; then
 * 'resume' or the same command finishes it, byte for byte, or nothing was recorded and the
 * same command reads it all.  Nothing but a finished dump ever has its name.
 *
 * DUMP_POINTS sets how many calls are tried per route (default 16; 0 = every one). */
#include "change_world.h"
#include <unistd.h>

struct places {
    char out[128], part[160], log[160];
};

static int run(const struct world *w, enum verb verb, const char *file, const char *fault)
{
    char text[60];
    snprintf(text, sizeof text, "fault=%s", fault ? fault : "");
    struct job j = {
        .verb = verb, .file = file, .options = { fault ? text : NULL }, .broken = fault != NULL
    };
    return world_run(w, &j);
}

static void expect_dump(const struct world *w, const struct places *p, const char *when)
{
    uint8_t *data;
    size_t len;
    assert_int_equal(file_read(p->out, SIZE, &data, &len, NULL), 0);
    if (len != SIZE || memcmp(data, w->before, SIZE) != 0)
        fail_msg("%s %s %s: the dump is wrong", w->chip, w->route, when);
    free(data);
    if (access(p->part, F_OK) == 0 || access(p->log, F_OK) == 0)
        fail_msg("%s %s %s: something is left beside the dump", w->chip, w->route, when);
}

/* Returns false when the run was over before call n came. */
static bool kill_at(const struct world *w, const struct places *p, unsigned n, unsigned *resumed)
{
    char when[80];
    world_reset(w);
    unlink(p->out);
    unlink(p->part);
    unlink(p->log);
    snprintf(when, sizeof when, "kill@%u", n);
    int first = run(w, DUMP, p->out, when);
    if (first == 0 || access(p->out, F_OK) == 0) { /* killed while leaving the target */
        expect_dump(w, p, when);
        return first == KILLED;
    }
    assert_int_equal(first, KILLED);
    bool kept = access(p->log, F_OK) == 0;
    int second = run(w, kept && n % 2 ? RESUME : DUMP, p->out, NULL);
    snprintf(when, sizeof when, "kill@%u, then on (exit %d, %s)", n, second,
             kept ? "with a log" : "anew");
    if (second)
        fail_msg("%s %s %s", w->chip, w->route, when);
    expect_dump(w, p, when);
    *resumed += kept;
    return true;
}

static unsigned count_calls(const struct world *w, const struct places *p)
{
    unsigned low = 1, high = 2, ignored = 0;
    while (kill_at(w, p, high, &ignored)) {
        low = high;
        high *= 2;
    }
    while (high - low > 1) {
        unsigned mid = (low + high) / 2;
        if (kill_at(w, p, mid, &ignored))
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void every_call(const char *chip, const char *route)
{
    struct world *w = calloc(1, sizeof *w);
    struct places p;
    const char *text = getenv("DUMP_POINTS");
    unsigned want = text ? (unsigned)strtoul(text, NULL, 10) : 16, resumed = 0;
    world_make(w, chip, route);
    snprintf(p.out, sizeof p.out, "%s/dump.bin", w->dir);
    snprintf(p.part, sizeof p.part, "%s.part", p.out);
    snprintf(p.log, sizeof p.log, "%s.part.log", p.out);
    unsigned total = count_calls(w, &p), n = want && want < total ? want : total;
    for (unsigned i = 0; i < n; i++)
        kill_at(w, &p, 1 + (unsigned)((uint64_t)i * (total - 1) / (n > 1 ? n - 1 : 1)), &resumed);
    printf("%s %s: %u link calls, %u tried, %u resumed\n", chip, route, total, n, resumed);
    assert_true(resumed > 0); /* what the last second brought is read again */
    world_free(w);
    free(w);
}

static void spi(void **state)
{
    (void)state;
    every_call("bk7252", "");
}

static void uart_bootloader(void **state)
{
    (void)state;
    every_call("bk7252", "uart");
}

static void uart_rom(void **state)
{
    (void)state;
    every_call("bk7231n", "uart");
}

/* Begun on one route, finished on the other, which tells other ids. */
static void across(const char *first, const char *second)
{
    struct world *w = calloc(1, sizeof *w);
    struct places p;
    world_make(w, "bk7252", first);
    snprintf(p.out, sizeof p.out, "%s/dump.bin", w->dir);
    snprintf(p.part, sizeof p.part, "%s.part", p.out);
    snprintf(p.log, sizeof p.log, "%s.part.log", p.out);
    unsigned n = count_calls(w, &p);
    for (int verb = 0; verb < 2; verb++) {
        do { /* the last call before which something was recorded and not all was done */
            char when[80];
            world_reset(w);
            unlink(p.out);
            w->route = first;
            snprintf(when, sizeof when, "kill@%u", n--);
            assert_int_equal(run(w, DUMP, p.out, when), KILLED);
        } while (access(p.log, F_OK) != 0);
        n++;
        w->route = second;
        assert_int_equal(run(w, verb ? RESUME : DUMP, p.out, NULL), 0);
        expect_dump(w, &p, "finished on another route");
    }
    world_free(w);
    free(w);
}

static void spi_then_uart(void **state)
{
    (void)state;
    across("", "uart");
}

static void uart_then_spi(void **state)
{
    (void)state;
    across("uart", "");
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spi),           cmocka_unit_test(uart_bootloader),
        cmocka_unit_test(uart_rom),      cmocka_unit_test(spi_then_uart),
        cmocka_unit_test(uart_then_spi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
