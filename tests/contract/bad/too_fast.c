/* spi.setup: rounds the clock up. */
#include "adapter.h"

static bkf_status bad_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    bkf_status st = spi_setup(self, mode, want, got, err);
    if (st == BKF_OK && want)
        *got = want + 1000000;
    return st;
}
BAD_SPI(.setup = bad_setup)
