/* class.size: struct_size of an older struct than 1.0. */
#include "adapter.h"

BAD_ADAPTER(.struct_size = 16)
