/* change_target.c - what shall be in the flash: from an image, a dump, or erased. */
#include "change.h"
#include "layouts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bkf_status no_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "out of memory");
}

/* The whole sectors around r, inside the flash. */
static bkf_range sectors_of(const struct change *c, bkf_range r)
{
    uint64_t end = ((uint64_t)r.end + SECTOR - 1) / SECTOR * SECTOR;
    return (bkf_range){ r.start - r.start % SECTOR, end < c->size ? (uint32_t)end : c->size };
}

/* shared: r may begin and end inside a sector; change_edges then takes the rest of it from the
 * flash.  Otherwise the rules refuse that. */
static bkf_status take_request(struct change *c, bkf_range r, bool shared, bkf_error *err)
{
    if (r.start >= r.end || r.end > c->size)
        return error_set(err, BKF_E_PARAM, "range 0x%x..0x%x is not inside the flash (0x%x bytes)",
                         r.start, r.end, c->size);
    c->wanted = r;
    c->request = shared ? sectors_of(c, r) : r;
    size_t n = range_len(c->request);
    c->target = malloc(n ? n : 1);
    c->current = malloc(n ? n : 1);
    c->skip = calloc(n / SECTOR + 1, sizeof *c->skip);
    if (!c->target || !c->current || !c->skip)
        return no_memory(err);
    memset(c->target, c->s->profile->erased, n);
    memset(c->current, c->s->profile->erased, n);
    return BKF_OK;
}

static uint8_t *at_wanted(const struct change *c)
{
    return c->target + (c->wanted.start - c->request.start);
}

/* The bytes an image covers: up to the end of its last sector when that may be filled, but
 * never past the end of the partition or range. */
static bkf_status image_range(struct change *c, const bkf_change_options *o, const char *path,
                              size_t len, bkf_range *out, bkf_error *err)
{
    uint32_t start = o->has_range ? o->range.start : 0;
    uint32_t limit = o->has_range && o->range.end ? o->range.end : c->size;
    if (limit == BKF_RANGE_END)
        limit = c->size;
    if (!len)
        return error_set(err, BKF_E_IMAGE, "%s is empty", path);
    if (start % SECTOR && !o->label)
        return error_set(err, BKF_E_PARAM,
                         "0x%x is not aligned to the 0x%x byte sectors; the nearest are 0x%x and "
                         "0x%x",
                         start, SECTOR, start - start % SECTOR, start - start % SECTOR + SECTOR);
    if (start > limit || len > limit - start)
        return error_set(err, BKF_E_IMAGE,
                         "%s has %zu bytes, but only %u fit from 0x%06x to 0x%06x%s%s", path, len,
                         limit > start ? limit - start : 0, start, limit, o->label ? " of " : "",
                         o->label ? o->label : "");
    uint64_t end = (uint64_t)start + len, rest = end % SECTOR;
    bool at_end = o->has_range && o->range.end && end == limit;
    if (rest && (o->label || (o->flags & BKF_CHANGE_PAD))) {
        end += SECTOR - rest;
        end = end < limit ? end : limit;
    } else if (rest && !at_end) {
        return error_set(err, BKF_E_PARAM,
                         "%s ends inside the sector at 0x%06x; --pad fills the rest of that sector "
                         "with 0x%02X",
                         path, (uint32_t)(end - rest), c->s->profile->erased);
    }
    *out = (bkf_range){ start, (uint32_t)end };
    return BKF_OK;
}

bkf_status change_target_file(struct change *c, const char *path, const bkf_change_options *o,
                              bkf_error *err)
{
    uint8_t *read = NULL;
    const void *data = o->data;
    size_t len = o->data_len;
    bkf_range r = { 0, 0 };
    bkf_status st = BKF_OK;
    if (!data) {
        st = file_read(path, FLASH_MAX, &read, &len, err);
        data = read;
    }
    if (!st)
        st = image_range(c, o, path ? path : "the image", len, &r, err);
    if (!st)
        st = take_request(c, r, true, err);
    if (!st)
        memcpy(at_wanted(c), data, len);
    c->filled = st ? 0 : (uint32_t)(range_len(r) - len);
    free(read);
    return st;
}

