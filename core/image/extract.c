/* Taking an image apart: code regions deciphered and without CRC bytes, all others as they are. */
#include "extract.h"
#include "bytes.h"
#include "crc34.h"
#include <stdio.h>
#include <stdlib.h>

enum { APP_AT = 0x11000 };

/* One stretch of the image that becomes files. */
struct region {
    char name[40];
    bkf_range range;
    bool code;
    uint32_t logical;
};

static const uint8_t *at(const struct image_facts *f, uint32_t offset)
{
    return f->data + (offset - f->base);
}

static bkf_status out_of_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "no memory to take the image apart");
}

static json_t *number(uint32_t v)
{
    char buf[16];
    snprintf(buf, sizeof buf, "0x%x", v);
    return json_string(buf);
}

static bkf_status file_out(struct extraction *x, json_t *row, const char *field, const char *name,
                           const uint8_t *p, size_t n, bkf_error *err)
{
    struct sha256_hex sha;
    char key[32];
    sha256_of(p, n, &sha);
    snprintf(key, sizeof key, "%s_sha256", field);
    json_object_set_new(row, field, json_string(name));
    json_object_set_new(row, key, json_string(sha.text));
    return x->put(x->ud, name, p, n, err);
}

/* -- code ------------------------------------------------------------------------------------- */
struct code_job {
    const uint8_t *p;
    size_t n, blocks;
    uint8_t *plain, *rest;
    size_t rest_len;
    struct code_key key;
    uint32_t base;
};

static void region_key(const struct image_facts *f, const struct region *r, struct code_job *j)
{
    j->base = r->logical;
    j->key = (struct code_key){ .state = KEY_UNKNOWN };
    if (j->blocks == 0 || crc34_check(j->p) != CRC34_GOOD)
        return;
    uint32_t bases[2] = { r->logical, 0x10000 };
    const struct code_key *have[2] = { &f->boot.key, &f->app.key };
    for (size_t b = 0; b < 2 && j->key.state == KEY_UNKNOWN; b++) {
        j->base = bases[b];
        code_key_guess(bases[b], j->p, &j->key);
        for (size_t k = 0; k < 2 && j->key.state == KEY_UNKNOWN; k++)
            if (have[k]->state != KEY_UNKNOWN && crypt_score(&have[k]->key, bases[b], j->p) >= 6)
                j->key = *have[k];
    }
    if (j->key.state == KEY_UNKNOWN)
        j->base = r->logical;
}

static const char *const run_names[] = {
    [CRC34_GOOD] = "code", [CRC34_ERASED] = "erased", [CRC34_BAD] = "bad"
};

/* Blocks by state, one after another; bad ones are kept whole beside the program. */
static json_t *runs_of(struct code_job *j)
{
    json_t *runs = json_array();
    size_t i = 0;
    while (i < j->blocks) {
        enum crc34_state state = crc34_check(j->p + i * CRC34_BLOCK);
        size_t first = i;
        while (i < j->blocks && crc34_check(j->p + i * CRC34_BLOCK) == state) {
            if (state == CRC34_BAD) {
                memcpy(j->rest + j->rest_len, j->p + i * CRC34_BLOCK, CRC34_BLOCK);
                j->rest_len += CRC34_BLOCK;
            }
            i++;
        }
        json_array_append_new(runs, json_pack("[s,i]", run_names[state], (int)(i - first)));
    }
    size_t tail = j->n - j->blocks * CRC34_BLOCK;
    memcpy(j->rest + j->rest_len, j->p + j->blocks * CRC34_BLOCK, tail);
    j->rest_len += tail;
    return runs;
}

/* Bytes [from, to) of the program stand in flash as they are; undo the deciphering there. */
static void clear_range(struct code_job *j, json_t *list, size_t from, size_t to)
{
    size_t size = j->blocks * CRC34_DATA;
    if (from % 4 || from >= size || !crypt_active(&j->key.key))
        return;
    to = to < size ? to : size;
    crypt_run(&j->key.key, j->base + (uint32_t)from, j->plain + from, j->plain + from, to - from);
    json_array_append_new(list, json_pack("[i,i]", (int)from, (int)to));
}

