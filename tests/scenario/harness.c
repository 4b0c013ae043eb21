#include "harness.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_log(void *ud, int32_t level, const char *who, const char *line)
{
    struct harness *h = ud;
    (void)level;
    int n = snprintf(h->log + h->log_len, sizeof h->log - h->log_len, "%s: %s\n", who, line);
    if (n > 0 && h->log_len + (size_t)n < sizeof h->log)
        h->log_len += (size_t)n;
}

static void on_diag(void *ud, const bkf_diag *d)
{
    char line[400];
    snprintf(line, sizeof line, "%s:%d: %s", d->file, (int)d->line, d->text);
    on_log(ud, d->severity, "diag", line);
}

static void on_progress(void *ud, const bkf_progress *p)
{
    struct harness *h = ud;
    if (strcmp(h->phase, p->phase) != 0)
        h->last_done = 0;
    snprintf(h->phase, sizeof h->phase, "%s", p->phase);
    if (h->on_progress)
        h->on_progress(h, p);
    h->went_back = h->went_back || p->done < h->last_done || p->done > p->total;
    h->last_done = p->done;
}

static int32_t on_should_stop(void *ud)
{
    struct harness *h = ud;
    h->polls++;
    return h->stop_at && h->polls >= h->stop_at;
}

char *harness_path(const struct harness *h, const char *name, char buf[128])
{
    snprintf(buf, 128, "%s/%s", h->dir, name);
    return buf;
}

bool harness_has(const struct harness *h, const char *name)
{
    char path[128];
    return access(harness_path(h, name, path), F_OK) == 0;
}

void harness_remove(const struct harness *h, const char *name)
{
    char path[128];
    unlink(harness_path(h, name, path));
}

void harness_open(struct harness *h, const char *plugin, const char *profile_text)
{
    char path[128];
    bkf_error err = BKF_ERROR_INIT;
    const char *plugins[] = { plugin, NULL };
    bkf_setup setup = { .struct_size = sizeof setup, .plugin_files = plugin ? plugins : NULL };
    memset(h, 0, sizeof *h);
    /* memory where there is some: these tests sync many small files */
    snprintf(h->dir, sizeof h->dir, "%s/bkflash-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(h->dir));
    setenv("XDG_STATE_HOME", harness_path(h, "state", path), 1);
    FILE *f = fopen(harness_path(h, "board.ini", path), "w");
    assert_non_null(f);
    fputs(profile_text, f);
    fclose(f);
    h->cb = (bkf_callbacks){ .struct_size = sizeof h->cb,
                             .ud = h,
                             .log = on_log,
                             .diag = on_diag,
                             .progress = on_progress,
                             .should_stop = on_should_stop };
    if (bkf_ctx_new(&setup, &h->cb, &h->ctx, &err) ||
        bkf_profile_load(h->ctx, path, &h->profile, &err))
        fail_msg("%s\n%s", err.message, h->log);
}

void harness_close(struct harness *h)
{
    harness_remove(h, "board.ini");
    char state[128], cmd[140];
    snprintf(cmd, sizeof cmd, "rm -rf %s", harness_path(h, "state", state));
    assert_int_equal(system(cmd), 0);
    bkf_profile_free(h->profile);
    bkf_ctx_free(h->ctx);
    if (rmdir(h->dir)) {
        DIR *d = opendir(h->dir);
        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
            print_message("left behind: %s\n", e->d_name);
        fail_msg("%s is not empty", h->dir);
    }
    assert_false(h->went_back);
}

unsigned harness_count(const struct harness *h, const char *key)
{
    const char *line = NULL, *p = h->log;
    char want[32];
    while ((p = strstr(p, "count "))) {
        line = p;
        p++;
    }
    assert_non_null(line);
    snprintf(want, sizeof want, " %s=", key);
    const char *at = strstr(line, want);
    assert_non_null(at);
    return (unsigned)strtoul(at + strlen(want), NULL, 10);
}

bkf_status harness_dump(struct harness *h, const char *const *options, const bkf_read_options *ro,
                        const char *name, char **report, bkf_error *err)
{
    char path[128];
    bkf_session *s = NULL;
    bkf_open_options o = { .struct_size = sizeof o, .options = options, .route = h->route };
    *err = (bkf_error)BKF_ERROR_INIT;
    h->polls = 0;
    h->log_len = 0;
    h->log[0] = h->phase[0] = '\0';
    if (report)
        *report = NULL;
    bkf_status st = bkf_open(h->ctx, h->profile, &o, NULL, &s, err);
    if (!st)
        st = bkf_read_file(s, ro, harness_path(h, name, path), report, err);
    bkf_error closing = BKF_ERROR_INIT;
    bkf_status closed = bkf_close(s, 0, &closing);
    if (!st && closed)
        *err = closing;
    return st ? st : closed;
}
