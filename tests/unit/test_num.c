/* Numbers, sizes, rates and times as users write them. */
#include "core/base/base.h"
#include "tests/support/cmocka.h"

typedef bool (*parser)(const char *, uint64_t *);
struct good {
    parser parse;
    const char *text;
    uint64_t value;
};
struct bad {
    parser parse;
    const char *text;
};

static void accepts(void **state)
{
    (void)state;
    static const struct good cases[] = {
        { num_parse_u64, "0", 0 },           { num_parse_u64, "0x11000", 0x11000 },
        { num_parse_size, "4K", 4096 },      { num_parse_size, "4M", 4194304 },
        { num_parse_size, "0x10", 16 },      { num_parse_hz, "50Hz", 50 },
        { num_parse_hz, "1.5MHz", 1500000 }, { num_parse_hz, "30 kHz", 30000 },
        { num_parse_us, "70ms", 70000 },     { num_parse_us, "0.5ms", 500 },
        { num_parse_us, "2s", 2000000 },     { num_parse_bool, "yes", 1 },
        { num_parse_bool, "no", 0 },         { num_parse_u64, "18446744073709551615", UINT64_MAX },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t v = 77;
        if (!cases[i].parse(cases[i].text, &v) || v != cases[i].value)
            fail_msg("'%s' gave %llu", cases[i].text, (unsigned long long)v);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        { num_parse_u64, "" },
        { num_parse_u64, "-1" },
        { num_parse_u64, "1A9000h" },
        { num_parse_u64, "0x" },
        { num_parse_u64, "18446744073709551616" },
        { num_parse_size, "4G" },
        { num_parse_size, "4 K" },
        { num_parse_size, "K" },
        { num_parse_size, "17592186044416M" },
        { num_parse_hz, "1000" },
        { num_parse_hz, "1.5Hz" },
        { num_parse_hz, "MHz" },
        { num_parse_us, "5" },
        { num_parse_us, "5m" },
        { num_parse_bool, "true" },
        { num_parse_u64, NULL },
        { num_parse_hz, "1.MHz" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t v = 77;
        if (cases[i].parse(cases[i].text, &v) || v != 77)
            fail_msg("'%s' was taken as %llu", cases[i].text, (unsigned long long)v);
    }
}

static void hex_ids(void **state)
{
    (void)state;
    uint32_t id = 1;
    assert_true(num_parse_hex_id("0B4016", &id));
    assert_int_equal(id, 0x0B4016);
    assert_false(num_parse_hex_id("B4016", &id));
    assert_false(num_parse_hex_id("0x0B4016", &id));
    assert_false(num_parse_hex_id("0B401G", &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(hex_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
