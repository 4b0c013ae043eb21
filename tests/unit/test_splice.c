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
    struct verdict_device d = { &dev->boot.key, &dev->boot, &synth_doorbell_layout };
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
    struct verdict_device d = { &dev->boot.key, &dev->boot, &synth_doorbell_layout };
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
    struct verdict_device d = { &dev->boot.key, &dev->boot, NULL };
    struct verdict v;
    verdict_of(f, &d, &v);
    assert_false(v.boots);
    assert_true(has_row(&v, VERDICT_NO, "wants 'BK7231' in clear at 0x100"));
    inspect_free(f);
    inspect_free(dev);
    free(lamp);
    free(without);
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
    struct verdict_device d = { &dev->boot.key, &dev->boot, &synth_doorbell_layout };
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
        cmocka_unit_test(on_the_doorbell),
        cmocka_unit_test(programs_alone),
        cmocka_unit_test(marker_is_kept),
        cmocka_unit_test(splicing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
