/* adapter.churn: crashes on the way out. */
#include "adapter.h"

static void bad_release(bkf_adapter *a, const char *id)
{
    (void)id;
    *(volatile int *)(a->fifo_len + 8) = 1;
}
BAD_ADAPTER(.release = bad_release)
