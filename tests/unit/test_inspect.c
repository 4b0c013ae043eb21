/* The inspector: kinds, layouts, damage on made-up images; every field on real dumps. */
#include "core/image/inspect.h"
#include "tests/support/realdata.h"
#include "tests/support/synth.h"

static struct image_layout layouts[3];

static struct image_facts *facts_of(const uint8_t *p, size_t n)
{
    struct image_facts *f;
    bkf_error err = BKF_ERROR_INIT;
    layouts[0] = synth_tuya_layouts[0];
    layouts[1] = synth_tuya_layouts[1];
    layouts[2] = synth_doorbell_layout;
    if (inspect_image(p, n, layouts, 3, &f, &err))
        fail_msg("%s", err.message);
    return f;
}

static void expect_kind(const uint8_t *p, size_t n, enum image_kind kind, uint32_t write_at)
{
    struct image_facts *f = facts_of(p, n);
    if (f->kind != kind || f->write_at != write_at)
        fail_msg("kind %s at 0x%x, not %s at 0x%x", image_kind_name(f->kind), f->write_at,
                 image_kind_name(kind), write_at);
    assert_true(f->n_claims > 0);
    inspect_free(f);
}

static void kinds(void **state)
{
    (void)state;
    uint8_t *lamp = synth_lamp(), *bell = synth_doorbell(), *tmp = malloc(SYNTH_DOORBELL);
    expect_kind(lamp, SYNTH_LAMP, KIND_DUMP, 0);
    expect_kind(bell, SYNTH_DOORBELL, KIND_DUMP, 0);
    expect_kind(lamp, 0x129F70, KIND_QIO, 0);
    expect_kind(lamp + 0x11000, SYNTH_LAMP - 0x11000, KIND_DUMP_APP, 0x11000);
    expect_kind(lamp + 0x11000, 34 * 2000, KIND_UA, 0x11000);
    expect_kind(bell + 0x1BA000, 34 * 2000, KIND_UA, 0x1BA000);
    expect_kind(lamp, 0x11000, KIND_BOOTLOADER, 0);
    expect_kind(lamp, 0x7000, KIND_BOOTLOADER, 0);
    expect_kind(lamp + 0x12A000, 40000, KIND_RBL, IMAGE_NOWHERE);
    expect_kind(lamp + 0x1EE000, 0x12000, KIND_STORAGE, IMAGE_NOWHERE);
    expect_kind(lamp + 0x1D0000, 0x1000, KIND_RF, IMAGE_NOWHERE);
    memcpy(tmp, lamp + 0x11000, SYNTH_LAMP - 0x11000);
    memcpy(tmp + SYNTH_LAMP - 0x11000, lamp, 0x11000);
    expect_kind(tmp, SYNTH_LAMP, KIND_DUMP_TURNED, 0);
    memset(tmp, 0xFF, SYNTH_LAMP);
    expect_kind(tmp, SYNTH_LAMP, KIND_BLANK, IMAGE_NOWHERE);
    memset(tmp, 0, 100);
    expect_kind(tmp, 100, KIND_BLANK, IMAGE_NOWHERE);
    random_fill(1, tmp, 4096);
    for (size_t i = 1; i < 512; i++)
        memcpy(tmp + i * 4096, tmp, 4096);
    expect_kind(tmp, SYNTH_LAMP, KIND_BLANK, IMAGE_NOWHERE); /* one sector over and over */
    random_fill(2, tmp, 70000);
    expect_kind(tmp, 70000, KIND_UNKNOWN, IMAGE_NOWHERE);
    expect_kind(tmp, 0, KIND_UNKNOWN, IMAGE_NOWHERE);
    expect_kind(tmp, 1, KIND_UNKNOWN, IMAGE_NOWHERE);
    synth_program(tmp, 4096, 3, "x");
    expect_kind(tmp, 4096, KIND_PLAIN, IMAGE_NOWHERE);
    static const char hex[] = ":10010000214601360121470136007EFE09D2190140\n:00000001FF\n";
    expect_kind((const uint8_t *)hex, sizeof hex - 1, KIND_IHEX, IMAGE_NOWHERE);
    size_t len;
    uint8_t *ug = data_file("ug_of_ota_aes256_gzip.bin", &len);
    expect_kind(ug, len, KIND_UG, IMAGE_NOWHERE);
    free(ug);
    free(tmp);
    free(bell);
    free(lamp);
}

/* Without a cipher the address does not show in the bytes: a program is told from a bootloader by
 * what it was linked for. */
