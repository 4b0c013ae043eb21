/* adapter.list: a unit without a label. */
#include "adapter.h"

static bkf_status bad_list(const bkf_host *host,
                           void (*found)(void *ud, const char *path, const char *label), void *ud,
                           bkf_error *err)
{
    (void)host;
    (void)err;
    found(ud, "loop0", NULL);
    return BKF_OK;
}
BAD_ADAPTER(.list = bad_list)
