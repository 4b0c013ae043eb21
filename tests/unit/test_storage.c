/* Tuya storage, RF calibration, network parameters, OpenBeken configuration. */
#include "core/image/rfcal.h"
#include "core/image/tuya_kv.h"
#include "tests/support/synth.h"

static void keys(void **state)
{
    json_t *v = json_object_get(*state, "kv");
    uint8_t inner[16], want[16], got[16], sector[KV_SECTOR];
    unhex(text_of(v, "inner_key"), inner, 16);
    unhex(text_of(v, "data_key"), want, 16);
    kv_data_key(inner, got);
    assert_memory_equal(got, want, 16);
    memset(inner, 0, 16);
    unhex(text_of(v, "data_key_for_zero_inner"), want, 16);
    kv_data_key(inner, got);
    assert_memory_equal(got, want, 16);
    memset(sector, 0xFF, sizeof sector);
    kv_encrypt(kv_master_key, sector, sector);
    unhex(text_of(v, "signature_AES_ECB_of_FFx16"), want, 16);
    assert_memory_equal(sector, want, 16);
}

static void region(void **state)
{
    json_t *v = json_object_get(*state, "kv");
    size_t len;
    uint8_t *img = data_file(text_of(v, "file"), &len);
    struct kv_storage *kv = malloc(sizeof *kv);
    assert_true(kv_read(img, len, kv));
    assert_int_equal(kv->key_block, 0);
    assert_true(kv->key_sum_ok);
    assert_int_equal(kv->magic, KV_MAGIC_CLASSIC);
    assert_int_equal(kv->n_entries, 2);
    const char *params =
        json_string_value(json_object_get(json_object_get(v, "entries"), "user_param_key"));
    const struct kv_entry *e = kv_find(kv, "user_param_key");
    uint8_t *value = kv_value(img, len, kv, e);
    assert_true(e->checksum_ok);
    assert_memory_equal(value, params, strlen(params));
    struct strbuf json = STRBUF_INIT;
    assert_true(kv_param_json((const char *)value, e->length, &json));
    json_t *parsed = json_loads(json.data, 0, NULL);
    assert_true(json_equal(parsed, json_object_get(v, "user_param_key_parsed")));
    json_decref(parsed);
    strbuf_free(&json);
    free(value);
    e = kv_find(kv, "blob");
    value = kv_value(img, len, kv, e);
    assert_int_equal(e->length, 300);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(value[i], (5 * i + 1) & 0x7F);
    free(value);
    bool live = false, stale = false;
    for (size_t i = 0; i < kv->n_blocks; i++) {
        live |= kv->block[i].offset == 0x1000 && kv->block[i].live && kv->block[i].generation == 2;
        stale |=
            kv->block[i].offset == 0x3000 && !kv->block[i].live && kv->block[i].generation == 1;
    }
    assert_true(live && stale);
    free(kv);
    free(img);
}

/* What is built is read back, whatever the sizes. */
static void build_and_read(void **state)
{
    (void)state;
    uint8_t inner[16], *img = malloc(18 * KV_SECTOR), *data = malloc(4000);
    struct kv_storage *kv = malloc(sizeof *kv);
    random_fill(9, inner, 16);
    random_fill(10, data, 4000);
    static const size_t sizes[] = { 0, 1, 127, 128, 129, 500, 3800 };
    char names[7][16];
    struct kv_item items[7];
    for (size_t i = 0; i < 7; i++) {
        snprintf(names[i], sizeof names[i], "key%zu", i);
        items[i] = (struct kv_item){ names[i], data + i, sizes[i] };
    }
    assert_true(kv_build(inner, KV_MAGIC_TUYAOS, items, 7, 17, img));
    assert_true(kv_read(img, 18 * KV_SECTOR, kv));
    assert_int_equal(kv->n_entries, 7);
    assert_int_equal(kv->n_blocks, 17);
    for (size_t i = 0; i < 7; i++) {
        const struct kv_entry *e = kv_find(kv, names[i]);
        uint8_t *value = kv_value(img, 18 * KV_SECTOR, kv, e);
        assert_int_equal(e->length, sizes[i]);
        assert_true(e->checksum_ok);
        assert_memory_equal(value, data + i, sizes[i]);
        free(value);
    }
    assert_false(kv_build(inner, KV_MAGIC_TUYAOS, items, 7, 1, img)); /* does not fit */
    img[5] ^= 1; /* the key block's first cipher block: unreadable */
    assert_false(kv_read(img, 18 * KV_SECTOR, kv));
    free(kv);
    free(data);
    free(img);
}

