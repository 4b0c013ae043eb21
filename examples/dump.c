/* dump.c - a whole flash into a file, proven, with progress; Ctrl-C keeps what there is.
 *
 *   dump PROFILE ROUTE FILE        dump doorbell_mlt1t.ini sim out.bin
 *
 * ROUTE is an adapter of the profile or an adapter class; "" is the profile's default. */
#include <bkflash/bkflash.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stop;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

static int32_t should_stop(void *ud)
{
    (void)ud;
    return stop;
}

/* Findings about the profile: file and line, as a compiler says them. */
static void on_diag(void *ud, const bkf_diag *d)
{
    (void)ud;
    fprintf(stderr, "%s:%d: %s\n", d->file, (int)d->line, d->text);
}

static void on_progress(void *ud, const bkf_progress *p)
{
    (void)ud;
    if (p->total)
        fprintf(stderr, "\r%s %3u%%%s", p->phase, (unsigned)(p->done * 100 / p->total),
                p->done == p->total ? "\n" : "");
}

/* Every call leaves its reason in err; the first that fails ends the job. */
static bkf_status dump(bkf_ctx *ctx, char **argv, bkf_error *err)
{
    bkf_open_options how = { .struct_size = sizeof how, .route = argv[2][0] ? argv[2] : NULL };
    bkf_read_options what = { .struct_size = sizeof what, .verify = BKF_VERIFY_FULL };
    bkf_profile *profile = NULL;
    bkf_session *session = NULL;
    char *report = NULL;
    bkf_status status = bkf_profile_load(ctx, argv[1], &profile, err);
    if (!status)
        status = bkf_open(ctx, profile, &how, NULL, &session, err);
    if (!status)
        status = bkf_read_file(session, &what, argv[3], &report, err);
    if (report) /* also of an incomplete read: it says what is missing */
        puts(report);
    bkf_free(report);
    if (session) { /* leaves the target running; only the first failure is told */
        bkf_status closed = bkf_close(session, 0, status ? NULL : err);
        status = status ? status : closed;
    }
    bkf_profile_free(profile);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: dump PROFILE ROUTE FILE\n", stderr);
        return 2;
    }
    signal(SIGINT, on_interrupt);
    bkf_setup setup = { .struct_size = sizeof setup };
    bkf_callbacks callbacks = { .struct_size = sizeof callbacks,
                                .diag = on_diag,
                                .progress = on_progress,
                                .should_stop = should_stop };
    bkf_error err = BKF_ERROR_INIT;
    bkf_ctx *ctx = NULL;
    bkf_status status = bkf_ctx_new(&setup, &callbacks, &ctx, &err);
    if (!status)
        status = dump(ctx, argv, &err);
    bkf_ctx_free(ctx);
    if (status)
        fprintf(stderr, "dump: %s (%s)\n", err.message, bkf_status_name(status));
    return bkf_exit_code(status);
}
