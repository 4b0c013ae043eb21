/* What a change must not do: write in a dry run, or begin at all when it cannot hold. */
#include "change_world.h"
#include <unistd.h>

static const char *const write_counters[] = { "programs", "erases", "chip_erases",
                                              "status_writes" };

/* ---- dry runs ---- */

static void no_write_type_io(const struct outcome *out, const char *what)
{
    for (size_t i = 0; i < ARRAY_LEN(write_counters); i++)
        if (counter(out, write_counters[i]))
            fail_msg("%s: %lld %s", what, counter(out, write_counters[i]), write_counters[i]);
}

static void same_plan(const struct outcome *a, const struct outcome *b)
{
    const json_t *x = json_object_get(a->report, "plan"), *y = json_object_get(b->report, "plan");
    assert_non_null(x);
    assert_non_null(y);
    assert_true(json_array_size(json_object_get(x, "steps")) > 5);
    char *p = json_dumps(x, JSON_INDENT(1) | JSON_SORT_KEYS);
    char *q = json_dumps(y, JSON_INDENT(1) | JSON_SORT_KEYS);
    /* the rates are measured while running, the steps are not */
    if (!json_equal(json_object_get(x, "steps"), json_object_get(y, "steps")) ||
        !json_equal(json_object_get(x, "erase_bytes"), json_object_get(y, "erase_bytes")) ||
        !json_equal(json_object_get(x, "program_bytes"), json_object_get(y, "program_bytes")) ||
        !json_equal(json_object_get(x, "kept"), json_object_get(y, "kept")))
        fail_msg("the plans differ:\n%s\n%s", p, q);
    free(p);
    free(q);
}

static void dry_then_real(const char *chip, const char *route)
{
    struct world *w = calloc(1, sizeof *w);
    struct outcome dry, real;
    world_make(w, chip, route);
    world_reset(w);
    bkf_change_options o = { .has_range = 1, .range = { APP, 0 }, .flags = BKF_CHANGE_DRY_RUN };
    /* No application, or it writes the status registers at boot, as real ones do. */
    struct job j = { .verb = WRITE, .change = &o, .options = { "firmware=no", "sr=0x4004" } };
    world_observe(w, &j, &dry);
    assert_int_equal(dry.code, 0);
    no_write_type_io(&dry, "dry run");
    world_expect(w, w->before, "after the dry run");
    assert_string_equal(json_string_value(json_object_get(dry.report, "outcome")), "planned");
    o.flags = 0;
    world_observe(w, &j, &real);
    assert_int_equal(real.code, 0);
    world_expect(w, w->after, "after the real run");
    same_plan(&dry, &real);
    assert_true(counter(&real, "erases") > 0);
    outcome_free(&dry);
    outcome_free(&real);
    world_free(w);
    free(w);
}

static void dry_run_spi(void **state)
{
    (void)state;
    dry_then_real("bk7252", "");
}

static void dry_run_loader(void **state)
{
    (void)state;
    dry_then_real("bk7252", "uart");
}

static void dry_run_rom(void **state)
{
    (void)state;
    dry_then_real("bk7231n", "uart");
}

/* ---- refusals ---- */

struct refusal {
    const char *name;
    enum verb verb;
    bkf_change_options o;
    const char *file;
    int code;
    const char *cause;
    bool before_io; /* not even a reset */
};

static void refuse_one(const struct world *w, const struct refusal *r)
{
    struct job j = { .verb = r->verb, .change = &r->o, .file = r->file };
    struct outcome out;
    world_reset(w);
    world_observe(w, &j, &out);
    printf("%s %s, %s: exit %d: %s\n", w->chip, *w->route ? w->route : "spi", r->name, out.code,
           out.message);
    if (out.code != r->code || !strstr(out.message, r->cause))
        fail_msg("%s: exit %d instead of %d with '%s': %s", r->name, out.code, r->code, r->cause,
                 out.message);
    world_expect(w, w->before, r->name);
    no_write_type_io(&out, r->name);
    if (r->before_io && (counter(&out, "frames") || counter(&out, "resets")))
        fail_msg("%s: %lld resets, %lld frames before it was refused", r->name,
                 counter(&out, "resets"), counter(&out, "frames"));
    outcome_free(&out);
}

