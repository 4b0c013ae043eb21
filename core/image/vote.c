/* Which layout fits: every candidate collects points for and against; what disagrees is said,
 * not decided in silence. */
#include "bytes.h"
#include "crc34.h"
#include "inspect.h"
#include <stdio.h>

enum { WEAK = 1, STRONG = 3, PROOF = 5, NEEDED = 4 };

static int vote_fal(const struct image_facts *f, const struct image_layout *l)
{
    int score = 0;
    const struct fal_table *t = &f->boot.fal;
    for (size_t i = 0; i < t->n; i++) {
        const struct image_partition *p = layout_find(l, t->entry[i].name);
        if (!p)
            score -= WEAK;
        else if (p->range.start != t->entry[i].physical.start)
            score -= STRONG;
        else
            score += p->range.end == t->entry[i].physical.end ? STRONG : WEAK;
    }
    if (f->boot.present && t->n == 0 && l->ota_meta != IMAGE_NOWHERE)
        score += WEAK;
    return score;
}

static bool rf_at(const struct image_facts *f, uint32_t offset)
{
    for (size_t i = 0; i < f->n_rf; i++)
        if (f->rf[i].offset + f->base == offset)
            return true;
    return false;
}

static int vote_data(const struct image_facts *f, const struct image_layout *l)
{
    int score = 0;
    if (f->n_rf && l->rf_offset != IMAGE_NOWHERE)
        score += rf_at(f, l->rf_offset) ? STRONG : -STRONG;
    if (f->kv && l->kv_offset != IMAGE_NOWHERE)
        score += f->kv->key_block + f->base == l->kv_offset ? STRONG : -STRONG;
    else if (f->kv)
        score -= WEAK;
    const struct image_partition *cfg = layout_find(l, "obk_cfg");
    bool cfg_found = false;
    for (size_t i = 0; i < f->n_obk; i++)
        cfg_found |= cfg && f->obk[i].offset + f->base == cfg->range.start;
    if (f->n_obk)
        score += cfg_found ? PROOF : -WEAK;
    else if (cfg)
        score -= STRONG; /* nothing of this firmware's own is there */
    return score;
}

static int vote_slots(const struct image_facts *f, const struct image_layout *l)
{
    if (l->ota_meta == IMAGE_NOWHERE || f->base != 0 || l->ota_meta + 4u > f->data_len)
        return 0;
    const struct image_partition *app2 = layout_find(l, "app2");
    int score = le32(f->data + l->ota_meta) == l->ota_magic ? PROOF : -STRONG;
    if (app2 && app2->range.start + (size_t)CRC34_BLOCK <= f->data_len &&
        crc34_check(f->data + app2->range.start) == CRC34_GOOD &&
        crypt_guess(app2->logical, f->data + app2->range.start))
        score += STRONG;
    return score;
}

static int vote_container(const struct image_facts *f, const struct image_layout *l)
{
    int score = 0;
    const struct image_partition *app = layout_find(l, "app");
    for (size_t i = 0; i < f->n_rbl; i++)
        if (f->rbl[i].found.packed && strcmp(f->rbl[i].found.header.name, "app") == 0 && app)
            score += f->rbl[i].partition.end == app->range.end ? WEAK : -WEAK;
    return score;
}

static int vote(const struct image_facts *f, const struct image_layout *l)
{
    int score = 0;
    bool whole = f->kind == KIND_DUMP || f->kind == KIND_DUMP_TURNED;
    size_t end = f->base + f->data_len;
    bool complete = end >= 0x100000 && (end & (end - 1)) == 0;
    if (complete && (whole || f->kind == KIND_DUMP_APP))
        score += end == l->flash_size ? WEAK : -2 * PROOF;
    else if (end > l->flash_size)
        score -= 2 * PROOF;
    const struct code_key *key = f->boot.key.state != KEY_UNKNOWN ? &f->boot.key : &f->app.key;
    if (key->state != KEY_UNKNOWN && l->key[0])
        score += key->name && strcmp(key->name, l->key) == 0 ? WEAK : -STRONG;
    return score + vote_fal(f, l) + vote_data(f, l) + vote_slots(f, l) + vote_container(f, l);
}

/* The next partition without CRC blocks that lies inside part and ends after pos. */
static bkf_range next_hole(const struct image_layout *l, const struct image_partition *part,
                           uint32_t pos, uint32_t end)
{
    bkf_range hole = { end, end };
    for (size_t i = 0; i < l->n_parts; i++) {
        const struct image_partition *q = &l->part[i];
        if (q != part && q->domain != DOMAIN_CRC && range_contains(part->range, q->range) &&
            q->range.end > pos && q->range.start < hole.start)
            hole = q->range;
    }
    return hole;
}

