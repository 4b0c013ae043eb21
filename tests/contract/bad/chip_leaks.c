/* chip.churn: destroy forgets the instance. */
#include "chip.h"

static void bad_destroy(bkf_chip *c)
{
    c->service->close(c->nor);
}
BAD_CHIP(.destroy = bad_destroy)
