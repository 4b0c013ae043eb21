/* uart_props.h - options of the UART strategy, for every Beken chip's props table.  Each
 * entry ends with a comma. */
#ifndef BEKENLIB_UART_PROPS_H
#define BEKENLIB_UART_PROPS_H
#define BEKEN_UART_PROPS
#endif
