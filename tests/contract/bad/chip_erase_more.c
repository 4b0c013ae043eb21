/* chip.erase: erases the next sector as well. */
#include "chip.h"

static bkf_status bad_erase(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    return my_erase(c, op, off, off + n + 4096 <= c->size ? n + 4096 : n, err);
}
BAD_CHIP(.erase = bad_erase)
