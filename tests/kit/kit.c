/* kit.c - runs points in child processes and writes TAP or JSON. */
#include "kit.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void verdict_set(struct verdict *v, enum verdict_kind kind, const char *fmt, va_list ap)
{
    if (v->kind == FAIL)
        return; /* the first reason counts */
    v->kind = kind;
    vsnprintf(v->text, sizeof v->text, fmt, ap);
    for (char *c = v->text; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
}

void verdict_fail(struct verdict *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    verdict_set(v, FAIL, fmt, ap);
    va_end(ap);
}

void verdict_skip(struct verdict *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    verdict_set(v, SKIP, fmt, ap);
    va_end(ap);
}

/* -- the child ------------------------------------------------------------------------- */

static void send_verdict(int fd, const struct verdict *v)
{
    size_t done = 0;
    while (done < sizeof *v) {
        ssize_t n = write(fd, (const char *)v + done, sizeof *v - done);
        if (n <= 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
}

static _Noreturn void child(struct kit *k, point_fn fn, int result, int printed)
{
    struct verdict v = { .kind = PASS };
    dup2(printed, STDOUT_FILENO);
    dup2(printed, STDERR_FILENO);
    fn(k, &v);
    fflush(stdout);
    off_t n = lseek(printed, 0, SEEK_END);
    if (n > 0 && v.kind != FAIL)
        verdict_fail(&v, "it printed %ld bytes itself; text goes through host->log", (long)n);
    send_verdict(result, &v);
    _exit(0); /* no atexit handlers, no leak report: the points count for themselves */
}

/* -- the parent -------------------------------------------------------------------------- */

/* False when the child neither answered nor ended in time.  That time is the computer's, also
 * over emulated adapters, which have a clock of their own behind clock_gettime and poll: so
 * ppoll, which they leave alone. */
static bool receive(int fd, struct verdict *v, unsigned limit_s)
{
    size_t done = 0;
    const struct timespec limit = { (time_t)limit_s, 0 };
    while (done < sizeof *v) {
        struct pollfd p = { fd, POLLIN, 0 };
        int r = ppoll(&p, 1, &limit, NULL);
        if (r < 0 && errno == EINTR)
            continue;
        if (r == 0)
            return false;
        ssize_t n = read(fd, (char *)v + done, sizeof *v - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* died: the exit status tells */
        done += (size_t)n;
    }
    if (done < sizeof *v)
        *v = (struct verdict){ .kind = FAIL };
    return true;
}

static void first_words(int printed, char *text, size_t cap)
{
    char buf[1200] = "";
    ssize_t n = pread(printed, buf, sizeof buf - 1, 0);
    const char *from = n > 0 ? buf : "";
    const char *report = strstr(from, "ERROR: ");
    if (!report)
        report = strstr(from, "runtime error: ");
    snprintf(text, cap, "%s%.160s", n > 0 ? ": " : "", report ? report : from);
}

static void judge(const struct kit *k, pid_t pid, int result, int printed, struct verdict *v)
{
    char words[200];
    int status = 0;
    bool answered = receive(result, v, k->limit_s);
    if (!answered)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!answered) {
        *v = (struct verdict){ .kind = FAIL };
        snprintf(v->text, sizeof v->text, "it did not come back within %u s", k->limit_s);
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    first_words(printed, words, sizeof words);
    *v = (struct verdict){ .kind = FAIL };
    if (WIFSIGNALED(status))
        snprintf(v->text, sizeof v->text, "it crashed: %s%s", strsignal(WTERMSIG(status)), words);
    else
        snprintf(v->text, sizeof v->text, "it ended the process with code %d%s",
                 WEXITSTATUS(status), words);
    for (char *c = v->text; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
}

static void publish(struct kit *k, const char *name, const struct verdict *v)
{
    k->points++;
    k->failed += v->kind == FAIL;
    k->skipped += v->kind == SKIP;
    char full[120];
    snprintf(full, sizeof full, "%s%s%s%s", name, k->who ? " (" : "", k->who ? k->who : "",
             k->who ? ")" : "");
    if (k->json) {
        static const char *const words[] = { "ok", "fail", "skip" };
        json_t *o = json_pack("{s:s, s:s}", "point", name, "result", words[v->kind]);
        if (k->who)
            json_object_set_new(o, "class", json_string(k->who));
        if (v->text[0])
            json_object_set_new(o, "message", json_string(v->text));
        json_array_append_new(k->report, o);
        return;
    }
    if (v->kind == FAIL)
        printf("not ok %zu - %s\n  ---\n  message: %s\n  ...\n", k->points, full, v->text);
    else if (v->kind == SKIP)
        printf("ok %zu - %s # SKIP %s\n", k->points, full, v->text);
    else
        printf("ok %zu - %s\n", k->points, full);
    fflush(stdout);
}

bool kit_point(struct kit *k, const char *name, point_fn fn)
{
    struct verdict v = { .kind = FAIL, .text = "the kit could not start a process" };
    int fd[2] = { -1, -1 }, printed = memfd_create("printed", MFD_CLOEXEC);
    fflush(stdout);
    if (printed >= 0 && pipe2(fd, O_CLOEXEC) == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            close(fd[0]);
            child(k, fn, fd[1], printed);
        }
        close(fd[1]);
        if (pid > 0)
            judge(k, pid, fd[0], printed, &v);
        close(fd[0]);
    }
    if (printed >= 0)
        close(printed);
    publish(k, name, &v);
    return v.kind != FAIL;
}

void kit_begin(struct kit *k)
{
    k->report = json_array();
    if (!k->json)
        printf("TAP version 13\n# %s\n", k->path);
}

int kit_end(struct kit *k)
{
    if (k->json) {
        json_t *o =
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "format", "bkflash-plugin-check/1", "file",
                      k->path, "points", (json_int_t)k->points, "failed", (json_int_t)k->failed,
                      "skipped", (json_int_t)k->skipped, "results", (json_t *)k->report);
        json_dumpf(o, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(o);
    } else {
        json_decref(k->report);
        printf("1..%zu\n# %zu points, %zu failed, %zu skipped\n", k->points, k->points, k->failed,
               k->skipped);
    }
    return k->failed ? 1 : 0;
}
