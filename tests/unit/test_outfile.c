/* A file and its sidecar: both, or neither; whatever fails, nothing half made stays behind. */
#include "core/session/session.h"
#include "tests/support/cmocka.h"
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[40], bin[64], json[64];

static void put(const char *path, const char *text)
{
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
}

static void holds(const char *path, const char *text)
{
    uint8_t *got;
    size_t len;
    assert_int_equal(file_read(path, 100, &got, &len, NULL), 0);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
    free(got);
}

static unsigned files(void)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/bkf-outfile-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(bin, sizeof bin, "%s/x.bin", dir);
    snprintf(json, sizeof json, "%s/x.bin.json", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(bin);
    unlink(json);
    rmdir(json);
    return rmdir(dir);
}

static void make(struct outfile *o, bool force, bool private)
{
    bkf_error err = BKF_ERROR_INIT;
    if (outfile_open(o, bin, force, private, &err) || outfile_reserve(o, 3, &err))
        fail_msg("%s", err.message);
    assert_int_equal(pwrite(o->fd, "new", 3, 0), 3);
}

static bkf_status commit_on_full_disk(struct outfile *o, bkf_error *err)
{
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    bkf_status st = outfile_commit(o, "{}", err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    return st;
}

static void both(void **state)
{
    (void)state;
    struct outfile o;
    make(&o, false, false);
    assert_int_equal(outfile_commit(&o, "{}", NULL), 0);
    outfile_close(&o, false);
    holds(bin, "new");
    holds(json, "{}");
    assert_int_equal(files(), 2);
}

static void no_room(void **state)
{
    (void)state;
    struct outfile o;
    bkf_error err = BKF_ERROR_INIT;
    make(&o, false, false);
    assert_int_equal(commit_on_full_disk(&o, &err), BKF_E_FILE);
    assert_non_null(strstr(err.message, "x.bin.json.part"));
    outfile_close(&o, false);
    assert_int_equal(files(), 0);
}

/* What shall be replaced is not lost with it. */
static void no_room_for_another(void **state)
{
    (void)state;
    struct outfile o;
    put(bin, "old");
    put(json, "[1]");
    make(&o, true, false);
    assert_int_equal(commit_on_full_disk(&o, NULL), BKF_E_FILE);
    outfile_close(&o, false);
    holds(bin, "old");
    holds(json, "[1]");
    assert_int_equal(files(), 2);
}

static void no_place_for_sidecar(void **state)
{
    (void)state;
    struct outfile o;
    assert_int_equal(mkdir(json, 0700), 0);
    make(&o, false, false);
    assert_int_equal(outfile_commit(&o, "{}", NULL), BKF_E_FILE);
    outfile_close(&o, false);
    assert_int_equal(files(), 1);
}

/* The name becomes a folder's after it was looked at. */
static void no_place_for_file(void **state)
{
    (void)state;
    struct outfile o;
    put(json, "[1]");
    make(&o, true, false);
    assert_int_equal(mkdir(bin, 0700), 0);
    assert_int_equal(outfile_commit(&o, "{}", NULL), BKF_E_FILE);
    outfile_close(&o, false);
    holds(json, "[1]");
    assert_int_equal(files(), 2);
    assert_int_equal(rmdir(bin), 0);
    unlink(json);
    make(&o, true, false);
    assert_int_equal(mkdir(bin, 0700), 0);
    assert_int_equal(outfile_commit(&o, "{}", NULL), BKF_E_FILE);
    outfile_close(&o, false);
    assert_int_equal(rmdir(bin), 0);
    assert_int_equal(files(), 0);
}

static void appeared_meanwhile(void **state)
{
    (void)state;
    struct outfile o;
    make(&o, false, false);
    put(bin, "old");
    put(json, "[1]");
    assert_int_equal(outfile_commit(&o, "{}", NULL), BKF_E_FILE);
    outfile_close(&o, false);
    holds(bin, "old");
    holds(json, "[1]");
    assert_int_equal(files(), 2);
}

static void replaced(void **state)
{
    (void)state;
    struct outfile o;
    put(bin, "old");
    put(json, "[1]");
    make(&o, true, false);
    assert_int_equal(outfile_commit(&o, "{}", NULL), 0);
    outfile_close(&o, false);
    holds(bin, "new");
    holds(json, "{}");
    assert_int_equal(files(), 2);
}

static void private_ones(void **state)
{
    (void)state;
    struct outfile o;
    struct stat sb;
    char part[80];
    mode_t mask = umask(022);
    snprintf(part, sizeof part, "%s.part", bin);
    put(part, "left by an earlier run");
    make(&o, false, true);
    assert_int_equal(outfile_commit(&o, "{}", NULL), 0);
    outfile_close(&o, false);
    assert_int_equal(stat(bin, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);
    assert_int_equal(stat(json, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);
    umask(mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both, setup, teardown),
        cmocka_unit_test_setup_teardown(no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(no_room_for_another, setup, teardown),
        cmocka_unit_test_setup_teardown(no_place_for_sidecar, setup, teardown),
        cmocka_unit_test_setup_teardown(no_place_for_file, setup, teardown),
        cmocka_unit_test_setup_teardown(appeared_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(private_ones, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
