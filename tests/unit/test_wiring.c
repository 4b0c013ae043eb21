/* Wiring: every pad is drawn with its adapter pin, in text and in SVG. */
#include "core/session/wiring.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

static const bkf_line_spec lines[] = {
    { .name = "D2", .alias = "CS2", .roles = BKF_ROLE_OUT, .pin = "pin 17" },
    { .name = "D7", .alias = "MISO", .roles = BKF_ROLE_MISO, .pin = "pin 22" },
    { .name = NULL },
};
static const char *const caveats[] = { "some boards drive <5 V> & more", NULL };
static const bkf_adapter_class cls = { .struct_size = sizeof cls,
                                       .name = "probe",
                                       .summary = "a probe",
                                       .lines = lines,
                                       .caveats = caveats };

static struct bkf_profile profile = { .name = "board", .title = "A board" };
static struct prof_pad pads[] = { { "CE", "cen", "D2", false, NULL },
                                  { "TDO", "miso", "MISO", false, NULL } };
static const struct prof_route route = {
    .name = "", .driver = "probe", .transport = TRANSPORT_SPI, .pads = pads, .n_pads = 2
};

static void every_pad_is_there(void **state)
{
    (void)state;
    json_t *w = wiring_json(&profile, &route, &cls);
    char *ascii = wiring_ascii(w), *svg = wiring_svg(w);
    static const char *const in_text[] = { "D2 (pin 17)",   "CE",  "D7 (pin 22)",  "TDO",
                                           "GND",           "3V3", "<5 V> & more", "------------->",
                                           "<-------------" };
    for (size_t i = 0; i < ARRAY_LEN(in_text); i++)
        if (!strstr(ascii, in_text[i]))
            fail_msg("'%s' is missing in\n%s", in_text[i], ascii);
    static const char *const in_svg[] = { "D2 (pin 17)", ">CE<", ">TDO<",
                                          "&lt;5 V&gt; &amp; more" };
    for (size_t i = 0; i < ARRAY_LEN(in_svg); i++)
        if (!strstr(svg, in_svg[i]))
            fail_msg("'%s' is missing in the SVG", in_svg[i]);
    assert_null(strstr(svg, "<5 V>"));
    free(ascii);
    free(svg);
    json_decref(w);
}

static void warns_without_reset(void **state)
{
    (void)state;
    struct prof_route r = route;
    r.n_pads = 0;
    json_t *w = wiring_json(&profile, &r, &cls);
    char *ascii = wiring_ascii(w);
    assert_non_null(strstr(ascii, "by hand"));
    free(ascii);
    json_decref(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pad_is_there),
        cmocka_unit_test(warns_without_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
