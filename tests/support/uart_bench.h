/* uart_bench.h - a virtual device on its UART: link it, say something, hear the answer. */
#ifndef TESTS_SUPPORT_UART_BENCH_H
#define TESTS_SUPPORT_UART_BENCH_H
#include "tests/support/spi_bench.h"

/* Sends, then collects everything that comes until nothing happens for quiet_ms. */
static inline size_t uart_say(struct bench *b, const uint8_t *tx, size_t n, uint8_t *rx, size_t cap,
                              uint64_t quiet_ms)
{
    size_t got = 0;
    device_uart_write(b->dev, tx, n);
    uint64_t last = b->clock.ns;
    for (;;) {
        uint64_t at = device_uart_next_ns(b->dev);
        if (at == UINT64_MAX || at > last + quiet_ms * 1000000) {
            b->clock.ns = last + quiet_ms * 1000000;
            (void)device_uart_read(b->dev, rx + got, 0);
            return got;
        }
        b->clock.ns = at > b->clock.ns ? at : b->clock.ns;
        size_t more = device_uart_read(b->dev, rx + got, cap - got);
        got += more;
        last = more ? b->clock.ns : last;
    }
}
#define UART_SAY(b, rx, ...)                                                                  \
    uart_say((b), (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), (rx), \
             sizeof(rx), 60)

/* Power cycle, then LinkChecks until one is answered and the line is quiet. */
static inline bool uart_link(struct bench *b)
{
    static const uint8_t check[5] = { 0x01, 0xE0, 0xFC, 0x01, 0x00 };
    static const uint8_t want[8] = { 0x04, 0x0E, 0x05, 0x01, 0xE0, 0xFC, 0x01, 0x00 };
    uint8_t rx[4096];
    device_uart_host_baud(b->dev, 115200);
    device_power_cycle(b->dev);
    for (unsigned i = 0; i < 20; i++) {
        device_uart_write(b->dev, check, sizeof check);
    }
    (void)uart_say(b, NULL, 0, rx, sizeof rx, 30);
    for (unsigned i = 0; i < 2; i++) {
        if (uart_say(b, check, sizeof check, rx, sizeof rx, 30) != 8 || memcmp(rx, want, 8) != 0) {
            return false;
        }
    }
    return true;
}
#endif