static void damaged_blocks_are_counted(void **state)
{
    (void)state;
    uint8_t *img = malloc(18 * KV_SECTOR);
    struct kv_storage *kv = malloc(sizeof *kv);
    synth_storage(img, 17, KV_MAGIC_CLASSIC);
    img[KV_SECTOR + 2000] ^= 4;
    assert_true(kv_read(img, 18 * KV_SECTOR, kv));
    assert_int_equal(kv->bad_blocks, 1);
    assert_int_equal(kv->n_blocks, 16);
    assert_int_equal(kv->n_entries, 0);
    free(kv);
    free(img);
}

static void rf(void **state)
{
    (void)state;
    static const uint8_t mac[6] = { 2, 3, 4, 5, 6, 7 };
    uint8_t img[8192];
    struct rf_sector rf;
    struct net_param net;
    memset(img, 0xFF, sizeof img);
    synth_rf(img + 4096, mac);
    assert_false(rf_read(img, sizeof img, 0, &rf));
    assert_true(rf_read(img, sizeof img, 4096, &rf));
    assert_int_equal(rf.length, 98);
    assert_true(rf.complete && rf.mac_fixed);
    assert_int_equal(rf.mac_at, 4096 + 0x24);
    assert_memory_equal(rf.mac, mac, 6);
    assert_int_equal(rf.n, 8);
    assert_false(net_read(img, sizeof img, 4096, &net));
    for (size_t cut = 4096; cut < 4096 + 106; cut++)
        if (rf_read(img, cut, 4096, &rf))
            assert_false(rf.complete);
    /* network parameters share the magic and are not calibration */
    static const uint8_t items[] = { 'T',  'L',  'V', 0, 24, 0, 0, 0, 0x11, 0x11, 0x11,
                                     0x11, 4,    0,   0, 0,  1, 0, 0, 0,    0x44, 0x44,
                                     0x44, 0x44, 4,   0, 0,  0, 9, 9, 9,    9 };
    memcpy(img, items, sizeof items);
    assert_false(rf_read(img, sizeof img, 0, &rf));
    assert_true(net_read(img, sizeof img, 0, &net));
    assert_int_equal(net.n, 2);
}

static void obk(void **state)
{
    json_t *v = json_object_get(*state, "obk_crc8"), *item;
    uint8_t data[64], img[4096];
    size_t i;
    json_array_foreach(v, i, item)
    {
        size_t n = unhex(text_of(item, "data_hex"), data, sizeof data);
        assert_int_equal(obk_crc8(data, n), hex_of(item, "signed"));
    }
    assert_int_equal(i, 4);
    random_fill(8, img, sizeof img);
    memcpy(img, "CFG", 3);
    put_le32(img + 4, 5);
    img[3] = obk_crc8(img + 4, 3580);
    struct obk_config cfg;
    assert_true(obk_read(img, sizeof img, 0, &cfg));
    assert_true(cfg.crc_ok);
    assert_int_equal(cfg.length, 3584);
    img[100] ^= 1;
    assert_true(obk_read(img, sizeof img, 0, &cfg));
    assert_false(cfg.crc_ok);
    assert_false(obk_read(img, 3000, 0, &cfg));
}

static void param_text(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL = refused */
    } cases[] = {
        { "{a:1,b:x,}", "{\"a\":1,\"b\":\"x\"}" },
        { "{a:01,b:-3,c:true,d:null}", "{\"a\":\"01\",\"b\":-3,\"c\":true,\"d\":null}" },
        { "{a:[1,2,],b:{c:d}}", "{\"a\":[1,2],\"b\":{\"c\":\"d\"}}" },
        { "{\"a\":1}", "{\"a\":1}" },
        { "plain", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf sb = STRBUF_INIT;
        bool ok = kv_param_json(cases[i].in, strlen(cases[i].in), &sb);
        assert_int_equal(ok, cases[i].out != NULL);
        if (ok)
            assert_string_equal(sb.data, cases[i].out);
        strbuf_free(&sb);
    }
}

int main(void)
{
    json_t *v = vectors_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(keys, v),
        cmocka_unit_test_prestate(region, v),
        cmocka_unit_test(build_and_read),
        cmocka_unit_test(damaged_blocks_are_counted),
        cmocka_unit_test(rf),
        cmocka_unit_test_prestate(obk, v),
        cmocka_unit_test(param_text),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(v);
    return failed;
}
