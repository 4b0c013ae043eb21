/* doctor.c - public entry point of the doctor: USB, plugins and profiles in one list. */
#include "../session/doctor.h"
#include "../session/ctx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct findings {
    json_t *list;
    bkf_ctx *ctx;
    bool failed;
};

static void add(struct findings *f, const char *level, const char *what, const char *evidence,
                const char *next)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "level", level, "what", what, "evidence",
                          evidence, "next", next);
    if (!o || json_array_append_new(f->list, o))
        f->failed = true;
}

static void take_plugin(void *ud, const struct plugin_report *r)
{
    struct findings *f = ud;
    char text[1200];
    if (!r->refused)
        return;
    snprintf(text, sizeof text, "%s%s%s", strstr(r->refused, r->path) ? "" : r->path,
             strstr(r->refused, r->path) ? "" : ": ", r->refused);
    add(f, "problem", "a plugin was refused", text, "mend it, or take it out of that folder");
}

static void take_profile(void *ud, const struct profile_found *p)
{
    struct findings *f = ud;
    struct diag_list d = { 0 };
    bkf_profile *profile = NULL;
    bkf_error err = BKF_ERROR_INIT;
    if (profile_load(&f->ctx->env, p->path, &d, &profile, &err)) {
        char text[700] = "", next[700];
        for (size_t i = 0; i < d.n && !*text; i++)
            if (d.items[i].severity == DIAG_ERROR)
                snprintf(text, sizeof text, "%s:%d: %s", d.items[i].file, d.items[i].line,
                         d.items[i].text);
        snprintf(next, sizeof next, "bkflash check %s", p->path);
        add(f, "problem", "a profile has errors", *text ? text : err.message, next);
    }
    profile_free(profile);
    diag_free(&d);
}

static bkf_status load_rules(bkf_ctx *ctx, struct doctor_rules *rules, bkf_error *err)
{
    for (size_t i = 0; ctx->places.dirs[i]; i++) {
        char *path = path_join(ctx->places.dirs[i], "doctor/usb.ini");
        if (!path)
            return error_set(err, BKF_E_NOMEM, "out of memory");
        bool there = file_exists(path);
        bkf_status st = there ? doctor_rules_load(path, rules, err) : BKF_OK;
        free(path);
        if (there)
            return st;
    }
    return error_set(err, BKF_E_FILE,
                     "doctor/usb.ini is in none of the profile folders: the "
                     "installation is incomplete");
}

bkf_status bkf_doctor(bkf_ctx *ctx, const bkf_profile *profile, const char *route, char **json,
                      bkf_error *err)
{
    *json = NULL;
    const struct prof_route *r = profile ? profile_route(profile, route) : NULL;
    const char *wanted = r ? r->driver : NULL;
    struct doctor_rules *rules = calloc(1, sizeof *rules);
    bkf_status outcome = BKF_OK;
    bkf_status st =
        rules ? load_rules(ctx, rules, err) : error_set(err, BKF_E_NOMEM, "out of memory");
    struct findings f = { .ctx = ctx };
    if (!st)
        f.list = doctor_usb(rules, wanted, &outcome);
    free(rules);
    if (st)
        return st;
    if (!f.list)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    st = registry_scan(ctx->registry, take_plugin, &f, err);
    if (!st)
        st = profile_find_all(&ctx->env, take_profile, &f, err);
    json_t *doc = st ? NULL
                     : json_pack("{s:i, s:s, s:O, s:b}", "api", BKF_API_VERSION, "kind", "doctor",
                                 "findings", f.list, "ready", outcome == BKF_OK);
    *json = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    json_decref(doc);
    json_decref(f.list);
    if (!st && (f.failed || !*json))
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (st || outcome == BKF_OK)
        return st;
    return error_set(err, outcome, "no flash could be tried now: see the problems listed above");
}
