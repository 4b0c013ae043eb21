/* windows.c - where an access is possible: the driver's windows, narrowed by [access]. */
#include "session.h"
#include <stdlib.h>
#include <string.h>

static size_t driver_windows(const bkf_session *s, uint32_t access, bkf_range *out,
                             const char **reason)
{
    bkf_window w[WINDOWS_MAX];
    bkf_range r[WINDOWS_MAX];
    size_t n = s->chip_class->windows(s->chip, w, WINDOWS_MAX), k = 0;
    if (n > WINDOWS_MAX)
        n = WINDOWS_MAX;
    for (size_t i = 0; i < n; i++) {
        if (w[i].reason)
            *reason = w[i].reason;
        if (w[i].access & access)
            r[k++] = (bkf_range){ w[i].start, w[i].end };
    }
    return range_normalize(r, k, out);
}

/* The profile's list for an access, or NULL when it does not narrow it. */
static const bkf_range *profile_list(const struct prof_access *a, uint32_t access, size_t *n)
{
    *n = access == BKF_CAN_READ ? a->n_read : access == BKF_CAN_ERASE ? a->n_erase : a->n_program;
    bool has = access == BKF_CAN_READ    ? a->has_read
               : access == BKF_CAN_ERASE ? a->has_erase
                                         : a->has_program;
    if (!has)
        return NULL;
    return access == BKF_CAN_READ ? a->read : access == BKF_CAN_ERASE ? a->erase : a->program;
}

/* Cuts have[n] to list[m]. */
static size_t narrow(bkf_range *have, size_t n, const bkf_range *list, size_t m)
{
    bkf_range cut[WINDOWS_MAX];
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m && k < WINDOWS_MAX; j++) {
            bkf_range r = range_intersect(have[i], list[j]);
            if (r.start < r.end)
                cut[k++] = r;
        }
    }
    return range_normalize(cut, k, have);
}

/* Cuts have[n] to what the profile allows and to the flash. */
static size_t narrow_all(const bkf_session *s, uint32_t access, uint32_t size, bkf_range *have,
                         size_t n, const char **reason)
{
    size_t m;
    enum transport t = strcmp(s->transport, "uart") == 0 ? TRANSPORT_UART : TRANSPORT_SPI;
    const struct prof_access *a = profile_access(s->profile, t);
    const bkf_range *list = a ? profile_list(a, access, &m) : NULL;
    if (list) {
        n = narrow(have, n, list, m);
        if (a->reason)
            *reason = a->reason;
    }
    bkf_range whole = { 0, size };
    return narrow(have, n, &whole, 1);
}

size_t session_windows(const bkf_session *s, uint32_t access, uint32_t size, bkf_range *out,
                       const char **reason)
{
    const char *why = NULL;
    size_t n = driver_windows(s, access, out, &why);
    n = narrow_all(s, access, size, out, n, &why);
    if (reason)
        *reason = why;
    return n;
}

size_t session_profile_windows(const bkf_session *s, uint32_t access, uint32_t size, bkf_range *out,
                               const char **reason)
{
    out[0] = (bkf_range){ 0, size };
    return narrow_all(s, access, size, out, 1, reason);
}
