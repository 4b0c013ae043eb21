/* read.c - long reads: one READ command, chip select held from piece to piece, so that the
 * adapter can stream; progress and cancelling between the pieces. */
#include "engine.h"

enum {
    PIECE_MIN = 64 * 1024,
    PIECE_MAX = 1024 * 1024,
    PIECES_PER_SECOND = 8,
    RATE_FROM = 4096,
    ASK = 4
};

bkf_status nor_read_plain(bkf_nor *nor, uint32_t off, uint8_t *p, size_t n, bkf_error *err)
{
    uint8_t cmd[4];
    nor_address(cmd, OP_READ, off);
    return nor_frame(nor, cmd, sizeof cmd, p, n, err);
}

/* As much as takes an eighth of a second, so that a cancel is felt. */
static size_t piece_len(const bkf_nor *nor)
{
    size_t n = nor->timing.read_rate / PIECES_PER_SECOND;
    n = n < PIECE_MIN ? PIECE_MIN : n > PIECE_MAX ? PIECE_MAX : n;
    return n & ~(size_t)0xFFF;
}

static void measure(bkf_nor *nor, const bkf_op *op, uint64_t start, size_t n)
{
    uint64_t us = op->now_us(op) - start;
    if (n >= RATE_FROM && us)
        nor->timing.read_rate = (uint32_t)((uint64_t)n * 1000000u / us);
}

/* Ends a held frame: chip select rises after the last transfer that does not hold it. */
static void let_go(bkf_nor *nor)
{
    bkf_error ignored = BKF_ERROR_INIT;
    const bkf_spi_step step = { .kind = BKF_STEP_XFER, .len = 1 };
    nor_run(nor, &step, 1, &ignored);
}

/* The last piece also brings an identification, so that asking costs no round trip. */
static bkf_status read_piece(bkf_nor *nor, bool first, bool last, uint32_t off, uint8_t *p,
                             size_t n, uint8_t id[3], bkf_error *err)
{
    uint8_t cmd[4], rdid = OP_RDID;
    nor_address(cmd, OP_READ, off);
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = cmd, .len = sizeof cmd },
        { .kind = BKF_STEP_XFER, .flags = last ? 0 : BKF_SPI_HOLD_CS, .rx = p, .len = n },
        { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = &rdid, .len = 1 },
        { .kind = BKF_STEP_XFER, .rx = id, .len = 3 },
    };
    return nor_run(nor, steps + !first, (size_t)(first ? 2 : 1) + (last ? 2 : 0), err);
}

bkf_status nor_read(bkf_nor *nor, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                    bkf_error *err)
{
    bkf_status st = nor_check_range(nor, off, n, err);
    size_t done = 0;
    uint8_t id[3] = { 0 };
    while (!st && done < n) {
        size_t len = piece_len(nor);
        if (len > n - done)
            len = n - done;
        uint64_t start = op->now_us(op);
        st = read_piece(nor, done == 0, done + len == n, off + (uint32_t)done, p + done, len, id,
                        err);
        if (st)
            break;
        measure(nor, op, start, len);
        done += len;
        nor_progress(op, done, n);
        if (done < n && nor_stopping(op)) {
            let_go(nor);
            return nor_cancelled(err, "reading");
        }
    }
    bool there = (uint32_t)(id[0] << 16 | id[1] << 8 | id[2]) == nor->jedec;
    return !st && n >= RATE_FROM && !there ? nor_still_there(nor, "reading", off, n, err) : st;
}
