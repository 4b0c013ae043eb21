/* adapter.unit: prints instead of logging. */
#include "adapter.h"

static const char *bad_unit(bkf_adapter *a)
{
    printf("unit asked for\n");
    return my_unit(a);
}
BAD_ADAPTER(.unit = bad_unit)
