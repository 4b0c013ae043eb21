/* test_session.c - the session against a chip whose every misfortune can be ordered:
 * attach and detach as a pair, proof, holes, cancel, files. */
#include "harness.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char board[] = "[profile]\nschema = 1\nkind = board\nname = fakeboard\n"
                            "[adapter]\ndriver = fake\ntransport = uart\n"
                            "[pads]\nP10 = rx @ TXD\nP11 = tx @ RXD\n"
                            "[chip]\ndriver = fakechip\n"
                            "[flash]\njedec = 0B4016\nsize = 256K\npage = 256\nsector = 4K\n"
                            "[partition:boot]\noffset = 0\nsize = 64K\n";
enum { SIZE = 0x40000, BLANK = 0x30000 };

static uint8_t content(uint32_t n)
{
    uint32_t x = n * 2654435761u;
    return n >= BLANK ? 0xFF : (uint8_t)(x >> 24);
}

static void setup(struct harness *h)
{
    harness_open(h, FAKE_PLUGIN, board);
}

/* The file holds the flash, but for [from, to) which is 0xFF. */
static void check_file(const struct harness *h, const char *name, uint32_t from, uint32_t to)
{
    char path[128];
    uint8_t *data = malloc(SIZE + 1);
    FILE *f = fopen(harness_path(h, name, path), "rb");
    assert_non_null(f);
    assert_int_equal(fread(data, 1, SIZE + 1, f), SIZE);
    fclose(f);
    for (uint32_t i = 0; i < SIZE; i++)
        if (data[i] != (i >= from && i < to ? 0xFF : content(i)))
            fail_msg("byte 0x%x of %s is wrong", i, name);
    free(data);
}

static json_t *member(json_t *doc, const char *a, const char *b)
{
    json_t *o = json_object_get(doc, a);
    return b ? json_object_get(o, b) : o;
}

/* A dump that must work: content right, detached once, no files but the two. */
static json_t *good_dump(struct harness *h, const char *const *options)
{
    bkf_error err;
    char *report;
    bkf_read_options ro = { .struct_size = sizeof ro };
    bkf_status st = harness_dump(h, options, &ro, "d.bin", &report, &err);
    if (st)
        fail_msg("%s: %s\n%s", bkf_status_name(st), err.message, h->log);
    check_file(h, "d.bin", 0, 0);
    assert_true(harness_has(h, "d.bin.json"));
    assert_int_equal(harness_count(h, "attach"), 1);
    assert_int_equal(harness_count(h, "detach"), 1);
    harness_remove(h, "d.bin");
    harness_remove(h, "d.bin.json");
    json_t *doc = json_loads(report, 0, NULL);
    bkf_free(report);
    assert_true(json_is_true(member(doc, "complete_backup", NULL)));
    return doc;
}

static void bad_dump(struct harness *h, const char *const *options, bkf_status want, bkf_error *err)
{
    bkf_read_options ro = { .struct_size = sizeof ro };
    bkf_status st = harness_dump(h, options, &ro, "d.bin", NULL, err);
    if (st != want || err->status != want || !err->message[0])
        fail_msg("%s instead of %s: %s", bkf_status_name(st), bkf_status_name(want), err->message);
    assert_false(harness_has(h, "d.bin"));
    assert_false(harness_has(h, "d.bin.json"));
}

/* -- proof ------------------------------------------------------------------------------- */

static void test_second_pass(void **state)
{
    (void)state;
    struct harness h;
    setup(&h);
    json_t *doc = good_dump(&h, NULL);
    assert_int_equal(json_integer_value(member(doc, "proof", "bytes_by_second_read")), SIZE);
    assert_int_equal(harness_count(&h, "bytes"), 2 * SIZE);
    json_decref(doc);
    harness_close(&h);
}

