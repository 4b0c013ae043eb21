/* prop.bounds: min above max. */
#include "adapter.h"

static const bkf_prop_spec bad_props[] = {
    { .key = "n", .type = BKF_PROP_UINT, .dflt = "", .help = "N", .min = 9, .max = 1 },
    { .key = NULL },
};
BAD_ADAPTER(.props = bad_props)
