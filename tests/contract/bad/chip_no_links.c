/* chip.no-links: takes its link for granted. */
#include "chip.h"

static bkf_status bad_create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                             bkf_chip **out, bkf_error *err)
{
    if (((const bkf_spi_ops *)links->spi->ops)->struct_size == 0)
        return fail(err, BKF_E_UNSUPPORTED, "no SPI");
    return my_create(host, links, props, out, err);
}
BAD_CHIP(.create = bad_create)
