/* bind.c - pads against the adapter's line table, options against the classes' tables. */
#include "bind.h"
#include "reader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const bkf_line_spec *bind_line(const bkf_adapter_class *c, const char *name)
{
    for (const bkf_line_spec *l = c->lines; l && l->name; l++)
        if (strcmp(l->name, name) == 0 || (l->alias && strcmp(l->alias, name) == 0))
            return l;
    return NULL;
}

struct pad_at {
    const struct prof_route *route;
    const bkf_adapter_class *adapter;
    const struct prof_pad *pad;
    char section[64];
    struct diag_list *diags;
};

#define PAD_BAD(A, ...)                                                                       \
    finding_add((A)->diags, DIAG_ERROR, (A)->pad->at->file, (A)->pad->at->line, (A)->section, \
                (A)->pad->pad, __VA_ARGS__)

/* "D2, SCK or SO" of what the class has. */
static void list_lines(const bkf_adapter_class *c, struct strbuf *sb)
{
    size_t n = 0;
    for (const bkf_line_spec *l = c->lines; l && l->name && n < 40; l++, n++)
        strbuf_addf(sb, "%s%s", n ? ", " : "", l->name);
}

static void no_such_line(const struct pad_at *a)
{
    const char *words[129];
    size_t n = 0;
    for (const bkf_line_spec *l = a->adapter->lines; l && l->name && n < 126; l++) {
        words[n++] = l->name;
        if (l->alias)
            words[n++] = l->alias;
    }
    words[n] = NULL;
    struct strbuf sb = STRBUF_INIT;
    const char *near = suggest_word(a->pad->line, words);
    list_lines(a->adapter, &sb);
    if (near)
        PAD_BAD(a, "%s has no line '%s', did you mean '%s'?", a->adapter->name, a->pad->line, near);
    else
        PAD_BAD(a, "%s has no line '%s'; it has %s", a->adapter->name, a->pad->line,
                sb.data ? sb.data : "none");
    strbuf_free(&sb);
}

struct need {
    const char *signal;
    uint32_t roles; /* any of */
    const char *what;
};

/* Signals are the chip's: what the chip receives the adapter must send. */
static const struct need *need_of(const char *signal)
{
    static const struct need needs[] = {
        { "sck", BKF_ROLE_SCK, "clock output" },
        { "mosi", BKF_ROLE_MOSI, "MOSI output" },
        { "miso", BKF_ROLE_MISO, "MISO input" },
        { "cs0", BKF_ROLE_CS, "chip select" },
        { "rx", BKF_ROLE_TX, "transmitter (rx is the chip's input)" },
        { "tx", BKF_ROLE_RX, "receiver (tx is the chip's output)" },
        { "cen", BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN, "output" },
    };
    for (size_t i = 0; i < ARRAY_LEN(needs); i++)
        if (strcmp(needs[i].signal, signal) == 0)
            return &needs[i];
    return NULL;
}

static void suitable_lines(const bkf_adapter_class *c, uint32_t roles, struct strbuf *sb)
{
    for (const bkf_line_spec *l = c->lines; l && l->name; l++)
        if (l->roles & roles)
            strbuf_addf(sb, "%s%s", sb->len ? ", " : "", l->name);
}

static void check_role(const struct pad_at *a, const bkf_line_spec *line)
{
    const struct need *need = need_of(a->pad->signal);
    if (!need || (line->roles & need->roles))
        return;
    struct strbuf sb = STRBUF_INIT;
    suitable_lines(a->adapter, need->roles, &sb);
    PAD_BAD(a, "line %s of %s is no %s%s%s", a->pad->line, a->adapter->name, need->what,
            sb.len ? "; use " : "", sb.len ? sb.data : "");
    strbuf_free(&sb);
}

static void check_pads(const struct prof_route *route, const bkf_adapter_class *class,
                       struct diag_list *diags)
{
    struct pad_at a = { .route = route, .adapter = class, .diags = diags };
    snprintf(a.section, sizeof a.section, "pads%s%s", *route->name ? ":" : "", route->name);
    for (size_t i = 0; i < route->n_pads; i++) {
        a.pad = &route->pads[i];
        const bkf_line_spec *line = bind_line(class, a.pad->line);
        if (!line) {
            no_such_line(&a);
            continue;
        }
        check_role(&a, line);
        for (size_t k = 0; k < i; k++)
            if (bind_line(class, route->pads[k].line) == line)
                PAD_BAD(&a, "line %s carries %s already, as %s", line->name, route->pads[k].signal,
                        route->pads[k].line);
    }
}

