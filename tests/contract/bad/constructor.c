/* file.constructors: code that runs before anybody called it. */
#include "adapter.h"

__attribute__((constructor)) static void early(void)
{
    setenv("BKFLASH_BAD", "1", 1);
}
BAD_ADAPTER(.reserved = 0)
