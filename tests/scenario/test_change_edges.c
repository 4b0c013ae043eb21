/* Partitions that meet inside a sector, as code does in some layouts: each is written and erased
 * alone, the bytes of the other come out of it as they were, however the job ends.
 *
 * EDGE_POINTS sets at how many link calls a job is killed (default 10). */
#include "change_world.h"
#include <unistd.h>

/* Code at APP, MEET in the middle of a sector, more of it up to END, also inside a sector. */
enum { MEET = 0x14B70, END = 0x18390 };

struct case_ {
    const char *name;
    enum verb verb;
    bkf_change_options o;
    uint32_t len; /* of the file */
};

static const struct case_ cases[] = {
    { "the first", WRITE, { .has_range = 1, .range = { APP, MEET }, .label = "a" }, MEET - APP },
    { "a short first", WRITE, { .has_range = 1, .range = { APP, MEET }, .label = "a" }, 0x3A00 },
    { "the second", WRITE, { .has_range = 1, .range = { MEET, END }, .label = "b" }, END - MEET },
    { "a range", WRITE, { .has_range = 1, .range = { APP, MEET } }, MEET - APP },
    { "no first", ERASE, { .has_range = 1, .range = { APP, MEET }, .label = "a" }, 0 },
    { "no second", ERASE, { .has_range = 1, .range = { MEET, END }, .label = "b" }, 0 },
};

/* Whatever is not wanted is random, so that nothing of it is right by chance. */
static void prepare(struct world *w, const struct case_ *k)
{
    uint64_t seed = 5;
    const bkf_range r = k->o.range;
    uint32_t end = r.start + k->len, pad = end + 0xFFF - (end + 0xFFF) % 0x1000;
    for (uint32_t i = APP; i < 0x1A000; i++)
        w->before[i] = (uint8_t)world_random(&seed);
    memset(w->before + 0x12000, 0xFF, 0x800); /* bits to be cleared only, too */
    memcpy(w->after, w->before, SIZE);
    for (uint32_t i = r.start; i < end; i++)
        w->after[i] = (uint8_t)world_random(&seed);
    world_put(w->image, w->after + r.start, k->len);
    if (k->verb == ERASE)
        memset(w->after + r.start, 0xFF, r.end - r.start);
    else if (end < r.end) /* its last sector is filled up, as far as it is its own */
        memset(w->after + end, 0xFF, (pad < r.end ? pad : r.end) - end);
    world_reset(w);
}

static void run(const struct world *w, const struct job *j, const uint8_t *want, const char *when)
{
    struct outcome out;
    world_observe(w, j, &out);
    if (out.code)
        fail_msg("%s %s %s: exit %d: %s", w->chip, w->route, when, out.code, out.message);
    world_expect(w, want, when);
    outcome_free(&out);
}

static void planned_and_done(struct world *w, const struct case_ *k)
{
    struct outcome dry, real;
    bkf_change_options o = k->o;
    struct job j = { .verb = k->verb, .change = &o, .options = { "firmware=no" } };
    o.flags = BKF_CHANGE_DRY_RUN;
    world_observe(w, &j, &dry);
    assert_int_equal(dry.code, 0);
    world_expect(w, w->before, "after the dry run");
    assert_int_equal(counter(&dry, "erases") + counter(&dry, "programs"), 0);
    o.flags = 0;
    world_observe(w, &j, &real);
    if (real.code)
        fail_msg("%s %s %s: exit %d: %s", w->chip, w->route, k->name, real.code, real.message);
    world_expect(w, w->after, k->name);
    const json_t *a = json_object_get(dry.report, "plan"),
                 *b = json_object_get(real.report, "plan");
    assert_true(json_array_size(json_object_get(a, "steps")) > 1);
    assert_true(json_equal(json_object_get(a, "steps"), json_object_get(b, "steps")));
    assert_true(json_array_size(json_object_get(real.report, "shared")) > 0);
    outcome_free(&dry);
    outcome_free(&real);
    run(w, &(struct job){ .verb = UNDO, .options = { "firmware=no" } }, w->before, "undo");
}

/* Killed on the way: whatever the sector holds by then, its other half is in the journal. */
static unsigned killed(struct world *w, const struct case_ *k, unsigned n, enum verb next)
{
    char fault[40], when[100];
    struct job first = {
        .verb = k->verb, .change = &k->o, .options = { "firmware=no", fault }, .broken = true
    };
    struct job then = { .verb = next, .change = &k->o, .options = { "firmware=no" } };
    world_reset(w);
    snprintf(fault, sizeof fault, "fault=kill@%u", n);
    if (world_run(w, &first) != KILLED)
        return 0;
    snprintf(when, sizeof when, "%s, kill@%u, then %d", k->name, n, (int)next);
    size_t at;
    int code = world_run(w, &then);
    if (code == 2 && next != k->verb) { /* nothing had begun, or it was done */
        assert_true(world_flash_is(w, w->before, &at) || world_flash_is(w, w->after, &at));
        return 1;
    }
    if (code)
        fail_msg("%s %s %s: exit %d", w->chip, w->route, when, code);
    world_expect(w, next == UNDO ? w->before : w->after, when);
    return 1;
}

