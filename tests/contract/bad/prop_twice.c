/* prop.unique: one option twice. */
#include "adapter.h"

static const bkf_prop_spec bad_props[] = {
    { .key = "clock", .type = BKF_PROP_HERTZ, .dflt = "1MHz", .help = "Clock" },
    { .key = "clock", .type = BKF_PROP_HERTZ, .dflt = "1MHz", .help = "Clock" },
    { .key = NULL },
};
BAD_ADAPTER(.props = bad_props)
