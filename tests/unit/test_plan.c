/* The planner: examples by hand, then random plans against a byte-by-byte oracle. */
#include "core/session/plan.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

enum { SIZE = 0x40000, SECTOR = 0x1000, PAGE = 256 };

static const bkf_range whole[] = { { 0, SIZE } };

static struct plan_facts facts_default(void)
{
    return (struct plan_facts){
        .size = SIZE,
        .page = PAGE,
        .sector = SECTOR,
        .erased = 0xFF,
        .erasable = whole,
        .n_erasable = 1,
        .programmable = whole,
        .n_programmable = 1,
        .erase_4k_us = 60000,
        .erase_32k_us = 150000,
        .erase_64k_us = 250000,
        .program_page_us = 500,
    };
}

static uint32_t rng(uint64_t *s)
{
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*s >> 33);
}

static void equal_needs_nothing(void **state)
{
    (void)state;
    uint8_t *a = calloc(1, SIZE);
    struct plan_input in = {
        .request = { 0, SIZE }, .target = a, .current = a, .facts = facts_default()
    };
    struct plan p;
    struct diag_list d = { 0 };
    assert_int_equal(plan_make(&in, &p, &d, NULL), BKF_OK);
    assert_int_equal(p.n_steps, 0);
    assert_int_equal(p.equal, SIZE / SECTOR);
    plan_free(&p);
    free(a);
}

static void picks_the_largest_erase(void **state)
{
    (void)state;
    uint8_t *target = calloc(1, SIZE);
    /* 0x1000..0x28000: 15 sectors, one 64K block, one 32K block, nothing else fits. */
    struct plan_input in = { .request = { 0x1000, 0x28000 },
                             .target = target,
                             .facts = facts_default() };
    in.facts.erase_32k_us = 150000;
    struct plan p;
    struct diag_list d = { 0 };
    assert_int_equal(plan_make(&in, &p, &d, NULL), BKF_OK);
    uint32_t count[3] = { 0 };
    for (size_t i = 0; i < p.n_steps; i++)
        if (p.steps[i].kind == STEP_ERASE)
            count[range_len(p.steps[i].range) == 0x10000  ? 2
                  : range_len(p.steps[i].range) == 0x8000 ? 1
                                                          : 0]++;
    assert_int_equal(count[0], 7); /* up to 0x8000, then 32K, 64K, 32K */
    assert_int_equal(count[1], 2);
    assert_int_equal(count[2], 1);
    plan_free(&p);
    free(target);
}

static void refuses_before_io(void **state)
{
    (void)state;
    static const bkf_range upper[] = { { 0x11000, SIZE } };
    static const struct plan_area areas[] = {
        { "bootloader", { 0, 0x11000 }, true, false, "chip.ini:7" },
        { "rf", { 0x3F000, SIZE }, false, true, NULL },
    };
    struct {
        bkf_range r;
        const char *expect;
        bool upper_only;
    } cases[] = {
        { { 0x11800, 0x12000 }, "not aligned", false },
        { { 0x12000, 0x12000 }, "empty", false },
        { { 0x3F000, SIZE + 0x1000 }, "past the end", false },
        { { 0x10000, 0x12000 }, "cannot be erased", true },
        { { 0x10000, 0x12000 }, "chip.ini:7", false },
        { { 0x3E000, SIZE }, "keep", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plan_input in = { .request = cases[i].r, .facts = facts_default() };
        in.facts.areas = areas;
        in.facts.n_areas = ARRAY_LEN(areas);
        if (cases[i].upper_only)
            in.facts.erasable = upper;
        bkf_error err = BKF_ERROR_INIT;
        struct diag_list d = { 0 };
        assert_int_not_equal(plan_check(&in, &d, &err), BKF_OK);
        if (!strstr(err.message, cases[i].expect))
            fail_msg("case %zu: '%s'", i, err.message);
        diag_free(&d);
    }
}

static void allow_and_preserve(void **state)
{
    (void)state;
    static const struct plan_area areas[] = {
        { "bootloader", { 0, 0x11000 }, true, false, NULL },
        { "rf", { 0x3E800, 0x3F800 }, false, true, NULL },
    };
    static const char *const allow[] = { "bootloader", NULL };
    uint8_t *target = calloc(1, SIZE);
    struct plan_input in = { .request = { 0, SIZE },
                             .target = target,
                             .allow = allow,
                             .preserve_keep = true,
                             .facts = facts_default() };
    in.facts.areas = areas;
    in.facts.n_areas = ARRAY_LEN(areas);
    struct plan p;
    struct diag_list d = { 0 };
    assert_int_equal(plan_make(&in, &p, &d, NULL), BKF_OK);
    assert_int_equal(p.n_kept, 1);
    assert_int_equal(p.kept[0].start, 0x3E000);
    assert_int_equal(p.kept[0].end, 0x40000);
    for (size_t i = 0; i < p.n_steps; i++)
        assert_false(range_overlaps(p.steps[i].range, p.kept[0]));
    plan_free(&p);
    free(target);
}

/* Runs a plan on a model of NOR flash: erase sets, program only clears. */
static void execute(const struct plan *p, const struct plan_input *in, uint8_t *flash)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        bkf_range r = p->steps[i].range;
        for (uint32_t at = r.start; at < r.end; at++) {
            size_t off = at - in->request.start;
            uint8_t want = in->target ? in->target[off] : 0xFF;
            flash[at] = p->steps[i].kind == STEP_ERASE ? 0xFF : (uint8_t)(flash[at] & want);
        }
    }
}

