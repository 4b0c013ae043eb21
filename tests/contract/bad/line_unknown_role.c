/* line.known-roles: a role that does not exist. */
#include "adapter.h"

static const bkf_line_spec bad_lines[] = {
    { .name = "D0", .roles = 0x10000 },
    { .name = NULL },
};
BAD_ADAPTER(.lines = bad_lines)
