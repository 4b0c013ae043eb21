/* The NOR engine's writing side on the virtual die: erases, pipelined programs, protection
 * with every way a die may take a status write, dies that lie. */
#include "core/nor/engine.h"
#include "tests/device/nor_die.h"
#include "tests/support/rig.h"

#define MIB (1u << 20)

static struct rig *open_die(const char *options)
{
    struct rig *r = malloc(sizeof *r);
    bkf_chip_info info = { .struct_size = sizeof info };
    bkf_error err = BKF_ERROR_INIT;
    char all[600];
    assert_non_null(r);
    rig_init(r);
    snprintf(all, sizeof all, "gate=no %s", options);
    rig_open(r, all);
    if (r->service.identify(r->nor, &r->op, &info, &err))
        fail_msg("%s: %s", options, err.message);
    return r;
}

static void end(struct rig *r)
{
    rig_close(r);
    free(r);
}

static const uint8_t *flash(const struct rig *r)
{
    size_t size;
    return device_flash(r->dev, &size);
}

static void set_clock(struct rig *r, uint32_t hz)
{
    const bkf_links *v = link_view(r->link);
    const bkf_spi_ops *spi = v->spi->ops;
    bkf_chip_info info = { .struct_size = sizeof info };
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got;
    assert_int_equal(spi->setup(v->spi->self, 0, hz, &got, &err), BKF_OK);
    assert_int_equal(r->service.identify(r->nor, &r->op, &info, &err), BKF_OK);
}

static long counter(struct rig *r, const char *name)
{
    char key[40], *report = device_report(r->dev);
    snprintf(key, sizeof key, "\"%s\":", name);
    assert_non_null(report);
    const char *at = strstr(report, key);
    assert_non_null(at);
    long n = strtol(at + strlen(key), NULL, 10);
    free(report);
    return n;
}

static uint8_t *noise(size_t n, uint32_t seed)
{
    uint8_t *p = malloc(n ? n : 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
    return p;
}

static bool all_ff(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0xFF)
            return false;
    }
    return true;
}

/* -- erase ---------------------------------------------------------------------------------- */

