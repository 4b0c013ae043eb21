/* show_json.c - a merged profile as JSON. */
#include "show.h"

const char *transport_name(enum transport t)
{
    static const char *const names[] = { "none", "spi", "uart", "log" };
    return names[t];
}

const char *layout_name(enum layout l)
{
    static const char *const names[] = { "raw", "crc34", "unknown" };
    return names[l];
}

static json_t *origin_json(const struct origin *o)
{
    return json_pack("{s:s, s:i}", "file", o->file, "line", o->line);
}

static json_t *value_json(const struct prof_value *v)
{
    json_t *origins = json_array();
    for (const struct origin *o = v->at; o; o = o->overrides)
        json_array_append_new(origins, origin_json(o));
    return json_pack("{s:s, s:s, s:s, s:o}", "section", v->section, "key", v->key, "value", v->text,
                     "origins", origins);
}

static json_t *route_json(const struct prof_route *r)
{
    json_t *pads = json_array(), *options = json_object();
    for (size_t i = 0; i < r->n_pads; i++)
        json_array_append_new(pads, json_pack("{s:s, s:s, s:s, s:b}", "pad", r->pads[i].pad,
                                              "signal", r->pads[i].signal, "line", r->pads[i].line,
                                              "inverted", r->pads[i].inverted));
    for (size_t i = 0; i < r->n_options; i++)
        json_object_set_new(options, r->options[i].key, json_string(r->options[i].value));
    return json_pack("{s:s, s:s?, s:s, s:I, s:I, s:s?, s:o, s:o}", "name", r->name, "driver",
                     r->driver, "transport", transport_name(r->transport), "clock",
                     (json_int_t)r->clock_hz, "baud", (json_int_t)r->baud, "path", r->path, "pads",
                     pads, "options", options);
}

static json_t *ranges_json(const bkf_range *r, size_t n, bool has)
{
    json_t *a = has ? json_array() : json_null();
    for (size_t i = 0; has && i < n; i++)
        json_array_append_new(a, json_pack("[I, I]", (json_int_t)r[i].start, (json_int_t)r[i].end));
    return a;
}

static json_t *access_json(const struct prof_access *a)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:s?}", "transport", transport_name(a->transport),
                     "read", ranges_json(a->read, a->n_read, a->has_read), "erase",
                     ranges_json(a->erase, a->n_erase, a->has_erase), "program",
                     ranges_json(a->program, a->n_program, a->has_program), "reason", a->reason);
}

static json_t *partition_json(const struct prof_partition *p)
{
    json_t *logical = p->has_logical ? json_integer((json_int_t)p->logical) : json_null();
    return json_pack("{s:s, s:I, s:I, s:s?, s:s?, s:s, s:o, s:b, s:b, s:s?}", "name", p->name,
                     "start", (json_int_t)p->range.start, "end", (json_int_t)p->range.end, "within",
                     p->within, "role", p->role, "layout", layout_name(p->layout), "logical",
                     logical, "protect", p->protect, "keep", p->keep, "note", p->note);
}

static json_t *flash_json(const struct bkf_profile *p)
{
    char id[8];
    const char hex[] = "0123456789ABCDEF";
    for (unsigned i = 0; i < 6; i++)
        id[i] = hex[p->jedec >> (20 - 4 * i) & 15];
    id[6] = '\0';
    return json_pack("{s:s?, s:s?, s:I, s:I, s:I, s:I, s:i}", "part", p->part, "jedec",
                     p->jedec ? id : NULL, "size", (json_int_t)p->size, "page", (json_int_t)p->page,
                     "sector", (json_int_t)p->sector, "block", (json_int_t)p->block, "erased",
                     (int)p->erased);
}

json_t *profile_show_json(const struct bkf_profile *p)
{
    json_t *files = json_array(), *routes = json_array(), *access = json_array(),
           *partitions = json_array(), *values = json_array();
    for (size_t i = 0; i < p->n_files; i++)
        json_array_append_new(files, json_string(p->files[i]));
    for (size_t i = 0; i < p->n_routes; i++)
        json_array_append_new(routes, route_json(&p->routes[i]));
    for (size_t i = 0; i < p->n_access; i++)
        json_array_append_new(access, access_json(&p->access[i]));
    for (size_t i = 0; i < p->n_partitions; i++)
        json_array_append_new(partitions, partition_json(&p->partitions[i]));
    for (size_t i = 0; i < p->n_values; i++)
        json_array_append_new(values, value_json(&p->values[i]));
    return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
                     "profile", "file", p->file, "name", p->name, "title", p->title, "profile_kind",
                     p->kind, "chip", p->chip_name, "driver", p->chip_driver, "files", files,
                     "flash", flash_json(p), "routes", routes, "access", access, "partitions",
                     partitions, "values", values);
}
