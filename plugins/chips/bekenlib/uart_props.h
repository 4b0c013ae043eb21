/* uart_props.h - options of the UART strategy, for every Beken chip's props table.  Each
 * entry ends with a comma. */
#ifndef BEKENLIB_UART_PROPS_H
#define BEKENLIB_UART_PROPS_H
#define BEKEN_UART_PROPS                                                                           \
    { .key = "uart_protocol",                                                                      \
      .type = BKF_PROP_STRING,                                                                     \
      .dflt = "",                                                                                  \
      .help = "who answers on the UART: rom (mask ROM) or bootloader (code in flash); empty = "    \
              "what the driver's chip has" },                                                      \
        { .key = "uart_name",                                                                      \
          .type = BKF_PROP_STRING,                                                                 \
          .dflt = "@chip.name",                                                                    \
          .help = "name of the chip in messages, and default for uart_identity" },                 \
        { .key = "uart_identity",                                                                  \
          .type = BKF_PROP_STRING,                                                                 \
          .dflt = "",                                                                              \
          .help = "accepted chips, comma separated: chip id in hex (rom) or name that the "        \
                  "bootloader goes by (BK7231S); empty = known from uart_name" },                  \
        { .key = "uart_key",                                                                       \
          .type = BKF_PROP_STRING,                                                                 \
          .dflt = "",                                                                              \
          .help = "flash key in hex, first word first; 8 digits are compared; empty = not looked " \
                  "at" },                                                                          \
        { .key = "uart_key_check",                                                                 \
          .type = BKF_PROP_BOOL,                                                                   \
          .dflt = "yes",                                                                           \
          .help = "stop when the flash key is another one; no = warn" },                           \
        { .key = "read_alias",                                                                     \
          .type = BKF_PROP_BOOL,                                                                   \
          .dflt = "yes",                                                                           \
          .help = "read the bootloader's own area through an address alias, proven by checksum" }, \
        { .key = "uart_size",                                                                      \
          .type = BKF_PROP_UINT,                                                                   \
          .dflt = "@flash.size",                                                                   \
          .help = "flash size to expect",                                                          \
          .max = 0x10000000 },                                                                     \
        { .key = "uart_floor",                                                                     \
          .type = BKF_PROP_UINT,                                                                   \
          .dflt = "0",                                                                             \
          .help = "nothing is erased or written below this offset over UART; at least 0x11000 "    \
                  "with uart_protocol bootloader",                                                 \
          .max = 0x10000000 },                                                                     \
        { .key = "uart_timeout",                                                                   \
          .type = BKF_PROP_MICROSECONDS,                                                           \
          .dflt = "30s",                                                                           \
          .help = "how long to wait for the chip to be reset",                                     \
          .min = 100000,                                                                           \
          .max = 3600000000u },                                                                    \
        { .key = "uart_reset_low",                                                                 \
          .type = BKF_PROP_MICROSECONDS,                                                           \
          .dflt = "100ms",                                                                         \
          .help = "how long CEN is held low where it is wired",                                    \
          .min = 1000,                                                                             \
          .max = 10000000 },                                                                       \
        { .key = "uart_soft_reset",                                                                \
          .type = BKF_PROP_BOOL,                                                                   \
          .dflt = "yes",                                                                           \
          .help = "ask a running application to reboot where CEN is not wired" },                  \
        { .key = "uart_baud_delay",                                                                \
          .type = BKF_PROP_UINT,                                                                   \
          .dflt = "50",                                                                            \
          .help = "milliseconds the chip waits at a change of rate",                               \
          .min = 5,                                                                                \
          .max = 250 },                                                                            \
        { .key = "uart_adaptive",                                                                  \
          .type = BKF_PROP_BOOL,                                                                   \
          .dflt = "yes",                                                                           \
          .help = "look for the highest rate that holds; no = use the route's baud as it is" },
#endif
