/* A small write, broken at every link call: unplugged, timed out, killed.  Afterwards
 * 'resume' finishes it or 'undo' takes it back, byte for byte; the keep partitions and
 * everything outside the request never change; no run breaks the device's rules.
 *
 * Each run is a process of its own, so that kill -9 means what it says.  The flash is a file
 * (sim option save=), which survives the process as a flash survives a power cut.
 * CHANGE_POINTS sets how many calls are tried per case (default 24; 0 = every one). */
#include "core/base/base.h"
#include "tests/support/cmocka.h"
#include <bkflash/bkflash.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 0x80000, APP = 0x11000, APP_LEN = 0x8000, KILLED = -9, RULES_BROKEN = 77 };
enum verb { WRITE, RESUME, UNDO };

struct world {
    char dir[64], profile[128], flash[128], image[128];
    uint8_t before[SIZE], after[SIZE];
    const char *chip, *route;
};

static const char profile_text[] =
    "[profile]\nschema = 1\nkind = board\nname = small\ntitle = Small\ninclude = chips/%s.ini\n"
    "[adapter]\ndriver = sim\ntransport = spi\n"
    "[pads]\nCE = cen @ cen\nTCK = sck @ sck\nTMS = cs0 @ cs0\nTDI = mosi @ mosi\n"
    "TDO = miso @ miso\n"
    "[adapter:uart]\ndriver = sim\ntransport = uart\nbaud = 921600\n"
    "[pads:uart]\nP10 = rx @ rx\nP11 = tx @ tx\n"
    "[flash]\npart = GD25Q41B\njedec = C84013\nsize = 512K\n"
    "[partition:app1]\noffset = 0x11000\nsize = 0x10000\n"
    "[partition:rf]\noffset = 0x7E000\nsize = 4K\nkeep = yes\n";

/* ---- one run in a child ---- */

struct run {
    const struct world *w;
    enum verb verb;
    const char *fault; /* "" = none */
    int rules_broken;
};

static void on_log(void *ud, int32_t level, const char *who, const char *line)
{
    struct run *r = ud;
    if (strstr(line, "protocol violation")) {
        fprintf(stderr, "%s: %s\n", who, line);
        r->rules_broken = 1;
    }
    if (getenv("CHANGE_VERBOSE"))
        fprintf(stderr, "%d %s: %s\n", level, who, line);
}

static bkf_status job(struct run *r, bkf_session *s, bkf_error *err)
{
    if (r->verb == RESUME)
        return bkf_resume(s, NULL, err);
    if (r->verb == UNDO)
        return bkf_undo(s, NULL, err);
    bkf_change_options o = {
        .struct_size = sizeof o, .kind = BKF_CHANGE_WRITE, .has_range = 1, .range = { APP, 0 }
    };
    return bkf_change(s, &o, r->w->image, NULL, err);
}

static int child(struct run *r)
{
    bkf_callbacks cb = { .struct_size = sizeof cb, .ud = r, .log = on_log };
    bkf_ctx *ctx = NULL;
    bkf_profile *p = NULL;
    bkf_session *s = NULL;
    bkf_error err = BKF_ERROR_INIT, closing = BKF_ERROR_INIT;
    char image[200], save[200], fault[100];
    snprintf(image, sizeof image, "image=%s", r->w->flash);
    snprintf(save, sizeof save, "save=%s", r->w->flash);
    snprintf(fault, sizeof fault, "fault=%s", r->fault);
    const char *options[] = { image, save, *r->fault ? fault : NULL, NULL };
    bkf_open_options o = { .struct_size = sizeof o,
                           .route = *r->w->route ? r->w->route : NULL,
                           .options = options,
                           .attempts = 8 };
    bkf_status st = bkf_ctx_new(NULL, &cb, &ctx, &err);
    if (!st)
        st = bkf_profile_load(ctx, r->w->profile, &p, &err);
    if (!st)
        st = bkf_open(ctx, p, &o, NULL, &s, &err);
    if (!st)
        st = job(r, s, &err);
    if (s && bkf_close(s, 0, &closing) && !st) {
        st = closing.status;
        err = closing;
    }
    if (st && getenv("CHANGE_VERBOSE"))
        fprintf(stderr, "ends with %s: %s\n", bkf_status_name(st), err.message);
    bkf_profile_free(p);
    bkf_ctx_free(ctx);
    return r->rules_broken && !*r->fault ? RULES_BROKEN : bkf_exit_code(st);
}

static int run(const struct world *w, enum verb verb, const char *fault)
{
    struct run r = { w, verb, fault, 0 };
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        exit(child(&r));
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGKILL ? KILLED : 200 + WTERMSIG(status);
    return WEXITSTATUS(status);
}

/* ---- the world ---- */

static void put(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

static uint32_t rng(uint64_t *s)
{
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*s >> 33);
}

