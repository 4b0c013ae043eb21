/* test_unplug.c - the adapter is pulled out at link call N, for every N of a whole dump of a
 * small flash: never a file that looks complete, always "link lost".  What was read is kept
 * with its log, and the next run goes on with it. */
#include "core/base/base.h"
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char board[] = "[profile]\nschema = 1\nkind = board\nname = small\n"
                            "include = chips/bk7252.ini\n"
                            "[adapter]\ndriver = sim\ntransport = spi\n"
                            "[pads]\nCE = cen @ cen\nTCK = sck @ sck\nTMS = cs0 @ cs0\n"
                            "TDI = mosi @ mosi\nTDO = miso @ miso\n"
                            "[flash]\npart = GD25D40\njedec = 514013\nsize = 512K\n";

/* The simulated device saw no breach of its rules. */
static bool report_clean(const struct harness *h)
{
    char path[128], text[4096] = "";
    FILE *f = fopen(harness_path(h, "report", path), "r");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    harness_remove(h, "report");
    return strstr(text, "\"violations\":0") != NULL;
}

static void read_whole(const struct harness *h, const char *name, uint8_t **data, size_t *len)
{
    char path[128];
    assert_int_equal(file_read(harness_path(h, name, path), 1 << 20, data, len, NULL), 0);
}

/* What is left of an interrupted dump: nothing, or bytes with a log that the same command goes
 * on with.  *resumed counts those. */
static void go_on(struct harness *h, const bkf_read_options *ro, const char *whole,
                  const char *when, unsigned *resumed)
{
    bkf_error err;
    uint8_t *a, *b;
    size_t n, m;
    char *report = NULL;
    bool kept = harness_has(h, "d.bin.part");
    assert_int_equal(kept, harness_has(h, "d.bin.part.log"));
    assert_false(harness_has(h, "d.bin"));
    if (!kept)
        return;
    if (harness_dump(h, NULL, ro, "d.bin", &report, &err))
        fail_msg("%s, then once more: %s", when, err.message);
    assert_non_null(strstr(report, "\"resumed\":"));
    bkf_free(report);
    assert_false(harness_has(h, "d.bin.part"));
    assert_false(harness_has(h, "d.bin.part.log"));
    read_whole(h, "d.bin", &a, &n);
    read_whole(h, whole, &b, &m);
    if (n != m || memcmp(a, b, n) != 0)
        fail_msg("%s, then once more: wrong bytes", when);
    free(a);
    free(b);
    ++*resumed;
}

static void unplug(const char *kind, bkf_status want)
{
    struct harness h;
    char fault[40], report[160], path[128];
    const char *const options[] = { fault, report, NULL };
    bkf_status st = want;
    unsigned n = 0, resumed = 0;
    bkf_error whole_err;
    bkf_read_options whole = { .struct_size = sizeof whole };
    harness_open(&h, NULL, board);
    assert_int_equal(harness_dump(&h, NULL, &whole, "whole.bin", NULL, &whole_err), 0);
    snprintf(report, sizeof report, "report=%s", harness_path(&h, "report", path));
    while (st == want && n++ < 5000) {
        bkf_error err;
        bkf_read_options ro = { .struct_size = sizeof ro };
        snprintf(fault, sizeof fault, "fault=%s@%u", kind, n);
        st = harness_dump(&h, options, &ro, "d.bin", NULL, &err);
        bool clean = report_clean(&h);
        if (!clean)
            fail_msg("%s: the device was treated against its rules", fault);
        if (!st)
            break;
        if (st != want || !err.message[0])
            fail_msg("%s: %s: %s", fault, bkf_status_name(st), err.message);
        /* Letting go of the target comes after the dump is finished and in place. */
        if (!harness_has(&h, "d.bin"))
            go_on(&h, &ro, "whole.bin", fault, &resumed);
        if (harness_has(&h, "d.bin")) {
            assert_true(harness_has(&h, "d.bin.json"));
            harness_remove(&h, "d.bin");
            harness_remove(&h, "d.bin.json");
        }
    }
    assert_int_equal(st, BKF_OK);
    assert_true(n > 60); /* it did start, read twice and stop */
    print_message("%s: %u link calls, %u resumed\n", kind, n - 1, resumed);
    assert_true(resumed > 10);
    harness_remove(&h, "whole.bin");
    harness_remove(&h, "whole.bin.json");
    harness_remove(&h, "d.bin");
    harness_remove(&h, "d.bin.json");
    harness_close(&h);
}

static void test_unplug_everywhere(void **state)
{
    (void)state;
    unplug("unplug", BKF_E_LINK_LOST);
}

/* One call that times out is repeated, or ends the job; a dump that succeeds is right. */
static void test_single_timeout_everywhere(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    unsigned worked = 0;
    harness_open(&h, NULL, board);
    bkf_read_options ro = { .struct_size = sizeof ro };
    for (unsigned n = 1; n < 400; n += 7) {
        char fault[40], path[128];
        const char *const options[] = { fault, NULL };
        bkf_session *s = NULL;
        snprintf(fault, sizeof fault, "fault=timeout@%u", n);
        bkf_status st = harness_dump(&h, options, &ro, "d.bin", NULL, &err);
        assert_int_equal(harness_has(&h, "d.bin"), harness_has(&h, "d.bin.json"));
        if (!harness_has(&h, "d.bin") && st != BKF_E_NO_LINK && st != BKF_E_LINK_LOST)
            fail_msg("%s: %s: %s", fault, bkf_status_name(st), err.message);
        if (st)
            goto clear;
        worked++;
        assert_int_equal(bkf_open(h.ctx, h.profile, NULL, NULL, &s, &err), 0);
        assert_int_equal(bkf_verify_file(s, NULL, harness_path(&h, "d.bin", path), NULL, &err), 0);
        bkf_close(s, 0, NULL);
    clear:
        harness_remove(&h, "d.bin.part");
        harness_remove(&h, "d.bin.part.log");
        harness_remove(&h, "d.bin");
        harness_remove(&h, "d.bin.json");
    }
    assert_true(worked > 0);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unplug_everywhere),
        cmocka_unit_test(test_single_timeout_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