/* The table, the marker and container headers are never ciphered. */
static json_t *clear_ranges(const struct image_facts *f, const struct region *r, struct code_job *j)
{
    json_t *list = json_array();
    if (r->range.start == 0) {
        if (f->boot.marker_text[0])
            clear_range(j, list, 0x100, 0x108);
        for (size_t i = 0; i < f->boot.fal.n; i++)
            if (!f->boot.fal.entry[i].decrypted)
                clear_range(j, list, f->boot.fal.entry[i].at, f->boot.fal.entry[i].at + FAL_ENTRY);
    }
    for (size_t i = 0; i < f->n_rbl; i++) {
        uint64_t header = f->rbl[i].found.offset + f->base;
        if (!f->rbl[i].found.packed || header < r->range.start || header >= r->range.end)
            continue;
        size_t in = header - r->range.start;
        if (in % CRC34_BLOCK == 0)
            clear_range(j, list, in / CRC34_BLOCK * CRC34_DATA,
                        in / CRC34_BLOCK * CRC34_DATA + RBL_HEADER);
    }
    return list;
}

static bkf_status code_files(struct extraction *x, const struct region *r, struct code_job *j,
                             json_t *row, bkf_error *err)
{
    char name[64], words[40];
    size_t len = crc34_strip(j->p, j->n, j->plain);
    region_key(x->f, r, j);
    if (j->key.state != KEY_UNKNOWN)
        crypt_run(&j->key.key, j->base, j->plain, j->plain, len);
    const uint32_t *c = j->key.key.c;
    snprintf(words, sizeof words, "%08x %08x %08x %08x", c[0], c[1], c[2], c[3]);
    json_object_set_new(row, "how", json_string("code"));
    json_object_set_new(row, "key", json_string(words));
    json_object_set_new(row, "key_state", json_string(key_state_text(j->key.state)));
    json_object_set_new(row, "logical", number(j->base));
    json_object_set_new(row, "clear", clear_ranges(x->f, r, j));
    json_object_set_new(row, "runs", runs_of(j));
    snprintf(name, sizeof name, "%s.bin", r->name);
    bkf_status st = file_out(x, row, "file", name, j->plain, len, err);
    if (st || j->rest_len == 0)
        return st;
    snprintf(name, sizeof name, "%s.rest.bin", r->name);
    return file_out(x, row, "rest", name, j->rest, j->rest_len, err);
}

static bkf_status code_region(struct extraction *x, const struct region *r, json_t *row,
                              bkf_error *err)
{
    struct code_job j = { .p = at(x->f, r->range.start), .n = range_len(r->range) };
    j.blocks = j.n / CRC34_BLOCK;
    j.plain = malloc(j.blocks * CRC34_DATA + 1);
    j.rest = malloc(j.n);
    bkf_status st = j.plain && j.rest ? code_files(x, r, &j, row, err) : out_of_memory(err);
    free(j.plain);
    free(j.rest);
    return st;
}

/* -- all regions ----------------------------------------------------------------------- */
static bkf_status region_out(struct extraction *x, const struct region *r, bkf_error *err)
{
    const uint8_t *p = at(x->f, r->range.start);
    size_t n = range_len(r->range);
    json_t *row = json_object();
    char name[64];
    json_object_set_new(row, "name", json_string(r->name));
    json_object_set_new(row, "start", number(r->range.start));
    json_object_set_new(row, "end", number(r->range.end));
    json_array_append_new(x->regions, row);
    if (bytes_are(p, n, p[0])) {
        json_object_set_new(row, "how", json_string("fill"));
        json_object_set_new(row, "byte", json_integer(p[0]));
        return BKF_OK;
    }
    if (r->code)
        return code_region(x, r, row, err);
    json_object_set_new(row, "how", json_string("raw"));
    snprintf(name, sizeof name, "%s.bin", r->name);
    return file_out(x, row, "file", name, p, n, err);
}

