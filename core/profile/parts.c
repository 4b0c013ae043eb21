/* parts.c - flash parts from their INI files. */
#include "build.h"
#include "find.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *get(const struct merge *m, const char *section, const char *key)
{
    const struct merged_value *v = merge_find(m, section, key);
    return v ? v->text : NULL;
}

static uint32_t mask(const struct merge *m, const char *key)
{
    uint64_t v;
    const char *s = get(m, "part", key);
    return s && num_parse_u64(s, &v) ? (uint32_t)v : 0;
}

static uint32_t size(const struct merge *m, const char *key, uint32_t dflt)
{
    uint64_t v;
    const char *s = get(m, "part", key);
    return s && num_parse_size(s, &v) ? (uint32_t)v : dflt;
}

static bool yes(const struct merge *m, const char *key)
{
    const char *s = get(m, "part", key);
    return s && strcmp(s, "yes") == 0;
}

static struct time_pair times(const struct merge *m, const char *key)
{
    struct time_pair t = { 0, 0 };
    const char *s = get(m, "timing", key);
    if (s)
        value_times(s, &t);
    return t;
}

static void build_status(struct merge *m, struct nor_part *p)
{
    const struct merged_value *rd = merge_find(m, "part", "sr_read"),
                              *wr = merge_find(m, "part", "sr_write");
    size_t n_rd = 0, n_wr = 0;
    if (rd)
        value_bytes(rd->text, p->sr_read, 3, &n_rd);
    if (wr)
        value_bytes(wr->text, p->sr_write, 3, &n_wr);
    p->sr_count = (uint8_t)n_rd;
    if (rd && wr && n_wr > n_rd)
        merge_error(m, wr->at, "part", "sr_write", "%zu opcodes for %zu status registers", n_wr,
                    n_rd);
    p->wrsr_two_bytes = yes(m, "sr_write_both");
    p->volatile_50 = yes(m, "sr_volatile");
    if (rd && p->wrsr_two_bytes && n_rd < 2)
        merge_error(m, rd->at, "part", "sr_write_both", "there is only one status register");
}

/* Masks may only name bits of registers that exist, and must not contradict each other. */
static void build_masks(struct merge *m, struct nor_part *p)
{
    static const char *const keys[] = { "protect_mask", "keep_mask", "qe_mask",
                                        "cmp_mask",     "srp_mask",  "lock_mask" };
    uint32_t *const to[] = { &p->protect_mask, &p->keep_mask, &p->qe_mask,
                             &p->cmp_mask,     &p->srp_mask,  &p->lock_mask };
    uint32_t known = p->sr_count ? (1u << (8 * p->sr_count)) - 1u : 0xFFFFFF;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct merged_value *v = merge_find(m, "part", keys[i]);
        *to[i] = mask(m, keys[i]);
        if (v && (*to[i] & ~known))
            merge_error(m, v->at, "part", keys[i], "0x%X has bits beyond %u status register%s",
                        *to[i], p->sr_count, p->sr_count == 1 ? "" : "s");
        if (v && (*to[i] & 3))
            merge_error(m, v->at, "part", keys[i], "0x%X covers WIP or WEL", *to[i]);
    }
    const struct merged_value *keep = merge_find(m, "part", "keep_mask");
    if (keep && (p->keep_mask & p->protect_mask))
        merge_error(m, keep->at, "part", "keep_mask", "shares bits 0x%X with protect_mask",
                    p->keep_mask & p->protect_mask);
}

static void build_erase(struct merge *m, struct nor_part *p)
{
    static const struct {
        uint32_t size;
        const char *key;
    } timed[] = { { 4096, "erase_4k" }, { 32768, "erase_32k" }, { 65536, "erase_64k" } };
    struct erase_op ops[4];
    size_t n = 0;
    const struct merged_value *v = merge_find(m, "part", "erase");
    if (!v || !value_erase(v->text, ops, ARRAY_LEN(ops), &n))
        return;
    for (size_t i = 0; i < n; i++) {
        struct time_pair t = times(m, "erase_64k");
        for (size_t k = 0; k < ARRAY_LEN(timed); k++)
            if (timed[k].size == ops[i].size)
                t = times(m, timed[k].key);
        if (!t.max_us && !merge_tainted(m, "timing"))
            merge_error(m, v->at, "part", "erase", "[timing] does not say how long %u bytes take",
                        ops[i].size);
        p->erase[i] = (struct nor_erase){ ops[i].size, ops[i].opcode, t.typ_us, t.max_us };
    }
    if (ops[0].size != 4096)
        merge_error(m, v->at, "part", "erase", "the smallest erase must be 4K");
}

static void build_times(struct merge *m, struct nor_part *p)
{
    struct time_pair t = times(m, "program");
    p->program_typ_us = t.typ_us;
    p->program_max_us = t.max_us;
    t = times(m, "status_write");
    p->status_write_typ_us = t.typ_us;
    p->status_write_max_us = t.max_us;
    t = times(m, "chip_erase");
    struct time_pair per = times(m, "chip_erase_per_mib");
    const struct merged_section *s = merge_section(m, "timing");
    if (!t.max_us && per.max_us) {
        uint64_t typ = (uint64_t)per.typ_us * p->size >> 20,
                 max = (uint64_t)per.max_us * p->size >> 20;
        t.typ_us = typ > UINT32_MAX ? UINT32_MAX : (uint32_t)typ;
        t.max_us = max > UINT32_MAX ? UINT32_MAX : (uint32_t)max;
    }
    if (!t.max_us && s && !merge_tainted(m, "timing"))
        merge_error(m, s->at, "timing", "chip_erase", "is missing (or chip_erase_per_mib)");
    p->chip_erase_typ_us = t.typ_us;
    p->chip_erase_max_us = t.max_us;
}

