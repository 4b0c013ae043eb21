/* prop.key: an option name with a blank. */
#include "adapter.h"

static const bkf_prop_spec bad_props[] = {
    { .key = "my clock", .dflt = "", .help = "Clock" },
    { .key = NULL },
};
BAD_ADAPTER(.props = bad_props)
