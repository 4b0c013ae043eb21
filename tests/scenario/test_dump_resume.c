/* What is left of an interrupted dump, and what the next run makes of it: the same device goes
 * on, another one is refused with both ids, bytes without a record are replaced and said so. */
#include "core/base/base.h"
#include "harness.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 0x80000 };

/* A die with a unique id, and one without. */
static const char with_id[] = "[profile]\nschema = 1\nkind = board\nname = small\n"
                              "include = chips/bk7252.ini\n"
                              "[adapter]\ndriver = sim\ntransport = spi\n"
                              "[pads]\nCE = cen @ cen\nTCK = sck @ sck\nTMS = cs0 @ cs0\n"
                              "TDI = mosi @ mosi\nTDO = miso @ miso\n"
                              "[flash]\npart = GD25Q41B\njedec = C84013\nsize = 512K\n";
static const char without_id[] = "[profile]\nschema = 1\nkind = board\nname = small\n"
                                 "include = chips/bk7252.ini\n"
                                 "[adapter]\ndriver = sim\ntransport = spi\n"
                                 "[pads]\nCE = cen @ cen\nTCK = sck @ sck\nTMS = cs0 @ cs0\n"
                                 "TDI = mosi @ mosi\nTDO = miso @ miso\n"
                                 "[adapter:uart]\ndriver = sim\ntransport = uart\nbaud = 921600\n"
                                 "[pads:uart]\nP10 = rx @ rx\nP11 = tx @ tx\n"
                                 "[flash]\npart = GD25D40\njedec = 514013\nsize = 512K\n";

static const bkf_read_options whole = { .struct_size = sizeof whole };

static bkf_status dump(struct harness *h, const char *option, char **report, bkf_error *err)
{
    const char *const options[] = { option, NULL };
    return harness_dump(h, options, &whole, "d.bin", report, err);
}

