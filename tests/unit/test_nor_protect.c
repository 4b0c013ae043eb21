/* The NOR engine and write protection: noticed, lifted and put back with every way a die may
 * take a status write, and ranges as the die itself decodes them. */
#include "tests/support/nor_rig.h"

/* -- refusals -------------------------------------------------------------------------- */

static void protected_is_noticed(void **state)
{
    (void)state;
    static const char *const dies[] = { "jedec=0B4016 sr=0x4000 tolerate=protected",
                                        "jedec=0B4016 sr=0x001C tolerate=protected",
                                        "jedec=1C7015 sr=0x7C tolerate=protected",
                                        "jedec=C22315 sr=0x083C tolerate=protected" };
    for (size_t i = 0; i < ARRAY_LEN(dies); i++) {
        struct rig *r = open_die(dies[i]);
        bkf_error err = BKF_ERROR_INIT;
        uint8_t data[256] = { 0 };
        assert_int_equal(r->service.erase(r->nor, &r->op, 0, 0x1000, &err), BKF_E_PROTECTED);
        assert_int_equal(err.effect, BKF_EFFECT_NONE);
        assert_non_null(strstr(err.message, "ended at once"));
        assert_int_equal(r->service.program(r->nor, &r->op, 0, data, 256, &err), BKF_E_PROTECTED);
        assert_int_equal(err.effect, BKF_EFFECT_NONE);
        assert_int_equal(counter(r, "programs"), 0);
        rig_clean(r);
        end(r);
    }
}

/* -- protection: every dialect --------------------------------------------------------- */

static bool unprotected(const struct rig *r)
{
    bkf_error err = BKF_ERROR_INIT;
    bkf_range ranges[2];
    size_t n = 9;
    struct rig *w = (struct rig *)(uintptr_t)r;
    assert_int_equal(w->service.protected_ranges(w->nor, &w->op, ranges, 2, &n, &err), BKF_OK);
    return n == 0;
}

struct dialect {
    const char *wrsr, *wrsr1, *extra, *volatile50;
};

static void one_dialect(const struct dialect *d, uint32_t sr, bool can_write_sr2)
{
    char options[300];
    bkf_error err = BKF_ERROR_INIT;
    snprintf(options, sizeof options,
             "jedec=0B4014 wrsr=%s wrsr1=%s wrsr_extra=%s volatile50=%s sr=0x%04X "
             "tolerate=length,opcode,wel",
             d->wrsr, d->wrsr1, d->extra, d->volatile50, sr);
    struct rig *r = open_die(options);
    bkf_status st = r->service.unlock(r->nor, &r->op, &err);
    uint32_t now = device_flash_status(r->dev);
    if (!can_write_sr2 && (sr & 0x4000)) {
        if (st != BKF_E_PROTECTED || !strstr(err.message, "stay at"))
            fail_msg("%s: %d %s", options, st, err.message);
    } else if (st || (now & 0x407C) || !unprotected(r)) {
        fail_msg("%s: %d %s, status %04X", options, st, err.message, now);
    } else {
        if ((now & 0x3A00) != (sr & 0x3A00))
            fail_msg("%s: kept bits changed: %04X", options, now);
        if (r->service.erase(r->nor, &r->op, 0, 0x10000, &err))
            fail_msg("%s: %s", options, err.message);
    }
    if (r->service.lock(r->nor, &r->op, &err) && can_write_sr2)
        fail_msg("%s: lock: %s", options, err.message);
    now = device_flash_status(r->dev);
    if ((now ^ sr) & 0x7BFC && can_write_sr2)
        fail_msg("%s: left at %04X", options, now);
    assert_int_equal(device_violation_count(r->dev, VIOLATION_OTP), 0);
    rig_clean(r);
    end(r);
}

