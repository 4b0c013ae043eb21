/* uart.timeout: does not say how much came. */
#include "adapter.h"

static bkf_status bad_read(void *self, uint8_t *p, size_t n, uint32_t ms, size_t *done,
                           bkf_error *err)
{
    size_t own = *done;
    bkf_status st = uart_read(self, p, n, ms, done, err);
    if (st != BKF_OK)
        *done = own;
    return st;
}
BAD_UART(.read = bad_read)
