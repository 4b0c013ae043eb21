/* No planted secret survives, in any form; whatever is not reported is unchanged. */
#include "core/image/redact.h"
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

#define NET_SSID "OtherNet-5521"
#define NET_KEY  "another wifi key 99"
#define OBK_PASS "mqtt-pass-word-123"
static const char *const planted[] = { SYNTH_SSID,  SYNTH_PASS, SYNTH_UUID, SYNTH_AUTH,
                                       SYNTH_LOCAL, NET_SSID,   NET_KEY,    OBK_PASS };
/* base64 -w0 of "id=1;" SYNTH_PASS ";", SYNTH_PASS at each of the other two phases: RFC 4648 by
 * coreutils, an encoder that is not ours */
static const char *const base64_pass[] = { "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5Cg==",
                                           "eGNvcnJlY3QgaG9yc2UgYmF0dGVyeQo=",
                                           "eHhjb3JyZWN0IGhvcnNlIGJhdHRlcnkK" };

static void put_utf16(uint8_t *p, const char *text)
{
    for (; *text; text++, p += 2) {
        p[0] = (uint8_t)*text;
        p[1] = 0;
    }
}

static void plant(uint8_t *flash, size_t app_at)
{
    static const uint8_t net[] = { 'T',  'L',  'V',  0,    104, 0, 0, 0,
                                   0x55, 0x55, 0x55, 0x55, 96,  0, 0, 0 };
    uint8_t *uf = flash + app_at;
    put_utf16(uf + 0x100, SYNTH_SSID);
    for (size_t i = 0; i < 3; i++)
        memcpy(uf + 0x200 + 0x40 * i, base64_pass[i], strlen(base64_pass[i]));
    strcpy((char *)uf + 0x300, "{\"ssid\":\"" SYNTH_SSID "\",\"x\":1}");
    strcpy((char *)uf + 0x400, "mac 105a17aabbcc and 10:5A:17:AA:BB:CC");
    memcpy(uf + 0x1000, net, sizeof net);
    memset(uf + 0x1010, 0, 96);
    strcpy((char *)uf + 0x1010, NET_SSID);
    strcpy((char *)uf + 0x1030, NET_KEY);
    uint8_t *cfg = uf + 0x2000;
    memset(cfg, 0, 3584);
    memcpy(cfg, "CFG", 3);
    put_le32(cfg + 4, 5);
    strcpy((char *)cfg + 0x214, OBK_PASS);
    cfg[3] = obk_crc8(cfg + 4, 3580);
}

static bool holds(const uint8_t *p, size_t n, const char *text)
{
    uint8_t wide[200];
    if (memmem(p, n, text, strlen(text)))
        return true;
    put_utf16(wide, text);
    return memmem(p, n, wide, 2 * strlen(text)) != NULL;
}

static void nothing_left(const uint8_t *p, size_t n, const char *where)
{
    for (size_t i = 0; i < ARRAY_LEN(planted); i++)
        if (holds(p, n, planted[i]))
            fail_msg("secret %zu is left in %s", i, where);
    for (size_t i = 0; i < 3; i++) /* all but the ends, which the neighbours share */
        if (memmem(p, n, base64_pass[i] + 4, 22))
            fail_msg("base64 form %zu is left in %s", i, where);
}

/* Searches everything that can be opened, with code of the inspector's, not the redactor's. */
static void open_and_search(const uint8_t *p, size_t n)
{
    struct image_facts *f = facts_of(p, n);
    nothing_left(p, n, "raw bytes");
    uint8_t *plain = inspect_app_plain(f);
    assert_non_null(plain);
    nothing_left(plain, f->app.plain_len, "the program");
    free(plain);
    for (size_t i = 0; i < f->n_rbl; i++) {
        struct rbl_header h;
        uint8_t *raw;
        if (f->rbl[i].found.packed)
            continue;
        assert_int_equal(rbl_unpack(p + f->rbl[i].found.offset, n - f->rbl[i].found.offset,
                                    &rbl_default_keys, &h, &raw, NULL),
                         BKF_OK);
        nothing_left(raw, h.size_raw, "the OTA package");
        free(raw);
    }
    assert_non_null(f->kv);
    assert_int_equal(f->kv->bad_blocks, 0);
    for (size_t i = 0; i < f->kv->n_blocks; i++) {
        uint8_t sector[KV_SECTOR];
        kv_decrypt(f->kv->key, p + f->kv->block[i].offset, sector);
        nothing_left(sector, sizeof sector, "storage");
    }
    /* still a sound storage, harmless values as they were */
    assert_int_equal(f->kv->n_entries, 5);
    for (size_t i = 0; i < f->kv->n_entries; i++)
        assert_true(f->kv->entry[i].checksum_ok);
    uint8_t *v = kv_value(p, n, f->kv, kv_find(f->kv, "user_param_key"));
    assert_string_equal((char *)v, SYNTH_PARAMS);
    free(v);
    assert_int_equal(f->rf[0].mac[3] | f->rf[0].mac[4] | f->rf[0].mac[5], 0);
    assert_true(f->rf[0].mac[0] == 0x10 || f->rf[0].mac[0] == 0x50); /* the maker stays */
    inspect_free(f);
}

