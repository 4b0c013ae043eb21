/* A first look at a flash: a few sectors, judged by the inspector's rules. */
#include "glance.h"
#include "bytes.h"
#include "crc34.h"
#include <stdio.h>
#include <stdlib.h>

enum { SECTOR = 4096, BOOT_AREA = 0x11000, APP_LOGICAL = 0x10000 };

struct look {
    glance_fetch fetch;
    void *ud;
    uint32_t size;
    struct glance *out;
    uint8_t boot[BOOT_AREA];
    bool has_boot;
    uint8_t sector[SECTOR];
};

/* *got is false for what cannot be read. */
static bkf_status get(struct look *l, uint32_t off, uint8_t *buf, size_t n, bool *got,
                      bkf_error *err)
{
    bkf_error why = BKF_ERROR_INIT;
    *got = false;
    if (l->size && ((size_t)off + n > l->size))
        return BKF_OK;
    bkf_status st = l->fetch(l->ud, off, buf, n, &why);
    if (st == BKF_E_UNPROVEN)
        return BKF_OK;
    if (st) {
        if (err)
            *err = why;
        return st;
    }
    *got = true;
    l->out->bytes += n;
    return BKF_OK;
}

static const uint8_t *sector_at(struct look *l, uint32_t off, bkf_status *st, bkf_error *err)
{
    bool got;
    if (l->has_boot && off <= BOOT_AREA - SECTOR)
        return l->boot + off;
    *st = get(l, off, l->sector, SECTOR, &got, err);
    return got ? l->sector : NULL;
}

/* The first layout of this size whose key, if it names one, is the bootloader's; without such
 * a one the first of this size. */
static const struct image_layout *choose(const struct image_layout *layouts, size_t n,
                                         uint32_t size, const struct bootloader *boot)
{
    const struct image_layout *second = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct image_layout *l = &layouts[i];
        if (size && l->flash_size != size)
            continue;
        if (!l->key[0] || !boot->key.name || strcmp(l->key, boot->key.name) == 0)
            return l;
        second = second ? second : l;
    }
    return second;
}

static void look_at_code(struct glance *g, const char *name, bkf_range range, uint32_t logical,
                         const uint8_t *p)
{
    struct glance_code *c = &g->code[g->n_code++];
    const struct code_key *boot = &g->facts->boot.key;
    snprintf(c->name, sizeof c->name, "%s", name);
    c->range = range;
    c->blank = bytes_are(p, SECTOR, 0xFF);
    c->good = crc34_leading(p, SECTOR);
    if (!c->good)
        return;
    code_key_guess(logical, p, &c->key);
    if (c->key.state == KEY_UNKNOWN && boot->state != KEY_UNKNOWN &&
        crypt_score(&boot->key, logical, p) >= 6)
        c->key = *boot;
    if (!g->facts->app.present) {
        g->facts->app.present = true;
        g->facts->app.at = range.start;
        g->facts->app.logical = logical;
        g->facts->app.key = c->key;
    }
}

static bkf_status code(struct look *l, bkf_error *err)
{
    struct glance *g = l->out;
    bkf_status st = BKF_OK;
    for (size_t i = 0; g->layout && i < g->layout->n_parts && !st; i++) {
        const struct image_partition *p = &g->layout->part[i];
        const uint8_t *bytes = NULL;
        if (p->domain == DOMAIN_CRC && p->range.start && g->n_code < GLANCE_CODE)
            bytes = sector_at(l, p->range.start, &st, err);
        if (bytes)
            look_at_code(g, p->name, p->range, p->logical, bytes);
    }
    if (!st && !g->n_code) {
        const uint8_t *bytes = sector_at(l, BOOT_AREA, &st, err);
        if (bytes)
            look_at_code(g, "app", (bkf_range){ BOOT_AREA, l->size }, APP_LOGICAL, bytes);
    }
    return st;
}

static bkf_status ota(struct look *l, bkf_error *err)
{
    struct glance *g = l->out;
    bkf_status st = BKF_OK;
    if (!g->layout || g->layout->ota_meta == IMAGE_NOWHERE)
        return BKF_OK;
    const uint8_t *p = sector_at(l, g->layout->ota_meta, &st, err);
    if (!p)
        return st;
    g->ota = true;
    g->ota_magic = le32(p);
    g->ota_ok = g->ota_magic == g->layout->ota_magic;
    return BKF_OK;
}

