/* file.load: uses a function that no library has. */
#include "adapter.h"

int nowhere_defined(void);
static void lost_release(bkf_adapter *a, const char *id)
{
    (void)nowhere_defined();
    my_release(a, id);
}
BAD_ADAPTER(.release = lost_release)