static void every_dialect(void **state)
{
    (void)state;
    static const char *const wrsr[] = { "two", "one,two", "one,two,31", "one,31", "one" };
    static const char *const one[] = { "keep", "clear" };
    static const char *const extra[] = { "reject", "ignore" };
    static const char *const volatile50[] = { "yes", "no" };
    static const uint32_t values[] = { 0x4004, 0x4204, 0x4000, 0x007C, 0x027C,
                                       0x4A0C, 0x0200, 0x0080, 0x409C, 0x4104 };
    for (size_t w = 0; w < ARRAY_LEN(wrsr); w++) {
        for (size_t o = 0; o < 16; o++) {
            const struct dialect d = { wrsr[w], one[o & 1], extra[o >> 1 & 1],
                                       volatile50[o >> 2 & 1] };
            bool sr2 = w < 4;
            if (o >= 8 || (w == 4 && (o & 1)))
                continue; /* only one byte, and that clears SR2: nothing can be kept */
            for (size_t v = 0; v < ARRAY_LEN(values); v++) {
                /* SRP1 locks after the first write, which on such a die is half of one */
                if (values[v] == 0x4104 && !strcmp(d.extra, "ignore") && !strstr(d.wrsr, "two"))
                    continue;
                one_dialect(&d, values[v], sr2);
            }
        }
    }
}

