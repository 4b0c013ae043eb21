/* Would it boot?  Each condition is a row that says what was looked at. */
#include "bytes.h"
#include "crc34.h"
#include "splice.h"
#include <stdio.h>

enum { BOOT_MAX = 0x11000 };

static void say(struct verdict *v, enum verdict_state state, const char *what, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void say(struct verdict *v, enum verdict_state state, const char *what, const char *fmt, ...)
{
    if (state == VERDICT_NO)
        v->boots = false;
    if (v->n == VERDICT_ROWS)
        return;
    struct verdict_row *r = &v->row[v->n++];
    va_list ap;
    r->state = state;
    snprintf(r->what, sizeof r->what, "%s", what);
    va_start(ap, fmt);
    vsnprintf(r->text, sizeof r->text, fmt, ap);
    va_end(ap);
}

static const char *key_text(const struct code_key *k)
{
    return k->name ? k->name : key_state_text(k->state);
}

static bool same_key(const struct code_key *a, const struct code_key *b)
{
    bool on_a = crypt_active(&a->key), on_b = crypt_active(&b->key);
    return on_a == on_b && (!on_a || memcmp(&a->key, &b->key, sizeof a->key) == 0);
}

/* Every claim that names chips must name this one; several names: fits any of them. */
static void chip_rows(const struct image_facts *f, const struct verdict_device *d,
                      struct verdict *v)
{
    for (size_t i = 0; d->names && i < f->n_claims; i++) {
        const struct claim *c = &f->claim[i];
        const char *text = c->value;
        char name[CHIP_NAME];
        size_t n = 0, fit = 0;
        if (strcmp(c->what, "chip") != 0 || c->sure < SURE_LIKELY)
            continue;
        for (; chip_name_next(&text, name); n++)
            fit += chip_goes_by(d->names, name);
        if (fit)
            say(v, VERDICT_OK, "chip", "made for %s (%s)", c->value, c->evidence);
        else if (n)
            say(v, VERDICT_NO, "chip", "it is made for %s (%s), and the chip of the %s is %s",
                c->value, c->evidence, d->source, d->chip);
    }
}

/* What the boot ROM wants is known from the chip's profile, else from what runs there. */
static void marker_row(const struct bootloader *b, const struct verdict_device *d,
                       struct verdict *v)
{
    bool known = d->marker != NULL;
    const char *has = b->marker_text, *want = known ? d->marker : d->boot->marker_text;
    if (*want && !*has)
        say(v, VERDICT_NO, "marker",
            "the boot ROM of this chip wants '%s' in clear at 0x100; it is missing", want);
    else if (!*want && *has)
        say(v, known ? VERDICT_NO : VERDICT_WARN, "marker",
            "it is made for a chip whose boot ROM wants '%s'; %s", has,
            known ? "this chip's wants no marker" : "the device's own has no marker");
    else if (*want && strcmp(want, has) != 0)
        say(v, VERDICT_NO, "marker", "'%s' at 0x100, the %s '%s'", has,
            known ? "boot ROM of this chip wants" : "device's bootloader has", want);
}

static bool has_own_boot(const struct image_facts *f)
{
    return f->base == 0 && (f->boot.present || f->kind == KIND_QIO || f->kind == KIND_DUMP);
}

static void made_for_rows(const struct image_facts *f, const struct verdict_device *d,
                          struct verdict *v)
{
    chip_rows(f, d, v);
    if (has_own_boot(f) && f->boot.key.state != KEY_UNKNOWN &&
        (d->marker || (d->boot && d->boot->present)))
        marker_row(&f->boot, d, v);
}

static void boot_rows(const struct bootloader *b, const struct verdict_device *d, struct verdict *v)
{
    if (b->key.state == KEY_UNKNOWN) {
        say(v, VERDICT_NO, "bootloader", "its vectors make no sense under any known key");
        return;
    }
    if (b->leading_end > BOOT_MAX)
        say(v, VERDICT_NO, "bootloader", "its code runs to 0x%x, past 0x11000", b->leading_end);
    if (!d->key || d->key->state == KEY_UNKNOWN)
        say(v, VERDICT_WARN, "chip key",
            "not known; this bootloader is enciphered with key '%s' and boots only on a chip that "
            "holds it",
            key_text(&b->key));
    else if (same_key(d->key, &b->key))
        say(v, VERDICT_OK, "chip key", "bootloader and chip have the key '%s'", key_text(&b->key));
    else
        say(v, VERDICT_NO, "chip key",
            "the chip deciphers with '%s' but this bootloader is enciphered with '%s': it would "
            "execute garbage and stay silent",
            key_text(d->key), key_text(&b->key));
}

static void app_rows(const struct image_facts *f, const struct code_key *boot, struct verdict *v)
{
    const struct app_facts *a = &f->app;
    if (!a->present) {
        say(v, VERDICT_NO, "program", "the first block at 0x11000 is erased or has a bad CRC");
        return;
    }
    if (a->key.state == KEY_UNKNOWN) {
        say(v, VERDICT_NO, "program", "its vectors make no sense under any known key");
        return;
    }
    if (!boot || boot->state == KEY_UNKNOWN)
        say(v, VERDICT_WARN, "program key", "'%s'; the bootloader's key is not known",
            key_text(&a->key));
    else if (same_key(boot, &a->key))
        say(v, VERDICT_OK, "program key", "'%s', the same as the bootloader's", key_text(&a->key));
    else
        say(v, VERDICT_NO, "program key",
            "'%s', but the chip runs with '%s': the bootloader would start and jump into garbage",
            key_text(&a->key), key_text(boot));
    uint32_t end = a->end, bad_in = a->first_bad;
    if (a->bad && bad_in < end)
        say(v, f->n_parts || f->kind == KIND_UA || f->kind == KIND_QIO ? VERDICT_NO : VERDICT_WARN,
            "program CRC", "%zu blocks are bad, the first at 0x%x: executing one stops the chip",
            a->bad, bad_in);
    else
        say(v, VERDICT_OK, "program CRC", "all %zu blocks are right", a->good);
}

/* The table decides where OTA looks and how long the program may be. */
static void table_rows(const struct image_facts *f, const struct bootloader *b, struct verdict *v)
{
    const struct fal_entry *app = fal_find(&b->fal, "app");
    if (!app || !f->app.present)
        return;
    if (app->physical.start != f->app.at)
        say(v, VERDICT_NO, "table", "the bootloader starts the program at 0x%x, it is at 0x%x",
            app->physical.start, f->app.at);
    else if (f->app.leading_end > app->physical.end)
        say(v, VERDICT_NO, "table", "the program ends at 0x%x, the bootloader's table at 0x%x",
            f->app.leading_end, app->physical.end);
    else
        say(v, VERDICT_OK, "table", "the program fits the bootloader's 0x%x..0x%x",
            app->physical.start, app->physical.end);
}

static void layout_rows(const struct image_facts *f, const struct image_layout *l,
                        struct verdict *v)
{
    if (!l || !f->app.present)
        return;
    uint32_t end = f->app.leading_end;
    for (size_t i = 0; i < l->n_parts; i++) {
        const struct image_partition *p = &l->part[i];
        bool after = p->range.start > f->app.at && p->policy == POLICY_NEVER;
        if (after && p->range.start < end)
            say(v, VERDICT_NO, "layout", "the program ends at 0x%x and would overwrite %s at 0x%x",
                end, p->name, p->range.start);
    }
    if (l->flash_size && f->base + f->data_len > l->flash_size)
        say(v, VERDICT_NO, "size", "ends at 0x%zx, the flash at 0x%x", f->base + f->data_len,
            l->flash_size);
}

static void form_row(const struct image_facts *f, struct verdict *v)
{
    switch (f->kind) {
    case KIND_DUMP:
    case KIND_DUMP_TURNED:
    case KIND_DUMP_APP:
    case KIND_QIO:
    case KIND_UA:
    case KIND_BOOTLOADER:
        return;
    case KIND_RBL:
    case KIND_UG:
        say(v, VERDICT_NO, "form",
            "%s: written as it is it would not boot; 'convert' or 'splice' make a flash image of "
            "it",
            image_kind_title(f->kind));
        return;
    default:
        say(v, VERDICT_NO, "form", "%s is not executable flash content", image_kind_title(f->kind));
    }
}

void verdict_of_chip(const struct image_facts *f, const struct verdict_device *d, struct verdict *v)
{
    memset(v, 0, sizeof *v);
    v->boots = true;
    made_for_rows(f, d, v);
}

void verdict_of(const struct image_facts *f, const struct verdict_device *d, struct verdict *v)
{
    memset(v, 0, sizeof *v);
    v->boots = true;
    form_row(f, v);
    if (!v->boots)
        return;
    made_for_rows(f, d, v);
    bool own_boot = has_own_boot(f);
    const struct bootloader *b = own_boot ? &f->boot : d->boot;
    if (own_boot && !f->boot.present)
        say(v, VERDICT_NO, "bootloader", "the first block at 0 is erased or has a bad CRC");
    else if (own_boot)
        boot_rows(&f->boot, d, v);
    else if (b && b->present)
        say(v, VERDICT_OK, "bootloader", "the device's own, %s",
            b->version[0] ? b->version : "no version text");
    if (f->kind == KIND_BOOTLOADER)
        return;
    const struct code_key *key = d->key && d->key->state != KEY_UNKNOWN ? d->key
                                 : b                                    ? &b->key
                                                                        : NULL;
    app_rows(f, key, v);
    if (b && b->present)
        table_rows(f, b, v);
    layout_rows(f, d->layout, v);
}

static const char *const states[] = { "ok", "warning", "no" };

json_t *verdict_json(const struct verdict *v)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < v->n; i++)
        json_array_append_new(rows, json_pack("{s:s,s:s,s:s}", "state", states[v->row[i].state],
                                              "what", v->row[i].what, "text", v->row[i].text));
    return json_pack("{s:b,s:o}", "boots", v->boots, "checks", rows);
}

void verdict_text(const struct verdict *v, struct strbuf *out)
{
    strbuf_addf(out, "%s\n",
                v->boots ? "as far as the bytes tell, this boots" : "this would not boot");
    for (size_t i = 0; i < v->n; i++)
        strbuf_addf(out, "  %-8s %-12s %s\n", states[v->row[i].state], v->row[i].what,
                    v->row[i].text);
}
