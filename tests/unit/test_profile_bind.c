/* The third pass: routes of a profile against made-up classes. */
#include "core/profile/bind.h"
#include "core/profile/findings.h"
#include "core/profile/load.h"
#include "tests/support/cmocka.h"
#include <string.h>

static const char *const dirs[] = { SOURCE_DIR "/conf", NULL };
static const struct profile_env env = { dirs };

static const bkf_line_spec cable_lines[] = {
    { "D0", "CS0", BKF_ROLE_CS | BKF_ROLE_OUT, 0, "pin 15" },
    { "D2", "CS2", BKF_ROLE_OUT, 0, "pin 17" },
    { "D3", "SCK", BKF_ROLE_SCK, 0, "pin 18" },
    { "D5", "MOSI", BKF_ROLE_MOSI, 0, "pin 20" },
    { "D6", NULL, BKF_ROLE_IN, 0, NULL },
    { "D7", "MISO", BKF_ROLE_MISO | BKF_ROLE_IN, 0, "pin 22" },
    { NULL, NULL, 0, 0, NULL },
};
static const bkf_prop_spec cable_props[] = {
    { .key = "speed", .type = BKF_PROP_HERTZ, .dflt = "1MHz", .help = "clock", .max = 60000000 },
    { .key = "serial", .type = BKF_PROP_STRING, .dflt = "", .help = "unit" },
    { .key = NULL },
};
static const bkf_adapter_class cable = {
    .struct_size = sizeof cable, .name = "cable", .lines = cable_lines, .props = cable_props
};
static const bkf_line_spec model_lines[] = {
    { "sck", NULL, BKF_ROLE_SCK, 0, NULL },   { "mosi", NULL, BKF_ROLE_MOSI, 0, NULL },
    { "miso", NULL, BKF_ROLE_MISO, 0, NULL }, { "cs0", NULL, BKF_ROLE_CS, 0, NULL },
    { "cen", NULL, BKF_ROLE_OUT, 0, NULL },   { NULL, NULL, 0, 0, NULL },
};
static const bkf_adapter_class model = { .struct_size = sizeof model,
                                         .name = "model",
                                         .lines = model_lines };
static const bkf_prop_spec chip_props[] = {
    { .key = "spi_entry",
      .type = BKF_PROP_UINT,
      .dflt = "0xD2",
      .help = "x",
      .min = 1,
      .max = 255 },
    { .key = NULL },
};
static const bkf_chip_class chip = { .struct_size = sizeof chip,
                                     .name = "bk7252",
                                     .props = chip_props };

/* A board whose default route has these pads and keys; returns what binding says. */
static bkf_status bind_text(const char *adapter_keys, const char *pads, const char *chip_keys,
                            const bkf_adapter_class *class, struct strbuf *out)
{
    struct strbuf text = STRBUF_INIT;
    struct diag_list d = { 0 };
    struct bkf_profile *p = NULL;
    bkf_error err = BKF_ERROR_INIT;
    strbuf_addf(&text,
                "[profile]\nschema = 1\nkind = board\nname = b\n\n"
                "[flash]\nsize = 4M\n[adapter]\ndriver = cable\ntransport = "
                "spi\n%s%s%s[chip]\ndriver = bk7252\n%s",
                adapter_keys, *pads ? "[pads]\n" : "", pads, chip_keys);
    bkf_status st = profile_load_text(&env, "b.ini", text.data, text.len, &d, &p, &err);
    if (st)
        fail_msg("%s: %s", err.message, d.n ? d.items[0].text : "");
    const struct bind_request r = {
        .profile = p, .route = profile_route(p, NULL), .adapter = class, .chip = &chip
    };
    st = profile_bind(&r, &d, &err);
    assert_int_equal(st == BKF_OK, d.errors == 0);
    findings_text(&d, 0, out);
    profile_free(p);
    strbuf_free(&text);
    diag_free(&d);
    return st;
}

#define PADS \
    "CE = cen @ D2\nTCK = sck @ SCK\nTMS = cs0 @ CS0\nTDI = mosi @ MOSI\nTDO = miso @ MISO\n"

static void good_routes_bind(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    assert_int_equal(bind_text("", PADS, "", &cable, &out), BKF_OK);
    assert_int_equal(bind_text("opt.speed = 30kHz\n", PADS, "opt.spi_entry = 0xD3\n", &cable, &out),
                     BKF_OK);
    assert_int_equal(bind_text("", "", "", &model, &out), BKF_OK); /* lines named like signals */
    assert_null(out.data);
}

static void says(const char *adapter_keys, const char *pads, const char *chip_keys,
                 const bkf_adapter_class *class, const char *expected)
{
    struct strbuf out = STRBUF_INIT;
    assert_int_equal(bind_text(adapter_keys, pads, chip_keys, class, &out), BKF_E_PROFILE);
    assert_string_equal(out.data, expected);
    strbuf_free(&out);
}

static void pads_are_checked(void **state)
{
    (void)state;
    says("",
         "CE = cen @ D2\nTCK = sck @ SCL\nTMS = cs0 @ CS0\nTDI = mosi @ MOSI\nTDO = miso @ MISO\n",
         "", &cable, "b.ini:13: error: [pads] TCK: cable has no line 'SCL', did you mean 'SCK'?\n");
    says(
        "",
        "CE = cen @ D2\nTCK = sck @ GPIO17\nTMS = cs0 @ CS0\nTDI = mosi @ MOSI\nTDO = miso @ "
        "MISO\n",
        "", &cable,
        "b.ini:13: error: [pads] TCK: cable has no line 'GPIO17'; it has D0, D2, D3, D5, D6, D7\n");
    says("",
         "CE = cen @ D2\nTCK = sck @ SCK\nTMS = cs0 @ CS0\nTDI = mosi @ MISO\nTDO = miso @ MOSI\n",
         "", &cable,
         "b.ini:15: error: [pads] TDI: line MISO of cable is no MOSI output; use D5\n"
         "b.ini:16: error: [pads] TDO: line MOSI of cable is no MISO input; use D7\n");
    says("",
         "CE = cen @ D6\nTCK = sck @ SCK\nTMS = cs0 @ CS0\nTDI = mosi @ MOSI\nTDO = miso @ MISO\n",
         "", &cable, "b.ini:12: error: [pads] CE: line D6 of cable is no output; use D0, D2\n");
    says("",
         "CE = cen @ D0\nTCK = sck @ SCK\nTMS = cs0 @ CS0\nTDI = mosi @ MOSI\nTDO = miso @ MISO\n",
         "", &cable, "b.ini:14: error: [pads] TMS: line D0 carries cen already, as D0\n");
    says("", "", "", &cable,
         "b.ini:8: error: [adapter] cable has no line named 'sck': [pads] must say which line "
         "carries it\n");
}

static void options_are_checked(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    assert_int_equal(bind_text("opt.sped = 1MHz\n", PADS, "", &cable, &out), BKF_E_PROFILE);
    assert_non_null(strstr(out.data, "b.ini:11: error: [adapter] opt.sped: "));
    assert_non_null(strstr(out.data, "did you mean 'speed'"));
    strbuf_free(&out);
    assert_int_equal(
        bind_text("opt.speed = 1000\n", PADS, "opt.spi_entry = 0\nopt.x = 1\n", &cable, &out),
        BKF_E_PROFILE);
    assert_non_null(strstr(out.data, "b.ini:11: error: "));
    assert_non_null(strstr(out.data, "b.ini:20: error: [chip] opt.spi_entry: "));
    assert_non_null(strstr(out.data, "b.ini:21: error: "));
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_routes_bind),
        cmocka_unit_test(pads_are_checked),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