static void test_flaky_reads(void **state)
{
    (void)state;
    struct harness h;
    const char *const options[] = { "flaky=3", NULL }, *const crc[] = { "flaky=3", "digest=1",
                                                                        NULL };
    setup(&h);
    json_t *doc = good_dump(&h, options);
    assert_true(json_integer_value(member(doc, "rereads", NULL)) > 0);
    json_decref(doc);
    doc = good_dump(&h, crc);
    assert_int_equal(json_integer_value(member(doc, "proof", "bytes_by_device_crc")), SIZE);
    /* only single sectors are read again, not whole blocks */
    assert_true(harness_count(&h, "bytes") > SIZE);
    assert_true(harness_count(&h, "bytes") <= SIZE + 8 * 4096);
    json_decref(doc);
    harness_close(&h);
}

static void test_crc_skips_blank_blocks(void **state)
{
    (void)state;
    struct harness h;
    const char *const slow[] = { "digest=1", NULL }, *const fast[] = { "digest=2", NULL };
    setup(&h);
    json_decref(good_dump(&h, slow));
    assert_int_equal(harness_count(&h, "bytes"), SIZE);
    json_t *doc = good_dump(&h, fast);
    assert_int_equal(harness_count(&h, "bytes"), BLANK);
    assert_int_equal(json_integer_value(member(doc, "blank_bytes_skipped", NULL)), SIZE - BLANK);
    json_decref(doc);
    harness_close(&h);
}

static void test_verify_modes(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    setup(&h);
    for (uint32_t mode = BKF_VERIFY_SAMPLE; mode <= BKF_VERIFY_NONE; mode++) {
        char *report;
        bkf_read_options ro = { .struct_size = sizeof ro, .verify = mode };
        assert_int_equal(harness_dump(&h, NULL, &ro, "d.bin", &report, &err), 0);
        check_file(&h, "d.bin", 0, 0);
        /* four blocks: the first and the last are samples */
        assert_int_equal(harness_count(&h, "bytes"),
                         SIZE + (mode == BKF_VERIFY_SAMPLE ? 2 * 0x10000 : 0));
        json_t *doc = json_loads(report, 0, NULL);
        assert_true(json_is_false(member(doc, "complete_backup", NULL)));
        json_decref(doc);
        bkf_free(report);
        harness_remove(&h, "d.bin");
        harness_remove(&h, "d.bin.json");
    }
    harness_close(&h);
}

/* -- what cannot be read -------------------------------------------------------------------- */

static void incomplete(struct harness *h, const char *const *options, const char *key,
                       uint32_t from, uint32_t to, bool blank)
{
    bkf_error err;
    char *report;
    bkf_read_options ro = { .struct_size = sizeof ro };
    assert_int_equal(harness_dump(h, options, &ro, "d.bin", &report, &err), BKF_E_INCOMPLETE);
    assert_false(harness_has(h, "d.bin"));
    assert_false(harness_has(h, "d.bin.json"));
    assert_true(harness_has(h, "d.bin.part"));
    bkf_free(report);
    ro.flags = BKF_READ_ALLOW_HOLES;
    assert_int_equal(harness_dump(h, options, &ro, "d.bin", &report, &err), BKF_OK);
    assert_false(harness_has(h, "d.bin.part"));
    if (blank)
        check_file(h, "d.bin", from, to);
    json_t *doc = json_loads(report, 0, NULL);
    json_t *list =
        strcmp(key, "holes") == 0 ? member(doc, "holes", NULL) : member(doc, "proof", "unstable");
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_integer_value(member(json_array_get(list, 0), "start", NULL)), from);
    assert_int_equal(json_integer_value(member(json_array_get(list, 0), "end", NULL)), to);
    assert_true(json_is_false(member(doc, "complete_backup", NULL)));
    json_decref(doc);
    bkf_free(report);
    harness_remove(h, "d.bin");
    harness_remove(h, "d.bin.json");
}

