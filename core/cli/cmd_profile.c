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
        total += errors;
        json_array_append_new(files, json_pack("{s:s, s:i, s:b}", "file", file, "errors",
                                               (int)errors, "ok", one == BKF_OK));
        if (one && !errors) /* could not even be read */
            say_always(c, "%s%s%s", strstr(c->err.message, file) ? "" : file,
                       strstr(c->err.message, file) ? "" : ": ", c->err.message);
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

static void print_origins(const json_t *value)
{
    json_t *origins = json_object_get(value, "origins"), *o;
    size_t i;
    json_array_foreach(origins, i, o)
    {
        printf("%s%s:%d", i ? ", overrides " : "  ; ", text_of(o, "file"),
               (int)number_of(o, "line"));
    }
}

static void print_profile(const struct cli *c, const json_t *doc)
{
    const json_t *values = json_object_get(doc, "values");
    const char *section = "";
    bool origins = args_has(&c->args, OPT_ORIGINS);
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *v = json_array_get(values, i);
        if (strcmp(section, text_of(v, "section")) != 0) {
            section = text_of(v, "section");
            printf("%s%s[%s]%s\n", i ? "\n" : "", paint_out(c, "bold"), section,
                   paint_out(c, "off"));
        }
        printf("%s = %s", text_of(v, "key"), text_of(v, "value"));
        if (origins)
            print_origins(v);
        putchar('\n');
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
    if (!st)
        st = bkf_profile_describe(c->profile, &c->result, &c->err);
    if (st || c->json)
        return st;
    json_t *doc = cli_result(c);
    print_profile(c, doc);
    json_decref(doc);
    return BKF_OK;
}