static const char *const allow_boot[] = { "bootloader", NULL };

static void refusals(const char *chip, const char *route, const struct refusal *list, size_t n)
{
    struct world *w = calloc(1, sizeof *w);
    world_make(w, chip, route);
    for (size_t i = 0; i < n; i++)
        refuse_one(w, &list[i]);
    world_free(w);
    free(w);
}

static void refuses(void **state)
{
    (void)state;
    static const struct refusal list[] = {
        { "unaligned file",
          WRITE,
          { .has_range = 1, .range = { 0x11800, 0 } },
          NULL,
          2,
          "0x11000 and 0x12000",
          true },
        { "ends inside a sector",
          WRITE,
          { .has_range = 1, .range = { APP, 0 } },
          SOURCE_DIR "/LICENSE",
          2,
          "--pad",
          true },
        { "unaligned",
          ERASE,
          { .has_range = 1, .range = { 0x11800, 0x13000 } },
          NULL,
          2,
          "not aligned",
          true },
        { "past the end",
          WRITE,
          { .has_range = 1, .range = { 0x7C000, 0 } },
          NULL,
          40,
          "fit",
          true },
        { "too large",
          WRITE,
          { .has_range = 1, .range = { APP, APP + 0x4000 }, .label = "app1" },
          NULL,
          40,
          "of app1",
          true },
        { "protected",
          ERASE,
          { .has_range = 1, .range = { 0, 0x2000 } },
          NULL,
          30,
          "--allow-protected bootloader",
          true },
        { "keep",
          ERASE,
          { .has_range = 1, .range = { 0x7D000, 0x7F000 } },
          NULL,
          30,
          "--preserve-keep",
          true },
        { "only keep",
          ERASE,
          { .has_range = 1, .range = { 0x7E000, 0x7F000 }, .flags = BKF_CHANGE_PRESERVE_KEEP },
          NULL,
          30,
          "keep",
          true },
        { "no backup of what is protected",
          ERASE,
          { .has_range = 1,
            .range = { 0, 0x2000 },
            .flags = BKF_CHANGE_NO_BACKUP,
            .allow_protected = allow_boot },
          NULL,
          30,
          "--no-backup",
          true },
        { "trust in nothing",
          WRITE,
          { .has_range = 1, .range = { APP, 0 }, .flags = BKF_CHANGE_TRUST_BACKUP },
          NULL,
          2,
          "--backup",
          true },
        { "no such file",
          WRITE,
          { .has_range = 1, .range = { APP, 0 } },
          "/nonexistent",
          50,
          "/nonexistent",
          true },
    };
    refusals("bk7252", "", list, ARRAY_LEN(list));
    refusals("bk7231n", "uart", list, ARRAY_LEN(list));
    static const struct refusal loader[] = {
        { "below the window",
          ERASE,
          { .has_range = 1, .range = { 0x8000, 0x9000 }, .allow_protected = allow_boot },
          NULL,
          30,
          "use the SPI route",
          true },
    };
    refusals("bk7252", "uart", loader, ARRAY_LEN(loader));
}

/* ---- dumps: of another device, damaged, and with parts out of reach ---- */

static void dump(const struct world *w, const char *path, const char *option)
{
    struct job j = { .verb = DUMP, .file = path, .options = { option } };
    struct outcome out;
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("dump ends with %d: %s", out.code, out.message);
    outcome_free(&out);
}

/* The sidecar with another value at WHERE.KEY. */
static void forge(const char *path, const char *where, const char *key, const char *value)
{
    char side[300];
    snprintf(side, sizeof side, "%s.json", path);
    json_t *doc = json_load_file(side, 0, NULL);
    assert_non_null(doc);
    json_object_set_new(json_object_get(doc, where), key, json_string(value));
    assert_int_equal(json_dump_file(doc, side, 0), 0);
    json_decref(doc);
}

