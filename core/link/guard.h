/* guard.h - what guard.c and guard_uart.c share. */
#ifndef CORE_LINK_GUARD_H
#define CORE_LINK_GUARD_H
#include "stack.h"

struct guard {
    struct link_ifaces below;
    struct link_stats *stats;
    int (*should_stop)(void *ud);
    void *ud;
    bool bound, set_up, gone;
    char gone_text[256]; /* how the adapter said that it is gone */
    bkf_spi_step *steps; /* scratch for split lists */
    size_t n, cap;
};
/* Before a call: BKF_E_NO_DEVICE once the adapter has vanished. */
bkf_status guard_enter(struct guard *, bkf_error *);
/* After a call: counts it, notices a vanished adapter, gives a silent error a text. */
bkf_status guard_leave(struct guard *, bkf_status, const char *what, bkf_error *);
bool guard_stopping(const struct guard *);
/* Sleeps in slices; BKF_E_CANCELLED when should_stop says so. */
bkf_status guard_sleep(struct guard *, uint64_t us, bkf_error *);
#endif
