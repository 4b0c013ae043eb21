/* part.c - finding a part in the table. */
#include "part.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct nor_part *nor_part_by_jedec(const struct nor_part_table *t, uint32_t jedec)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].jedec == jedec)
            return &t->items[i];
    return NULL;
}

const struct nor_part *nor_part_by_name(const struct nor_part_table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcasecmp(t->items[i].name, name) == 0)
            return &t->items[i];
    return NULL;
}

const char *nor_part_value(const struct nor_part *p, const char *key)
{
    for (size_t i = 0; i < p->n_keys; i++)
        if (strcmp(p->keys[i].key, key) == 0)
            return p->keys[i].value;
    return NULL;
}
