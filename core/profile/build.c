/* build.c - merged text values turned into typed ones. */
#include "build.h"
#include <stdlib.h>
#include <string.h>

static const char *text(const struct merge *m, const char *section, const char *key)
{
    const struct merged_value *v = merge_find(m, section, key);
    return v ? v->text : NULL;
}

static const struct origin *origin(const struct merge *m, const char *section, const char *key)
{
    const struct merged_value *v = merge_find(m, section, key);
    return v ? v->at : NULL;
}

static uint32_t size_or(const struct merge *m, const char *section, const char *key, uint32_t dflt)
{
    uint64_t v;
    const char *s = text(m, section, key);
    return s && num_parse_size(s, &v) && v <= UINT32_MAX ? (uint32_t)v : dflt;
}

static bool flag(const struct merge *m, const char *section, const char *key)
{
    uint64_t v;
    const char *s = text(m, section, key);
    return s && num_parse_bool(s, &v) && v;
}

/* "adapter" and "adapter:uart" -> "" and "uart"; NULL = another section. */
static const char *name_in(const char *section, const char *stem)
{
    size_t n = strlen(stem);
    if (strncmp(section, stem, n) != 0)
        return NULL;
    return section[n] == ':' ? section + n + 1 : section[n] ? NULL : "";
}

static enum transport transport_of(const char *s)
{
    if (!s)
        return TRANSPORT_NONE;
    if (strcmp(s, "spi") == 0)
        return TRANSPORT_SPI;
    return strcmp(s, "uart") == 0  ? TRANSPORT_UART
           : strcmp(s, "log") == 0 ? TRANSPORT_LOG
                                   : TRANSPORT_NONE;
}

/* opt.KEY of a section; false = no memory. */
static bool build_options(struct merge *m, const char *section, struct prof_option **out, size_t *n)
{
    size_t cap = 0;
    for (size_t i = 0; i < m->n_values; i++) {
        const struct merged_value *v = &m->values[i];
        if (v->bad || strcmp(v->section, section) != 0 || strncmp(v->key, "opt.", 4) != 0)
            continue;
        struct prof_option *o = arena_push(m->arena, out, n, &cap, sizeof *o);
        if (!o)
            return false;
        *o = (struct prof_option){ v->key + 4, v->text, v->at };
    }
    return true;
}

static bool build_pads(struct merge *m, struct prof_route *r)
{
    size_t cap = 0;
    for (size_t i = 0; i < m->n_values; i++) {
        const struct merged_value *v = &m->values[i];
        const char *name = name_in(v->section, "pads");
        if (v->bad || !name || strcmp(name, r->name) != 0)
            continue;
        struct prof_pad *p = arena_push(m->arena, &r->pads, &r->n_pads, &cap, sizeof *p);
        char *buf = arena_dup(m->arena, v->text);
        if (!p || !buf)
            return false;
        *p = (struct prof_pad){ .pad = v->key, .at = v->at };
        value_pad(buf, &p->signal, &p->line, &p->inverted);
    }
    return true;
}

static bool build_routes(struct merge *m, struct bkf_profile *p)
{
    size_t cap = 0;
    for (size_t i = 0; i < m->n_sections; i++) {
        const struct merged_section *s = &m->sections[i];
        const char *name = s->removed ? NULL : name_in(s->name, "adapter");
        uint64_t hz;
        uint32_t baud;
        if (!name)
            continue;
        struct prof_route *r = arena_push(m->arena, &p->routes, &p->n_routes, &cap, sizeof *r);
        if (!r)
            return false;
        *r = (struct prof_route){
            .name = name,
            .driver = text(m, s->name, "driver"),
            .driver_at = origin(m, s->name, "driver"),
            .transport = transport_of(text(m, s->name, "transport")),
            .path = text(m, s->name, "path"),
            .at = s->at,
        };
        const char *clock = text(m, s->name, "clock"), *rate = text(m, s->name, "baud");
        r->clock_hz = clock && num_parse_hz(clock, &hz) ? (uint32_t)hz : 0;
        r->baud = rate && value_baud(rate, &baud) ? baud : 0;
        if (!build_options(m, s->name, &r->options, &r->n_options) || !build_pads(m, r))
            return false;
    }
    return true;
}

static bool ranges(const struct merge *m, const char *section, const char *key, uint32_t end,
                   bkf_range *out, size_t *n)
{
    const char *s = text(m, section, key);
    if (!s || !value_ranges(s, end, out, 8, n, NULL)) {
        *n = 0;
        return false;
    }
    return true;
}

static bool build_access(struct merge *m, struct bkf_profile *p)
{
    size_t cap = 0;
    uint32_t end = p->size ? p->size : UINT32_MAX;
    for (size_t i = 0; i < m->n_sections; i++) {
        const struct merged_section *s = &m->sections[i];
        const char *name = s->removed ? NULL : name_in(s->name, "access");
        if (!name)
            continue;
        struct prof_access *a = arena_push(m->arena, &p->access, &p->n_access, &cap, sizeof *a);
        if (!a)
            return false;
        *a = (struct prof_access){
            .transport = transport_of(name),
            .reason = text(m, s->name, "reason"),
            .at = s->at,
        };
        a->has_read = ranges(m, s->name, "read", end, a->read, &a->n_read);
        a->has_erase = ranges(m, s->name, "erase", end, a->erase, &a->n_erase);
        a->has_program = ranges(m, s->name, "program", end, a->program, &a->n_program);
    }
    return true;
}

