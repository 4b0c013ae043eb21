/* test_device_uart_vectors.c - the published request and reply pairs, and two whole
 * sessions, byte for byte against the virtual device. */
#include "tests/support/uart_bench.h"
#include <jansson.h>
#include <zlib.h>

static uint8_t *flash(struct bench *b)
{
    return (uint8_t *)(uintptr_t)device_flash(b->dev, NULL);
}

static void pattern(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)i;
    }
}

/* The last four of n bytes are chosen so that the CRC register ends as wire. */
static void force_crc(uint8_t *p, size_t n, uint32_t wire)
{
    uint32_t reg = (uint32_t)crc32(0, p, (uInt)(n - 4)) ^ 0xFFFFFFFFu;
    uint32_t back = wire;
    for (int i = 0; i < 32; i++) { /* undo 32 clocks of the register with zero input */
        back = back & 0x80000000u ? (back ^ 0xEDB88320u) << 1 | 1u : back << 1;
    }
    reg ^= back;
    for (size_t i = 0; i < 4; i++) {
        p[n - 4 + i] = (uint8_t)(reg >> 8 * i);
    }
    assert_int_equal((uint32_t)crc32(0, p, (uInt)n) ^ 0xFFFFFFFFu, wire);
}

/* "P256" and "PAT" stand for 00..FF once and sixteen times. */
static size_t hex(const char *s, uint8_t *to, size_t cap)
{
    size_t n = 0;
    for (; *s && n < cap; s++) {
        unsigned v;
        if (*s == 'P') {
            size_t len = strcmp(s, "PAT") ? 256 : 4096;
            assert_true(len <= cap - n);
            pattern(to + n, len);
            return n + len;
        }
        if (*s != ' ' && sscanf(s, "%2x", &v) == 1) {
            to[n++] = (uint8_t)v;
            s++;
        }
    }
    return n;
}

/* -- vectors ---------------------------------------------------------------------------- */
struct setup {
    const char *vector, *chip, *options;
};
static const struct setup special[] = {
    { "read_reg_chipid_7238", "bk7238", "" },
    { "read_reg_chipid_7252N", "bk7252n", "" },
    { "read_reg_chipid_7236", "bk7236", "" },
    { "read_reg_efuse_data", NULL, "efuse=0000000000DC" },
    { "set_baud_after_stale_link", NULL, "uart_quirk=stale" },
    { "get_mid_len05", "bk7231n", "uart_quirk=mid5" },
    { "read_sr1", NULL, "sr=0x021C" },
    { "read_sr2", NULL, "sr=0x021C" },
    { "write4k_protected_7252", "bk7252", "" },
    { "write4k_protected_T", "bk7231t", "" },
    { "write4k_fail_timeout", "bk7231n", "" },
};

static void prepare(struct bench *b, const char *vector)
{
    uint8_t *f = flash(b);
    memset(f + 0x11000, 0xFF, 0x20000);
    pattern(f + 0x11000, 4096);
    if (!strcmp(vector, "read4k_wrap_T")) {
        pattern(f, 4096);
    } else if (!strcmp(vector, "read_n_16")) {
        pattern(f + 0x12000, 256);
    } else if (!strcmp(vector, "crc_2MiB_ff")) {
        memset(f, 0xFF, 2u << 20);
    } else if (!strcmp(vector, "crc_boot_id_T105")) {
        force_crc(f, 256, 0x45AB3E47);
    } else if (!strcmp(vector, "crc_boot_id_N101")) {
        force_crc(f, 257, 0x1EBE6E45);
    } else if (!strncmp(vector, "write4k", 7) || !strncmp(vector, "write_", 6)) {
        memset(f + 0x11000, 0xFF, 0x2000);
    } else if (!strncmp(vector, "read_reg_efuse", 14)) {
        uint8_t rx[64]; /* select byte 5 and let the enable bit clear itself */
        (void)UART_SAY(b, rx, 0x01, 0xE0, 0xFC, 9, 1, 0x74, 0, 0x80, 0, 1, 5, 0, 0);
        for (unsigned i = 0; i < 3; i++) {
            (void)UART_SAY(b, rx, 0x01, 0xE0, 0xFC, 5, 3, 0x74, 0, 0x80, 0);
        }
    }
}

