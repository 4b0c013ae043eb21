/* extract, then pack: byte for byte, whatever the image is. */
#include "core/image/extract.h"
#include "core/image/redact.h"
#include "core/image/report_html.h"
#include "tests/support/folder.h"
#include "tests/support/realdata.h"
#include "tests/support/synth.h"

static struct image_layout layouts[3];

static void take_apart(const uint8_t *p, size_t n, bool show, struct folder *d)
{
    struct image_facts *f;
    bkf_error err = BKF_ERROR_INIT;
    layouts[0] = synth_tuya_layouts[0];
    layouts[1] = synth_tuya_layouts[1];
    layouts[2] = synth_doorbell_layout;
    memset(d, 0, sizeof *d);
    assert_int_equal(inspect_image(p, n, layouts, 3, &f, &err), BKF_OK);
    if (extract_image(f, show, folder_put, d, &err))
        fail_msg("%s", err.message);
    inspect_free(f);
}

/* The largest single allocation, where the sanitizer's runtime tells. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
                                                     void (*)(const volatile void *))
    __attribute__((weak));
static size_t largest;
static void on_malloc(const volatile void *p, size_t n)
{
    (void)p;
    largest = n > largest ? n : largest;
}
static void on_free(const volatile void *p)
{
    (void)p;
}

/* Inspecting, taking apart, putting together, redacting and reporting ask for no piece of memory
 * larger than the image plus 1 MiB. */
static void memory_is_bounded(void **state)
{
    (void)state;
    if (!__sanitizer_install_malloc_and_free_hooks) {
        print_message("skipped: built without AddressSanitizer, which counts allocations\n");
        skip();
    }
    assert_true(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0);
    uint8_t *flash[2] = { synth_lamp(), synth_doorbell() }, *out;
    static const size_t sizes[2] = { SYNTH_LAMP, SYNTH_DOORBELL };
    for (size_t i = 0; i < 2; i++) {
        struct image_facts *f;
        struct redact_report r;
        struct strbuf page = STRBUF_INIT;
        struct folder d;
        size_t len;
        bool same;
        largest = 0;
        take_apart(flash[i], sizes[i], true, &d);
        assert_int_equal(pack_image(folder_get, &d, &out, &len, &same, NULL), BKF_OK);
        free(out);
        folder_free(&d);
        assert_int_equal(inspect_image(flash[i], sizes[i], layouts, 3, &f, NULL), BKF_OK);
        assert_int_equal(redact_image(f, &out, &r, NULL), BKF_OK);
        assert_true(report_html(f, "x", f, "y", true, &page));
        strbuf_free(&page);
        free(out);
        redact_report_free(&r);
        inspect_free(f);
        assert_true(largest > 0);
        if (largest > sizes[i] + (1 << 20))
            fail_msg("one allocation of %zu bytes for an image of %zu", largest, sizes[i]);
        free(flash[i]);
    }
}

static void there_and_back(const uint8_t *p, size_t n)
{
    struct folder d;
    uint8_t *again;
    size_t len;
    bool same;
    bkf_error err = BKF_ERROR_INIT;
    take_apart(p, n, false, &d);
    assert_true(d.largest <= n + (1 << 20));
    if (pack_image(folder_get, &d, &again, &len, &same, &err))
        fail_msg("%s", err.message);
    assert_true(same);
    assert_int_equal(len, n);
    assert_memory_equal(again, p, n);
    free(again);
    folder_free(&d);
}

static void made_up(void **state)
{
    (void)state;
    uint8_t *lamp = synth_lamp(), *bell = synth_doorbell(), *turned = malloc(SYNTH_LAMP);
    there_and_back(lamp, SYNTH_LAMP);
    there_and_back(bell, SYNTH_DOORBELL);
    there_and_back(lamp, 0x129F70);                       /* QIO */
    there_and_back(lamp + 0x11000, 34 * 2000);            /* UA */
    there_and_back(lamp + 0x11000, 34 * 2000 + 11);       /* cut */
    there_and_back(lamp + 0x11000, SYNTH_LAMP - 0x11000); /* UART dump */
    there_and_back(lamp, 0x150123);                       /* cut dump */
    there_and_back(lamp + 0x12A000, 50000);               /* RBL */
    there_and_back(lamp, 1);
    memcpy(turned, lamp + 0x11000, SYNTH_LAMP - 0x11000);
    memcpy(turned + SYNTH_LAMP - 0x11000, lamp, 0x11000);
    there_and_back(turned, SYNTH_LAMP);
    for (uint32_t seed = 1; seed < 6; seed++) { /* scattered damage in code and data */
        uint32_t state32 = seed;
        for (size_t i = 0; i < 300; i++)
            lamp[random_next(&state32) % SYNTH_LAMP] ^= (uint8_t)random_next(&state32);
        there_and_back(lamp, SYNTH_LAMP);
    }
    free(turned);
    free(bell);
    free(lamp);
}

static void real(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "dumps/easyflasher/LED_Moon_18W_CCT_Kobi.bin",
        "dumps/easyflasher/SmartLED_8044_1_Gange_Smart_Switch.bin",
        "dumps/emulator/BK7231N_Tuya_BEOK_TOL47WIFI_Thermostat_TuyaMCU_TuyaOS_3.11.12.bin",
        "dumps/emulator/BK7231T_QIO_Woox_R5111_2023-14-10-23-46-06.bin",
        "captures/hid/bootloader_bk7231s_1.0.1_crc.bin",
    };
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        size_t len;
        uint8_t *dump = real_file(paths[i], &len);
        if (!dump)
            continue;
        any = true;
        there_and_back(dump, len);
        free(dump);
    }
    if (!any)
        skip();
}

