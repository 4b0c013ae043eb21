/* What needs no device is refused without one, also where the profile does not know how large
 * the flash is; and what a change leaves behind when there was nothing to change. */
#include "change_world.h"
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the profile then does not say. */
#define DIE "jedec=C84013"

/* The board without [flash]: its size is asked of the device. */
static void forget_size(struct world *w)
{
    uint8_t *text;
    size_t len;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(file_read(w->profile, 4096, &text, &len, NULL), 0);
    char *from = strstr((char *)text, "[flash]"), *to = from ? strstr(from, "[partition") : NULL;
    if (!to) {
        fail_msg("%s has no [flash] before its partitions", w->profile);
        return;
    }
    memmove(from, to, strlen(to) + 1);
    world_put(w->profile, text, strlen((char *)text));
    free(text);
    bkf_profile_free(w->board);
    if (bkf_profile_load(w->ctx, w->profile, &w->board, &err))
        fail_msg("%s", err.message);
}

struct refusal {
    const char *name;
    enum verb verb;
    bkf_change_options o;
    const char *file;
    int code;
    const char *cause;
    bool attached; /* only the device can tell */
};

static void refuse_one(const struct world *w, const struct refusal *r)
{
    struct job j = {
        .verb = r->verb, .change = &r->o, .file = r->file, .options = { DIE, "firmware=no" }
    };
    struct outcome out;
    world_observe(w, &j, &out);
    if (out.code != r->code || !strstr(out.message, r->cause))
        fail_msg("%s: exit %d instead of %d with '%s': %s", r->name, out.code, r->code, r->cause,
                 out.message);
    world_expect(w, w->before, r->name);
    if (!r->attached && (counter(&out, "frames") || counter(&out, "resets")))
        fail_msg("%s: %lld resets, %lld frames before it was refused", r->name,
                 counter(&out, "resets"), counter(&out, "frames"));
    outcome_free(&out);
}

static void without_size(const char *chip, const char *route)
{
    struct world *w = calloc(1, sizeof *w);
    char empty[100];
    world_make(w, chip, route);
    forget_size(w);
    world_reset(w);
    snprintf(empty, sizeof empty, "%s/empty", w->dir);
    world_put(empty, "", 0);
    const bkf_change_options app = { .has_range = 1, .range = { APP, 0 } };
    bkf_change_options far = { .has_range = 1,
                               .range = { 0x7C000, 0 },
                               .flags = BKF_CHANGE_PRESERVE_KEEP };
    bkf_change_options whole = { .kind = BKF_CHANGE_ERASE };
    const struct refusal list[] = {
        { "no such file", WRITE, app, "/nonexistent", 50, "/nonexistent", false },
        { "a folder", WRITE, app, w->dir, 50, w->dir, false },
        { "an empty file", WRITE, app, empty, 40, "is empty", false },
        { "unaligned file",
          WRITE,
          { .has_range = 1, .range = { 0x11800, 0 } },
          NULL,
          2,
          "0x11000 and 0x12000",
          false },
        { "unaligned range",
          ERASE,
          { .has_range = 1, .range = { 0x11800, 0x13000 } },
          NULL,
          2,
          "not aligned",
          false },
        { "protected",
          WRITE,
          { .has_range = 1, .range = { 0, 0 }, .flags = BKF_CHANGE_ANY_IMAGE },
          NULL,
          30,
          "--allow-protected bootloader",
          false },
        { "protected, to the end", ERASE, whole, NULL, 30, "--allow-protected bootloader", false },
        { "no dump", RESTORE, { 0 }, "/nonexistent", 50, "/nonexistent", false },
        { "no sidecar", RESTORE, { 0 }, w->image, 50, "sidecar", false },
        { "no backup",
          WRITE,
          { .has_range = 1, .range = { APP, 0 }, .backup = "/nonexistent" },
          NULL,
          50,
          "/nonexistent",
          false },
        { "past the end", WRITE, far, NULL, 40, "0x80000 bytes", true },
        { "an erase past the end",
          ERASE,
          { .has_range = 1, .range = { 0x70000, 0x90000 }, .flags = BKF_CHANGE_PRESERVE_KEEP },
          NULL,
          2,
          "past the end",
          true },
        { "keep, to the end",
          ERASE,
          { .has_range = 1, .range = { APP, BKF_RANGE_END } },
          NULL,
          30,
          "--preserve-keep",
          false },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        refuse_one(w, &list[i]);
    /* and what holds is done, once the size is known */
    struct outcome out;
    struct job j = { .verb = WRITE, .options = { DIE, "firmware=no" } };
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("%s %s: exit %d: %s", chip, route, out.code, out.message);
    world_expect(w, w->after, "written");
    outcome_free(&out);
    whole.has_range = 1;
    whole.range = (bkf_range){ 0x70000, BKF_RANGE_END };
    whole.flags = BKF_CHANGE_PRESERVE_KEEP;
    j = (struct job){ .verb = ERASE, .change = &whole, .options = { DIE, "firmware=no" } };
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("%s %s: exit %d: %s", chip, route, out.code, out.message);
    memset(w->after + 0x70000, 0xFF, 0xE000);
    memset(w->after + 0x7F000, 0xFF, 0x1000);
    world_expect(w, w->after, "erased to the end");
    outcome_free(&out);
    world_free(w);
    free(w);
}

static void without_size_spi(void **state)
{
    (void)state;
    without_size("bk7252", "");
}

static void without_size_uart(void **state)
{
    (void)state;
    without_size("bk7231n", "uart");
}

/* ---- backups ---- */

static unsigned backups(const struct world *w, bool look)
{
    char dir[200], path[520];
    unsigned n = 0;
    struct stat sb;
    snprintf(dir, sizeof dir, "%s/state/bkflash/backups", w->dir);
    DIR *d = opendir(dir);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        assert_int_equal(stat(path, &sb), 0);
        if (look && (sb.st_mode & 0777) != 0600)
            fail_msg("%s: mode %03o", path, (unsigned)sb.st_mode & 0777);
    }
    if (d)
        closedir(d);
    return n;
}

