/* spi.bind: binds to lines it does not have. */
#include "adapter.h"

static bkf_status bad_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    (void)pins;
    (void)n;
    (void)err;
    a->bound = 1;
    return BKF_OK;
}
BAD_SPI(.bind = bad_bind)
