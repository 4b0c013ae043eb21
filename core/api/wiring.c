/* wiring.c - public entry points for the wiring of a profile's routes. */
#include "../session/wiring.h"
#include "../session/ctx.h"
#include <stdlib.h>
#include <string.h>

static bkf_status no_memory(bkf_error *err)
{
    return error_set(err, BKF_E_NOMEM, "out of memory");
}

/* A class that cannot be loaded still leaves the profile's own names. */
static const bkf_adapter_class *class_of(bkf_ctx *ctx, const struct prof_route *r)
{
    const bkf_adapter_class *cls = NULL;
    bkf_error why = BKF_ERROR_INIT;
    if (r->driver && registry_adapter(ctx->registry, r->driver, &cls, &why))
        ctx_logf(ctx, &ctx->cb, BKF_LOG_WARN, "%s", why.message);
    return cls;
}

static json_t *one(bkf_ctx *ctx, const bkf_profile *p, const struct prof_route *r)
{
    json_t *w = wiring_json(p, r, class_of(ctx, r));
    char *drawing = w ? wiring_ascii(w) : NULL;
    if (!w || !drawing || json_object_set_new(w, "drawing", json_string(drawing))) {
        json_decref(w);
        w = NULL;
    }
    free(drawing);
    return w;
}

static const struct prof_route *route_or_error(const bkf_profile *p, const char *name,
                                               bkf_error *err)
{
    const struct prof_route *r = profile_route(p, name);
    if (!r)
        error_set(err, BKF_E_PARAM, "%s has no route '%s'", p->file, name ? name : "(default)");
    return r;
}

bkf_status bkf_wiring(bkf_ctx *ctx, const bkf_profile *p, const char *route, char **json,
                      bkf_error *err)
{
    json_t *list = json_array();
    bkf_status st = list ? BKF_OK : no_memory(err);
    const struct prof_route *only = NULL;
    if (!st && route && !(only = route_or_error(p, route, err)))
        st = BKF_E_PARAM;
    for (size_t i = 0; i < p->n_routes && !st; i++) {
        const struct prof_route *r = &p->routes[i];
        if (only ? r != only : !r->n_pads)
            continue;
        json_t *w = one(ctx, p, r);
        if (!w || json_array_append_new(list, w))
            st = no_memory(err);
    }
    json_t *doc =
        st ? NULL
           : json_pack("{s:i, s:s, s:O}", "api", BKF_API_VERSION, "kind", "wiring", "routes", list);
    *json = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    json_decref(doc);
    json_decref(list);
    return st || *json ? st : no_memory(err);
}

bkf_status bkf_wiring_svg(bkf_ctx *ctx, const bkf_profile *p, const char *route, char **svg,
                          bkf_error *err)
{
    const struct prof_route *r = route_or_error(p, route, err);
    *svg = NULL;
    if (!r)
        return BKF_E_PARAM;
    json_t *w = wiring_json(p, r, class_of(ctx, r));
    *svg = w ? wiring_svg(w) : NULL;
    json_decref(w);
    return *svg ? BKF_OK : no_memory(err);
}
