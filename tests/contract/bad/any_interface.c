/* adapter.unknown-interface: says yes to interfaces it has never heard of. */
#include "adapter.h"

static bkf_status bad_acquire(bkf_adapter *a, const char *id, bkf_iface *f, bkf_error *err)
{
    bkf_status st = my_acquire(a, id, f, err);
    if (st != BKF_OK)
        f->ops = &my_spi;
    return BKF_OK;
}
BAD_ADAPTER(.acquire = bad_acquire)
