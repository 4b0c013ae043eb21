/* adapter.error-record: writes into a record of any size, and none. */
#include "adapter.h"

static bkf_status bad_open(const bkf_host *host, const char *unit, const bkf_props *props,
                           bkf_adapter **out, bkf_error *err)
{
    bkf_status st = my_open(host, unit, props, out, err);
    if (st != BKF_OK)
        snprintf(err->message, sizeof err->message, "no unit %s", unit);
    return st;
}
BAD_ADAPTER(.open = bad_open)
