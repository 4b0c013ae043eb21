/* check.c - the profile as a whole: what must be there, and what must agree. */
#include "build.h"
#include <string.h>

static void check_required(struct merge *m, const struct merged_section *s)
{
    const char *const *keys = schema_required(s->name, m->kind);
    if (strcmp(s->name, "profile") == 0 || s->bad_lines)
        return; /* done for every file while it was read; or it may be one of those lines */
    for (size_t i = 0; keys[i]; i++)
        if (!merge_has(m, s->name, keys[i]))
            merge_error(m, s->at, s->name, keys[i], "is missing");
}

static void check_sections_present(struct merge *m)
{
    static const struct {
        enum kind kind;
        const char *section, *key;
    } need[] = {
        { KIND_BOARD, "chip", "driver" },      { KIND_CHIP, "chip", "driver" },
        { KIND_FLASH, "part", "jedec" },       { KIND_FLASH, "timing", "name" },
        { KIND_LAYOUT, "layout", "code_key" }, { KIND_LAYOUT, "flash", "size" },
    };
    for (size_t i = 0; i < ARRAY_LEN(need); i++) {
        const struct merged_section *s = merge_section(m, need[i].section);
        if (m->kind != need[i].kind || merge_has(m, need[i].section, need[i].key) ||
            (s && s->bad_lines))
            continue;
        if (s && *schema_required(need[i].section, m->kind))
            continue; /* said there */
        merge_error(m, s ? s->at : NULL, need[i].section, need[i].key, "is missing%s",
                    need[i].kind == KIND_BOARD ? "; include a chip profile" : "");
    }
}

/* -- routes ------------------------------------------------------------------------------ */

static const char *pads_section(const struct prof_route *r, char buf[64])
{
    buf[0] = '\0';
    strncat(buf, *r->name ? "pads:" : "pads", 63);
    strncat(buf, r->name, 63 - strlen(buf));
    return buf;
}

static bool wanted(enum transport t, const char *signal)
{
    static const char *const spi[] = { "sck", "mosi", "miso", "cs0", "cen", NULL };
    static const char *const uart[] = { "rx", "tx", "cen", NULL };
    const char *const *list = t == TRANSPORT_SPI ? spi : uart;
    for (size_t i = 0; list[i]; i++)
        if (strcmp(list[i], signal) == 0)
            return true;
    return false;
}

static void check_pad(struct merge *m, const struct prof_route *r, size_t i, const char *section)
{
    static const char *const names[] = { "?", "spi", "uart", "log" };
    const struct prof_pad *p = &r->pads[i];
    if (!wanted(r->transport, p->signal))
        merge_error(m, p->at, section, p->pad, "signal '%s' has no place on the %s route",
                    p->signal, names[r->transport]);
    if (p->inverted && strcmp(p->signal, "cen") != 0)
        merge_error(m, p->at, section, p->pad, "only cen can be inverted, not '%s'", p->signal);
    for (size_t k = 0; k < i; k++) {
        if (strcmp(r->pads[k].signal, p->signal) == 0)
            merge_error(m, p->at, section, p->pad, "signal '%s' is wired twice (also %s at %s:%d)",
                        p->signal, r->pads[k].pad, r->pads[k].at->file, r->pads[k].at->line);
        if (strcmp(r->pads[k].line, p->line) == 0)
            merge_error(m, p->at, section, p->pad, "line %s carries %s already (%s at %s:%d)",
                        p->line, r->pads[k].signal, r->pads[k].pad, r->pads[k].at->file,
                        r->pads[k].at->line);
    }
}

static void check_missing_pads(struct merge *m, const struct prof_route *r, const char *section)
{
    static const char *const spi[] = { "sck", "mosi", "miso", "cs0", NULL };
    static const char *const uart[] = { "rx", "tx", NULL };
    static const char *const log[] = { "tx", NULL };
    const char *const *need = r->transport == TRANSPORT_SPI    ? spi
                              : r->transport == TRANSPORT_UART ? uart
                                                               : log;
    const struct merged_section *s = merge_section(m, section);
    for (size_t i = 0; s && need[i]; i++) {
        bool found = false;
        for (size_t k = 0; k < r->n_pads; k++)
            found |= strcmp(r->pads[k].signal, need[i]) == 0;
        if (!found)
            merge_error(m, s->at, section, NULL, "no pad carries '%s'", need[i]);
    }
}

static void check_route(struct merge *m, const struct prof_route *r)
{
    char section[64];
    pads_section(r, section);
    if (r->transport == TRANSPORT_NONE || merge_tainted(m, section))
        return;
    for (size_t i = 0; i < r->n_pads; i++)
        check_pad(m, r, i, section);
    check_missing_pads(m, r, section);
}

