/* chip.cancel: never asks should_stop. */
#include "chip.h"

static int never(const bkf_op *op)
{
    (void)op;
    return 0;
}
static bkf_status bad_read(bkf_chip *c, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                           bkf_error *err)
{
    bkf_op deaf = *op;
    deaf.should_stop = never;
    return my_read(c, &deaf, off, p, n, err);
}
BAD_CHIP(.read = bad_read)
