/* adapter.bad-options: copies an option into a small buffer. */
#include "adapter.h"

static const bkf_prop_spec bad_props[] = {
    { .key = "clock", .type = BKF_PROP_HERTZ, .dflt = "1MHz", .help = "Clock" },
    { .key = "label", .type = BKF_PROP_STRING, .dflt = "", .help = "Label" },
    { .key = NULL },
};
static bkf_status bad_open(const bkf_host *host, const char *unit, const bkf_props *props,
                           bkf_adapter **out, bkf_error *err)
{
    char *small = malloc(16);
    for (size_t i = 0; i < 100000 && props->str(props, "label")[0] == 'x'; i++)
        small[i * 4096] = 'x';
    free(small);
    return my_open(host, unit, props, out, err);
}
BAD_ADAPTER(.props = bad_props, .open = bad_open)
