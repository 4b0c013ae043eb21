/* file.statics: state in a static array. */
#include "adapter.h"

static int counters[64];
static void counting_release(bkf_adapter *a, const char *id)
{
    counters[strlen(id) % 64]++;
    my_release(a, id);
}
BAD_ADAPTER(.release = counting_release)
