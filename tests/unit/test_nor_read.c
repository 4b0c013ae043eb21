/* The NOR engine's reading side on the virtual die: identification, parts, registers, size
 * evidence, long reads. */
#include "core/nor/engine.h"
#include "tests/support/rig.h"

static bkf_status identify(struct rig *r, bkf_chip_info *info, bkf_error *err)
{
    *info = (bkf_chip_info){ .struct_size = sizeof *info };
    return r->service.identify(r->nor, &r->op, info, err);
}

static struct rig *new_rig(void)
{
    struct rig *r = malloc(sizeof *r);
    assert_non_null(r);
    rig_init(r);
    return r;
}

static void end(struct rig *r)
{
    rig_close(r);
    free(r);
}

/* A file of size bytes: random, blank, doubled, patterned. */
static void image(char path[32], size_t size, const char *kind)
{
    uint8_t *p = malloc(size);
    assert_non_null(p);
    uint32_t x = 12345;
    size_t period = !strcmp(kind, "doubled") ? size / 2 : size;
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525u + 1013904223u;
        if (!strcmp(kind, "blank"))
            p[i] = 0xFF;
        else if (!strcmp(kind, "pattern"))
            p[i] = (uint8_t)i;
        else if (!strcmp(kind, "tiny"))
            p[i] = i < 0x1000 ? (uint8_t)(x >> 24) : 0xFF;
        else
            p[i] = i < period ? (uint8_t)(x >> 24) : p[i - period];
    }
    snprintf(path, 32, "/tmp/test_nor_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "wb");
    assert_int_equal(fwrite(p, 1, size, f), size);
    fclose(f);
    free(p);
}

static void knows_the_doorbell(void **state)
{
    (void)state;
    struct rig *r = new_rig();
    bkf_chip_info info;
    bkf_error err = BKF_ERROR_INIT;
    r->env.want = (struct nor_want){ 0x0B4016, 4 << 20, "XT25F32B", "board.ini:40" };
    char path[32], options[100];
    image(path, 4 << 20, "random");
    snprintf(options, sizeof options, "gate=no jedec=0B4016 sr=0x4204 image=%s", path);
    rig_open(r, options);
    remove(path);
    if (identify(r, &info, &err))
        fail_msg("%s", err.message);
    assert_int_equal(info.jedec_id, 0x0B4016);
    assert_int_equal(info.flash_size, 4 << 20);
    assert_string_equal(info.part, "XT25F32B");
    assert_int_equal(info.status, 0x4204);
    assert_int_equal(info.status_bits, 16);
    assert_int_equal(info.size_evidence,
                     BKF_SIZE_JEDEC | BKF_SIZE_TABLE | BKF_SIZE_SFDP | BKF_SIZE_WRAP);
    assert_int_equal(info.sector, 4096);
    assert_int_equal(info.page, 256);
    rig_clean(r);
    end(r);
}

static void wrong_die_is_named(void **state)
{
    (void)state;
    struct rig *r = new_rig();
    bkf_chip_info info;
    bkf_error err = BKF_ERROR_INIT;
    r->env.want = (struct nor_want){ 0x0B4016, 4 << 20, "XT25F32B", "board.ini:40" };
    rig_open(r, "gate=no jedec=1C7015");
    assert_int_equal(identify(r, &info, &err), BKF_E_MISMATCH);
    assert_non_null(strstr(err.message, "1C7015 (EN25QH16B)"));
    assert_non_null(strstr(err.message, "board.ini:40 says 0B4016 (XT25F32B)"));
    uint8_t b[4];
    assert_int_equal(r->service.read(r->nor, &r->op, 0, b, 4, &err), BKF_E_PARAM);
    end(r);
}

static void silence_names_the_pads(void **state)
{
    (void)state;
    static const char *const wires[] = { "gate=no miso=stuck0", "gate=no miso=stuck1",
                                         "gate=no miso=open pull=up" };
    for (size_t i = 0; i < ARRAY_LEN(wires); i++) {
        struct rig *r = new_rig();
        bkf_chip_info info;
        bkf_error err = BKF_ERROR_INIT;
        rig_open(r, wires[i]);
        assert_int_equal(identify(r, &info, &err), BKF_E_NO_LINK);
        if (!strstr(err.message, "not connected") || !strstr(err.message, "TDO on MISO"))
            fail_msg("%s: %s", wires[i], err.message);
        end(r);
    }
}

