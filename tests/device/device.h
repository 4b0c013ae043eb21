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
enum violation_kind {
    VIOLATION_BUSY,         /* a command other than a status read while the die was busy */
    VIOLATION_WEL,          /* a write-type command without write enable */
    VIOLATION_FRAME,        /* CS rose off a byte boundary, or inside a command's address */
    VIOLATION_PROTECTED,    /* erase or program of a protected range */
    VIOLATION_OPCODE,       /* a command the die does not have */
    VIOLATION_LENGTH,       /* a data length the die does not take */
    VIOLATION_WRAP,         /* a page program ran over the end of its page */
    VIOLATION_UNERASED,     /* a program needs a bit that is already 0 */
    VIOLATION_OTP,          /* one-time bits or areas touched */
    VIOLATION_HAZARD,       /* a byte other than D2, 00, FF, 9F in the boot window (eFUSE) */
    VIOLATION_CLOCK,        /* faster than the die or the gate can follow */
    VIOLATION_SELECT,       /* CS high for less than 50 ns between two frames */
    VIOLATION_ABORT,        /* reset or power-off while the die was writing */
    VIOLATION_UART_BAUD,    /* bytes sent at another rate than the device listens at */
    VIOLATION_UART_OVERRUN, /* bytes lost in a full ring, or sent while the ROM was busy */
    VIOLATION_UART_FRAME,   /* a malformed or cut request */
    VIOLATION_UART_ADDRESS, /* an address that turns a program into something else */
    VIOLATION_BOOTLOADER,   /* the L-family bootloader was erased or programmed over UART */
    VIOLATION_UART_ORDER,   /* a write after a checksum, behind the protection it armed */
    VIOLATION_KINDS
};
const char *violation_kind_name(unsigned kind); /* "busy" */
struct violation {
    uint64_t at_ns;
    unsigned kind;
    char text[160]; /* "program at 0x001000 while WIP" */
};

/* -- the whole device (device.c) -------------------------------------------------- */
struct device;

/* Text configuration, KEY=VALUE: the same keys for -O of the sim adapter, for the pty
 * program and for tests, so that a scenario is one line.  README.md has the table. */
struct device_option {
    const char *key, *value; /* an empty value means: as if not given */
};
struct device *device_new(struct vclock *, const struct device_option *, size_t n, char err[256]);
void device_free(struct device *); /* writes save= and report= files, if asked for */

/* Nets.  A level is 0, 1 or NET_FLOAT.  Everything happens at the clock's time: a front end
 * advances the clock itself between calls. */
enum { NET_FLOAT = 2u };
void device_set_cen(struct device *, unsigned level);
void device_set_cs(struct device *, unsigned level);
void device_set_sck(struct device *, unsigned level);
void device_set_mosi(struct device *, unsigned level);
/* What the target drives onto MISO at this instant; NET_FLOAT = nothing does. */
unsigned device_miso(struct device *);
/* The level a pulled-up (or, with pull=0, pulled-down) input reads there. */
unsigned device_miso_read(struct device *);

/* n bytes at hz, MSB first, through the same nets, faster to simulate than edges.  SCK
 * idles at the level of the mode (0..3); the clock advances by 8*n/hz.  tx NULL clocks
 * 0x00, rx NULL discards. */
void device_spi_xfer(struct device *, unsigned mode, uint32_t hz, const uint8_t *tx, uint8_t *rx,
                     size_t n);
/* The same for bits, taken from the top of each byte: for MPSSE-like bit commands. */
void device_spi_xfer_bits(struct device *, unsigned mode, uint32_t hz, const uint8_t *tx,
                          uint8_t *rx, size_t bits);

/* UART side (bytes arrive and leave with their own wire time at the host's baud). */
void device_uart_host_baud(struct device *, uint32_t baud);
void device_uart_write(struct device *, const uint8_t *, size_t n); /* advances the clock */
/* Bytes that have completely arrived by now; never more than cap. */
size_t device_uart_read(struct device *, uint8_t *, size_t cap);
/* When something may happen next without the host: a byte complete, a window over;
 * UINT64_MAX = nothing under way.  A front end moves the clock there and reads again. */
uint64_t device_uart_next_ns(struct device *);
/* The device works on a request or sends: front ends without a wire need not wait. */
bool device_uart_working(struct device *);
/* It has just been told another baud rate and will answer at that rate. */
bool device_uart_switching(struct device *);
/* What it listens at now. */
uint32_t device_uart_baud(const struct device *);

/* Power of the target off and on again: like a CEN reset, and volatile bits are lost. */
void device_power_cycle(struct device *);

/* The flash array as it is (size bytes), for comparison in tests. */
const uint8_t *device_flash(const struct device *, size_t *size);
/* What was recorded, the first 256 of it; kinds named by tolerate= are left out. */
size_t device_violations(const struct device *, const struct violation **);
/* How often, also those not listed. */
uint32_t device_violation_count(const struct device *, unsigned kind);
uint32_t device_resets(const struct device *); /* CEN resets so far */
/* Status registers of the die, SR1 | SR2<<8 | SR3<<16. */
uint32_t device_flash_status(struct device *);
/* One JSON line of counters and violations, for front ends that report at exit; malloc'ed. */
char *device_report(struct device *);
#endif
