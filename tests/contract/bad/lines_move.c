/* spi.keeps-lines: every transfer drives all lines high. */
#include "adapter.h"

static bkf_status bad_run(void *self, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    memset(a->level, 1, sizeof a->level);
    return spi_run(self, s, n, err);
}
BAD_SPI(.run = bad_run)
