/* adapter.list: never comes back. */
#include "adapter.h"

#include <unistd.h>
static bkf_status bad_list(const bkf_host *host,
                           void (*found)(void *ud, const char *path, const char *label), void *ud,
                           bkf_error *err)
{
    (void)host;
    (void)found;
    (void)ud;
    (void)err;
    for (;;)
        sleep(1);
    return BKF_OK;
}
BAD_ADAPTER(.list = bad_list)
