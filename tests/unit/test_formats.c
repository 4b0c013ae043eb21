/* UF2 and Intel HEX. */
#include "core/image/bytes.h"
#include "core/image/ihex.h"
#include "core/image/uf2.h"
#include "tests/support/vectors.h"

/* A block as LibreTiny's tool writes it: data, then tags, then the end magic. */
static void block(uint8_t *b, uint32_t i, uint32_t total, uint32_t flags, uint32_t addr,
                  const uint8_t *data, uint32_t len)
{
    memset(b, 0, UF2_BLOCK);
    put_le32(b, 0x0A324655);
    put_le32(b + 4, 0x9E5D5157);
    put_le32(b + 8, flags | 0x2000);
    put_le32(b + 12, addr);
    put_le32(b + 16, len);
    put_le32(b + 20, i);
    put_le32(b + 24, total);
    put_le32(b + 28, 0x7B3EF230);
    memcpy(b + 32, data, len);
    put_le32(b + 508, 0x0AB16F30);
}

static uint8_t *tag(uint8_t *p, uint32_t type, const void *value, size_t n)
{
    p[0] = (uint8_t)(n + 4);
    p[1] = (uint8_t)type;
    p[2] = (uint8_t)(type >> 8);
    p[3] = (uint8_t)(type >> 16);
    memcpy(p + 4, value, n);
    return p + 4 + (n + 3) / 4 * 4;
}

enum { BLOCKS = 5 };
/* Flasher writes blocks 1 and 2 to app; the device writes block 3 to download. */
static void sample(uint8_t *file, const uint8_t *data)
{
    static const char to_app[] = "\x00\x01\x00"
                                 "app",
                      to_download[] = "\x10\x00\x00"
                                      "download";
    block(file, 0, BLOCKS, 0x8001, 0, data, 0);
    uint8_t *p = tag(file + 32, 0xCA25C8, "cb2s", 4);
    p = tag(p, 0x9FC7BC, "1.2.3", 5);
    tag(p, 0x00DE43, "test", 4);
    block(file + 512, 1, BLOCKS, 0x8000, 0, data, 256);
    tag(file + 512 + 32 + 256, 0xC0EE0C, to_app, 6);
    block(file + 1024, 2, BLOCKS, 0, 512, data + 256, 100);
    block(file + 1536, 3, BLOCKS, 0x8000, 0, data + 500, 50);
    tag(file + 1536 + 32 + 52, 0xC0EE0C, to_download, 11);
    block(file + 2048, 4, BLOCKS, 0, 50, data + 550, 6);
}

static void uf2_sample(void **state)
{
    (void)state;
    uint8_t file[BLOCKS * 512], data[600], *out;
    size_t len;
    struct uf2_info info;
    bkf_error err = BKF_ERROR_INIT;
    random_fill(1, data, sizeof data);
    sample(file, data);
    if (uf2_read(file, sizeof file, UF2_FLASHER_SINGLE, &info, NULL, NULL, &err))
        fail_msg("%s", err.message);
    assert_string_equal(info.chip, "BK7231N");
    assert_string_equal(info.board, "cb2s");
    assert_string_equal(info.version, "1.2.3");
    assert_int_equal(info.n_parts, 1);
    assert_string_equal(info.parts[0], "app");
    assert_int_equal(uf2_extract(file, sizeof file, UF2_FLASHER_SINGLE, "app", &out, &len, &err),
                     0);
    assert_int_equal(len, 612);
    assert_memory_equal(out, data, 256);
    assert_true(bytes_are(out + 256, 256, 0xFF));
    assert_memory_equal(out + 512, data + 256, 100);
    free(out);
    assert_int_equal(
        uf2_extract(file, sizeof file, UF2_DEVICE_SINGLE, "download", &out, &len, &err), 0);
    assert_int_equal(len, 56);
    assert_memory_equal(out, data + 500, 56);
    free(out);
    assert_int_equal(uf2_extract(file, sizeof file, UF2_DEVICE_SINGLE, "app", &out, &len, &err),
                     BKF_E_IMAGE);
}

