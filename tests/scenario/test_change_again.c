/* Going on and going back: resume and undo touch what the journal says, on the device that it
 * is about, and nothing is lost on the way. */
#include "change_world.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum { RF = 0x7E000, SECTOR = 0x1000, KEPT = APP + 0x7000 };

static const char *const no_ids[] = { "firmware=no", "uid=0", NULL };

/* A file of the journal folder, by how its name ends; "" = there is none. */
static const char *in_journal(const struct world *w, const char *ending, char path[300])
{
    char dir[160];
    snprintf(dir, sizeof dir, "%s/state/bkflash/journal", w->dir);
    DIR *d = opendir(dir);
    path[0] = '\0';
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name), k = strlen(ending);
        if (n > k && strcmp(e->d_name + n - k, ending) == 0)
            snprintf(path, 300, "%s/%s", dir, e->d_name);
    }
    if (d)
        closedir(d);
    return path;
}

static int run(const struct world *w, enum verb verb, const char *const *options, const char *fault)
{
    char text[40];
    struct job j = { .verb = verb, .broken = fault != NULL };
    size_t n = 0;
    for (; options && options[n]; n++)
        j.options[n] = options[n];
    if (fault) {
        snprintf(text, sizeof text, "fault=%s", fault);
        j.options[n] = text;
    }
    return world_run(w, &j);
}

static void expect(const struct world *w, enum verb verb, const char *const *options, int code,
                   const char *says)
{
    struct job j = { .verb = verb };
    struct outcome out;
    for (size_t n = 0; options && options[n]; n++)
        j.options[n] = options[n];
    world_observe(w, &j, &out);
    if (out.code != code || (says && !strstr(out.message, says)))
        fail_msg("exit %d instead of %d with '%s': %s", out.code, code, says ? says : "",
                 out.message);
    outcome_free(&out);
}

static struct world *world_new(const char *chip, const char *route)
{
    struct world *w = calloc(1, sizeof *w);
    world_make(w, chip, route);
    world_reset(w);
    return w;
}

static void world_end(struct world *w)
{
    world_free(w);
    free(w);
}

static void fill_random(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)world_random(&seed);
}

/* ---- undo ---- */

/* What the write left as it was may have become something else since. */
static void undo_leaves_alone(const char *chip, const char *route)
{
    struct world *w = world_new(chip, route);
    uint8_t image[0x10000];
    char path[160];
    fill_random(image, sizeof image, 3);
    memcpy(image + 0x1000, w->before + 0x71000, SECTOR); /* equal: not touched */
    snprintf(path, sizeof path, "%s/end.bin", w->dir);
    world_put(path, image, sizeof image);
    bkf_change_options o = { .has_range = 1,
                             .range = { 0x70000, 0x80000 },
                             .flags = BKF_CHANGE_PRESERVE_KEEP };
    struct job j = { .verb = WRITE, .change = &o, .file = path };
    assert_int_equal(world_run(w, &j), 0);
    uint8_t *now;
    size_t len;
    assert_int_equal(file_read(w->flash, SIZE, &now, &len, NULL), 0);
    assert_memory_equal(now + RF, w->before + RF, SECTOR);
    /* The application works: calibration anew, and a sector of its own. */
    now[RF + 0x60] ^= 0x5A;
    fill_random(now + 0x71000, SECTOR, 4);
    world_put(w->flash, now, SIZE);
    w->before[RF + 0x60] ^= 0x5A;
    memcpy(w->before + 0x71000, now + 0x71000, SECTOR);
    assert_int_equal(run(w, UNDO, NULL, NULL), 0);
    world_expect(w, w->before, "undo");
    free(now);
    world_end(w);
}

static void undo_leaves_alone_spi(void **state)
{
    (void)state;
    undo_leaves_alone("bk7252", "");
}

static void undo_leaves_alone_rom(void **state)
{
    (void)state;
    undo_leaves_alone("bk7231n", "uart");
}

