/* session.c - opening and closing in the right order; attach and detach as a pair. */
#include "session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *session_unit(const bkf_session *s)
{
    const bkf_adapter_class *c = s->adapter_class;
    const char *unit =
        s->adapter && BKF_HAS(bkf_adapter_class, c, unit) && c->unit ? c->unit(s->adapter) : NULL;
    return unit ? unit : s->unit_wanted ? s->unit_wanted : "";
}

static int stop_asked(void *ud)
{
    return op_stopped(ud);
}

/* -- what failures mean ------------------------------------------------------------------ */

bkf_status session_failed(bkf_session *s, bkf_error *err)
{
    bkf_status st = err ? err->status : BKF_E_INTERNAL;
    bool gone = st == BKF_E_NO_DEVICE || st == BKF_E_IO;
    bool silent = st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL;
    bool lost = s->link && (gone || link_vanished(s->link)) && st != BKF_E_CANCELLED;
    if (lost || (s->probed && (silent || st == BKF_E_NO_LINK)))
        st = BKF_E_LINK_LOST;
    else if (silent)
        st = BKF_E_NO_LINK;
    if (err)
        err->status = st;
    return st;
}

bool session_may_retry(const bkf_session *s, const bkf_error *err)
{
    switch (err->status) {
    case BKF_E_TIMEOUT:
    case BKF_E_PROTOCOL:
    case BKF_E_IO:
        return err->effect == BKF_EFFECT_NONE && !link_vanished(s->link) && !op_stopped(s);
    default:
        return false;
    }
}

/* -- attach and detach --------------------------------------------------------------------- */

bkf_status session_detach(bkf_session *s, bool run, bkf_error *err)
{
    if (!s->attached)
        return BKF_OK;
    s->attached = false;
    s->probed = false;
    s->closing = true; /* a cancelled job still lets go of the target properly */
    s->phase = NULL;
    bkf_status st = s->chip_class->detach(s->chip, &s->op, run, err);
    s->closing = false;
    if (!st)
        return st;
    st = session_failed(s, err);
    error_prefix(err, "letting go of the target");
    return st;
}

bkf_status session_attach(bkf_session *s, bkf_error *err)
{
    if (s->attached)
        return BKF_OK;
    op_phase(s, "attach", 0);
    s->attached = true;
    s->stats.attaches++;
    bkf_status st = s->chip_class->attach(s->chip, &s->op, err);
    if (!st)
        return st;
    bkf_error ignored = BKF_ERROR_INIT;
    st = session_failed(s, err);
    (void)session_detach(s, true, &ignored);
    return st;
}

/* -- open ------------------------------------------------------------------------------ */

static void init_nor(bkf_session *s)
{
    const struct bkf_profile *p = s->profile;
    const struct origin *o = p->jedec_at ? p->jedec_at : p->size_at;
    if (o)
        snprintf(s->want_origin, sizeof s->want_origin, "%s:%d", o->file, o->line);
    s->nor_env = (struct nor_env){
        .parts = s->parts,
        .want = { p->jedec, p->size, p->part, o ? s->want_origin : NULL },
        .host = &s->chip_end.host,
    };
    nor_service_init(&s->nor, &s->nor_env);
}

static char *trace_meta(const bkf_session *s)
{
    json_t *meta = json_pack("{s:s, s:s, s:s, s:s, s:s}", "profile", s->profile->name, "adapter",
                             s->adapter_class->name, "chip", s->chip_class->name, "transport",
                             s->transport, "version", bkf_version());
    char *text = meta ? json_dumps(meta, JSON_COMPACT) : NULL;
    json_decref(meta);
    return text;
}