static void clear(const struct harness *h)
{
    static const char *const names[] = { "d.bin", "d.bin.json", "d.bin.part", "d.bin.part.log" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        harness_remove(h, names[i]);
}

static void load(const struct harness *h, const char *name, uint8_t **data, size_t *len)
{
    char path[128];
    assert_int_equal(file_read(harness_path(h, name, path), 1 << 20, data, len, NULL), 0);
}

static void store(const struct harness *h, const char *name, const void *data, size_t len)
{
    char path[128];
    FILE *f = fopen(harness_path(h, name, path), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

/* d.bin is what the undisturbed dump was, and nothing lies beside it but its sidecar. */
static void expect_whole(const struct harness *h, const uint8_t *want, const char *when)
{
    uint8_t *data;
    size_t len;
    load(h, "d.bin", &data, &len);
    if (len != SIZE || memcmp(data, want, SIZE) != 0)
        fail_msg("%s: wrong bytes", when);
    free(data);
    assert_true(harness_has(h, "d.bin.json"));
    assert_false(harness_has(h, "d.bin.part"));
    assert_false(harness_has(h, "d.bin.part.log"));
    clear(h);
}

static uint8_t *open_and_dump(struct harness *h, const char *profile)
{
    bkf_error err;
    uint8_t *data;
    size_t len;
    harness_open(h, NULL, profile);
    if (dump(h, NULL, NULL, &err))
        fail_msg("%s", err.message);
    load(h, "d.bin", &data, &len);
    clear(h);
    return data;
}

/* Unplugged in the second pass: all is read, half is proven. */
static void interrupt(struct harness *h, const char *option)
{
    bkf_error err;
    assert_int_equal(dump(h, option, NULL, &err), BKF_E_LINK_LOST);
    if (!strstr(err.message, "kept as resumable"))
        fail_msg("%s: %s", option, err.message);
    assert_non_null(strstr(err.message, "'bkflash resume'"));
    assert_true(harness_has(h, "d.bin.part"));
    assert_true(harness_has(h, "d.bin.part.log"));
}

/* ---- another device ---- */

static void other_ids(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    bkf_session *s = NULL;
    uint8_t *want = open_and_dump(&h, with_id), *part, *after;
    size_t n, m;
    interrupt(&h, "fault=unplug@68");
    load(&h, "d.bin.part", &part, &n);
    assert_int_equal(dump(&h, "seed=2", NULL, &err), BKF_E_MISMATCH);
    const char *first = strstr(err.message, "unique id ");
    assert_non_null(first);
    const char *second = strstr(first + 1, "unique id ");
    assert_non_null(second);
    assert_true(strncmp(first, second, 42) != 0);
    /* "resume" too */
    const char *const options[] = { "seed=2", NULL };
    bkf_open_options o = { .struct_size = sizeof o, .options = options };
    assert_int_equal(bkf_open(h.ctx, h.profile, &o, NULL, &s, &err), 0);
    assert_int_equal(bkf_resume(s, NULL, &err), BKF_E_MISMATCH);
    assert_non_null(strstr(err.message, "another device"));
    bkf_close(s, 0, NULL);
    /* Nothing of it was touched: the right device finishes it. */
    load(&h, "d.bin.part", &after, &m);
    assert_true(n == m && memcmp(part, after, n) == 0);
    free(part);
    free(after);
    assert_int_equal(dump(&h, NULL, NULL, &err), 0);
    expect_whole(&h, want, "the right device again");
    free(want);
    harness_close(&h);
}

static void other_contents(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    uint8_t *want = open_and_dump(&h, without_id);
    interrupt(&h, "fault=unplug@64");
    assert_int_equal(dump(&h, "seed=2", NULL, &err), BKF_E_MISMATCH);
    assert_non_null(strstr(err.message, "the flash differs at 0x"));
    assert_non_null(strstr(err.message, "remove "));
    /* A wire that flips bits is not another device. */
    if (dump(&h, "fault=flip=1e-5", NULL, &err))
        fail_msg("%s", err.message);
    expect_whole(&h, want, "with bit errors");
    free(want);
    harness_close(&h);
}

/* Stopped before the flash answered: what an earlier run read is still there. */
static void stopped_early(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    uint8_t *want = open_and_dump(&h, without_id), *part, *after;
    size_t n, m;
    interrupt(&h, "fault=unplug@70");
    load(&h, "d.bin.part", &part, &n);
    h.stop_at = 1;
    assert_int_equal(dump(&h, NULL, NULL, &err), BKF_E_CANCELLED);
    h.stop_at = 0;
    assert_non_null(strstr(err.message, "is left as it was"));
    load(&h, "d.bin.part", &after, &m);
    assert_true(n == m && memcmp(part, after, n) == 0);
    free(part);
    free(after);
    assert_int_equal(dump(&h, "fault=unplug@2", NULL, &err), BKF_E_LINK_LOST);
    assert_true(harness_has(&h, "d.bin.part.log"));
    assert_int_equal(dump(&h, NULL, NULL, &err), 0);
    expect_whole(&h, want, "after a false start");
    free(want);
    harness_close(&h);
}

/* ---- records that are torn, damaged, or not of these bytes ---- */

static void torn_logs(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    uint8_t *want = open_and_dump(&h, without_id), *part, *log;
    size_t n, len;
    unsigned resumed = 0;
    interrupt(&h, "fault=unplug@74");
    load(&h, "d.bin.part", &part, &n);
    load(&h, "d.bin.part.log", &log, &len);
    for (size_t cut = len % 3; cut <= len; cut += 3) {
        char *report = NULL, when[40];
        snprintf(when, sizeof when, "log of %zu bytes", cut);
        clear(&h);
        store(&h, "d.bin.part", part, n);
        store(&h, "d.bin.part.log", log, cut);
        if (dump(&h, NULL, &report, &err))
            fail_msg("%s: %s", when, err.message);
        resumed += strstr(report, "\"resumed\":") != NULL;
        bkf_free(report);
        expect_whole(&h, want, when);
    }
    assert_true(resumed > 3);
    free(part);
    free(log);
    free(want);
    harness_close(&h);
}

/* Each is replaced by a new dump, with the reason. */
static void worthless_parts(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    uint8_t *want = open_and_dump(&h, without_id), *part, *log;
    size_t n, len;
    interrupt(&h, "fault=unplug@64");
    load(&h, "d.bin.part", &part, &n);
    load(&h, "d.bin.part.log", &log, &len);
    memcpy(log + len / 2, "{}}{", 4);
    const struct {
        const void *part, *log;
        size_t n, len;
        const char *why;
    } cases[] = { { part, NULL, n, 0, "no record" },
                  { part, log, n, len, "damaged" },
                  { part, "{}\n", n, 3, "damaged" },
                  { "short", NULL, 5, 0, "no record" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clear(&h);
        store(&h, "d.bin.part", cases[i].part, cases[i].n);
        if (cases[i].log)
            store(&h, "d.bin.part.log", cases[i].log, cases[i].len);
        if (dump(&h, NULL, NULL, &err))
            fail_msg("%zu: %s", i, err.message);
        if (!strstr(h.log, "is replaced by a new one") || !strstr(h.log, cases[i].why))
            fail_msg("%zu: nothing is said of '%s': %s", i, cases[i].why, h.log);
        expect_whole(&h, want, "anew");
    }
    free(part);
    free(log);
    free(want);
    harness_close(&h);
}

/* The log promises more than the power cut left. */
static void lost_bytes(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    char path[128];
    uint8_t *want = open_and_dump(&h, without_id), *zero = calloc(1, SIZE);
    interrupt(&h, "fault=unplug@64");
    assert_int_equal(truncate(harness_path(&h, "d.bin.part", path), SIZE / 2), 0);
    if (dump(&h, NULL, NULL, &err))
        fail_msg("%s", err.message);
    assert_non_null(strstr(h.log, "has not the"));
    expect_whole(&h, want, "shorter part");
    interrupt(&h, "fault=unplug@64");
    store(&h, "d.bin.part", zero, SIZE);
    assert_int_equal(dump(&h, NULL, NULL, &err), BKF_E_MISMATCH);
    clear(&h);
    free(zero);
    free(want);
    harness_close(&h);
}

static void other_range(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    uint8_t *want = open_and_dump(&h, without_id);
    bkf_read_options part = { .struct_size = sizeof part,
                              .has_range = 1,
                              .range = { 0x10000, 0x70000 } };
    interrupt(&h, "fault=unplug@64");
    if (harness_dump(&h, NULL, &part, "d.bin", NULL, &err))
        fail_msg("%s", err.message);
    assert_non_null(strstr(h.log, "it is of 0x0..0x80000"));
    clear(&h);
    free(want);
    harness_close(&h);
}

/* ---- full disk ---- */

static void no_more_room(struct harness *h, const bkf_progress *p)
{
    (void)h;
    if (strcmp(p->phase, "read") == 0 && p->done >= SIZE / 2) {
        struct rlimit l = { 0x1000, RLIM_INFINITY };
        setrlimit(RLIMIT_FSIZE, &l);
    }
}

static void full_disk(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    char *report = NULL;
    struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    uint8_t *want = open_and_dump(&h, without_id);
    signal(SIGXFSZ, SIG_IGN);
    h.on_progress = no_more_room;
    bkf_status st = dump(&h, NULL, NULL, &err);
    setrlimit(RLIMIT_FSIZE, &all);
    h.on_progress = NULL;
    assert_int_equal(st, BKF_E_FILE);
    assert_non_null(strstr(err.message, "kept as resumable"));
    assert_false(harness_has(&h, "d.bin"));
    if (dump(&h, NULL, &report, &err))
        fail_msg("%s", err.message);
    assert_non_null(strstr(report, "\"resumed\":"));
    bkf_free(report);
    expect_whole(&h, want, "room again");
    /* from the beginning: nothing was read, nothing is left */
    struct rlimit none = { 0x1000, RLIM_INFINITY };
    setrlimit(RLIMIT_FSIZE, &none);
    st = dump(&h, NULL, NULL, &err);
    setrlimit(RLIMIT_FSIZE, &all);
    assert_int_equal(st, BKF_E_FILE);
    assert_false(harness_has(&h, "d.bin.part"));
    free(want);
    harness_close(&h);
}

/* ---- another route fills the holes ---- */

static void other_route(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    char *report = NULL;
    uint8_t *want = open_and_dump(&h, without_id);
    h.route = "uart";
    assert_int_equal(dump(&h, "read_alias=no", NULL, &err), BKF_E_INCOMPLETE);
    assert_non_null(strstr(err.message, "'bkflash resume'"));
    h.route = NULL;
    if (dump(&h, NULL, &report, &err))
        fail_msg("%s", err.message);
    assert_non_null(strstr(report, "\"complete_backup\":true"));
    assert_non_null(strstr(report, "device CRC and a second pass"));
    bkf_free(report);
    expect_whole(&h, want, "holes filled over SPI");
    free(want);
    harness_close(&h);
}

/* ---- resume ---- */

static bkf_status resume(struct harness *h, char **report, bkf_error *err)
{
    bkf_session *s = NULL;
    *report = NULL;
    *err = (bkf_error)BKF_ERROR_INIT;
    assert_int_equal(bkf_open(h->ctx, h->profile, NULL, NULL, &s, err), 0);
    bkf_status st = bkf_resume(s, report, err);
    bkf_close(s, 0, NULL);
    return st;
}

static void resumes(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    char *report, path[128];
    uint8_t *want = open_and_dump(&h, without_id);
    assert_int_equal(resume(&h, &report, &err), BKF_E_PARAM);
    assert_non_null(strstr(err.message, "nothing to resume"));
    interrupt(&h, "fault=unplug@64");
    assert_int_equal(resume(&h, &report, &err), 0);
    assert_non_null(strstr(report, harness_path(&h, "d.bin", path)));
    bkf_free(report);
    expect_whole(&h, want, "resume");
    assert_int_equal(resume(&h, &report, &err), BKF_E_PARAM);
    /* its files were removed: there is nothing to resume either */
    interrupt(&h, "fault=unplug@64");
    clear(&h);
    assert_int_equal(resume(&h, &report, &err), BKF_E_PARAM);
    /* two of them: which one? */
    interrupt(&h, "fault=unplug@64");
    const char *const options[] = { "fault=unplug@64", NULL };
    assert_int_equal(harness_dump(&h, options, &whole, "e.bin", NULL, &err), BKF_E_LINK_LOST);
    assert_int_equal(resume(&h, &report, &err), BKF_E_PARAM);
    assert_non_null(strstr(err.message, "d.bin"));
    assert_non_null(strstr(err.message, "e.bin"));
    harness_remove(&h, "e.bin.part");
    assert_int_equal(resume(&h, &report, &err), 0);
    bkf_free(report);
    expect_whole(&h, want, "the other one is gone");
    harness_remove(&h, "e.bin.part.log");
    free(want);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_early),   cmocka_unit_test(other_ids),
        cmocka_unit_test(other_contents),  cmocka_unit_test(torn_logs),
        cmocka_unit_test(worthless_parts), cmocka_unit_test(lost_bytes),
        cmocka_unit_test(other_range),     cmocka_unit_test(full_disk),
        cmocka_unit_test(other_route),     cmocka_unit_test(resumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