static enum layout layout_of(const char *s)
{
    if (s && strcmp(s, "crc34") == 0)
        return LAYOUT_CRC34;
    return s && strcmp(s, "unknown") == 0 ? LAYOUT_UNKNOWN : LAYOUT_RAW;
}

static enum encrypted encrypted_of(const char *s)
{
    if (s && strcmp(s, "yes") == 0)
        return ENCRYPTED_CODE;
    if (s && strcmp(s, "no") == 0)
        return ENCRYPTED_NO;
    return s && strcmp(s, "aes") == 0 ? ENCRYPTED_AES : ENCRYPTED_UNKNOWN;
}

static void build_partition(const struct merge *m, const struct merged_section *s,
                            struct prof_partition *out)
{
    *out = (struct prof_partition){
        .name = name_in(s->name, "partition"),
        .within = text(m, s->name, "within"),
        .note = text(m, s->name, "note"),
        .role = text(m, s->name, "role"),
        .protect = flag(m, s->name, "protect"),
        .keep = flag(m, s->name, "keep"),
        .layout = layout_of(text(m, s->name, "layout")),
        .encrypted = encrypted_of(text(m, s->name, "encrypted")),
        .has_logical = text(m, s->name, "logical") != NULL,
        .logical = size_or(m, s->name, "logical", 0),
        .at = s->at,
    };
    const struct origin *offset = origin(m, s->name, "offset");
    if (offset)
        out->at = offset;
    range_make(size_or(m, s->name, "offset", 0), size_or(m, s->name, "size", 0), &out->range);
}

/* By start; where starts are equal the outer one first. */
static int by_place(const void *a, const void *b)
{
    const struct prof_partition *x = a, *y = b;
    if (x->range.start != y->range.start)
        return x->range.start < y->range.start ? -1 : 1;
    if (x->range.end != y->range.end)
        return x->range.end > y->range.end ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool build_partitions(struct merge *m, struct bkf_profile *p)
{
    size_t cap = 0;
    for (size_t i = 0; i < m->n_sections; i++) {
        const struct merged_section *s = &m->sections[i];
        if (s->removed || !name_in(s->name, "partition"))
            continue;
        struct prof_partition *out =
            arena_push(m->arena, &p->partitions, &p->n_partitions, &cap, sizeof *out);
        if (!out)
            return false;
        build_partition(m, s, out);
    }
    if (p->n_partitions)
        qsort(p->partitions, p->n_partitions, sizeof *p->partitions, by_place);
    return true;
}

static bool build_layout(struct merge *m, struct bkf_profile *p)
{
    struct prof_layout *l = &p->layout;
    uint64_t v;
    char *chips = arena_dup(m->arena, text(m, "layout", "chips"));
    if (chips)
        l->n_chips = value_list(chips, l->chips, ARRAY_LEN(l->chips));
    l->code_key = text(m, "layout", "code_key");
    const char *rf = text(m, "layout", "rf"), *kv = text(m, "layout", "kv");
    l->scan_rf = rf && strcmp(rf, "scan") == 0;
    l->has_rf = rf && num_parse_size(rf, &v);
    l->rf = l->has_rf ? (uint32_t)v : 0;
    l->has_kv = kv && num_parse_size(kv, &v);
    l->kv = l->has_kv ? (uint32_t)v : 0;
    l->ota_magic = size_or(m, "layout", "ota_magic", 0);
    return !arena_failed(m->arena);
}

static void build_flash(const struct merge *m, struct bkf_profile *p)
{
    uint32_t id;
    const char *jedec = text(m, "flash", "jedec"), *erased = text(m, "flash", "erased");
    p->part = text(m, "flash", "part");
    p->jedec = jedec && num_parse_hex_id(jedec, &id) ? id : 0;
    p->jedec_at = origin(m, "flash", "jedec");
    p->size = size_or(m, "flash", "size", 0);
    p->size_at = origin(m, "flash", "size");
    p->page = size_or(m, "flash", "page", 256);
    p->sector = size_or(m, "flash", "sector", 4096);
    p->block = size_or(m, "flash", "block", 65536);
    p->erased = 0xFF;
    if (erased)
        value_byte(erased, &p->erased);
}

static bool build_values(struct merge *m, struct bkf_profile *p)
{
    size_t cap = 0;
    for (size_t i = 0; i < m->n_values; i++) {
        struct prof_value *v = arena_push(m->arena, &p->values, &p->n_values, &cap, sizeof *v);
        if (!v)
            return false;
        const struct merged_value *from = &m->values[i];
        *v = (struct prof_value){ from->section, from->key, from->text, from->at };
    }
    return true;
}

bool profile_build(struct merge *m, struct bkf_profile *p)
{
    p->file = m->n_files ? m->files[0] : NULL;
    p->name = text(m, "profile", "name");
    p->title = text(m, "profile", "title");
    p->kind = text(m, "profile", "kind");
    p->note = text(m, "profile", "note");
    p->chip_name = m->chip_name ? m->chip_name : p->name;
    p->chip_driver = text(m, "chip", "driver");
    p->chip_names = text(m, "chip", "names");
    p->chip_marker = text(m, "chip", "marker");
    p->chip_driver_at = origin(m, "chip", "driver");
    p->files = m->files;
    p->n_files = m->n_files;
    build_flash(m, p);
    if (m->kind == KIND_BOARD)
        profile_check_part(m, p); /* before "end" is resolved: a part may bring the size */
    return build_options(m, "chip", &p->chip_options, &p->n_chip_options) && build_routes(m, p) &&
           build_access(m, p) && build_partitions(m, p) && build_layout(m, p) &&
           build_values(m, p) && !m->nomem;
}
