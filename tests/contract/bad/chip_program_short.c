/* chip.program: forgets the last byte. */
#include "chip.h"

static bkf_status bad_program(bkf_chip *c, const bkf_op *op, uint32_t off, const uint8_t *p,
                              size_t n, bkf_error *err)
{
    return my_program(c, op, off, p, n ? n - 1 : 0, err);
}
BAD_CHIP(.program = bad_program)
