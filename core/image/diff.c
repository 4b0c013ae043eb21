/* Comparing two images at flash offsets. */
#include "diff.h"
#include "bytes.h"
#include <stdio.h>
#include <stdlib.h>

enum { SECTOR = 4096, JOIN = 64 };

static void range_add(struct image_diff *d, uint32_t at)
{
    struct diff_range *last = d->n_ranges ? &d->range[d->n_ranges - 1] : NULL;
    bool near = last && at - last->end < JOIN;
    if (!near)
        d->ranges_total++;
    if (near || d->n_ranges == DIFF_RANGES) { /* a full table: the last one takes the rest */
        last->end = at + 1;
        last->bytes++;
        return;
    }
    d->range[d->n_ranges++] = (struct diff_range){ at, at + 1, 1 };
}

/* Bytes that differ and sectors they lie in, within [start, end). */
static size_t count(const uint8_t *a, const uint8_t *b, size_t n, size_t *sectors)
{
    size_t bytes = 0;
    *sectors = 0;
    for (size_t s = 0; s < n; s += SECTOR) {
        size_t len = n - s < SECTOR ? n - s : SECTOR, before = bytes;
        if (memcmp(a + s, b + s, len) == 0)
            continue;
        for (size_t i = s; i < s + len; i++)
            bytes += a[i] != b[i];
        *sectors += bytes != before;
    }
    return bytes;
}

static void compare_bytes(struct image_diff *d, const struct image_facts *a,
                          const struct image_facts *b, bkf_range common)
{
    const uint8_t *pa = a->data + (common.start - a->base),
                  *pb = b->data + (common.start - b->base);
    size_t n = range_len(common);
    d->bytes = count(pa, pb, n, &d->sectors);
    for (size_t i = 0; i < n; i++) {
        if (i % SECTOR == 0 && n - i >= SECTOR && memcmp(pa + i, pb + i, SECTOR) == 0)
            i += SECTOR - 1;
        else if (pa[i] != pb[i])
            range_add(d, common.start + (uint32_t)i);
    }
    const struct image_layout *l = a->layout ? a->layout : b->layout;
    for (size_t i = 0; l && i < l->n_parts; i++) {
        bkf_range r = range_intersect(common, l->part[i].range);
        struct diff_part *p = &d->part[d->n_parts];
        if (range_len(r) == 0)
            continue;
        p->name = l->part[i].name;
        p->bytes = count(pa + (r.start - common.start), pb + (r.start - common.start), range_len(r),
                         &p->sectors);
        d->n_parts += p->bytes != 0;
    }
}

static bool same_value(const struct image_facts *a, const struct kv_entry *ea,
                       const struct image_facts *b, const struct kv_entry *eb)
{
    if (ea->length != eb->length)
        return false;
    uint8_t *va = kv_value(a->data, a->data_len, a->kv, ea);
    uint8_t *vb = kv_value(b->data, b->data_len, b->kv, eb);
    bool same = va && vb && memcmp(va, vb, ea->length) == 0;
    free(va);
    free(vb);
    return same;
}

static void key_add(struct image_diff *d, const char *name, enum diff_change change,
                    uint32_t old_len, uint32_t new_len)
{
    if (d->n_keys == DIFF_KEYS)
        return;
    struct diff_key *k = &d->key[d->n_keys++];
    snprintf(k->name, sizeof k->name, "%s", name);
    k->change = change;
    k->old_len = old_len;
    k->new_len = new_len;
}

static void compare_keys(struct image_diff *d, const struct image_facts *a,
                         const struct image_facts *b)
{
    for (size_t i = 0; a->kv && i < a->kv->n_entries; i++) {
        const struct kv_entry *ea = &a->kv->entry[i];
        const struct kv_entry *eb = b->kv ? kv_find(b->kv, ea->name) : NULL;
        if (!eb)
            key_add(d, ea->name, DIFF_REMOVED, ea->length, 0);
        else if (!same_value(a, ea, b, eb))
            key_add(d, ea->name, DIFF_CHANGED, ea->length, eb->length);
    }
    for (size_t i = 0; b->kv && i < b->kv->n_entries; i++)
        if (!a->kv || !kv_find(a->kv, b->kv->entry[i].name))
            key_add(d, b->kv->entry[i].name, DIFF_ADDED, 0, b->kv->entry[i].length);
}

