/* code_areas.c - places for code, from the board's map and from the layouts of its chip. */
#include "code_areas.h"
#include <stdio.h>

static bool in_own_map(const struct bkf_profile *p, uint32_t at)
{
    for (size_t i = 0; i < p->n_partitions; i++)
        if (at >= p->partitions[i].range.start && at < p->partitions[i].range.end)
            return true;
    return false;
}

static void add_area(struct code_areas *a, const char *name, const char *layout, bkf_range r)
{
    if (a->n == ARRAY_LEN(a->item))
        return;
    struct code_area *area = &a->item[a->n++];
    area->range = r;
    area->guessed = layout != NULL;
    snprintf(area->name, sizeof area->name, layout ? "%s (layout %s)" : "%s", name, layout);
}

static bool starts_code(const struct image_layout *l, uint32_t at)
{
    for (size_t i = 0; i < l->n_parts; i++)
        if (l->part[i].domain == DOMAIN_CRC && l->part[i].range.start == at)
            return true;
    return false;
}

/* Is it a layout that this flash may have?  at: a place for code in it.  While the size of the
 * flash is not known only a place counts that all layouts have. */
static bool may_be(const struct change *c, const struct image_layout *layout, uint32_t at)
{
    const struct layout_set *l = &c->layouts;
    bool sized = false, common = true;
    for (size_t i = 0; i < l->n; i++) {
        sized |= l->items[i].flash_size == c->size;
        common &= starts_code(&l->items[i], at);
    }
    return c->size_unknown ? common : !sized || layout->flash_size == c->size;
}

void code_areas_find(const struct change *c, struct code_areas *out)
{
    const struct bkf_profile *p = c->s->profile;
    for (size_t i = 0; i < p->n_partitions; i++)
        if (p->partitions[i].layout == LAYOUT_CRC34)
            add_area(out, p->partitions[i].name, NULL, p->partitions[i].range);
    for (size_t i = 0; i < c->layouts.n; i++)
        for (size_t k = 0; k < c->layouts.items[i].n_parts; k++) {
            const struct image_layout *l = &c->layouts.items[i];
            const struct image_partition *q = &l->part[k];
            if (q->domain == DOMAIN_CRC && !in_own_map(p, q->range.start) &&
                may_be(c, l, q->range.start))
                add_area(out, q->name, l->name, q->range);
        }
}
