/* chip.protocol: an erase command without write enable. */
#include "chip.h"

static bkf_status bad_erase(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    static const uint8_t cmd[] = { 0x20, 0, 0, 0 };
    const bkf_spi_step s = { .kind = BKF_STEP_XFER, .tx = cmd, .len = sizeof cmd };
    const bkf_spi_ops *spi = c->links->spi->ops;
    spi->run(c->links->spi->self, &s, 1, err);
    return my_erase(c, op, off, n, err);
}
BAD_CHIP(.erase = bad_erase)
