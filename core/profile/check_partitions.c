/* check_partitions.c - where partitions lie, what they may share, what routes can reach. */
#include "build.h"
#include <stdio.h>
#include <string.h>

struct part_name {
    char text[READER_MAX_SECTION + 16];
};

static const char *section_of(const struct prof_partition *p, struct part_name *buf)
{
    snprintf(buf->text, sizeof buf->text, "partition:%s", p->name);
    return buf->text;
}

struct where {
    char text[300];
};

/* " set at FILE:LINE", or nothing for a built-in default. */
static const char *set_at(const struct origin *at, struct where *buf)
{
    buf->text[0] = '\0';
    if (at)
        snprintf(buf->text, sizeof buf->text, " set at %s:%d", at->file, at->line);
    return buf->text;
}

/* Offset and size are there and usable. */
static bool placed(const struct merge *m, const struct prof_partition *p)
{
    struct part_name n;
    const char *section = section_of(p, &n);
    return merge_find(m, section, "offset") && merge_find(m, section, "size") &&
           p->range.start < p->range.end;
}

static const struct prof_partition *outer_of(const struct bkf_profile *p,
                                             const struct prof_partition *inner)
{
    for (size_t i = 0; inner->within && i < p->n_partitions; i++)
        if (strcmp(p->partitions[i].name, inner->within) == 0)
            return &p->partitions[i];
    return NULL;
}

/* a declared to lie within b, directly or through others. */
static bool nested(const struct bkf_profile *p, const struct prof_partition *a,
                   const struct prof_partition *b)
{
    for (size_t hops = 0; a && hops < p->n_partitions; hops++) {
        a = outer_of(p, a);
        if (a == b)
            return true;
    }
    return false;
}

static void check_place(struct merge *m, const struct bkf_profile *prof,
                        const struct prof_partition *p)
{
    struct part_name n;
    struct where where;
    const char *section = section_of(p, &n);
    const struct merged_value *sector = merge_find(m, "flash", "sector");
    uint64_t offset, size;
    const struct merged_value *o = merge_find(m, section, "offset"),
                              *s = merge_find(m, section, "size");
    if (!o || !s)
        return;
    if (num_parse_size(o->text, &offset) && num_parse_size(s->text, &size) &&
        offset + size > UINT32_MAX) {
        merge_error(m, o->at, section, NULL, "ends past 4 GiB");
        return;
    }
    bool aligned = p->range.start % prof->sector == 0;
    /* Code with checksums may end inside a sector; the rest of that sector is nobody's. */
    bool whole = p->layout == LAYOUT_CRC34 || p->range.end % prof->sector == 0;
    if (m->kind != KIND_LAYOUT && (!aligned || !whole))
        merge_error(m, aligned ? s->at : o->at, section, aligned ? "size" : "offset",
                    "0x%x..0x%x is not aligned to the 0x%x sector%s", p->range.start, p->range.end,
                    prof->sector, set_at(sector ? sector->at : NULL, &where));
    if (prof->size && p->range.end > prof->size)
        merge_error(m, p->at, section, NULL, "ends at 0x%x, past the flash size 0x%x%s",
                    p->range.end, prof->size, set_at(prof->size_at, &where));
}

static void unknown_outer(struct merge *m, const struct bkf_profile *prof,
                          const struct merged_value *v, const char *section)
{
    const char *names[65];
    size_t n = 0;
    for (; n < prof->n_partitions && n < ARRAY_LEN(names) - 1; n++)
        names[n] = prof->partitions[n].name;
    names[n] = NULL;
    const char *near = suggest_word(v->text, names);
    merge_error(m, v->at, section, "within", "there is no partition '%s'%s%s%s", v->text,
                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void check_within(struct merge *m, const struct bkf_profile *prof,
                         const struct prof_partition *p)
{
    struct part_name n;
    const char *section = section_of(p, &n);
    const struct prof_partition *outer = outer_of(prof, p);
    const struct merged_value *v = merge_find(m, section, "within");
    if (!p->within || !v)
        return;
    if (!outer) {
        unknown_outer(m, prof, v, section);
        return;
    }
    if (nested(prof, p, p)) {
        merge_error(m, v->at, section, "within", "'%s' lies within itself", p->name);
        return;
    }
    if (placed(m, p) && placed(m, outer) && !range_contains(outer->range, p->range))
        merge_error(m, v->at, section, "within",
                    "0x%x..0x%x does not fit into '%s' (0x%x..0x%x at %s:%d)", p->range.start,
                    p->range.end, outer->name, outer->range.start, outer->range.end,
                    outer->at->file, outer->at->line);
}

/* Said where the later line is: the earlier one was there first. */
static void check_overlap(struct merge *m, const struct bkf_profile *prof,
                          const struct prof_partition *a, const struct prof_partition *b)
{
    struct part_name n;
    if (!placed(m, a) || !placed(m, b) || !range_overlaps(a->range, b->range) ||
        nested(prof, a, b) || nested(prof, b, a))
        return;
    bool inherits = strcmp(a->at->file, b->at->file) != 0;
    bool a_is_ours = inherits && strcmp(a->at->file, prof->file) == 0;
    if (a_is_ours || (!inherits && a->at->line > b->at->line)) {
        const struct prof_partition *t = a;
        a = b;
        b = t;
    }
    bool fits = range_contains(a->range, b->range);
    merge_error(m, b->at, section_of(b, &n), NULL,
                "0x%x..0x%x overlaps [partition:%s] (0x%x..0x%x) at %s:%d%s%s", b->range.start,
                b->range.end, a->name, a->range.start, a->range.end, a->at->file, a->at->line,
                fits ? "; if it is meant to lie inside, say within = " : "", fits ? a->name : "");
}

/* A partition that someone may want to write, but a route only reaches in part. */
static void check_windows(struct merge *m, const struct bkf_profile *prof,
                          const struct prof_partition *p)
{
    struct part_name n;
    for (size_t i = 0; i < prof->n_access; i++) {
        const struct prof_access *a = &prof->access[i];
        bkf_range have[8], missing[9];
        if (prof->size && p->range.end > prof->size)
            return; /* an error already */
        if (!a->has_program || p->protect || p->keep || !placed(m, p) || p->within)
            continue;
        size_t k = range_normalize(a->program, a->n_program, have);
        size_t gaps = range_subtract(p->range, have, k, missing);
        if (gaps && !(gaps == 1 && range_len(missing[0]) == range_len(p->range)))
            merge_warning(m, p->at, section_of(p, &n), NULL,
                          "only a part of it can be programmed over %s (not 0x%x..0x%x, see %s:%d)",
                          a->transport == TRANSPORT_SPI ? "spi" : "uart", missing[0].start,
                          missing[0].end, a->at->file, a->at->line);
    }
}

void profile_check_partitions(struct merge *m, const struct bkf_profile *prof)
{
    for (size_t i = 0; i < prof->n_partitions; i++) {
        check_place(m, prof, &prof->partitions[i]);
        check_within(m, prof, &prof->partitions[i]);
        check_windows(m, prof, &prof->partitions[i]);
        for (size_t k = 0; k < i; k++)
            check_overlap(m, prof, &prof->partitions[k], &prof->partitions[i]);
    }
}
