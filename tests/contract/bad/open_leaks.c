/* adapter.churn: forgets memory at every close. */
#include "adapter.h"

static void bad_close(bkf_adapter *a)
{
    void *lost = malloc(100);
    memset(lost, 1, 100);
    a->host = lost;
    my_close(a);
}
BAD_ADAPTER(.close = bad_close)
