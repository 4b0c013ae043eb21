/* uart.c - bkflash.uart/1 on the virtual device.  Writing takes the wire time; reading
 * moves the clock to the next byte or to the time-out. */
#include "sim.h"

static bkf_status uart_setup(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    bkf_adapter *a = self;
    if (baud < 300 || baud > 4000000) {
        return sim_fail(err, BKF_E_UNSUPPORTED, "sim: %u baud; 300 to 4000000 are possible", baud);
    }
    sim_turnaround(a);
    device_uart_host_baud(a->dev, baud);
    *got = baud;
    return BKF_OK;
}

static bkf_status uart_write(void *self, const uint8_t *p, size_t len, uint32_t timeout_ms,
                             size_t *done, bkf_error *err)
{
    bkf_adapter *a = self;
    (void)timeout_ms; /* nothing holds the line back */
    (void)err;
    device_uart_write(a->dev, p, len);
    *done = len;
    return BKF_OK;
}

static bkf_status uart_read(void *self, uint8_t *p, size_t len, uint32_t timeout_ms, size_t *done,
                            bkf_error *err)
{
    bkf_adapter *a = self;
    uint64_t deadline = a->clock.ns + timeout_ms * 1000000ull;
    *done = 0;
    for (;;) {
        *done += device_uart_read(a->dev, p + *done, len - *done);
        if (*done == len || !timeout_ms) {
            return BKF_OK;
        }
        uint64_t next = device_uart_next_ns(a->dev);
        if (next > deadline) {
            a->clock.ns = deadline;
            return sim_fail(err, BKF_E_TIMEOUT, "sim: %zu of %zu bytes within %u ms", *done, len,
                            timeout_ms);
        }
        if (next > a->clock.ns) {
            a->clock.ns = next;
        }
    }
}

static bkf_status uart_purge(void *self, bkf_error *err)
{
    bkf_adapter *a = self;
    uint8_t waste[256];
    (void)err;
    while (device_uart_read(a->dev, waste, sizeof waste)) {
    }
    return BKF_OK;
}

const bkf_uart_ops sim_uart_ops = {
    .struct_size = sizeof sim_uart_ops,
    .setup = uart_setup,
    .write = uart_write,
    .read = uart_read,
    .purge = uart_purge,
};