/* What came after the write is on no file yet. */
static void undo_saves(const char *chip, const char *route)
{
    struct world *w = world_new(chip, route);
    struct job j = { .verb = UNDO };
    struct outcome out;
    assert_int_equal(run(w, WRITE, NULL, NULL), 0);
    memcpy(w->after + APP + 0x3000, w->before, SECTOR); /* as an update would */
    w->after[APP + 0x3000] ^= 0x11;
    world_put(w->flash, w->after, SIZE);
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("exit %d: %s", out.code, out.message);
    const char *path = json_string_value(json_object_get(out.report, "backup"));
    assert_non_null(path);
    uint8_t *saved;
    size_t len;
    assert_int_equal(file_read(path, SIZE, &saved, &len, NULL), 0);
    uint32_t start = (uint32_t)json_integer_value(
        json_object_get(json_array_get(json_object_get(out.report, "read"), 0), "start"));
    assert_true(start <= APP + 0x3000 && start + len >= APP + 0x4000);
    assert_memory_equal(saved + (APP + 0x3000 - start), w->after + APP + 0x3000, SECTOR);
    world_expect(w, w->before, "undo");
    free(saved);
    outcome_free(&out);
    world_end(w);
}

static void undo_saves_spi(void **state)
{
    (void)state;
    undo_saves("bk7252", "");
}

static void undo_saves_uart(void **state)
{
    (void)state;
    undo_saves("bk7252", "uart");
}

/* The backup is enough to go back. */
static void undo_needs_no_target(void **state)
{
    (void)state;
    struct world *w = world_new("bk7252", "");
    char path[300];
    assert_int_equal(run(w, WRITE, NULL, "kill@120"), KILLED);
    assert_int_equal(unlink(in_journal(w, ".target", path)), 0);
    expect(w, RESUME, NULL, 50, "'bkflash undo' puts the old contents back");
    assert_int_equal(run(w, UNDO, NULL, NULL), 0);
    world_expect(w, w->before, "undo without the target");
    world_end(w);
}

/* ---- the same device? ---- */

/* Neither a unique id nor a MAC: the contents tell. */
static void break_late(const struct world *w)
{
    char fault[40];
    size_t at;
    for (unsigned n = 1200; n; n -= 10) {
        world_reset(w);
        snprintf(fault, sizeof fault, "kill@%u", n);
        if (run(w, WRITE, no_ids, fault) == KILLED && !world_flash_is(w, w->before, &at) &&
            !world_flash_is(w, w->after, &at))
            return;
    }
    fail_msg("%s %s: no kill left half a change", w->chip, w->route);
}

static void other_device(const char *chip, const char *route)
{
    struct world *w = world_new(chip, route);
    uint8_t *other = malloc(SIZE), *half;
    size_t len;
    memset(w->before + RF, 0xFF, SECTOR); /* no calibration, no MAC */
    memset(w->after + RF, 0xFF, SECTOR);
    memcpy(other, w->before, SIZE);
    fill_random(other + APP, APP_LEN, 9);
    break_late(w);
    assert_int_equal(file_read(w->flash, SIZE, &half, &len, NULL), 0);
    world_put(w->flash, other, SIZE);
    expect(w, RESUME, no_ids, 22, "not the device");
    world_expect(w, other, "resume on another device");
    expect(w, UNDO, no_ids, 22, "not the device");
    world_expect(w, other, "undo on another device");
    expect(w, WRITE, no_ids, 22, "not the device"); /* the same job again */
    world_expect(w, other, "the same job on another device");
    world_put(w->flash, half, SIZE);
    expect(w, RESUME, no_ids, 0, NULL);
    world_expect(w, w->after, "resume on the right one");
    /* and once it is finished */
    world_put(w->flash, other, SIZE);
    expect(w, UNDO, no_ids, 22, "not the device");
    world_expect(w, other, "undo of a finished change on another device");
    world_put(w->flash, w->after, SIZE);
    expect(w, UNDO, no_ids, 0, NULL);
    world_expect(w, w->before, "undo on the right one");
    free(half);
    free(other);
    world_end(w);
}

static void other_device_spi(void **state)
{
    (void)state;
    other_device("bk7252", "");
}

static void other_device_loader(void **state)
{
    (void)state;
    other_device("bk7252", "uart");
}

static void other_device_rom(void **state)
{
    (void)state;
    other_device("bk7231n", "uart");
}

