/* profile.c - profiles for front ends: load, check, describe, addresses as users write them. */
#include "../profile/show.h"
#include "../session/session.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name that nothing answers to is a matter of profiles, an unreadable file one of files. */
static bkf_status load(bkf_ctx *ctx, const char *name, struct diag_list *diags, bkf_profile **out,
                       bkf_error *err)
{
    bkf_status st = profile_load(&ctx->env, name, diags, out, err);
    if (st != BKF_E_FILE || file_exists(name))
        return st;
    if (err)
        err->status = BKF_E_PROFILE;
    return BKF_E_PROFILE;
}

bkf_status bkf_profile_load(bkf_ctx *ctx, const char *name, bkf_profile **out, bkf_error *err)
{
    struct diag_list diags = { 0 };
    if (!ctx || !name || !out)
        return error_set(err, BKF_E_PARAM, "bkf_profile_load: context, name and result are needed");
    *out = NULL;
    bkf_status st = load(ctx, name, &diags, out, err);
    ctx_diags(ctx, &ctx->cb, &diags);
    return st;
}

void bkf_profile_free(bkf_profile *p)
{
    if (p)
        profile_free(p);
}

bkf_status bkf_profile_check(bkf_ctx *ctx, const char *name, uint32_t *errors, bkf_error *err)
{
    struct diag_list diags = { 0 };
    bkf_profile *p = NULL;
    if (!ctx || !name)
        return error_set(err, BKF_E_PARAM, "bkf_profile_check: context and name are needed");
    bkf_status st = load(ctx, name, &diags, &p, err);
    if (!st) {
        bind_check(ctx, p, &diags);
        profile_free(p);
        if (diags.errors)
            st = error_set(err, BKF_E_PROFILE, "%s: %zu error%s", name, diags.errors,
                           diags.errors == 1 ? "" : "s");
    }
    if (errors)
        *errors = (uint32_t)diags.errors;
    ctx_diags(ctx, &ctx->cb, &diags);
    return st;
}

bkf_status bkf_profile_describe(const bkf_profile *p, char **json, bkf_error *err)
{
    if (!p || !json)
        return error_set(err, BKF_E_PARAM, "bkf_profile_describe: profile and result are needed");
    json_t *doc = profile_show_json(p);
    if (doc)
        json_object_set_new(doc, "api", json_integer(BKF_API_VERSION));
    *json = doc ? json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(doc);
    return *json ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

bkf_status bkf_profile_show(const bkf_profile *p, uint32_t flags, char **text, bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    if (!p || !text)
        return error_set(err, BKF_E_PARAM, "bkf_profile_show: profile and result are needed");
    profile_show_text(p, (flags & BKF_SHOW_ORIGINS) != 0, &sb);
    *text = strbuf_take(&sb);
    return *text ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

/* -- addresses ---------------------------------------------------------------------------- */

static bkf_status unknown_name(const bkf_profile *p, const char *name, bkf_error *err)
{
    const char *names[128];
    size_t n = 0;
    for (size_t i = 0; i < p->n_partitions && n < ARRAY_LEN(names) - 1; i++)
        names[n++] = p->partitions[i].name;
    names[n] = NULL;
    const char *near = suggest_word(name, names);
    struct strbuf hint = STRBUF_INIT;
    for (size_t i = 0; i < n && !near; i++)
        strbuf_addf(&hint, "%s%s", i ? ", " : " (it has ", names[i]);
    error_set(err, BKF_E_PARAM,
              "'%s' is neither a number (4096, 0x1000, 4K, 1M) nor a partition of %s%s%s%s", name,
              p->name, near ? "; did you mean " : "",
              near        ? near
              : hint.data ? hint.data
                          : "",
              near       ? "?"
              : hint.len ? ")"
                         : "");
    strbuf_free(&hint);
    return BKF_E_PARAM;
}

/* text[n] without its end; a partition's name may be followed by +offset. */
static bkf_status address(const bkf_profile *p, const char *text, size_t n, uint32_t *out,
                          bkf_error *err)
{
    char name[80], *plus;
    uint64_t v = 0, more = 0;
    if (!n || n >= sizeof name)
        return error_set(err, BKF_E_PARAM, "'%.*s' is not an address", (int)n, text);
    memcpy(name, text, n);
    name[n] = '\0';
    if (!num_parse_size(name, &v)) {
        if ((plus = strchr(name, '+'))) {
            *plus = '\0';
            if (!num_parse_size(plus + 1, &more))
                return error_set(err, BKF_E_PARAM, "'%s' is not an offset", plus + 1);
        }
        const struct prof_partition *q = profile_partition(p, name);
        if (q)
            v = q->range.start + more;
        else if (strcmp(name, "end") == 0 && !plus)
            v = p->size ? p->size : BKF_RANGE_END;
        else
            return unknown_name(p, name, err);
    }
    if (v > UINT32_MAX)
        return error_set(err, BKF_E_PARAM, "'%.*s' is larger than any flash", (int)n, text);
    *out = (uint32_t)v;
    return BKF_OK;
}

bkf_status bkf_profile_address(const bkf_profile *p, const char *text, uint32_t *out,
                               bkf_error *err)
{
    if (!p || !text || !out)
        return error_set(err, BKF_E_PARAM, "bkf_profile_address: an argument is missing");
    return address(p, text, strlen(text), out, err);
}

bkf_status bkf_profile_range(const bkf_profile *p, const char *text, bkf_range *out, bkf_error *err)
{
    if (!p || !text || !out)
        return error_set(err, BKF_E_PARAM, "bkf_profile_range: an argument is missing");
    const char *dots = strstr(text, "..");
    const struct prof_partition *q = profile_partition(p, text);
    bkf_range r = { 0, 0 };
    uint64_t len;
    bkf_status st = BKF_OK;
    if (q) {
        *out = q->range;
        return BKF_OK;
    }
    if (dots) {
        st = address(p, text, (size_t)(dots - text), &r.start, err);
        if (!st)
            st = address(p, dots + 2, strlen(dots + 2), &r.end, err);
    } else {
        const char *plus = strrchr(text, '+');
        if (!plus || !num_parse_size(plus + 1, &len)) {
            st = unknown_name(p, text, err);
            return st == BKF_E_PARAM && !plus
                       ? error_prefix(err,
                                      "range '%s' (write START..END, START+LENGTH or a "
                                      "partition)",
                                      text)
                       : st;
        }
        st = address(p, text, (size_t)(plus - text), &r.start, err);
        if (!st && !range_make(r.start, len, &r))
            st = error_set(err, BKF_E_PARAM, "range '%s' is larger than any flash", text);
    }
    if (!st && r.start >= r.end)
        st = error_set(err, BKF_E_PARAM, "range '%s' is empty (ranges are half open: START..END)",
                       text);
    if (!st && p->size && r.end > p->size)
        st = error_set(err, BKF_E_PARAM, "range '%s' ends past the flash of 0x%x bytes", text,
                       p->size);
    if (!st)
        *out = r;
    return st;
}
