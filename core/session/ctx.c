/* ctx.c - context: made once, then only read; callbacks go through one lock. */
#include "ctx.h"
#include "../link/link.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

bkf_callbacks callbacks_copy(const bkf_callbacks *cb)
{
    bkf_callbacks c = { 0 };
    if (cb)
        memcpy(&c, cb, cb->struct_size < sizeof c ? cb->struct_size : sizeof c);
    c.struct_size = sizeof c;
    return c;
}

void ctx_log(struct bkf_ctx *ctx, const bkf_callbacks *cb, int32_t level, const char *who,
             const char *line)
{
    if (!cb->log)
        return;
    pthread_mutex_lock(&ctx->cb_lock);
    cb->log(cb->ud, level, who, line);
    pthread_mutex_unlock(&ctx->cb_lock);
}

void ctx_logf(struct bkf_ctx *ctx, const bkf_callbacks *cb, int32_t level, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    ctx_log(ctx, cb, level, "bkflash", line);
}

void ctx_diags(struct bkf_ctx *ctx, const bkf_callbacks *cb, struct diag_list *list)
{
    diag_sort(list);
    pthread_mutex_lock(&ctx->cb_lock);
    for (size_t i = 0; cb->diag && i < list->n; i++) {
        const struct diag *d = &list->items[i];
        if (!d->file)
            continue; /* from the command line: the error itself says it */
        bkf_diag out = { .struct_size = sizeof out,
                         .severity = d->severity,
                         .file = d->file,
                         .section = d->section,
                         .key = d->key,
                         .text = d->text,
                         .line = d->line };
        cb->diag(cb->ud, &out);
    }
    pthread_mutex_unlock(&ctx->cb_lock);
    diag_free(list);
}

bkf_status ctx_parts(struct bkf_ctx *ctx, const bkf_callbacks *cb,
                     const struct nor_part_table **out, bkf_error *err)
{
    struct diag_list diags = { 0 };
    bkf_status st = BKF_OK;
    pthread_mutex_lock(&ctx->parts_lock);
    if (!ctx->parts_loaded)
        st = profile_parts_load(&ctx->env, &diags, &ctx->parts, err);
    ctx->parts_loaded = !st;
    pthread_mutex_unlock(&ctx->parts_lock);
    ctx_diags(ctx, cb, &diags);
    *out = &ctx->parts;
    return st;
}

static void registry_line(void *ud, int32_t level, const char *line)
{
    struct bkf_ctx *ctx = ud;
    ctx_log(ctx, &ctx->cb, level, "plugins", line);
}

static void host_line(const bkf_host *host, int32_t level, const char *line)
{
    struct bkf_ctx *ctx = host->handle;
    ctx_log(ctx, &ctx->cb, level, "plugin", line);
}

static const void *no_service(const bkf_host *host, const char *id)
{
    (void)host;
    (void)id;
    return NULL;
}

static bkf_status make_registry(struct bkf_ctx *ctx, const bkf_setup *setup, bkf_error *err)
{
    static const bkf_adapter_class *const builtin[] = { &link_replay_class, NULL };
    struct registry_config c = {
        .files = setup ? setup->plugin_files : NULL,
        .env_path = getenv("BKFLASH_PLUGIN_PATH"),
        .user_dir = ctx->places.user_plugins,
        .system_dir = ctx->places.plugins,
        .elevated = getauxval(AT_SECURE) != 0,
        .root = geteuid() == 0,
        .allow_user_plugins = setup && (setup->flags & BKF_SETUP_ALLOW_USER_PLUGINS),
        .log = registry_line,
        .log_ud = ctx,
        .builtin_adapters = builtin,
    };
    return registry_new(&c, &ctx->registry, err);
}

bkf_status bkf_ctx_new(const bkf_setup *setup, const bkf_callbacks *cb, bkf_ctx **out,
                       bkf_error *err)
{
    if (!out)
        return error_set(err, BKF_E_PARAM, "bkf_ctx_new: no place for the result");
    *out = NULL;
    struct bkf_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    pthread_mutex_init(&ctx->cb_lock, NULL);
    pthread_mutex_init(&ctx->parts_lock, NULL);
    ctx->cb = callbacks_copy(cb);
    ctx->host = (bkf_host){ .struct_size = sizeof ctx->host,
                            .abi_major = BKF_ABI_MAJOR,
                            .abi_minor = BKF_ABI_MINOR,
                            .handle = ctx,
                            .log = host_line,
                            .service = no_service };
    bkf_status st = places_find(setup, &ctx->places, err);
    if (!st) {
        ctx->env.dirs = (const char *const *)ctx->places.dirs;
        st = make_registry(ctx, setup, err);
    }
    if (st) {
        bkf_ctx_free(ctx);
        return st;
    }
    *out = ctx;
    return BKF_OK;
}

void bkf_ctx_free(bkf_ctx *ctx)
{
    if (!ctx)
        return;
    if (ctx->registry)
        registry_free(ctx->registry);
    places_free(&ctx->places);
    nor_part_table_free(&ctx->parts);
    pthread_mutex_destroy(&ctx->parts_lock);
    pthread_mutex_destroy(&ctx->cb_lock);
    free(ctx);
}
