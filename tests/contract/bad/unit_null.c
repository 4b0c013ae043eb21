/* adapter.unit: no name for an open unit. */
#include "adapter.h"

static const char *bad_unit(bkf_adapter *a)
{
    (void)a;
    return NULL;
}
BAD_ADAPTER(.unit = bad_unit)
