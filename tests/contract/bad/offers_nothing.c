/* adapter.offers: neither SPI nor UART. */
#include "adapter.h"

static bkf_status bad_acquire(bkf_adapter *a, const char *id, bkf_iface *f, bkf_error *err)
{
    if (strcmp(id, BKF_IFACE_GPIO) != 0)
        return fail(err, BKF_E_UNSUPPORTED, "GPIO only");
    return my_acquire(a, id, f, err);
}
BAD_ADAPTER(.acquire = bad_acquire)
