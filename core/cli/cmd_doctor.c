/* cmd_doctor.c - why nothing works: adapters, permissions, drivers, plugins, profiles. */
#include "cli.h"
#include <string.h>

static void print_finding(const struct cli *c, const json_t *f)
{
    const char *level = text_of(f, "level");
    const char *colour = strcmp(level, "problem") == 0 ? "red"
                         : strcmp(level, "note") == 0  ? "yellow"
                                                       : "bold";
    printf("%s%-8s%s%s", paint_out(c, colour), level, paint_out(c, "off"), text_of(f, "what"));
    if (text_of(f, "unit")[0])
        printf(" [%s]", text_of(f, "unit"));
    putchar('\n');
    if (text_of(f, "evidence")[0])
        printf("        %s\n", text_of(f, "evidence"));
    if (text_of(f, "next")[0])
        printf("        -> %s\n", text_of(f, "next"));
}

bkf_status cmd_doctor(struct cli *c)
{
    bkf_status st = cli_context(c);
    if (!st && args_has(&c->args, OPT_PROFILE))
        st = cli_profile(c);
    if (!st)
        st = bkf_doctor(c->ctx, c->profile, args_get(&c->args, OPT_ADAPTER), &c->result, &c->err);
    json_t *doc = cli_result(c);
    const json_t *list = json_object_get(doc, "findings");
    for (size_t i = 0; !c->json && i < json_array_size(list); i++)
        print_finding(c, json_array_get(list, i));
    json_decref(doc);
    return st;
}
