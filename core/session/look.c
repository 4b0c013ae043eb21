/* look.c - what info says about the content of a flash: a few sectors, read once and judged
 * by the inspector.  Nothing is proven here; dump and inspect read everything. */
#include "look.h"
#include "../image/glance.h"
#include "layouts.h"
#include <string.h>

struct device_bytes {
    bkf_session *s;
    bkf_range windows[WINDOWS_MAX];
    size_t n;
};

static bool readable(const struct device_bytes *d, uint32_t start, uint32_t end)
{
    for (size_t i = 0; i < d->n; i++)
        if (start >= d->windows[i].start && end <= d->windows[i].end)
            return true;
    return false;
}

static bkf_status fetch(void *ud, uint32_t off, uint8_t *p, size_t n, bkf_error *err)
{
    const struct device_bytes *d = ud;
    if (!readable(d, off, off + (uint32_t)n))
        return error_set(err, BKF_E_UNPROVEN, "not readable this way");
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t len = n - i < CHUNK ? n - i : CHUNK;
        if (op_stopped(d->s))
            return error_set(err, BKF_E_CANCELLED, "cancelled");
        bkf_status st = chunk_read(d->s, off + (uint32_t)i, p + i, len, err);
        if (st == BKF_E_PROTECTED) /* the driver leaves a hole in its window */
            st = error_set(err, BKF_E_UNPROVEN, "not readable this way");
        if (st)
            return st == BKF_E_UNPROVEN ? st : session_failed(d->s, err);
    }
    return BKF_OK;
}

bkf_status session_look(bkf_session *s, uint32_t size, json_t **out, bkf_error *err)
{
    struct device_bytes d = { .s = s };
    struct layout_set layouts;
    struct diag_list diags = { 0 };
    struct glance g;
    const char *reason;
    *out = NULL;
    bkf_status st = layouts_load(&s->ctx->env, s->profile, &diags, &layouts, err);
    ctx_diags(s->ctx, &s->cb, &diags);
    if (st)
        return st;
    d.n = session_windows(s, BKF_CAN_READ, size, d.windows, &reason);
    op_phase(s, "look", 0); /* too short for a progress bar */
    /* a board that describes its application comes first (layouts.h) */
    bool own = layouts.n && strcmp(layouts.items[0].name, s->profile->name) == 0;
    st =
        glance_take(own ? layouts.items : NULL, layouts.items, layouts.n, size, fetch, &d, &g, err);
    if (!st) {
        *out = glance_json(&g);
        glance_free(&g);
    }
    layouts_free(&layouts);
    return st;
}