struct image_diff *image_diff(const struct image_facts *a, const struct image_facts *b)
{
    struct image_diff *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    bkf_range ra = { a->base, (uint32_t)(a->base + a->data_len) };
    bkf_range rb = { b->base, (uint32_t)(b->base + b->data_len) };
    bkf_range common = range_intersect(ra, rb);
    d->only_a = range_len(ra) - range_len(common);
    d->only_b = range_len(rb) - range_len(common);
    if (range_len(common))
        compare_bytes(d, a, b, common);
    compare_keys(d, a, b);
    d->same = d->bytes == 0 && d->only_a == 0 && d->only_b == 0;
    return d;
}

static const char *const changes[] = { "added", "removed", "changed" };

json_t *diff_json(const struct image_diff *d)
{
    json_t *ranges = json_array(), *parts = json_array(), *keys = json_array();
    for (size_t i = 0; i < d->n_ranges; i++)
        json_array_append_new(ranges,
                              json_pack("{s:i,s:i,s:i}", "start", (int)d->range[i].start, "end",
                                        (int)d->range[i].end, "bytes", (int)d->range[i].bytes));
    for (size_t i = 0; i < d->n_parts; i++)
        json_array_append_new(parts,
                              json_pack("{s:s,s:i,s:i}", "name", d->part[i].name, "bytes",
                                        (int)d->part[i].bytes, "sectors", (int)d->part[i].sectors));
    for (size_t i = 0; i < d->n_keys; i++)
        json_array_append_new(keys, json_pack("{s:s,s:s,s:i,s:i}", "name", d->key[i].name, "change",
                                              changes[d->key[i].change], "old_length",
                                              (int)d->key[i].old_len, "new_length",
                                              (int)d->key[i].new_len));
    return json_pack("{s:b,s:i,s:i,s:i,s:i,s:i,s:o,s:o,s:o}", "same", d->same, "bytes",
                     (int)d->bytes, "sectors", (int)d->sectors, "only_in_first", (int)d->only_a,
                     "only_in_second", (int)d->only_b, "ranges_total", (int)d->ranges_total,
                     "ranges", ranges, "partitions", parts, "storage_keys", keys);
}

void diff_text(const struct image_diff *d, const char *name_a, const char *name_b,
               struct strbuf *out)
{
    if (d->same) {
        strbuf_addf(out, "%s and %s are the same\n", name_a, name_b);
        return;
    }
    strbuf_addf(out, "%zu bytes in %zu sectors differ between %s and %s\n", d->bytes, d->sectors,
                name_a, name_b);
    if (d->only_a)
        strbuf_addf(out, "  %u bytes are only in %s\n", d->only_a, name_a);
    if (d->only_b)
        strbuf_addf(out, "  %u bytes are only in %s\n", d->only_b, name_b);
    for (size_t i = 0; i < d->n_parts; i++)
        strbuf_addf(out, "  partition %-12s %zu bytes in %zu sectors\n", d->part[i].name,
                    d->part[i].bytes, d->part[i].sectors);
    for (size_t i = 0; i < d->n_keys; i++)
        strbuf_addf(out, "  storage   %-12s %s (%u to %u bytes)\n", d->key[i].name,
                    changes[d->key[i].change], d->key[i].old_len, d->key[i].new_len);
    size_t shown = d->n_ranges < 40 ? d->n_ranges : 40;
    for (size_t i = 0; i < shown; i++)
        strbuf_addf(out, "  0x%06x..0x%06x %zu bytes\n", d->range[i].start, d->range[i].end,
                    d->range[i].bytes);
    if (shown < d->ranges_total)
        strbuf_addf(out, "  and %zu more ranges (--json lists them)\n", d->ranges_total - shown);
}
