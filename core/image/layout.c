/* Looking things up in a layout. */
#include "layout.h"
#include <string.h>

const struct image_partition *layout_find(const struct image_layout *l, const char *name)
{
    for (size_t i = 0; l && i < l->n_parts; i++)
        if (strcmp(l->part[i].name, name) == 0)
            return &l->part[i];
    return NULL;
}
