/* Bootloaders, partition tables and two-slot metadata, on made-up flash. */
#include "core/image/bootloader.h"
#include "core/image/ota.h"
#include "tests/support/synth.h"

static void lamp_bootloader(void **state)
{
    (void)state;
    uint8_t *flash = synth_lamp();
    struct bootloader b;
    assert_true(bootloader_read(flash, 0x11000, &b));
    assert_int_equal(b.leading_blocks, 0x6A00 / 32);
    assert_int_equal(b.key.state, KEY_KNOWN);
    assert_string_equal(b.key.name, "tuya");
    assert_int_equal(b.key.score, 8);
    assert_string_equal(b.version, "BK7231N_1.0.1");
    assert_string_equal(b.marker_text, "BK7231");
    assert_int_equal(b.n_key_at, 1);
    assert_int_equal(b.key_at[0], 0x48);
    assert_true(b.has_ota_keys);
    assert_memory_equal(&b.ota_keys, &rbl_default_keys, sizeof b.ota_keys);
    assert_int_equal(b.fal.n, 3);
    const struct fal_entry *app = fal_find(&b.fal, "app");
    assert_int_equal(app->offset, 0x10000);
    assert_int_equal(app->length, 0x108700);
    assert_int_equal(app->physical.start, 0x11000);
    assert_int_equal(app->physical.end, 0x129F70);
    assert_false(app->decrypted);
    assert_int_equal(fal_find(&b.fal, "download")->physical.start, 0x12A000);
    assert_false(bootloader_read(flash + 0x5000, 0x1000, &b));
    free(flash);
}

static void fal_literals_are_refused(void **state)
{
    (void)state;
    uint8_t p[512] = { 0 };
    struct fal_table t;
    struct fal_entry e = {
        .name = "app", .flash = "beken_onchip", .offset = 0x1000, .length = 0x100, .crc = FAL_CRC_OK
    };
    memcpy(p + 10, "01PE", 4);
    memcpy(p + 100, "01PEab", 6);
    memcpy(p + 505, "01PE", 4);
    fal_write(&e, p + 200);
    fal_search(p, sizeof p, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.entry[0].at, 200);
    assert_int_equal(t.entry[0].crc, FAL_CRC_OK);
    p[200 + 53] ^= 1; /* wrong CRC */
    fal_search(p, sizeof p, &t);
    assert_int_equal(t.n, 0);
    e.length = 0x7FFFFFFF;
    fal_write(&e, p + 200);
    fal_search(p, sizeof p, &t);
    assert_int_equal(t.n, 0);
}

static void doorbell_slots(void **state)
{
    (void)state;
    uint8_t *flash = synth_doorbell();
    struct bootloader b;
    struct ota_state ota;
    bootloader_read(flash, 0x11000, &b);
    assert_int_equal(b.fal.n, 0);
    assert_true(ota_read(flash, SYNTH_DOORBELL, &synth_doorbell_layout, &b.key, &ota));
    assert_true(ota.magic_ok && !ota.meta_blank);
    for (size_t i = 0; i < 2; i++) {
        assert_true(ota.slot[i].verified);
        assert_int_equal(ota.slot[i].base, i ? 0x1A0000 : 0x10000);
        assert_int_equal(ota.slot[i].bad, 0);
    }
    assert_false(ota_read(flash, 0x8000, &synth_doorbell_layout, &b.key, &ota));
    assert_false(ota_read(flash, SYNTH_DOORBELL, &synth_tuya_layouts[0], &b.key, &ota));
    free(flash);
}

/* Each way a slot can be bad is named, and such a slot is never selected. */
static void bad_slots_are_refused(void **state)
{
    (void)state;
    static const char *const says[] = {
        "erased", "first block", "no exception vectors", "another key", "address of the first slot",
        "bad CRC"
    };
    struct crypt_key tuya = synth_tuya_key(), uascent;
    crypt_parse("uascent", &uascent);
    uint8_t *flash = synth_doorbell(), *donor = synth_doorbell(), out[4096], prog[0x1000];
    donor[0xF010] ^= 0xFF;
    struct bootloader b;
    struct ota_state ota;
    bootloader_read(flash, 0x11000, &b);
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        uint8_t *slot = flash + 0x1BA000;
        synth_program(prog, sizeof prog, 5, "x");
        if (i == 2)
            random_fill(1, prog, 64);
        if (i != 5)
            memset(slot, 0xFF, 0x1A9000);
        if (i == 1)
            memset(slot, 0x5A, 34);
        if (i >= 2 && i <= 4) {
            crypt_run(i == 3 ? &uascent : &tuya, i == 4 ? 0x10000 : 0x1A0000, prog, prog,
                      sizeof prog);
            crc34_pack(prog, sizeof prog, slot);
        }
        if (i == 5) {
            synth_place(flash, prog, sizeof prog, 0x1A0000, &tuya);
            slot[34 * 20] ^= 1;
        }
        ota_read(flash, SYNTH_DOORBELL, &synth_doorbell_layout, &b.key, &ota);
        bkf_error err = BKF_ERROR_INIT;
        assert_false(ota.slot[1].verified);
        if (!strstr(ota.slot[1].reason, says[i]))
            fail_msg("case %zu: %s", i, ota.slot[1].reason);
        assert_int_equal(ota_select(&ota, 1, donor, SYNTH_DOORBELL, flash, out, &err),
                         BKF_E_PROTECTED);
        assert_non_null(strstr(err.message, ota.slot[1].reason));
    }
    free(flash);
    free(donor);
}

static void selection_copies_and_never_invents(void **state)
{
    (void)state;
    uint8_t *flash = synth_doorbell(), *donor = synth_doorbell(), out[4096];
    struct bootloader b;
    struct ota_state ota;
    bkf_error err = BKF_ERROR_INIT;
    bootloader_read(flash, 0x11000, &b);
    ota_read(flash, SYNTH_DOORBELL, &synth_doorbell_layout, &b.key, &ota);
    assert_int_equal(ota_select(&ota, 1, NULL, 0, flash, out, &err), BKF_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "not publicly known"));
    assert_int_equal(ota_select(&ota, 1, donor, SYNTH_DOORBELL, flash, out, &err), BKF_E_PARAM);
    assert_int_equal(ota_select(&ota, 1, donor, 0xF800, flash, out, &err), BKF_E_IMAGE);
    donor[0xF010] ^= 0xFF;
    assert_int_equal(ota_select(&ota, 1, donor, SYNTH_DOORBELL, flash, out, &err), BKF_OK);
    assert_memory_equal(out, donor + 0xF000, 4096);
    memset(out, 0, sizeof out); /* the sector alone does as well */
    assert_int_equal(ota_select(&ota, 1, donor + 0xF000, 4096, flash, out, &err), BKF_OK);
    assert_memory_equal(out, donor + 0xF000, 4096);
    assert_int_equal(ota_select(&ota, 1, donor + 0xF000, 4095, flash, out, &err), BKF_E_IMAGE);
    donor[0xF000] ^= 1;
    assert_int_equal(ota_select(&ota, 1, donor, SYNTH_DOORBELL, flash, out, &err), BKF_E_IMAGE);
    assert_int_equal(ota_select(&ota, 2, donor, SYNTH_DOORBELL, flash, out, &err), BKF_E_PARAM);
    free(flash);
    free(donor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lamp_bootloader),
        cmocka_unit_test(fal_literals_are_refused),
        cmocka_unit_test(doorbell_slots),
        cmocka_unit_test(bad_slots_are_refused),
        cmocka_unit_test(selection_copies_and_never_invents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
