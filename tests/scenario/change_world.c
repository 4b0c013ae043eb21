#include "change_world.h"
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char profile_text[] =
    "[profile]\nschema = 1\nkind = board\nname = small\ntitle = Small\ninclude = chips/%s.ini\n"
    "[adapter]\ndriver = sim\ntransport = spi\n"
    "[pads]\nCE = cen @ cen\nTCK = sck @ sck\nTMS = cs0 @ cs0\nTDI = mosi @ mosi\n"
    "TDO = miso @ miso\n"
    "[adapter:uart]\ndriver = sim\ntransport = uart\nbaud = 921600\n"
    "[pads:uart]\nP10 = rx @ rx\nP11 = tx @ tx\n"
    "[flash]\npart = GD25Q41B\njedec = C84013\nsize = 512K\n"
    "[partition:app1]\noffset = 0x11000\nsize = 0x10000\n"
    "[partition:rf]\noffset = 0x7E000\nsize = 4K\nkeep = yes\nrole = rf-calibration\n";

/* ---- one run in a child ---- */

struct call {
    const struct world *w;
    const struct job *job;
    int rules_broken;
    unsigned asked, reports;
};

static int should_stop(void *ud)
{
    struct call *r = ud;
    return r->job->stop_at && ++r->asked >= r->job->stop_at;
}

/* No file grows any more; flash and status registers are mapped and do not need to. */
static void on_progress(void *ud, const bkf_progress *p)
{
    struct call *r = ud;
    if (!r->job->full_at || strcmp(p->phase, "write") != 0 || ++r->reports != r->job->full_at)
        return;
    const struct rlimit none = { 0, RLIM_INFINITY };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &none);
}

static void on_log(void *ud, int32_t level, const char *who, const char *line)
{
    struct call *r = ud;
    if (strstr(line, "protocol violation")) {
        fprintf(stderr, "%s: %s\n", who, line);
        r->rules_broken = 1;
    }
    if (getenv("CHANGE_VERBOSE"))
        fprintf(stderr, "%d %s: %s\n", level, who, line);
}

static bkf_status work(const struct call *r, bkf_session *s, char **report, bkf_error *err)
{
    static const bkf_change_options app = {
        .struct_size = sizeof app, .kind = BKF_CHANGE_WRITE, .has_range = 1, .range = { APP, 0 }
    };
    const struct job *j = r->job;
    bkf_change_options o = j->change ? *j->change : app;
    o.struct_size = sizeof o;
    const char *file = j->file ? j->file : r->w->image;
    switch (j->verb) {
    case RESUME:
        return bkf_resume(s, report, err);
    case UNDO:
        return bkf_undo(s, report, err);
    case DUMP: {
        bkf_read_options ro = { .struct_size = sizeof ro,
                                .has_range = j->change && j->change->has_range,
                                .range = o.range };
        return bkf_read_file(s, &ro, file, report, err);
    }
    default:
        o.kind = j->verb == ERASE     ? BKF_CHANGE_ERASE
                 : j->verb == RESTORE ? BKF_CHANGE_RESTORE
                                      : BKF_CHANGE_WRITE;
        return bkf_change(s, &o, j->verb == ERASE ? NULL : file, report, err);
    }
}

static void in_dir(const struct world *w, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", w->dir, name);
}

static void leave(const struct world *w, const char *message, const char *report)
{
    char path[128];
    in_dir(w, "message", path);
    world_put(path, message, strlen(message));
    in_dir(w, "report.json", path);
    if (report)
        world_put(path, report, strlen(report));
}

static int child(struct call *r)
{
    bkf_callbacks cb = { .struct_size = sizeof cb,
                         .ud = r,
                         .log = on_log,
                         .progress = on_progress,
                         .should_stop = should_stop };
    bkf_session *s = NULL;
    bkf_error err = BKF_ERROR_INIT, closing = BKF_ERROR_INIT;
    char image[200], save[200], status[200], device[200], *report = NULL;
    snprintf(image, sizeof image, "image=%s", r->w->flash);
    snprintf(save, sizeof save, "save=%s", r->w->flash);
    snprintf(device, sizeof device, "report=%s/device.json", r->w->dir);
    snprintf(status, sizeof status, "save_sr=%s", r->w->status);
    const char *options[10] = { image, save, status, device };
    for (size_t i = 0, n = 4; i < ARRAY_LEN(r->job->options) && r->job->options[i]; i++)
        options[n++] = r->job->options[i];
    bkf_open_options o = { .struct_size = sizeof o,
                           .route = *r->w->route ? r->w->route : NULL,
                           .options = options,
                           .attempts = 8 };
    bkf_status st = bkf_open(r->w->ctx, r->w->board, &o, &cb, &s, &err);
    if (!st)
        st = work(r, s, &report, &err);
    if (s && bkf_close(s, 0, &closing) && !st) {
        st = closing.status;
        err = closing;
    }
    if (st && getenv("CHANGE_VERBOSE"))
        fprintf(stderr, "ends with %s: %s\n", bkf_status_name(st), err.message);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    leave(r->w, st ? err.message : "", report);
    free(report);
    return r->rules_broken && !r->job->broken ? RULES_BROKEN : bkf_exit_code(st);
}

