/* cmd_wiring.c - which wire goes where, for every route of a profile or one of them. */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bkf_status save(struct cli *c, const char *path, const char *text)
{
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (!f)
        return cli_fail(c, BKF_E_FILE, "%s: %s", path, strerror(errno));
    int why = fputs(text, f) < 0 ? errno : 0;
    if ((f == stdout ? fflush(f) : fclose(f)) && !why)
        why = errno;
    return why ? cli_fail(c, BKF_E_FILE, "%s: cannot write: %s", path, strerror(why)) : BKF_OK;
}

static void print_route(const json_t *w, bool first)
{
    if (!first)
        putchar('\n');
    printf("%s, route %s: %s (%s)\n\n", text_of(w, "title"),
           text_of(w, "route")[0] ? text_of(w, "route") : "(default)", text_of(w, "adapter"),
           text_of(w, "transport"));
    fputs(text_of(w, "drawing"), stdout);
}

bkf_status cmd_wiring(struct cli *c)
{
    const char *svg = args_get(&c->args, OPT_SVG), *route = args_get(&c->args, OPT_ADAPTER);
    char *text = NULL;
    bkf_status st = cli_profile(c);
    if (!st && svg)
        st = bkf_wiring_svg(c->ctx, c->profile, route, &text, &c->err);
    if (!st && svg)
        st = save(c, svg, text);
    bkf_free(text);
    if (!st)
        st = bkf_wiring(c->ctx, c->profile, route, &c->result, &c->err);
    json_t *doc = cli_result(c);
    const json_t *routes = json_object_get(doc, "routes");
    for (size_t i = 0; !c->json && !svg && i < json_array_size(routes); i++)
        print_route(json_array_get(routes, i), i == 0);
    json_decref(doc);
    return st;
}
