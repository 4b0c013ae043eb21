/* The first look: what it says of made-up and real flashes, how little it reads, and what it
 * leaves out when bytes cannot be had. */
#include "core/image/glance.h"
#include "tests/support/realdata.h"
#include "tests/support/synth.h"

struct flash {
    const uint8_t *p;
    size_t n;
    uint32_t hole_start, hole_end; /* cannot be read */
    uint32_t fail_at;              /* the link breaks when this offset is asked for; 0 = never */
    size_t bytes;
};

static bkf_status fetch(void *ud, uint32_t off, uint8_t *p, size_t n, bkf_error *err)
{
    struct flash *f = ud;
    assert_true(n <= 0x11000 && (size_t)off + n <= f->n);
    if (f->fail_at && f->fail_at >= off && f->fail_at < off + n)
        return error_set(err, BKF_E_LINK_LOST, "unplugged");
    if (off < f->hole_end && off + n > f->hole_start)
        return error_set(err, BKF_E_UNPROVEN, "hole");
    memcpy(p, f->p + off, n);
    f->bytes += n;
    return BKF_OK;
}

static struct image_layout layouts[3];

static void look(struct flash *f, bool board, struct glance *g)
{
    bkf_error err = BKF_ERROR_INIT;
    layouts[0] = synth_tuya_layouts[0];
    layouts[1] = synth_tuya_layouts[1];
    layouts[2] = synth_doorbell_layout;
    if (glance_take(board ? &layouts[2] : NULL, layouts, 3, (uint32_t)f->n, fetch, f, g, &err))
        fail_msg("%s", err.message);
    assert_int_equal(g->bytes, f->bytes);
}

static bool claims(const struct glance *g, const char *what, const char *value)
{
    for (size_t i = 0; i < g->facts->n_claims; i++)
        if (strcmp(g->facts->claim[i].what, what) == 0 &&
            strcmp(g->facts->claim[i].value, value) == 0)
            return true;
    return false;
}

/* Bootloader, key, program and calibration, from a fraction of the flash. */
static void lamp(void **state)
{
    (void)state;
    struct flash f = { .p = synth_lamp(), .n = SYNTH_LAMP };
    struct glance g;
    look(&f, false, &g);
    assert_true(g.facts->boot.present && g.facts->boot.key.score == 8);
    assert_true(claims(&g, "key", "tuya"));
    assert_int_equal(g.n_code, 1);
    assert_int_equal(g.code[0].range.start, 0x11000);
    assert_string_equal(g.code[0].key.name, "tuya");
    assert_int_equal(g.code[0].good, 120); /* 4096 / 34 */
    assert_int_equal(g.facts->n_rf, 1);
    assert_int_equal(g.facts->rf[0].offset, 0x1D0000);
    assert_true(g.facts->rf[0].mac_at > 0x1D0000 && g.facts->rf[0].mac_at < 0x1D1000);
    assert_false(g.ota);
    assert_true(f.bytes <= 0x11000 + 4 * 4096);
    json_t *doc = glance_json(&g);
    char *text = json_dumps(doc, 0);
    assert_non_null(strstr(text, "\"mac_oui\""));
    assert_null(strstr(text, "\"mac\""));
    free(text);
    json_decref(doc);
    glance_free(&g);
    free((void *)(uintptr_t)f.p);
}

static void doorbell(void **state)
{
    (void)state;
    uint8_t *p = synth_doorbell();
    struct flash f = { .p = p, .n = SYNTH_DOORBELL };
    struct glance g;
    look(&f, true, &g);
    assert_int_equal(g.n_code, 2);
    assert_int_equal(g.code[1].range.start, 0x1BA000);
    assert_true(g.code[0].good && g.code[1].good);
    assert_true(g.ota && g.ota_ok);
    glance_free(&g);

    /* other bytes, other words: no OTA magic, one slot erased, one damaged */
    memset(p + 0xF000, 0, 4);
    memset(p + 0x1BA000, 0xFF, 4096);
    p[0x11000 + 5] ^= 1;
    look(&(struct flash){ .p = p, .n = SYNTH_DOORBELL }, true, &g);
    assert_true(g.ota && !g.ota_ok && g.ota_magic == 0);
    assert_true(g.code[1].blank && !g.code[0].blank && !g.code[0].good);
    glance_free(&g);
    free(p);
}