/* What only the verb for it may change: exactly the metadata sector, never without a backup. */
bkf_status change_target_ota(struct change *c, bkf_error *err)
{
    struct image_layout l;
    const struct image_partition *meta =
        layout_of_profile(c->s->profile, &l) && l.ota_meta != IMAGE_NOWHERE
            ? layout_find(&l, "ota_meta")
            : NULL;
    if (!meta || meta->range.start != c->request.start || meta->range.end != c->request.end)
        return error_set(err, BKF_E_PARAM,
                         "0x%06x..0x%06x is not the OTA metadata of %s: give the board's profile",
                         c->request.start, c->request.end, c->s->profile->name);
    if (c->flags & BKF_CHANGE_NO_BACKUP)
        return error_set(err, BKF_E_PROTECTED,
                         "the OTA metadata cannot be made again: --no-backup is refused");
    c->allow_all = c->may_change_keep = true;
    return BKF_OK;
}

bkf_status change_target_erase(struct change *c, const bkf_change_options *o, bkf_error *err)
{
    bkf_range r = o->has_range ? o->range : (bkf_range){ 0, c->size };
    if (r.end == BKF_RANGE_END)
        r.end = c->size;
    if (c->size_unknown && r.end == c->size) { /* for the rules; once more when it is known */
        c->request = r;
        return BKF_OK;
    }
    return take_request(c, r, o->label != NULL, err);
}

/* Both partitions that meet inside a sector are erased and programmed with it: what is not
 * wanted of it goes back as it was. */
bkf_status change_edges(struct change *c, bkf_error *err)
{
    bkf_range rest[2];
    size_t n = range_len(c->wanted) ? range_subtract(c->request, &c->wanted, 1, rest) : 0;
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < n && !st; i++) {
        uint32_t off = rest[i].start - c->request.start;
        session_log(c->s, BKF_LOG_INFO,
                    "0x%06x..0x%06x is in one sector with what was asked for: it goes back as it "
                    "was",
                    rest[i].start, rest[i].end);
        st = change_backup_read(c, sectors_of(c, rest[i]), NULL, PROVE_ALL, err);
        if (!st)
            memcpy(c->target + off, c->current + off, range_len(rest[i]));
    }
    return st;
}

/* ---- dumps with a sidecar ---- */

bkf_status change_dump_load(const char *path, uint8_t **data, struct sidecar *side, bkf_error *err)
{
    size_t len = 0;
    *data = NULL;
    bkf_status st = sidecar_load(path, side, err);
    if (!st)
        st = file_read(path, FLASH_MAX, data, &len, err);
    if (st)
        return st;
    struct sha256_hex hex;
    sha256_of(*data, len, &hex);
    if (strcmp(side->sha256, hex.text) != 0)
        return error_set(err, BKF_E_FILE,
                         "%s is not the file its sidecar describes (sha256 %.12s..., sidecar says "
                         "%.12s...): it was changed or cut after the dump",
                         path, hex.text, side->sha256);
    if (range_len(side->range) != len)
        return error_set(err, BKF_E_FILE,
                         "%s.json: its range does not fit the %zu bytes of the dump", path, len);
    return BKF_OK;
}

bkf_status change_dump_open(const bkf_session *s, const char *path, struct change_dump *d,
                            bkf_error *err)
{
    const char *chip = s->profile->chip_name;
    bkf_status st = change_dump_load(path, &d->data, &d->side, err);
    if (!st && d->side.chip[0] && chip && strcasecmp(d->side.chip, chip) != 0)
        st =
            error_set(err, BKF_E_MISMATCH,
                      "%s was taken from a %s, but the chip of %s is a %s: give the profile of the "
                      "board that it was taken from",
                      path, d->side.chip, s->profile->name, chip);
    return st;
}

bkf_status change_same_device(const bkf_session *s, const struct sidecar *side, const char *path,
                              bool *same_unit, bkf_error *err)
{
    const char *jedec = side->jedec, *unique = side->unique_id;
    char ours[16], own_id[40] = "";
    snprintf(ours, sizeof ours, "%06X", s->info.jedec_id);
    for (uint32_t i = 0; i < s->info.unique_id_len && i < sizeof s->info.unique_id; i++)
        snprintf(own_id + 2 * i, 3, "%02X", s->info.unique_id[i]);
    *same_unit = false;
    if (*jedec && s->info.jedec_id && strcasecmp(jedec, ours) != 0)
        return error_set(err, BKF_E_MISMATCH,
                         "%s was taken from a flash with JEDEC id %s, this one is %s", path, jedec,
                         ours);
    if (*unique && *own_id && strcasecmp(unique, own_id) != 0)
        return error_set(err, BKF_E_MISMATCH,
                         "%s was taken from another device (unique id %s, this one is %s)", path,
                         unique, own_id);
    if (*side->mac && *s->mac && strcasecmp(side->mac, s->mac) != 0)
        return error_set(err, BKF_E_MISMATCH,
                         "%s was taken from another device (MAC %s, this one is %s)", path,
                         side->mac, s->mac);
    *same_unit = (*unique && *own_id) || (*side->mac && *s->mac);
    return BKF_OK;
}