static void other_families(void **state)
{
    (void)state;
    static const struct {
        const char *die;
        uint32_t before, after;
    } cases[] = {
        { "jedec=1C7015 sr=0x7C", 0x7C, 0x00 },
        { "jedec=1C7015 sr=0xFC", 0xFC, 0x00 },
        { "jedec=1C7015 sr=0x7C rdsr2=ff", 0x7C, 0x00 },
        { "jedec=1C7016 sr=0x3C rdsr2=00", 0x3C, 0x00 },
        /* MX25V: QE is bit 6 of SR1, the configuration register stays */
        { "jedec=C22315 sr=0x087C", 0x087C, 0x0840 },
        { "jedec=C46015 sr=0x4204", 0x4204, 0x0200 },
        { "jedec=856015 sr=0x4204", 0x4204, 0x0200 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig *r = open_die(cases[i].die);
        bkf_error err = BKF_ERROR_INIT;
        if (r->service.unlock(r->nor, &r->op, &err))
            fail_msg("%s: %s", cases[i].die, err.message);
        if ((device_flash_status(r->dev) & 0xFFFC) != cases[i].after)
            fail_msg("%s: %04X", cases[i].die, device_flash_status(r->dev));
        if (r->service.erase(r->nor, &r->op, 0, 0x20000, &err))
            fail_msg("%s: %s", cases[i].die, err.message);
        if (r->service.lock(r->nor, &r->op, &err))
            fail_msg("%s: %s", cases[i].die, err.message);
        assert_int_equal(device_flash_status(r->dev) & 0xFFFC, cases[i].before);
        assert_int_equal(device_violation_count(r->dev, VIOLATION_OTP), 0);
        end(r);
    }
}

/* Where the part can, only the volatile copy changes: a power cut undoes everything. */
static void volatile_if_possible(void **state)
{
    (void)state;
    struct rig *r = open_die("jedec=0B4016 sr=0x4204");
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(r->service.unlock(r->nor, &r->op, &err), BKF_OK);
    assert_int_equal(device_flash_status(r->dev) & 0xFFFC, 0x0200);
    device_power_cycle(r->dev);
    assert_int_equal(device_flash_status(r->dev) & 0xFFFC, 0x4204);
    end(r);
}

static void registers_that_stay(void **state)
{
    (void)state;
    static const struct {
        const char *die, *says;
    } cases[] = {
        { "jedec=0B4016 sr=0x4004 lie=sr tolerate=wel", "ignores every known way" },
        { "jedec=0B4016 sr=0x4184 tolerate=wel", "SRP1 is set" },
        { "jedec=1C7015 sr=0x9C lie=sr", "SRP0 is set" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig *r = open_die(cases[i].die);
        bkf_error err = BKF_ERROR_INIT;
        assert_int_equal(r->service.unlock(r->nor, &r->op, &err), BKF_E_PROTECTED);
        assert_int_equal(err.effect, BKF_EFFECT_NONE);
        if (!strstr(err.message, cases[i].says))
            fail_msg("%s: %s", cases[i].die, err.message);
        end(r);
    }
}

static void protect_on_and_off(void **state)
{
    (void)state;
    static const char *const dies[] = { "jedec=0B4016 sr=0x0200", "jedec=1C7015 sr=0x00",
                                        "jedec=C22315 sr=0x0040", "jedec=856015 sr=0x4204" };
    for (size_t i = 0; i < ARRAY_LEN(dies); i++) {
        struct rig *r = open_die(dies[i]);
        bkf_error err = BKF_ERROR_INIT;
        bkf_range ranges[2];
        size_t n, size;
        device_flash(r->dev, &size);
        uint32_t before = device_flash_status(r->dev);
        if (r->service.protect(r->nor, &r->op, 1, &err))
            fail_msg("%s: %s", dies[i], err.message);
        device_power_cycle(r->dev); /* for good */
        assert_int_equal(r->service.protected_ranges(r->nor, &r->op, ranges, 2, &n, &err), BKF_OK);
        assert_int_equal(n, 1);
        assert_int_equal(ranges[0].start, 0);
        assert_int_equal(ranges[0].end, size);
        assert_int_equal(r->service.protect(r->nor, &r->op, 0, &err), BKF_OK);
        device_power_cycle(r->dev);
        assert_true(unprotected(r));
        /* a saved value comes back as it was, from whatever state */
        assert_int_equal(r->service.restore_status(r->nor, &r->op, before, &err), BKF_OK);
        assert_int_equal(device_flash_status(r->dev) & 0xFFFC, before & 0xFFFC);
        rig_clean(r);
        end(r);
    }
}

/* The decoder against the die's own idea, for every value of the protection bits. */
static void ranges_agree_with_the_die(void **state)
{
    (void)state;
    static const uint32_t ids[] = { 0x0B4014, 0x0B4015, 0x0B4016, 0x0B4017,
                                    0x1C7015, 0x1C7016, 0xC22315 };
    struct rig r;
    rig_init(&r);
    rig_parts(&r);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct nor_config cfg;
        struct violation_log log = { 0 };
        char err[256];
        assert_true(nor_part_defaults(ids[i], &cfg));
        uint8_t *array = calloc(1, cfg.size);
        struct nor_die *die = nor_new(&cfg, array, &log, err);
        const struct nor_part *part = nor_part_by_jedec(r.env.parts, ids[i]);
        assert_non_null(part);
        assert_non_null(die);
        for (uint32_t bits = 0; bits < 128; bits++) {
            uint32_t value =
                (bits & 31) << 2 | (bits & 32 ? 0x4000u : 0) | (bits & 64 ? 0x0800u : 0);
            bkf_range got[2];
            if (part->sr_count < 2)
                value &= 0xFF;
            else if (ids[i] != 0xC22315)
                value &= ~0x0800u; /* a lock bit there */
            nor_force_status(die, value);
            size_t n = protect_ranges(part, cfg.size, value, got);
            for (uint32_t at = 0; at < cfg.size; at += 0x1000) {
                bool mine = false;
                for (size_t k = 0; k < n; k++)
                    mine |= at >= got[k].start && at < got[k].end;
                if (mine != nor_protects(die, at))
                    fail_msg("%06X status %04X at 0x%x: %d", ids[i], value, at, mine);
            }
        }
        nor_free(die);
        violation_free(&log);
        free(array);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protected_is_noticed),
        cmocka_unit_test(every_dialect),
        cmocka_unit_test(other_families),
        cmocka_unit_test(volatile_if_possible),
        cmocka_unit_test(registers_that_stay),
        cmocka_unit_test(protect_on_and_off),
        cmocka_unit_test(ranges_agree_with_the_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
