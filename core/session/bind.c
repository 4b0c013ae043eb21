/* bind.c - from a profile and what the user asked for to a route that can be opened: which
 * classes, which options, which pads on which lines.  Everything that can be refused
 * without the target is refused here, with file and line. */
#include "../profile/bind.h"
#include "session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *transport_name(enum transport t)
{
    return t == TRANSPORT_UART ? "uart" : t == TRANSPORT_SPI ? "spi" : "log";
}

static void at(const struct origin *o, const char **file, int *line)
{
    *file = o ? o->file : NULL;
    *line = o ? o->line : 0;
}

/* -- which route ------------------------------------------------------------------------ */

static const struct prof_route *route_with(const struct bkf_profile *p, enum transport t,
                                           const char *driver)
{
    for (size_t i = 0; i < p->n_routes; i++) {
        const struct prof_route *r = &p->routes[i];
        if (r->transport != TRANSPORT_LOG && (t == TRANSPORT_NONE || r->transport == t) &&
            (!driver || strcmp(r->driver, driver) == 0))
            return r;
    }
    return NULL;
}

static void route_names(const struct bkf_profile *p, struct strbuf *sb)
{
    for (size_t i = 0; i < p->n_routes; i++)
        if (p->routes[i].name[0])
            strbuf_addf(sb, "%s%s", sb->len ? ", " : "", p->routes[i].name);
    if (!sb->len)
        strbuf_addf(sb, "none by name");
}

/* An adapter class by name takes the place of a route's own driver. */
static bkf_status route_by_class(bkf_session *s, const char *name, enum transport want,
                                 bkf_error *err)
{
    const struct bkf_profile *p = s->profile;
    char class_name[64];
    const char *colon = strchr(name, ':');
    snprintf(class_name, sizeof class_name, "%.*s",
             (int)(colon ? (size_t)(colon - name) : strlen(name)), name);
    bkf_status st = registry_adapter(s->ctx->registry, class_name, &s->adapter_class, err);
    if (st) {
        struct strbuf sb = STRBUF_INIT;
        route_names(p, &sb);
        error_prefix(err, "-a %s is neither a route of %s (%s) nor an adapter", name, p->file,
                     sb.data ? sb.data : "");
        strbuf_free(&sb);
        return st;
    }
    if (colon) {
        s->route = profile_route(p, colon + 1);
        if (!s->route)
            return error_set(err, BKF_E_PARAM, "-a %s: %s has no [adapter:%s]", name, p->file,
                             colon + 1);
        return BKF_OK;
    }
    s->route = route_with(p, want, class_name);
    if (!s->route && want == TRANSPORT_NONE)
        s->route = profile_route(p, NULL);
    if (!s->route)
        s->route = route_with(p, want, NULL);
    return BKF_OK;
}

static bkf_status pick_route(bkf_session *s, const char *name, enum transport want, bkf_error *err)
{
    const struct bkf_profile *p = s->profile;
    bool named = name && name[0];
    if (named && !profile_route(p, name)) {
        bkf_status st = route_by_class(s, name, want, err);
        if (st)
            return st;
    } else {
        s->route = profile_route(p, name);
        if (!named && want != TRANSPORT_NONE && (!s->route || s->route->transport != want))
            s->route = route_with(p, want, NULL);
        if (!s->route)
            return error_set(err, BKF_E_PROFILE,
                             "%s: no [adapter] section: name an adapter with -a (for a trial "
                             "without hardware: -a sim)",
                             p->file);
        if (s->route->transport == TRANSPORT_LOG)
            return error_set(err, BKF_E_PARAM, "%s:%d: [adapter:%s] only listens to the log",
                             s->route->at->file, s->route->at->line, s->route->name);
        bkf_status st =
            registry_adapter(s->ctx->registry, s->route->driver, &s->adapter_class, err);
        if (st) {
            const struct origin *o = s->route->driver_at;
            error_prefix(err, "%s:%d: driver = %s", o ? o->file : p->file, o ? o->line : 0,
                         s->route->driver);
            return st;
        }
    }
    enum transport t = s->route ? s->route->transport : want;
    s->transport = transport_name(t == TRANSPORT_NONE ? TRANSPORT_SPI : t);
    return BKF_OK;
}

/* -- pads ------------------------------------------------------------------------------- */

static bkf_status bind_pads(bkf_session *s, struct diag_list *diags, bkf_error *err)
{
    const struct prof_route *r = s->route;
    size_t n = r ? r->n_pads : 0;
    bool own = r && n && strcmp(r->driver, s->adapter_class->name) == 0;
    struct link_pad from[LINK_PADS_MAX];
    if (n > LINK_PADS_MAX)
        return error_set(err, BKF_E_PROFILE, "%s:%d: more than %d pads", r->at->file, r->at->line,
                         LINK_PADS_MAX);
    for (size_t i = 0; i < n; i++)
        from[i] = (struct link_pad){ r->pads[i].pad, r->pads[i].signal, r->pads[i].line,
                                     r->pads[i].inverted };
    if (own) {
        profile_bind_pads(r, s->adapter_class, diags);
        memcpy(s->pads, from, n * sizeof *from);
        s->n_pads = n;
        return BKF_OK;
    }
    s->n_pads = link_derive_pads(s->transport, from, n, s->adapter_class, s->pads);
    if (!s->n_pads)
        return error_set(err, BKF_E_PROFILE,
                         "%s: nothing says how a %s is wired to this board: add "
                         "[adapter:NAME] with driver = %s, and [pads:NAME]",
                         s->profile->file, s->adapter_class->name, s->adapter_class->name);
    return BKF_OK;
}