static void uf2_damage(void **state)
{
    (void)state;
    uint8_t file[BLOCKS * 512], data[600];
    struct uf2_info info;
    random_fill(1, data, sizeof data);
    for (size_t n = 0; n < sizeof file; n++) {
        bkf_error err = BKF_ERROR_INIT;
        sample(file, data);
        assert_int_equal(uf2_read(file, n, UF2_FLASHER_SINGLE, &info, NULL, NULL, &err),
                         BKF_E_IMAGE);
    }
    static const size_t fields[] = { 0, 4, 508, 512 + 20, 512 + 24, 512 + 17, 1024 + 28 };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        bkf_error err = BKF_ERROR_INIT;
        sample(file, data);
        file[fields[i]] ^= 0x40;
        assert_int_equal(uf2_read(file, sizeof file, UF2_FLASHER_SINGLE, &info, NULL, NULL, &err),
                         BKF_E_IMAGE);
        assert_non_null(strstr(err.message, "UF2 block"));
    }
}

static void ihex_round_trip(void **state)
{
    (void)state;
    static const uint32_t bases[] = { 0, 0x11000, 0xFFF7, 0x1FFFD, 0xFFFE0000 };
    uint8_t data[700], *out;
    random_fill(2, data, sizeof data);
    for (size_t b = 0; b < ARRAY_LEN(bases); b++)
        for (size_t n = 1; n < sizeof data; n += 37) {
            struct strbuf text = STRBUF_INIT;
            bkf_error err = BKF_ERROR_INIT;
            size_t len;
            uint32_t base;
            ihex_write(data, n, bases[b], &text);
            if (ihex_read(text.data, text.len, 1 << 20, &out, &len, &base, &err))
                fail_msg("%s", err.message);
            assert_int_equal(len, n);
            assert_int_equal(base, bases[b]);
            assert_memory_equal(out, data, n);
            free(out);
            assert_int_equal(ihex_read(text.data, text.len - 12, 1 << 20, &out, &len, &base, &err),
                             BKF_E_IMAGE); /* end record gone */
            strbuf_free(&text);
        }
}

struct hex_case {
    const char *text, *says; /* says NULL = accepted */
    size_t len;
    uint32_t base;
};

static void ihex_text(void **state)
{
    (void)state;
    static const struct hex_case cases[] = {
        /* the example of the Intel specification's general record */
        { ":10010000214601360121470136007EFE09D2190140\r\n:00000001FF\r\n", NULL, 16, 0x100 },
        { ":020000021200EA\n:0400100001020304E2\n:00000001FF", NULL, 4, 0x12010 },
        { ":02000004FFFFFC\n:0100000000FF\n:00000001FF", NULL, 1, 0xFFFF0000 },
        { ":0400000500000000F7\n:00000001FF\n", "has no data", 0, 0 },
        { ":10010000214601360121470136007EFE09D2190141\n:00000001FF\n", "line 1", 0, 0 },
        { ":0100000000FF\nhello\n:00000001FF\n", "line 2", 0, 0 },
        { ":0100000000FF\n:00000001FF\n:0100000000FF\n", "line 3", 0, 0 },
        { ":0100000000FF\n", "cut short", 0, 0 },
        { ":0200000000FE\n:00000001FF\n", "length byte", 0, 0 },
        { ":0100000600F9\n:00000001FF\n", "type", 0, 0 },
        { ":0100000000FG\n:00000001FF\n", "hex digit", 0, 0 },
        { "", "cut short", 0, 0 },
        { ":0100000000FF\n:020000040040BA\n:0100000000FF\n:00000001FF\n", "spans", 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bkf_error err = BKF_ERROR_INIT;
        uint8_t *out;
        size_t len;
        uint32_t base;
        bkf_status st =
            ihex_read(cases[i].text, strlen(cases[i].text), 1 << 20, &out, &len, &base, &err);
        if (!cases[i].says) {
            if (st || len != cases[i].len || base != cases[i].base)
                fail_msg("case %zu: %s", i, err.message);
            free(out);
        } else if (st != BKF_E_IMAGE || !strstr(err.message, cases[i].says)) {
            fail_msg("case %zu: status %d, %s", i, st, err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uf2_sample),
        cmocka_unit_test(uf2_damage),
        cmocka_unit_test(ihex_round_trip),
        cmocka_unit_test(ihex_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
