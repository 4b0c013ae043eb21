/* class.code: a function pointer that leads to data. */
#include "adapter.h"

BAD_ADAPTER(.unit = (const char *(*)(bkf_adapter *))0x40)
