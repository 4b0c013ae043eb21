/* change_boots.c - an image that is known not to boot where it is about to be written is
 * refused, and so is data that is no code at all where the profile says that code lies. */
#include "../image/crc34.h"
#include "../image/splice.h"
#include "change.h"
#include "layouts.h"
#include <stdio.h>
#include <string.h>

/* A program somebody made for this kind of chip: its vectors are proven. */
static bool is_program(const struct image_facts *f)
{
    switch (f->kind) {
    case KIND_DUMP:
    case KIND_QIO:
    case KIND_UA:
    case KIND_BOOTLOADER:
    case KIND_DUMP_APP:
        return f->boot.key.score >= 6 || f->app.key.score >= 6;
    default:
        return false;
    }
}

/* Files that hold a program in a form the chip cannot execute. */
static bool is_package(const struct image_facts *f)
{
    return f->kind == KIND_RBL || f->kind == KIND_UG || f->kind == KIND_UF2 ||
           f->kind == KIND_IHEX || f->kind == KIND_ELF || f->kind == KIND_PLAIN;
}

/* The partition of code that the request begins with, or NULL. */
static const struct prof_partition *code_partition(const struct change *c)
{
    const struct bkf_profile *p = c->s->profile;
    for (size_t i = 0; i < p->n_partitions; i++)
        if (p->partitions[i].layout == LAYOUT_CRC34 &&
            p->partitions[i].range.start == c->request.start)
            return &p->partitions[i];
    return NULL;
}

/* Code is fetched through CRC-checked blocks of 34 bytes (crc34.h): most of them wrong, and the
 * very first one too, is no code that was damaged but something else. */
static bool is_no_code(const struct change *c, const struct prof_partition *q, char why[200])
{
    struct crc34_stat stat;
    if (!q || q->range.start % CRC34_BLOCK)
        return false;
    crc34_stat(c->target, range_len(c->request), &stat);
    if (!stat.blocks || stat.leading_good || stat.bad <= stat.good + stat.erased)
        return false;
    snprintf(why, 200,
             "%s holds code, and this is none: %zu of %zu blocks of 34 bytes have a wrong CRC, the "
             "first one too ('bkflash convert crc-add' makes code of a plain program)",
             q->name, stat.bad, stat.blocks - stat.erased);
    return true;
}

static bkf_status refuse(struct change *c, const char *why, bkf_error *err)
{
    if (c->flags & BKF_CHANGE_ANY_IMAGE) {
        c->boots = BOOTS_NO;
        snprintf(c->boots_why, sizeof c->boots_why, "%s", why);
        session_log(c->s, BKF_LOG_WARN, "written on request: %s", why);
        return BKF_OK;
    }
    return error_set(err, BKF_E_IMAGE, "%s; nothing was written (--anyway writes it)", why);
}

static bkf_status judge_place(struct change *c, const struct image_facts *f, bkf_error *err)
{
    char why[200];
    if (f->base == c->request.start)
        return BKF_OK;
    snprintf(why, sizeof why, "this is a %s made for 0x%x, not for 0x%x", image_kind_title(f->kind),
             f->base, c->request.start);
    return refuse(c, why, err);
}

static bkf_status judge_key(struct change *c, const struct image_facts *f,
                            const struct verdict_device *d, bkf_error *err)
{
    struct verdict v;
    char why[400];
    verdict_of(f, d, &v);
    const struct verdict_row *doubt = NULL;
    for (size_t i = 0; i < v.n; i++) {
        if (v.row[i].state == VERDICT_NO) {
            snprintf(why, sizeof why, "this image would not boot: %s: %s", v.row[i].what,
                     v.row[i].text);
            return refuse(c, why, err);
        }
        if (v.row[i].state == VERDICT_WARN && !doubt)
            doubt = &v.row[i];
    }
    if (c->boots != BOOTS_UNSAID)
        return BKF_OK; /* written although something else speaks against it */
    c->boots = BOOTS_YES;
    if (doubt)
        snprintf(c->boots_why, sizeof c->boots_why, "%s: %s", doubt->what, doubt->text);
    return BKF_OK;
}

/* What is known of the chip's key: what runs there proves it, else the profile says it. */
struct chip_key {
    struct image_layout layout;
    struct bootloader boot;
    struct code_key from_profile;
};