static void play(const char *vector, const char *chip, const char *extra, const uint8_t *req,
                 size_t n, const uint8_t *want, size_t m)
{
    static uint8_t rx[8192];
    struct bench b;
    char options[160];
    (void)snprintf(options, sizeof options, "chip=%s jedec=EB6015 size=2M sr=0 uart_idle=5s %s",
                   chip, extra);
    bench_open(&b, options);
    if (strcmp(vector, "bkreg_reboot") != 0) {
        if (!uart_link(&b)) {
            fail_msg("%s on %s: no link", vector, chip);
        }
        prepare(&b, vector);
    }
    if (!strcmp(vector, "write4k_fail_timeout")) {
        n -= 100; /* the rest never comes */
    }
    bool set_baud = n == 10 && req[4] == 0x0F;
    device_uart_write(b.dev, req, n);
    if (set_baud) {
        uint32_t baud = (uint32_t)req[5] | (uint32_t)req[6] << 8 | (uint32_t)req[7] << 16;
        /* the stale reply was sent at the old rate, the host still reads it there */
        size_t stale = 0;
        if (strstr(extra, "stale")) {
            b.clock.ns += 2000000;
            stale = device_uart_read(b.dev, rx, sizeof rx);
            assert_int_equal(stale, 8);
        }
        device_uart_host_baud(b.dev, baud);
        size_t got = stale + uart_say(&b, NULL, 0, rx + stale, sizeof rx - stale, 500);
        assert_int_equal(got, m);
    } else {
        size_t got = uart_say(&b, NULL, 0, rx, sizeof rx, 6000);
        if (got != m) {
            fail_msg("%s on %s: %zu bytes came, expected %zu", vector, chip, got, m);
        }
    }
    for (size_t i = 0; i < m; i++) {
        if (rx[i] != want[i]) {
            fail_msg("%s on %s: byte %zu is %02X, expected %02X", vector, chip, i, rx[i], want[i]);
        }
    }
    bench_close(&b);
}

static void vectors(void **state)
{
    (void)state;
    json_error_t err;
    json_t *all = json_load_file(SOURCE_DIR "/tests/data/uart-vectors.json", 0, &err), *v;
    size_t i;
    static uint8_t req[8192], want[8192];
    if (!all) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(json_array_size(all), 57);
    json_array_foreach(all, i, v)
    {
        const char *name = json_string_value(json_object_get(v, "name"));
        const char *family = json_string_value(json_object_get(v, "family"));
        size_t n = hex(json_string_value(json_object_get(v, "req")), req, sizeof req);
        size_t m = hex(json_string_value(json_object_get(v, "resp")), want, sizeof want);
        const char *chips[4] = { NULL }, *extra = "";
        size_t c = 0;
        if (!strcmp(family, "all") || !strcmp(family, "tuya") || !strcmp(family, "lboot")) {
            chips[c++] = "bk7231t";
        }
        if (!strcmp(family, "all") || !strcmp(family, "lboot")) {
            chips[c++] = "bk7252";
        }
        if (strcmp(family, "tuya") != 0 && strcmp(family, "lboot") != 0) {
            chips[c++] = "bk7231n";
        }
        for (size_t s = 0; s < sizeof special / sizeof special[0]; s++) {
            if (!strcmp(special[s].vector, name)) {
                extra = special[s].options;
                if (special[s].chip) {
                    chips[0] = special[s].chip;
                    c = 1;
                }
            }
        }
        for (size_t k = 0; k < c; k++) {
            play(name, chips[k], extra, req, n, want, m);
        }
    }
    json_decref(all);
}

/* -- sessions ------------------------------------------------------------------------------- */
struct turn {
    const char *say, *hear; /* hear NULL: not compared byte for byte but by the test */
    uint32_t baud_after;
};