/* Sectors of which the dump lacks a byte stay as they are. */
static bkf_status skip_holes(struct change *c, const struct sidecar *side, bkf_error *err)
{
    c->absent = calloc(side->n_holes + 1, sizeof *c->absent);
    if (!c->absent)
        return no_memory(err);
    for (size_t i = 0; i < side->n_holes; i++) {
        bkf_range r = sectors_of(c, range_intersect(side->holes[i], c->request));
        for (uint32_t at = r.start; at < r.end; at += SECTOR)
            c->skip[(at - c->request.start) / SECTOR] = true;
        if (range_len(r))
            c->absent[c->n_absent++] = r;
    }
    c->n_absent = range_normalize(c->absent, c->n_absent, c->absent);
    snprintf(c->absent_why, sizeof c->absent_why, "the dump does not hold it%s%s",
             side->hole_reason[0] ? ": " : "", side->hole_reason);
    return BKF_OK;
}

/* What of a whole dump this route can change; the rest is left alone and said. */
static bkf_range reachable(struct change *c, bkf_range r)
{
    bkf_range erase[WINDOWS_MAX] = { { 0, 0 } };
    size_t n = session_windows(c->s, BKF_CAN_ERASE, c->size, erase, &c->window_reason);
    bkf_range best = { 0, 0 };
    for (size_t i = 0; i < n; i++) {
        bkf_range part = range_intersect(erase[i], r);
        if (range_len(part) > range_len(best))
            best = part;
    }
    c->n_left_alone = range_subtract(r, &best, best.end > best.start, c->left_alone);
    return best;
}

bkf_status change_target_dump(struct change *c, const char *path, bkf_error *err)
{
    const struct sidecar *side = &c->dump.side;
    bkf_range range = side->range;
    bkf_status st = change_same_device(c->s, side, path, &c->may_change_keep, err);
    if (st)
        return st;
    if (!sidecar_proven(side))
        session_log(
            c->s, BKF_LOG_WARN,
            "%s was not proven when it was taken: %llu of %u bytes were read twice alike or "
            "confirmed by a CRC",
            path, (unsigned long long)side->proven_bytes, range_len(range));
    /* Somebody else's calibration and keys are never written. */
    c->preserve_keep = c->preserve_keep || !c->may_change_keep;
    bkf_range part = reachable(c, range);
    if (part.start >= part.end)
        return error_set(err, BKF_E_PROTECTED,
                         "this route can change nothing of 0x%06x..0x%06x%s%s", range.start,
                         range.end, c->window_reason ? ": " : "",
                         c->window_reason ? c->window_reason : "");
    st = take_request(c, part, true, err);
    if (!st)
        memcpy(at_wanted(c), c->dump.data + (part.start - range.start), range_len(part));
    return st ? st : skip_holes(c, side, err);
}

/* ---- rules ---- */

/* Named with --allow-protected, in this run or in the one that is resumed. */
static bool is_named(const struct change *c, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = c->allow_text; at && *at;) {
        size_t len = strcspn(at, ",");
        if (len == n && strncmp(at, name, n) == 0)
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

/* Where a device has lost what would show that a dump is its own, the user may say so, area by
 * area; any other change leaves keep areas alone whatever is said. */
static bool is_kept(const struct change *c, const struct prof_partition *q)
{
    return q->keep && !(c->kind == PLAN_RESTORE && is_named(c, q->name));
}

bkf_status change_areas(struct change *c, bkf_error *err)
{
    const struct bkf_profile *p = c->s->profile;
    c->areas = calloc(p->n_partitions + 1, sizeof *c->areas);
    c->area_origin = calloc(p->n_partitions + 1, sizeof *c->area_origin);
    if (!c->areas || !c->area_origin)
        return no_memory(err);
    for (size_t i = 0; i < p->n_partitions; i++) {
        const struct prof_partition *q = &p->partitions[i];
        if (!q->protect && !q->keep)
            continue;
        if (q->at)
            snprintf(c->area_origin[c->n_areas], sizeof c->area_origin[0], "%s:%d", q->at->file,
                     q->at->line);
        c->areas[c->n_areas] =
            (struct plan_area){ q->name, q->range, q->protect && !c->allow_all, is_kept(c, q),
                                q->at ? c->area_origin[c->n_areas] : NULL };
        c->n_areas++;
    }
    return BKF_OK;
}