/* A backup of what did not change is of no use; keys in the others are nobody else's. */
static void backups_kept(void **state)
{
    (void)state;
    static const char *const routes[] = { "", "uart" };
    mode_t mask = umask(022);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        struct world *w = calloc(1, sizeof *w);
        struct outcome out;
        struct job j = { .verb = WRITE, .options = { "firmware=no" } };
        world_make(w, "bk7252", routes[i]);
        world_reset(w);
        world_observe(w, &j, &out);
        assert_int_equal(out.code, 0);
        assert_int_equal(backups(w, true), 2);
        outcome_free(&out);
        for (int k = 0; k < 2; k++) {
            world_observe(w, &j, &out);
            assert_int_equal(out.code, 0);
            assert_string_equal(json_string_value(json_object_get(out.report, "outcome")),
                                "nothing to do");
            assert_true(json_is_null(json_object_get(out.report, "backup")));
            assert_int_equal(backups(w, true), 2);
            outcome_free(&out);
        }
        /* the one of the write is still there for the way back */
        j.verb = UNDO;
        assert_int_equal(world_run(w, &j), 0);
        world_expect(w, w->before, "undo");
        world_free(w);
        free(w);
    }
    umask(mask);
}

/* One that the user named is the user's. */
static void named_backup_stays(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    char path[100];
    world_make(w, "bk7252", "");
    world_reset(w);
    world_put(w->flash, w->after, SIZE);
    snprintf(path, sizeof path, "%s/own.bin", w->dir);
    struct job dump = { .verb = DUMP, .file = path, .options = { "firmware=no" } };
    assert_int_equal(world_run(w, &dump), 0);
    bkf_change_options o = { .has_range = 1, .range = { APP, 0 }, .backup = path };
    struct job j = { .verb = WRITE, .change = &o, .options = { "firmware=no" } };
    struct outcome out;
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 0);
    assert_string_equal(json_string_value(json_object_get(out.report, "outcome")), "nothing to do");
    assert_true(file_exists(path));
    outcome_free(&out);
    world_free(w);
    free(w);
}

/* ---- dumps with holes ---- */

static void add_holes(const char *path)
{
    char side[120];
    snprintf(side, sizeof side, "%s.json", path);
    json_t *doc = json_load_file(side, 0, NULL);
    assert_non_null(doc);
    json_object_set_new(doc, "holes",
                        json_pack("[{s:i, s:i}, {s:i, s:i}]", "start", 0x13000, "end", 0x14000,
                                  "start", 0x14800, "end", 0x14801));
    json_object_set_new(doc, "hole_reason", json_string("out of its reach"));
    assert_int_equal(json_dump_file(doc, side, 0), 0);
    json_decref(doc);
}

/* What the dump does not have stays as it is, is said, and is not among what is right. */
static void holes(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    char path[100];
    world_make(w, "bk7252", "");
    world_reset(w);
    snprintf(path, sizeof path, "%s/own.bin", w->dir);
    struct job dump = { .verb = DUMP, .file = path, .options = { "firmware=no" } };
    assert_int_equal(world_run(w, &dump), 0);
    add_holes(path);
    memset(w->after + 0x13000, 0x5A, 0x1000);
    w->after[0x14123] ^= 1;
    world_put(w->flash, w->after, SIZE);
    struct job j = { .verb = RESTORE, .file = path, .options = { "firmware=no" } };
    struct outcome out;
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("exit %d: %s", out.code, out.message);
    memcpy(w->before + 0x13000, w->after + 0x13000, 0x2000);
    world_expect(w, w->before, "restored but for the holes");
    const json_t *left = json_object_get(out.report, "left_alone");
    assert_int_equal(json_array_size(left), 1);
    left = json_array_get(left, 0);
    assert_int_equal(json_integer_value(json_object_get(left, "start")), 0x13000);
    assert_int_equal(json_integer_value(json_object_get(left, "end")), 0x15000);
    assert_non_null(strstr(json_string_value(json_object_get(left, "reason")), "out of its reach"));
    const json_t *plan = json_object_get(out.report, "plan");
    json_int_t sum = 0;
    static const char *const kinds[] = { "sectors_equal", "sectors_program_only",
                                         "sectors_erase_program", "sectors_erase_only" };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        sum += json_integer_value(json_object_get(plan, kinds[i]));
    assert_int_equal(sum, SIZE / 0x1000 - 2);
    outcome_free(&out);
    world_free(w);
    free(w);
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_size_spi),
        cmocka_unit_test(without_size_uart),
        cmocka_unit_test(backups_kept),
        cmocka_unit_test(named_backup_stays),
        cmocka_unit_test(holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
