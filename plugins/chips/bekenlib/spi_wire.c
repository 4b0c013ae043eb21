/* spi_wire.c - frames and steady answers over the SPI link. */
#include "spi.h"
#include <string.h>

bkf_status spi_setup(struct spi_entry *e, uint32_t mode, uint32_t hz, bkf_error *err)
{
    const bkf_spi_ops *ops = e->links->spi->ops;
    void *self = e->links->spi->self;
    uint32_t got = 0;
    bkf_status st = ops->setup(self, mode, hz, &got, err);
    if (st == BKF_E_UNSUPPORTED && got) /* slower than the hardware can: take its slowest */
        st = ops->setup(self, mode, got, &got, err);
    if (st == BKF_E_UNSUPPORTED && mode) { /* an adapter with a fixed mode */
        mode = 0;
        st = ops->setup(self, 0, hz, &got, err);
        if (st == BKF_E_UNSUPPORTED && got)
            st = ops->setup(self, 0, got, &got, err);
    }
    if (st)
        return st;
    e->hz = got ? got : hz;
    e->mode = mode;
    return BKF_OK;
}

bkf_status spi_frame(struct spi_entry *e, const uint8_t *tx, uint8_t *rx, size_t n, bkf_error *err)
{
    const bkf_spi_ops *ops = e->links->spi->ops;
    bkf_spi_step step = { .kind = BKF_STEP_XFER, .tx = tx, .rx = rx, .len = n };
    return ops->run(e->links->spi->self, &step, 1, err);
}

bkf_status spi_rdid(struct spi_entry *e, uint8_t reply[4], bkf_error *err)
{
    static const uint8_t rdid[4] = { 0x9F, 0, 0, 0 };
    return spi_frame(e, rdid, reply, 4, err);
}

bkf_status spi_read_at(struct spi_entry *e, uint32_t off, uint8_t *p, size_t n, bkf_error *err)
{
    const bkf_spi_ops *ops = e->links->spi->ops;
    const uint8_t head[4] = { 0x03, (uint8_t)(off >> 16), (uint8_t)(off >> 8), (uint8_t)off };
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = head, .len = sizeof head },
        { .kind = BKF_STEP_XFER, .rx = p, .len = n },
    };
    return ops->run(e->links->spi->self, steps, 2, err);
}

enum { IDS_MAX = 32 };

/* n identifications in one submission; *same = all of them are e->id. */
static bkf_status same_ids(struct spi_entry *e, unsigned n, bool *same, bkf_error *err)
{
    static const uint8_t rdid[4] = { 0x9F, 0, 0, 0 };
    const bkf_spi_ops *ops = e->links->spi->ops;
    bkf_spi_step steps[IDS_MAX] = { { 0 } };
    uint8_t reply[IDS_MAX][4];
    if (n > IDS_MAX)
        n = IDS_MAX;
    for (unsigned i = 0; i < n; i++)
        steps[i] = (bkf_spi_step){ .kind = BKF_STEP_XFER, .tx = rdid, .rx = reply[i], .len = 4 };
    bkf_status st = ops->run(e->links->spi->self, steps, n, err);
    *same = !st;
    for (unsigned i = 0; !st && i < n; i++) {
        const uint8_t *r = reply[i];
        *same &= (uint32_t)(r[1] << 16 | r[2] << 8 | r[3]) == e->id;
    }
    return st;
}

bkf_status spi_stable(struct spi_entry *e, unsigned ids, uint8_t *ref, size_t n, bool have_ref,
                      bool *stable, bkf_error *err)
{
    uint8_t again[4096];
    bkf_status st = same_ids(e, ids, stable, err);
    if (st || !*stable)
        return st;
    *stable = false;
    if (n > sizeof again)
        n = sizeof again;
    for (int pass = have_ref ? 1 : 0; pass < 3; pass++) {
        st = spi_read_at(e, 0, pass ? again : ref, n, err);
        if (st)
            return st;
        if (pass && memcmp(ref, again, n) != 0)
            return BKF_OK;
    }
    *stable = true;
    return BKF_OK;
}
