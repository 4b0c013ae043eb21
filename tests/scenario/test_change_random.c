/* Random writes and erases over the loader that lives in the flash, whose rules are the
 * strictest: link check arms, every checksum protects again, no block erase below 0x20000,
 * nothing below 0x11000.  Not one rule is broken, and after every change the whole flash is
 * what a model says.  CHANGE_PLANS sets how many (default 400), CHANGE_SEED where to begin. */
#include "change_world.h"
#include <unistd.h>

enum {
    SECTOR = 0x1000,
    PER_SESSION = 100,
    RF = 0x7E000,
    RF_END = 0x7F000,
    TAIL = 0x10000,
    LOADER_END = 0x11000
};

struct driver {
    struct world *w;
    uint64_t seed;
    bkf_ctx *ctx;
    bkf_profile *profile;
    bkf_session *session;
    unsigned done, refused, unchanged, violations;
    unsigned long long erases, programs;
};

struct random_plan {
    bkf_change_options o;
    bool refuse; /* must be refused */
    size_t len;  /* of the image */
};

static void on_log(void *ud, int32_t level, const char *who, const char *line)
{
    struct driver *d = ud;
    (void)level;
    if (strstr(line, "protocol violation")) {
        print_error("%s: %s\n", who, line);
        d->violations++;
    }
}

static void open_session(struct driver *d)
{
    bkf_callbacks cb = { .struct_size = sizeof cb, .ud = d, .log = on_log };
    bkf_error err = BKF_ERROR_INIT;
    char image[200], save[200], device[200], seed[40];
    snprintf(image, sizeof image, "image=%s", d->w->flash);
    snprintf(save, sizeof save, "save=%s", d->w->flash);
    snprintf(device, sizeof device, "report=%s/device.json", d->w->dir);
    snprintf(seed, sizeof seed, "seed=%u", 1 + world_random(&d->seed) % 100000);
    const char *options[] = { image, save, device, seed, NULL };
    bkf_open_options o = {
        .struct_size = sizeof o, .route = "uart", .options = options, .attempts = 8
    };
    if (bkf_ctx_new(NULL, &cb, &d->ctx, &err) ||
        bkf_profile_load(d->ctx, d->w->profile, &d->profile, &err) ||
        bkf_open(d->ctx, d->profile, &o, NULL, &d->session, &err))
        fail_msg("%s", err.message);
}

static void close_session(struct driver *d)
{
    bkf_error err = BKF_ERROR_INIT;
    char path[200];
    snprintf(path, sizeof path, "%s/device.json", d->w->dir);
    if (bkf_close(d->session, 0, &err))
        fail_msg("%s", err.message);
    bkf_profile_free(d->profile);
    bkf_ctx_free(d->ctx);
    struct outcome out = { .device = json_load_file(path, 0, NULL) };
    assert_int_equal(counter(&out, "violations"), 0);
    assert_int_equal(d->violations, 0);
    d->erases += (unsigned long long)counter(&out, "erases");
    d->programs += (unsigned long long)counter(&out, "programs");
    outcome_free(&out);
    /* journals and backups of so many changes */
    snprintf(path, sizeof path, "rm -rf %s/state", d->w->dir);
    assert_int_equal(system(path), 0);
}

/* ---- one random plan; before becomes what the flash shall hold ---- */

static bkf_range random_range(struct driver *d)
{
    uint32_t pick = world_random(&d->seed) % 16, start, n;
    start = pick == 0 ? 0 : LOADER_END / SECTOR; /* seldom: too low */
    start += world_random(&d->seed) % (SIZE / SECTOR - start);
    n = 1 + world_random(&d->seed) % (pick < 3 ? 48 : 6);
    if (pick == 1)
        start &= ~15u; /* whole blocks */
    if (start + n > SIZE / SECTOR)
        n = SIZE / SECTOR - start;
    return (bkf_range){ start * SECTOR, (start + n) * SECTOR };
}

static void scribble(struct driver *d, uint8_t *p, size_t len)
{
    for (unsigned k = 1 + world_random(&d->seed) % 3; k; k--) {
        size_t at = world_random(&d->seed) % len, n = 1 + world_random(&d->seed) % 600;
        uint32_t how = world_random(&d->seed) % 4;
        for (size_t i = at; i < at + n && i < len; i++)
            p[i] = how == 0   ? 0xFF
                   : how == 1 ? (uint8_t)(p[i] & world_random(&d->seed))
                              : (uint8_t)world_random(&d->seed);
    }
    if (world_random(&d->seed) % 8 == 0) { /* a whole sector blank */
        size_t at = world_random(&d->seed) % len / SECTOR * SECTOR;
        memset(p + at, 0xFF, len - at < SECTOR ? len - at : SECTOR);
    }
}

