/* plan.c - from "this shall be in the flash" to erase and program steps, or to a refusal. */
#include "plan.h"
#include <stdlib.h>
#include <string.h>

/* ---- stage one: what can never hold ---- */

static bool allowed(const struct plan_input *in, const char *name)
{
    for (const char *const *a = in->allow; a && *a; a++)
        if (strcmp(*a, name) == 0)
            return true;
    return false;
}

static bool inside(const bkf_range *windows, size_t n, bkf_range r)
{
    for (size_t i = 0; i < n; i++)
        if (range_contains(windows[i], r))
            return true;
    return false;
}

static void refuse(struct diag_list *d, bkf_error *err, bkf_status st, const char *area,
                   const char *text)
{
    if (!d->errors)
        error_set(err, st, "%s", text);
    diag_add(d, DIAG_ERROR, NULL, 0, area, NULL, "%s", text);
}

static void check_bounds(const struct plan_input *in, struct diag_list *d, bkf_error *err)
{
    const struct plan_facts *f = &in->facts;
    bkf_range r = in->request;
    struct strbuf sb = STRBUF_INIT;
    if (r.start >= r.end)
        strbuf_addf(&sb, "0x%x..0x%x is empty", r.start, r.end);
    else if (r.end > f->size)
        strbuf_addf(&sb, "0x%x..0x%x goes past the end of the flash at 0x%x", r.start, r.end,
                    f->size);
    else if (r.start % f->sector || r.end % f->sector)
        strbuf_addf(&sb,
                    "0x%x..0x%x is not aligned to the 0x%x byte sectors; the nearest aligned "
                    "range is 0x%x..0x%x",
                    r.start, r.end, f->sector, r.start - r.start % f->sector,
                    (uint32_t)(((uint64_t)r.end + f->sector - 1) / f->sector * f->sector));
    if (sb.len)
        refuse(d, err, BKF_E_PARAM, NULL, sb.data);
    strbuf_free(&sb);
}

static void check_windows(const struct plan_input *in, const bkf_range *parts, size_t n,
                          struct diag_list *d, bkf_error *err)
{
    const struct plan_facts *f = &in->facts;
    for (size_t i = 0; i < n; i++) {
        bool erase = inside(f->erasable, f->n_erasable, parts[i]);
        bool program = inside(f->programmable, f->n_programmable, parts[i]);
        if (erase && (program || in->kind == PLAN_ERASE))
            continue;
        struct strbuf sb = STRBUF_INIT;
        strbuf_addf(&sb, "0x%x..0x%x cannot be %s on this route", parts[i].start, parts[i].end,
                    erase ? "programmed" : "erased");
        if (f->window_reason)
            strbuf_addf(&sb, ": %s", f->window_reason);
        if (sb.data)
            refuse(d, err, BKF_E_PROTECTED, NULL, sb.data);
        strbuf_free(&sb);
    }
}

static void check_areas(const struct plan_input *in, const bkf_range *parts, size_t n,
                        struct diag_list *d, bkf_error *err)
{
    for (size_t a = 0; a < in->facts.n_areas; a++) {
        const struct plan_area *area = &in->facts.areas[a];
        bool hit = false;
        for (size_t i = 0; i < n; i++)
            hit = hit || range_overlaps(area->range, parts[i]);
        if (!hit)
            continue;
        struct strbuf sb = STRBUF_INIT;
        const char *at = area->origin ? area->origin : "the profile";
        if (area->keep && !in->may_change_keep)
            strbuf_addf(&sb,
                        "%s (0x%x..0x%x) holds data that cannot be made again and is marked keep "
                        "in %s; leave it as it is with --preserve-keep",
                        area->name, area->range.start, area->range.end, at);
        else if (area->protect && !allowed(in, area->name))
            strbuf_addf(&sb,
                        "%s (0x%x..0x%x) is protected in %s; allow it with --allow-protected %s",
                        area->name, area->range.start, area->range.end, at, area->name);
        if (sb.len)
            refuse(d, err, BKF_E_PROTECTED, area->name, sb.data);
        strbuf_free(&sb);
    }
}

/* The request without the sectors of keep areas when those are to be preserved. */
static size_t wanted_parts(const struct plan_input *in, bkf_range *parts)
{
    const struct plan_facts *f = &in->facts;
    bkf_range *keep = calloc(f->n_areas + 1, sizeof *keep);
    size_t n = 0;
    if (!keep)
        return 0;
    for (size_t a = 0; in->preserve_keep && a < f->n_areas; a++) {
        if (!f->areas[a].keep)
            continue;
        /* An area that ends inside a sector keeps the whole sector. */
        bkf_range r = f->areas[a].range;
        uint64_t end = ((uint64_t)r.end + f->sector - 1) / f->sector * f->sector;
        r.start -= r.start % f->sector;
        r.end = end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
        keep[n++] = r;
    }
    n = range_normalize(keep, n, keep);
    n = range_subtract(in->request, keep, n, parts);
    free(keep);
    return n;
}

