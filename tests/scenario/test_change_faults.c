/* A small write, broken at every link call: unplugged, timed out, killed.  Afterwards
 * 'resume' or the same command finishes it, or 'undo' takes it back, byte for byte; the keep
 * partitions and everything outside the request never change; the write protection is as before; no
 * run breaks the device's rules.
 *
 * Flash and status registers are files, which survive the process as a die survives a power
 * cut.  CHANGE_POINTS sets how many calls are tried per case (default 24; 0 = every one, as
 * change_faults_full does in the release build). */
#include "change_world.h"

/* As an application leaves them (CMP and BP0; QE set by the maker), and as the loader in flash
 * sets them with every checksum; its one byte clears the second register. */
enum { PROTECTED = 0x4204, BOOTED = 0x4004, CHECKED = 0x7C, QE = 0x0200, LOCKS = 0x3800 };

static bool in_flash_loader(const struct world *w)
{
    return *w->route && strcmp(w->chip, "bk7252") == 0;
}

static int run(const struct world *w, enum verb verb, const char *fault)
{
    char text[100];
    snprintf(text, sizeof text, "fault=%s", fault);
    /* No application that would protect the flash again at the next boot, unless that is the
     * point: over UART the loader in flash cannot be asked to put anything back. */
    struct job j = { .verb = verb,
                     .options = { w->boots ? "firmware=yes" : "firmware=no",
                                  w->boots ? "sr=0x4004" : "sr=0x4204", *fault ? text : NULL },
                     .broken = *fault != 0 };
    return world_run(w, &j);
}

/* Only the request may have changed, whatever happened. */
static void expect_outside(const struct world *w, const char *when)
{
    uint8_t *data;
    size_t len, end = APP + APP_LEN;
    assert_int_equal(file_read(w->flash, SIZE, &data, &len, NULL), 0);
    if (memcmp(data, w->before, APP) != 0 || memcmp(data + end, w->before + end, SIZE - end) != 0)
        fail_msg("%s %s %s: bytes outside the request have changed", w->chip, w->route, when);
    free(data);
    /* The loader in flash writes what it wants; nobody else may lose QE or set a lock bit. */
    uint32_t status = world_status(w);
    if ((status & LOCKS) || (!in_flash_loader(w) && !w->boots && !(status & QE)))
        fail_msg("%s %s %s: status registers %04X", w->chip, w->route, when, (unsigned)status);
}

static void expect_protection(const struct world *w, const char *when)
{
    uint32_t want = w->boots ? BOOTED : in_flash_loader(w) ? CHECKED : PROTECTED;
    if (world_status(w) != want)
        fail_msg("%s %s %s: status registers %04X instead of %04X", w->chip, w->route, when,
                 (unsigned)world_status(w), (unsigned)want);
}

