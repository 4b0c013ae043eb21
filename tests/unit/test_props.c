/* Options of a class: types, ranges, defaults from the profile, messages with a place. */
#include "core/plugin/registry.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

static const bkf_prop_spec spec[] = {
    { .key = "image", .type = BKF_PROP_STRING, .dflt = "", .help = "File" },
    { .key = "speed",
      .type = BKF_PROP_HERTZ,
      .dflt = "1MHz",
      .help = "Rate",
      .min = 1000,
      .max = 60000000 },
    { .key = "pulse", .type = BKF_PROP_MICROSECONDS, .dflt = "70ms", .help = "Pulse" },
    { .key = "seed", .type = BKF_PROP_UINT, .dflt = "0", .help = "Seed" },
    { .key = "invert", .type = BKF_PROP_BOOL, .dflt = "no", .help = "Invert" },
    { .key = "size", .type = BKF_PROP_UINT, .dflt = "@flash.size", .help = "Flash size" },
    { .key = "chip", .type = BKF_PROP_STRING, .dflt = "@chip.name", .help = "Chip" },
    { .key = NULL },
};

static const char *fill(void *ud, const char *what)
{
    (void)ud;
    if (strcmp(what, "flash.size") == 0)
        return "4M";
    return NULL;
}

static bkf_status make(const struct prop_input *in, size_t n, struct diag_list *d,
                       struct props **out, bkf_error *err)
{
    return props_new(spec, "adapter 'test'", in, n, fill, NULL, d, out, err);
}

static void values(void **state)
{
    (void)state;
    const struct prop_input in[] = {
        { "speed", "30kHz", "a.ini", 4 }, { "speed", "2MHz", NULL, 0 },
        { "pulse", "5ms", "a.ini", 5 },   { "invert", "yes", "a.ini", 6 },
        { "image", "@literal", NULL, 0 }, { "seed", "7", "a.ini", 7 },
        { "seed", "", NULL, 0 },
    };
    struct diag_list d = { 0 };
    struct props *p;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(make(in, ARRAY_LEN(in), &d, &p, &err), BKF_OK);
    const bkf_props *v = props_view(p);
    assert_int_equal(v->num(v, "speed"), 2000000);
    assert_string_equal(v->str(v, "speed"), "2MHz");
    assert_int_equal(v->num(v, "pulse"), 5000);
    assert_int_equal(v->num(v, "invert"), 1);
    assert_string_equal(v->str(v, "image"), "@literal");
    assert_int_equal(v->num(v, "seed"), 0);
    assert_int_equal(v->num(v, "size"), 4194304);
    assert_string_equal(v->str(v, "chip"), "");
    assert_string_equal(v->str(v, "nonsense"), "");
    assert_int_equal(v->num(v, "nonsense"), 0);
    props_free(p);
    diag_free(&d);
}

static void expect(const struct prop_input *in, size_t n, bkf_status st, const char *text)
{
    struct diag_list d = { 0 };
    struct props *p;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(make(in, n, &d, &p, &err), st);
    assert_null(p);
    if (!strstr(err.message, text))
        fail_msg("'%s' is not in '%s'", text, err.message);
    assert_true(d.errors > 0);
    diag_free(&d);
}

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        struct prop_input in;
        bkf_status st;
        const char *text;
    } cases[] = {
        { { "sped", "1MHz", "b.ini", 9 },
          BKF_E_PROFILE,
          "b.ini:9: adapter 'test' has no option 'sped'; did you mean 'speed'?" },
        { { "zzzzzzzzz", "1", NULL, 0 }, BKF_E_PARAM, "it has: image, speed" },
        { { "speed", "1000", "b.ini", 3 },
          BKF_E_PROFILE,
          "b.ini:3: option 'speed' of adapter 'test': '1000' is not a frequency" },
        { { "speed", "500Hz", NULL, 0 }, BKF_E_PARAM, "out of range, 1000 to 60000000 Hz" },
        { { "pulse", "7", NULL, 0 }, BKF_E_PARAM, "is not a time with its unit" },
        { { "invert", "true", NULL, 0 }, BKF_E_PARAM, "is not yes or no" },
        { { "seed", "0x", NULL, 0 }, BKF_E_PARAM, "is not a number" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(&cases[i].in, 1, cases[i].st, cases[i].text);
}

static void every_mistake_is_listed(void **state)
{
    (void)state;
    const struct prop_input in[] = { { "speed", "x", "c.ini", 1 },
                                     { "pulse", "x", "c.ini", 2 },
                                     { "seed", "x", NULL, 0 } };
    struct diag_list d = { 0 };
    struct props *p;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(make(in, ARRAY_LEN(in), &d, &p, &err), BKF_E_PROFILE);
    assert_int_equal(d.errors, 3);
    assert_int_equal(d.items[1].line, 2);
    diag_free(&d);
}

static void required(void **state)
{
    (void)state;
    static const bkf_prop_spec need[] = {
        { .key = "trace", .type = BKF_PROP_STRING, .dflt = NULL, .help = "Recorded trace" },
        { .key = NULL },
    };
    struct diag_list d = { 0 };
    struct props *p;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(props_new(need, "adapter 'replay'", NULL, 0, NULL, NULL, &d, &p, &err),
                     BKF_E_PARAM);
    assert_non_null(strstr(err.message, "-O trace="));
    diag_free(&d);
    assert_int_equal(props_new(NULL, "x", NULL, 0, NULL, NULL, &d, &p, &err), BKF_OK);
    props_free(p);
    diag_free(&d);
}

static void profile_value_of_wrong_type(void **state)
{
    (void)state;
    static const bkf_prop_spec odd[] = {
        { .key = "big", .type = BKF_PROP_UINT, .dflt = "@flash.size", .help = "Size", .max = 10 },
        { .key = NULL },
    };
    struct diag_list d = { 0 };
    struct props *p;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(props_new(odd, "x", NULL, 0, fill, NULL, &d, &p, &err), BKF_E_PROFILE);
    assert_non_null(strstr(err.message, "flash.size"));
    diag_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(every_mistake_is_listed),
        cmocka_unit_test(required),
        cmocka_unit_test(profile_value_of_wrong_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