static bkf_status gap_out(struct extraction *x, uint32_t start, uint32_t end, bkf_error *err)
{
    struct region r = { .range = { start, end } };
    snprintf(r.name, sizeof r.name, "gap_%06x", start);
    return start < end ? region_out(x, &r, err) : BKF_OK;
}

static bkf_status by_layout(struct extraction *x, const struct image_layout *l, bkf_error *err)
{
    uint32_t pos = x->f->base, end = (uint32_t)(x->f->base + x->f->data_len);
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < l->n_parts && !st; i++) {
        const struct image_partition *p = &l->part[i];
        bkf_range range = range_intersect(p->range, (bkf_range){ pos, end });
        if (range_len(range) == 0 || range.start != p->range.start)
            continue; /* outside the file, or inside a partition that came before */
        struct region r = { .range = range,
                            .code = p->domain == DOMAIN_CRC,
                            .logical = p->logical };
        snprintf(r.name, sizeof r.name, "%s", p->name);
        st = gap_out(x, pos, range.start, err);
        if (!st)
            st = region_out(x, &r, err);
        pos = range.end;
    }
    return st ? st : gap_out(x, pos, end, err);
}

/* Without a layout: what the kind says about code, the rest as one file. */
static void plain_layout(const struct image_facts *f, struct image_layout *l)
{
    uint32_t end = (uint32_t)(f->base + f->data_len);
    memset(l, 0, sizeof *l);
    if (f->boot.present && f->base == 0)
        l->part[l->n_parts++] = (struct image_partition){
            "bootloader", { 0, end < APP_AT ? end : APP_AT }, DOMAIN_CRC, 0, POLICY_NEVER
        };
    uint32_t app_end = f->app.leading_end;
    for (size_t i = 0; i < f->n_rbl; i++)
        if (f->rbl[i].found.packed && f->rbl[i].partition.start == f->app.at &&
            f->rbl[i].partition.end > app_end)
            app_end = f->rbl[i].partition.end;
    if (f->app.present)
        l->part[l->n_parts++] =
            (struct image_partition){ "app",
                                      { f->app.at, app_end < end ? app_end : end },
                                      DOMAIN_CRC,
                                      f->app.logical,
                                      POLICY_WRITE };
    if (l->n_parts == 0)
        l->part[l->n_parts++] =
            (struct image_partition){ "image", { f->base, end }, DOMAIN_RAW, 0, POLICY_WRITE };
}

static bkf_status manifest_out(struct extraction *x, bkf_error *err)
{
    const struct image_facts *f = x->f;
    json_t *root = json_object();
    json_object_set_new(root, "bkflash_manifest", json_integer(1));
    json_object_set_new(root, "kind", json_string(image_kind_name(f->kind)));
    json_object_set_new(root, "layout", f->layout ? json_string(f->layout->name) : json_null());
    json_object_set_new(root, "size", json_integer((json_int_t)f->size));
    json_object_set_new(root, "sha256", json_string(f->sha256.text));
    json_object_set_new(root, "base", number(f->base));
    json_object_set_new(root, "wrapped_at", number(f->turned));
    json_object_set(root, "regions", x->regions);
    json_object_set(root, "derived", x->derived);
    json_object_set_new(root, "note",
                        json_string("pack uses the regions only; files of regions hold everything "
                                    "the device held, secrets too"));
    char *text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    if (!text)
        return out_of_memory(err);
    bkf_status st = x->put(x->ud, MANIFEST_NAME, (const uint8_t *)text, strlen(text), err);
    free(text);
    return st;
}

bkf_status extract_image(const struct image_facts *f, bool show_secrets, image_put put, void *ud,
                         bkf_error *err)
{
    struct image_layout plain;
    if (f->data_len == 0)
        return error_set(err, BKF_E_IMAGE, "the file is empty");
    struct extraction x = { f, show_secrets, put, ud, json_array(), json_array() };
    plain_layout(f, &plain);
    bkf_status st = by_layout(&x, f->layout ? f->layout : &plain, err);
    if (!st)
        st = derive_files(&x, err);
    if (!st)
        st = manifest_out(&x, err);
    json_decref(x.regions);
    json_decref(x.derived);
    return st;
}