static void plain_kinds(void **state)
{
    (void)state;
    struct crypt_key zero = { { 0 } };
    uint8_t *flash = malloc(SYNTH_LAMP), *prog = malloc(0x20000), *turned = malloc(SYNTH_LAMP);
    memset(flash, 0xFF, SYNTH_LAMP);
    synth_bootloader(flash, &zero, "BK7231N_1.0.1", NULL, &synth_tuya_layouts[1]);
    synth_program(prog, 0x20000, 4, "OpenBK7231M_1.0");
    synth_place(flash, prog, 0x20000, 0x10000, &zero);
    expect_kind(flash, SYNTH_LAMP, KIND_DUMP, 0);
    expect_kind(flash, 0x7000, KIND_BOOTLOADER, 0);
    expect_kind(flash + 0x11000, 34 * 0x1000, KIND_UA, 0x11000); /* longer than a bootloader */
    expect_kind(flash + 0x11000, 34 * 64, KIND_UA, 0x11000);
    expect_kind(flash + 0x11000, SYNTH_LAMP - 0x11000, KIND_DUMP_APP, 0x11000);
    memcpy(turned, flash + 0x11000, SYNTH_LAMP - 0x11000);
    memcpy(turned + SYNTH_LAMP - 0x11000, flash, 0x11000);
    expect_kind(turned, SYNTH_LAMP, KIND_DUMP_TURNED, 0);
    free(turned);
    free(prog);
    free(flash);
}

static void made_up_dumps_are_understood(void **state)
{
    (void)state;
    uint8_t *lamp = synth_lamp(), *bell = synth_doorbell();
    struct image_facts *f = facts_of(lamp, SYNTH_LAMP);
    assert_string_equal(f->layout->name, "bk7231n-tuya-2m");
    assert_int_equal(f->n_damage, 0);
    assert_int_equal(f->n_rbl, 2);
    assert_true(f->rbl[0].verdict.hash_ok && f->rbl[1].package_ok);
    assert_int_equal(f->kv->n_entries, 5);
    assert_string_equal(f->string[0].text, "TUYA IOT SDK V:2.3.1 BS:40.00_PT:2.2_LAN:3.3");
    inspect_free(f);
    f = facts_of(bell, SYNTH_DOORBELL);
    assert_string_equal(f->layout->name, "bk7252-tuya-4m-pingpong");
    assert_int_equal(f->n_damage, 0);
    assert_true(f->ota.present && f->ota.slot[0].verified && f->ota.slot[1].verified);
    assert_int_equal(f->n_rf, 1);
    inspect_free(f);
    free(bell);
    free(lamp);
}

static bool says(const struct image_facts *f, const char *part)
{
    for (size_t i = 0; i < f->n_damage; i++)
        if (strstr(f->damage[i], part))
            return true;
    return false;
}

struct harm {
    uint32_t at, len; /* bytes overwritten with zero; len 0 = one bit flipped */
    const char *says;
};

static void damage_is_named(void **state)
{
    (void)state;
    static const struct harm harms[] = {
        { 0x5000, 0, "bootloader: 1 of" },
        { 0x0, 64, "bootloader: the first code block" },
        { 0x11000, 64, "application: the first code block" },
        { 0x20000, 0, "app: 1 of" },
        { 0x20000, 0, "hash does not fit" },
        { 0x20000, 5000, "bad CRC, the first at 0x1fffe" },
        { 0x12A400, 0, "package CRC is wrong" },
        { 0x1D0008, 0, "RF calibration: none found" },
        { 0x1D0030, 0, "RF calibration at 0x1d0000" },
        { 0x1EF100, 0, "storage: 1 data blocks" },
    };
    for (size_t i = 0; i < ARRAY_LEN(harms); i++) {
        uint8_t *lamp = synth_lamp();
        if (harms[i].len)
            memset(lamp + harms[i].at, 0, harms[i].len);
        else
            lamp[harms[i].at] ^= 1;
        struct image_facts *f = facts_of(lamp, SYNTH_LAMP);
        if (!says(f, harms[i].says))
            fail_msg("case %zu says '%s'", i, f->n_damage ? f->damage[0] : "nothing");
        inspect_free(f);
        free(lamp);
    }
    uint8_t *lamp = synth_lamp();
    struct image_facts *f = facts_of(lamp, 0x150123);
    assert_true(says(f, "cut short"));
    inspect_free(f);
    free(lamp);
}

