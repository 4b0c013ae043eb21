/* status.c - status registers: reading them, finding out which exist, waiting. */
#include "engine.h"

bkf_status nor_read_sr(bkf_nor *nor, unsigned index, uint8_t *value, bkf_error *err)
{
    static const uint8_t usual[] = { OP_RDSR, OP_RDSR2, OP_RDSR3 };
    if (index >= ARRAY_LEN(usual))
        return error_set(err, BKF_E_INTERNAL, "status register %u", index);
    uint8_t op = nor->part.sr_read[index] ? nor->part.sr_read[index] : usual[index];
    return nor_frame(nor, &op, 1, value, 1, err);
}

bkf_status nor_status_value(bkf_nor *nor, uint32_t *value, bkf_error *err)
{
    *value = 0;
    for (unsigned i = 0; i < nor->part.sr_count; i++) {
        uint8_t sr = 0;
        bkf_status st = nor_read_sr(nor, i, &sr, err);
        if (st)
            return st;
        *value |= (uint32_t)sr << (8 * i);
    }
    return BKF_OK;
}

/* A die without a second register echoes the first one, 00 or FF to 35: only the table can
 * tell a genuine 00.  Without a table the register counts if it answers steadily with
 * something that is neither FF nor the first register. */
bkf_status nor_find_registers(bkf_nor *nor, bkf_error *err)
{
    if (nor->part.sr_count)
        return BKF_OK;
    uint8_t r1 = 0, a = 0, b = 0;
    bkf_status st = nor_read_sr(nor, 0, &r1, err);
    if (!st)
        st = nor_read_sr(nor, 1, &a, err);
    if (!st)
        st = nor_read_sr(nor, 1, &b, err);
    nor->part.sr_count = !st && a == b && a != 0xFF && a != r1 ? 2 : 1;
    return st;
}

bkf_status nor_wait(bkf_nor *nor, const bkf_op *op, struct nor_patience wait, const char *what,
                    uint64_t *spent, bkf_error *err)
{
    uint64_t start = op->now_us(op), now;
    uint8_t sr;
    if (wait.first_us)
        op->sleep_us(op, wait.first_us);
    for (;;) {
        bkf_status st = nor_read_sr(nor, 0, &sr, err);
        now = op->now_us(op);
        if (spent)
            *spent = now - start;
        if (st)
            return st;
        if (!(sr & SR_WIP))
            return BKF_OK;
        if (now - start > wait.max_us)
            break;
        op->sleep_us(op, wait.step_us);
    }
    if (sr == 0xFF)
        return error_set(err, BKF_E_LINK_LOST,
                         "%s: the status register reads FF: the flash does not answer any more; "
                         "check MISO (%s) and the supply",
                         what, nor_where(nor, "miso"));
    return error_set(
        err, BKF_E_TIMEOUT,
        "%s: the flash stays busy (WIP set, status %02X) after %llu ms, the part allows "
        "%llu ms; power-cycle the target",
        what, sr, (unsigned long long)((now - start) / 1000),
        (unsigned long long)(wait.max_us / 1000));
}

bkf_status nor_write_enable(bkf_nor *nor, bkf_error *err)
{
    static const uint8_t wren = OP_WREN;
    uint8_t rdsr = OP_RDSR, sr = 0;
    for (int i = 0; i < 3; i++) { /* a lost clock edge is repaired by asking again */
        const bkf_spi_step steps[] = {
            { .kind = BKF_STEP_XFER, .tx = &wren, .len = 1 },
            { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = &rdsr, .len = 1 },
            { .kind = BKF_STEP_XFER, .rx = &sr, .len = 1 },
        };
        bkf_status st = nor_run(nor, steps, ARRAY_LEN(steps), err);
        if (st)
            return st;
        if ((sr & (SR_WEL | SR_WIP)) == SR_WEL)
            return BKF_OK;
    }
    return error_set(
        err, BKF_E_PROTOCOL,
        "the flash does not take write enable (06; status %02X, WEL clear): check MOSI "
        "(%s), or the part is write-protected for good",
        sr, nor_where(nor, "mosi"));
}