static void unknown_parts(void **state)
{
    (void)state;
    struct rig *r = new_rig();
    bkf_chip_info info;
    bkf_error err = BKF_ERROR_INIT;
    rig_open(r, "gate=no jedec=775514 size=1M sfdp=yes sr=0x0200");
    if (identify(r, &info, &err))
        fail_msg("%s", err.message);
    assert_int_equal(info.flash_size, 1 << 20);
    assert_true(info.size_evidence & BKF_SIZE_SFDP);
    assert_false(info.size_evidence & BKF_SIZE_TABLE);
    assert_int_equal(info.status_bits, 16); /* found by reading */
    end(r);

    r = new_rig();
    rig_open(r, "gate=no jedec=775514 size=1M sfdp=no");
    assert_int_equal(identify(r, &info, &err), BKF_E_UNKNOWN_PART);
    assert_non_null(strstr(err.message, "775514"));
    end(r);

    r = new_rig();
    r->env.want = (struct nor_want){ 0, 1 << 20, NULL, "b.ini:9" };
    rig_open(r, "gate=no jedec=775514 size=1M sfdp=no");
    error_clear(&err);
    if (identify(r, &info, &err))
        fail_msg("%s", err.message);
    assert_int_equal(info.size_evidence, BKF_SIZE_JEDEC);
    end(r);
}

/* -- size -------------------------------------------------------------------------------- */

struct size_case {
    const char *die;   /* device options */
    uint32_t die_size; /* of the image file */
    const char *image;
    uint32_t want;
    bkf_status st;
    uint32_t has, lacks; /* evidence bits */
};

static void size_evidence(void **state)
{
    (void)state;
    static const struct size_case cases[] = {
        { "jedec=0B4016 size=4M", 4 << 20, "random", 4 << 20, BKF_OK, BKF_SIZE_WRAP, 0 },
        /* half the die behind the same id: caught by reading */
        { "jedec=0B4016 size=2M sfdp=no", 2 << 20, "random", 4 << 20, BKF_E_UNPROVEN, 0,
          BKF_SIZE_WRAP },
        { "jedec=0B4016 size=1M sfdp=no", 1 << 20, "random", 4 << 20, BKF_E_UNPROVEN, 0,
          BKF_SIZE_WRAP },
        /* its own table contradicts */
        { "jedec=0B4016 size=2M sfdp=yes", 2 << 20, "random", 4 << 20, BKF_E_MISMATCH, 0, 0 },
        /* a known 2 MiB die under a 4 MiB profile, and the reverse */
        { "jedec=EB6015 size=2M", 2 << 20, "random", 4 << 20, BKF_E_MISMATCH, 0, 0 },
        { "jedec=0B4016 size=4M", 4 << 20, "random", 2 << 20, BKF_E_MISMATCH, 0, 0 },
        /* contents that prove nothing: no error, no evidence */
        { "jedec=0B4016 size=4M", 4 << 20, "blank", 4 << 20, BKF_OK, BKF_SIZE_TABLE,
          BKF_SIZE_WRAP },
        { "jedec=0B4016 size=2M sfdp=no", 2 << 20, "blank", 4 << 20, BKF_OK, 0, BKF_SIZE_WRAP },
        { "jedec=0B4016 size=4M", 4 << 20, "pattern", 4 << 20, BKF_OK, BKF_SIZE_TABLE,
          BKF_SIZE_WRAP },
        { "jedec=0B4016 size=4M", 4 << 20, "tiny", 4 << 20, BKF_OK, BKF_SIZE_TABLE, 0 },
        /* said by nobody but the id and the table */
        { "jedec=1C7015 size=2M sfdp=no", 2 << 20, "random", 0, BKF_OK,
          BKF_SIZE_WRAP | BKF_SIZE_TABLE, BKF_SIZE_SFDP },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct size_case *c = &cases[i];
        char path[32], options[200];
        struct rig *r = new_rig();
        bkf_chip_info info;
        bkf_error err = BKF_ERROR_INIT;
        image(path, c->die_size, c->image);
        snprintf(options, sizeof options, "gate=no %s image=%s", c->die, path);
        r->env.want = (struct nor_want){ 0, c->want, NULL, "b.ini:7" };
        rig_open(r, options);
        bkf_status st = identify(r, &info, &err);
        if (st != c->st)
            fail_msg("case %zu (%s %s): %d %s", i, c->die, c->image, st, err.message);
        if ((info.size_evidence & c->has) != c->has || (info.size_evidence & c->lacks))
            fail_msg("case %zu: evidence %x", i, info.size_evidence);
        if (st && !strstr(err.message, "b.ini:7"))
            fail_msg("case %zu: %s", i, err.message);
        remove(path);
        end(r);
    }
}