static void test_holes(void **state)
{
    (void)state;
    struct harness h;
    const char *const window[] = { "hole=0x11000", NULL }, *const refused[] = { "refuse_at=0x23456",
                                                                                NULL };
    setup(&h);
    incomplete(&h, window, "holes", 0, 0x11000, true);
    incomplete(&h, refused, "holes", 0x20000, 0x30000, true);
    harness_close(&h);
}

static void test_unstable_sector(void **state)
{
    (void)state;
    struct harness h;
    const char *const plain[] = { "unstable_at=0x12344", NULL }, *const crc[] = {
        "unstable_at=0x12344", "digest=1", NULL
    };
    setup(&h);
    incomplete(&h, plain, "unstable", 0x12000, 0x13000, false);
    incomplete(&h, crc, "unstable", 0x12000, 0x13000, false);
    harness_close(&h);
}

/* -- failures ---------------------------------------------------------------------------------- */

/* Bytes are kept only together with their log; the next round starts without them. */
static void drop_part(struct harness *h, bool expected)
{
    assert_int_equal(harness_has(h, "d.bin.part"), expected);
    assert_int_equal(harness_has(h, "d.bin.part.log"), expected);
    harness_remove(h, "d.bin.part");
    harness_remove(h, "d.bin.part.log");
}

/* Whatever fails, and whenever: detached as often as attached, nothing left behind that
 * looks like a dump, and the status says what it means at that moment. */
static void test_failure_at_every_call(void **state)
{
    (void)state;
    struct harness h;
    static const struct {
        int status;
        bkf_status attaching, reading;
    } kinds[] = { { -BKF_E_NO_DEVICE, BKF_E_LINK_LOST, BKF_E_LINK_LOST },
                  { -BKF_E_IO, BKF_E_LINK_LOST, BKF_E_LINK_LOST },
                  { -BKF_E_TIMEOUT, BKF_E_NO_LINK, BKF_E_LINK_LOST },
                  { -BKF_E_PROTOCOL, BKF_E_NO_LINK, BKF_E_LINK_LOST },
                  { -BKF_E_NO_LINK, BKF_E_NO_LINK, BKF_E_LINK_LOST },
                  { -BKF_E_UNKNOWN_PART, BKF_E_UNKNOWN_PART, BKF_E_UNKNOWN_PART } };
    setup(&h);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        unsigned calls = 1;
        for (unsigned n = 1; n <= calls; n++) {
            char at[32], status[32];
            const char *const options[] = { at, status, NULL };
            bkf_error err;
            bkf_read_options ro = { .struct_size = sizeof ro };
            snprintf(at, sizeof at, "fail_at=%u", n);
            snprintf(status, sizeof status, "fail_status=%d", kinds[k].status);
            bkf_status st = harness_dump(&h, options, &ro, "d.bin", NULL, &err);
            assert_int_equal(harness_count(&h, "detach"), harness_count(&h, "attach"));
            assert_int_equal(harness_count(&h, "attach"), 1);
            drop_part(&h, n >= 4 && n <= 10); /* from the second read on there is something */
            calls = n == 1 ? 12 : calls;      /* attach, probe, 4 + 4 reads, detach, and one past */
            bool read_failed = n <= 10;
            assert_int_equal(harness_has(&h, "d.bin"), !read_failed);
            if (read_failed) {
                assert_int_equal(st, n <= 2 ? kinds[k].attaching : kinds[k].reading);
                assert_non_null(strstr(err.message, "made to fail"));
            } else {
                check_file(&h, "d.bin", 0, 0);
                assert_int_equal(st != BKF_OK, n == 11); /* detach itself */
                harness_remove(&h, "d.bin");
                harness_remove(&h, "d.bin.json");
            }
        }
    }
    harness_close(&h);
}

static void test_passing_failures_are_repeated(void **state)
{
    (void)state;
    struct harness h;
    setup(&h);
    for (int n = 2; n <= 10; n++) { /* probe and every read */
        char at[32];
        const char *const options[] = { at, "fail_times=2", "fail_status=7", NULL };
        snprintf(at, sizeof at, "fail_at=%d", n);
        json_t *doc = good_dump(&h, options);
        assert_int_equal(json_integer_value(member(doc, "retries", NULL)), 2);
        json_decref(doc);
    }
    harness_close(&h);
}