static bool facts_sane(const struct plan_facts *f)
{
    return f->page && f->sector && f->size && f->sector % f->page == 0 && f->size % f->sector == 0;
}

bkf_status plan_check(const struct plan_input *in, struct diag_list *diags, bkf_error *err)
{
    if (!facts_sane(&in->facts))
        return error_set(err, BKF_E_PARAM,
                         "flash of %u bytes with %u byte sectors and %u byte pages"
                         " makes no sense",
                         in->facts.size, in->facts.sector, in->facts.page);
    size_t before = diags->errors;
    check_bounds(in, diags, err);
    bkf_range *parts = calloc(in->facts.n_areas + 2, sizeof *parts);
    if (!parts)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    size_t n = wanted_parts(in, parts);
    if (diags->errors == before) {
        if (!n)
            refuse(diags, err, BKF_E_PROTECTED, NULL,
                   "nothing is left to do: the whole range is marked keep");
        check_windows(in, parts, n, diags, err);
        check_areas(in, parts, n, diags, err);
    }
    free(parts);
    if (diags->failed)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (diags->errors == before)
        return BKF_OK;
    return err && err->status ? err->status : BKF_E_PROTECTED;
}

/* ---- stage two: sector by sector ---- */

enum sector_state { SAME, CLEAR_BITS, NEEDS_ERASE, BECOMES_BLANK };

struct view { /* one sector's bytes; target NULL = all erased, current NULL = unknown */
    const uint8_t *current, *target;
    uint32_t len;
    uint8_t erased;
};

static bool all_erased(const uint8_t *p, uint32_t n, uint8_t erased)
{
    for (uint32_t i = 0; p && i < n; i++)
        if (p[i] != erased)
            return false;
    return true;
}

static enum sector_state classify(const struct view *v)
{
    bool blank = all_erased(v->target, v->len, v->erased);
    bool only_clear = v->current && v->erased == 0xFF;
    bool same = v->current != NULL;
    for (uint32_t i = 0; v->current && i < v->len; i++) {
        uint8_t want = v->target ? v->target[i] : v->erased;
        same = same && v->current[i] == want;
        only_clear = only_clear && (v->current[i] & want) == want;
    }
    if (same)
        return SAME;
    if (only_clear)
        return CLEAR_BITS;
    return blank ? BECOMES_BLANK : NEEDS_ERASE;
}

static struct view sector_view(const struct plan_input *in, uint32_t at, uint32_t len)
{
    size_t off = at - in->request.start;
    struct view v = { in->current ? in->current + off : NULL, in->target ? in->target + off : NULL,
                      len, in->facts.erased };
    return v;
}

static bool grow(void **items, size_t *cap, size_t n, size_t size)
{
    if (*items && n < *cap)
        return true;
    size_t want = *cap ? *cap * 2 : 64;
    void *p = realloc(*items, want * size);
    if (!p)
        return false;
    *items = p;
    *cap = want;
    return true;
}

static bool add_step(struct plan *p, enum plan_step_kind kind, bkf_range r)
{
    struct plan_step *last = p->n_steps ? &p->steps[p->n_steps - 1] : NULL;
    const struct plan_group *g = &p->groups[p->n_groups - 1];
    if (last && p->n_steps > g->first && kind == STEP_PROGRAM && last->kind == kind &&
        last->range.end == r.start) {
        last->range.end = r.end;
        return true;
    }
    void *steps = p->steps;
    if (!grow(&steps, &p->cap_steps, p->n_steps, sizeof *p->steps))
        return false;
    p->steps = steps;
    ((struct plan_step *)steps)[p->n_steps++] = (struct plan_step){ kind, r };
    p->groups[p->n_groups - 1].n++;
    return true;
}

static bool open_group(struct plan *p, bkf_range r)
{
    void *groups = p->groups;
    if (!grow(&groups, &p->cap_groups, p->n_groups, sizeof *p->groups))
        return false;
    p->groups = groups;
    ((struct plan_group *)groups)[p->n_groups++] = (struct plan_group){ r, p->n_steps, 0 };
    return true;
}

