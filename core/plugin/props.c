/* props.c - a class's options: text from profile and command line against its table. */
#include "loader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value {
    const char *text; /* in the arena of props, or static */
    uint64_t num;
};
struct props {
    bkf_props view;
    const bkf_prop_spec *spec;
    size_t n;
    struct value *values; /* one per spec */
    char **owned;         /* copies of texts, one per spec, may be NULL */
};

static const char *type_name(uint32_t type)
{
    switch (type) {
    case BKF_PROP_UINT:
        return "a number (4096, 0x1000, 4K or 4M)";
    case BKF_PROP_BOOL:
        return "yes or no";
    case BKF_PROP_HERTZ:
        return "a frequency with its unit (50Hz, 30kHz, 1MHz)";
    case BKF_PROP_MICROSECONDS:
        return "a time with its unit (500us, 70ms, 1s)";
    default:
        return "text";
    }
}

static const char *unit_name(uint32_t type)
{
    return type == BKF_PROP_HERTZ ? " Hz" : type == BKF_PROP_MICROSECONDS ? " us" : "";
}

bool prop_parse(const bkf_prop_spec *p, const char *text, uint64_t *num, struct prop_problem *why)
{
    bool ok = true;
    uint64_t v = 0;
    switch (p->type) {
    case BKF_PROP_UINT:
        ok = num_parse_size(text, &v);
        break;
    case BKF_PROP_BOOL:
        ok = num_parse_bool(text, &v);
        break;
    case BKF_PROP_HERTZ:
        ok = num_parse_hz(text, &v);
        break;
    case BKF_PROP_MICROSECONDS:
        ok = num_parse_us(text, &v);
        break;
    default:
        break;
    }
    if (!ok) {
        snprintf(why->text, sizeof why->text, "'%.60s' is not %s", text, type_name(p->type));
        return false;
    }
    if (p->type != BKF_PROP_STRING && (p->min || p->max) && (v < p->min || v > p->max)) {
        snprintf(why->text, sizeof why->text, "'%.60s' is out of range, %llu to %llu%s", text,
                 (unsigned long long)p->min, (unsigned long long)p->max, unit_name(p->type));
        return false;
    }
    *num = v;
    return true;
}

static size_t spec_len(const bkf_prop_spec *spec)
{
    size_t n = 0;
    while (spec && spec[n].key)
        n++;
    return n;
}

static size_t spec_find(const bkf_prop_spec *spec, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(spec[i].key, key) == 0)
            return i;
    return n;
}

/* -- what plugins see ------------------------------------------------------------------ */

static const char *view_str(const bkf_props *view, const char *key)
{
    const struct props *p = view->handle;
    size_t i = key ? spec_find(p->spec, p->n, key) : p->n;
    return i < p->n ? p->values[i].text : "";
}

static uint64_t view_num(const bkf_props *view, const char *key)
{
    const struct props *p = view->handle;
    size_t i = key ? spec_find(p->spec, p->n, key) : p->n;
    return i < p->n ? p->values[i].num : 0;
}

/* -- building ----------------------------------------------------------------------------- */

struct build {
    struct props *p;
    const char *who;
    struct diag_list *diags;
    const char *(*fill)(void *ud, const char *what);
    void *ud;
    bool in_profile, on_command_line; /* where mistakes were made */
    bool no_memory;
};

static void unknown_key(struct build *b, const struct prop_input *in)
{
    const char *words[257];
    size_t n = 0;
    for (; n < b->p->n && n + 1 < ARRAY_LEN(words); n++)
        words[n] = b->p->spec[n].key;
    words[n] = NULL;
    const char *near = suggest_word(in->key, words);
    if (near)
        diag_add(b->diags, DIAG_ERROR, in->file, in->line, NULL, in->key,
                 "%s has no option '%s'; did you mean '%s'?", b->who, in->key, near);
    else if (n == 0)
        diag_add(b->diags, DIAG_ERROR, in->file, in->line, NULL, in->key,
                 "%s has no option '%s', it takes none", b->who, in->key);
    else {
        struct strbuf list = STRBUF_INIT;
        for (size_t i = 0; i < n; i++)
            strbuf_addf(&list, "%s%s", i ? ", " : "", words[i]);
        diag_add(b->diags, DIAG_ERROR, in->file, in->line, NULL, in->key,
                 "%s has no option '%s'; it has: %s", b->who, in->key,
                 list.failed ? "others" : list.data);
        strbuf_free(&list);
    }
}

