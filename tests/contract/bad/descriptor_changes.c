/* descriptor.pure: another object at every call. */
#include "adapter.h"

static const bkf_adapter_class bad_class = CLASS(.reserved = 0);
static const bkf_adapter_class *const bad_adapters[] = { &bad_class, NULL };
BAD_PLUGIN(.flags = 0);
static const bkf_plugin *next = &bad_plugin;
const bkf_plugin *bkf_plugin_query(void)
{
    const bkf_plugin *now = next;
    next = now == &bad_plugin ? &my_plugin : &bad_plugin;
    return now;
}
