/* spi.held-select: loses what it reads while chip select is held. */
#include "adapter.h"

static bkf_status bad_run(void *self, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    bkf_status st = spi_run(self, s, n, err);
    if (st == BKF_OK && n && s->rx && (s->flags & BKF_SPI_HOLD_CS))
        memset(s->rx, 0xFF, s->len);
    return st;
}
BAD_SPI(.run = bad_run)
