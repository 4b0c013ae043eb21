/* Would it boot: the doorbell and the three images people try on it. */
#include "core/image/splice.h"
#include "tests/support/synth.h"

static struct image_facts *facts_of(const uint8_t *p, size_t n)
{
    struct image_facts *f;
    bkf_error err = BKF_ERROR_INIT;
    if (inspect_image(p, n, &synth_doorbell_layout, 1, &f, &err))
        fail_msg("%s", err.message);
    return f;
}

static bool has_row(const struct verdict *v, enum verdict_state s, const char *text)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->row[i].state == s && strstr(v->row[i].text, text))
            return true;
    return false;
}

enum { QIO = 0x132000 };
/* A QIO image as the build scripts make it: SDK-style bootloader and a program. */
static uint8_t *qio(const char *boot_key, const char *app_key, const char *marker)
{
    struct crypt_key bk, ak;
    assert_true(crypt_parse(boot_key, &bk) && crypt_parse(app_key, &ak));
    uint8_t *img = malloc(QIO), prog[0x8000], header[RBL_HEADER];
    memset(img, 0xFF, QIO);
    synth_bootloader(img, &bk, "BK7251_1.0.15", marker, NULL);
    synth_program(prog, sizeof prog, 7, "OpenBK7252_1.18");
    crypt_run(&ak, 0x10000, prog, prog, sizeof prog);
    crc34_pack(prog, sizeof prog, img + 0x11000);
    struct rbl_header h = { .name = "app", .version = "1.00" };
    rbl_header_inplace(&h, prog, sizeof prog);
    rbl_header_write(&h, header);
    crc34_pack(header, sizeof header, img + QIO - RBL_PACKED_HEADER);
    return img;
}

static void on_the_doorbell(void **state)
{
    (void)state;
    static const struct {
        const char *boot_key, *app_key, *marker;
        bool boots;
        const char *says;
    } cases[] = {
        { "tuya", "tuya", NULL, true, "bootloader and chip have the key 'tuya'" },
        { "zero", "zero", NULL, false, "the chip deciphers with 'tuya' but this bootloader" },
        { "tuya", "zero", NULL, false, "jump into garbage" },
        { "uascent", "uascent", NULL, false, "enciphered with 'uascent'" },
    };
    uint8_t *bell = synth_doorbell();
    struct image_facts *dev = facts_of(bell, SYNTH_DOORBELL);
    struct verdict_device d = { .key = &dev->boot.key,
                                .boot = &dev->boot,
                                .layout = &synth_doorbell_layout };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t *img = qio(cases[i].boot_key, cases[i].app_key, cases[i].marker);
        struct image_facts *f = facts_of(img, QIO);
        struct verdict v;
        assert_int_equal(f->kind, KIND_QIO);
        verdict_of(f, &d, &v);
        if (v.boots != cases[i].boots ||
            !has_row(&v, cases[i].boots ? VERDICT_OK : VERDICT_NO, cases[i].says)) {
            struct strbuf sb = STRBUF_INIT;
            verdict_text(&v, &sb);
            fail_msg("case %zu: %s", i, sb.data);
        }
        inspect_free(f);
        free(img);
    }
    /* the device's own dump, too */
    struct verdict v;
    verdict_of(dev, &d, &v);
    assert_true(v.boots);
    inspect_free(dev);
    free(bell);
}

static void programs_alone(void **state)
{
    (void)state;
    uint8_t *bell = synth_doorbell(), *good = qio("tuya", "tuya", NULL),
            *bad = qio("zero", "zero", NULL);
    struct image_facts *dev = facts_of(bell, SYNTH_DOORBELL);
    struct verdict_device d = { .key = &dev->boot.key,
                                .boot = &dev->boot,
                                .layout = &synth_doorbell_layout };
    struct verdict v;
    struct image_facts *f = facts_of(good + 0x11000, 34 * 1024);
    assert_int_equal(f->kind, KIND_UA);
    verdict_of(f, &d, &v);
    assert_true(v.boots);
    inspect_free(f);
    f = facts_of(bad + 0x11000, 34 * 1024);
    verdict_of(f, &d, &v);
    assert_false(v.boots);
    inspect_free(f);
    good[0x11000 + 34 * 100] ^= 1;
    f = facts_of(good + 0x11000, 34 * 1024);
    verdict_of(f, &d, &v);
    assert_false(v.boots);
    assert_true(has_row(&v, VERDICT_NO, "executing one stops the chip"));
    inspect_free(f);
    size_t len;
    uint8_t *rbl = data_file("ota_none.rbl", &len);
    f = facts_of(rbl, len);
    verdict_of(f, &d, &v);
    assert_false(v.boots);
    assert_true(has_row(&v, VERDICT_NO, "'splice'"));
    inspect_free(f);
    free(rbl);
    inspect_free(dev);
    free(good);
    free(bad);
    free(bell);
}

static void marker_is_kept(void **state)
{
    (void)state;
    uint8_t *lamp = synth_lamp(), *without = qio("tuya", "tuya", NULL);
    struct image_facts *dev = facts_of(lamp, SYNTH_LAMP), *f = facts_of(without, QIO);
    struct verdict_device d = { .key = &dev->boot.key, .boot = &dev->boot, .layout = NULL };
    struct verdict v;
    verdict_of(f, &d, &v);
    assert_false(v.boots);
    assert_true(has_row(&v, VERDICT_NO, "wants 'BK7231' in clear at 0x100"));
    inspect_free(f);
    inspect_free(dev);
    free(lamp);
    free(without);
}

