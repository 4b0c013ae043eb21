/* cmd_list.c - list and plugins. */
#include "cli.h"
#include <string.h>

static size_t widest(const json_t *items, const char *key)
{
    size_t i, width = 0;
    json_t *o;
    json_array_foreach((json_t *)items, i, o)
    {
        size_t n = strlen(text_of(o, key));
        width = n > width ? n : width;
    }
    return width;
}

static void print_items(const struct cli *c, const json_t *items)
{
    size_t i, width = widest(items, "name");
    json_t *o;
    json_array_foreach((json_t *)items, i, o)
    {
        printf("%s%-*s%s  %s\n", paint_out(c, "bold"), (int)width, text_of(o, "name"),
               paint_out(c, "off"), text_of(o, "summary"));
    }
}

/* What -p wants first, then what boards are built on. */
static void print_profiles(const struct cli *c, const json_t *items)
{
    static const char *const kinds[] = { "board", "chip" };
    size_t i, width = widest(items, "name");
    json_t *o;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        json_array_foreach((json_t *)items, i, o)
        {
            if (strcmp(text_of(o, "profile_kind"), kinds[k]) == 0)
                printf("%s%-*s%s  %-5s  %s\n", paint_out(c, "bold"), (int)width, text_of(o, "name"),
                       paint_out(c, "off"), kinds[k], text_of(o, "title"));
        }
    }
}

static void print_units(const json_t *items)
{
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)items, i, o)
    {
        printf("%-10s %-16s %s\n", text_of(o, "adapter"), text_of(o, "unit"), text_of(o, "label"));
    }
}

static void print_parts(const json_t *items)
{
    size_t i;
    json_t *o;
    char size[32];
    json_array_foreach((json_t *)items, i, o)
    {
        printf("%-14s %s  %s\n", text_of(o, "name"), text_of(o, "jedec"),
               size_text(number_of(o, "size"), size));
    }
}

static bkf_status list_one(struct cli *c, const char *what, bool title)
{
    bkf_free(c->result);
    c->result = NULL;
    bkf_status st = bkf_list(c->ctx, what, &c->result, &c->err);
    if (st || c->json)
        return st;
    json_t *doc = cli_result(c), *items = json_object_get(doc, "items");
    if (title)
        printf("%s:\n", what);
    if (strcmp(what, "profiles") == 0)
        print_profiles(c, items);
    else if (strcmp(what, "units") == 0)
        print_units(items);
    else if (strcmp(what, "parts") == 0)
        print_parts(items);
    else
        print_items(c, items);
    if (!json_array_size(items))
        say(c, "no %s found", what);
    json_decref(doc);
    return BKF_OK;
}

static void print_option(const struct cli *c, const json_t *o)
{
    const json_t *dflt = json_object_get(o, "default");
    printf("  %s%s%s  %s%s%s%s\n", paint_out(c, "bold"), text_of(o, "key"), paint_out(c, "off"),
           text_of(o, "type"), dflt ? ", default " : ", required",
           dflt && !*json_string_value(dflt) ? "none" : "", dflt ? json_string_value(dflt) : "");
    if (*text_of(o, "help"))
        printf("      %s\n", text_of(o, "help"));
}

static void print_class(const struct cli *c, const json_t *o)
{
    const json_t *options = json_object_get(o, "options"), *lines = json_object_get(o, "lines");
    size_t i;
    json_t *v;
    printf("%s%s%s  %s\n", paint_out(c, "bold"), text_of(o, "name"), paint_out(c, "off"),
           text_of(o, "summary"));
    if (json_array_size(lines))
        printf("\nlines, for [pads]:");
    json_array_foreach((json_t *)lines, i, v)
    {
        printf(" %s", json_string_value(v));
    }
    printf("%s\noptions, for -O KEY=VALUE and opt.KEY of a profile:\n",
           json_array_size(lines) ? "\n" : "");
    json_array_foreach((json_t *)options, i, v)
    {
        print_option(c, v);
    }
    if (!json_array_size(options))
        printf("  none\n");
}

static void keep_only(struct cli *c, const char *what, json_t *item)
{
    json_t *doc =
        json_pack("{s:i, s:s, s:[O]}", "api", BKF_API_VERSION, "kind", what, "items", item);
    bkf_free(c->result);
    c->result = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(doc);
}

