/* test_gang.c - eight sessions of one context at the same time, each with its own faults:
 * what ThreadSanitizer looks at. */
#include "harness.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char board[] = "[profile]\nschema = 1\nkind = board\nname = small\n"
                            "include = chips/bk7252.ini\n"
                            "[adapter]\ndriver = sim\ntransport = spi\n"
                            "[pads]\nCE = cen @ cen\nTCK = sck @ sck\nTMS = cs0 @ cs0\n"
                            "TDI = mosi @ mosi\nTDO = miso @ miso\n"
                            "[flash]\npart = GD25D40\njedec = 514013\nsize = 512K\n";
enum { UNITS = 8, ROUNDS = 2 };

struct unit {
    struct harness *h;
    pthread_t thread;
    unsigned i;
    bool failed;
    char why[600];
};

static void unit_failed(struct unit *u, const char *what, const bkf_error *err)
{
    u->failed = true;
    snprintf(u->why, sizeof u->why, "unit %u: %s: %s", u->i, what, err->message);
}

static void round_trip(struct unit *u, unsigned round)
{
    char seed[24], fault[40], name[24], path[128], *info = NULL;
    bkf_error err = BKF_ERROR_INIT;
    bkf_session *s = NULL;
    bkf_read_options ro = { .struct_size = sizeof ro };
    bool unplugged = u->i % 4 == 3;
    const char *const options[] = { seed, fault, NULL };
    bkf_open_options o = { .struct_size = sizeof o, .options = options };
    snprintf(seed, sizeof seed, "seed=%u", u->i + 1);
    snprintf(fault, sizeof fault, unplugged ? "fault=unplug@%u" : "fault=flip=0.000001",
             20 + 5 * u->i);
    snprintf(name, sizeof name, "u%u-%u.bin", u->i, round);
    harness_path(u->h, name, path);
    bkf_status st = bkf_open(u->h->ctx, u->h->profile, &o, NULL, &s, &err);
    if (!st)
        st = bkf_info(s, &info, &err);
    if (!st)
        st = bkf_read_file(s, &ro, path, NULL, &err);
    if (!st)
        st = bkf_verify_file(s, NULL, path, NULL, &err);
    bkf_free(info);
    bkf_close(s, 0, NULL);
    if (unplugged ? st != BKF_E_LINK_LOST : st != BKF_OK)
        unit_failed(u, bkf_status_name(st), &err);
    if (harness_has(u->h, name) == unplugged)
        unit_failed(u, "file", &err);
    harness_remove(u->h, name);
    strcat(path, ".json");
    remove(path);
}

static void *work(void *arg)
{
    struct unit *u = arg;
    for (unsigned round = 0; round < ROUNDS && !u->failed; round++)
        round_trip(u, round);
    return NULL;
}

static void test_eight_sessions(void **state)
{
    (void)state;
    struct harness h;
    struct unit units[UNITS];
    memset(units, 0, sizeof units);
    harness_open(&h, NULL, board);
    for (unsigned i = 0; i < UNITS; i++) {
        units[i].h = &h;
        units[i].i = i;
        assert_int_equal(pthread_create(&units[i].thread, NULL, work, &units[i]), 0);
    }
    for (unsigned i = 0; i < UNITS; i++)
        pthread_join(units[i].thread, NULL);
    for (unsigned i = 0; i < UNITS; i++)
        if (units[i].failed)
            fail_msg("%s", units[i].why);
    h.went_back = false; /* eight units share the one progress callback here */
    harness_close(&h);
}

/* Lists, checks and loads from many threads: context and profiles are shared. */
static void *look(void *arg)
{
    struct unit *u = arg;
    static const char *const kinds[] = { "profiles", "adapters", "chips", "parts", "units" };
    bkf_error err = BKF_ERROR_INIT;
    for (size_t i = 0; i < 10 && !u->failed; i++) {
        char *json = NULL;
        uint32_t errors;
        bkf_profile *p = NULL;
        if (bkf_list(u->h->ctx, kinds[(i + u->i) % 5], &json, &err))
            unit_failed(u, "list", &err);
        bkf_free(json);
        if (i % 3 == 0 && bkf_profile_check(u->h->ctx, "doorbell_mlt1t", &errors, &err))
            unit_failed(u, "check", &err);
        if (bkf_profile_load(u->h->ctx, "generic_bk7231n", &p, &err))
            unit_failed(u, "load", &err);
        bkf_profile_free(p);
        if (bkf_profile_describe(u->h->profile, &json, &err))
            unit_failed(u, "describe", &err);
        bkf_free(json);
    }
    return NULL;
}

static void test_shared_context(void **state)
{
    (void)state;
    struct harness h;
    struct unit units[UNITS];
    memset(units, 0, sizeof units);
    harness_open(&h, NULL, board);
    for (unsigned i = 0; i < UNITS; i++) {
        units[i].h = &h;
        units[i].i = i;
        assert_int_equal(pthread_create(&units[i].thread, NULL, look, &units[i]), 0);
    }
    for (unsigned i = 0; i < UNITS; i++)
        pthread_join(units[i].thread, NULL);
    for (unsigned i = 0; i < UNITS; i++)
        if (units[i].failed)
            fail_msg("%s", units[i].why);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eight_sessions),
        cmocka_unit_test(test_shared_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
