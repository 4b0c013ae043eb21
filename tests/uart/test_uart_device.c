/* The client on the strict virtual device: no violation without faults, the boot window,
 * seeded faults, and the time a dump takes. */
#include "strict.h"
#include <time.h>

enum { SMALL = 0x80000, SEEDS = 1000, RESETS = 100 };
static const char *const chip_pairs[] = { "uart_timeout=3s", NULL };

static struct strict *small_device(bool rom, uint64_t seed, const char *fault, const char *quirk)
{
    char seed_text[40];
    snprintf(seed_text, sizeof seed_text, "seed=%u", (unsigned)seed + 1);
    return strict_new(rom, SMALL,
                      (const char *const[]){ rom ? "chip=bk7231n" : "chip=bk7231t", "jedec=856013",
                                             "size=512K", "firmware=yes", seed_text, fault, quirk,
                                             NULL },
                      chip_pairs, 0);
}

/* -- without faults --------------------------------------------------------------------------- */

static void no_violation_in_a_whole_job(void **state)
{
    (void)state;
    static uint8_t got[SMALL], data[0x30000];
    for (int rom = 0; rom < 2; rom++) {
        struct strict *s = small_device(rom, 7, "uart_fault=", "uart_quirk=");
        RIG_OK(s, strict_up(s));
        for (uint32_t at = 0; at < SMALL; at += 0x10000) {
            RIG_OK(s, strict_block(s, at, got + at, 0x10000));
        }
        size_t size;
        assert_memory_equal(got, device_flash(s->d, &size), SMALL);
        assert_int_equal(size, SMALL);
        rig_fill(data, sizeof data, 3);
        RIG_OK(s, beken_uart_unlock(s->u, &s->op, &s->err));
        RIG_OK(s, beken_uart_erase(s->u, &s->op, 0x11000, sizeof data, &s->err));
        RIG_OK(s, beken_uart_program(s->u, &s->op, 0x11000, data, sizeof data, &s->err));
        RIG_OK(s, beken_uart_lock(s->u, &s->op, &s->err));
        memcpy(got + 0x11000, data, sizeof data);
        assert_memory_equal(got, device_flash(s->d, &size), SMALL);
        RIG_OK(s, beken_uart_detach(s->u, &s->op, 1, &s->err));
        const struct violation *v;
        if (device_violations(s->d, &v)) {
            fail_msg("%s: %s", rom ? "rom" : "bootloader", v[0].text);
        }
        if (s->breach[0]) {
            fail_msg("%s", s->breach);
        }
        strict_free(s);
    }
}

/* The mask ROM listens for 5 ms: the first reset must do in 99 of 100. */
static void boot_window(void **state)
{
    (void)state;
    unsigned first = 0;
    for (unsigned seed = 0; seed < RESETS; seed++) {
        struct strict *s = small_device(true, seed, "uart_fault=latency:16", "uart_quirk=");
        s->clock.ns += (uint64_t)seed * 137911u; /* any phase of the flood */
        if (beken_uart_attach(s->u, &s->op, &s->err) == BKF_OK && s->u->resets == 1) {
            first++;
        }
        strict_free(s);
    }
    printf("           linked at the first reset: %u of %u\n", first, RESETS);
    assert_true(first >= 99);
}

/* -- seeded faults --------------------------------------------------------------------- */

struct tally {
    unsigned right, refused;
    char last[160];
};

static void one_run(bool rom, uint64_t seed, const char *fault, const char *quirk, bool writes,
                    struct tally *t)
{
    static uint8_t got[0x20000], data[0x10000];
    const uint32_t at = writes ? 0x20000 : 0;
    struct strict *s = small_device(rom, seed, fault, quirk);
    bkf_status st = strict_up(s);
    rig_fill(data, sizeof data, (uint32_t)seed + 9);
    if (writes) {
        bool same = false;
        st = st == BKF_OK ? beken_uart_unlock(s->u, &s->op, &s->err) : st;
        for (unsigned tries = 0; st == BKF_OK && !same && tries < 8; tries++) {
            for (uint32_t o = 0; st == BKF_OK && o < sizeof data; o += 0x1000) {
                uint32_t crc = 0;
                st = beken_uart_crc32(s->u, &s->op, at + o, 0x1000, &crc, &s->err);
                if (st == BKF_OK && crc != crc32(0, data + o, 0x1000)) {
                    st = beken_uart_erase(s->u, &s->op, at + o, 0x1000, &s->err);
                    if (st == BKF_OK) {
                        st = beken_uart_program(s->u, &s->op, at + o, data + o, 0x1000, &s->err);
                    }
                }
            }
            uint32_t crc = 0;
            st = st == BKF_OK ? beken_uart_crc32(s->u, &s->op, at, sizeof data, &crc, &s->err) : st;
            same = crc == crc32(0, data, sizeof data);
        }
        if (st == BKF_OK && !same) {
            st = BKF_E_UNPROVEN;
        }
    } else {
        for (uint32_t o = 0; st == BKF_OK && o < sizeof got; o += 0x10000) {
            st = strict_block(s, o, got + o, 0x10000);
        }
    }
    if (s->breach[0]) {
        fail_msg("%s seed %u: the client sent: %s", fault, (unsigned)seed, s->breach);
    }
    size_t size;
    const uint8_t *flash = device_flash(s->d, &size);
    if (st == BKF_OK) {
        t->right++;
        if (writes ? memcmp(flash + at, data, sizeof data) : memcmp(flash, got, sizeof got)) {
            fail_msg("%s seed %u: wrong bytes taken for right", fault, (unsigned)seed);
        }
    } else {
        t->refused++;
        snprintf(t->last, sizeof t->last, "%d: %.140s", (int)st, s->err.message);
        if (!s->err.message[0] && st != BKF_E_UNPROVEN) {
            fail_msg("%s seed %u: no cause named", fault, (unsigned)seed);
        }
    }
    strict_free(s);
}

