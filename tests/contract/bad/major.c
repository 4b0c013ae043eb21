/* descriptor.version: a major from the future. */
#include "adapter.h"

BAD_DESCRIPTOR(.abi_major = 9)