/* -- reads --------------------------------------------------------------------------------- */

static void long_reads(void **state)
{
    (void)state;
    static const struct {
        uint32_t off, len;
    } cases[] = { { 0, 1 },       { 1, 255 },          { 0x1234, 70000 }, { 0, 1 << 20 },
                  { 0xFFFFF, 1 }, { 0xF0001, 0xFFFF }, { 0, 0 } };
    struct rig *r = new_rig();
    bkf_chip_info info;
    bkf_error err = BKF_ERROR_INIT;
    char path[32], options[100];
    image(path, 1 << 20, "random");
    snprintf(options, sizeof options, "gate=no jedec=CD6014 image=%s", path);
    rig_open(r, options);
    if (identify(r, &info, &err))
        fail_msg("%s", err.message);
    size_t size;
    const uint8_t *flash = device_flash(r->dev, &size);
    uint8_t *got = malloc(1 << 20);
    assert_non_null(got);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bkf_status st = r->service.read(r->nor, &r->op, cases[i].off, got, cases[i].len, &err);
        if (st)
            fail_msg("%s", err.message);
        assert_memory_equal(got, flash + cases[i].off, cases[i].len);
    }
    assert_int_equal(r->service.read(r->nor, &r->op, 0xFFFFF, got, 2, &err), BKF_E_PARAM);
    assert_int_equal(r->service.read(r->nor, &r->op, 0xFFFFFFFF, got, 2, &err), BKF_E_PARAM);
    rig_clean(r);
    /* cancelled in the middle: chip select is let go, the next command works */
    r->stop_after_us = r->clock.ns / 1000 + 1000000;
    assert_int_equal(r->service.read(r->nor, &r->op, 0, got, 1 << 20, &err), BKF_E_CANCELLED);
    r->stop_after_us = 0;
    uint32_t id;
    assert_int_equal(r->service.rdid(r->nor, &id, &err), BKF_OK);
    assert_int_equal(id, 0xCD6014);
    rig_clean(r);
    free(got);
    remove(path);
    end(r);
}

/* The target goes away without a sound: its MISO reads FF, which is no flash contents. */
static void a_dead_target_is_noticed(void **state)
{
    (void)state;
    static const char *const pulls[] = { "up", "down", "noise" };
    for (size_t i = 0; i < ARRAY_LEN(pulls); i++) {
        char options[80];
        struct rig *r = new_rig();
        bkf_chip_info info;
        bkf_error err = BKF_ERROR_INIT;
        snprintf(options, sizeof options, "boot=spi jedec=CD6014 pull=%s", pulls[i]);
        rig_open(r, options);
        if (identify(r, &info, &err))
            fail_msg("%s", err.message);
        uint8_t buf[0x2000];
        assert_int_equal(r->service.read(r->nor, &r->op, 0, buf, sizeof buf, &err), BKF_OK);
        device_set_cen(r->dev, 0);
        assert_int_equal(r->service.read(r->nor, &r->op, 0, buf, sizeof buf, &err),
                         BKF_E_LINK_LOST);
        assert_non_null(strstr(err.message, "instead of CD6014"));
        assert_int_equal(r->service.erase(r->nor, &r->op, 0, 0x1000, &err) != BKF_OK, 1);
        assert_int_equal(
            r->service.program(r->nor, &r->op, 0, (uint8_t[4]){ 0 }, 4, &err) != BKF_OK, 1);
        assert_int_equal(r->service.unlock(r->nor, &r->op, &err) != BKF_OK || i == 1, 1);
        end(r);
    }
}

