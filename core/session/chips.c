/* chips.c - the chip profiles that go by a name that an image's bootloader gives. */
#include "chips.h"
#include "../profile/find.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loading {
    const struct profile_env *env;
    const char *text; /* what the bootloader says */
    struct strbuf names;
    struct chip_set *out;
    bool differ, nomem;
};

static bool is_meant(const struct loading *l, const char *names)
{
    const char *text = l->text;
    char name[CHIP_NAME];
    while (names && chip_name_next(&text, name))
        if (chip_goes_by(names, name))
            return true;
    return false;
}

static void take(struct loading *l, const struct bkf_profile *p)
{
    struct chip_set *s = l->out;
    const char *marker = p->chip_marker;
    bool first = l->names.len == 0;
    strbuf_addf(&l->names, "%s%s", first ? "" : ", ", p->chip_names);
    if (marker && strcmp(marker, "none") == 0)
        marker = "";
    l->differ |= !marker || (!first && strcmp(marker, s->marker) != 0);
    if (marker)
        snprintf(s->marker, sizeof s->marker, "%s", marker);
}

static void on_chip(void *ud, const struct profile_found *f)
{
    struct loading *l = ud;
    struct diag_list ignored = { 0 };
    struct bkf_profile *p;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = profile_load(l->env, f->path, &ignored, &p, &err);
    l->nomem |= st == BKF_E_NOMEM;
    if (!st && is_meant(l, p->chip_names))
        take(l, p);
    if (!st)
        profile_free(p);
    diag_free(&ignored);
}

void chips_free(struct chip_set *s)
{
    free(s->names);
    s->names = NULL;
}

bkf_status chips_load(const struct profile_env *env, const struct image_facts *f,
                      struct chip_set *out, bkf_error *err)
{
    struct loading l = { .env = env, .out = out, .names = STRBUF_INIT };
    *out = (struct chip_set){ .names = NULL };
    l.text = f->boot.version[0] ? f->boot.version : f->boot.fingerprint;
    if (!l.text)
        return BKF_OK;
    bkf_status st = profile_find_in(env, "chips", on_chip, &l, err);
    if (!st && (l.nomem || l.names.failed))
        st = error_set(err, BKF_E_NOMEM, "out of memory while reading the chips' profiles");
    out->has_marker = l.names.len && !l.differ;
    if (!st && l.names.len)
        out->names = strbuf_take(&l.names);
    strbuf_free(&l.names);
    return st;
}