/* One adapter or chip class with its lines and options. */
static bkf_status list_class(struct cli *c, const char *what, const char *name)
{
    const char *words[128];
    size_t i, n = 0;
    json_t *o, *found = NULL;
    if (strcmp(what, "adapters") != 0 && strcmp(what, "chips") != 0)
        return cli_fail(c, BKF_E_PARAM, "list %s takes no name; only adapters and chips do", what);
    bkf_status st = bkf_list(c->ctx, what, &c->result, &c->err);
    if (st)
        return st;
    json_t *doc = cli_result(c);
    json_array_foreach(json_object_get(doc, "items"), i, o)
    {
        if (strcmp(text_of(o, "name"), name) == 0)
            found = o;
        if (n < ARRAY_LEN(words) - 1)
            words[n++] = text_of(o, "name");
    }
    words[n] = NULL;
    const char *near = found ? NULL : bkf_suggest(name, words);
    if (!found)
        st = cli_fail(c, BKF_E_PARAM, "there is no '%s' among the %s%s%s%s", name, what,
                      near ? ", did you mean '" : "; see: bkflash list ", near ? near : what,
                      near ? "'?" : "");
    else if (!c->json)
        print_class(c, found);
    else
        keep_only(c, what, found);
    json_decref(doc);
    return st;
}

/* All kinds in one document: {"api":1,"kind":"all","lists":[...]}. */
static bkf_status list_all_json(struct cli *c)
{
    static const char *const kinds[] = { "profiles", "adapters", "chips", "units" };
    json_t *lists = json_array();
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < ARRAY_LEN(kinds) && !st; i++) {
        st = list_one(c, kinds[i], false);
        if (!st)
            json_array_append_new(lists, cli_result(c));
    }
    bkf_free(c->result);
    json_t *doc =
        json_pack("{s:i, s:s, s:o}", "api", BKF_API_VERSION, "kind", "all", "lists", lists);
    c->result = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(doc);
    return st;
}

bkf_status cmd_list(struct cli *c)
{
    static const char *const kinds[] = { "profiles", "adapters", "chips", "units" };
    bkf_status st = cli_context(c);
    if (st)
        return st;
    if (c->args.n_positional > 1)
        return list_class(c, c->args.positional[0], c->args.positional[1]);
    if (c->args.n_positional)
        return list_one(c, c->args.positional[0], false);
    if (c->json)
        return list_all_json(c);
    for (size_t i = 0; i < ARRAY_LEN(kinds) && !st; i++) {
        if (i)
            putchar('\n');
        st = list_one(c, kinds[i], true);
    }
    return st;
}

static void print_names(const json_t *list, const char *what)
{
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)list, i, o)
    {
        printf(" %s %s", what, json_string_value(o));
    }
}

static void print_plugin(const struct cli *c, const json_t *o)
{
    printf("%s%s%s\n", paint_out(c, "bold"), text_of(o, "path"), paint_out(c, "off"));
    if (json_object_get(o, "refused")) {
        printf("    REFUSED: %s\n", text_of(o, "refused"));
        return;
    }
    printf("    %s %s, ABI %s, licence %s%s%s\n    classes:", text_of(o, "id"),
           text_of(o, "version"), text_of(o, "abi"), text_of(o, "license"),
           *text_of(o, "owner") ? ", owner " : "", text_of(o, "owner"));
    print_names(json_object_get(o, "adapters"), "adapter");
    print_names(json_object_get(o, "chips"), "chip");
    printf("\n");
    if (json_object_get(o, "shadowed_by"))
        printf("    not used: %s comes first\n", text_of(o, "shadowed_by"));
}

bkf_status cmd_plugins(struct cli *c)
{
    bkf_status st = cli_context(c);
    if (!st)
        st = bkf_plugins(c->ctx, &c->result, &c->err);
    if (st || c->json)
        return st;
    json_t *doc = cli_result(c), *items = json_object_get(doc, "items"), *o;
    size_t i;
    json_array_foreach(items, i, o)
    {
        print_plugin(c, o);
    }
    if (!json_array_size(items))
        say(c, "no plugins found; BKFLASH_PLUGIN_PATH or --plugin FILE point to some");
    json_decref(doc);
    return BKF_OK;
}
