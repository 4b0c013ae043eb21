/* main.c - from arguments to an exit code. */
#include "cli.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void print_error(struct cli *c, bkf_status st)
{
    view_clear(c);
    fprintf(stderr, "bkflash: %serror:%s %s\n", paint(c, "red"), paint(c, "off"),
            c->err.message[0] ? c->err.message : bkf_status_text(st));
    if (c->err.effect == BKF_EFFECT_PARTIAL)
        fprintf(stderr, "bkflash: the flash was changed in part\n");
    else if (c->err.effect == BKF_EFFECT_UNKNOWN)
        fprintf(stderr,
                "bkflash: the flash may have been changed; read it back before you go on\n");
}

static bkf_status settings(struct cli *c)
{
    const char *when = args_get(&c->args, OPT_COLOR);
    c->json = args_has(&c->args, OPT_JSON);
    c->quiet = args_has(&c->args, OPT_QUIET);
    c->verbosity = (int)args_count(&c->args, OPT_VERBOSE);
    if (when && strcmp(when, "auto") != 0 && strcmp(when, "always") != 0 &&
        strcmp(when, "never") != 0)
        return cli_fail(c, BKF_E_PARAM, "--color %s: auto, always or never", when);
    return BKF_OK;
}

static bkf_status run(struct cli *c)
{
    if (args_has(&c->args, OPT_SPEC_JSON)) {
        spec_print_json(stdout);
        return BKF_OK;
    }
    if (args_has(&c->args, OPT_VERSION))
        return cmd_version(c);
    if (args_has(&c->args, OPT_HELP)) {
        help_print(c, c->args.verb);
        return BKF_OK;
    }
    if (!c->args.verb)
        return cli_fail(c, BKF_E_PARAM, "no verb given; see: bkflash help");
    return c->args.verb->run(c);
}

/* A full disk behind stdout must not look like success; a reader who left may. */
static int flush_results(struct cli *c, int code)
{
    if (fflush(stdout) && !c->output_error)
        c->output_error = errno;
    int why = c->output_error;
    if ((!why && !ferror(stdout)) || code || why == EPIPE)
        return code;
    fprintf(stderr, "bkflash: error: cannot write to standard output%s%s\n", why ? ": " : "",
            why ? strerror(why) : "");
    return bkf_exit_code(BKF_E_FILE);
}

int main(int argc, char **argv)
{
    struct cli c = { .err = BKF_ERROR_INIT };
    /* Both would end the program in the middle of a transfer; as errors they are handled. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    bkf_status st = args_parse(&c.args, argc, argv, &c.err);
    bkf_status st2 = settings(&c);
    view_init(&c);
    bool records = c.json && !args_has(&c.args, OPT_HELP) && !args_has(&c.args, OPT_SPEC_JSON) &&
                   !(c.args.verb && c.args.verb->run == cmd_help);
    if (records)
        json_hello(&c);
    if (!st)
        st = st2 ? st2 : run(&c);
    if (c.session)
        st = cli_finish(&c, st);
    int code = bkf_exit_code(st);
    if (records)
        json_result(&c, st, code);
    view_clear(&c);
    if (st && !records)
        print_error(&c, st);
    bkf_free(c.result);
    bkf_profile_free(c.profile);
    bkf_ctx_free(c.ctx);
    args_free(&c.args);
    return flush_results(&c, code);
}
