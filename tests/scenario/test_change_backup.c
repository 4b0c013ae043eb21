/* The automatic backup over wires that flip bits: whatever a run reports as done, its backup
 * holds what was there before, byte for byte.  Over SPI nothing but reading can tell. */
#include "change_world.h"

enum { START = APP, END = 0x7D000, SEEDS = 24 };

/* Returns how many sectors had to be read more than twice. */
static unsigned compare(const struct world *w, const char *path, unsigned seed)
{
    uint8_t *data;
    size_t len;
    char sidecar[300];
    assert_int_equal(file_read(path, SIZE, &data, &len, NULL), 0);
    assert_int_equal(len, END - START);
    for (size_t i = 0; i < len; i++)
        if (data[i] != w->before[START + i])
            fail_msg("seed %u: the backup is wrong at 0x%zx: %02X instead of %02X", seed, START + i,
                     data[i], w->before[START + i]);
    free(data);
    snprintf(sidecar, sizeof sidecar, "%s.json", path);
    json_t *doc = json_load_file(sidecar, 0, NULL);
    const json_t *proof = json_object_get(doc, "proof");
    assert_true(json_integer_value(json_object_get(proof, "bytes_by_block_crc")) > 0);
    assert_true(json_integer_value(json_object_get(proof, "bytes_by_second_read")) > 0);
    unsigned n = (unsigned)json_integer_value(json_object_get(doc, "rereads"));
    json_decref(doc);
    return n;
}

/* Everything that is not code is random data, so that a second reading must find the flips. */
static void survives_flips(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    uint64_t rng = 11;
    unsigned done = 0, mended = 0;
    world_make(w, "bk7252", "");
    for (uint32_t i = 0x40000; i < END; i++)
        w->before[i] = (uint8_t)world_random(&rng);
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        char flips[40];
        snprintf(flips, sizeof flips, "fault_seed=%u", seed);
        bkf_change_options o = { .has_range = 1, .range = { START, END } };
        struct job j = { .verb = ERASE,
                         .change = &o,
                         .options = { "firmware=no", "fault=flip=1e-6", flips },
                         .broken = true };
        struct outcome out;
        world_reset(w);
        world_observe(w, &j, &out);
        if (out.code == 0) {
            assert_int_equal(json_integer_value(json_object_get(out.report, "backup_read_once")),
                             0);
            mended += compare(w, json_string_value(json_object_get(out.report, "backup")), seed);
            done++;
        }
        outcome_free(&out);
    }
    printf("%u of %u runs done, %u sectors settled\n", done, (unsigned)SEEDS, mended);
    assert_true(done > SEEDS / 2);
    assert_true(mended > SEEDS / 2);
    world_free(w);
    free(w);
}

/* ---- --trust-backup ---- */

static void take(const struct world *w, const char *path)
{
    struct job j = { .verb = DUMP, .file = path };
    assert_int_equal(world_run(w, &j), 0);
}

/* Nothing is read first; what the application may have changed since is noticed all the same. */
static void trusted(const char *chip, const char *route)
{
    struct world *w = calloc(1, sizeof *w);
    char path[200], side[220];
    struct outcome out;
    world_make(w, chip, route);
    world_reset(w);
    snprintf(path, sizeof path, "%s/whole.bin", w->dir);
    snprintf(side, sizeof side, "%s.json", path);
    take(w, path);
    bkf_change_options o = {
        .has_range = 1, .range = { APP, 0 }, .backup = path, .flags = BKF_CHANGE_TRUST_BACKUP
    };
    struct job j = { .verb = WRITE, .change = &o };
    /* one bit of one sector that the image would leave as it is */
    assert_memory_equal(w->before + APP + 0x7000, w->after + APP + 0x7000, 0x1000);
    w->before[APP + 0x7123] ^= 4;
    world_put(w->flash, w->before, SIZE);
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 22);
    if (!strstr(out.message, "has changed since") || !strstr(out.message, "0x018000"))
        fail_msg("%s", out.message);
    world_expect(w, w->before, "a backup that is out of date");
    outcome_free(&out);
    /* as it was taken */
    w->before[APP + 0x7123] ^= 4;
    world_put(w->flash, w->before, SIZE);
    world_observe(w, &j, &out);
    if (out.code)
        fail_msg("exit %d: %s", out.code, out.message);
    assert_non_null(
        strstr(json_string_value(json_object_get(out.report, "backup_proof")), "samples"));
    world_expect(w, w->after, "with a trusted backup");
    outcome_free(&out);
    /* older than that write, which the journal knows without a look at the flash */
    world_put(w->flash, w->before, SIZE);
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 22);
    assert_non_null(strstr(out.message, "has changed since"));
    world_expect(w, w->before, "with a backup from before the last write");
    outcome_free(&out);
    /* never proven itself */
    world_reset(w);
    json_t *doc = json_load_file(side, 0, NULL);
    json_t *proof = json_object_get(doc, "proof");
    json_object_set_new(proof, "bytes_by_second_read", json_integer(0));
    json_object_set_new(proof, "bytes_by_device_crc", json_integer(4096));
    assert_int_equal(json_dump_file(doc, side, 0), 0);
    json_decref(doc);
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 30);
    assert_non_null(strstr(out.message, "4096 of 524288"));
    world_expect(w, w->before, "with an unproven backup");
    outcome_free(&out);
    o.flags = 0; /* compared with the flash it is as good as any */
    world_observe(w, &j, &out);
    assert_int_equal(out.code, 0);
    outcome_free(&out);
    world_free(w);
    free(w);
}

static void trusted_spi(void **state)
{
    (void)state;
    trusted("bk7252", "");
}

static void trusted_uart(void **state)
{
    (void)state;
    trusted("bk7231n", "uart");
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_flips),
        cmocka_unit_test(trusted_spi),
        cmocka_unit_test(trusted_uart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