/* -- options -------------------------------------------------------------------------------- */

static bool has_prop(const bkf_prop_spec *spec, const char *key)
{
    for (; spec && spec->key; spec++)
        if (strcmp(spec->key, key) == 0)
            return true;
    return false;
}

enum { INPUTS_MAX = 96 };
struct inputs {
    struct prop_input items[INPUTS_MAX];
    size_t n;
};

/* A later one replaces an earlier one of the same key. */
static void input_add(struct inputs *in, const char *key, const char *value, const char *file,
                      int line)
{
    size_t i = 0;
    while (i < in->n && strcmp(in->items[i].key, key) != 0)
        i++;
    if (i == INPUTS_MAX)
        return;
    in->items[i] = (struct prop_input){ key, value, file, line };
    if (i == in->n)
        in->n++;
}

static void inputs_of(struct inputs *in, const struct prof_option *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *file;
        int line;
        at(o[i].at, &file, &line);
        input_add(in, o[i].key, o[i].value, file, line);
    }
}

/* -O KEY=VALUE cut in two; the copies live in text. */
struct pairs {
    struct {
        char *key;
        const char *value;
    } items[INPUTS_MAX];
    size_t n;
};

static bkf_status pairs_make(const char *const *options, struct pairs *p, bkf_error *err)
{
    for (; options && *options; options++) {
        const char *eq = strchr(*options, '=');
        if (!eq || eq == *options)
            return error_set(err, BKF_E_PARAM, "-O %s: write KEY=VALUE", *options);
        if (p->n == INPUTS_MAX)
            return error_set(err, BKF_E_PARAM, "more than %d options", INPUTS_MAX);
        char *key = strndup(*options, (size_t)(eq - *options));
        if (!key)
            return error_set(err, BKF_E_NOMEM, "out of memory");
        p->items[p->n].key = key;
        p->items[p->n++].value = eq + 1;
    }
    return BKF_OK;
}

static void pairs_free(struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i].key);
}

static const char *pairs_get(const struct pairs *p, const char *key)
{
    const char *value = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].key, key) == 0)
            value = p->items[i].value;
    return value;
}

/* Options that the host itself takes, for every adapter. */
static bool host_option(bkf_session *s, const char *key, const char *value, bkf_status *st,
                        bkf_error *err)
{
    if (strcmp(key, "transport") == 0)
        return true; /* already used to pick the route */
    if (strcmp(key, "fault") == 0) {
        free(s->fault);
        s->fault = strdup(value);
        return true;
    }
    if (strcmp(key, "fault_seed") == 0) {
        if (!num_parse_u64(value, &s->fault_seed))
            *st = error_set(err, BKF_E_PARAM, "-O fault_seed=%s: not a number", value);
        return true;
    }
    return false;
}

static bkf_status sort_options(bkf_session *s, const struct pairs *given, struct inputs *adapter,
                               struct inputs *chip, bkf_error *err)
{
    bkf_status st = BKF_OK;
    for (size_t i = 0; i < given->n && !st; i++) {
        const char *key = given->items[i].key, *value = given->items[i].value;
        bool host = host_option(s, key, value, &st, err);
        if (host)
            continue;
        if (!has_prop(s->adapter_class->props, key) && has_prop(s->chip_class->props, key))
            input_add(chip, key, value, NULL, 0);
        else
            input_add(adapter, key, value, NULL, 0);
    }
    return st;
}

static bkf_status make_props(bkf_session *s, const bkf_open_options *o, const struct pairs *given,
                             struct diag_list *diags, bkf_error *err)
{
    const struct bkf_profile *p = s->profile;
    struct inputs adapter = { .n = 0 }, chip = { .n = 0 };
    char attempts[16];
    if (s->route && strcmp(s->route->driver, s->adapter_class->name) == 0)
        inputs_of(&adapter, s->route->options, s->route->n_options);
    inputs_of(&chip, p->chip_options, p->n_chip_options);
    if (o->attempts && has_prop(s->chip_class->props, "attempts")) {
        snprintf(attempts, sizeof attempts, "%u", o->attempts);
        input_add(&chip, "attempts", attempts, NULL, 0);
    }
    bkf_status st = sort_options(s, given, &adapter, &chip, err);
    struct fill fill = { .profile = p };
    fill.part = p->part ? nor_part_by_name(s->parts, p->part) : NULL;
    if (!fill.part && p->jedec)
        fill.part = nor_part_by_jedec(s->parts, p->jedec);
    if (!st)
        st = props_new(s->adapter_class->props, s->adapter_class->name, adapter.items, adapter.n,
                       fill_value, &fill, diags, &s->adapter_props, err);
    if (!st)
        st = props_new(s->chip_class->props, s->chip_class->name, chip.items, chip.n, fill_value,
                       &fill, diags, &s->chip_props, err);
    fill_free(&fill);
    return st;
}

