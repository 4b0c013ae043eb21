/* chip.probe: a size that the flash does not have. */
#include "chip.h"

static bkf_status bad_probe(bkf_chip *c, const bkf_op *op, bkf_chip_info *info, bkf_error *err)
{
    bkf_status st = my_probe(c, op, info, err);
    info->flash_size *= 2;
    return st;
}
BAD_CHIP(.probe = bad_probe)
