/* Lines and rules of the log verb. */
#include "core/session/log_rules.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

static size_t lines_of(const char *bytes, size_t n, char out[8][LOG_LINE_MAX + 8])
{
    struct log_lines l = { .len = 0 };
    size_t k = 0;
    for (size_t i = 0; i < n && k < 8; i++) {
        if (log_lines_take(&l, (uint8_t)bytes[i], i)) {
            strcpy(out[k++], l.text);
            log_lines_next(&l);
        }
    }
    return k;
}

static void control_bytes_and_colours(void **state)
{
    (void)state;
    static char out[8][LOG_LINE_MAX + 8];
    static const char in[] = "\x1b[1;32mgreen\x1b[0m\r\nbell\a\ttab\n\n";
    assert_int_equal(lines_of(in, sizeof in - 1, out), 3);
    assert_string_equal(out[0], "green");
    assert_string_equal(out[1], "bell\\x07 tab");
    assert_string_equal(out[2], "");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    static char out[8][LOG_LINE_MAX + 8], in[3 * LOG_LINE_MAX];
    memset(in, 1, sizeof in); /* four characters each */
    assert_int_equal(lines_of(in, sizeof in, out), 8);
    assert_int_equal(strlen(out[0]), LOG_LINE_MAX);
}

static void shipped_rules(void **state)
{
    (void)state;
    struct log_rules r = { .n = 0 };
    bkf_error err = BKF_ERROR_INIT;
    if (log_rules_load(SOURCE_DIR "/conf/log", &r, &err))
        fail_msg("%s", err.message);
    assert_true(r.n >= 40);
    for (size_t i = 0; i < r.n; i++)
        if (!r.items[i].meaning)
            fail_msg("'%s' says nothing", r.items[i].match);
    const char *after = NULL;
    const struct log_rule *rule = log_rules_find(&r, "[I/FAL] Fal(V0.4.0)success", &after);
    assert_non_null(rule);
    assert_int_equal(*after, 0);
    assert_null(log_rules_find(&r, "[I/FAL] Fal(V0.4.0)failed", &after));
    rule = log_rules_find(&r, "get key: abc", &after);
    assert_non_null(rule);
    assert_true(rule->redact);
    assert_string_equal(after, " abc");
    static const char *const private[][2] = {
        { "get key: abc", " abc" },
        { "SSID:Home", "Home" },
        { "{\"ssid\":\"Home\",\"passwd\":\"x\"}", "\"Home\",\"passwd\":\"x\"}" },
        { "wifi password=x", "=x" },
        { "mac:C8 then passwd:x", "C8 then passwd:x" }, /* from the first on */
        { "auth_key: x", ": x" },
        { "localKey=x", "=x" },
    };
    for (size_t i = 0; i < ARRAY_LEN(private); i++) {
        const char *from = log_rules_private(&r, private[i][0]);
        assert_non_null(from);
        assert_string_equal(from, private[i][1]);
    }
    static const char *const plain[] = { "J 0x10000", "[I/FAL] Fal(V0.4.0)success", "", "msh />" };
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        assert_null(log_rules_private(&r, plain[i]));
    log_rules_free(&r);
}

static void missing_folder_has_no_rules(void **state)
{
    (void)state;
    struct log_rules r = { .n = 0 };
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(log_rules_load("/nonexistent", &r, &err), BKF_OK);
    assert_int_equal(r.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_bytes_and_colours),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(shipped_rules),
        cmocka_unit_test(missing_folder_has_no_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
