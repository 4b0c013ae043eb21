/* uart.timeout: waits much longer than it was told. */
#include "adapter.h"

#include <unistd.h>
static bkf_status bad_read(void *self, uint8_t *p, size_t n, uint32_t ms, size_t *done,
                           bkf_error *err)
{
    if (ms == 20)
        usleep(1200000);
    return uart_read(self, p, n, ms, done, err);
}
BAD_UART(.read = bad_read)
