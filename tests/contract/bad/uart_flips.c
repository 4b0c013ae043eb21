/* uart.loopback: changes what it sends. */
#include "adapter.h"

static bkf_status bad_write(void *self, const uint8_t *p, size_t n, uint32_t ms, size_t *done,
                            bkf_error *err)
{
    bkf_adapter *a = self;
    bkf_status st = uart_write(self, p, n, ms, done, err);
    if (n > 40)
        a->fifo[40] ^= 1;
    return st;
}
BAD_UART(.write = bad_write)
