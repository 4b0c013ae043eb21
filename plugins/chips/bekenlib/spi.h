/* spi.h - Beken SPI download mode, inside bekenlib only.
 *
 * After a reset the chip shows a token (D2) on MISO for about 50 ms; one token byte
 * received on MOSI meanwhile, with chip select low, wires the flash die to the pads until
 * the next reset.  Measured in Apache02/bk7252-cam docs/hardware/flash_spi_mode.md; the
 * bytes that others send are in Apache02/pico-beken, libretiny-eu/ltchiptool-ft232-flasher,
 * OpenBekenIOT/hid_download_py and openshwprojects/BK7231GUIFlashTool. */
#ifndef BEKENLIB_SPI_H
#define BEKENLIB_SPI_H
#include "beken.h"
#include <bkflash/nor.h>

/* -- spi_sight.c: what MISO showed; pure ------------------------------------------------ */
enum spi_answer {                  /* to RDID */
                  ANSWER_ID,       /* looks like an identification */
                  ANSWER_STARTING, /* 00s, perhaps after token bytes: accepted, die starting; or
                                      stuck low */
                  ANSWER_WINDOW,   /* token bytes or a bit rotation of them: window open, nothing
                                      accepted */
                  ANSWER_HIGH,     /* FF: application runs, no target, MISO open */
                  ANSWER_NOISE     /* anything else */
};
enum spi_answer spi_classify(const uint8_t reply[4], uint8_t token);
bool spi_is_rotation(uint8_t byte, uint8_t token); /* by 1 to 7 bits, token itself excluded */

enum spi_sight {                 /* during the burst */
                 SIGHT_ACCEPTED, /* token, then 00 */
                 SIGHT_WINDOW,   /* token, then anything but 00 */
                 SIGHT_ROTATED,  /* token shifted by some bits */
                 SIGHT_HIGH,     /* FF throughout */
                 SIGHT_LOW,      /* 00 throughout */
                 SIGHT_ACTIVE,   /* changing from the first bytes on */
                 SIGHT_NONE,     /* nothing was captured */
                 SIGHTS
};
struct spi_capture {
    enum spi_sight sight;
    uint8_t first;     /* first byte seen */
    uint8_t after;     /* byte seen after the token (WINDOW) */
    size_t at, tokens; /* index of the first token byte, how many of them */
};
struct spi_capture spi_look(const uint8_t *miso, size_t n, uint8_t token);

/* -- spi_entry.c -------------------------------------------------------------------------- */
struct spi_rung { /* one variant of the entry */
    uint32_t pre_us, cover_us, poll_us;
    uint32_t hz;    /* 0 = the entry clock */
    uint16_t burst; /* bytes; 0 = as many as cover_us needs */
    uint8_t frame;  /* chip select pulsed every so many bytes; 0 = one frame */
    uint8_t mode;
    bool float_pins; /* SPI pins released while CEN is low */
    const char *name;
};
enum { SPI_RUNGS = 8 };
extern const struct spi_rung spi_ladder[SPI_RUNGS];

struct spi_settings {
    uint64_t attempts; /* 0 = no limit */
    bool force_reset, no_entry;
    int only_rung; /* -1 = all */
    int only_mode; /* -1 = as the rung says */
    uint8_t token;
    uint32_t entry_hz, max_hz, reset_low_us, reset_exit_us;
};
struct spi_entry {
    const bkf_host *host;
    const bkf_links *links;
    struct spi_settings set;
    const bkf_op *op; /* of the running attach */
    bool parked;      /* spi_leave released the pins; entering again takes them back */
    bool has_cen;
    uint32_t cen;      /* line id */
    uint32_t hz, mode; /* as set up now */
    uint32_t resets;
    uint32_t id;           /* what RDID said in the end */
    uint32_t seen[SIGHTS]; /* how often the burst showed what */
    uint32_t answers[ANSWER_NOISE + 1];
    struct spi_capture last;
    uint8_t last_reply[4];
    bool integrity; /* ids came but were not stable */
};
bkf_status spi_settings_read(struct spi_settings *, const bkf_props *, const bkf_links *,
                             bkf_error *);
/* Until the flash answers, attempts are used up, or should_stop. */
bkf_status spi_enter(struct spi_entry *, const bkf_op *, bkf_error *);
/* CEN pulse with floating SPI pins: the application boots. */
bkf_status spi_leave(struct spi_entry *, const bkf_op *, uint32_t run, bkf_error *);

/* -- spi_wire.c: frames -------------------------------------------------------------------- */
bkf_status spi_setup(struct spi_entry *, uint32_t mode, uint32_t hz, bkf_error *);
/* One chip-select frame; tx NULL sends 00, rx NULL discards. */
bkf_status spi_frame(struct spi_entry *, const uint8_t *tx, uint8_t *rx, size_t n, bkf_error *);
bkf_status spi_rdid(struct spi_entry *, uint8_t reply[4], bkf_error *);
bkf_status spi_read_at(struct spi_entry *, uint32_t off, uint8_t *, size_t n, bkf_error *);
/* Identification and data come out the same every time. */
bkf_status spi_stable(struct spi_entry *, unsigned ids, uint8_t *ref, size_t n, bool have_ref,
                      bool *stable, bkf_error *);

/* -- spi_clock.c: the fastest clock that still reads the same ---------------------------------- */
bkf_status spi_raise_clock(struct spi_entry *, bkf_error *);
/* What may be tried, rising; fills up to cap, returns how many. */
size_t spi_clocks(const struct spi_entry *, uint32_t *hz, size_t cap);

/* -- spi_diagnosis.c ------------------------------------------------------------------------- */
/* What is probably wrong, with pads and the next step. */
void spi_diagnose(const struct spi_entry *, char *text, size_t cap);
/* One short line about the last attempt. */
void spi_describe(const struct spi_entry *, const struct spi_rung *, double byte_us, char *text,
                  size_t cap);
#endif