/* How many link calls a whole write makes: the first N at which a kill never comes. */
static unsigned count_calls(const struct world *w)
{
    unsigned low = 0, high = 64; /* low is reached, high may not be */
    char fault[40];
    for (;;) {
        world_reset(w);
        snprintf(fault, sizeof fault, "kill@%u", high);
        if (run(w, WRITE, fault) != KILLED)
            break;
        low = high;
        high *= 2;
    }
    while (high - low > 1) {
        unsigned mid = (low + high) / 2;
        world_reset(w);
        snprintf(fault, sizeof fault, "kill@%u", mid);
        if (run(w, WRITE, fault) == KILLED)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void break_at(const struct world *w, const char *kind, unsigned n, enum verb next)
{
    const bool undo = next == UNDO;
    char when[100];
    snprintf(when, sizeof when, "%s@%u", kind, n);
    world_reset(w);
    int first = run(w, WRITE, when);
    if (strcmp(kind, "kill") == 0)
        assert_int_equal(first, KILLED);
    /* A single time-out may be mended within the run; an unplugged adapter never. */
    if (strcmp(kind, "unplug") == 0 && first != 21)
        fail_msg("%s: exit %d instead of 21", when, first);
    if (first == 0) {
        world_expect(w, w->after, when);
        expect_protection(w, when);
    }
    expect_outside(w, when);
    int second = run(w, next, "");
    snprintf(when, sizeof when, "%s@%u, then %s (exit %d, %d)", kind, n,
             undo             ? "undo"
             : next == RESUME ? "resume"
                              : "the same again",
             first, second);
    size_t at;
    if (second == 0)
        world_expect(w, undo ? w->before : w->after, when);
    else if (second != 2 ||
             next == WRITE) /* 2: nothing is recorded, so nothing was changed, or all was done */
        fail_msg("%s %s %s", w->chip, w->route, when);
    else if (first == 0 || !world_flash_is(w, w->before, &at))
        world_expect(w, w->after, when);
    expect_outside(w, when);
    if (second == 0 || w->boots || !in_flash_loader(w))
        expect_protection(w, when);
}

static unsigned points(unsigned total)
{
    const char *text = getenv("CHANGE_POINTS");
    unsigned n = text ? (unsigned)strtoul(text, NULL, 10) : 24;
    return n && n < total ? n : total;
}

static void every_call(const char *chip, const char *route, bool boots)
{
    static const char *const kinds[] = { "unplug", "timeout", "kill" };
    static const enum verb next[] = { RESUME, UNDO, WRITE };
    struct world *w = calloc(1, sizeof *w);
    world_make(w, chip, route);
    w->boots = boots;
    world_reset(w);
    assert_int_equal(run(w, WRITE, ""), 0);
    expect_protection(w, "fault-free write");
    world_expect(w, w->after, "fault-free write");
    assert_int_equal(run(w, UNDO, ""), 0);
    world_expect(w, w->before, "fault-free undo");
    unsigned total = count_calls(w), n = points(total);
    printf("%s %s: %u link calls, %u tried\n", chip, route, total, n);
    for (unsigned i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            break_at(w, kinds[k], 1 + (unsigned)((uint64_t)i * (total - 1) / (n > 1 ? n - 1 : 1)),
                     next[(i + i / 3 + k) % 3]);
    world_free(w);
    free(w);
}

static void spi(void **state)
{
    (void)state;
    every_call("bk7252", "", false);
}

static void uart_bootloader(void **state)
{
    (void)state;
    every_call("bk7252", "uart", false);
}

/* With the application that every device has: it protects the flash at each boot. */
static void uart_bootloader_boots(void **state)
{
    (void)state;
    every_call("bk7252", "uart", true);
}

static void uart_rom(void **state)
{
    (void)state;
    every_call("bk7231n", "uart", false);
}

/* The way back, broken too: 'undo' once more, or 'resume', finishes it. */
static void broken_undo(void **state)
{
    (void)state;
    static const char *const routes[][2] = { { "bk7252", "" }, { "bk7252", "uart" } };
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        struct world *w = calloc(1, sizeof *w);
        unsigned finished = 0;
        world_make(w, routes[i][0], routes[i][1]);
        for (unsigned n = 20; n < 220; n += 12) {
            char when[60];
            world_reset(w);
            assert_int_equal(run(w, WRITE, ""), 0);
            snprintf(when, sizeof when, "kill@%u", n);
            int first = run(w, UNDO, when);
            snprintf(when, sizeof when, "undo, kill@%u, then %s", n, n % 8 ? "undo" : "resume");
            int second = run(w, n % 8 ? UNDO : RESUME, "");
            size_t at;
            if (first == KILLED && second == 2) /* not begun yet */
                assert_true(world_flash_is(w, w->after, &at) || world_flash_is(w, w->before, &at));
            else if (first == KILLED && second && second != 50) /* 50: it was undone already */
                fail_msg("%s: exit %d", when, second);
            else
                world_expect(w, w->before, when);
            finished += first == KILLED && second == 0;
        }
        assert_true(finished > 4);
        world_free(w);
        free(w);
    }
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spi),
        cmocka_unit_test(uart_bootloader),
        cmocka_unit_test(uart_bootloader_boots),
        cmocka_unit_test(uart_rom),
        cmocka_unit_test(broken_undo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
