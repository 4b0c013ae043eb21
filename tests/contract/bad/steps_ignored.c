/* spi.steps: skips steps that it does not understand. */
#include "adapter.h"

static bkf_status bad_run(void *self, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    if (n == 1 && s->kind > BKF_STEP_DELAY)
        return BKF_OK;
    return spi_run(self, s, n, err);
}
BAD_SPI(.run = bad_run)
