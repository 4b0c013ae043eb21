/* text.null: no licence. */
#include "adapter.h"

BAD_DESCRIPTOR(.license = NULL)
