/* tests/data/bad: one mistake a file, and beside it what must be said about it. */
#include "core/profile/find.h"
#include "core/profile/findings.h"
#include "core/profile/profile.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "tests/data/bad"
/* Profiles of their own, so that conf/ can change without moving the lines here. */
static const char *const dirs[] = { FOLDER "/conf", NULL };
static const struct profile_env env = { dirs };

static char *expected_of(const char *path)
{
    char name[512];
    uint8_t *text;
    size_t len;
    bkf_error err = BKF_ERROR_INIT;
    snprintf(name, sizeof name, "%.*s.expected", (int)strlen(path) - 4, path);
    if (file_read(name, 65536, &text, &len, &err))
        fail_msg("%s", err.message);
    return (char *)text;
}

static bool check_one(const char *path)
{
    struct diag_list d = { 0 };
    struct bkf_profile *p = NULL;
    struct strbuf got = STRBUF_INIT;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = profile_load(&env, path, &d, &p, &err);
    char *expected = expected_of(path);
    findings_text(&d, 0, &got);
    bool ok = st == BKF_E_PROFILE && !p && d.errors && strcmp(got.data, expected) == 0 &&
              strstr(err.message, path) == err.message;
    if (!ok)
        print_error("%s (status %d)\nexpected:\n%sgot:\n%s", path, st, expected,
                    got.data ? got.data : "nothing\n");
    profile_free(p);
    strbuf_free(&got);
    diag_free(&d);
    free(expected);
    return ok;
}

static void each_mistake_is_reported_where_it_is(void **state)
{
    (void)state;
    struct folder f;
    size_t wrong = 0;
    assert_int_equal(chdir(SOURCE_DIR), 0);
    assert_true(folder_list(FOLDER, &f));
    assert_true(f.n >= 60);
    for (size_t i = 0; i < f.n; i++) {
        char path[512];
        snprintf(path, sizeof path, FOLDER "/%s", f.names[i]);
        wrong += !check_one(path);
    }
    folder_free(&f);
    assert_int_equal(wrong, 0);
}

/* A broken part is reported and left out; the others stay. */
static void broken_part_is_left_out(void **state)
{
    (void)state;
    struct nor_part_table t;
    struct diag_list d = { 0 };
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(profile_parts_load(&env, &d, &t, &err), BKF_OK);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.items[0].file, FOLDER "/conf/flash/brokenpart.ini");
    assert_null(nor_part_by_name(&t, "BROKENPART"));
    assert_non_null(nor_part_by_name(&t, "XT25F32B"));
    nor_part_table_free(&t);
    diag_free(&d);
}

static void oversized_files_are_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/bkflash-profile-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 70000), 0);
    struct diag_list d = { 0 };
    struct bkf_profile *p = NULL;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(profile_load(&env, path, &d, &p, &err), BKF_E_FILE);
    assert_non_null(strstr(err.message, "larger than 65536 bytes"));
    assert_null(p);
    close(fd);
    unlink(path);
    diag_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_reported_where_it_is),
        cmocka_unit_test(broken_part_is_left_out),
        cmocka_unit_test(oversized_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
