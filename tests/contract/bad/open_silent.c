/* adapter.unknown-unit: fails without a message. */
#include "adapter.h"

static bkf_status bad_open(const bkf_host *host, const char *unit, const bkf_props *props,
                           bkf_adapter **out, bkf_error *err)
{
    bkf_status st = my_open(host, unit, props, out, err);
    if (st != BKF_OK && err)
        err->message[0] = '\0';
    return st;
}
BAD_ADAPTER(.open = bad_open)
