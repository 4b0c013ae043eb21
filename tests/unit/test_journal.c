/* The write journal: what is recorded comes back; torn and damaged files are told apart. */
#include "core/session/journal.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *dir_new(void)
{
    static const char template[] = "/tmp/bkf-journal-XXXXXX";
    char *dir = strdup(template);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static void dir_remove(char *dir)
{
    char cmd[200];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
    free(dir);
}

static const struct journal_head head = { .kind = "write",
                                          .request = { 0x1000, 0x3000 },
                                          .profile = "x.ini",
                                          .jedec = "0B4016",
                                          .status = 0x4004,
                                          .status_bits = 16,
                                          .backup = "b.bin",
                                          .allow = "bootloader",
                                          .preserve_keep = true };

static struct journal *begin(const char *dir, uint8_t fill)
{
    uint8_t *target = malloc(0x2000);
    memset(target, fill, 0x2000);
    struct journal_head h = head;
    struct journal *j = NULL;
    bkf_error err = BKF_ERROR_INIT;
    if (journal_begin(dir, "dev", &h, target, false, &j, &err))
        fail_msg("%s", err.message);
    free(target);
    return j;
}

static void comes_back(void **state)
{
    (void)state;
    char *dir = dir_new();
    struct journal *j = begin(dir, 0x5A);
    assert_int_equal(journal_mark(j, (bkf_range){ 0x1000, 0x2000 }, NULL), 0);
    assert_int_equal(journal_mark(j, (bkf_range){ 0x2000, 0x3000 }, NULL), 0);
    assert_int_equal(journal_end(j, false, NULL), 0);
    struct journal_state s;
    assert_int_equal(journal_load(dir, "dev", false, &s, NULL), 0);
    assert_int_equal(s.n_done, 1);
    assert_int_equal(s.done[0].end, 0x2000);
    assert_int_equal(s.open.start, 0x2000);
    assert_int_equal(s.head.status, 0x4004);
    assert_true(s.head.preserve_keep);
    assert_int_equal(s.target[77], 0x5A);
    journal_state_free(&s);
    dir_remove(dir);
}

static void second_begin_is_refused(void **state)
{
    (void)state;
    char *dir = dir_new();
    journal_end(begin(dir, 1), false, NULL);
    uint8_t target[0x2000] = { 0 };
    struct journal_head h = head;
    struct journal *j;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(journal_begin(dir, "dev", &h, target, false, &j, &err), BKF_E_BUSY);
    assert_non_null(strstr(err.message, "resume"));
    struct journal_state s;
    assert_int_equal(journal_load(dir, "dev", false, &s, NULL), 0);
    assert_int_equal(s.target[0], 1); /* the first one's target is untouched */
    journal_state_free(&s);
    dir_remove(dir);
}

static void replacing_keeps_one_whole(void **state)
{
    (void)state;
    char *dir = dir_new();
    journal_end(begin(dir, 1), false, NULL);
    uint8_t target[0x2000] = { 9 };
    struct journal_head h = head;
    struct journal *j;
    assert_int_equal(journal_begin(dir, "dev", &h, target, true, &j, NULL), 0);
    journal_end(j, false, NULL);
    struct journal_state s;
    assert_int_equal(journal_load(dir, "dev", false, &s, NULL), 0);
    assert_int_equal(s.target[0], 9);
    journal_state_free(&s);
    dir_remove(dir);
}

static void finished_is_last(void **state)
{
    (void)state;
    char *dir = dir_new();
    assert_int_equal(journal_end(begin(dir, 2), true, NULL), 0);
    struct journal_state s;
    assert_int_equal(journal_load(dir, "dev", false, &s, NULL), BKF_E_NO_DEVICE);
    assert_int_equal(journal_load(dir, "dev", true, &s, NULL), 0);
    assert_true(s.finished);
    journal_state_free(&s);
    dir_remove(dir);
}

/* What is appended after a cut is found again. */
static void goes_on_after(const char *dir)
{
    struct journal *j;
    struct journal_state s;
    assert_int_equal(journal_reopen(dir, "dev", &j, NULL), 0);
    assert_int_equal(journal_mark(j, (bkf_range){ 0x2000, 0x3000 }, NULL), 0);
    assert_int_equal(journal_mark_done(j, NULL), 0);
    assert_int_equal(journal_end(j, false, NULL), 0);
    assert_int_equal(journal_load(dir, "dev", false, &s, NULL), 0);
    assert_int_equal(s.done[s.n_done - 1].end, 0x3000);
    journal_state_free(&s);
}

/* Cut the file at every length: it loads or is refused, and never invents a done group. */
static void any_cut_is_safe(void **state)
{
    (void)state;
    char *dir = dir_new();
    struct journal *j = begin(dir, 3);
    journal_mark(j, (bkf_range){ 0x1000, 0x2000 }, NULL);
    journal_mark_done(j, NULL);
    journal_end(j, false, NULL);
    char *path = path_join(dir, "dev.journal");
    uint8_t *text;
    size_t len;
    assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), 0);
    size_t whole = 0;
    for (size_t cut = 0; cut <= len; cut++) {
        assert_int_equal(file_write_atomic(path, text, cut, NULL), 0);
        struct journal_state s;
        bkf_status st = journal_load(dir, "dev", false, &s, NULL);
        assert_true(st == BKF_OK || st == BKF_E_FILE);
        if (st == BKF_OK) {
            assert_true(s.n_done == 0 || cut == len);
            whole += s.n_done;
        }
        journal_state_free(&s);
        if (st == BKF_OK)
            goes_on_after(dir);
    }
    assert_int_equal(whole, 1);
    free(text);
    free(path);
    dir_remove(dir);
}

