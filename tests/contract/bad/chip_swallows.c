/* chip.unplug: reports success when the link is gone. */
#include "chip.h"

static bkf_status bad_erase(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    bkf_status st = my_erase(c, op, off, n, err);
    return st == BKF_E_NO_DEVICE ? BKF_OK : st;
}
static bkf_status bad_program(bkf_chip *c, const bkf_op *op, uint32_t off, const uint8_t *p,
                              size_t n, bkf_error *err)
{
    bkf_status st = my_program(c, op, off, p, n, err);
    return st == BKF_E_NO_DEVICE ? BKF_OK : st;
}
BAD_CHIP(.erase = bad_erase, .program = bad_program)
