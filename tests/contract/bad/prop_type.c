/* prop.type: an unknown type. */
#include "adapter.h"

static const bkf_prop_spec bad_props[] = {
    { .key = "clock", .type = 77, .dflt = "", .help = "Clock" },
    { .key = NULL },
};
BAD_ADAPTER(.props = bad_props)
