/* gpio.claim: gives one line to two users. */
#include "adapter.h"

static bkf_status bad_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                            uint32_t *id, bkf_error *err)
{
    bkf_adapter *a = self;
    a->claimed = 0;
    return gpio_claim(self, line, drive, level, id, err);
}
BAD_GPIO(.claim = bad_claim)
