/* descriptor.flags: a flag that the host does not know. */
#include "adapter.h"

BAD_DESCRIPTOR(.flags = 0x80000000u)
