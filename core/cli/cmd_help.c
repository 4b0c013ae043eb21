/* cmd_help.c - help and version, from the table in spec.c. */
#include "cli.h"
#include <string.h>

static void print_opts(const struct opt_spec *o)
{
    for (; o && o->name; o++) {
        char left[48];
        if (o->hidden)
            continue;
        snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->letter ? "-" : " ",
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        printf("  %-27s %s%s\n", left, strlen(left) > 27 ? "\n                              " : "",
               o->help);
    }
}

static void print_verb(const struct verb_spec *v)
{
    printf("usage: bkflash [OPTIONS] %s%s%s%s\n\n%s\n", v->name, v->opts ? " [OPTIONS]" : "",
           v->args[0] ? " " : "", v->args, v->summary);
    if (v->details)
        printf("\n%s", v->details);
    if (v->opts) {
        printf("\nOptions of %s:\n", v->name);
        print_opts(v->opts);
    }
    printf("\nGlobal options: bkflash help\n");
}

static void print_all(const struct cli *c)
{
    printf("usage: bkflash [OPTIONS] VERB [ARGUMENTS]\n\n"
           "Reads, checks and writes the flash of Wi-Fi chips in place.  First steps:\n\n"
           "  %sbkflash -p BOARD dump%s          read a board's flash\n"
           "  %sbkflash -p BOARD -a sim dump%s   the same without hardware\n\n"
           "Verbs:\n",
           paint_out(c, "bold"), paint_out(c, "off"), paint_out(c, "bold"), paint_out(c, "off"));
    for (const struct verb_spec *v = verbs; v->name; v++)
        printf("  %-12s %s\n", v->name, v->summary);
    printf("\nOptions, before or after the verb (BKFLASH_PROFILE and so on set them too):\n");
    print_opts(global_opts);
    printf("\nExit codes:\n");
    for (const struct exit_spec *e = exits; e->text; e++)
        printf("  %3d  %s\n", e->code, e->text);
}

void help_print(const struct cli *c, const struct verb_spec *v)
{
    if (v)
        print_verb(v);
    else
        print_all(c);
}

bkf_status cmd_help(struct cli *c)
{
    const char *name = c->args.n_positional ? c->args.positional[0] : NULL;
    const struct verb_spec *v = name ? verb_find(name) : NULL;
    if (name && !v)
        return cli_fail(c, BKF_E_PARAM, "there is no verb '%s'; see: bkflash help", name);
    help_print(c, v);
    return BKF_OK;
}

bkf_status cmd_version(struct cli *c)
{
    if (!c->json)
        printf("bkflash %s\n", bkf_version());
    return BKF_OK;
}
