/* chip.attach: attach erases a sector. */
#include "chip.h"

static bkf_status bad_attach(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    bkf_chip_info info = { .struct_size = sizeof info };
    bkf_status st = my_attach(c, op, err);
    if (st == BKF_OK)
        st = my_probe(c, op, &info, err);
    return st == BKF_OK ? my_erase(c, op, 0, 4096, err) : st;
}
BAD_CHIP(.attach = bad_attach)
