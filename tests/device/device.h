/* device.h - the virtual Beken device: a NOR die behind the SPI gate of the SoC, and the
 * UART loaders, on a virtual clock.  It behaves as the hardware is known to behave, and
 * records every breach of protocol.
 *
 * Front ends: plugins/adapters/sim (in process), tests/device/pty (UART), tests/device/usb
 * (CH341A, FT232H at USB level).  They drive nets; the device never sees an adapter. */
#ifndef TESTS_DEVICE_H
#define TESTS_DEVICE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- virtual clock: nanoseconds since power-up -------------------------------- */
struct vclock {
    uint64_t ns;
};
static inline void vclock_advance(struct vclock *c, uint64_t ns)
{
    c->ns += ns;
}

/* -- violations: what a client did that hardware would punish ------------------- */
struct violation {
    uint64_t at_ns;
    char text[160]; /* "program at 0x001000 while WIP" */
};

/* -- NOR die (nor_die.c) --------------------------------------------------------- */
struct nor_die;
/* -- the whole device (device.c) -------------------------------------------------- */
struct device;

/* Text configuration, KEY=VALUE: the same keys for -O of the sim adapter, for the pty
 * program and for tests, so that a scenario is one line.  docs in tests/device/README.md. */
struct device_option {
    const char *key, *value;
};
struct device *device_new(struct vclock *, const struct device_option *, size_t n, char err[256]);
void device_free(struct device *);

/* SPI side.  Levels are nets; time is the clock's.  One call clocks n bytes, MSB first,
 * at hz; the clock advances by 8*n/hz.  cs and cen are levels (0/1; 2 = floating). */
void device_set_cen(struct device *, unsigned level);
void device_set_cs(struct device *, unsigned level);
void device_spi_xfer(struct device *, unsigned mode, uint32_t hz, const uint8_t *tx, uint8_t *rx,
                     size_t n);

/* UART side (bytes arrive and leave with their own wire time at the host's baud). */
void device_uart_host_baud(struct device *, uint32_t baud);
void device_uart_write(struct device *, const uint8_t *, size_t n); /* advances the clock */
/* Bytes that have completely arrived by now; never more than cap. */
size_t device_uart_read(struct device *, uint8_t *, size_t cap);
/* When the next byte will be complete, UINT64_MAX = nothing under way. */
uint64_t device_uart_next_ns(struct device *);

/* The flash array as it is (size bytes), for comparison in tests. */
const uint8_t *device_flash(const struct device *, size_t *size);
size_t device_violations(const struct device *, const struct violation **);
/* One JSON line of counters and violations, for front ends that report at exit; malloc'ed. */
char *device_report(const struct device *);
#endif
