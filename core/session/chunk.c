/* chunk.c - single reads: repeated on passing failures, settled by agreement, proven by
 * the device's own CRC where it has one. */
#include "session.h"
#include <stdlib.h>
#include <string.h>

enum { CALL_TRIES = 3 };

bkf_status chunk_read(bkf_session *s, uint32_t off, uint8_t *buf, size_t n, bkf_error *err)
{
    bkf_status st = s->chip_class->read(s->chip, &s->op, off, buf, n, err);
    for (int i = 1; st && i < CALL_TRIES && session_may_retry(s, err); i++) {
        s->stats.retries++;
        session_log(s, BKF_LOG_INFO, "read at 0x%06x repeated: %s", off, err->message);
        st = s->chip_class->read(s->chip, &s->op, off, buf, n, err);
    }
    return st;
}

const bkf_digest_ops *chunk_digest(const bkf_session *s, uint32_t off, size_t n)
{
    const bkf_chip_class *c = s->chip_class;
    if (!BKF_HAS(bkf_chip_class, c, extension) || !c->extension)
        return NULL;
    const bkf_digest_ops *d = c->extension(s->chip, BKF_EXT_DIGEST);
    if (!d || !d->granule || off % d->granule || n % d->granule)
        return NULL;
    return d;
}

bkf_status chunk_crc(bkf_session *s, const bkf_digest_ops *d, uint32_t off, size_t n, uint32_t *crc,
                     bkf_error *err)
{
    bkf_status st = d->crc32(s->chip, &s->op, off, n, crc, err);
    for (int i = 1; st && i < CALL_TRIES && session_may_retry(s, err); i++) {
        s->stats.retries++;
        st = d->crc32(s->chip, &s->op, off, n, crc, err);
    }
    return st;
}

bkf_status chunk_settle(bkf_session *s, uint32_t off, uint8_t *buf, size_t n, const uint8_t *known,
                        bool *agreed, bkf_error *err)
{
    uint8_t *seen = malloc(n * (READ_TRIES + 1));
    size_t k = 0;
    bkf_status st = BKF_OK;
    *agreed = false;
    if (!seen)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (known)
        memcpy(seen + n * k++, known, n);
    for (int i = 0; i < READ_TRIES && !*agreed && !st; i++) {
        st = chunk_read(s, off, buf, n, err);
        s->stats.rereads++;
        for (size_t j = 0; !st && j < k && !*agreed; j++)
            *agreed = memcmp(seen + n * j, buf, n) == 0;
        if (!st && !*agreed)
            memcpy(seen + n * k++, buf, n);
    }
    free(seen);
    return st;
}
