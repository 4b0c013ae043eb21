/* file.needed: linked to a library of the host (CMake does that). */
#include "adapter.h"

BAD_ADAPTER(.reserved = 0)
