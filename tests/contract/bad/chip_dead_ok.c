/* chip.dead-target: attach succeeds without an answer. */
#include "chip.h"

static bkf_status bad_attach(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    (void)my_attach(c, op, err);
    return BKF_OK;
}
BAD_CHIP(.attach = bad_attach)
