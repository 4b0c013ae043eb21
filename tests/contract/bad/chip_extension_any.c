/* chip.extension: has every extension one can ask for. */
#include "chip.h"

static const void *bad_extension(bkf_chip *c, const char *id)
{
    (void)id;
    return c;
}
BAD_CHIP(.extension = bad_extension)
