/* harness.h - an adapter plugin in hand: loads it, lends it a host, and reads back what the
 * emulated adapter logged on its wire. */
#ifndef TESTS_USB_HARNESS_H
#define TESTS_USB_HARNESS_H
#include "tests/support/cmocka.h"
#include <bkflash/plugin.h>
#include <stdbool.h>

struct harness {
    const bkf_adapter_class *cls;
    bkf_adapter *adapter;
    bkf_iface spi, gpio;
    const bkf_spi_ops *s;
    const bkf_gpio_ops *g;
    bkf_error err;
    const char *log_path;
    long log_at;
};
/* Environment: USB_TEST_PLUGIN, USB_TEST_LOG, USB_TEST_OPTS ("key=value,..."). */
void harness_load(struct harness *);
bkf_status harness_open(struct harness *, const char *unit);
void harness_acquire(struct harness *);
void harness_close(struct harness *);
/* What was logged since the last call equals the lines in want, separated by '|' ("OUT 3:
 * AA 63 00"); IN lines are left out unless with_in. */
void harness_expect(struct harness *, const char *want);
void harness_skip(struct harness *);               /* forget what was logged so far */
char *harness_log(struct harness *, bool with_in); /* malloc'ed; new lines joined by '|' */
#define OK(st)                                                   \
    do {                                                         \
        bkf_status st_ = (st);                                   \
        if (st_)                                                 \
            fail_msg("status %d: %s", (int)st_, h->err.message); \
    } while (0)
#endif
