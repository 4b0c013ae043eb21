/* list.c - what there is: profiles, parts, adapter and chip classes, units, plugins. */
#include "../session/session.h"
#include <stdlib.h>
#include <string.h>

static bkf_status finish(json_t *doc, char **json, bkf_error *err)
{
    *json = doc ? json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(doc);
    return *json ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

static json_t *document(const char *kind, json_t *items)
{
    return json_pack("{s:i, s:s, s:o}", "api", BKF_API_VERSION, "kind", kind, "items", items);
}

/* -- profiles and parts ----------------------------------------------------------------- */

static void on_profile(void *ud, const struct profile_found *f)
{
    json_array_append_new(ud, json_pack("{s:s, s:s, s:s, s:s}", "name", f->name, "title",
                                        f->title ? f->title : "", "profile_kind",
                                        f->kind ? f->kind : "", "path", f->path));
}

static bkf_status list_parts(bkf_ctx *ctx, json_t *items, bkf_error *err)
{
    struct nor_part_table t = { 0 };
    struct diag_list diags = { 0 };
    bkf_status st = profile_parts_load(&ctx->env, &diags, &t, err);
    ctx_diags(ctx, &ctx->cb, &diags);
    for (size_t i = 0; !st && i < t.n; i++) {
        char id[8];
        snprintf(id, sizeof id, "%06X", t.items[i].jedec);
        json_array_append_new(items, json_pack("{s:s, s:s, s:I}", "name", t.items[i].name, "jedec",
                                               id, "size", (json_int_t)t.items[i].size));
    }
    nor_part_table_free(&t);
    return st;
}

/* -- classes ----------------------------------------------------------------------------------- */

struct classes {
    const bkf_adapter_class *adapters[64];
    const bkf_chip_class *chips[64];
    size_t n_adapters, n_chips;
};

static void add_adapter(struct classes *c, const bkf_adapter_class *a)
{
    for (size_t i = 0; i < c->n_adapters; i++)
        if (strcmp(c->adapters[i]->name, a->name) == 0)
            return;
    if (c->n_adapters < ARRAY_LEN(c->adapters))
        c->adapters[c->n_adapters++] = a;
}

static void on_plugin_classes(void *ud, const struct plugin_report *r)
{
    struct classes *c = ud;
    if (!r->plugin || r->shadowed_by)
        return;
    for (const bkf_adapter_class *const *a = r->plugin->adapters; a && *a; a++)
        add_adapter(c, *a);
    for (const bkf_chip_class *const *k = r->plugin->chips; k && *k; k++)
        if (c->n_chips < ARRAY_LEN(c->chips))
            c->chips[c->n_chips++] = *k;
}

static int by_adapter_name(const void *a, const void *b)
{
    return strcmp((*(const bkf_adapter_class *const *)a)->name,
                  (*(const bkf_adapter_class *const *)b)->name);
}

static int by_chip_name(const void *a, const void *b)
{
    return strcmp((*(const bkf_chip_class *const *)a)->name,
                  (*(const bkf_chip_class *const *)b)->name);
}

static bkf_status find_classes(bkf_ctx *ctx, struct classes *c, bkf_error *err)
{
    add_adapter(c, &link_replay_class);
    bkf_status st = registry_scan(ctx->registry, on_plugin_classes, c, err);
    qsort(c->adapters, c->n_adapters, sizeof *c->adapters, by_adapter_name);
    qsort(c->chips, c->n_chips, sizeof *c->chips, by_chip_name);
    return st;
}

static json_t *options_json(const bkf_prop_spec *spec)
{
    static const char *const types[] = { "string", "uint", "bool", "hertz", "microseconds" };
    json_t *list = json_array();
    for (; spec && spec->key; spec++) {
        json_t *o = json_pack("{s:s, s:s, s:s}", "key", spec->key, "type",
                              spec->type < ARRAY_LEN(types) ? types[spec->type] : "?", "help",
                              spec->help ? spec->help : "");
        if (spec->dflt)
            json_object_set_new(o, "default", json_string(spec->dflt));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *lines_json(const bkf_line_spec *l)
{
    json_t *list = json_array();
    for (; l && l->name; l++)
        json_array_append_new(list, json_string(l->name));
    return list;
}

struct units {
    json_t *items;
    const bkf_adapter_class *c;
};

static void on_unit(void *ud, const char *path, const char *label)
{
    struct units *u = ud;
    json_array_append_new(u->items, json_pack("{s:s, s:s, s:s}", "adapter", u->c->name, "unit",
                                              path, "label", label ? label : ""));
}

static void list_units(bkf_ctx *ctx, const struct classes *c, json_t *items)
{
    for (size_t i = 0; i < c->n_adapters; i++) {
        bkf_error e = BKF_ERROR_INIT;
        struct units u = { items, c->adapters[i] };
        if (u.c->list && u.c->list(&ctx->host, on_unit, &u, &e))
            ctx_logf(ctx, &ctx->cb, BKF_LOG_WARN, "%s: cannot list its units: %s", u.c->name,
                     e.message);
    }
}

static bkf_status list_classes(bkf_ctx *ctx, const char *what, json_t *items, bkf_error *err)
{
    struct classes c = { .n_adapters = 0 };
    bkf_status st = find_classes(ctx, &c, err);
    if (st)
        return st;
    if (strcmp(what, "units") == 0)
        list_units(ctx, &c, items);
    for (size_t i = 0; strcmp(what, "adapters") == 0 && i < c.n_adapters; i++) {
        const bkf_adapter_class *a = c.adapters[i];
        json_array_append_new(items,
                              json_pack("{s:s, s:s, s:o, s:o}", "name", a->name, "summary",
                                        a->summary ? a->summary : "", "options",
                                        options_json(a->props), "lines", lines_json(a->lines)));
    }
    for (size_t i = 0; strcmp(what, "chips") == 0 && i < c.n_chips; i++)
        json_array_append_new(items,
                              json_pack("{s:s, s:s, s:o}", "name", c.chips[i]->name, "summary",
                                        c.chips[i]->summary ? c.chips[i]->summary : "", "options",
                                        options_json(c.chips[i]->props)));
    return st;
}

bkf_status bkf_list(bkf_ctx *ctx, const char *what, char **json, bkf_error *err)
{
    static const char *const kinds[] = { "profiles", "adapters", "chips", "parts", "units", NULL };
    if (!ctx || !what || !json)
        return error_set(err, BKF_E_PARAM, "bkf_list: an argument is missing");
    *json = NULL;
    size_t k = 0;
    while (kinds[k] && strcmp(kinds[k], what) != 0)
        k++;
    if (!kinds[k])
        return error_set(err, BKF_E_PARAM,
                         "cannot list '%s': profiles, adapters, chips, parts or units", what);
    json_t *items = json_array();
    bkf_status st = BKF_OK;
    if (k == 0)
        st = profile_find_all(&ctx->env, on_profile, items, err);
    else if (k == 3)
        st = list_parts(ctx, items, err);
    else
        st = list_classes(ctx, what, items, err);
    if (st) {
        json_decref(items);
        return st;
    }
    return finish(document(what, items), json, err);
}

/* -- plugin files ---------------------------------------------------------------------- */

static json_t *class_names(const bkf_plugin *p, bool adapters)
{
    json_t *list = json_array();
    for (const bkf_adapter_class *const *a = p ? p->adapters : NULL; adapters && a && *a; a++)
        json_array_append_new(list, json_string((*a)->name));
    for (const bkf_chip_class *const *c = p ? p->chips : NULL; !adapters && c && *c; c++)
        json_array_append_new(list, json_string((*c)->name));
    return list;
}

static void on_plugin(void *ud, const struct plugin_report *r)
{
    char abi[24];
    snprintf(abi, sizeof abi, "%u.%u", r->abi_major, r->abi_minor);
    json_t *o = json_pack("{s:s, s:s, s:o, s:o}", "path", r->path, "abi", abi, "adapters",
                          class_names(r->plugin, true), "chips", class_names(r->plugin, false));
    const struct {
        const char *key, *value;
    } texts[] = { { "id", r->id },           { "version", r->version },
                  { "license", r->license }, { "owner", r->owner },
                  { "refused", r->refused }, { "shadowed_by", r->shadowed_by } };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].value)
            json_object_set_new(o, texts[i].key, json_string(texts[i].value));
    json_array_append_new(ud, o);
}

bkf_status bkf_plugins(bkf_ctx *ctx, char **json, bkf_error *err)
{
    if (!ctx || !json)
        return error_set(err, BKF_E_PARAM, "bkf_plugins: an argument is missing");
    *json = NULL;
    json_t *items = json_array();
    bkf_status st = registry_scan(ctx->registry, on_plugin, items, err);
    if (st) {
        json_decref(items);
        return st;
    }
    return finish(document("plugins", items), json, err);
}