static bkf_status open_link(bkf_session *s, bkf_error *err)
{
    char *meta = s->trace ? trace_meta(s) : NULL;
    struct link_config c = {
        .transport = s->transport,
        .pads = s->pads,
        .n_pads = s->n_pads,
        .clock_hz = s->route ? s->route->clock_hz : 0,
        .baud = s->route ? s->route->baud : 0,
        .trace_path = s->trace,
        .trace_meta = meta,
        .fault = s->fault,
        .seed = s->fault_seed,
        .should_stop = stop_asked,
        .ud = s,
    };
    bkf_status st =
        link_open(&c, &s->adapter_end.host, s->adapter_class, s->adapter, &s->link, err);
    free(meta);
    /* The adapter was found and opened: if it is away now, it was lost. */
    if (st == BKF_E_NO_DEVICE || st == BKF_E_IO || st == BKF_E_TIMEOUT) {
        st = BKF_E_LINK_LOST;
        if (err)
            err->status = st;
    }
    return st;
}

/* Simulators keep nothing between runs unless a folder was asked for. */
static bkf_status open_memory(bkf_session *s, bkf_error *err)
{
    bkf_iface clock = { 0 };
    const struct places *places = &s->ctx->places;
    const char *dir = places->state;
    bool is_virtual = !s->adapter_class->acquire(s->adapter, BKF_IFACE_CLOCK, &clock, NULL);
    if (is_virtual) {
        s->adapter_class->release(s->adapter, BKF_IFACE_CLOCK);
        dir = places->state_given ? dir : NULL;
    }
    s->memory = memory_new(dir, s->adapter_class->name, session_unit(s), s->chip_class->name);
    return s->memory ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

static bkf_status open_all(bkf_session *s, const bkf_open_options *o, bkf_error *err)
{
    bkf_status st = ctx_parts(s->ctx, &s->cb, &s->parts, err);
    if (!st)
        st = bind_route(s, o, err);
    if (st)
        return st;
    host_init(&s->adapter_end, s, s->adapter_class->name);
    host_init(&s->chip_end, s, s->chip_class->name);
    init_nor(s);
    st = s->adapter_class->open(&s->adapter_end.host, s->unit_wanted, props_view(s->adapter_props),
                                &s->adapter, err);
    if (st) {
        s->adapter = NULL;
        return st;
    }
    st = open_memory(s, err);
    if (!st)
        st = open_link(s, err);
    if (!st)
        st = s->chip_class->create(&s->chip_end.host, link_view(s->link), props_view(s->chip_props),
                                   &s->chip, err);
    s->opened_us = op_now(s);
    return st;
}

bkf_status bkf_open(bkf_ctx *ctx, const bkf_profile *profile, const bkf_open_options *options,
                    const bkf_callbacks *cb, bkf_session **out, bkf_error *err)
{
    bkf_open_options o = { 0 };
    bkf_error own = BKF_ERROR_INIT; /* decisions below need a status even if nobody asks */
    if (!err)
        err = &own;
    if (!ctx || !profile || !out)
        return error_set(err, BKF_E_PARAM, "bkf_open: context, profile and result are needed");
    *out = NULL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    bkf_session *s = calloc(1, sizeof *s);
    if (!s)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    s->ctx = ctx;
    s->profile = profile;
    s->cb = cb ? callbacks_copy(cb) : ctx->cb;
    s->info.struct_size = sizeof s->info;
    op_init(s);
    bkf_status st = open_all(s, &o, err);
    if (st) {
        bkf_close(s, BKF_CLOSE_NO_RUN, NULL);
        return st;
    }
    *out = s;
    return BKF_OK;
}

bkf_status bkf_close(bkf_session *s, uint32_t flags, bkf_error *err)
{
    if (!s)
        return BKF_OK;
    bkf_error own = BKF_ERROR_INIT;
    bkf_status st = session_detach(s, !(flags & BKF_CLOSE_NO_RUN), err ? err : &own);
    if (s->chip)
        s->chip_class->destroy(s->chip);
    if (s->link)
        link_close(s->link);
    s->link = NULL;
    if (s->adapter)
        s->adapter_class->close(s->adapter);
    memory_free(s->memory);
    bind_free(s);
    free(s);
    return st;
}
