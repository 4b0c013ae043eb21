/* line.unique: two lines of one name. */
#include "adapter.h"

static const bkf_line_spec bad_lines[] = {
    { .name = "D0", .roles = BKF_ROLE_OUT },
    { .name = "D1", .alias = "D0", .roles = BKF_ROLE_OUT },
    { .name = NULL },
};
BAD_ADAPTER(.lines = bad_lines)
