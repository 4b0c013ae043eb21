/* A small dump through the library, the plugins and the real USB libraries, with the adapter
 * pulled out at every single call in turn: always "link lost", nothing left behind, no hang.
 * arguments: PROFILE ROUTE IMAGE */
#include "tests/support/cmocka.h"
#include <bkflash/bkflash.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    START = 0x1000,
    LEN = 0x1000,
    LONGEST_S = 20, /* modelled; resets and time-outs included */
    MAX_CALLS = 20000,
    LINK_LOST = 21
};
static const char *profile_name, *route, *image_name;
static bool (*replug)(uint64_t unplug_at, uint64_t *calls, char err[256]);
static char last_error[512];

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts); /* the modelled clock */
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* As the program does it; the exit code. */
static int dump(void)
{
    bkf_setup setup = { .struct_size = sizeof setup, .state_dir = "state" };
    bkf_callbacks callbacks = { .struct_size = sizeof callbacks };
    bkf_open_options how = { .struct_size = sizeof how, .route = route };
    bkf_read_options what = { .struct_size = sizeof what,
                              .has_range = 1,
                              .range = { START, START + LEN } };
    bkf_error err = BKF_ERROR_INIT;
    bkf_ctx *ctx = NULL;
    bkf_profile *profile = NULL;
    bkf_session *session = NULL;
    char *report = NULL;
    bkf_status st = bkf_ctx_new(&setup, &callbacks, &ctx, &err);
    if (!st)
        st = bkf_profile_load(ctx, profile_name, &profile, &err);
    if (!st)
        st = bkf_open(ctx, profile, &how, NULL, &session, &err);
    if (!st)
        st = bkf_read_file(session, &what, "small.bin", &report, &err);
    if (session) {
        bkf_status closed = bkf_close(session, 0, st ? NULL : &err);
        st = st ? st : closed;
    }
    bkf_free(report);
    bkf_profile_free(profile);
    bkf_ctx_free(ctx);
    snprintf(last_error, sizeof last_error, "%s", st ? err.message : "");
    return bkf_exit_code(st);
}

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void remove_files(void)
{
    static const char *const names[] = { "small.bin", "small.bin.json", "small.bin.part",
                                         "small.bin.part.log" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(names[i]);
}

/* A file under its final name is complete, whatever happened afterwards. */
static bool complete(void)
{
    static uint8_t want[LEN], got[LEN + 1];
    FILE *f = fopen("small.bin", "rb");
    if (!f)
        return false;
    assert_int_equal(fread(got, 1, sizeof got, f), LEN);
    fclose(f);
    f = fopen(image_name, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, START, SEEK_SET), 0);
    assert_int_equal(fread(want, 1, LEN, f), LEN);
    fclose(f);
    assert_memory_equal(got, want, LEN);
    return true;
}

static void plug_in(uint64_t unplug_at, uint64_t *calls)
{
    char err[256];
    if (!replug(unplug_at, calls, err))
        fail_msg("%s", err);
    remove_files();
}

static void every_call(void **state)
{
    (void)state;
    uint64_t calls, total, lost = 0, late = 0;
    if (dump() != 0) /* also learns what later runs know, the safe clock */
        fail_msg("%s", last_error);
    plug_in(0, &calls);
    assert_int_equal(dump(), 0);
    unsigned open_files = descriptors();
    plug_in(1, &total);
    assert_in_range(total, 100, MAX_CALLS);
    for (uint64_t n = 1; n <= total; n++) {
        double before = seconds();
        int code = dump();
        double took = seconds() - before;
        bool file = complete();
        if (code == LINK_LOST)
            lost++;
        else if (code == 0 && file && lost) /* the target runs again, only closing is left */
            late++;
        else
            fail_msg("unplugged at call %u of %u: exit %d: %s", (unsigned)n, (unsigned)total, code,
                     last_error);
        if (code == LINK_LOST && late)
            fail_msg("call %u lost the link after an earlier one did not", (unsigned)n);
        if (code == LINK_LOST && !strstr(last_error, "vanished") &&
            !strstr(last_error, "unplugged"))
            fail_msg("call %u: '%s' does not say what happened", (unsigned)n, last_error);
        if (took > LONGEST_S)
            fail_msg("call %u: took %.1f s", (unsigned)n, took);
        if (descriptors() != open_files)
            fail_msg("call %u: %u open descriptors, there were %u", (unsigned)n, descriptors(),
                     open_files);
        plug_in(n + 1, &calls);
    }
    assert_in_range(late, 0, 20);
    assert_int_equal(dump(), 0); /* and the next run works */
    assert_true(complete());
    print_message("unplugged at each of %u calls: %u times the link was lost, %u times only "
                  "closing was left\n",
                  (unsigned)total, (unsigned)lost, (unsigned)late);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 4);
    profile_name = argv[1];
    route = argv[2][0] ? argv[2] : NULL;
    image_name = argv[3];
    *(void **)&replug = dlsym(RTLD_DEFAULT, "bkf_usb_replug");
    assert_non_null(replug);
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_call) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