static void largest_erase_inside(void **state)
{
    (void)state;
    static const struct {
        const char *die;
        uint32_t off, len;
        long erases;
    } cases[] = {
        { "jedec=0B4016", 0x00000, 0x1000, 1 },
        { "jedec=0B4016", 0x00000, 0x10000, 1 },
        { "jedec=0B4016", 0x08000, 0x8000, 1 },
        { "jedec=0B4016", 0x07000, 0x9000, 2 },     /* 4K + 32K */
        { "jedec=0B4016", 0x0F000, 0x12000, 3 },    /* 4K + 64K + 4K */
        { "jedec=0B4016", 0x01000, 0xF000, 7 + 1 }, /* 7 x 4K + 32K */
        { "jedec=0B4016", 0x00000, 4 * MIB, 64 },
        { "jedec=1C7015", 0x08000, 0x8000, 8 }, /* no 52 on this part */
        { "jedec=1C7015", 0x00000, 2 * MIB, 32 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig *r = open_die(cases[i].die);
        bkf_error err = BKF_ERROR_INIT;
        uint8_t *old = malloc(4 * MIB);
        size_t size;
        const uint8_t *array = device_flash(r->dev, &size);
        memcpy(old, array, size);
        if (r->service.erase(r->nor, &r->op, cases[i].off, cases[i].len, &err))
            fail_msg("%s", err.message);
        assert_int_equal(counter(r, "erases"), cases[i].erases);
        assert_true(all_ff(flash(r) + cases[i].off, cases[i].len));
        assert_memory_equal(flash(r), old, cases[i].off);
        assert_memory_equal(flash(r) + cases[i].off + cases[i].len,
                            old + cases[i].off + cases[i].len, size - cases[i].off - cases[i].len);
        assert_int_equal(r->progress, cases[i].len);
        rig_clean(r);
        free(old);
        end(r);
    }
}

static void erase_arguments(void **state)
{
    (void)state;
    struct rig *r = open_die("jedec=0B4016");
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(r->service.erase(r->nor, &r->op, 0x800, 0x1000, &err), BKF_E_PARAM);
    assert_int_equal(r->service.erase(r->nor, &r->op, 0, 0x1001, &err), BKF_E_PARAM);
    assert_int_equal(r->service.erase(r->nor, &r->op, 4 * MIB, 0x1000, &err), BKF_E_PARAM);
    assert_int_equal(r->service.erase(r->nor, &r->op, 0, 0, &err), BKF_OK);
    assert_int_equal(counter(r, "erases"), 0);
    end(r);
}

/* Waiting follows the part: 64 blocks of 250 ms cost little more than 16 s. */
static void erase_waits_closely(void **state)
{
    (void)state;
    static const struct {
        const char *die;
        double ideal_ms;
    } cases[] = { { "jedec=0B4016", 64 * 250.0 },
                  { "jedec=EB6015", 32 * 10.0 },
                  { "jedec=0B4016 t_be=180ms", 64 * 180.0 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig *r = open_die(cases[i].die);
        bkf_error err = BKF_ERROR_INIT;
        size_t size;
        device_flash(r->dev, &size);
        uint64_t start = r->clock.ns;
        assert_int_equal(r->service.erase(r->nor, &r->op, 0, size, &err), BKF_OK);
        double ms = (double)(r->clock.ns - start) / 1e6;
        /* 1 ms a block: two turnarounds of 250 us and the commands at 1 MHz */
        if (ms > cases[i].ideal_ms * 1.03 + (double)(size >> 16))
            fail_msg("%s: %.1f ms for %.1f", cases[i].die, ms, cases[i].ideal_ms);
        end(r);
    }
}

/* -- program ----------------------------------------------------------------------------------- */

static void programs_what_it_is_given(void **state)
{
    (void)state;
    static const struct {
        uint32_t off, len;
    } cases[] = { { 0, 256 },      { 0, 1 },          { 255, 2 },      { 0x1080, 0x100 },
                  { 0x20, 70000 }, { 0x3FFF00, 256 }, { 0x3FFFFF, 1 }, { 0x10000, 0x10000 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig *r = open_die("jedec=0B4016 firmware=no seed=5");
        bkf_error err = BKF_ERROR_INIT;
        uint8_t *data = noise(cases[i].len, (uint32_t)i);
        if (r->service.erase(r->nor, &r->op, 0, 4 * MIB, &err) ||
            r->service.program(r->nor, &r->op, cases[i].off, data, cases[i].len, &err))
            fail_msg("%s", err.message);
        assert_memory_equal(flash(r) + cases[i].off, data, cases[i].len);
        assert_true(all_ff(flash(r), cases[i].off));
        assert_true(
            all_ff(flash(r) + cases[i].off + cases[i].len, 4 * MIB - cases[i].off - cases[i].len));
        rig_clean(r);
        free(data);
        end(r);
    }
}

static void blank_pages_are_skipped(void **state)
{
    (void)state;
    struct rig *r = open_die("jedec=0B4016");
    bkf_error err = BKF_ERROR_INIT;
    uint8_t *data = malloc(0x10000);
    memset(data, 0xFF, 0x10000);
    data[0x4321] = 0;
    assert_int_equal(r->service.erase(r->nor, &r->op, 0, 0x10000, &err), BKF_OK);
    assert_int_equal(r->service.program(r->nor, &r->op, 0, data, 0x10000, &err), BKF_OK);
    assert_int_equal(counter(r, "programs"), 1);
    assert_memory_equal(flash(r), data, 0x10000);
    free(data);
    end(r);
}

/* Many pages per submission; the modelled time stays near busy time plus wire time. */
static void pipelined(void **state)
{
    (void)state;
    struct rig *r = open_die("jedec=0B4016");
    bkf_error err = BKF_ERROR_INIT;
    set_clock(r, 6000000);
    uint8_t *data = noise(MIB, 3);
    assert_int_equal(r->service.erase(r->nor, &r->op, 0, MIB, &err), BKF_OK);
    uint64_t start = r->clock.ns;
    uint32_t runs = r->runs;
    assert_int_equal(r->service.program(r->nor, &r->op, 0, data, MIB, &err), BKF_OK);
    double ms = (double)(r->clock.ns - start) / 1e6;
    double ideal = 4096 * (0.5 + 262 * 8 / 6000.0);
    if (ms > ideal * 1.05)
        fail_msg("%.1f ms, ideal %.1f", ms, ideal);
    assert_true(r->runs - runs <= 4096 / 64 + 8);
    assert_memory_equal(flash(r), data, MIB);
    rig_clean(r);
    free(data);
    end(r);
}

static void uneven_busy_times(void **state)
{
    (void)state;
    static const char *const dies[] = {
        "jedec=0B4016 jitter=0.9 seed=1 tolerate=busy,wel",
        "jedec=0B4016 jitter=0.9 seed=2 t_pp=3ms tolerate=busy,wel",
        "jedec=EB6015 jitter=0.5 seed=3 tolerate=busy,wel",
        "jedec=0B4016 timing=slow jitter=0.5 seed=4 tolerate=busy,wel",
        "jedec=0B4016 t_pp=5ms tolerate=busy,wel",
    };
    for (size_t i = 0; i < ARRAY_LEN(dies); i++) {
        struct rig *r = open_die(dies[i]);
        bkf_error err = BKF_ERROR_INIT;
        set_clock(r, 6000000);
        uint8_t *data = noise(0x20000, 3);
        if (r->service.erase(r->nor, &r->op, 0, 0x20000, &err) ||
            r->service.program(r->nor, &r->op, 0, data, 0x20000, &err))
            fail_msg("%s: %s", dies[i], err.message);
        assert_memory_equal(flash(r), data, 0x20000);
        rig_clean(r);
        free(data);
        end(r);
    }
}

/* -- refusals
 * -------------------------------------------------------------------------------------- */

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

/* -- protection: every dialect
 * ---------------------------------------------------------------------- */

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

/* -- dies that lie
 * --------------------------------------------------------------------------------------- */

static void stuck_busy_ends(void **state)
{
    (void)state;
    struct rig *r = open_die("jedec=0B4016 lie=wip:1");
    bkf_error err = BKF_ERROR_INIT;
    uint64_t start = r->clock.ns;
    assert_int_equal(r->service.erase(r->nor, &r->op, 0, 0x1000, &err), BKF_E_TIMEOUT);
    assert_non_null(strstr(err.message, "WIP set"));
    assert_true(err.effect != BKF_EFFECT_NONE);
    assert_true(r->clock.ns - start < 10000000000u);
    end(r);
    r = open_die("jedec=0B4016 lie=wip:1 tolerate=busy,wel");
    uint8_t data[1024] = { 0 };
    start = r->clock.ns;
    assert_int_equal(r->service.program(r->nor, &r->op, 0, data, sizeof data, &err), BKF_E_TIMEOUT);
    assert_true(err.effect != BKF_EFFECT_NONE);
    assert_true(r->clock.ns - start < 1000000000u);
    end(r);
    r = open_die("jedec=0B4016 sr=0x4004 lie=wip:1 volatile50=no tolerate=busy,wel,opcode");
    start = r->clock.ns;
    assert_int_equal(r->service.unlock(r->nor, &r->op, &err), BKF_E_TIMEOUT);
    assert_true(r->clock.ns - start < 2000000000u);
    end(r);
}

/* -- effect is honest
 * ---------------------------------------------------------------------------------------- */

static bkf_status job(struct rig *r, const uint8_t *data, bkf_error *err)
{
    bkf_status st = r->service.unlock(r->nor, &r->op, err);
    if (!st)
        st = r->service.erase(r->nor, &r->op, 0x10000, 0x12000, err);
    if (!st)
        st = r->service.program(r->nor, &r->op, 0x10000, data, 0x12000, err);
    bkf_error after = BKF_ERROR_INIT;
    bkf_status locked = r->service.lock(r->nor, &r->op, &after);
    if (!st && locked) { /* the flash is done, its protection is not */
        *err = after;
        err->effect = BKF_EFFECT_PARTIAL;
    }
    return st ? st : locked;
}

static void effect_under_faults(void **state)
{
    (void)state;
    uint8_t *data = noise(0x12000, 8), *old = malloc(MIB);
    static const char *const kinds[] = { "unplug", "timeout" };
    bool through = false;
    for (int n = 20; !through; n += n < 120 ? 1 : 7) {
        for (size_t k = 0; k < 2; k++) {
            char fault[40];
            struct rig *r = malloc(sizeof *r);
            bkf_chip_info info = { .struct_size = sizeof info };
            bkf_error err = BKF_ERROR_INIT;
            rig_init(r);
            snprintf(fault, sizeof fault, "%s@%d", kinds[k], n);
            r->fault = fault;
            rig_open(r, "gate=no jedec=0B4014 sr=0x4204 tolerate=busy,wel,abort seed=4");
            memcpy(old, flash(r), MIB);
            bkf_status st = r->service.identify(r->nor, &r->op, &info, &err);
            if (!st) {
                st = job(r, data, &err);
                bool changed = memcmp(old, flash(r), MIB) != 0;
                if (st && changed && err.effect == BKF_EFFECT_NONE)
                    fail_msg("%s: flash changed, but effect says no: %s", fault, err.message);
                if (memcmp(old, flash(r), 0x10000) != 0 ||
                    memcmp(old + 0x22000, flash(r) + 0x22000, MIB - 0x22000) != 0)
                    fail_msg("%s: bytes outside the job changed", fault);
                if (!st)
                    assert_memory_equal(flash(r) + 0x10000, data, 0x12000);
                struct link_stats stats;
                link_stats_get(r->link, &stats);
                through |= !stats.faults;
            }
            end(r);
        }
    }
    free(data);
    free(old);
}

static void cancelling(void **state)
{
    (void)state;
    struct rig *r = open_die("jedec=0B4016");
    bkf_error err = BKF_ERROR_INIT;
    r->stop_after_us = r->clock.ns / 1000 + 600000;
    assert_int_equal(r->service.erase(r->nor, &r->op, 0, MIB, &err), BKF_E_CANCELLED);
    assert_int_equal(err.effect, BKF_EFFECT_PARTIAL);
    assert_true(r->clock.ns / 1000 - r->stop_after_us < 500000);
    r->stop_after_us = 0;
    uint8_t *data = noise(MIB, 1);
    assert_int_equal(r->service.erase(r->nor, &r->op, 0, MIB, &err), BKF_OK);
    r->stop_after_us = r->clock.ns / 1000 + 600000;
    assert_int_equal(r->service.program(r->nor, &r->op, 0, data, MIB, &err), BKF_E_CANCELLED);
    assert_int_equal(err.effect, BKF_EFFECT_PARTIAL);
    r->stop_after_us = 0;
    /* and it goes on from there */
    assert_int_equal(r->service.program(r->nor, &r->op, 0, data, MIB, &err), BKF_OK);
    assert_memory_equal(flash(r), data, MIB);
    free(data);
    end(r);
}

/* Bits that flip on the wire: never a wrong byte that is called right by the status. */
static void noisy_wire(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig *r = malloc(sizeof *r);
        bkf_chip_info info = { .struct_size = sizeof info };
        bkf_error err = BKF_ERROR_INIT;
        rig_init(r);
        r->fault = "flip=1e-5";
        r->seed = seed;
        rig_open(r, "gate=no jedec=0B4016 sr=0x4204 tolerate=busy,wel seed=4");
        assert_int_equal(r->service.identify(r->nor, &r->op, &info, &err), BKF_OK);
        uint8_t *data = noise(0x12000, 8);
        if (job(r, data, &err))
            fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
        assert_memory_equal(flash(r) + 0x10000, data, 0x12000);
        assert_int_equal(device_flash_status(r->dev) & 0xFFFC, 0x4204);
        free(data);
        end(r);
    }
}

static void timing_is_told(void **state)
{
    (void)state;
    struct rig *r = open_die("jedec=0B4016");
    const bkf_timing *t = r->service.timing(r->nor);
    assert_int_equal(t->erase_4k_us, 60000);
    assert_int_equal(t->erase_32k_us, 150000);
    assert_int_equal(t->erase_64k_us, 250000);
    assert_int_equal(t->program_page_us, 500);
    assert_in_range(t->read_rate, 110000, 126000); /* 1 MHz */
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_erase_inside),
        cmocka_unit_test(erase_arguments),
        cmocka_unit_test(erase_waits_closely),
        cmocka_unit_test(programs_what_it_is_given),
        cmocka_unit_test(blank_pages_are_skipped),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(uneven_busy_times),
        cmocka_unit_test(protected_is_noticed),
        cmocka_unit_test(every_dialect),
        cmocka_unit_test(other_families),
        cmocka_unit_test(volatile_if_possible),
        cmocka_unit_test(registers_that_stay),
        cmocka_unit_test(protect_on_and_off),
        cmocka_unit_test(ranges_agree_with_the_die),
        cmocka_unit_test(stuck_busy_ends),
        cmocka_unit_test(effect_under_faults),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(noisy_wire),
        cmocka_unit_test(timing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
