/* class.unique: one class offered twice. */
#include "adapter.h"

static const bkf_adapter_class bad_class = CLASS(.reserved = 0);
static const bkf_adapter_class *const bad_adapters[] = { &bad_class, &bad_class, NULL };
BAD_PLUGIN(.flags = 0);
QUERY(&bad_plugin)
