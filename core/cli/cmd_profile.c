/* cmd_profile.c - check and profile show. */
#include "cli.h"
#include <string.h>

bkf_status cmd_check(struct cli *c)
{
    bkf_status st = cli_context(c), worst = st;
    uint32_t total = 0;
    json_t *files = json_array();
    for (int i = 0; i < c->args.n_positional && !st; i++) {
        const char *file = c->args.positional[i];
        uint32_t errors = 0;
        bkf_status one = bkf_profile_check(c->ctx, file, &errors, &c->err);
        view_diags_end(c);
        total += one && !errors ? 1 : errors;
        json_array_append_new(files, json_pack("{s:s, s:i, s:b}", "file", file, "errors",
                                               (int)errors, "ok", one == BKF_OK));
        if (one && !errors) /* could not even be read */
            say_always(c, "%s: error: %s", file, c->err.message);
        else if (!one)
            say(c, "%s: ok", file);
        if (one)
            worst = one;
    }
    json_t *doc =
        json_pack("{s:i, s:s, s:o}", "api", BKF_API_VERSION, "kind", "check", "files", files);
    c->result = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(doc);
    if (worst && total)
        return cli_fail(c, BKF_E_PROFILE, "%u error%s", total, total == 1 ? "" : "s");
    return worst;
}

/* Section headers stand out on a terminal. */
static void print_profile(const struct cli *c, const char *text)
{
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        bool header = *line == '[';
        printf("%s%.*s%s\n", header ? paint_out(c, "bold") : "", (int)n, line,
               header ? paint_out(c, "off") : "");
        line += n + (line[n] == '\n');
    }
}

bkf_status cmd_profile(struct cli *c)
{
    if (strcmp(c->args.positional[0], "show") != 0)
        return cli_fail(c, BKF_E_PARAM, "profile '%s': there is only 'profile show'",
                        c->args.positional[0]);
    bkf_status st = BKF_OK;
    if (c->args.n_positional > 1) {
        st = cli_context(c);
        if (!st)
            st = bkf_profile_load(c->ctx, c->args.positional[1], &c->profile, &c->err);
    } else {
        st = cli_profile(c);
    }
    if (st || c->json)
        return st ? st : bkf_profile_describe(c->profile, &c->result, &c->err);
    char *text = NULL;
    uint32_t flags = args_has(&c->args, OPT_ORIGINS) ? BKF_SHOW_ORIGINS : 0;
    st = bkf_profile_show(c->profile, flags, &text, &c->err);
    if (!st)
        print_profile(c, text);
    bkf_free(text);
    return st;
}