/* Blocks of a code partition but for what is nested in it and is no code. */
static void code_state(const struct image_facts *f, const struct image_partition *part, bkf_range r,
                       struct part_fact *s)
{
    uint32_t pos = r.start;
    while (pos < r.end) {
        bkf_range hole = next_hole(f->layout, part, pos, r.end);
        uint32_t stop = hole.start < r.end ? hole.start : r.end;
        uint32_t whole = (stop - r.start) / CRC34_BLOCK * CRC34_BLOCK + r.start;
        struct crc34_stat st;
        if (whole > pos) {
            crc34_stat(f->data + (pos - f->base), whole - pos, &st);
            s->good += st.good;
            s->erased += st.erased;
            s->bad += st.bad;
            if (st.first_bad != SIZE_MAX && s->first_bad == IMAGE_NOWHERE)
                s->first_bad = pos + (uint32_t)st.first_bad;
        }
        uint32_t next =
            (hole.end - r.start + CRC34_BLOCK - 1) / CRC34_BLOCK * CRC34_BLOCK + r.start;
        pos = hole.start < r.end && next > pos ? next : r.end;
    }
}

static void part_state(struct image_facts *f, const struct image_partition *part)
{
    struct part_fact *s = &f->part[f->n_parts++];
    *s = (struct part_fact){ .part = part, .first_bad = IMAGE_NOWHERE };
    bkf_range have = { f->base, (uint32_t)(f->base + f->data_len) };
    bkf_range r = range_intersect(have, part->range);
    s->outside = range_len(r) == 0;
    if (s->outside)
        return;
    const uint8_t *p = f->data + (r.start - f->base);
    s->blank = bytes_are(p, range_len(r), 0xFF);
    s->entropy = entropy_of(p, range_len(r));
    if (part->domain != DOMAIN_CRC || r.start != part->range.start)
        return;
    code_state(f, part, r, s);
    struct code_key key;
    if (range_len(r) < CRC34_BLOCK || crc34_check(p) != CRC34_GOOD ||
        f->boot.key.state == KEY_UNKNOWN)
        return;
    code_key_guess(part->logical, p, &key);
    s->key_differs =
        key.state != KEY_UNKNOWN && crypt_active(&key.key) != crypt_active(&f->boot.key.key);
}

/* Now it is known where the program's partition ends. */
static void app_extent(struct image_facts *f, const struct part_fact *s)
{
    struct app_facts *a = &f->app;
    if (!a->present || s->part->range.start != a->at || s->part->range.end > a->end)
        return;
    a->end = s->part->range.end;
    a->good = s->good;
    a->erased = s->erased;
    a->bad = s->bad;
    a->first_bad = s->first_bad;
}

static void conflicts(struct image_facts *f)
{
    const struct image_layout *l = f->layout;
    for (size_t i = 0; i < f->boot.fal.n; i++) {
        const struct fal_entry *e = &f->boot.fal.entry[i];
        const struct image_partition *p = layout_find(l, e->name);
        if (p && (p->range.start != e->physical.start || p->range.end != e->physical.end))
            claim_add(f, "conflict", SURE_CERTAIN, e->name,
                      "the bootloader's table says 0x%x..0x%x, layout %s says 0x%x..0x%x",
                      e->physical.start, e->physical.end, l->name, p->range.start, p->range.end);
    }
    if (f->n_rf && l->rf_offset != IMAGE_NOWHERE && !rf_at(f, l->rf_offset))
        claim_add(f, "conflict", SURE_CERTAIN, "rf",
                  "calibration found at 0x%x, layout %s expects it at 0x%x",
                  f->rf[0].offset + f->base, l->name, l->rf_offset);
}

void inspect_layout(struct image_facts *f, const struct image_layout *layouts, size_t n)
{
    f->layout_score = f->second_score = INT32_MIN;
    for (size_t i = 0; i < n; i++) {
        int score = vote(f, &layouts[i]);
        if (score > f->layout_score) {
            f->second = f->layout;
            f->second_score = f->layout_score;
            f->layout = &layouts[i];
            f->layout_score = score;
        } else if (score > f->second_score) {
            f->second = &layouts[i];
            f->second_score = score;
        }
    }
    if (f->layout_score < NEEDED)
        f->layout = NULL;
    if (!f->layout)
        return;
    for (size_t i = 0; i < f->layout->n_parts; i++) {
        part_state(f, &f->layout->part[i]);
        app_extent(f, &f->part[i]);
    }
    if (f->base == 0)
        ota_read(f->data, f->data_len, f->layout, &f->boot.key, &f->ota);
    conflicts(f);
}