struct world {
    uint8_t flash[SIZE], before[SIZE], target[SIZE];
    struct plan_area areas[4];
    bkf_range windows[2];
};

static void random_world(struct world *w, struct plan_input *in, uint64_t *s)
{
    /* Few distinct bytes, so that equal and clear-only sectors happen. */
    uint8_t fill = (uint8_t)(rng(s) & 1 ? 0xFF : rng(s));
    memset(w->flash, fill, SIZE);
    memset(w->target, rng(s) & 1 ? 0xFF : (int)(rng(s) & fill), SIZE);
    for (int k = 0; k < 12; k++) {
        memset(w->flash + rng(s) % (SIZE - 5000), (int)(rng(s) & 0xFF), rng(s) % 5000);
        memset(w->target + rng(s) % (SIZE - 5000), (int)(rng(s) & 0xFF), rng(s) % 5000);
    }
    memcpy(w->before, w->flash, SIZE);
    for (int k = 0; k < 4; k++) {
        uint32_t a = rng(s) % SIZE, len = 1 + rng(s) % 0x6000;
        w->areas[k] = (struct plan_area){ k & 1 ? "boot" : "rf",
                                          { a, a + len > SIZE ? SIZE : a + len },
                                          (k & 1) != 0,
                                          !(k & 1),
                                          NULL };
    }
    w->windows[0] = (bkf_range){ rng(s) % 3 ? 0 : 0x11000, SIZE };
    in->request.start = rng(s) % 64 * SECTOR;
    in->request.end = in->request.start + (1 + rng(s) % 40) * SECTOR;
    if (rng(s) % 16 == 0)
        in->request.end += rng(s) % SECTOR;
    if (in->request.end > SIZE && rng(s) % 8)
        in->request.end = SIZE;
    in->facts = facts_default();
    in->facts.erasable = in->facts.programmable = w->windows;
    in->facts.areas = w->areas;
    in->facts.n_areas = rng(s) % 3 ? 4 : 0;
    if (rng(s) % 2)
        in->facts.erase_32k_us = 0;
    in->facts.erase_first = rng(s) % 4 == 0;
    in->preserve_keep = rng(s) % 2;
    static const char *const allow[] = { "boot", NULL };
    in->allow = rng(s) % 2 ? allow : NULL;
}

static void check_one(struct world *w, struct plan_input *in, const struct plan *p)
{
    execute(p, in, w->flash);
    if (in->facts.erase_first)
        assert_int_equal(p->program_only, 0);
    for (uint32_t at = 0; at < SIZE; at += PAGE) {
        bkf_range page = { at, at + PAGE };
        bool kept = false;
        for (size_t i = 0; i < p->n_kept; i++)
            kept = kept || range_contains(p->kept[i], page);
        bool in_request = range_contains(in->request, page) && !kept;
        const uint8_t *want = in_request ? w->target + at : w->before + at;
        if (memcmp(w->flash + at, want, PAGE) != 0)
            fail_msg("page 0x%x is wrong after the plan", at);
    }
    for (size_t i = 0; i < p->n_steps; i++) {
        bkf_range r = p->steps[i].range;
        assert_true(range_contains(in->request, r));
        assert_true(range_contains(w->windows[0], r));
        assert_int_equal(r.start % PAGE, 0);
        for (size_t a = 0; a < in->facts.n_areas; a++)
            if (range_overlaps(w->areas[a].range, r))
                assert_true(w->areas[a].protect && in->allow);
    }
}

/* PLAN_SEEDS overrides the number, for the long run. */
static void random_plans_touch_nothing_else(void **state)
{
    (void)state;
    const char *text = getenv("PLAN_SEEDS");
    unsigned long seeds = text ? strtoul(text, NULL, 10) : 600, made = 0;
    struct world *w = calloc(1, sizeof *w);
    for (unsigned long seed = 1; seed <= seeds; seed++) {
        uint64_t s = seed;
        struct plan_input in = { .kind = PLAN_WRITE };
        random_world(w, &in, &s);
        if (in.request.end > SIZE || in.request.start >= in.request.end)
            in.current = in.target = NULL; /* must be refused before it looks */
        else {
            in.target = w->target + in.request.start;
            in.current = rng(&s) % 4 ? w->before + in.request.start : NULL;
        }
        struct plan p;
        struct diag_list d = { 0 };
        if (plan_make(&in, &p, &d, NULL) == BKF_OK) {
            made++;
            check_one(w, &in, &p);
        } else {
            assert_int_equal(p.n_steps, 0);
        }
        plan_free(&p);
        diag_free(&d);
    }
    free(w);
    if (made < seeds / 8)
        fail_msg("only %lu of %lu random requests were accepted: the test tests too little", made,
                 seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_needs_nothing),
        cmocka_unit_test(picks_the_largest_erase),
        cmocka_unit_test(refuses_before_io),
        cmocka_unit_test(allow_and_preserve),
        cmocka_unit_test(random_plans_touch_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
