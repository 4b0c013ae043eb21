/* timing.c - how long things take on this part and link, for plans. */
#include "session.h"
#include <string.h>

void session_timing(const bkf_session *s, bkf_timing *out)
{
    const bkf_chip_class *cls = s->chip_class;
    const bkf_timing *t = BKF_HAS(bkf_chip_class, cls, extension) && cls->extension
                              ? cls->extension(s->chip, BKF_EXT_TIMING)
                              : NULL;
    *out = (bkf_timing){ .struct_size = sizeof *out };
    if (t)
        memcpy(out, t, t->struct_size < sizeof *out ? t->struct_size : sizeof *out);
}

uint32_t session_verify_rate(const bkf_session *s, bkf_range r, const bkf_timing *t)
{
    const bkf_digest_ops *d = chunk_digest(s, r.start, range_len(r));
    return d && d->crc_rate ? d->crc_rate : t->read_rate;
}
