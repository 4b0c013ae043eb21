/* The layouts of conf/ as the inspector sees them, and what they recognise in real dumps. */
#include "core/image/inspect.h"
#include "core/session/layouts.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dirs[] = { SOURCE_DIR "/conf", NULL };
static const struct profile_env env = { dirs };

static struct layout_set load(const char *board_name)
{
    struct layout_set s;
    struct diag_list d = { 0 };
    struct bkf_profile *board = NULL;
    bkf_error err = BKF_ERROR_INIT;
    if (board_name)
        assert_int_equal(profile_load(&env, board_name, &d, &board, &err), BKF_OK);
    assert_int_equal(layouts_load(&env, board, &d, &s, &err), BKF_OK);
    assert_int_equal(d.n, 0);
    profile_free(board);
    return s;
}

static const struct image_layout *named(const struct layout_set *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].name, name) == 0)
            return &s->items[i];
    return NULL;
}

static void all_layouts(void **state)
{
    (void)state;
    struct layout_set s = load(NULL);
    assert_int_equal(s.n, 20);
    const struct image_layout *l = named(&s, "bk7231t-tuya-2m");
    assert_non_null(l);
    assert_int_equal(l->flash_size, 0x200000);
    assert_string_equal(l->key, "tuya");
    assert_int_equal(l->rf_offset, 0x1E0000);
    assert_int_equal(l->kv_offset, 0x1EE000);
    assert_int_equal(l->ota_meta, IMAGE_NOWHERE);
    assert_int_equal(l->n_parts, 11);
    const struct image_partition *p = layout_find(l, "app");
    assert_int_equal(p->range.end, 0x129F70);
    assert_int_equal(p->domain, DOMAIN_CRC);
    assert_int_equal(p->logical, 0x10000);
    assert_int_equal(p->policy, POLICY_WRITE);
    assert_int_equal(layout_find(l, "rf")->policy, POLICY_NEVER);
    assert_int_equal(layout_find(l, "bootloader")->policy, POLICY_NEVER);
    assert_int_equal(layout_find(l, "kv_key")->policy, POLICY_BACKUP);
    l = named(&s, "bk7252-tuya-4m-pingpong");
    assert_int_equal(l->ota_meta, 0xF000);
    assert_int_equal(l->ota_magic, 0x5A5A5A01);
    assert_int_equal(l->rf_offset, IMAGE_NOWHERE);
    assert_int_equal(layout_find(l, "unknown")->domain, DOMAIN_UNKNOWN);
    layouts_free(&s);
}

/* The board comes first, then layouts of its chip only. */
static void of_a_board(void **state)
{
    (void)state;
    struct layout_set s = load("doorbell_mlt1t");
    assert_string_equal(s.items[0].name, "doorbell_mlt1t");
    assert_string_equal(s.items[0].key, "tuya");
    assert_int_equal(s.items[0].flash_size, 0x400000);
    assert_int_equal(s.items[0].ota_meta, 0xF000);
    assert_int_equal(s.items[0].ota_magic, 0x5A5A5A01);
    assert_int_equal(s.items[0].kv_offset, 0x397000);
    assert_int_equal(s.items[0].rf_offset, IMAGE_NOWHERE);
    assert_int_equal(layout_find(&s.items[0], "app2")->logical, 0x1A0000);
    assert_int_equal(layout_find(&s.items[0], "bootloader")->policy, POLICY_NEVER);
    assert_non_null(named(&s, "bk7252-sdk-2m"));
    assert_null(named(&s, "bk7231t-tuya-2m"));
    layouts_free(&s);
    s = load("generic_bk7231n"); /* describes no application, so it recognises nothing */
    assert_null(named(&s, "generic_bk7231n"));
    assert_non_null(named(&s, "bk7231n-tuya-2m"));
    layouts_free(&s);
}

struct dump {
    const char *path, *layout;
};

static bool recognise(const struct layout_set *s, const struct dump *d)
{
    const char *root = getenv("BKFLASH_TEST_DATA");
    char path[1024];
    uint8_t *data;
    size_t len;
    struct image_facts *f = NULL;
    bkf_error err = BKF_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", root ? root : SOURCE_DIR "/../shared/data", d->path);
    if (file_read(path, 16 << 20, &data, &len, NULL))
        return false;
    assert_int_equal(inspect_image(data, len, s->items, s->n, &f, &err), BKF_OK);
    if (!f->layout || strcmp(f->layout->name, d->layout) != 0)
        fail_msg("%s: %s, not %s", d->path, f->layout ? f->layout->name : "none", d->layout);
    inspect_free(f);
    free(data);
    return true;
}

static void real_dumps(void **state)
{
    (void)state;
    static const struct dump dumps[] = {
        { "dumps/emulator/BK7231N_Tuya_BEOK_TOL47WIFI_Thermostat_TuyaMCU_TuyaOS_3.11.12.bin",
          "bk7231n-tuya-2m" },
        { "dumps/easyflasher/LED_Moon_18W_CCT_Kobi.bin", "bk7231t-tuya-2m" },
        { "dumps/easyflasher/SmartLED_8044_1_Gange_Smart_Switch.bin", "bk7231n-tuya-2m" },
        { "dumps/emulator/BK7231T_QIO_Woox_R5111_2023-14-10-23-46-06.bin", "bk7231t-tuya-2m" },
    };
    struct layout_set s = load(NULL);
    size_t seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(dumps); i++)
        seen += recognise(&s, &dumps[i]);
    layouts_free(&s);
    if (!seen) {
        print_message("no real dumps here (BKFLASH_TEST_DATA)\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_layouts),
        cmocka_unit_test(of_a_board),
        cmocka_unit_test(real_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