static void bad_backups(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    world_make(w, "bk7252", "");
    char part[200], chip[200], good[200], other[200], bad[200], side[220];
    snprintf(part, sizeof part, "%s/part.bin", w->dir);
    snprintf(chip, sizeof chip, "%s/chip.bin", w->dir);
    snprintf(good, sizeof good, "%s/good.bin", w->dir);
    snprintf(other, sizeof other, "%s/other.bin", w->dir);
    snprintf(bad, sizeof bad, "%s/bad.bin", w->dir);
    dump(w, good, NULL);
    dump(w, other, NULL);
    forge(other, "flash", "unique_id", "00112233445566778899AABBCCDDEEFF");
    dump(w, part, NULL);
    forge(part, "flash", "jedec", "EF4016");
    dump(w, chip, NULL);
    forge(chip, "chip", "name", "BK7231N");
    dump(w, bad, NULL);
    w->before[0x30000] ^= 1;
    world_put(bad, w->before, SIZE);
    w->before[0x30000] ^= 1;
    const struct refusal list[] = {
        { "another device's dump", RESTORE, { 0 }, other, 22, "another device", false },
        { "another part's dump", RESTORE, { 0 }, part, 22, "EF4016", false },
        { "a damaged dump", RESTORE, { 0 }, bad, 50, "sidecar", true },
        { "another device's backup",
          WRITE,
          { .has_range = 1, .range = { APP, 0 }, .backup = other },
          NULL,
          22,
          "another device",
          false },
        { "a damaged backup",
          WRITE,
          { .has_range = 1, .range = { APP, 0 }, .backup = bad },
          NULL,
          50,
          "sidecar",
          true },
        { "no sidecar", RESTORE, { 0 }, w->image, 50, "sidecar", true },
        { "no dump", RESTORE, { 0 }, "/nonexistent", 50, "/nonexistent", true },
        { "another chip's dump", RESTORE, { 0 }, chip, 22, "from a BK7231N", true },
        { "another chip's backup",
          WRITE,
          { .has_range = 1, .range = { APP, 0 }, .backup = chip },
          NULL,
          22,
          "from a BK7231N",
          true },
        { "no backup",
          ERASE,
          { .has_range = 1, .range = { APP, 0x13000 }, .backup = "/nonexistent" },
          NULL,
          50,
          "/nonexistent",
          true },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        refuse_one(w, &list[i]);
    /* A backup of other contents than the flash holds now. */
    world_reset(w);
    world_put(w->flash, w->after, SIZE);
    bkf_change_options o = { .has_range = 1, .range = { APP, APP + APP_LEN }, .backup = good };
    struct job j = { .verb = ERASE, .change = &o };
    struct outcome out;
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 22);
    assert_non_null(strstr(out.message, "has changed since"));
    world_expect(w, w->after, "outdated backup");
    outcome_free(&out);
    snprintf(side, sizeof side, "%s.json", good);
    assert_int_equal(unlink(side), 0);
    world_free(w);
    free(w);
}

/* A whole dump over a loader that lives in the flash: all but the loader, and said so. */
static void restore_leaves_the_loader(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    char path[200];
    world_make(w, "bk7252", "uart");
    snprintf(path, sizeof path, "%s/whole.bin", w->dir);
    dump(w, path, NULL);
    /* What is there now differs on both sides of the boundary. */
    uint8_t *now = malloc(SIZE);
    memcpy(now, w->after, SIZE);
    now[0x8000] = (uint8_t)~w->before[0x8000];
    now[0x40000] = (uint8_t)~w->before[0x40000];
    world_put(w->flash, now, SIZE);
    struct job j = { .verb = RESTORE, .file = path };
    struct outcome out;
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("restore ends with %d: %s", out.code, out.message);
    const json_t *left = json_object_get(out.report, "left_alone");
    assert_int_equal(json_array_size(left), 1);
    left = json_array_get(left, 0);
    assert_int_equal(json_integer_value(json_object_get(left, "start")), 0);
    assert_int_equal(json_integer_value(json_object_get(left, "end")), 0x11000);
    assert_non_null(strstr(json_string_value(json_object_get(left, "reason")), "bootloader"));
    memcpy(now + 0x11000, w->before + 0x11000, SIZE - 0x11000);
    world_expect(w, now, "restore");
    outcome_free(&out);
    free(now);
    world_free(w);
    free(w);
}

