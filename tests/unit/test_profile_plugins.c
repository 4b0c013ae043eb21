/* Every shipped chip and board against the plugins of this build: drivers exist, lines and
 * options fit.  A driver that is not built is named and passed over. */
#include "core/profile/bind.h"
#include "core/profile/findings.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

static const char *const dirs[] = { SOURCE_DIR "/conf", NULL };
static const struct profile_env env = { dirs };

struct run {
    struct registry *registry;
    size_t profiles, routes, chips, passed_over, wrong;
};

static void bind(struct run *r, const struct bkf_profile *p, const struct prof_route *route,
                 const bkf_adapter_class *adapter, const bkf_chip_class *chip)
{
    struct diag_list d = { 0 };
    struct strbuf sb = STRBUF_INIT;
    bkf_error err = BKF_ERROR_INIT;
    const struct bind_request q = {
        .profile = p, .route = route, .adapter = adapter, .chip = chip
    };
    if (profile_bind(&q, &d, &err)) {
        findings_text(&d, 0, &sb);
        print_error("%s\n%s", err.message, sb.data ? sb.data : "");
        r->wrong++;
    }
    strbuf_free(&sb);
    diag_free(&d);
}

static void check_routes(struct run *r, const struct bkf_profile *p)
{
    for (size_t i = 0; i < p->n_routes; i++) {
        const struct prof_route *route = &p->routes[i];
        const bkf_adapter_class *c;
        bkf_error err = BKF_ERROR_INIT;
        r->routes++;
        if (registry_adapter(r->registry, route->driver, &c, &err)) {
            print_message("%s: no driver %s here\n", p->name, route->driver);
            r->passed_over++;
            continue;
        }
        bind(r, p, route, c, NULL);
    }
}

static void check_profile(void *ud, const struct profile_found *f)
{
    struct run *r = ud;
    struct diag_list d = { 0 };
    struct bkf_profile *p;
    const bkf_chip_class *chip;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(profile_load(&env, f->path, &d, &p, &err), BKF_OK);
    r->profiles++;
    check_routes(r, p);
    if (registry_chip(r->registry, p->chip_driver, &chip, &err))
        fail_msg("%s: %s", p->name, err.message);
    r->chips++;
    bind(r, p, NULL, NULL, chip);
    profile_free(p);
    diag_free(&d);
}

static void shipped_profiles_fit_shipped_plugins(void **state)
{
    (void)state;
    const struct registry_config config = { .system_dir = BUILD_DIR "/plugins-1" };
    struct run r = { NULL, 0, 0, 0, 0, 0 };
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_new(&config, &r.registry, &err), BKF_OK);
    assert_int_equal(profile_find_all(&env, check_profile, &r, &err), BKF_OK);
    registry_free(r.registry);
    assert_int_equal(r.wrong, 0);
    assert_true(r.profiles >= 19 && r.chips == r.profiles);
    assert_true(r.routes >= 31 && r.passed_over < r.routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_profiles_fit_shipped_plugins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
