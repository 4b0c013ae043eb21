/* access.c - looking things up in a loaded profile. */
#include "profile.h"
#include <string.h>

const char *profile_value(const struct bkf_profile *p, const char *section, const char *key,
                          const struct origin **at)
{
    for (size_t i = 0; i < p->n_values; i++) {
        const struct prof_value *v = &p->values[i];
        if (strcmp(v->section, section) == 0 && strcmp(v->key, key) == 0) {
            if (at)
                *at = v->at;
            return v->text;
        }
    }
    return NULL;
}

const struct prof_route *profile_route(const struct bkf_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n_routes; i++)
        if (strcmp(p->routes[i].name, name ? name : "") == 0)
            return &p->routes[i];
    return NULL;
}

const struct prof_partition *profile_partition(const struct bkf_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n_partitions; i++)
        if (strcmp(p->partitions[i].name, name) == 0)
            return &p->partitions[i];
    return NULL;
}

const struct prof_access *profile_access(const struct bkf_profile *p, enum transport t)
{
    for (size_t i = 0; i < p->n_access; i++)
        if (p->access[i].transport == t)
            return &p->access[i];
    return NULL;
}