/* One READ command per call, whatever the length: 1 MiB at 1 MHz costs its bits and little
 * else. */
static void streams(void **state)
{
    (void)state;
    struct rig *r = new_rig();
    bkf_chip_info info;
    bkf_error err = BKF_ERROR_INIT;
    rig_open(r, "gate=no jedec=CD6014");
    assert_int_equal(identify(r, &info, &err), BKF_OK);
    uint8_t *got = malloc(1 << 20);
    assert_non_null(got);
    uint64_t start = r->clock.ns;
    uint32_t runs = r->runs;
    assert_int_equal(r->service.read(r->nor, &r->op, 0, got, 1 << 20, &err), BKF_OK);
    double ms = (double)(r->clock.ns - start) / 1e6, ideal = 8388.608;
    assert_true(ms < ideal * 1.001);
    assert_true(r->runs - runs <= 17); /* and one RDID */
    free(got);
    end(r);
}

static void noise_is_asked_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rig *r = new_rig();
        bkf_chip_info info;
        bkf_error err = BKF_ERROR_INIT;
        r->fault = "flip=1e-4";
        r->seed = seed;
        rig_open(r, "gate=no jedec=0B4016 seed=5");
        if (identify(r, &info, &err))
            fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
        assert_int_equal(info.jedec_id, 0x0B4016);
        assert_int_equal(info.flash_size, 4 << 20);
        end(r);
    }
}

/* Vectors: W25Q16JV's and a plain JESD216 table, typed in from the data sheets' bytes. */
static void sfdp_tables(void **state)
{
    (void)state;
    static const uint8_t good[] = {
        'S',  'F',  'D',  'P',  0x05, 0x01, 0x00, 0xFF, 0x00, 0x05, 0x01, 0x10, 0x10, 0x00,
        0x00, 0xFF, 0xE5, 0x20, 0xF9, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x44, 0xEB, 0x08, 0x6B,
        0x08, 0x3B, 0x42, 0xBB, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF,
        0x40, 0xEB, 0x0C, 0x20, 0x0F, 0x52, 0x10, 0xD8, 0x00, 0x00, 0x36, 0x02, 0xA6, 0x00,
        0x82, 0xEA, 0x14, 0xC4, 0xE9, 0x63, 0x76, 0x33, 0x7A, 0x75, 0x7A, 0x75, 0xF7, 0xA2,
        0xD5, 0x5C, 0x19, 0xF7, 0x4D, 0xFF, 0xE9, 0x30, 0xF8, 0x80,
    };
    struct nor_sfdp s;
    assert_true(sfdp_parse(good, sizeof good, &s));
    assert_int_equal(s.size, 2 << 20);
    assert_int_equal(s.page, 256);
    assert_int_equal(s.erase[0].size, 4096);
    assert_int_equal(s.erase[0].opcode, 0x20);
    assert_int_equal(s.erase[1].size, 32768);
    assert_int_equal(s.erase[1].opcode, 0x52);
    assert_int_equal(s.erase[2].size, 65536);
    assert_int_equal(s.erase[2].opcode, 0xD8);
    assert_int_equal(s.erase[3].size, 0);
    /* every truncation and every single-byte damage is survived; the signature counts */
    for (size_t n = 0; n < sizeof good; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, good, n);
        sfdp_parse(copy, n, &s);
        free(copy);
    }
    for (size_t i = 0; i < sizeof good * 8; i++) {
        uint8_t copy[sizeof good];
        memcpy(copy, good, sizeof copy);
        copy[i / 8] ^= (uint8_t)(1u << (i % 8));
        bool ok = sfdp_parse(copy, sizeof copy, &s);
        if (i < 32)
            assert_false(ok);
        if (ok)
            assert_true(s.size >= 0x10000 && s.size <= 0x1000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_doorbell),
        cmocka_unit_test(wrong_die_is_named),
        cmocka_unit_test(silence_names_the_pads),
        cmocka_unit_test(unknown_parts),
        cmocka_unit_test(size_evidence),
        cmocka_unit_test(long_reads),
        cmocka_unit_test(streams),
        cmocka_unit_test(noise_is_asked_again),
        cmocka_unit_test(a_dead_target_is_noticed),
        cmocka_unit_test(sfdp_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
