/* gpio.levels: set does nothing. */
#include "adapter.h"

static bkf_status bad_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    bkf_adapter *a = self;
    uint8_t old = id < LINES ? a->level[id] : 0;
    bkf_status st = gpio_set(self, id, level, err);
    if (st == BKF_OK)
        a->level[id] = old;
    return st;
}
BAD_GPIO(.set = bad_set)