/* Pages that must be programmed; from = contents before (NULL = just erased). */
static bool program_pages(const struct plan_input *in, struct plan *p, bkf_range r,
                          bool after_erase)
{
    uint32_t page = in->facts.page;
    for (uint32_t at = r.start; at < r.end; at += page) {
        struct view v = sector_view(in, at, page);
        bool skip = after_erase ? all_erased(v.target, page, v.erased) : classify(&v) == SAME;
        if (skip)
            continue;
        if (!add_step(p, STEP_PROGRAM, (bkf_range){ at, at + page }))
            return false;
        p->program_bytes += page;
        p->program_us += in->facts.program_page_us;
    }
    return true;
}

struct erase_size {
    uint32_t bytes, us;
};

/* The largest erase that starts at r.start and lies wholly inside r. */
static struct erase_size pick_erase(const struct plan_facts *f, bkf_range r)
{
    const struct erase_size sizes[] = { { 0x10000, f->erase_64k_us }, { 0x8000, f->erase_32k_us } };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        if (sizes[i].us && sizes[i].bytes > f->sector && r.start % sizes[i].bytes == 0 &&
            range_len(r) >= sizes[i].bytes)
            return sizes[i];
    return (struct erase_size){ f->sector, f->erase_4k_us };
}

/* A run of sectors that all need an erase. */
static bool plan_erase_run(const struct plan_input *in, struct plan *p, bkf_range run)
{
    while (run.start < run.end) {
        struct erase_size e = pick_erase(&in->facts, run);
        bkf_range block = { run.start, run.start + e.bytes };
        if (!open_group(p, block) || !add_step(p, STEP_ERASE, block) ||
            !program_pages(in, p, block, true))
            return false;
        p->erase_bytes += e.bytes;
        p->erase_us += e.us;
        run.start = block.end;
    }
    return true;
}

static bool plan_part(const struct plan_input *in, struct plan *p, bkf_range part)
{
    uint32_t sector = in->facts.sector;
    bkf_range run = { part.start, part.start };
    for (uint32_t at = part.start; at < part.end; at += sector) {
        struct view v = sector_view(in, at, sector);
        enum sector_state s = classify(&v);
        if (s == CLEAR_BITS && in->facts.erase_first)
            s = NEEDS_ERASE;
        bool erase = s == NEEDS_ERASE || s == BECOMES_BLANK;
        if (erase) {
            run.end = at + sector;
            p->erase_program += s == NEEDS_ERASE;
            p->erase_only += s == BECOMES_BLANK;
            continue;
        }
        if (!plan_erase_run(in, p, run))
            return false;
        run.start = run.end = at + sector;
        p->equal += s == SAME && !(in->skip && in->skip[(at - in->request.start) / sector]);
        if (s == CLEAR_BITS) {
            bkf_range r = { at, at + sector };
            p->program_only++;
            if (!open_group(p, r) || !program_pages(in, p, r, false))
                return false;
        }
    }
    return plan_erase_run(in, p, run);
}

bkf_status plan_make(const struct plan_input *in, struct plan *p, struct diag_list *diags,
                     bkf_error *err)
{
    *p = (struct plan){ .kind = in->kind, .request = in->request };
    bkf_status st = plan_check(in, diags, err);
    if (st)
        return st;
    bkf_range *parts = calloc(in->facts.n_areas + 2, sizeof *parts);
    p->kept = calloc(in->facts.n_areas + 2, sizeof *p->kept);
    bool ok = parts && p->kept;
    size_t n = ok ? wanted_parts(in, parts) : 0;
    for (size_t i = 0; ok && i < n; i++)
        ok = plan_part(in, p, parts[i]);
    if (ok)
        p->n_kept = range_subtract(in->request, parts, n, p->kept);
    free(parts);
    if (!ok)
        return error_set(err, BKF_E_NOMEM, "out of memory for the plan");
    if (in->facts.write_rate)
        p->program_us += p->program_bytes * 1000000 / in->facts.write_rate;
    for (size_t i = 0; in->facts.verify_rate && i < p->n_groups; i++)
        p->verify_us += (uint64_t)range_len(p->groups[i].range) * 1000000 / in->facts.verify_rate;
    return BKF_OK;
}

void plan_free(struct plan *p)
{
    free(p->steps);
    free(p->groups);
    free(p->kept);
    *p = (struct plan){ 0 };
}

size_t plan_touched(const struct plan *p, bkf_range *out)
{
    for (size_t i = 0; i < p->n_groups; i++)
        out[i] = p->groups[i].range;
    return range_normalize(out, p->n_groups, out);
}