static bool overlaps(bkf_range r, uint32_t start, uint32_t end)
{
    return r.start < end && r.end > start;
}

static void random_plan(struct driver *d, struct random_plan *p)
{
    bkf_range r = random_range(d);
    uint8_t *want = d->w->after;
    memset(p, 0, sizeof *p);
    memcpy(want, d->w->before, SIZE);
    p->o = (bkf_change_options){ .struct_size = sizeof p->o, .has_range = 1, .range = r };
    p->len = r.end - r.start;
    if (world_random(&d->seed) % 4 == 0)
        p->o.flags |= BKF_CHANGE_NO_BACKUP;
    if (world_random(&d->seed) % 2)
        p->o.flags |= BKF_CHANGE_PRESERVE_KEEP;
    p->o.kind = world_random(&d->seed) % 6 ? BKF_CHANGE_WRITE : BKF_CHANGE_ERASE;
    if (p->o.kind == BKF_CHANGE_ERASE) {
        memset(want + r.start, 0xFF, p->len);
        if (world_random(&d->seed) % 16 == 0) { /* not aligned */
            p->o.range.start += 0x100;
            p->refuse = true;
        }
    } else {
        scribble(d, want + r.start, p->len);
        if (world_random(&d->seed) % 4 == 0) { /* an image that ends inside a sector */
            size_t cut = world_random(&d->seed) % SECTOR;
            p->len -= cut;
            memset(want + r.start + p->len, 0xFF, cut);
            p->o.flags |= BKF_CHANGE_PAD;
        }
        world_put(d->w->image, want + r.start, p->len);
    }
    /* Two keep areas: the end of the loader's range, and rf. */
    bool preserve = p->o.flags & BKF_CHANGE_PRESERVE_KEEP;
    bool keep = overlaps(r, TAIL, LOADER_END) || overlaps(r, RF, RF_END);
    bool only_keep = (r.start >= TAIL && r.end <= LOADER_END) || (r.start >= RF && r.end <= RF_END);
    /* A request that names a protected byte needs a backup, even if that byte is kept. */
    bool bare = r.start < LOADER_END && (p->o.flags & BKF_CHANGE_NO_BACKUP);
    p->refuse = p->refuse || bare || r.start < TAIL || (keep && !preserve) || only_keep;
    memcpy(want + TAIL, d->w->before + TAIL, LOADER_END - TAIL);
    memcpy(want + RF, d->w->before + RF, RF_END - RF);
}

static void drive(struct driver *d, unsigned i)
{
    struct random_plan p;
    bkf_error err = BKF_ERROR_INIT;
    char when[120];
    random_plan(d, &p);
    bkf_status st = bkf_change(d->session, &p.o, d->w->image, NULL, &err);
    snprintf(when, sizeof when, "plan %u, 0x%x..0x%x", i, p.o.range.start, p.o.range.end);
    if (p.refuse != (st == BKF_E_PROTECTED || st == BKF_E_PARAM) || (st && !p.refuse))
        fail_msg("%s: %s: %s", when, bkf_status_name(st), err.message);
    world_expect(d->w, st ? d->w->before : d->w->after, when);
    d->refused += st != BKF_OK;
    d->unchanged += !st && memcmp(d->w->before, d->w->after, SIZE) == 0;
    d->done++;
    if (!st)
        memcpy(d->w->before, d->w->after, SIZE);
}

static unsigned long number(const char *name, unsigned long usual)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : usual;
}

static void random_plans(void **state)
{
    (void)state;
    unsigned n = (unsigned)number("CHANGE_PLANS", 400);
    struct driver d = { .w = calloc(1, sizeof *d.w), .seed = number("CHANGE_SEED", 1) };
    world_make(d.w, "bk7252", "uart");
    for (unsigned i = 0; i < n; i++) {
        if (i % PER_SESSION == 0)
            open_session(&d);
        drive(&d, i);
        if (i % PER_SESSION == PER_SESSION - 1 || i + 1 == n)
            close_session(&d);
    }
    printf(
        "%u plans: %u refused, %u with nothing to do; %llu erases, %llu programs, no violation\n",
        d.done, d.refused, d.unchanged, d.erases, d.programs);
    assert_true(d.refused < n / 3);
    assert_true(d.erases > n / 4);
    world_free(d.w);
    free(d.w);
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_plans) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