static void take(struct build *b, size_t i, const char *text, uint64_t num)
{
    char *copy = strdup(text);
    if (!copy) {
        b->no_memory = true;
        return;
    }
    free(b->p->owned[i]);
    b->p->owned[i] = copy;
    b->p->values[i] = (struct value){ copy, num };
}

static void one_input(struct build *b, const struct prop_input *in, bool *given)
{
    size_t i = spec_find(b->p->spec, b->p->n, in->key);
    struct prop_problem why;
    uint64_t num = 0;
    bool *wrong = in->file ? &b->in_profile : &b->on_command_line;
    if (i == b->p->n) {
        unknown_key(b, in);
        *wrong = true;
        return;
    }
    given[i] = true;
    /* An empty value takes back what an included file or the profile said. */
    if (in->value[0] && !prop_parse(&b->p->spec[i], in->value, &num, &why)) {
        diag_add(b->diags, DIAG_ERROR, in->file, in->line, NULL, in->key, "option '%s' of %s: %s",
                 in->key, b->who, why.text);
        *wrong = true;
        return;
    }
    take(b, i, in->value, num);
    if (!in->value[0])
        given[i] = false;
}

static void one_default(struct build *b, size_t i)
{
    const bkf_prop_spec *s = &b->p->spec[i];
    struct prop_problem why;
    uint64_t num = 0;
    if (!s->dflt) {
        diag_add(b->diags, DIAG_ERROR, NULL, 0, NULL, s->key,
                 "%s needs option '%s' (%s): write 'opt.%s = ...' in the profile or give -O %s=...",
                 b->who, s->key, s->help, s->key, s->key);
        b->on_command_line = true;
        return;
    }
    bool filled = s->dflt[0] == '@';
    const char *text = filled ? (b->fill ? b->fill(b->ud, s->dflt + 1) : NULL) : s->dflt;
    if (!text || !text[0]) {
        take(b, i, "", 0);
    } else if (prop_parse(s, text, &num, &why)) {
        take(b, i, text, num);
    } else {
        diag_add(b->diags, DIAG_ERROR, NULL, 0, NULL, s->key, "option '%s' of %s, %s %s: %s",
                 s->key, b->who, filled ? "taken from the profile's" : "default", s->dflt + filled,
                 why.text);
        b->in_profile = true;
    }
}

static bkf_status finish(const struct build *b, size_t first, bkf_error *err)
{
    if (b->no_memory || b->diags->failed)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (!b->in_profile && !b->on_command_line)
        return BKF_OK;
    const struct diag *d = &b->diags->items[first];
    bkf_status st = b->in_profile ? BKF_E_PROFILE : BKF_E_PARAM;
    if (d->file)
        return error_set(err, st, "%s:%d: %s", d->file, d->line, d->text);
    return error_set(err, st, "%s", d->text);
}

bkf_status props_new(const bkf_prop_spec *spec, const char *who, const struct prop_input *in,
                     size_t n, const char *(*fill)(void *ud, const char *what), void *ud,
                     struct diag_list *diags, struct props **out, bkf_error *err)
{
    *out = NULL;
    size_t count = spec_len(spec), first = diags->n;
    struct props *p = calloc(1, sizeof *p);
    bool *given = calloc(count + 1, sizeof *given);
    if (p) {
        p->view = (bkf_props){
            .struct_size = sizeof p->view, .handle = p, .str = view_str, .num = view_num
        };
        p->spec = spec;
        p->values = calloc(count + 1, sizeof *p->values);
        p->owned = calloc(count + 1, sizeof *p->owned);
    }
    bkf_status s = BKF_E_NOMEM;
    if (!p || !given || !p->values || !p->owned) {
        error_set(err, s, "out of memory");
    } else {
        p->n = count;
        struct build b = { p, who, diags, fill, ud, false, false, false };
        for (size_t i = 0; i < n; i++)
            one_input(&b, &in[i], given);
        for (size_t i = 0; i < count; i++)
            if (!given[i])
                one_default(&b, i);
        s = finish(&b, first, err);
    }
    free(given);
    if (s == BKF_OK)
        *out = p;
    else
        props_free(p);
    return s;
}

const bkf_props *props_view(const struct props *p)
{
    return &p->view;
}

void props_free(struct props *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->owned && i < p->n; i++)
        free(p->owned[i]);
    free(p->owned);
    free(p->values);
    free(p);
}
