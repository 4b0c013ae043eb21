/* class.unlock: unlock without lock. */
#include "chip.h"

BAD_CHIP(.lock = NULL)
