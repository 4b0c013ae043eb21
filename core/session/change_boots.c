/* change_boots.c - what every change says of booting: an image that is known not to boot where it
 * is about to be written is refused, and so is data that is no code at all where code lies. */
#include "../image/crc34.h"
#include "../image/splice.h"
#include "change.h"
#include "code_areas.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- what is judged ---- */

/* Without what else lies in its first and last sector. */
static bkf_range asked(const struct change *c)
{
    return range_len(c->wanted) ? c->wanted : c->request;
}

/* What is judged: the bytes asked for; for an undo, which puts back only what was touched, the
 * whole backup. */
static bkf_range judged(const struct change *c)
{
    return c->old ? c->old_range : asked(c);
}

static const uint8_t *judged_bytes(const struct change *c)
{
    return c->old ? c->old : c->target + (asked(c).start - c->request.start);
}

/* The place for code that what is judged begins with, or NULL. */
static const struct code_area *first_area(const struct change *c, const struct code_areas *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->item[i].range.start == judged(c).start)
            return &a->item[i];
    return NULL;
}

/* ---- what is said ---- */

static void say_boots(struct change *c, enum change_verdict verdict, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void say_boots(struct change *c, enum change_verdict verdict, const char *fmt, ...)
{
    va_list ap;
    c->boots = verdict;
    va_start(ap, fmt);
    vsnprintf(c->boots_why, sizeof c->boots_why, fmt, ap);
    va_end(ap);
}

/* Back or on: what would be refused otherwise is only said. */
static bool goes_back_or_on(const struct change *c)
{
    return c->kind == PLAN_RESTORE || c->backup_stands;
}

/* prefix: how the refusal begins, where the words after "it will not boot" would repeat it. */
static bkf_status refuse(struct change *c, const char *prefix, const char *why, bkf_error *err)
{
    bool said = c->boots == BOOTS_NO;
    if (!goes_back_or_on(c) && !(c->flags & BKF_CHANGE_ANY_IMAGE))
        return error_set(err, BKF_E_IMAGE, "%s%s; nothing was written (--anyway writes it)", prefix,
                         why);
    if (!said)
        say_boots(c, BOOTS_NO, "%s", why);
    if (!said && !goes_back_or_on(c))
        session_log(c->s, BKF_LOG_WARN, "written on request: %s%s", prefix, why);
    return BKF_OK;
}

/* Code is fetched through CRC-checked blocks of 34 bytes (crc34.h): most of them wrong, and the
 * very first one too, is no code that was damaged but something else. */
static bool is_no_code(const struct change *c, const struct code_area *q, char why[300])
{
    struct crc34_stat stat;
    if (!q || q->range.start % CRC34_BLOCK)
        return false;
    crc34_stat(judged_bytes(c), range_len(range_intersect(q->range, judged(c))), &stat);
    if (!stat.blocks || stat.leading_good || stat.bad <= stat.good + stat.erased)
        return false;
    snprintf(why, 300,
             "%s holds code, and this is none: %zu of %zu blocks of 34 bytes have a wrong CRC, the "
             "first one too ('bkflash convert crc-add' makes code of a plain program)",
             q->name, stat.bad, stat.blocks - stat.erased);
    return true;
}

/* ---- images ---- */

static bkf_status judge_place(struct change *c, const struct image_facts *f, bkf_error *err)
{
    char why[200];
    if (f->base == judged(c).start)
        return BKF_OK;
    snprintf(why, sizeof why, "this is a %s made for 0x%x, not for 0x%x", image_kind_title(f->kind),
             f->base, judged(c).start);
    return refuse(c, "", why, err);
}

/* The first row that says no is the reason; *doubt: the first that warns, or NULL. */
static bkf_status judge_rows(struct change *c, const struct verdict *v,
                             const struct verdict_row **doubt, bkf_error *err)
{
    char why[400];
    *doubt = NULL;
    for (size_t i = 0; i < v->n; i++) {
        if (v->row[i].state == VERDICT_NO) {
            snprintf(why, sizeof why, "%s: %s", v->row[i].what, v->row[i].text);
            return refuse(c, "this image would not boot: ", why, err);
        }
        if (v->row[i].state == VERDICT_WARN && !*doubt)
            *doubt = &v->row[i];
    }
    return BKF_OK;
}

/* What the profile says of the chip. */
static void know_chip(const struct change *c, struct verdict_device *d)
{
    const struct bkf_profile *p = c->s->profile;
    d->source = "profile";
    d->chip = p->chip_name;
    d->names = p->chip_names;
    d->marker = p->chip_marker && strcmp(p->chip_marker, "none") == 0 ? "" : p->chip_marker;
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

/* The bootloader that a change from 0 on replaces or has begun to: NULL = not known. */
static uint8_t *old_bootloader(const struct change *c, size_t n)
{
    uint8_t *out = malloc(n), *data = NULL;
    struct sidecar side = { 0 };
    bkf_error ignored = BKF_ERROR_INIT;
    if (out && !c->backup_stands) {
        memcpy(out, c->current, n);
        return out;
    }
    bool got = out && c->backup && !change_dump_load(c->backup, &data, &side, &ignored) &&
               side.range.start == 0 && side.range.end >= n;
    if (got)
        memcpy(out, data, n);
    else
        free(out);
    free(data);
    sidecar_free(&side);
    return got ? out : NULL;
}

static bkf_status know_device(struct change *c, const struct image_facts *f, struct chip_key *k,
                              struct verdict_device *d, bkf_error *err)
{
    uint8_t head[SECTOR], *old = NULL;
    bool got = false, whole = judged(c).start == 0;
    size_t n = range_len(judged(c)) < 0x11000 ? range_len(judged(c)) : 0x11000;
    bkf_status st = BKF_OK;
    k->from_profile.state = KEY_KNOWN;
    if (d->layout && d->layout->key[0] && crypt_parse(d->layout->key, &k->from_profile.key)) {
        k->from_profile.name = crypt_name(&k->from_profile.key);
        d->key = &k->from_profile;
    }
    if (whole && c->kind == PLAN_RESTORE && c->may_change_keep) {
        d->key = &f->boot.key; /* its own dump: that is how it was */
        return BKF_OK;
    }
    if (whole)
        got = (old = old_bootloader(c, n)) != NULL;
    else
        st = read_head(c, head, &got, err);
    if (got && bootloader_read(whole ? old : head, whole ? n : SECTOR, &k->boot) &&
        k->boot.key.state != KEY_UNKNOWN) {
        d->boot = whole ? &k->boot : NULL; /* a part of it proves the key and no more */
        d->key = &k->boot.key;
    }
    free(old);
    return st;
}

static bkf_status judge_key(struct change *c, const struct image_facts *f, bkf_error *err)
{
    struct chip_key k = { .from_profile = { 0 } };
    struct verdict_device d = { 0 };
    struct verdict v;
    const struct verdict_row *doubt;
    if (layout_of_profile(c->s->profile, &k.layout))
        d.layout = &k.layout;
    know_chip(c, &d);
    bkf_status st = know_device(c, f, &k, &d, err);
    if (st)
        return st;
    verdict_of(f, &d, &v);
    st = judge_rows(c, &v, &doubt, err);
    if (!st && c->boots == BOOTS_UNSAID)
        say_boots(c, BOOTS_YES, "%s%s%s", doubt ? doubt->what : "", doubt ? ": " : "",
                  doubt ? doubt->text : "");
    return st;
}

/* Good code up to the very end, and that inside the place for it: not all of a program. */
static void say_cut(struct change *c, const struct image_facts *f, const struct code_area *q)
{
    uint32_t end = judged(c).end, code = judged(c).start ? f->app.leading_end : f->boot.leading_end;
    if (c->boots == BOOTS_YES && q && end < q->range.end && code + CRC34_BLOCK > end)
        say_boots(c, BOOTS_UNKNOWN, "%s goes on behind what was %s", q->name,
                  c->kind == PLAN_RESTORE ? "put back" : "written");
}

/* By what kind of image it is, and for which chip. */
static bkf_status judge_form(struct change *c, const struct image_facts *f,
                             const struct code_area *q, bkf_error *err)
{
    struct verdict_device d = { 0 };
    struct verdict v;
    const struct verdict_row *doubt;
    char why[300];
    if (is_package(f)) {
        snprintf(why, sizeof why,
                 "%s is not flash content: the chip executes packed code only ('bkflash "
                 "splice' or 'convert' make it)",
                 image_kind_title(f->kind));
        return refuse(c, "", why, err);
    }
    if (f->kind == KIND_DUMP_TURNED) {
        snprintf(
            why, sizeof why,
            "this dump begins with flash offset 0x%zx and wraps around: its bytes from 0x%x on "
            "belong in front",
            f->size - f->turned, f->turned);
        return refuse(c, "", why, err);
    }
    if (!is_program(f)) {
        if (!is_no_code(c, q, why))
            return BKF_OK;
        if (!q->guessed)
            return refuse(c, "", why, err);
        say_boots(c, BOOTS_UNKNOWN, "%s", why);
        return BKF_OK;
    }
    bkf_status st = judge_place(c, f, err);
    know_chip(c, &d);
    verdict_of_chip(f, &d, &v);
    return st ? st : judge_rows(c, &v, &doubt, err);
}

/* A piece of flash from a program on shows no layout, and what lies behind the program is no bad
 * code: where a known place for it ends with all blocks in front right, so does the program. */
static uint32_t program_end(const struct change *c, const struct code_areas *a,
                            const struct image_facts *f)
{
    bkf_range all = judged(c);
    if (f->kind == KIND_UA && !f->layout && f->app.bad)
        for (size_t i = 0; i < a->n; i++) {
            bkf_range r = a->item[i].range;
            if (r.start == all.start && r.end < all.end && r.end >= f->app.leading_end &&
                r.end <= f->app.first_bad)
                return r.end;
        }
    return all.end;
}

static bkf_status inspect_judged(const struct change *c, const struct code_areas *a,
                                 struct image_facts **out, bkf_error *err)
{
    bkf_range all = judged(c);
    const struct layout_set *l = &c->layouts;
    bkf_status st = inspect_image(judged_bytes(c), range_len(all), l->items, l->n, out, err);
    uint32_t end = st ? all.end : program_end(c, a, *out);
    if (end == all.end)
        return st;
    inspect_free(*out);
    return inspect_image(judged_bytes(c), end - all.start, l->items, l->n, out, err);
}

static bkf_status judge(struct change *c, const struct code_areas *a, bool attached, bkf_error *err)
{
    const struct code_area *q = first_area(c, a);
    struct image_facts *f;
    bkf_status st = inspect_judged(c, a, &f, err);
    if (st)
        return st;
    st = judge_form(c, f, q, err);
    if (!st && attached && is_program(f)) {
        st = judge_key(c, f, err);
        say_cut(c, f, q);
    } else if (!st && attached && c->boots == BOOTS_UNSAID) {
        say_boots(c, BOOTS_UNKNOWN, "no program under a known key is in it");
    }
    inspect_free(f);
    return st;
}

/* ---- the change as a whole ---- */

/* An erase leaves no program behind, but whether another slot boots is not known; and what a
 * part of a program becomes is not, either. */
static void judge_parts(struct change *c, const struct code_areas *a)
{
    const char *done = c->kind == PLAN_ERASE ? "erased" : c->undoing ? "put back" : "changed";
    for (size_t i = 0; i < a->n && c->boots == BOOTS_UNSAID; i++) {
        const struct code_area *q = &a->item[i];
        bool whole = c->kind == PLAN_ERASE && range_contains(asked(c), q->range);
        bool dead = c->kind == PLAN_ERASE && !q->range.start && !asked(c).start;
        if (range_overlaps(q->range, asked(c)))
            say_boots(c, dead ? BOOTS_NO : BOOTS_UNKNOWN, "%s%s %s %s", whole ? "" : "part of ",
                      q->name, whole ? "is" : "was", done);
    }
}

/* They tell where code lies, and where a program ends. */
static bkf_status load_layouts(struct change *c, bkf_error *err)
{
    struct diag_list diags = { 0 };
    if (c->layouts.items)
        return BKF_OK;
    bkf_status st = layouts_load(&c->s->ctx->env, c->s->profile, &diags, &c->layouts, err);
    ctx_diags(c->s->ctx, &c->s->cb, &diags);
    return st;
}

bkf_status change_boots(struct change *c, bool attached, bkf_error *err)
{
    struct code_areas areas = { .n = 0 };
    if (!attached && c->kind != PLAN_WRITE)
        return BKF_OK;
    bkf_status st = load_layouts(c, err);
    if (st)
        return st;
    code_areas_find(c, &areas);
    const struct code_area *q = first_area(c, &areas);
    bool touches = asked(c).start == 0;
    for (size_t i = 0; i < areas.n && !touches; i++)
        touches = range_overlaps(areas.item[i].range, asked(c));
    if (touches && c->kind != PLAN_ERASE && (q || !judged(c).start))
        return judge(c, &areas, attached, err);
    if (touches && attached)
        judge_parts(c, &areas);
    return BKF_OK;
}
