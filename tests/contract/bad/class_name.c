/* class.name: a name with a capital letter. */
#include "adapter.h"

BAD_ADAPTER(.name = "Bad")
