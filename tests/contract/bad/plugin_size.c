/* descriptor.size: struct_size forgotten. */
#include "adapter.h"

BAD_DESCRIPTOR(.struct_size = 0)