static void unreported_is_unchanged(const uint8_t *a, const uint8_t *b, size_t n,
                                    const struct redact_report *r)
{
    uint8_t *covered = calloc(1, n);
    for (size_t i = 0; i < r->n; i++) {
        assert_true(r->item[i].offset + (size_t)r->item[i].length <= n);
        /* a changed code block has a changed CRC */
        size_t start = r->item[i].offset > 34 ? r->item[i].offset - 34 : 0;
        size_t end = r->item[i].offset + r->item[i].length + 34;
        memset(covered + start, 1, (end < n ? end : n) - start);
    }
    size_t changed = 0;
    for (size_t i = 0; i < n; i++) {
        changed += a[i] != b[i];
        if (a[i] != b[i] && !covered[i])
            fail_msg("0x%zx changed and is not reported", i);
    }
    assert_true(changed > 0);
    free(covered);
}

static void redact_and_check(const uint8_t *p, size_t n, size_t turn)
{
    struct image_facts *f = facts_of(p, n);
    struct redact_report r;
    uint8_t *out, *straight = malloc(n);
    bkf_error err = BKF_ERROR_INIT;
    if (redact_image(f, &out, &r, &err))
        fail_msg("%s", err.message);
    unreported_is_unchanged(p, out, n, &r);
    memcpy(straight, out + turn, n - turn);
    memcpy(straight + n - turn, out, turn);
    open_and_search(straight, n);
    for (size_t i = 0; i < r.n; i++)
        for (size_t k = 0; k < ARRAY_LEN(planted); k++)
            assert_null(strstr(r.item[i].what, planted[k]));
    redact_report_free(&r);
    free(straight);
    free(out);
    inspect_free(f);
}

static void lamp(void **state)
{
    (void)state;
    uint8_t *flash = synth_lamp(), *turned = malloc(SYNTH_LAMP);
    plant(flash, 0x1D2000);
    redact_and_check(flash, SYNTH_LAMP, 0);
    memcpy(turned, flash + 0x11000, SYNTH_LAMP - 0x11000);
    memcpy(turned + SYNTH_LAMP - 0x11000, flash, 0x11000);
    redact_and_check(turned, SYNTH_LAMP, SYNTH_LAMP - 0x11000);
    free(turned);
    free(flash);
}

/* Secrets in both program slots: deciphered, blanked, sealed again. */
static void doorbell(void **state)
{
    (void)state;
    uint8_t *flash = synth_doorbell(), prog[0x2000];
    struct crypt_key key = synth_tuya_key();
    for (uint32_t logical = 0x20000; logical <= 0x1B0000; logical += 0x190000) {
        random_fill(logical, prog, sizeof prog);
        strcpy((char *)prog + 0x13, "join " SYNTH_SSID " with " SYNTH_PASS);
        put_utf16(prog + 0x200, SYNTH_AUTH);
        memcpy(prog + 0x501, base64_pass[1], strlen(base64_pass[1]));
        synth_place(flash, prog, sizeof prog, logical, &key);
    }
    plant(flash, 0x364000);
    redact_and_check(flash, SYNTH_DOORBELL, 0);
    free(flash);
}

/* Without the storage's key nothing of it can be told; other places still are. */
static void nothing_to_hide(void **state)
{
    (void)state;
    uint8_t img[34 * 512], *out, prog[32 * 512];
    struct crypt_key key = synth_tuya_key();
    struct redact_report r;
    synth_program(prog, sizeof prog, 1, "nothing");
    crypt_run(&key, 0x10000, prog, prog, sizeof prog);
    crc34_pack(prog, sizeof prog, img);
    struct image_facts *f = facts_of(img, sizeof img);
    assert_int_equal(redact_image(f, &out, &r, NULL), BKF_OK);
    assert_int_equal(r.n, 0);
    assert_memory_equal(out, img, sizeof img);
    free(out);
    redact_report_free(&r);
    inspect_free(f);
}

static void real(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "dumps/easyflasher/LED_Moon_18W_CCT_Kobi.bin",
        "dumps/easyflasher/SmartLED_8044_1_Gange_Smart_Switch.bin",
        "dumps/emulator/BK7231N_Tuya_BEOK_TOL47WIFI_Thermostat_TuyaMCU_TuyaOS_3.11.12.bin",
        "dumps/emulator/BK7231T_QIO_Woox_R5111_2023-14-10-23-46-06.bin",
    };
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        size_t len;
        uint8_t *dump = real_file(paths[i], &len), *out;
        struct redact_report r;
        struct secret_list found = { 0 };
        if (!dump)
            continue;
        any = true;
        struct image_facts *f = facts_of(dump, len);
        secrets_collect(f, &found);
        assert_true(found.n > 3);
        assert_int_equal(redact_image(f, &out, &r, NULL), BKF_OK);
        unreported_is_unchanged(dump, out, len, &r);
        struct image_facts *g = facts_of(out, len);
        assert_int_equal(g->kv->n_entries, f->kv->n_entries);
        assert_string_equal(g->layout->name, f->layout->name);
        for (size_t k = 0; k < g->kv->n_entries; k++)
            assert_true(g->kv->entry[k].checksum_ok);
        uint8_t *plain = inspect_app_plain(g);
        for (size_t k = 0; k < found.n; k++) {
            assert_null(memmem(out, len, found.item[k].p, found.item[k].n));
            assert_null(memmem(plain, g->app.plain_len, found.item[k].p, found.item[k].n));
        }
        print_message("%s: %zu values looked for, %zu places changed\n", paths[i], found.n, r.n);
        free(plain);
        inspect_free(g);
        inspect_free(f);
        secrets_free(&found);
        redact_report_free(&r);
        free(out);
        free(dump);
    }
    if (!any)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lamp),
        cmocka_unit_test(doorbell),
        cmocka_unit_test(nothing_to_hide),
        cmocka_unit_test(real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