static void world_make(struct world *w, const char *chip, const char *route)
{
    char text[2048], state[128];
    uint64_t seed = 7;
    w->chip = chip;
    w->route = route;
    /* Thousands of synced records: not on a disk if there is anything else. */
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(w->dir, sizeof w->dir, "%s/bkf-change-XXXXXX", tmp);
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->profile, sizeof w->profile, "%s/small.ini", w->dir);
    snprintf(w->flash, sizeof w->flash, "%s/flash.bin", w->dir);
    snprintf(w->image, sizeof w->image, "%s/app.bin", w->dir);
    snprintf(text, sizeof text, profile_text, chip);
    put(w->profile, text, strlen(text));
    snprintf(state, sizeof state, "%s/state", w->dir);
    setenv("XDG_STATE_HOME", state, 1);
    setenv("XDG_DATA_HOME", state, 1);
    /* The synthesised flash, as the simulator makes it, is the starting point. */
    uint8_t *data;
    size_t len;
    unlink(w->flash);
    char cmd[700];
    snprintf(cmd, sizeof cmd, "%s/bkflash -q -p %s -O save=%s info >/dev/null", BUILD_DIR,
             w->profile, w->flash);
    assert_int_equal(system(cmd), 0);
    assert_int_equal(file_read(w->flash, SIZE, &data, &len, NULL), 0);
    assert_int_equal(len, SIZE);
    memcpy(w->before, data, SIZE);
    memcpy(w->after, data, SIZE);
    free(data);
    /* Equal sectors, cleared bits, new contents, blanks: every kind of step. */
    uint8_t *app = w->after + APP;
    memset(app + 0x1000, 0, 0x1000);
    for (int i = 0; i < 0x2800; i++)
        app[0x3000 + i] = (uint8_t)rng(&seed);
    memset(app + 0x6000, 0xFF, 0x1000);
    put(w->image, app, APP_LEN);
}

static void world_reset(const struct world *w)
{
    char cmd[200];
    snprintf(cmd, sizeof cmd, "rm -rf %s/state", w->dir);
    assert_int_equal(system(cmd), 0);
    put(w->flash, w->before, SIZE);
}

static void world_free(struct world *w)
{
    char cmd[200];
    snprintf(cmd, sizeof cmd, "rm -rf %s", w->dir);
    assert_int_equal(system(cmd), 0);
}

static bool flash_is(const struct world *w, const uint8_t *want, size_t *at)
{
    uint8_t *data;
    size_t len;
    assert_int_equal(file_read(w->flash, SIZE, &data, &len, NULL), 0);
    for (*at = 0; *at < SIZE && data[*at] == want[*at];)
        ++*at;
    free(data);
    return *at == SIZE;
}

static void expect_flash(const struct world *w, const uint8_t *want, const char *when)
{
    size_t at;
    if (!flash_is(w, want, &at))
        fail_msg("%s %s %s: flash is wrong from 0x%zx", w->chip, w->route, when, at);
}

/* ---- the test ---- */

/* How many link calls a whole write makes: the first N at which a kill never comes. */
static unsigned count_calls(const struct world *w)
{
    unsigned low = 0, high = 64; /* low is reached, high may not be */
    char fault[40];
    for (;;) {
        world_reset(w);
        snprintf(fault, sizeof fault, "kill@%u", high);
        if (run(w, WRITE, fault) != KILLED)
            break;
        low = high;
        high *= 2;
    }
    while (high - low > 1) {
        unsigned mid = (low + high) / 2;
        world_reset(w);
        snprintf(fault, sizeof fault, "kill@%u", mid);
        if (run(w, WRITE, fault) == KILLED)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void break_at(const struct world *w, const char *kind, unsigned n, bool undo)
{
    char when[100];
    snprintf(when, sizeof when, "%s@%u", kind, n);
    world_reset(w);
    int first = run(w, WRITE, when);
    if (strcmp(kind, "kill") == 0)
        assert_int_equal(first, KILLED);
    /* A single time-out may be mended within the run; an unplugged adapter never. */
    if (strcmp(kind, "unplug") == 0 && first != 21)
        fail_msg("%s: exit %d instead of 21", when, first);
    if (first == 0)
        expect_flash(w, w->after, when);
    int second = run(w, undo ? UNDO : RESUME, "");
    snprintf(when, sizeof when, "%s@%u, then %s (exit %d, %d)", kind, n, undo ? "undo" : "resume",
             first, second);
    size_t at;
    if (second == 0)
        expect_flash(w, undo ? w->before : w->after, when);
    else if (second != 2) /* 2: nothing is recorded, so nothing was changed, or all was done */
        fail_msg("%s %s %s", w->chip, w->route, when);
    else if (first == 0 || !flash_is(w, w->before, &at))
        expect_flash(w, w->after, when);
}

static unsigned points(unsigned total)
{
    const char *text = getenv("CHANGE_POINTS");
    unsigned n = text ? (unsigned)strtoul(text, NULL, 10) : 24;
    return n && n < total ? n : total;
}

static void every_call(const char *chip, const char *route)
{
    static const char *const kinds[] = { "unplug", "timeout", "kill" };
    struct world *w = calloc(1, sizeof *w);
    world_make(w, chip, route);
    world_reset(w);
    assert_int_equal(run(w, WRITE, ""), 0);
    expect_flash(w, w->after, "fault-free write");
    assert_int_equal(run(w, UNDO, ""), 0);
    expect_flash(w, w->before, "fault-free undo");
    unsigned total = count_calls(w), n = points(total);
    printf("%s %s: %u link calls, %u tried\n", chip, route, total, n);
    for (unsigned i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            break_at(w, kinds[k], 1 + (unsigned)((uint64_t)i * (total - 1) / (n > 1 ? n - 1 : 1)),
                     (i + k) % 2);
    world_free(w);
    free(w);
}

static void spi(void **state)
{
    (void)state;
    every_call("bk7252", "");
}

static void uart_bootloader(void **state)
{
    (void)state;
    every_call("bk7252", "uart");
}

static void uart_rom(void **state)
{
    (void)state;
    every_call("bk7231n", "uart");
}

int main(void)
{
    /* Leaks of a child must not look like one of the program's exit codes. */
    setenv("ASAN_OPTIONS", "exitcode=99", 0);
    setenv("BKFLASH_PLUGIN_PATH", BUILD_DIR "/plugins-1", 1);
    setenv("BKFLASH_PROFILE_PATH", SOURCE_DIR "/conf", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spi),
        cmocka_unit_test(uart_bootloader),
        cmocka_unit_test(uart_rom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
