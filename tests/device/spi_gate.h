/* spi_gate.h - P20..P23 and CEN of a Beken SoC: nets, the boot window in which D2 opens the
 * way to the flash die, and the die behind it.  Facts: bk7252-cam
 * docs/hardware/flash_spi_mode.md (measured), pico-beken, ltchiptool-ft232-flasher, and the
 * BK7252 data sheet 8.10.
 *
 *   OFF        CEN low
 *   BOOTWAIT   CEN high, window not open yet
 *   WINDOW     MISO repeats D2; D2 received with CS low is accepted
 *   ACCEPTED   MISO 00 while the die wakes up
 *   FLASH      the pins are the die's pins until CEN goes low
 *   APP        the window closed: the application runs */
#ifndef TESTS_DEVICE_SPI_GATE_H
#define TESTS_DEVICE_SPI_GATE_H
#include "config.h"
#include "nor_die.h"
#include "rng.h"

enum gate_state { GATE_OFF, GATE_BOOTWAIT, GATE_WINDOW, GATE_ACCEPTED, GATE_FLASH, GATE_APP };

struct gate {
    const struct device_config *cfg;
    struct nor_die *die;
    struct vclock *clock;
    struct violation_log *log;
    struct rng rng;
    bool plain;    /* no gate: a NOR chip */
    bool firmware; /* something boots when the window closes */
    uint32_t sr_boot;

    enum gate_state state, before_off;
    uint64_t low_since, rise, open_at, close_at, flash_at;
    bool ignoring;   /* this reset does not answer the handshake */
    bool download;   /* a UART loader holds the chip: nothing boots */
    bool sr_written; /* the application has set its protection */
    uint32_t resets, accepted, accepted_at_reset;

    unsigned cen, cs, sck, mosi;   /* resolved levels 0/1 */
    uint32_t rise_bits, fall_bits; /* since CS fell */
    uint8_t shift;
    uint32_t window_bits; /* received since window opened or CS fell */
    uint32_t run;         /* D2 bytes in a row */
    bool late_frame;      /* this frame began after acceptance */
    bool mode3_frame;     /* SCK was high when CS fell */
    uint64_t last_rise_ns;
    bool too_fast, fast_noted;
    uint64_t slip_bits;

    uint32_t die_bits; /* received by the die in this frame */
    uint8_t out, out_bit;
    bool out_driven, out_stale;
    uint64_t frac; /* of a nanosecond, in units of 1/(2 hz) */
    uint32_t frac_hz;
};

void gate_init(struct gate *, const struct device_config *, struct nor_die *, struct vclock *,
               struct violation_log *);
void gate_settle(struct gate *);
/* True when this edge was a reset: CEN rose after long enough. */
bool gate_set_cen(struct gate *, unsigned level);
void gate_set_cs(struct gate *, unsigned level);
void gate_set_sck(struct gate *, unsigned level);
void gate_set_mosi(struct gate *, unsigned level);
unsigned gate_miso(struct gate *);      /* 0, 1, NET_FLOAT */
unsigned gate_miso_read(struct gate *); /* as an input with a pull reads it */
void gate_xfer(struct gate *, unsigned mode, uint32_t hz, const uint8_t *tx, uint8_t *rx,
               size_t bits);
/* The SoC was reset by itself (watchdog, reboot command); the die keeps its power. */
void gate_reset_at(struct gate *, uint64_t at);
void gate_power_cycle(struct gate *);
#endif
