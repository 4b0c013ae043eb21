/* open.c - context, profile and session from the global options. */
#include "cli.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bkf_status cli_fail(struct cli *c, bkf_status st, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->err.message, sizeof c->err.message, fmt, ap);
    va_end(ap);
    c->err.status = st;
    return st;
}

bkf_status cli_context(struct cli *c)
{
    if (c->ctx)
        return BKF_OK;
    const char **plugins = args_list(&c->args, OPT_PLUGIN);
    bkf_setup setup = {
        .struct_size = sizeof setup,
        .flags = args_has(&c->args, OPT_USER_PLUGINS) ? BKF_SETUP_ALLOW_USER_PLUGINS : 0,
        .plugin_files = plugins,
        .state_dir = args_get(&c->args, OPT_STATE_DIR),
    };
    bkf_status st = bkf_ctx_new(&setup, &c->cb, &c->ctx, &c->err);
    free(plugins);
    return st;
}

bkf_status cli_profile(struct cli *c)
{
    const char *name = args_get(&c->args, OPT_PROFILE);
    bkf_status st = cli_context(c);
    if (st || c->profile)
        return st;
    if (!name)
        return cli_fail(c, BKF_E_PARAM,
                        "%s needs the board's profile: -p NAME (see: bkflash list profiles)",
                        c->args.verb->name);
    st = bkf_profile_load(c->ctx, name, &c->profile, &c->err);
    view_diags_end(c);
    return st;
}

static bkf_status attempts(struct cli *c, uint32_t *out)
{
    const char *text = args_get(&c->args, OPT_ATTEMPTS);
    char *end;
    *out = 0;
    if (!text)
        return BKF_OK;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (errno || *end || end == text || text[0] == '-' || v > 1000000)
        return cli_fail(c, BKF_E_PARAM, "--attempts %s: a number up to 1000000, please", text);
    *out = (uint32_t)v;
    return BKF_OK;
}

bkf_status cli_session(struct cli *c)
{
    bkf_open_options o = { .struct_size = sizeof o };
    bkf_status st = cli_profile(c);
    if (!st)
        st = attempts(c, &o.attempts);
    if (st || c->session)
        return st;
    const char **options = args_list(&c->args, OPT_OPTION);
    o.route = args_get(&c->args, OPT_ADAPTER);
    o.unit = args_get(&c->args, OPT_UNIT);
    o.options = options;
    o.trace = args_get(&c->args, OPT_TRACE);
    signals_hold();
    st = bkf_open(c->ctx, c->profile, &o, NULL, &c->session, &c->err);
    free(options);
    return st;
}

bkf_status cli_finish(struct cli *c, bkf_status st)
{
    bkf_error err = BKF_ERROR_INIT;
    uint32_t flags = args_has(&c->args, OPT_NO_RUN) ? BKF_CLOSE_NO_RUN : 0;
    bkf_status closed = bkf_close(c->session, flags, &err);
    c->session = NULL;
    if (closed && !st) {
        c->err = err;
        return closed;
    }
    if (closed && st != BKF_E_LINK_LOST)
        say(c, "bkflash: %s", err.message);
    return st;
}

bkf_status cli_range(struct cli *c, bkf_range *range, bool *has, const char **label)
{
    const char *name = args_get(&c->args, OPT_PARTITION), *text = args_get(&c->args, OPT_RANGE);
    *has = name || text;
    *label = name ? name : text;
    if (name && text)
        return cli_fail(c, BKF_E_PARAM, "-P and --range exclude each other");
    return *has ? bkf_profile_range(c->profile, *label, range, &c->err) : BKF_OK;
}

json_t *cli_result(const struct cli *c)
{
    return c->result ? json_loads(c->result, 0, NULL) : NULL;
}