static void judge(const uint8_t *p, size_t n, const struct verdict_device *d, struct verdict *v)
{
    struct image_facts *f = facts_of(p, n);
    verdict_of_chip(f, d, v);
    inspect_free(f);
}

/* What the profile says of the chip counts, whatever runs there now. */
static void another_chip(void **state)
{
    (void)state;
    static const struct {
        const char *names, *marker, *image_marker;
        bool boots;
        const char *says;
    } cases[] = {
        { "BK7252, BK7251", "", NULL, true, "made for BK7251 (bootloader version" },
        { "BK7231U, BK7251", "", NULL, false, "is made for BK7252 (text in the program" },
        { "BK72", "", NULL, false, "is made for BK7251 (bootloader" },
        { NULL, "", "BK7231\0", false, "this chip's wants no marker" },
        { NULL, "BK7231", NULL, false, "wants 'BK7231' in clear" },
        { NULL, "BK7238", "BK7231\0", false, "boot ROM of this chip wants 'BK7238'" },
        { NULL, "BK7231", "BK7231\0", true, NULL },
        { NULL, NULL, "BK7231\0", true, NULL },
    };
    uint8_t *lamp = synth_lamp();
    struct image_facts *dev = facts_of(lamp, SYNTH_LAMP); /* another chip's runs there */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t *img = qio("zero", "zero", cases[i].image_marker);
        struct verdict_device d = { .source = "profile",
                                    .chip = "x",
                                    .names = cases[i].names,
                                    .marker = cases[i].marker,
                                    .boot = cases[i].marker ? &dev->boot : NULL };
        struct verdict v;
        judge(img, QIO, &d, &v);
        if (v.boots != cases[i].boots ||
            (cases[i].says && !has_row(&v, v.boots ? VERDICT_OK : VERDICT_NO, cases[i].says)))
            fail_msg("case %zu: boots %d, %s", i, v.boots, v.n ? v.row[0].text : "no row");
        free(img);
    }
    uint8_t *img = qio("zero", "zero", NULL);
    struct verdict_device d = { .source = "profile", .chip = "x", .names = "bk7251" };
    struct verdict v;
    judge(img + 0x11000, 34 * 1024, &d, &v); /* only the program names a chip */
    assert_true(!v.boots && has_row(&v, VERDICT_NO, "made for BK7252 (text in the program"));
    free(img);
    inspect_free(dev);
    free(lamp);
}

static void names_of_chips(void **state)
{
    (void)state;
    const char *text = "Beken SDK 1.0.15 for BK7231u or xx1234/BK7252N_1, AB12345, ABCD1234EFG";
    static const char *const want[] = { "BK7231U", "XX1234", "BK7252N" };
    char name[CHIP_NAME];
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(chip_name_next(&text, name));
        assert_string_equal(name, want[i]);
    }
    assert_false(chip_name_next(&text, name));
    assert_true(chip_goes_by("BK7231T,BK7231S", "bk7231s"));
    assert_false(chip_goes_by("BK7252N", "BK7252"));
    assert_false(chip_goes_by("BK7252", "BK7252N"));
    assert_false(chip_goes_by(" , ", "BK7252"));
}

/* Every form of firmware with the doorbell's own bootloader gives an image that boots, in which
 * the bootloader and the metadata are as they were. */
static void splicing(void **state)
{
    (void)state;
    uint8_t *bell = synth_doorbell(), *img = qio("tuya", "tuya", NULL), plain[0x8000], *rbl, *out;
    size_t rbl_len, len;
    bkf_error err = BKF_ERROR_INIT;
    struct image_facts *dev = facts_of(bell, SYNTH_DOORBELL);
    struct verdict_device d = { .key = &dev->boot.key,
                                .boot = &dev->boot,
                                .layout = &synth_doorbell_layout };
    synth_program(plain, sizeof plain, 7, "OpenBK7252_1.18");
    struct rbl_header h = { .algo = RBL_COMP_GZIP | RBL_CRYPT_AES256, .name = "app" };
    assert_int_equal(rbl_pack(plain, sizeof plain, &h, &rbl_default_keys, &rbl, &rbl_len, &err), 0);
    const struct {
        const uint8_t *p;
        size_t n;
    } forms[] = {
        { img, QIO }, { img + 0x11000, 34 * 1024 }, { plain, sizeof plain }, { rbl, rbl_len }
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct image_facts *fw = facts_of(forms[i].p, forms[i].n);
        if (splice_image(dev, fw, &out, &len, &err))
            fail_msg("form %zu: %s", i, err.message);
        assert_memory_equal(out, bell, 0x11000);
        assert_memory_equal(out + 0x11000, img + 0x11000, 34 * 1024); /* same program, same key */
        struct image_facts *f = facts_of(out, len);
        struct verdict v;
        verdict_of(f, &d, &v);
        assert_true(v.boots);
        inspect_free(f);
        inspect_free(fw);
        free(out);
    }
    struct image_facts *none = facts_of(bell + 0x363000, 0x2000);
    assert_int_equal(splice_image(dev, none, &out, &len, &err), BKF_E_IMAGE);
    assert_int_equal(splice_image(none, dev, &out, &len, &err), BKF_E_IMAGE);
    inspect_free(none);
    inspect_free(dev);
    free(rbl);
    free(img);
    free(bell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_the_doorbell), cmocka_unit_test(programs_alone),
        cmocka_unit_test(marker_is_kept),  cmocka_unit_test(another_chip),
        cmocka_unit_test(names_of_chips),  cmocka_unit_test(splicing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