/* A bootloader with one key, a program with another: that does not boot, and is said. */
static void two_keys(void **state)
{
    (void)state;
    enum { N = 4096 / 34 * 32 };
    uint8_t *p = synth_lamp(), code[N];
    struct crypt_key zero;
    struct glance g;
    assert_true(crypt_parse("zero", &zero));
    synth_program(code, N, 5, "x");
    synth_place(p, code, N, 0x10000, &zero);
    look(&(struct flash){ .p = p, .n = SYNTH_LAMP }, false, &g);
    assert_string_equal(g.code[0].key.name, "zero");
    assert_true(claims(&g, "boot", "will not boot"));
    glance_free(&g);
    free(p);
}

/* What cannot be read is left out; a broken link ends the look with its status. */
static void holes(void **state)
{
    (void)state;
    uint8_t *p = synth_lamp();
    bkf_error err = BKF_ERROR_INIT;
    struct glance g;
    struct flash f = { .p = p, .n = SYNTH_LAMP, .hole_end = 0x11000 };
    look(&f, false, &g);
    assert_false(g.facts->boot.present);
    assert_int_equal(g.n_code, 1);
    assert_int_equal(g.facts->n_rf, 1);
    glance_free(&g);
    const uint32_t points[] = { 0x10, 0x11000, 0x1D0000 };
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        f = (struct flash){ .p = p, .n = SYNTH_LAMP, .fail_at = points[i] };
        assert_int_equal(glance_take(NULL, layouts, 3, SYNTH_LAMP, fetch, &f, &g, &err),
                         BKF_E_LINK_LOST);
        assert_null(g.facts);
    }
    free(p);
}

/* Sizes that the layouts do not know, down to none at all. */
static void small(void **state)
{
    (void)state;
    uint8_t *p = calloc(1, 0x11000);
    for (size_t n = 0; n <= 0x11000; n += 0x1000) {
        struct flash f = { .p = p, .n = n };
        struct glance g;
        bkf_error err = BKF_ERROR_INIT;
        if (n) /* a size of 0 means "not known" */
            assert_int_equal(glance_take(NULL, layouts, 3, (uint32_t)n, fetch, &f, &g, &err), 0);
        if (n)
            glance_free(&g);
    }
    free(p);
}

/* The same bootloader, key and MAC place as the whole inspection finds. */
static void real_dumps(void **state)
{
    static const char *const dumps[] = {
        "dumps/easyflasher/SmartLED_8044_1_Gange_Smart_Switch.bin",
        "dumps/emulator/BK7231N_Tuya_BEOK_TOL47WIFI_Thermostat_TuyaMCU_TuyaOS_3.11.12.bin",
        "dumps/emulator/BK7231T_QIO_Woox_R5111_2023-14-10-23-46-06.bin",
    };
    (void)state;
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(dumps); i++) {
        size_t len;
        uint8_t *p = real_file(dumps[i], &len);
        struct image_facts *all;
        bkf_error err = BKF_ERROR_INIT;
        struct glance g;
        if (!p)
            continue;
        any = true;
        look(&(struct flash){ .p = p, .n = len }, false, &g);
        assert_int_equal(inspect_image(p, len, layouts, 3, &all, &err), 0);
        assert_string_equal(g.facts->boot.version, all->boot.version);
        assert_string_equal(g.facts->boot.key.name, all->boot.key.name);
        assert_string_equal(g.code[0].key.name, all->app.key.name);
        assert_int_equal(g.facts->n_rf, 1);
        assert_int_equal(g.facts->rf[0].offset, all->rf[0].offset);
        assert_int_equal(g.facts->rf[0].mac_at, all->rf[0].mac_at);
        inspect_free(all);
        glance_free(&g);
        free(p);
    }
    if (!any)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lamp),  cmocka_unit_test(doorbell), cmocka_unit_test(two_keys),
        cmocka_unit_test(holes), cmocka_unit_test(small),    cmocka_unit_test(real_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