/* Its loss is said, and left to those who need it. */
static void damaged_target_is_told(void **state)
{
    (void)state;
    char *dir = dir_new();
    journal_end(begin(dir, 4), false, NULL);
    struct journal_state before;
    assert_int_equal(journal_load(dir, "dev", false, &before, NULL), 0);
    char name[64];
    snprintf(name, sizeof name, "dev-%.16s.target", before.head.target_sha256);
    journal_state_free(&before);
    char *path = path_join(dir, name);
    assert_int_equal(file_write_atomic(path, "x", 1, NULL), 0);
    struct journal_state s;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(journal_load(dir, "dev", false, &s, &err), 0);
    assert_null(s.target);
    assert_non_null(strstr(s.target_why, "hash"));
    journal_state_free(&s);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(journal_load(dir, "dev", false, &s, &err), 0);
    assert_null(s.target);
    assert_non_null(strstr(s.target_why, name));
    journal_state_free(&s);
    free(path);
    dir_remove(dir);
}

static unsigned count(const char *dir, const char *ending)
{
    char cmd[200];
    snprintf(cmd, sizeof cmd, "ls %s | grep -c '%s$'", dir, ending);
    FILE *p = popen(cmd, "r");
    unsigned n = 0;
    assert_int_equal(fscanf(p, "%u", &n), 1);
    pclose(p);
    return n;
}

/* The last one's target stays until the next change is finished; no other does. */
static void targets_of_both(void **state)
{
    (void)state;
    char *dir = dir_new();
    struct journal_state s;
    journal_end(begin(dir, 1), true, NULL);
    assert_int_equal(journal_load(dir, "dev", true, &s, NULL), 0);
    assert_int_equal(s.target[5], 1);
    journal_state_free(&s);
    journal_end(begin(dir, 2), false, NULL);
    assert_int_equal(count(dir, ".target"), 2);
    struct journal *j;
    assert_int_equal(journal_reopen(dir, "dev", &j, NULL), 0);
    journal_end(j, true, NULL);
    assert_int_equal(count(dir, ".target"), 1);
    journal_discard(begin(dir, 3));
    assert_int_equal(count(dir, ".target"), 1);
    assert_int_equal(count(dir, ".journal"), 0);
    assert_int_equal(journal_load(dir, "dev", true, &s, NULL), 0);
    assert_int_equal(s.target[5], 2);
    journal_state_free(&s);
    dir_remove(dir);
}

/* Every byte of it changed to something else: the CRC of the record shows it. */
static void any_edit_is_noticed(void **state)
{
    (void)state;
    char *dir = dir_new();
    struct journal *j = begin(dir, 3);
    journal_mark(j, (bkf_range){ 0x1000, 0x2000 }, NULL);
    journal_mark_done(j, NULL);
    journal_end(j, false, NULL);
    char *path = path_join(dir, "dev.journal");
    uint8_t *text;
    size_t len;
    assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), 0);
    for (size_t i = 0; i + 1 < len; i++) {
        struct journal_state s;
        bkf_error err = BKF_ERROR_INIT;
        uint8_t old = text[i];
        text[i] = old == '7' ? '3' : '7';
        assert_int_equal(file_write_atomic(path, text, len, NULL), 0);
        if (journal_load(dir, "dev", false, &s, &err) != BKF_E_FILE)
            fail_msg("byte %zu: '%c' became '%c' unnoticed", i, old, text[i]);
        assert_non_null(strstr(err.message, "delete it"));
        text[i] = old;
    }
    free(text);
    free(path);
    dir_remove(dir);
}

/* Records that a newer or broken program could write with a right CRC. */
static void groups_lie_in_the_request(void **state)
{
    (void)state;
    static const bkf_range bad[] = { { 0, 0x1000 },
                                     { 0x1000, 0x4000 },
                                     { 0x1800, 0x2000 },
                                     { 0x1000, 0x1000 },
                                     { 0x5000, 0x6000 } };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *dir = dir_new();
        struct journal *j = begin(dir, 3);
        assert_int_equal(journal_mark(j, bad[i], NULL), 0);
        journal_end(j, false, NULL);
        struct journal_state s;
        assert_int_equal(journal_load(dir, "dev", false, &s, NULL), BKF_E_FILE);
        dir_remove(dir);
    }
}

/* A lock belongs to an open file, so one process can stand for two. */
static void one_at_a_time(void **state)
{
    (void)state;
    char *dir = dir_new();
    struct journal *j = begin(dir, 3), *second = NULL;
    struct journal_head h = head;
    uint8_t target[0x2000] = { 0 };
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(journal_reopen(dir, "dev", &second, &err), BKF_E_BUSY);
    assert_non_null(strstr(err.message, "another bkflash"));
    assert_int_equal(journal_begin(dir, "dev", &h, target, true, &second, &err), BKF_E_BUSY);
    journal_end(j, false, NULL);
    assert_int_equal(journal_reopen(dir, "dev", &second, &err), 0);
    journal_end(second, false, NULL);
    dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(second_begin_is_refused),
        cmocka_unit_test(replacing_keeps_one_whole),
        cmocka_unit_test(finished_is_last),
        cmocka_unit_test(any_cut_is_safe),
        cmocka_unit_test(damaged_target_is_told),
        cmocka_unit_test(targets_of_both),
        cmocka_unit_test(any_edit_is_noticed),
        cmocka_unit_test(groups_lie_in_the_request),
        cmocka_unit_test(one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