static void test_cancel_at_every_poll(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    bool finished = false;
    unsigned resumable = 0;
    setup(&h);
    for (uint32_t n = 1; !finished && n < 200; n++) {
        bkf_read_options ro = { .struct_size = sizeof ro };
        h.stop_at = n;
        bkf_status st = harness_dump(&h, NULL, &ro, "d.bin", NULL, &err);
        finished = !st;
        if (h.log_len && strstr(h.log, "count "))
            assert_int_equal(harness_count(&h, "detach"), harness_count(&h, "attach"));
        bool kept = strstr(err.message, "'bkflash resume'") != NULL;
        drop_part(&h, kept);
        assert_int_equal(harness_has(&h, "d.bin"), finished);
        if (finished)
            break;
        assert_int_equal(st, BKF_E_CANCELLED);
        if (!kept)
            assert_non_null(strstr(err.message, "no file is left"));
        resumable += kept;
    }
    assert_true(finished && resumable > 0);
    harness_remove(&h, "d.bin");
    harness_remove(&h, "d.bin.json");
    harness_close(&h);
}

/* -- identity and size ----------------------------------------------------------------- */

static void test_wrong_flash_is_not_read(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    const char *const options[] = { "die_jedec=0xC84015", NULL };
    setup(&h);
    bad_dump(&h, options, BKF_E_MISMATCH, &err);
    assert_non_null(strstr(err.message, "C84015"));
    assert_non_null(strstr(err.message, "0B4016"));
    assert_non_null(strstr(err.message, "board.ini:14"));
    assert_int_equal(harness_count(&h, "reads"), 0);
    harness_close(&h);
}

static void test_size_needs_two_sources(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    char text[512];
    const char *const table[] = { "evidence=2", NULL }, *const both[] = { "evidence=3", NULL },
                      *const sfdp[] = { "evidence=6", NULL },
                      *const other[] = { "die_size=128K", NULL };
    /* the profile is one source */
    setup(&h);
    json_decref(good_dump(&h, table));
    bad_dump(&h, other, BKF_E_UNPROVEN, &err);
    assert_non_null(strstr(err.message, "board.ini:15"));
    assert_int_equal(harness_count(&h, "reads"), 0);
    harness_close(&h);
    /* without it, JEDEC id and parts table are one, for both go by the id */
    snprintf(text, sizeof text, "%s", board);
    char *line = strstr(text, "size = 256K\n");
    memmove(line, line + 12, strlen(line + 12) + 1);
    harness_open(&h, FAKE_PLUGIN, text);
    bad_dump(&h, both, BKF_E_UNPROVEN, &err);
    json_decref(good_dump(&h, sfdp));
    harness_close(&h);
}

static void test_access_narrows(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    char text[700], *json;
    bkf_session *s;
    snprintf(text, sizeof text,
             "%s[access:uart]\nread = 0x4000..0x8000, 0x20000..end\nreason = why not\n", board);
    harness_open(&h, FAKE_PLUGIN, text);
    err = (bkf_error)BKF_ERROR_INIT;
    const char *const options[] = { "hole=0x5000", NULL };
    bkf_open_options o = { .struct_size = sizeof o, .options = options };
    assert_int_equal(bkf_open(h.ctx, h.profile, &o, NULL, &s, &err), 0);
    assert_int_equal(bkf_info(s, &json, &err), 0);
    bkf_close(s, 0, NULL);
    json_t *doc = json_loads(json, 0, NULL);
    bkf_free(json);
    char *read = json_dumps(member(doc, "windows", "read"), JSON_COMPACT);
    assert_string_equal(read,
                        "[{\"start\":20480,\"end\":32768},{\"start\":131072,\"end\":262144}]");
    assert_string_equal(json_string_value(member(doc, "windows", "reason")), "why not");
    free(read);
    json_decref(doc);
    harness_close(&h);
}

