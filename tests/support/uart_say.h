/* uart_say.h - requests to the loaders of the virtual device, byte by byte, and their answers. */
#ifndef TESTS_SUPPORT_UART_SAY_H
#define TESTS_SUPPORT_UART_SAY_H
#include "tests/support/uart_bench.h"

#define ROM_CHIP "chip=bk7231n jedec=EB6015 size=2M sr=0 user_reset=0 "
#define L_CHIP   "chip=bk7252 jedec=EB6015 size=2M sr=0 user_reset=0 uart_idle=10s "
#define T_CHIP   "chip=bk7231t jedec=EB6015 size=2M sr=0 user_reset=0 uart_idle=10s "
#define HEAD     0x01, 0xE0, 0xFC
#define LONG     HEAD, 0xFF, 0xF4
#define CHECK    HEAD, 0x01, 0x00

static uint8_t rx[16384]; /* the last answer */

static inline uint8_t *flash(struct bench *b)
{
    return (uint8_t *)(uintptr_t)device_flash(b->dev, NULL);
}

static inline void open_linked(struct bench *b, const char *options)
{
    bench_open(b, options);
    if (!uart_link(b)) {
        fail_msg("%s: no link", options);
    }
}

static inline bool answers(struct bench *b)
{
    return UART_SAY(b, rx, CHECK) == 8 && !memcmp(rx, "\x04\x0E\x05\x01\xE0\xFC\x01\x00", 8);
}

/* A long request: opcode, address, data. */
static inline size_t say_long(struct bench *b, uint8_t op, const uint8_t *params, size_t n_params,
                              const uint8_t *data, size_t n, uint64_t quiet_ms)
{
    static uint8_t tx[5000];
    size_t total = 1 + n_params + n;
    const uint8_t head[8] = { LONG, (uint8_t)total, (uint8_t)(total >> 8), op };
    memcpy(tx, head, 8);
    memcpy(tx + 8, params, n_params);
    if (n) {
        memcpy(tx + 8 + n_params, data, n);
    }
    return uart_say(b, tx, 8 + n_params + n, rx, sizeof rx, quiet_ms);
}

static inline size_t at_addr(struct bench *b, uint8_t op, uint32_t addr, const uint8_t *data,
                             size_t n)
{
    const uint8_t a[4] = { (uint8_t)addr, (uint8_t)(addr >> 8), (uint8_t)(addr >> 16),
                           (uint8_t)(addr >> 24) };
    return say_long(b, op, a, 4, data, n, 700);
}

static inline uint8_t erase(struct bench *b, uint8_t size, uint32_t addr)
{
    const uint8_t p[5] = { size, (uint8_t)addr, (uint8_t)(addr >> 8), (uint8_t)(addr >> 16),
                           (uint8_t)(addr >> 24) };
    size_t got = say_long(b, 0x0F, p, 5, NULL, 0, 700);
    return got == 16 ? rx[10] : 0xEE;
}

static inline uint32_t crc(struct bench *b, uint32_t start, uint32_t end)
{
    uint8_t tx[13] = { HEAD, 9, 0x10 };
    for (unsigned i = 0; i < 4; i++) {
        tx[5 + i] = (uint8_t)(start >> 8 * i);
        tx[9 + i] = (uint8_t)(end >> 8 * i);
    }
    size_t got = uart_say(b, tx, 13, rx, sizeof rx, 2000);
    assert_int_equal(got, 11);
    return (uint32_t)rx[7] | (uint32_t)rx[8] << 8 | (uint32_t)rx[9] << 16 | (uint32_t)rx[10] << 24;
}

static inline uint32_t count(struct bench *b, unsigned kind)
{
    return device_violation_count(b->dev, kind);
}

#endif
