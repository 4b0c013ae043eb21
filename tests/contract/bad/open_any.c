/* adapter.unknown-unit: opens units that do not exist. */
#include "adapter.h"

static bkf_status bad_open(const bkf_host *host, const char *unit, const bkf_props *props,
                           bkf_adapter **out, bkf_error *err)
{
    (void)unit;
    return my_open(host, NULL, props, out, err);
}
BAD_ADAPTER(.open = bad_open)