/* -- files and sinks ------------------------------------------------------------------- */

static void test_existing_file_is_kept(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err;
    char path[128];
    setup(&h);
    FILE *f = fopen(harness_path(&h, "d.bin", path), "w");
    fputs("precious", f);
    fclose(f);
    bkf_read_options ro = { .struct_size = sizeof ro };
    assert_int_equal(harness_dump(&h, NULL, &ro, "d.bin", NULL, &err), BKF_E_FILE);
    assert_int_equal(harness_count(&h, "attach"), 0); /* refused before the device was touched */
    assert_false(harness_has(&h, "d.bin.part"));
    const char *const fails[] = { "fail_at=6", NULL };
    ro.flags = BKF_READ_FORCE;
    assert_int_equal(harness_dump(&h, fails, &ro, "d.bin", NULL, &err), BKF_E_LINK_LOST);
    char text[16] = "";
    f = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "precious"); /* also with force only a complete dump replaces it */
    assert_int_equal(harness_dump(&h, NULL, &ro, "d.bin", NULL, &err), BKF_OK);
    check_file(&h, "d.bin", 0, 0);
    harness_remove(&h, "d.bin");
    harness_remove(&h, "d.bin.json");
    harness_close(&h);
}

struct collected {
    uint8_t data[SIZE];
    uint32_t next, fail_at;
};

static bkf_status collect(void *ud, uint32_t off, const uint8_t *p, size_t n, bkf_error *err)
{
    struct collected *c = ud;
    assert_int_equal(off, c->next);
    if (c->fail_at && off >= c->fail_at) {
        err->status = BKF_E_FILE;
        strcpy(err->message, "sink is full");
        return BKF_E_FILE;
    }
    memcpy(c->data + off, p, n);
    c->next += (uint32_t)n;
    return BKF_OK;
}

static void test_sink(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err = BKF_ERROR_INIT;
    bkf_session *s;
    struct collected *c = calloc(1, sizeof *c);
    setup(&h);
    bkf_read_options ro = { .struct_size = sizeof ro };
    assert_int_equal(bkf_open(h.ctx, h.profile, NULL, NULL, &s, &err), 0);
    assert_int_equal(bkf_read(s, &ro, collect, c, NULL, &err), 0);
    assert_int_equal(c->next, SIZE);
    for (uint32_t i = 0; i < SIZE; i++)
        assert_int_equal(c->data[i], content(i));
    c->next = 0;
    c->fail_at = 0x20000;
    assert_int_equal(bkf_read(s, &ro, collect, c, NULL, &err), BKF_E_FILE);
    assert_string_equal(err.message, "sink is full");
    assert_int_equal(bkf_close(s, 0, &err), 0);
    free(c);
    harness_close(&h);
}

static void test_verify_file(void **state)
{
    (void)state;
    struct harness h;
    bkf_error err = BKF_ERROR_INIT;
    bkf_session *s;
    char path[128], *report;
    uint8_t *data = malloc(SIZE);
    const char *const flaky[] = { "flaky=3", NULL }, *const crc[] = { "digest=1", NULL };
    const char *const *const sets[] = { NULL, flaky, crc };
    setup(&h);
    for (uint32_t i = 0; i < SIZE; i++)
        data[i] = content(i);
    for (size_t k = 0; k < 6; k++) {
        bkf_open_options o = { .struct_size = sizeof o, .options = sets[k % 3] };
        data[0x15678] = (uint8_t)(content(0x15678) ^ (k < 3 ? 0 : 0x80));
        FILE *f = fopen(harness_path(&h, "v.bin", path), "wb");
        fwrite(data, 1, SIZE, f);
        fclose(f);
        assert_int_equal(bkf_open(h.ctx, h.profile, &o, NULL, &s, &err), 0);
        bkf_status st = bkf_verify_file(s, NULL, path, &report, &err);
        assert_int_equal(st, k < 3 ? BKF_OK : BKF_E_VERIFY);
        bkf_close(s, 0, NULL);
        json_t *doc = json_loads(report, 0, NULL);
        assert_int_equal(json_is_true(member(doc, "equal", NULL)), k < 3);
        if (k >= 3) {
            /* by CRC alone only the sector is known */
            assert_int_equal(json_integer_value(member(doc, "first", NULL)),
                             k % 3 == 2 ? 0x15000 : 0x15678);
            assert_int_equal(json_integer_value(member(doc, "differing_bytes", NULL)), 4096);
        }
        json_decref(doc);
        bkf_free(report);
    }
    free(data);
    harness_remove(&h, "v.bin");
    harness_close(&h);
}

