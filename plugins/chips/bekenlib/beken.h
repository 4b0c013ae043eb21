/* beken.h - what the Beken chip plugins share: a chip picks its strategy by the link it
 * was given (SPI download mode, or a UART loader) and forwards every call to it. */
#ifndef BEKENLIB_BEKEN_H
#define BEKENLIB_BEKEN_H
#include "uart_props.h"
#include <bkflash/plugin.h>
#include <stdarg.h>
#include <stdbool.h>

struct beken_ops;

/* Every strategy's own struct starts with this one. */
struct bkf_chip {
    const struct beken_ops *ops;
};

/* What differs between chips; constant. */
struct beken_model {
    const char *name; /* "bk7231n" */
    /* Which loader answers on the UART when the option says nothing: "rom" or "bootloader". */
    const char *uart_protocol;
};

/* One way to reach the flash.  Same meaning as in bkf_chip_class; NULL = not this way. */
struct beken_ops {
    bkf_status (*create)(const bkf_host *, const bkf_links *, const bkf_props *,
                         const struct beken_model *, bkf_chip **, bkf_error *);
    void (*destroy)(bkf_chip *);
    bkf_status (*attach)(bkf_chip *, const bkf_op *, bkf_error *);
    bkf_status (*detach)(bkf_chip *, const bkf_op *, uint32_t run, bkf_error *);
    bkf_status (*probe)(bkf_chip *, const bkf_op *, bkf_chip_info *, bkf_error *);
    size_t (*windows)(bkf_chip *, bkf_window *, size_t cap);
    bkf_status (*read)(bkf_chip *, const bkf_op *, uint32_t off, uint8_t *, size_t, bkf_error *);
    bkf_status (*erase)(bkf_chip *, const bkf_op *, uint32_t off, size_t, bkf_error *);
    bkf_status (*program)(bkf_chip *, const bkf_op *, uint32_t off, const uint8_t *, size_t,
                          bkf_error *);
    bkf_status (*status)(bkf_chip *, const bkf_op *, uint32_t *value, uint32_t *bits, bkf_error *);
    bkf_status (*unlock)(bkf_chip *, const bkf_op *, bkf_error *);
    bkf_status (*lock)(bkf_chip *, const bkf_op *, bkf_error *);
    bkf_status (*efuse)(bkf_chip *, const bkf_op *, uint32_t off, uint8_t *, size_t, bkf_error *);
    bkf_status (*reset)(bkf_chip *, const bkf_op *, bkf_error *);
    const void *(*extension)(bkf_chip *, const char *id);
};
extern const struct beken_ops beken_spi_ops;  /* spi_chip.c */
extern const struct beken_ops beken_uart_ops; /* uart_chip.c */

/* Picks the strategy: links->spi before links->uart. */
bkf_status beken_create(const bkf_host *, const bkf_links *, const bkf_props *,
                        const struct beken_model *, bkf_chip **, bkf_error *);

/* The members of a bkf_chip_class that forward to chip->ops; create is the chip's own. */
void beken_destroy(bkf_chip *);
bkf_status beken_attach(bkf_chip *, const bkf_op *, bkf_error *);
bkf_status beken_detach(bkf_chip *, const bkf_op *, uint32_t run, bkf_error *);
bkf_status beken_probe(bkf_chip *, const bkf_op *, bkf_chip_info *, bkf_error *);
size_t beken_windows(bkf_chip *, bkf_window *, size_t cap);
bkf_status beken_read(bkf_chip *, const bkf_op *, uint32_t off, uint8_t *, size_t, bkf_error *);
bkf_status beken_erase(bkf_chip *, const bkf_op *, uint32_t off, size_t, bkf_error *);
bkf_status beken_program(bkf_chip *, const bkf_op *, uint32_t off, const uint8_t *, size_t,
                         bkf_error *);
bkf_status beken_status(bkf_chip *, const bkf_op *, uint32_t *value, uint32_t *bits, bkf_error *);
bkf_status beken_unlock(bkf_chip *, const bkf_op *, bkf_error *);
bkf_status beken_lock(bkf_chip *, const bkf_op *, bkf_error *);
bkf_status beken_efuse(bkf_chip *, const bkf_op *, uint32_t off, uint8_t *, size_t, bkf_error *);
bkf_status beken_reset(bkf_chip *, const bkf_op *, bkf_error *);
const void *beken_extension(bkf_chip *, const char *id);

#define BEKEN_CLASS_MEMBERS                                                                       \
    .destroy = beken_destroy, .attach = beken_attach, .detach = beken_detach,                     \
    .probe = beken_probe, .windows = beken_windows, .read = beken_read, .erase = beken_erase,     \
    .program = beken_program, .status = beken_status, .unlock = beken_unlock, .lock = beken_lock, \
    .efuse = beken_efuse, .reset = beken_reset, .extension = beken_extension

/* Fills err as the host's own layers do; returns st. */
__attribute__((format(printf, 3, 4))) bkf_status beken_error(bkf_error *, bkf_status st,
                                                             const char *fmt, ...);

/* Options of the SPI strategy, for every Beken chip's props table. */
#define BEKEN_SPI_PROPS                                                                            \
    { .key = "attempts",                                                                           \
      .type = BKF_PROP_UINT,                                                                       \
      .dflt = "0",                                                                                 \
      .help = "how many resets to try; 0 = until cancelled",                                       \
      .max = 1000000 },                                                                            \
        { .key = "force_reset",                                                                    \
          .type = BKF_PROP_BOOL,                                                                   \
          .dflt = "no",                                                                            \
          .help = "reset even if the flash answers already" },                                     \
        { .key = "spi_entry",                                                                      \
          .type = BKF_PROP_UINT,                                                                   \
          .dflt = "0xD2",                                                                          \
          .help = "byte that opens SPI download mode after a reset",                               \
          .min = 1,                                                                                \
          .max = 0xFE },                                                                           \
        { .key = "spi_strategy",                                                                   \
          .type = BKF_PROP_STRING,                                                                 \
          .dflt = "ladder",                                                                        \
          .help = "ladder, 0 to 7 (one rung of it for ever), or none (no reset, no entry)" },      \
        { .key = "spi_mode",                                                                       \
          .type = BKF_PROP_STRING,                                                                 \
          .dflt = "auto",                                                                          \
          .help = "auto (mode 0, and mode 3 on one rung), 0 or 3" },                               \
        { .key = "entry_clock",                                                                    \
          .type = BKF_PROP_HERTZ,                                                                  \
          .dflt = "1MHz",                                                                          \
          .help = "SPI clock during entry",                                                        \
          .min = 10000,                                                                            \
          .max = 60000000 },                                                                       \
        { .key = "spi_clock",                                                                      \
          .type = BKF_PROP_HERTZ,                                                                  \
          .dflt = "6MHz",                                                                          \
          .help = "fastest SPI clock to try once the flash answers (the profile's clock, if any, " \
                  "comes first)",                                                                  \
          .min = 10000,                                                                            \
          .max = 60000000 },                                                                       \
        { .key = "reset_low",                                                                      \
          .type = BKF_PROP_MICROSECONDS,                                                           \
          .dflt = "100ms",                                                                         \
          .help = "how long CEN is held low to get in; longer when that fails",                    \
          .min = 1000,                                                                             \
          .max = 10000000 },                                                                       \
    {                                                                                              \
        .key = "reset_exit", .type = BKF_PROP_MICROSECONDS, .dflt = "50ms",                        \
        .help = "how long CEN is held low at the end, so that the application starts",             \
        .min = 1000, .max = 10000000                                                               \
    }
#endif
