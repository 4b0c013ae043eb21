/* Beken BK7231N, over SPI download mode or a UART loader. */
#define BEKEN_NAME          "bk7231n"
#define BEKEN_TITLE         "BK7231N"
#define BEKEN_UART_PROTOCOL "rom"
#include "beken_plugin.h"