/* The code files are the programs: vectors at the start, table and marker readable. */
static void code_is_plain(void **state)
{
    (void)state;
    uint8_t *lamp = synth_lamp();
    struct folder d;
    take_apart(lamp, SYNTH_LAMP, false, &d);
    const uint8_t *boot = d.file[folder_find(&d, "bootloader.bin")].p;
    const uint8_t *app = d.file[folder_find(&d, "app.bin")].p;
    assert_int_equal(crypt_vectors(boot), 8);
    assert_int_equal(crypt_vectors(app), 8);
    assert_memory_equal(boot + 0x100, "BK7231\0", 8);
    assert_memory_equal(boot + 0x6A00 - 3 * FAL_ENTRY, "01PE", 4);
    assert_memory_equal(app + 0x400, "TUYA IOT SDK", 12);
    assert_memory_equal(app + 0x108700 - 96, "RBL", 4);
    int ota = folder_find(&d, "rbl_12a000_app.bin");
    assert_true(ota >= 0);
    assert_memory_equal(d.file[ota].p + 0x400, "TUYA IOT SDK", 12);
    int kv = folder_find(&d, "storage.json");
    assert_true(kv >= 0);
    assert_null(memmem(d.file[kv].p, d.file[kv].n, SYNTH_PASS, strlen(SYNTH_PASS)));
    folder_free(&d);
    take_apart(lamp, SYNTH_LAMP, true, &d);
    kv = folder_find(&d, "storage.json");
    assert_non_null(memmem(d.file[kv].p, d.file[kv].n, SYNTH_PASS, strlen(SYNTH_PASS)));
    folder_free(&d);
    free(lamp);
}

/* A changed program is ciphered and sealed again. */
static void edits_are_packed(void **state)
{
    (void)state;
    uint8_t *lamp = synth_lamp(), *again;
    struct folder d;
    size_t len;
    bool same;
    take_apart(lamp, SYNTH_LAMP, false, &d);
    d.file[folder_find(&d, "app.bin")].p[0x1000] ^= 0xFF;
    assert_int_equal(pack_image(folder_get, &d, &again, &len, &same, NULL), BKF_OK);
    assert_false(same);
    size_t at = crc34_physical(0x11000) / CRC34_BLOCK * CRC34_BLOCK, diff = 0;
    assert_int_equal(crc34_check(again + at), CRC34_GOOD);
    for (size_t i = 0; i < len; i++)
        diff += again[i] != lamp[i];
    assert_in_range(diff, 2, 3); /* one byte and its CRC */
    free(again);
    folder_free(&d);
    free(lamp);
}

struct edit {
    const char *find, *put, *says;
};

static void bad_manifests_are_refused(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        { "\"bkflash_manifest\": 1", "\"bkflash_manifest\": 9", "version" },
        { "\"app.bin\"", "\"../app.b\"", "plain name" },
        { "\"app.bin\"", "\"gone.bin\"", "no file gone.bin" },
        { "\"size\": 2097152", "\"size\": 2097151", "ends past" },
        { "\"size\": 2097152", "\"size\": -5", "impossible" },
        { "\"how\": \"raw\"", "\"how\": \"rot\"", "'how'" },
        { "\"erased\",", "\"erazed\",", "run" },
        { "\"start\": \"0x11000\"", "\"start\": \"0x11001\"", "follow" },
        { "\"key\": \"5", "\"key\": \"x", "key" },
        { "{", "[", "manifest.json:" },
    };
    uint8_t *lamp = synth_lamp();
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct folder d;
        take_apart(lamp, SYNTH_LAMP, false, &d);
        int m = folder_find(&d, MANIFEST_NAME);
        uint8_t *hit = memmem(d.file[m].p, d.file[m].n, edits[i].find, strlen(edits[i].find));
        assert_non_null(hit);
        size_t old = strlen(edits[i].find), new = strlen(edits[i].put);
        size_t tail = d.file[m].n - (size_t)(hit - d.file[m].p) - old;
        uint8_t *text = malloc(d.file[m].n + 64);
        size_t head = (size_t)(hit - d.file[m].p);
        memcpy(text, d.file[m].p, head);
        memcpy(text + head, edits[i].put, new);
        memcpy(text + head + new, hit + old, tail);
        free(d.file[m].p);
        d.file[m].p = text;
        d.file[m].n = head + new + tail;
        bkf_error err = BKF_ERROR_INIT;
        uint8_t *out;
        size_t len;
        bool same;
        assert_int_not_equal(pack_image(folder_get, &d, &out, &len, &same, &err), BKF_OK);
        if (!strstr(err.message, edits[i].says))
            fail_msg("case %zu: %s", i, err.message);
        folder_free(&d);
    }
    free(lamp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_up),
        cmocka_unit_test(real),
        cmocka_unit_test(code_is_plain),
        cmocka_unit_test(edits_are_packed),
        cmocka_unit_test(bad_manifests_are_refused),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