static void all(const char *chip, const char *route)
{
    struct world *w = calloc(1, sizeof *w);
    const char *text = getenv("EDGE_POINTS");
    unsigned points = text ? (unsigned)strtoul(text, NULL, 10) : 10;
    world_make(w, chip, route);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct case_ *k = &cases[i];
        prepare(w, k);
        planned_and_done(w, k);
        unsigned end = 64, did = 0;
        while (killed(w, k, end, k->verb))
            end *= 2;
        for (unsigned p = 1; p <= points; p++) {
            const enum verb next[] = { k->verb, RESUME, UNDO };
            did += killed(w, k, end * p / points, next[p % 3]);
        }
        printf("%s %s, %s: killed %u times\n", chip, route, k->name, did);
        assert_true(did * 3 > points);
    }
    world_free(w);
    free(w);
}

static void spi(void **state)
{
    (void)state;
    all("bk7252", "");
}

static void uart_rom(void **state)
{
    (void)state;
    all("bk7231n", "uart");
}

static void uart_loader(void **state)
{
    (void)state;
    all("bk7252", "uart");
}

/* What 'read -P' took goes back the same way. */
static void restores(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    bkf_change_options o = { .has_range = 1, .range = { MEET, END } };
    uint64_t seed = 9;
    char path[100];
    world_make(w, "bk7252", "");
    prepare(w, &cases[2]);
    snprintf(path, sizeof path, "%s/part.bin", w->dir);
    run(w, &(struct job){ .verb = DUMP, .change = &o, .file = path, .options = { "firmware=no" } },
        w->before, "read");
    for (uint32_t i = APP; i < 0x1A000; i++)
        w->after[i] = (uint8_t)world_random(&seed);
    world_put(w->flash, w->after, SIZE);
    memcpy(w->after + MEET, w->before + MEET, END - MEET);
    run(w, &(struct job){ .verb = RESTORE, .file = path, .options = { "firmware=no" } }, w->after,
        "restore");
    world_free(w);
    free(w);
}

/* Bits flip on the wires: what goes back was read twice alike, or nothing is changed. */
static void noise(void **state)
{
    (void)state;
    enum { SEEDS = 30, FROM = MEET - MEET % 0x1000 };
    struct world *w = calloc(1, sizeof *w);
    bkf_change_options o = { .has_range = 1, .range = { FROM, MEET }, .label = "a" };
    unsigned done = 0;
    world_make(w, "bk7252", "");
    prepare(w, &cases[0]);
    memcpy(w->after, w->before, SIZE);
    memset(w->after + FROM, 0xFF, MEET - FROM);
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        char flips[40];
        struct outcome out;
        snprintf(flips, sizeof flips, "fault_seed=%u", seed);
        struct job j = { .verb = ERASE,
                         .change = &o,
                         .options = { "firmware=no", "fault=flip=6e-6", flips },
                         .broken = true };
        world_reset(w);
        world_observe(w, &j, &out);
        if (out.code == 0) {
            world_expect(w, w->after, flips);
            done++;
        }
        outcome_free(&out);
    }
    printf("%u of %u done\n", done, (unsigned)SEEDS);
    assert_true(done > SEEDS / 2);
    world_free(w);
    free(w);
}

/* What else lies in the sector is under the rules that it has. */
static void keeps(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct outcome out;
    world_make(w, "bk7252", "");
    world_reset(w);
    bkf_change_options o = { .has_range = 1, .range = { 0x7C000, 0x7E800 }, .label = "a" };
    struct job j = { .verb = ERASE, .change = &o, .options = { "firmware=no" } };
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 30);
    assert_non_null(strstr(out.message, "rf ("));
    world_expect(w, w->before, "a sector of a keep partition");
    outcome_free(&out);
    /* a range that nothing stands for is taken as it is */
    o.label = NULL;
    o.range = (bkf_range){ APP, MEET };
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 2);
    assert_non_null(strstr(out.message, "not aligned"));
    outcome_free(&out);
    world_free(w);
    free(w);
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spi),      cmocka_unit_test(uart_rom), cmocka_unit_test(uart_loader),
        cmocka_unit_test(restores), cmocka_unit_test(noise),    cmocka_unit_test(keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