int world_run(const struct world *w, const struct job *job)
{
    struct call r = { .w = w, .job = job };
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

void world_observe(const struct world *w, const struct job *job, struct outcome *out)
{
    static const char *const names[] = { "message", "report.json", "device.json" };
    char path[128];
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        in_dir(w, names[i], path);
        unlink(path);
    }
    out->code = world_run(w, job);
    uint8_t *text = NULL;
    size_t len = 0;
    in_dir(w, "message", path);
    if (!file_read(path, sizeof out->message - 1, &text, &len, NULL))
        memcpy(out->message, text, len);
    free(text);
    in_dir(w, "report.json", path);
    out->report = json_load_file(path, 0, NULL);
    in_dir(w, "device.json", path);
    out->device = json_load_file(path, 0, NULL);
}

void outcome_free(struct outcome *out)
{
    json_decref(out->report);
    json_decref(out->device);
}

long long counter(const struct outcome *out, const char *name)
{
    const json_t *n = json_object_get(out->device, name);
    if (!json_is_integer(n))
        fail_msg("the device's report has no %s", name);
    return json_integer_value(n);
}

/* ---- the world ---- */

/* Profile, parts table and plugins, read before the first job and not by each. */
static void warm_up(struct world *w)
{
    bkf_error err = BKF_ERROR_INIT;
    bkf_session *s = NULL;
    bkf_open_options o = { .struct_size = sizeof o, .route = *w->route ? w->route : NULL };
    if (bkf_ctx_new(NULL, NULL, &w->ctx, &err) ||
        bkf_profile_load(w->ctx, w->profile, &w->board, &err) ||
        bkf_open(w->ctx, w->board, &o, NULL, &s, &err))
        fail_msg("%s", err.message);
    bkf_close(s, BKF_CLOSE_NO_RUN, NULL);
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *f)
{
    (void)sb;
    (void)type;
    (void)f;
    return remove(path);
}

static void remove_all(const char *dir)
{
    if (access(dir, F_OK) == 0)
        assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void world_put(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

uint32_t world_random(uint64_t *s)
{
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*s >> 33);
}

void world_make(struct world *w, const char *chip, const char *route)
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
    snprintf(w->status, sizeof w->status, "%s/status", w->dir);
    snprintf(text, sizeof text, profile_text, chip);
    world_put(w->profile, text, strlen(text));
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
    data[APP + 0x1010] |= 1; /* a bit that has to be cleared */
    memcpy(w->before, data, SIZE);
    memcpy(w->after, data, SIZE);
    free(data);
    world_put(w->flash, w->before, SIZE);
    /* Equal sectors, cleared bits, new contents, blanks: every kind of step. */
    uint8_t *app = w->after + APP;
    memset(app + 0x1000, 0, 0x1000);
    for (int i = 0; i < 0x2800; i++)
        app[0x3000 + i] = (uint8_t)world_random(&seed);
    memset(app + 0x6000, 0xFF, 0x1000);
    world_put(w->image, app, APP_LEN);
    warm_up(w);
}

void world_reset(const struct world *w)
{
    char state[128];
    in_dir(w, "state", state);
    remove_all(state);
    unlink(w->status);
    world_put(w->flash, w->before, SIZE);
}

void world_free(struct world *w)
{
    bkf_profile_free(w->board);
    bkf_ctx_free(w->ctx);
    remove_all(w->dir);
}

uint32_t world_status(const struct world *w)
{
    uint8_t *b;
    size_t len;
    assert_int_equal(file_read(w->status, 16, &b, &len, NULL), 0);
    assert_int_equal(len, 4);
    uint32_t v = (uint32_t)b[0] | (uint32_t)b[1] << 8;
    free(b);
    return v;
}

bool world_flash_is(const struct world *w, const uint8_t *want, size_t *at)
{
    uint8_t *data;
    size_t len;
    assert_int_equal(file_read(w->flash, SIZE, &data, &len, NULL), 0);
    for (*at = 0; *at < SIZE && data[*at] == want[*at];)
        ++*at;
    free(data);
    return *at == SIZE;
}

void world_expect(const struct world *w, const uint8_t *want, const char *when)
{
    size_t at;
    if (!world_flash_is(w, want, &at))
        fail_msg("%s %s %s: flash is wrong from 0x%zx", w->chip, w->route, when, at);
}

void world_environment(void)
{
    /* Leaks of a child must not look like one of the program's exit codes. */
    setenv("ASAN_OPTIONS", "exitcode=99", 0);
    setenv("BKFLASH_PLUGIN_PATH", BUILD_DIR "/plugins-1", 1);
    setenv("BKFLASH_PROFILE_PATH", SOURCE_DIR "/conf", 1);
}