static void family(const char *name, const char *fault, const char *quirk, bool writes,
                   unsigned least)
{
    struct tally t = { 0 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        one_run(seed % 2 != 0, seed, fault, quirk, writes, &t);
    }
    printf("           %-26s right %4u  refused %4u  %s\n", name, t.right, t.refused, t.last);
    if (t.right < least) {
        fail_msg("%s: only %u runs came through", name, t.right);
    }
}

static void flipped(void **state)
{
    (void)state;
    family("bits flipped", "uart_fault=flip:1e-5", "uart_quirk=", false, 950);
}
static void lost(void **state)
{
    (void)state;
    family("bytes lost", "uart_fault=drop:1e-5", "uart_quirk=", false, 950);
}
static void doubled(void **state)
{
    (void)state;
    family("bytes doubled", "uart_fault=dup:1e-5", "uart_quirk=", false, 950);
}
static void noise(void **state)
{
    (void)state;
    family("noise", "uart_fault=noise:1e-5", "uart_quirk=", false, 950);
}
static void cut(void **state)
{
    (void)state;
    family("4056 of 4111, three times", "uart_fault=cut:4056:3", "uart_quirk=", false, SEEDS);
}
static void no_baud_reply(void **state)
{
    (void)state;
    family("SetBaud reply lost", "uart_fault=losebaud", "uart_quirk=", false, SEEDS);
}
static void slow_adapter(void **state)
{
    (void)state;
    family("16 ms latency", "uart_fault=latency:16", "uart_quirk=", false, SEEDS);
}
static void stale(void **state)
{
    (void)state;
    family("stale LinkCheck replies", "uart_fault=", "uart_quirk=stale", false, SEEDS);
}
static void chatter(void **state)
{
    (void)state;
    family("chatter before the link", "chatter=yes", "uart_quirk=", false, SEEDS);
}
static void brownout(void **state)
{
    (void)state;
    family("brown-out while writing", "uart_fault=brownout:3", "uart_quirk=", true, SEEDS);
}
static void damaged_writes(void **state)
{
    (void)state;
    family("writes on a bad wire", "uart_fault=flip:5e-6,drop:5e-6", "uart_quirk=", true, 900);
}

/* -- time ------------------------------------------------------------------------------ */

static double dump_time(bool rom, bool half, double *cpu)
{
    enum { SIZE = 0x200000 };
    static uint8_t image[SIZE], got[SIZE];
    char path[64], arg[96];
    rig_fill(image, SIZE, 1);
    uint32_t x = 1;
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1664525u + 1013904223u;
        image[i] = half && (i >> 16) % 2 ? 0xFF : (uint8_t)(x >> 24);
    }
    snprintf(path, sizeof path, "/tmp/bkf-time-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "wb");
    assert_int_equal(fwrite(image, 1, SIZE, f), SIZE);
    fclose(f);
    snprintf(arg, sizeof arg, "image=%s", path);
    struct strict *s =
        strict_new(rom, SIZE,
                   (const char *const[]){ rom ? "chip=bk7231n" : "chip=bk7231t", "jedec=EB6015",
                                          "firmware=yes", "uart_fault=latency:1", arg, NULL },
                   (const char *const[]){ "uart_timeout=3s", "uart_size=2M", NULL }, 921600);
    const clock_t start = clock();
    RIG_OK(s, strict_up(s));
    for (uint32_t at = 0; at < SIZE; at += 0x10000) {
        RIG_OK(s, strict_block(s, at, got + at, 0x10000));
    }
    *cpu = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_memory_equal(got, image, SIZE);
    const double seconds = (double)s->clock.ns / 1e9;
    strict_free(s);
    remove(path);
    return seconds;
}

/* Wire time of what must move (12 + 4111 bytes a sector, 10 bits each) and the device's own
 * time for the proof (400,000 bytes a second). */
static void time_of_a_dump(void **state)
{
    (void)state;
    const double limit = 512.0 * 4123 * 10 / 921600 + 2097152.0 / 400000;
    printf("           2 MiB at 921600, 1 ms latency: least possible %.2f s\n", limit);
    for (int rom = 1; rom >= 0; rom--) {
        double cpu, cpu_half;
        const double full = dump_time(rom, false, &cpu), half = dump_time(rom, true, &cpu_half);
        printf("           %-10s full %.2f s = %.3f x   half blank %.2f s = %.3f x full   cpu "
               "%.2f s\n",
               rom ? "rom" : "bootloader", full, full / limit, half, half / full, cpu);
        assert_true(full <= limit * (rom ? 1.03 : 1.06));
        assert_true(half <= full * 0.62);
        assert_true(cpu < 1.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_violation_in_a_whole_job),
        cmocka_unit_test(boot_window),
        cmocka_unit_test(time_of_a_dump),
        cmocka_unit_test(flipped),
        cmocka_unit_test(lost),
        cmocka_unit_test(doubled),
        cmocka_unit_test(noise),
        cmocka_unit_test(cut),
        cmocka_unit_test(no_baud_reply),
        cmocka_unit_test(slow_adapter),
        cmocka_unit_test(stale),
        cmocka_unit_test(chatter),
        cmocka_unit_test(brownout),
        cmocka_unit_test(damaged_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
