/* chip.outside: reads past the end succeed. */
#include "chip.h"

static bkf_status bad_read(bkf_chip *c, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                           bkf_error *err)
{
    if (off > c->size || n > c->size - off)
        return BKF_OK;
    return my_read(c, op, off, p, n, err);
}
BAD_CHIP(.read = bad_read)
