/* kit_unit.h - one open unit of the adapter class that is being checked. */
#ifndef TESTS_KIT_UNIT_H
#define TESTS_KIT_UNIT_H
#include "kit.h"

struct unit {
    struct kit *k;
    struct verdict *v;
    struct kit_host host;
    struct props *props;
    bkf_adapter *a;
    bkf_iface spi, gpio, uart, clock;
};

/* Options for it, nothing opened; false: the verdict says why, as below. */
bool unit_props(struct unit *, struct kit *, struct verdict *);
/* What the class's open says; u->a is set by it. */
bkf_status unit_try_open(struct unit *, const char *name, bkf_error *);
/* Options and the unit asked for, open; false with a SKIP when there is none. */
bool unit_start(struct unit *, struct kit *, struct verdict *);
/* The same and an interface of it. */
bool unit_start_with(struct unit *, struct kit *, struct verdict *, const char *id, bkf_iface *out);
/* Takes an interface; false with a SKIP when the class does not offer it. */
bool unit_take(struct unit *, const char *id, bkf_iface *out);
bool unit_has_clock(const struct unit *); /* a virtual adapter */
void unit_end(struct unit *);

const bkf_gpio_ops *gpio_of(const struct unit *);
/* The first line that can be claimed as an output and is not one of SPI's; false: SKIP. */
bool gpio_claim_any(struct unit *, uint32_t level, const char **name, uint32_t *id);

/* The points of each interface. */
void gpio_points(struct kit *);
void spi_points(struct kit *);
void uart_points(struct kit *);
#endif
