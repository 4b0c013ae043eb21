/* A host of ABI 1.1 and plugins of 1.0, 1.1 and 2.0.  Compiled against headers that CMake
 * makes from today's by appending members, like the next minor will. */
#include "core/plugin/loader.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(BKF_ABI_MINOR == 1, "not compiled against the next minor's headers");

static struct registry *open_all(void)
{
    struct registry_config c = { .system_dir = PLUGINS };
    struct registry *r;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_new(&c, &r, &err), BKF_OK);
    return r;
}

static void old_plugin(void **state)
{
    (void)state;
    struct registry *r = open_all();
    const bkf_adapter_class *cls;
    bkf_error err = BKF_ERROR_INIT;
    if (registry_adapter(r, "good", &cls, &err) != BKF_OK)
        fail_msg("%s", err.message);
    assert_false(BKF_HAS(bkf_adapter_class, cls, colour));
    assert_true(BKF_HAS(bkf_adapter_class, cls, release));
    registry_free(r);
}

static void new_plugin(void **state)
{
    (void)state;
    struct registry *r = open_all();
    const bkf_adapter_class *cls;
    bkf_error err = BKF_ERROR_INIT;
    if (registry_adapter(r, "minor1", &cls, &err) != BKF_OK)
        fail_msg("%s", err.message);
    assert_true(BKF_HAS(bkf_adapter_class, cls, colour));
    assert_string_equal(cls->colour, "blue");
    registry_free(r);
}

static void next_major(void **state)
{
    (void)state;
    struct registry *r = open_all();
    const bkf_adapter_class *cls;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_adapter(r, "major2", &cls, &err), BKF_E_PLUGIN);
    assert_non_null(strstr(err.message, "plugin ABI 2.0, this bkflash has 1.1"));
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_plugin),
        cmocka_unit_test(new_plugin),
        cmocka_unit_test(next_major),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
