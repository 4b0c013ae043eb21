/* descriptor.magic: no magic number. */
#include "adapter.h"

BAD_DESCRIPTOR(.magic = 1)
