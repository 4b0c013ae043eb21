/* Dumps cut short and with flipped bits, 1,000 seeds: never a crash, always an answer, and the
 * answer names what is damaged.  Real dumps where they are at hand, made-up ones always. */
#include "core/image/crc34.h"
#include "core/image/extract.h"
#include "core/image/redact.h"
#include "tests/support/folder.h"
#include "tests/support/realdata.h"
#include "tests/support/synth.h"

enum { SEEDS = 1000, DUMPS = 6 };
static struct image_layout layouts[3];
struct dump {
    uint8_t *p;
    size_t n;
};

static size_t load(struct dump *d)
{
    static const char *const paths[] = {
        "dumps/easyflasher/LED_Moon_18W_CCT_Kobi.bin",
        "dumps/easyflasher/SmartLED_8044_1_Gange_Smart_Switch.bin",
        "dumps/emulator/BK7231N_Tuya_BEOK_TOL47WIFI_Thermostat_TuyaMCU_TuyaOS_3.11.12.bin",
        "dumps/emulator/BK7231T_QIO_Woox_R5111_2023-14-10-23-46-06.bin",
    };
    size_t count = 0;
    d[count++] = (struct dump){ synth_lamp(), SYNTH_LAMP };
    d[count++] = (struct dump){ synth_doorbell(), SYNTH_DOORBELL };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        d[count].p = real_file(paths[i], &d[count].n);
        count += d[count].p != NULL;
    }
    return count;
}

static void everything(const struct image_facts *f, const uint8_t *p, size_t n)
{
    struct folder d = { 0 };
    struct redact_report r;
    uint8_t *out;
    size_t len;
    bool same;
    assert_int_equal(extract_image(f, false, folder_put, &d, NULL), BKF_OK);
    assert_int_equal(pack_image(folder_get, &d, &out, &len, &same, NULL), BKF_OK);
    assert_true(same);
    assert_memory_equal(out, p, n);
    free(out);
    folder_free(&d);
    assert_int_equal(redact_image(f, &out, &r, NULL), BKF_OK);
    redact_report_free(&r);
    free(out);
}

/* A block of code that was right and is not any more must be named. */
static bool code_broken(const struct image_facts *good, const uint8_t *before, const uint8_t *after,
                        size_t n)
{
    for (size_t i = 0; i < good->n_parts; i++) {
        const struct image_partition *part = good->part[i].part;
        if (part->domain != DOMAIN_CRC || part->range.end > n)
            continue;
        for (uint32_t at = part->range.start; at + CRC34_BLOCK <= part->range.end;
             at += CRC34_BLOCK)
            if (memcmp(before + at, after + at, CRC34_BLOCK) != 0 &&
                crc34_check(before + at) == CRC34_GOOD)
                return true;
    }
    return false;
}

static void one(const struct dump *d, const struct image_facts *good, uint32_t seed, uint8_t *work)
{
    uint32_t state = seed * 2654435761u + 1;
    struct image_facts *f;
    size_t n = d->n;
    bool cut = seed % 2;
    memcpy(work, d->p, n);
    if (cut)
        n = random_next(&state) % n;
    else
        for (uint32_t flips = 1 + random_next(&state) % 8; flips; flips--)
            work[random_next(&state) % n] ^= (uint8_t)(1u << random_next(&state) % 8);
    uint8_t *exact = malloc(n ? n : 1); /* so that a read past the end is seen */
    memcpy(exact, work, n);
    assert_int_equal(inspect_image(exact, n, layouts, 3, &f, NULL), BKF_OK);
    struct strbuf text = STRBUF_INIT;
    json_t *json = inspect_json(f, false);
    assert_non_null(json);
    inspect_text(f, false, &text);
    assert_true(f->n_claims > 0 && text.len > 0);
    if (cut && f->kind == KIND_DUMP)
        assert_true(f->n_damage > 0);
    if (!cut && good->turned == 0 && code_broken(good, d->p, exact, n) && f->n_damage == 0)
        fail_msg("seed %u: code is broken and nothing is said", seed);
    if (seed % 25 == 0 && n)
        everything(f, exact, n);
    strbuf_free(&text);
    json_decref(json);
    inspect_free(f);
    free(exact);
}

static void seeds(void **state)
{
    (void)state;
    struct dump d[DUMPS];
    struct image_facts *good[DUMPS];
    layouts[0] = synth_tuya_layouts[0];
    layouts[1] = synth_tuya_layouts[1];
    layouts[2] = synth_doorbell_layout;
    size_t n = load(d);
    uint8_t *work = malloc(SYNTH_DOORBELL);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(inspect_image(d[i].p, d[i].n, layouts, 3, &good[i], NULL), BKF_OK);
        assert_int_equal(good[i]->n_damage, 0);
    }
    for (uint32_t seed = 0; seed < SEEDS; seed++)
        one(&d[seed / 2 % n], good[seed / 2 % n], seed, work);
    for (size_t i = 0; i < n; i++) {
        inspect_free(good[i]);
        free(d[i].p);
    }
    free(work);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(seeds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
