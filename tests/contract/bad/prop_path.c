/* prop.path: an option that belongs to the host. */
#include "adapter.h"

static const bkf_prop_spec bad_props[] = {
    { .key = "path", .dflt = "", .help = "Unit" },
    { .key = NULL },
};
BAD_ADAPTER(.props = bad_props)