/* ---- journals ---- */

static void damaged_journals(void **state)
{
    (void)state;
    struct world *w = world_new("bk7252", "");
    char path[300];
    uint8_t *text, *half;
    size_t len, size;
    assert_int_equal(run(w, WRITE, NULL, "kill@120"), KILLED);
    in_journal(w, ".journal", path);
    assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), 0);
    assert_int_equal(file_read(w->flash, SIZE, &half, &size, NULL), 0);
    const char extra[] = "{\"begin\":[135168,139264]}\n{\"done\":true}\n";
    char *longer = malloc(len + sizeof extra);
    memcpy(longer, text, len);
    memcpy(longer + len, extra, sizeof extra - 1);
    const struct {
        const char *text;
        size_t len;
    } bad[] = {
        { "", 0 }, { "garbage\n", 8 }, { (char *)text, 40 }, { longer, len + sizeof extra - 1 }
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        world_put(path, bad[i].text, bad[i].len);
        static const enum verb verbs[] = { RESUME, UNDO, WRITE };
        for (size_t k = 0; k < ARRAY_LEN(verbs); k++)
            expect(w, verbs[k], NULL, 50, "delete it");
        world_expect(w, half, "with a damaged journal");
    }
    world_put(path, text, len);
    expect(w, RESUME, NULL, 0, NULL);
    world_expect(w, w->after, "with the journal mended");
    free(longer);
    free(half);
    free(text);
    world_end(w);
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct world *w = world_new("bk7252", "");
    char path[300];
    assert_int_equal(run(w, WRITE, NULL, "kill@120"), KILLED);
    int fd = open(in_journal(w, ".journal", path), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    static const enum verb verbs[] = { RESUME, UNDO, WRITE };
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        expect(w, verbs[i], NULL, 12, "another bkflash");
    close(fd);
    expect(w, RESUME, NULL, 0, NULL);
    world_expect(w, w->after, "resume");
    world_end(w);
}

/* A die whose registers are locked is refused before anything changes: nothing to resume. */
static void refusal_leaves_no_journal(void **state)
{
    (void)state;
    struct world *w = world_new("bk7252", "");
    static const char *const locked[] = { "firmware=no", "sr=0x0184", NULL };
    char path[300];
    expect(w, WRITE, locked, 30, NULL);
    world_expect(w, w->before, "refused");
    assert_string_equal(in_journal(w, ".journal", path), "");
    assert_string_equal(in_journal(w, ".target", path), "");
    unlink(w->status);
    expect(w, ERASE, NULL, 2, NULL); /* no range given: not "unfinished" */
    expect(w, WRITE, NULL, 0, NULL);
    world_end(w);
}

/* A dry run is refused as the real one would be. */
static void dry_run_sees_the_journal(void **state)
{
    (void)state;
    struct world *w = world_new("bk7252", "");
    struct outcome out;
    assert_int_equal(run(w, WRITE, NULL, "kill@120"), KILLED);
    bkf_change_options o = { .has_range = 1,
                             .range = { APP, APP + 0x1000 },
                             .flags = BKF_CHANGE_DRY_RUN };
    struct job j = { .verb = ERASE, .change = &o };
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 12);
    assert_non_null(strstr(out.message, "unfinished"));
    outcome_free(&out);
    o.range.end = 0; /* the same job would go on */
    j.verb = WRITE;
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 0);
    outcome_free(&out);
    expect(w, RESUME, NULL, 0, NULL);
    world_expect(w, w->after, "resume after a dry run");
    world_end(w);
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undo_leaves_alone_spi),
        cmocka_unit_test(undo_leaves_alone_rom),
        cmocka_unit_test(undo_saves_spi),
        cmocka_unit_test(undo_saves_uart),
        cmocka_unit_test(undo_needs_no_target),
        cmocka_unit_test(other_device_spi),
        cmocka_unit_test(other_device_loader),
        cmocka_unit_test(other_device_rom),
        cmocka_unit_test(damaged_journals),
        cmocka_unit_test(one_process_at_a_time),
        cmocka_unit_test(refusal_leaves_no_journal),
        cmocka_unit_test(dry_run_sees_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
