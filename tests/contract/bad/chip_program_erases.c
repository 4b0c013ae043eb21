/* chip.no-implicit-erase: program erases first. */
#include "chip.h"

static bkf_status bad_program(bkf_chip *c, const bkf_op *op, uint32_t off, const uint8_t *p,
                              size_t n, bkf_error *err)
{
    bkf_status st = BKF_OK;
    if (off % 4096 == 0 && n == 256)
        st = my_erase(c, op, off, 4096, err);
    return st == BKF_OK ? my_program(c, op, off, p, n, err) : st;
}
BAD_CHIP(.program = bad_program)
