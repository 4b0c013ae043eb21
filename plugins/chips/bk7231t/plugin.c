/* Beken BK7231T, over SPI download mode or a UART loader. */
#define BEKEN_NAME          "bk7231t"
#define BEKEN_TITLE         "BK7231T"
#define BEKEN_UART_PROTOCOL "bootloader"
#include "beken_plugin.h"
