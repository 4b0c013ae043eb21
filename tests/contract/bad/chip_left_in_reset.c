/* chip.attach: detach leaves the target in reset. */
#include "chip.h"

static bkf_status bad_detach(bkf_chip *c, const bkf_op *op, uint32_t run, bkf_error *err)
{
    (void)op;
    (void)run;
    return reset_line(c, 0, err);
}
BAD_CHIP(.detach = bad_detach)
