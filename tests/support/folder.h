/* folder.h - a folder in memory for the extractor and the packer. */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H
#include "core/base/base.h"
#include <stdlib.h>
#include <string.h>

struct folder {
    struct {
        char name[96];
        uint8_t *p;
        size_t n;
    } file[64];
    size_t n;
    size_t largest; /* biggest file put */
};

static inline bkf_status folder_put(void *ud, const char *name, const uint8_t *p, size_t n,
                                    bkf_error *err)
{
    struct folder *d = ud;
    if (d->n == 64)
        return error_set(err, BKF_E_FILE, "too many files");
    strncpy(d->file[d->n].name, name, 95);
    d->file[d->n].p = malloc(n + 1);
    memcpy(d->file[d->n].p, p, n);
    d->file[d->n].n = n;
    d->n++;
    d->largest = n > d->largest ? n : d->largest;
    return BKF_OK;
}
static inline int folder_find(const struct folder *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->file[i].name, name) == 0)
            return (int)i;
    return -1;
}
static inline bkf_status folder_get(void *ud, const char *name, uint8_t **p, size_t *n,
                                    bkf_error *err)
{
    struct folder *d = ud;
    int i = folder_find(d, name);
    if (i < 0)
        return error_set(err, BKF_E_FILE, "no file %s", name);
    *p = malloc(d->file[i].n + 1);
    memcpy(*p, d->file[i].p, d->file[i].n);
    *n = d->file[i].n;
    return BKF_OK;
}
static inline void folder_free(struct folder *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->file[i].p);
    memset(d, 0, sizeof *d);
}
#endif
