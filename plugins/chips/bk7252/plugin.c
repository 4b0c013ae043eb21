/* Beken BK7252, over SPI download mode or a UART loader. */
#define BEKEN_NAME          "bk7252"
#define BEKEN_TITLE         "BK7252"
#define BEKEN_UART_PROTOCOL "bootloader"
#include "beken_plugin.h"
