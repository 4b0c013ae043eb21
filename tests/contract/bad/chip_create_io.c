/* chip.create: resets the target in create. */
#include "chip.h"

static bkf_status bad_create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                             bkf_chip **out, bkf_error *err)
{
    bkf_status st = my_create(host, links, props, out, err);
    if (st == BKF_OK)
        links->signal(links, "cen", 0, err);
    return st;
}
BAD_CHIP(.create = bad_create)