/* A board may nest data in a code partition: its bytes are not bad code. */
static void nested_data_is_no_damage(void **state)
{
    (void)state;
    uint8_t *bell = synth_doorbell();
    struct image_layout l = synth_doorbell_layout;
    struct image_facts *f;
    l.part[0].range.end = 0x11000;
    random_fill(1, bell + 0x10000, 0x1000);
    assert_int_equal(inspect_image(bell, SYNTH_DOORBELL, &l, 1, &f, NULL), BKF_OK);
    assert_int_equal(f->n_damage, 0);
    assert_int_equal(f->part[0].good, 848);
    inspect_free(f);
    bell[0x5000] ^= 1;
    assert_int_equal(inspect_image(bell, SYNTH_DOORBELL, &l, 1, &f, NULL), BKF_OK);
    assert_true(says(f, "bootloader: 1 of"));
    inspect_free(f);
    free(bell);
}

/* Secrets are in no output unless asked for. */
static void secrets_are_hidden(void **state)
{
    (void)state;
    static const char *const secrets[] = { SYNTH_SSID, SYNTH_PASS,  SYNTH_UUID,
                                           SYNTH_AUTH, SYNTH_LOCAL, "aa:bb:cc" };
    uint8_t *bell = synth_doorbell();
    struct image_facts *f = facts_of(bell, SYNTH_DOORBELL);
    for (int show = 0; show < 2; show++) {
        struct strbuf text = STRBUF_INIT;
        json_t *json = inspect_json(f, show);
        char *dumped = json_dumps(json, 0);
        inspect_text(f, show, &text);
        for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
            assert_int_equal(strstr(dumped, secrets[i]) != NULL, show);
            assert_int_equal(strstr(text.data, secrets[i]) != NULL, show);
        }
        assert_non_null(strstr(dumped, "rl1_pin"));
        strbuf_free(&text);
        free(dumped);
        json_decref(json);
    }
    inspect_free(f);
    free(bell);
}

/* Everything in want is in got; arrays are equally long but for what grew at the end. */
static void covers(const char *path, const json_t *want, const json_t *got)
{
    char sub[256];
    if (json_is_object(want)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)want, key, value)
        {
            snprintf(sub, sizeof sub, "%s.%s", path, key);
            if (!json_object_get(got, key))
                fail_msg("%s is missing", sub);
            covers(sub, value, json_object_get(got, key));
        }
        return;
    }
    if (json_is_array(want)) {
        bool open_end = strstr(path, "rf_tlv[0].entries") || strstr(path, "app_strings");
        if (open_end ? json_array_size(got) < json_array_size(want)
                     : json_array_size(got) != json_array_size(want))
            fail_msg("%s has %zu elements, not %zu", path, json_array_size(got),
                     json_array_size(want));
        for (size_t i = 0; i < json_array_size(want); i++) {
            snprintf(sub, sizeof sub, "%s[%zu]", path, i);
            covers(sub, json_array_get(want, i), json_array_get(got, i));
        }
        return;
    }
    const char *text = json_string_value(want), *mine = json_string_value(got);
    if (text && mine && strstr(path, "app_strings") && strncmp(text, mine, strlen(text)) == 0)
        return; /* the published value was cut */
    if (!json_equal(want, got)) {
        char *a = json_dumps(want, JSON_ENCODE_ANY), *b = json_dumps(got, JSON_ENCODE_ANY);
        fail_msg("%s is %s, not %s", path, b, a);
    }
}

static void real_dumps(void **state)
{
    (void)state;
    size_t len, i;
    uint8_t *text = data_file("golden.json", &len);
    json_t *golden = json_loadb((const char *)text, len, 0, NULL), *want;
    assert_non_null(golden);
    bool any = false;
    json_array_foreach(json_object_get(golden, "dumps"), i, want)
    {
        uint8_t *dump = real_file(text_of(want, "path"), &len);
        if (!dump)
            continue;
        any = true;
        struct image_facts *f = facts_of(dump, len);
        json_t *got = inspect_json(f, false);
        json_object_set_new(got, "path", json_string(text_of(want, "path")));
        json_object_set_new(got, "origin", json_string(text_of(want, "origin")));
        if (json_object_get(want, "turned_sha256")) {
            struct sha256_hex sha;
            sha256_of(f->data, f->data_len, &sha);
            json_object_set_new(got, "turned_sha256", json_string(sha.text));
        }
        covers("", want, got);
        assert_int_equal(f->n_damage, 0); /* they are sound */
        assert_true(f->rf[0].mac_at != 0);
        json_decref(got);
        inspect_free(f);
        free(dump);
    }
    json_decref(golden);
    free(text);
    if (!any)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(plain_kinds),
        cmocka_unit_test(made_up_dumps_are_understood),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(secrets_are_hidden),
        cmocka_unit_test(nested_data_is_no_damage),
        cmocka_unit_test(real_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
