/* text.utf8: a version in Latin-1. */
#include "adapter.h"

BAD_DESCRIPTOR(.version = "1.0\xE9")