/* -- all of it ------------------------------------------------------------------------- */

static bkf_status pick_chip(bkf_session *s, bkf_error *err)
{
    const struct bkf_profile *p = s->profile;
    if (!p->chip_driver)
        return error_set(err, BKF_E_PROFILE, "%s: no [chip] driver", p->file);
    bkf_status st = registry_chip(s->ctx->registry, p->chip_driver, &s->chip_class, err);
    if (st && p->chip_driver_at)
        error_prefix(err, "%s:%d: driver = %s", p->chip_driver_at->file, p->chip_driver_at->line,
                     p->chip_driver);
    return st;
}

static bkf_status want_transport(const char *text, enum transport *t, bkf_error *err)
{
    *t = TRANSPORT_NONE;
    if (!text)
        return BKF_OK;
    *t = strcmp(text, "spi") == 0    ? TRANSPORT_SPI
         : strcmp(text, "uart") == 0 ? TRANSPORT_UART
                                     : TRANSPORT_NONE;
    return *t ? BKF_OK : error_set(err, BKF_E_PARAM, "-O transport=%s: say spi or uart", text);
}

static bkf_status bind_all(bkf_session *s, const bkf_open_options *o, const struct pairs *given,
                           struct diag_list *diags, bkf_error *err)
{
    enum transport want;
    bkf_status st = want_transport(pairs_get(given, "transport"), &want, err);
    if (!st)
        st = pick_route(s, o->route, want, err);
    if (!st)
        st = pick_chip(s, err);
    if (!st)
        st = make_props(s, o, given, diags, err);
    if (!st)
        st = bind_pads(s, diags, err);
    if (!st && diags->errors)
        st = error_set(err, BKF_E_PROFILE, "%zu error%s in the profile, listed above",
                       diags->errors, diags->errors == 1 ? "" : "s");
    return st;
}

bkf_status bind_route(bkf_session *s, const bkf_open_options *o, bkf_error *err)
{
    struct pairs given = { .n = 0 };
    struct diag_list diags = { 0 };
    bkf_status st = pairs_make(o->options, &given, err);
    if (!st)
        st = bind_all(s, o, &given, &diags, err);
    if (!st) {
        const char *unit = o->unit ? o->unit : s->route ? s->route->path : NULL;
        s->unit_wanted = unit ? strdup(unit) : NULL;
        s->trace = o->trace ? strdup(o->trace) : NULL;
        s->route_text = strdup(o->route ? o->route : "");
    }
    ctx_diags(s->ctx, &s->cb, &diags);
    pairs_free(&given);
    return st;
}

void bind_free(bkf_session *s)
{
    props_free(s->adapter_props);
    props_free(s->chip_props);
    free(s->unit_wanted);
    free(s->trace);
    free(s->fault);
    free(s->route_text);
}

/* -- "check": options and lines, as far as the plugins are there ----------------------- */

static void missing_class(const struct origin *o, const char *section, const char *driver,
                          const bkf_error *err, struct diag_list *diags)
{
    const char *file;
    int line;
    at(o, &file, &line);
    (void)driver;
    diag_add(diags, DIAG_WARNING, file, line, section, "driver", "%s; its options were not checked",
             err->message);
}

static void check_options(const bkf_prop_spec *spec, const char *who, const char *section,
                          const struct prof_option *o, size_t n, const struct bkf_profile *p,
                          struct diag_list *diags)
{
    struct fill fill = { .profile = p };
    const struct bind_options q = { .section = section,
                                    .spec = spec,
                                    .who = who,
                                    .options = o,
                                    .n = n,
                                    .fill = fill_value,
                                    .ud = &fill };
    (void)profile_bind_options(&q, diags, NULL);
    fill_free(&fill);
}

void bind_check(struct bkf_ctx *ctx, const struct bkf_profile *p, struct diag_list *diags)
{
    const bkf_adapter_class *a;
    const bkf_chip_class *c;
    bkf_error err = BKF_ERROR_INIT;
    for (size_t i = 0; i < p->n_routes; i++) {
        const struct prof_route *r = &p->routes[i];
        char section[64];
        snprintf(section, sizeof section, "adapter%s%s", r->name[0] ? ":" : "", r->name);
        if (registry_adapter(ctx->registry, r->driver, &a, &err)) {
            missing_class(r->driver_at, section, r->driver, &err, diags);
            continue;
        }
        check_options(a->props, a->name, section, r->options, r->n_options, p, diags);
        profile_bind_pads(r, a, diags);
    }
    if (!p->chip_driver)
        return;
    if (registry_chip(ctx->registry, p->chip_driver, &c, &err))
        missing_class(p->chip_driver_at, "chip", p->chip_driver, &err, diags);
    else
        check_options(c->props, c->name, "chip", p->chip_options, p->n_chip_options, p, diags);
}
