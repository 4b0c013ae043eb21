/* device_priv.h - struct device, for device.c, report.c and the UART side. */
#ifndef TESTS_DEVICE_PRIV_H
#define TESTS_DEVICE_PRIV_H
#include "config.h"
#include "loader.h"
#include "nor_die.h"
#include "spi_gate.h"

struct device {
    struct vclock *clock;
    struct device_config opt;
    struct violation_log log;
    uint8_t *flash;
    bool mapped; /* flash is the file of option save */
    uint8_t *sr; /* SR1..SR3 and SR_VALID in the file of option save_sr, or NULL */
    size_t size;
    struct nor_die *die;
    struct gate gate;
    struct uart uart;
};
#endif