static void check_routes(struct merge *m, const struct bkf_profile *p)
{
    for (size_t i = 0; i < m->n_sections; i++) {
        const struct merged_section *s = &m->sections[i];
        char adapter[READER_MAX_SECTION + 16] = "adapter";
        if (s->removed || strncmp(s->name, "pads", 4) != 0 || (s->name[4] && s->name[4] != ':'))
            continue;
        strncat(adapter, s->name + 4, sizeof adapter - 8);
        if (!merge_section(m, adapter))
            merge_error(m, s->at, s->name, NULL, "there is no [%s] for these pads", adapter);
    }
    for (size_t i = 0; i < p->n_routes; i++)
        check_route(m, &p->routes[i]);
    if (m->kind == KIND_BOARD && !merge_section(m, "adapter"))
        merge_warning(m, NULL, "adapter", NULL, "no default route: every command needs -a NAME");
}

/* -- flash and access -------------------------------------------------------------------- */

static void check_flash(struct merge *m, const struct bkf_profile *p)
{
    const struct merged_value *sector = merge_find(m, "flash", "sector"),
                              *block = merge_find(m, "flash", "block"),
                              *page = merge_find(m, "flash", "page");
    if (merge_tainted(m, "flash"))
        return;
    if ((page || sector) && p->page > p->sector)
        merge_error(m, page ? page->at : sector->at, "flash", "page",
                    "%u is larger than the sector (%u)", p->page, p->sector);
    if ((block || sector) && p->block < p->sector)
        merge_error(m, block ? block->at : sector->at, "flash", "block",
                    "%u is smaller than the sector (%u)", p->block, p->sector);
    if (p->size_at && p->size % p->sector)
        merge_error(m, p->size_at, "flash", "size", "0x%x is not a multiple of the 0x%x sector",
                    p->size, p->sector);
}

static void check_list(struct merge *m, const struct bkf_profile *p, const char *section,
                       const char *key, const bkf_range *r, size_t n)
{
    const struct merged_value *v = merge_find(m, section, key);
    for (size_t i = 0; v && i < n; i++) {
        if (p->size && r[i].end > p->size)
            merge_error(m, v->at, section, key, "0x%x..0x%x ends past the flash size 0x%x",
                        r[i].start, r[i].end, p->size);
        for (size_t k = 0; k < i; k++)
            if (range_overlaps(r[i], r[k]))
                merge_error(m, v->at, section, key, "0x%x..0x%x overlaps 0x%x..0x%x", r[i].start,
                            r[i].end, r[k].start, r[k].end);
        bool whole = r[i].end % p->sector == 0 || r[i].end == UINT32_MAX || r[i].end == p->size;
        if (strcmp(key, "read") != 0 && (r[i].start % p->sector || !whole))
            merge_error(m, v->at, section, key, "0x%x..0x%x is not aligned to the 0x%x sector",
                        r[i].start, r[i].end, p->sector);
    }
}

static void check_access(struct merge *m, const struct bkf_profile *p)
{
    for (size_t i = 0; i < p->n_access; i++) {
        const struct prof_access *a = &p->access[i];
        const char *section = a->transport == TRANSPORT_SPI ? "access:spi" : "access:uart";
        check_list(m, p, section, "read", a->read, a->n_read);
        check_list(m, p, section, "erase", a->erase, a->n_erase);
        check_list(m, p, section, "program", a->program, a->n_program);
        bool narrows = a->has_read || a->has_erase || a->has_program;
        if (narrows && !a->reason && !merge_has(m, section, "reason"))
            merge_warning(m, a->at, section, NULL,
                          "say why in 'reason': it is shown when an operation is refused");
    }
}

/* -- layout ------------------------------------------------------------------------------- */

static void check_layout(struct merge *m, const struct bkf_profile *p)
{
    static const char *const keys[] = { "rf", "kv" };
    const uint32_t at[] = { p->layout.rf, p->layout.kv };
    const bool has[] = { p->layout.has_rf, p->layout.has_kv };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct merged_value *v = merge_find(m, "layout", keys[i]);
        if (v && has[i] && p->size && at[i] >= p->size)
            merge_error(m, v->at, "layout", keys[i], "0x%x lies past the flash size 0x%x", at[i],
                        p->size);
    }
}

void profile_check(struct merge *m, const struct bkf_profile *p)
{
    struct nor_part part;
    for (size_t i = 0; i < m->n_sections; i++)
        if (!m->sections[i].removed)
            check_required(m, &m->sections[i]);
    check_sections_present(m);
    check_routes(m, p);
    check_flash(m, p);
    check_access(m, p);
    check_layout(m, p);
    profile_check_partitions(m, p);
    if (m->kind == KIND_FLASH)
        part_build(m, &part);
}
