/* The NOR engine's writing side on the virtual die: erases, pipelined programs, honest effects,
 * dies that lie.  Protection is test_nor_protect.c's. */
#include "tests/support/nor_rig.h"

#define MIB (1u << 20)

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

/* -- dies that lie --------------------------------------------------------------------- */

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

/* -- effect is honest ------------------------------------------------------------------ */

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
        cmocka_unit_test(stuck_busy_ends),
        cmocka_unit_test(effect_under_faults),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(noisy_wire),
        cmocka_unit_test(timing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
