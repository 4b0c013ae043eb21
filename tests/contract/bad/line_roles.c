/* line.roles: a line without a role. */
#include "adapter.h"

static const bkf_line_spec bad_lines[] = {
    { .name = "D0" },
    { .name = NULL },
};
BAD_ADAPTER(.lines = bad_lines)
