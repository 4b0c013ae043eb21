/* adapter.churn: forgets a file at every open. */
#include "adapter.h"

#include <fcntl.h>
static bkf_status bad_open(const bkf_host *host, const char *unit, const bkf_props *props,
                           bkf_adapter **out, bkf_error *err)
{
    bkf_status st = my_open(host, unit, props, out, err);
    if (st == BKF_OK)
        (*out)->level[0] = (uint8_t)open("/dev/null", O_RDONLY);
    return st;
}
BAD_ADAPTER(.open = bad_open)