/* The first sector of the bootloader; what cannot be read tells nothing. */
static bkf_status read_head(struct change *c, uint8_t head[SECTOR], bool *got, bkf_error *err)
{
    bkf_range windows[WINDOWS_MAX];
    const char *reason;
    size_t n = session_windows(c->s, BKF_CAN_READ, c->size, windows, &reason);
    *got = false;
    if (!n || windows[0].start || windows[0].end < SECTOR)
        return BKF_OK;
    bkf_status st = chunk_read(c->s, 0, head, SECTOR, err);
    if (st == BKF_E_UNPROVEN || st == BKF_E_PROTECTED)
        return BKF_OK;
    *got = !st;
    return st ? session_failed(c->s, err) : BKF_OK;
}

static bkf_status know_device(struct change *c, struct chip_key *k, struct verdict_device *d,
                              bkf_error *err)
{
    uint8_t head[SECTOR];
    bool got = true;
    size_t n = range_len(c->request) < 0x11000 ? range_len(c->request) : 0x11000;
    bool whole = c->request.start == 0;
    bkf_status st = whole ? BKF_OK : read_head(c, head, &got, err);
    if (st)
        return st;
    k->from_profile.state = KEY_KNOWN;
    if (d->layout && d->layout->key[0] && crypt_parse(d->layout->key, &k->from_profile.key)) {
        k->from_profile.name = crypt_name(&k->from_profile.key);
        d->key = &k->from_profile;
    }
    if (got && bootloader_read(whole ? c->current : head, whole ? n : SECTOR, &k->boot) &&
        k->boot.key.state != KEY_UNKNOWN) {
        d->boot = whole ? &k->boot : NULL; /* a part of it proves the key and no more */
        d->key = &k->boot.key;
    }
    return BKF_OK;
}

/* An erase leaves no program behind; whether another slot boots is not known. */
static void erased_code(struct change *c)
{
    const struct bkf_profile *p = c->s->profile;
    for (size_t i = 0; i < p->n_partitions && c->boots == BOOTS_UNSAID; i++) {
        const struct prof_partition *q = &p->partitions[i];
        if (q->layout != LAYOUT_CRC34 || !range_overlaps(q->range, c->request))
            continue;
        c->boots = q->range.start ? BOOTS_UNKNOWN : BOOTS_NO;
        snprintf(c->boots_why, sizeof c->boots_why, "%s is erased", q->name);
    }
}

/* Before any I/O: by what kind of image it is. */
static bkf_status judge_form(struct change *c, const struct image_facts *f, bkf_error *err)
{
    char why[200];
    if (is_package(f)) {
        snprintf(why, sizeof why,
                 "%s is not flash content: the chip executes packed code only ('bkflash "
                 "splice' or 'convert' make it)",
                 image_kind_title(f->kind));
        return refuse(c, why, err);
    }
    if (is_program(f))
        return judge_place(c, f, err);
    return is_no_code(c, code_partition(c), why) ? refuse(c, why, err) : BKF_OK;
}

/* Attached: by what the chip is known to run. */
static bkf_status judge_program(struct change *c, const struct image_facts *f, bkf_error *err)
{
    struct chip_key k = { .from_profile = { 0 } };
    struct verdict_device d = { 0 };
    if (layout_of_profile(c->s->profile, &k.layout))
        d.layout = &k.layout;
    if (is_program(f)) {
        bkf_status st = know_device(c, &k, &d, err);
        return st ? st : judge_key(c, f, &d, err);
    }
    if (c->boots == BOOTS_UNSAID) {
        c->boots = BOOTS_UNKNOWN;
        snprintf(c->boots_why, sizeof c->boots_why, "no program under a known key is in it");
    }
    return BKF_OK;
}

bkf_status change_boots(struct change *c, bool attached, bkf_error *err)
{
    struct layout_set layouts;
    struct diag_list diags = { 0 };
    struct image_facts *f;
    if (c->kind == PLAN_ERASE)
        erased_code(c);
    if (c->kind != PLAN_WRITE || (!code_partition(c) && c->request.start))
        return BKF_OK;
    /* Where programs end is known from a layout: the board's, or the one the image shows. */
    bkf_status st = layouts_load(&c->s->ctx->env, c->s->profile, &diags, &layouts, err);
    if (attached) /* said before */
        diag_free(&diags);
    else
        ctx_diags(c->s->ctx, &c->s->cb, &diags);
    if (st)
        return st;
    st = inspect_image(c->target, range_len(c->request), layouts.items, layouts.n, &f, err);
    if (!st) {
        st = attached ? judge_program(c, f, err) : judge_form(c, f, err);
        inspect_free(f);
    }
    layouts_free(&layouts);
    return st;
}
