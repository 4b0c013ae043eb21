/* file.exports: a second exported function. */
#include "adapter.h"

BKF_EXPORT int another(void);
int another(void)
{
    return 1;
}
BAD_ADAPTER(.reserved = 0)
