/* text.empty: an empty summary. */
#include "adapter.h"

BAD_ADAPTER(.summary = "")
