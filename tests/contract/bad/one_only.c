/* adapter.two-hosts: a second host is an internal error. */
#include "adapter.h"

static int units;
static bkf_status bad_open(const bkf_host *host, const char *unit, const bkf_props *props,
                           bkf_adapter **out, bkf_error *err)
{
    if (units)
        return fail(err, BKF_E_INTERNAL, "there is one already");
    bkf_status st = my_open(host, unit, props, out, err);
    units += st == BKF_OK;
    return st;
}
static void bad_close(bkf_adapter *a)
{
    units = 0;
    my_close(a);
}
BAD_ADAPTER(.open = bad_open, .close = bad_close)
