/* prop.default: a default out of its own range. */
#include "adapter.h"

static const bkf_prop_spec bad_props[] = {
    { .key = "n", .type = BKF_PROP_UINT, .dflt = "50", .help = "N", .min = 1, .max = 9 },
    { .key = NULL },
};
BAD_ADAPTER(.props = bad_props)
