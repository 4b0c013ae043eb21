/* chip.unplug: says that a half-done erase changed nothing. */
#include "chip.h"

static bkf_status bad_erase(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    bkf_status st = my_erase(c, op, off, n, err);
    if (st != BKF_OK)
        err->effect = BKF_EFFECT_NONE;
    return st;
}
BAD_CHIP(.erase = bad_erase)
