/* spi.lengths: writes one byte past the buffer. */
#include "adapter.h"

static bkf_status bad_run(void *self, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    bkf_status st = spi_run(self, s, n, err);
    if (st == BKF_OK && n && s->kind == BKF_STEP_XFER && s->rx && s->len)
        s->rx[s->len] = 0;
    return st;
}
BAD_SPI(.run = bad_run)
