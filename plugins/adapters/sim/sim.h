/* sim.h - the simulated adapter: an open unit and its interfaces. */
#ifndef SIM_H
#define SIM_H
#include "tests/device/device.h"
#include <bkflash/plugin.h>
#include <stdbool.h>

enum { SIM_LINE_SCK, SIM_LINE_MOSI, SIM_LINE_MISO, SIM_LINE_CS0, SIM_LINE_CEN, SIM_LINES };

struct bkf_adapter {
    const bkf_host *host;
    struct vclock clock;
    struct device *dev;
    uint64_t turnaround_ns; /* host to adapter and back, for every call */
    uint32_t max_hz;        /* of the SPI engine */
    /* SPI */
    uint32_t mode, hz;
    bool held, parked, bound;
    /* GPIO */
    bool claimed[SIM_LINES];
    uint32_t level[SIM_LINES];
};

extern const bkf_spi_ops sim_spi_ops;
extern const bkf_gpio_ops sim_gpio_ops;
extern const bkf_uart_ops sim_uart_ops;

bkf_status sim_fail(bkf_error *, bkf_status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sim_turnaround(bkf_adapter *);
/* Puts a claimed line's level on its net. */
void sim_drive(bkf_adapter *, uint32_t line, uint32_t level);
/* SPI nets to their idle levels, or floating. */
void sim_spi_idle(bkf_adapter *, bool floating);
#endif