/* Calibration: where the chosen layout has it, else where any other of this size does. */
static bkf_status calibration(struct look *l, const struct image_layout *layouts, size_t n,
                              bkf_error *err)
{
    struct image_facts *f = l->out->facts;
    uint32_t tried[8];
    size_t n_tried = 0;
    bkf_status st = BKF_OK;
    for (size_t i = 0; i <= n && !st && !f->n_rf && n_tried < ARRAY_LEN(tried); i++) {
        const struct image_layout *y = i ? &layouts[i - 1] : l->out->layout;
        uint32_t at = y && (!l->size || y->flash_size == l->size) ? y->rf_offset : IMAGE_NOWHERE;
        for (size_t k = 0; k < n_tried; k++)
            at = tried[k] == at ? IMAGE_NOWHERE : at;
        if (at == IMAGE_NOWHERE)
            continue;
        tried[n_tried++] = at;
        const uint8_t *p = sector_at(l, at, &st, err);
        if (p && rf_read(p, SECTOR, 0, &f->rf[0])) {
            f->rf[0].offset = at;
            f->rf[0].mac_at += f->rf[0].mac_at ? at : 0;
            f->n_rf = 1;
        }
    }
    return st;
}

bkf_status glance_take(const struct image_layout *board, const struct image_layout *layouts,
                       size_t n_layouts, uint32_t size, glance_fetch fetch, void *ud,
                       struct glance *out, bkf_error *err)
{
    *out = (struct glance){ .facts = calloc(1, sizeof *out->facts) };
    struct look *l = calloc(1, sizeof *l);
    if (!l || !out->facts) {
        free(l);
        glance_free(out);
        return error_set(err, BKF_E_NOMEM, "out of memory");
    }
    l->fetch = fetch;
    l->ud = ud;
    l->size = size;
    l->out = out;
    bkf_status st = get(l, 0, l->boot, BOOT_AREA, &l->has_boot, err);
    if (!st && l->has_boot)
        bootloader_read(l->boot, BOOT_AREA, &out->facts->boot);
    out->layout = board ? board : choose(layouts, n_layouts, size, &out->facts->boot);
    if (!st)
        st = code(l, err);
    if (!st)
        st = ota(l, err);
    if (!st)
        st = calibration(l, layouts, n_layouts, err);
    free(l);
    inspect_claims_code(out->facts);
    if (st)
        glance_free(out);
    return st;
}

void glance_free(struct glance *g)
{
    free(g->facts);
    g->facts = NULL;
}

json_t *glance_json(const struct glance *g)
{
    const struct image_facts *f = g->facts;
    json_t *o = json_object(), *list = json_array(), *rf = json_array();
    json_object_set_new(o, "bytes_read", json_integer((json_int_t)g->bytes));
    json_object_set_new(o, "layout", g->layout ? json_string(g->layout->name) : json_null());
    json_object_set_new(o, "boot", inspect_boot_json(&f->boot, false));
    for (size_t i = 0; i < g->n_code; i++) {
        const struct glance_code *c = &g->code[i];
        json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:b,s:I,s:s,s:s?}", "name", c->name,
                                              "start", (json_int_t)c->range.start, "end",
                                              (json_int_t)c->range.end, "blank", c->blank,
                                              "blocks_good", (json_int_t)c->good, "key_state",
                                              c->good ? key_state_text(c->key.state) : "no code",
                                              "key", c->good ? c->key.name : NULL));
    }
    json_object_set_new(o, "code", list);
    if (g->ota) {
        char magic[16];
        snprintf(magic, sizeof magic, "0x%08x", g->ota_magic);
        json_object_set_new(o, "ota",
                            json_pack("{s:s,s:b}", "magic", magic, "magic_ok", g->ota_ok));
    }
    for (size_t i = 0; i < f->n_rf; i++)
        json_array_append_new(rf, inspect_rf_json(&f->rf[i], 0, false));
    json_object_set_new(o, "rf_tlv", rf);
    json_object_set_new(o, "claims", inspect_claims_json(f));
    return o;
}
