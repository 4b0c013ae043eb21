/* layouts.c - profiles of kind layout, and boards, as image layouts. */
#include "layouts.h"
#include "../profile/find.h"
#include <stdlib.h>
#include <string.h>

static void copy_text(char *to, size_t cap, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    n = n < cap ? n : cap - 1;
    if (n)
        memcpy(to, from, n);
    to[n] = '\0';
}

static const struct prof_partition *with_role(const struct bkf_profile *p, const char *role)
{
    for (size_t i = 0; i < p->n_partitions; i++)
        if (p->partitions[i].role && strcmp(p->partitions[i].role, role) == 0)
            return &p->partitions[i];
    return NULL;
}

static enum image_domain domain_of(enum layout l)
{
    return l == LAYOUT_CRC34 ? DOMAIN_CRC : l == LAYOUT_RAW ? DOMAIN_RAW : DOMAIN_UNKNOWN;
}

static void copy_partition(struct image_partition *to, const struct prof_partition *p)
{
    *to = (struct image_partition){
        .range = p->range,
        .domain = domain_of(p->layout),
        .logical = p->logical,
        .policy = p->protect ? POLICY_NEVER
                  : p->keep  ? POLICY_BACKUP
                             : POLICY_WRITE,
    };
    copy_text(to->name, sizeof to->name, p->name);
}

bool layout_of_profile(const struct bkf_profile *p, struct image_layout *out)
{
    const struct prof_partition *rf = with_role(p, "rf-calibration"),
                                *meta = with_role(p, "ota-meta"), *keys = with_role(p, "keys");
    const struct prof_layout *l = &p->layout;
    if (!p->size || p->n_partitions > LAYOUT_PARTS)
        return false;
    *out = (struct image_layout){
        .flash_size = p->size,
        .rf_offset = l->has_rf           ? l->rf
                     : rf && !l->scan_rf ? rf->range.start
                                         : IMAGE_NOWHERE,
        .kv_offset = l->has_kv ? l->kv
                     : keys    ? keys->range.start
                               : IMAGE_NOWHERE,
        .ota_meta = l->ota_magic && meta ? meta->range.start : IMAGE_NOWHERE,
        .ota_magic = l->ota_magic,
        .n_parts = p->n_partitions,
    };
    copy_text(out->name, sizeof out->name, p->name);
    copy_text(out->title, sizeof out->title, p->title ? p->title : p->name);
    if (l->code_key && strcmp(l->code_key, "unknown") != 0)
        copy_text(out->key, sizeof out->key, l->code_key);
    for (size_t i = 0; i < p->n_partitions; i++)
        copy_partition(&out->part[i], &p->partitions[i]);
    return true;
}

/* -- all of them ------------------------------------------------------------------------- */

struct loading {
    const struct profile_env *env;
    const struct bkf_profile *board;
    struct diag_list *diags;
    struct layout_set *out;
    size_t cap;
    bool nomem;
};

static void add(struct loading *l, const struct bkf_profile *p)
{
    struct layout_set *s = l->out;
    if (s->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 32;
        struct image_layout *items = realloc(s->items, cap * sizeof *items);
        if (!items) {
            l->nomem = true;
            return;
        }
        s->items = items;
        l->cap = cap;
    }
    s->n += layout_of_profile(p, &s->items[s->n]);
}

static bool fits_chip(const struct loading *l, const struct bkf_profile *layout)
{
    if (!l->board || !l->board->chip_name)
        return true;
    for (size_t i = 0; i < layout->layout.n_chips; i++)
        if (strcmp(layout->layout.chips[i], l->board->chip_name) == 0)
            return true;
    return false;
}

static void on_layout(void *ud, const struct profile_found *f)
{
    struct loading *l = ud;
    struct bkf_profile *p;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = l->nomem ? BKF_E_NOMEM : profile_load(l->env, f->path, l->diags, &p, &err);
    l->nomem |= st == BKF_E_NOMEM;
    if (st)
        return; /* the findings say why */
    if (strcmp(p->kind, "layout") == 0 && fits_chip(l, p))
        add(l, p);
    profile_free(p);
}

void layouts_free(struct layout_set *s)
{
    free(s->items);
    *s = (struct layout_set){ NULL, 0 };
}

bkf_status layouts_load(const struct profile_env *env, const struct bkf_profile *board,
                        struct diag_list *diags, struct layout_set *out, bkf_error *err)
{
    struct loading l = { .env = env, .board = board, .diags = diags, .out = out };
    *out = (struct layout_set){ NULL, 0 };
    if (board && with_role(board, "app"))
        add(&l, board);
    bkf_status st = profile_find_in(env, "layouts", on_layout, &l, err);
    if (!st && l.nomem)
        st = error_set(err, BKF_E_NOMEM, "out of memory while reading the flash layouts");
    if (st)
        layouts_free(out);
    return st;
}
