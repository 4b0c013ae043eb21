/* descriptor.reserved: a reserved member in use. */
#include "adapter.h"

BAD_ADAPTER(.reserved = 1)