/* ---- calibration and MAC ---- */

enum { RF = 0x7E000, RF_LEN = 0x1000, MAC_AT = RF + 0x24 };

static void mac_text(const struct world *w, char out[13])
{
    for (int i = 0; i < 6; i++)
        snprintf(out + 2 * i, 3, "%02x", w->before[MAC_AT + i]);
}

/* No unique id over UART: the MAC names the backup. */
static void backup_bears_the_mac(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct job j = { .verb = WRITE };
    struct outcome out;
    char mac[13];
    world_make(w, "bk7231n", "uart");
    world_reset(w);
    mac_text(w, mac);
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 0);
    const char *path = json_string_value(json_object_get(out.report, "backup"));
    if (!path || !strstr(path, mac))
        fail_msg("backup %s, MAC %s", path ? path : "none", mac);
    char side[300];
    snprintf(side, sizeof side, "%s.json", path);
    json_t *doc = json_load_file(side, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(doc, "mac")), mac);
    json_decref(doc);
    outcome_free(&out);
    /* After the sector with the MAC is lost, the journal is still found. */
    memset(w->after + RF, 0, RF_LEN);
    world_put(w->flash, w->after, SIZE);
    j.verb = UNDO;
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("undo ends with %d: %s", out.code, out.message);
    memset(w->before + RF, 0, RF_LEN);
    world_expect(w, w->before, "undo without a MAC");
    outcome_free(&out);
    world_free(w);
    free(w);
}

static const char *const allow_rf[] = { "rf", NULL };

/* Its own dump, by the MAC; another one's; and one that nothing can be said of. */
static void restore_by_mac(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct outcome out;
    char path[200];
    world_make(w, "bk7231n", "uart");
    world_reset(w);
    snprintf(path, sizeof path, "%s/whole.bin", w->dir);
    dump(w, path, NULL);
    uint8_t *now = malloc(SIZE);
    bkf_change_options o = { 0 };
    struct job j = { .verb = RESTORE, .file = path, .change = &o };
    /* same MAC, other calibration: the dump's comes back */
    memcpy(now, w->before, SIZE);
    now[RF + 0x60] ^= 0x55;
    world_put(w->flash, now, SIZE);
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 0);
    world_expect(w, w->before, "its own dump");
    outcome_free(&out);
    /* another MAC: refused, both named */
    now[MAC_AT + 5] ^= 1;
    world_put(w->flash, now, SIZE);
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 22);
    assert_non_null(strstr(out.message, "another device (MAC "));
    world_expect(w, now, "another one's dump");
    outcome_free(&out);
    /* lost: kept as it is unless it is named */
    memset(now + RF, 0xFF, RF_LEN);
    now[0x40000] ^= 1;
    world_put(w->flash, now, SIZE);
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 0);
    assert_true(json_is_false(json_object_get(out.report, "own_dump")));
    now[0x40000] ^= 1;
    world_expect(w, now, "calibration is kept");
    outcome_free(&out);
    o.allow_protected = allow_rf;
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 0);
    world_expect(w, w->before, "calibration comes back on request");
    outcome_free(&out);
    /* a name is no permission for anything but a restore */
    const struct refusal erase = {
        "named keep area",
        ERASE,
        { .has_range = 1, .range = { RF, RF + RF_LEN }, .allow_protected = allow_rf },
        NULL,
        30,
        "marked keep",
        true
    };
    refuse_one(w, &erase);
    free(now);
    world_free(w);
    free(w);
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dry_run_spi),          cmocka_unit_test(dry_run_loader),
        cmocka_unit_test(dry_run_rom),          cmocka_unit_test(refuses),
        cmocka_unit_test(bad_backups),          cmocka_unit_test(restore_leaves_the_loader),
        cmocka_unit_test(backup_bears_the_mac), cmocka_unit_test(restore_by_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
