/* wire.c - frames to the die. */
#include "engine.h"
#include <stdio.h>

bkf_status nor_run(bkf_nor *nor, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    return nor->spi->run(nor->spi_self, steps, n, err);
}

bkf_status nor_frame(bkf_nor *nor, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in,
                     bkf_error *err)
{
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_XFER, .flags = n_in ? BKF_SPI_HOLD_CS : 0, .tx = out, .len = n_out },
        { .kind = BKF_STEP_XFER, .rx = in, .len = n_in },
    };
    return nor_run(nor, steps, n_in ? 2 : 1, err);
}

bkf_status nor_command(bkf_nor *nor, uint8_t opcode, bkf_error *err)
{
    return nor_frame(nor, &opcode, 1, NULL, 0, err);
}

uint32_t nor_address(uint8_t cmd[4], uint8_t opcode, uint32_t off)
{
    cmd[0] = opcode;
    cmd[1] = (uint8_t)(off >> 16);
    cmd[2] = (uint8_t)(off >> 8);
    cmd[3] = (uint8_t)off;
    return 4;
}

const char *nor_where(const bkf_nor *nor, const char *signal)
{
    return nor->links->where ? nor->links->where(nor->links, signal) : signal;
}

bool nor_stopping(const bkf_op *op)
{
    return op && op->should_stop && op->should_stop(op);
}

void nor_progress(const bkf_op *op, uint64_t done, uint64_t total)
{
    if (op && op->progress)
        op->progress(op, done, total);
}

void nor_log(const bkf_nor *nor, int32_t level, const char *fmt, ...)
{
    const bkf_host *host = nor->env->host;
    if (!host || !host->log)
        return;
    char line[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    host->log(host, level, line);
}

bkf_status nor_cancelled(bkf_error *err, const char *during)
{
    return error_set(err, BKF_E_CANCELLED, "cancelled while %s", during);
}