/* Without [pads] the lines must be called like the signals (simulator). */
static void check_unwired(const struct prof_route *route, const bkf_adapter_class *class,
                          struct diag_list *diags)
{
    static const char *const spi[] = { "sck", "mosi", "miso", "cs0", NULL };
    static const char *const uart[] = { "rx", "tx", NULL };
    static const char *const log[] = { "tx", NULL };
    char section[64];
    snprintf(section, sizeof section, "adapter%s%s", *route->name ? ":" : "", route->name);
    const char *const *need = route->transport == TRANSPORT_SPI    ? spi
                              : route->transport == TRANSPORT_UART ? uart
                                                                   : log;
    for (size_t i = 0; need[i]; i++)
        if (!bind_line(class, need[i])) {
            finding_add(diags, DIAG_ERROR, route->at->file, route->at->line, section, NULL,
                        "%s has no line named '%s': [pads%s%s] must say which line carries it",
                        class->name, need[i], *route->name ? ":" : "", route->name);
            return;
        }
}

void profile_bind_pads(const struct prof_route *route, const bkf_adapter_class *class,
                       struct diag_list *diags)
{
    if (route->n_pads)
        check_pads(route, class, diags);
    else
        check_unwired(route, class, diags);
}

/* -- options ------------------------------------------------------------------------------ */

static const char *unset(void *ud, const char *what)
{
    (void)ud;
    (void)what;
    return NULL;
}

/* props_new knows keys without their section: "speed" -> [adapter:uart] opt.speed. */
static void name_options(struct diag_list *diags, size_t from, const char *section)
{
    for (size_t i = from; i < diags->n; i++) {
        struct diag *d = &diags->items[i];
        struct strbuf key = STRBUF_INIT;
        if (!d->file || d->section || !d->key)
            continue; /* of the command line, or somebody else's */
        strbuf_addf(&key, "opt.%s", d->key);
        char *named = strbuf_take(&key), *where = strdup(section);
        if (!named || !where) {
            free(named);
            free(where);
            return;
        }
        free(d->key);
        d->key = named;
        d->section = where;
    }
}

bkf_status profile_bind_options(const struct bind_options *o, struct diag_list *diags,
                                bkf_error *err)
{
    size_t before = diags->n;
    struct prop_input *in = calloc(o->n + o->n_extra + 1, sizeof *in);
    struct props *props = NULL;
    if (!in)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    for (size_t i = 0; i < o->n; i++)
        in[i] = (struct prop_input){ o->options[i].key, o->options[i].value, o->options[i].at->file,
                                     o->options[i].at->line };
    if (o->n_extra)
        memcpy(in + o->n, o->extra, o->n_extra * sizeof *in);
    bkf_status st = props_new(o->spec, o->who, in, o->n + o->n_extra, o->fill ? o->fill : unset,
                              o->ud, diags, &props, err);
    name_options(diags, before, o->section);
    props_free(props);
    free(in);
    return st == BKF_E_NOMEM ? st : BKF_OK; /* anything else is among the findings */
}

static bkf_status bind_adapter(const struct bind_request *r, struct diag_list *diags,
                               bkf_error *err)
{
    const struct prof_route *route = r->route;
    char section[64];
    snprintf(section, sizeof section, "adapter%s%s", route && *route->name ? ":" : "",
             route ? route->name : "");
    const struct bind_options o = {
        .section = section,
        .spec = r->adapter->props,
        .who = r->adapter->name,
        .options = route ? route->options : NULL,
        .n = route ? route->n_options : 0,
        .extra = r->adapter_extra,
        .n_extra = r->n_adapter_extra,
        .fill = r->fill,
        .ud = r->ud,
    };
    if (route)
        profile_bind_pads(route, r->adapter, diags);
    return profile_bind_options(&o, diags, err);
}

static bkf_status bind_chip(const struct bind_request *r, struct diag_list *diags, bkf_error *err)
{
    const struct bind_options o = {
        .section = "chip",
        .spec = r->chip->props,
        .who = r->chip->name,
        .options = r->profile->chip_options,
        .n = r->profile->n_chip_options,
        .fill = r->fill,
        .ud = r->ud,
    };
    return profile_bind_options(&o, diags, err);
}

bkf_status profile_bind(const struct bind_request *r, struct diag_list *diags, bkf_error *err)
{
    size_t before = diags->errors;
    bkf_status st = r->adapter ? bind_adapter(r, diags, err) : BKF_OK;
    if (!st && r->chip)
        st = bind_chip(r, diags, err);
    if (st || diags->failed)
        return st ? st : error_set(err, BKF_E_NOMEM, "out of memory");
    diag_sort(diags);
    if (diags->errors == before)
        return BKF_OK;
    return error_set(err, BKF_E_PROFILE, "%s does not fit its plugins: %zu problem%s",
                     r->profile->file, diags->errors - before,
                     diags->errors - before == 1 ? "" : "s");
}