static size_t turn(struct bench *b, const struct turn *t, const uint8_t *extra, size_t extra_n,
                   uint8_t *rx, size_t cap)
{
    static uint8_t tx[8192];
    uint8_t want[64];
    size_t n = hex(t->say, tx, sizeof tx);
    memcpy(tx + n, extra, extra_n);
    device_uart_write(b->dev, tx, n + extra_n);
    if (t->baud_after) {
        device_uart_host_baud(b->dev, t->baud_after);
    }
    size_t got = uart_say(b, NULL, 0, rx, cap, 120);
    if (t->hear) {
        size_t m = hex(t->hear, want, sizeof want);
        if (got < m || memcmp(rx, want, m) != 0) {
            fail_msg("after %s: %zu bytes, %02X %02X .. %02X", t->say, got, rx[0], rx[1],
                     got ? rx[got - 1] : 0);
        }
    }
    return got;
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t wire_crc(const uint8_t *p, size_t n)
{
    return (uint32_t)crc32(0, p, (uInt)n) ^ 0xFFFFFFFFu;
}

static void session_bk7231n(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        { "01E0FC0100", "040E0501E0FC0100", 0 },
        { "01E0FC060F00100E0014", "040E0901E0FC0F00100E0014", 921600 },
        { "01E0FC09100000000000010000", "040E0801E0FC10456EBE1E", 0 },
        { "01E0FC0100", "040E0501E0FC0100", 0 },
        { "01E0FC050300008000", "040E0C01E0FC03000080001C230700", 0 },
        { "01E0FCFFF405000E9F000000", "040EFF01E0FCF406000E0000EB6015", 0 },
        { "01E0FCFFF405000900002000", "040EFF01E0FCF40610090000002000", 0 },
        { "01E0FC091000002000FF0F2000", NULL, 0 },
        { "01E0FCFFF402000C05", "040EFF01E0FCF404000C00059C", 0 },
        { "01E0FCFFF402000C35", "040EFF01E0FCF404000C003502", 0 },
        { "01E0FCFFF404000D018002", "040EFF01E0FCF405000D00018002", 0 },
        { "01E0FCFFF402000C05", "040EFF01E0FCF404000C000580", 0 },
        { "01E0FCFFF402000C35", "040EFF01E0FCF404000C003502", 0 },
        { "01E0FCFFF406000F2000002200", "040EFF01E0FCF407000F002000002200", 0 },
        { "01E0FCFFF405100700002200", "040EFF01E0FCF40600070000002200", 0 },
    };
    static uint8_t rx[8192], data[4096];
    struct bench b;
    bench_open(&b, "chip=bk7231n jedec=EB6015 size=2M sr=0x029C");
    assert_true(uart_link(&b));
    force_crc(flash(&b), 257, 0x1EBE6E45);
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        bool write = i + 1 == sizeof turns / sizeof turns[0];
        pattern(data, sizeof data);
        data[7] = 0x42;
        size_t got = turn(&b, &turns[i], data, write ? 4096 : 0, rx, sizeof rx);
        if (i == 6) {
            assert_int_equal(got, 4111);
            assert_memory_equal(rx + 15, flash(&b), 4096);
        }
        if (i == 7) {
            uint32_t crc = wire_crc(flash(&b), 4096);
            assert_int_equal(got, 11);
            assert_int_equal(le32(rx + 7), crc);
        }
        if (i == 13) {
            assert_int_equal(flash(&b)[0x20000], 0xFF);
        }
    }
    assert_memory_equal(flash(&b) + 0x20000, data, 4096);
    bench_clean(&b);
    bench_close(&b);
}

static void session_bk7231t(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        { "01E0FC0100", "040E0501E0FC0100", 0 },
        { "01E0FC060F00100E0014", "040E0901E0FC0F00100E0014", 921600 },
        { "01E0FC09100000000000010000", "040E0801E0FC10473EAB45", 0 },
        { "01E0FC0100", "040E0501E0FC0100", 0 },
        { "01E0FC0111", "040E1401E0FC11424B37323331535F312E302E35000000", 0 },
        { "01E0FCFFF405000900002000", "040EFF01E0FCF40610090000002000", 0 },
        { "01E0FC09100000200000102000", NULL, 0 },
        { "01E0FC0100", "040E0501E0FC0100", 0 },
        { "01E0FCFFF406000F2000002200", "040EFF01E0FCF407000F002000002200", 0 },
        { "01E0FCFFF405100700002200", "040EFF01E0FCF40600070000002200", 0 },
        { "01E0FC09100000220000102200", NULL, 0 },
        { "01E0FC0100", "040E0501E0FC0100", 0 },
    };
    static uint8_t rx[8192], data[4096];
    struct bench b;
    bench_open(&b, "chip=bk7231t jedec=EB6015 size=2M sr=0x4004");
    assert_true(uart_link(&b));
    force_crc(flash(&b), 256, 0x45AB3E47);
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        pattern(data, sizeof data);
        size_t got = turn(&b, &turns[i], data, i == 9 ? 4096 : 0, rx, sizeof rx);
        if (i == 5) {
            assert_memory_equal(rx + 15, flash(&b), 4096);
        }
        if (i == 6 || i == 10) {
            uint32_t crc = wire_crc(i == 6 ? flash(&b) : data, 4096);
            assert_int_equal(got, 11);
            assert_int_equal(le32(rx + 7), crc);
            assert_int_equal(device_flash_status(b.dev), 0x7C); /* the CRC protected again */
        }
    }
    assert_memory_equal(flash(&b) + 0x20000, data, 4096);
    bench_clean(&b);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(session_bk7231n),
        cmocka_unit_test(session_bk7231t),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
