/* class.mandatory: no close. */
#include "adapter.h"

BAD_ADAPTER(.close = NULL)
