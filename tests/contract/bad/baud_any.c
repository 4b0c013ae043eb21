/* uart.setup: takes every rate, also 0. */
#include "adapter.h"

static bkf_status bad_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    (void)self;
    (void)err;
    *got = baud;
    return BKF_OK;
}
BAD_UART(.setup = bad_setup)
