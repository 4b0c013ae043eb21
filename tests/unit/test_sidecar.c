/* Sidecars read back: what is taken from them, and each thing that is refused by name. */
#include "core/session/sidecar.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

#define SHA "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static bkf_status parse(const char *text, struct sidecar *s, bkf_error *err)
{
    *err = (bkf_error)BKF_ERROR_INIT;
    return sidecar_parse("d.bin.json", (const uint8_t *)text, strlen(text), s, err);
}

static void whole(void **state)
{
    (void)state;
    struct sidecar s;
    bkf_error err;
    assert_int_equal(
        parse("{\"api\":1,\"sha256\":\"" SHA "\",\"range\":{\"start\":4096,\"end\":65536},"
              "\"holes\":[{\"start\":8192,\"end\":12288},{\"start\":12288,\"end\":16384}],"
              "\"flash\":{\"jedec\":\"0B4016\",\"unique_id\":\"CAFE\"},\"more\":[1]}",
              &s, &err),
        0);
    assert_int_equal(s.range.start, 4096);
    assert_int_equal(s.range.end, 65536);
    assert_string_equal(s.jedec, "0B4016");
    assert_string_equal(s.unique_id, "CAFE");
    assert_int_equal(s.n_holes, 2);
    assert_int_equal(s.holes[1].start, 12288);
    assert_null(strpbrk(s.sha256, "ABCDEF")); /* compared as text */
    sidecar_free(&s);
}

/* The loader of some chips tells no flash id. */
static void without_ids(void **state)
{
    (void)state;
    struct sidecar s;
    bkf_error err;
    static const char *const texts[] = {
        "{\"api\":1,\"sha256\":\"" SHA "\",\"range\":{\"start\":0,\"end\":1},\"holes\":[]}",
        "{\"api\":1,\"sha256\":\"" SHA
        "\",\"range\":{\"start\":0,\"end\":1},\"holes\":[],\"flash\":{}}",
        "{\"api\":1,\"sha256\":\"" SHA
        "\",\"range\":{\"start\":0,\"end\":1},\"holes\":[],\"flash\":{\"jedec\":\"\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(parse(texts[i], &s, &err), 0);
        assert_string_equal(s.jedec, "");
        sidecar_free(&s);
    }
}

static void refused(void **state)
{
    (void)state;
#define HEAD  "{\"api\":1,\"sha256\":\"" SHA "\","
#define RANGE "\"range\":{\"start\":4096,\"end\":65536},"
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "d.bin.json:1" },
        { "{\"api\":1", "d.bin.json:1" },
        { "{\"api\":1,\n\"api\":1}", "d.bin.json:2" },
        { "[]", "'api'" },
        { "{}", "'api'" },
        { "{\"api\":2}", "newer bkflash (api 2" },
        { "{\"api\":1,\"sha256\":\"" SHA "\"}", "'range'" },
        { HEAD "\"range\":{\"start\":5,\"end\":5}}", "'range'" },
        { HEAD "\"range\":{\"start\":-1,\"end\":5}}", "'range'" },
        { HEAD "\"range\":{\"start\":0,\"end\":4294967296}}", "'range'" },
        { HEAD "\"range\":{\"start\":0.5,\"end\":4}}", "'range'" },
        { "{\"api\":1," RANGE "\"holes\":[]}", "'sha256'" },
        { "{\"api\":1," RANGE "\"sha256\":\"00\",\"holes\":[]}", "'sha256'" },
        { HEAD RANGE "\"holes\":3}", "'holes'" },
        { HEAD RANGE "\"x\":3}", "'holes'" },
        { HEAD RANGE "\"holes\":[{\"start\":0,\"end\":4096}]}", "'holes'" },
        { HEAD RANGE "\"holes\":[{\"start\":61440,\"end\":69632}]}", "'holes'" },
        { HEAD RANGE "\"holes\":[{\"start\":8192,\"end\":9000},{\"start\":8000,\"end\":8100}]}",
          "'holes'" },
        { HEAD RANGE "\"holes\":[],\"flash\":7}", "'flash'" },
        { HEAD RANGE "\"holes\":[],\"proof\":7}", "'proof'" },
        { HEAD RANGE "\"holes\":[],\"proof\":{\"bytes_by_second_read\":\"all\"}}", "'proof'" },
        { HEAD RANGE "\"holes\":[],\"proof\":{\"bytes_by_device_crc\":-1}}", "'proof'" },
        { HEAD RANGE "\"holes\":[],\"flash\":{\"jedec\":\"nonsense\"}}", "'flash.jedec'" },
        { HEAD RANGE "\"holes\":[],\"flash\":{\"unique_id\":7}}", "'flash.unique_id'" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sidecar s;
        bkf_error err;
        if (parse(rows[i].text, &s, &err) != BKF_E_FILE || !strstr(err.message, rows[i].says))
            fail_msg("%s: '%s' does not name %s", rows[i].text, err.message, rows[i].says);
        assert_non_null(strstr(err.message, "d.bin.json"));
        assert_null(s.holes);
    }
}

/* Proven is what holds no byte that nothing vouches for; holes need no proof. */
static void proof(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
        bool proven;
    } rows[] = {
        { HEAD RANGE "\"holes\":[]}", 0, false },
        { HEAD RANGE "\"holes\":[],\"proof\":{\"bytes_by_second_read\":61440}}", 61440, true },
        { HEAD RANGE "\"holes\":[],\"proof\":{\"bytes_by_second_read\":61439}}", 61439, false },
        { HEAD RANGE "\"holes\":[],\"proof\":{\"bytes_by_device_crc\":4096,"
                     "\"bytes_by_second_read\":8192,\"bytes_by_block_crc\":49152}}",
          61440, true },
        { HEAD RANGE "\"holes\":[{\"start\":8192,\"end\":12288}],"
                     "\"proof\":{\"bytes_by_device_crc\":57344}}",
          57344, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sidecar s;
        bkf_error err;
        assert_int_equal(parse(rows[i].text, &s, &err), 0);
        assert_int_equal(s.proven_bytes, rows[i].bytes);
        assert_int_equal(sidecar_proven(&s), rows[i].proven);
        sidecar_free(&s);
    }
}

static void missing_file(void **state)
{
    (void)state;
    struct sidecar s;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(sidecar_load("/nonexistent/d.bin", &s, &err), BKF_E_FILE);
    assert_non_null(strstr(err.message, "/nonexistent/d.bin.json"));
    assert_non_null(strstr(err.message, "write --at"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole), cmocka_unit_test(without_ids),  cmocka_unit_test(refused),
        cmocka_unit_test(proof), cmocka_unit_test(missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