static bool build_keys(struct merge *m, struct nor_part *p)
{
    struct nor_part_key *keys = NULL;
    size_t cap = 0;
    for (size_t i = 0; i < m->n_values; i++) {
        const struct merged_value *v = &m->values[i];
        bool timing = strcmp(v->section, "timing") == 0;
        if (!timing && strcmp(v->section, "part") != 0)
            continue;
        struct nor_part_key *k = arena_push(m->arena, &keys, &p->n_keys, &cap, sizeof *k);
        char *name = arena_alloc(m->arena, strlen(v->key) + 8);
        if (!k || !name)
            return false;
        bool prefix = timing && strcmp(v->key, "name") != 0;
        snprintf(name, strlen(v->key) + 8, "%s%s", prefix ? "timing." : "",
                 timing && !prefix ? "timing" : v->key);
        *k = (struct nor_part_key){ name, v->text };
    }
    p->keys = keys;
    return true;
}

bool part_build(struct merge *m, struct nor_part *p)
{
    uint64_t hz;
    uint32_t id;
    uint8_t b;
    const char *jedec = get(m, "part", "jedec"), *clock = get(m, "part", "clock"),
               *chip_erase = get(m, "part", "chip_erase");
    *p = (struct nor_part){
        .name = get(m, "part", "name"),
        .file = m->files[0],
        .jedec = jedec && num_parse_hex_id(jedec, &id) ? id : 0,
        .page = size(m, "page", 256),
        .size = size(m, "size", 0),
        .bp_style = get(m, "part", "bp_style"),
        .chip_erase_opcode = chip_erase && value_byte(chip_erase, &b) ? b : 0,
        .max_hz = clock && num_parse_hz(clock, &hz) ? (uint32_t)hz : 0,
        .unique_id = get(m, "part", "unique_id"),
        .timing = get(m, "timing", "name"),
        .note = get(m, "part", "note"),
    };
    p->bp_style = p->bp_style ? p->bp_style : "none";
    p->unique_id = p->unique_id ? p->unique_id : "none";
    build_status(m, p);
    build_masks(m, p);
    build_erase(m, p);
    build_times(m, p);
    return build_keys(m, p);
}

/* -- the whole table -------------------------------------------------------------------- */

void nor_part_table_free(struct nor_part_table *t)
{
    arena_free(t->arena);
    *t = (struct nor_part_table){ 0 };
}

struct table {
    const struct profile_env *env;
    struct diag_list *diags;
    struct nor_part_table *out;
    size_t cap;
    bool nomem;
};

static void add_part(struct table *t, const char *path)
{
    struct arena *arena = t->out->arena;
    struct merge *m = arena_alloc(arena, sizeof *m);
    struct bkf_profile *p = arena_alloc(arena, sizeof *p);
    const char *file = arena_dup(arena, path);
    struct nor_part part;
    uint8_t *text = NULL;
    size_t len = 0, before = t->diags->errors;
    bkf_error err = BKF_ERROR_INIT;
    if (!m || !p || !file) {
        t->nomem = true;
        return;
    }
    bkf_status st = file_read(path, READER_MAX_FILE, &text, &len, &err);
    t->nomem |= st == BKF_E_NOMEM;
    if (st) {
        finding_add(t->diags, DIAG_ERROR, path, 0, NULL, NULL, "%s", err.message);
        return;
    }
    const struct merge_file_id none = { .known = false };
    *m = (struct merge){ .env = t->env, .diags = t->diags, .arena = arena };
    bool ok = merge_text(m, file, (const char *)text, len, &none) && profile_build(m, p);
    free(text);
    t->nomem |= !ok;
    if (!ok || m->kind == KIND_FAMILY)
        return; /* families are only there to be included */
    if (m->kind && m->kind != KIND_FLASH)
        finding_add(t->diags, DIAG_ERROR, file, 0, "profile", "kind",
                    "a %s profile among the parts", kind_name(m->kind));
    profile_check(m, p);
    if (t->diags->errors != before || !part_build(m, &part))
        return;
    struct nor_part *slot = arena_push(arena, &t->out->items, &t->out->n, &t->cap, sizeof *slot);
    if (slot)
        *slot = part;
    t->nomem |= !slot;
}

static void add_found(void *ud, const struct profile_found *f)
{
    struct table *t = ud;
    if (!t->nomem)
        add_part(t, f->path);
}

bkf_status profile_parts_load(const struct profile_env *env, struct diag_list *diags,
                              struct nor_part_table *out, bkf_error *err)
{
    *out = (struct nor_part_table){ .arena = arena_new() };
    struct table t = { .env = env, .diags = diags, .out = out, .nomem = !out->arena };
    bkf_status st = t.nomem ? BKF_E_NOMEM : profile_find_in(env, "flash", add_found, &t, err);
    if (!st && (t.nomem || diags->failed || arena_failed(out->arena)))
        st = error_set(err, BKF_E_NOMEM, "out of memory while reading the flash parts");
    if (st)
        nor_part_table_free(out);
    else
        diag_sort(diags);
    return st;
}
