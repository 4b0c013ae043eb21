/* descriptor.empty: offers nothing. */
#include "adapter.h"

BAD_DESCRIPTOR(.adapters = NULL)