/* -- addresses and exit codes ---------------------------------------------------------- */

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct {
        bkf_status st;
        int code;
    } table[] = { { BKF_OK, 0 },           { BKF_E_INTERNAL, 1 },
                  { BKF_E_NOMEM, 1 },      { BKF_E_PARAM, 2 },
                  { BKF_E_PROFILE, 3 },    { BKF_E_PLUGIN, 4 },
                  { BKF_E_NO_DEVICE, 10 }, { BKF_E_ACCESS, 11 },
                  { BKF_E_BUSY, 12 },      { BKF_E_NO_LINK, 20 },
                  { BKF_E_TIMEOUT, 20 },   { BKF_E_PROTOCOL, 20 },
                  { BKF_E_LINK_LOST, 21 }, { BKF_E_IO, 21 },
                  { BKF_E_MISMATCH, 22 },  { BKF_E_UNKNOWN_PART, 23 },
                  { BKF_E_PROTECTED, 30 }, { BKF_E_UNSUPPORTED, 30 },
                  { BKF_E_VERIFY, 31 },    { BKF_E_INCOMPLETE, 32 },
                  { BKF_E_UNPROVEN, 33 },  { BKF_E_IMAGE, 40 },
                  { BKF_E_FILE, 50 },      { BKF_E_CANCELLED, 130 } };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(bkf_exit_code(table[i].st), table[i].code);
    assert_int_equal(bkf_exit_code(-9999), 1);
    /* every status there is stands in the table */
    int known = 0;
    for (bkf_status st = 0; st > -100; st--)
        known += strcmp(bkf_status_name(st), "BKF_E_(unknown)") != 0;
    assert_int_equal(known, sizeof table / sizeof *table);
}

static void test_arguments(void **state)
{
    (void)state;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(bkf_ctx_new(NULL, NULL, NULL, &err), BKF_E_PARAM);
    assert_int_equal(bkf_open(NULL, NULL, NULL, NULL, NULL, NULL), BKF_E_PARAM);
    assert_int_equal(bkf_probe(NULL, NULL, NULL), BKF_E_PARAM);
    assert_int_equal(bkf_read_file(NULL, NULL, NULL, NULL, NULL), BKF_E_PARAM);
    assert_int_equal(bkf_close(NULL, 0, NULL), BKF_OK);
    bkf_ctx_free(NULL);
    bkf_profile_free(NULL);
    bkf_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_pass),
        cmocka_unit_test(test_flaky_reads),
        cmocka_unit_test(test_crc_skips_blank_blocks),
        cmocka_unit_test(test_verify_modes),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_unstable_sector),
        cmocka_unit_test(test_failure_at_every_call),
        cmocka_unit_test(test_passing_failures_are_repeated),
        cmocka_unit_test(test_cancel_at_every_poll),
        cmocka_unit_test(test_wrong_flash_is_not_read),
        cmocka_unit_test(test_size_needs_two_sources),
        cmocka_unit_test(test_access_narrows),
        cmocka_unit_test(test_existing_file_is_kept),
        cmocka_unit_test(test_sink),
        cmocka_unit_test(test_verify_file),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
