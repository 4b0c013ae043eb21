/* spi_bench.h - a virtual device on the bench: frames, waits and answers in short. */
#ifndef TESTS_SUPPORT_SPI_BENCH_H
#define TESTS_SUPPORT_SPI_BENCH_H
#include "tests/device/device.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_HZ = 1000000 };
struct bench {
    struct vclock clock;
    struct device *dev;
    unsigned mode;
    uint32_t hz;
};

/* options: "gate=no jedec=EF4016 ..."; b must stay where it is until bench_close. */
static inline void bench_open(struct bench *b, const char *options)
{
    struct device_option opt[32];
    char text[512], err[256] = "";
    size_t n = 0;
    *b = (struct bench){ { 0 }, NULL, 0, BENCH_HZ };
    (void)snprintf(text, sizeof text, "%s", options);
    char *save = NULL;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(word, '=');
        assert_non_null(eq);
        *eq = 0;
        opt[n++] = (struct device_option){ word, eq + 1 };
    }
    b->dev = device_new(&b->clock, opt, n, err);
    if (!b->dev) {
        fail_msg("%s: %s", options, err);
    }
}
static inline void bench_close(struct bench *b)
{
    device_free(b->dev);
}
static inline void bench_wait_us(struct bench *b, uint64_t us)
{
    vclock_advance(&b->clock, us * 1000);
}
static inline void bench_cs(struct bench *b, unsigned level)
{
    device_set_cs(b->dev, level);
    vclock_advance(&b->clock, 500);
}
static inline void bench_bytes(struct bench *b, const uint8_t *tx, uint8_t *rx, size_t n)
{
    device_spi_xfer(b->dev, b->mode, b->hz, tx, rx, n);
}
static inline void bench_frame(struct bench *b, const uint8_t *tx, uint8_t *rx, size_t n)
{
    device_set_sck(b->dev, b->mode >> 1);
    bench_cs(b, 0);
    bench_bytes(b, tx, rx, n);
    bench_cs(b, 1);
}
#define BENCH_SEND(b, ...)                                 \
    do {                                                   \
        const uint8_t bench_tx[] = { __VA_ARGS__ };        \
        bench_frame((b), bench_tx, NULL, sizeof bench_tx); \
    } while (0)
static inline uint8_t bench_status(struct bench *b, uint8_t opcode)
{
    uint8_t tx[2] = { opcode, 0 }, rx[2];
    bench_frame(b, tx, rx, 2);
    return rx[1];
}
static inline uint32_t bench_rdid(struct bench *b)
{
    uint8_t tx[4] = { 0x9F, 0, 0, 0 }, rx[4];
    bench_frame(b, tx, rx, 4);
    return (uint32_t)rx[1] << 16 | (uint32_t)rx[2] << 8 | rx[3];
}
/* Polls status register 1 until WIP is 0; how long it took. */
static inline uint64_t bench_ready_us(struct bench *b, uint64_t limit_us)
{
    uint64_t start = b->clock.ns;
    while (bench_status(b, 0x05) & 1) {
        bench_wait_us(b, 20);
        if (b->clock.ns - start > limit_us * 1000) {
            return UINT64_MAX;
        }
    }
    return (b->clock.ns - start) / 1000;
}
static inline void bench_read(struct bench *b, uint32_t addr, uint8_t *to, size_t n)
{
    uint8_t tx[4] = { 0x03, (uint8_t)(addr >> 16), (uint8_t)(addr >> 8), (uint8_t)addr };
    bench_cs(b, 0);
    bench_bytes(b, tx, NULL, 4);
    bench_bytes(b, NULL, to, n);
    bench_cs(b, 1);
}
/* No waiting. */
static inline void bench_program(struct bench *b, uint32_t addr, const uint8_t *data, size_t n)
{
    uint8_t tx[4] = { 0x02, (uint8_t)(addr >> 16), (uint8_t)(addr >> 8), (uint8_t)addr };
    BENCH_SEND(b, 0x06);
    bench_cs(b, 0);
    bench_bytes(b, tx, NULL, 4);
    bench_bytes(b, data, NULL, n);
    bench_cs(b, 1);
}
static inline void bench_erase(struct bench *b, uint8_t opcode, uint32_t addr)
{
    BENCH_SEND(b, 0x06);
    BENCH_SEND(b, opcode, (uint8_t)(addr >> 16), (uint8_t)(addr >> 8), (uint8_t)addr);
}
/* Fails with the first unexpected violation's text. */
static inline void bench_clean(struct bench *b)
{
    const struct violation *v;
    if (device_violations(b->dev, &v)) {
        fail_msg("violation %s: %s", violation_kind_name(v[0].kind), v[0].text);
    }
}
#endif
