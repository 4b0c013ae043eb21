/* descriptor.id: an id that is not reverse DNS. */
#include "adapter.h"

BAD_DESCRIPTOR(.id = "bad")
