/* chip.read: off by one. */
#include "chip.h"

static bkf_status bad_read(bkf_chip *c, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                           bkf_error *err)
{
    return my_read(c, op, off + (off > 0 && off + n < c->size), p, n, err);
}
BAD_CHIP(.read = bad_read)
