/* protect.c - the write protection of the flash: shown, switched on or off. */
#include "session.h"
#include <stdlib.h>

enum { RANGES_MAX = 16 };

static const bkf_protect_ops *ops_of(const bkf_session *s)
{
    const bkf_chip_class *c = s->chip_class;
    if (!BKF_HAS(bkf_chip_class, c, extension) || !c->extension)
        return NULL;
    return c->extension(s->chip, BKF_EXT_PROTECT);
}

static bkf_status report(bkf_session *s, const bkf_protect_ops *ops, char **json, bkf_error *err)
{
    bkf_range r[RANGES_MAX];
    size_t n = 0;
    uint32_t value = 0, bits = 0;
    bkf_status st =
        s->chip_class->status ? s->chip_class->status(s->chip, &s->op, &value, &bits, err) : BKF_OK;
    if (!st && ops->ranges)
        st = ops->ranges(s->chip, &s->op, r, RANGES_MAX, &n, err);
    if (st)
        return session_failed(s, err);
    json_t *doc = json_pack("{s:i, s:s, s:I, s:I, s:o}", "api", BKF_API_VERSION, "kind", "protect",
                            "status", (json_int_t)value, "status_bits", (json_int_t)bits,
                            "protected", report_ranges(r, n < RANGES_MAX ? n : RANGES_MAX));
    *json = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    json_decref(doc);
    return *json ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

bkf_status bkf_protect(bkf_session *s, uint32_t mode, char **json, bkf_error *err)
{
    bkf_error own = BKF_ERROR_INIT;
    err = err ? err : &own;
    *json = NULL;
    bkf_status st = session_identify(s, err);
    const bkf_protect_ops *ops = st ? NULL : ops_of(s);
    if (!st && !ops)
        return error_set(err, BKF_E_UNSUPPORTED,
                         "protection cannot be seen or changed on this route: its loader switches "
                         "it on and off by itself; an SPI route (-a NAME) shows and changes it");
    if (!st && mode && ops->set) {
        st = ops->set(s->chip, &s->op, mode == 1, err);
        if (st)
            session_failed(s, err);
    }
    return st ? err->status : report(s, ops, json, err);
}
