/* code_areas.h - where on this flash code may lie. */
#ifndef CORE_SESSION_CODE_AREAS_H
#define CORE_SESSION_CODE_AREAS_H
#include "change.h"

enum { AREAS_MAX = 64 };
struct code_area {
    char name[96]; /* with the layout, where it is not the profile's */
    bkf_range range;
    bool guessed; /* by a layout: data there is remarked on, not refused */
};
struct code_areas {
    struct code_area item[AREAS_MAX];
    size_t n;
};

/* Needs c->layouts.  Where the profile's own map is silent, every layout known of this chip
 * counts; of the size of this flash, if there are such. */
void code_areas_find(const struct change *c, struct code_areas *out);

#endif
