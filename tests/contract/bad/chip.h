/* chip.h - the chip template with one thing changed: BAD_CHIP(.member = wrong, ...). */
#include <bkflash/plugin.h>
const bkf_plugin *good_query(void);
#define bkf_plugin_query good_query
#include "../../../plugins/template/chip/mychip.c"
#undef bkf_plugin_query

#define BAD_CHIP(...)                                                                \
    static const bkf_chip_class bad_class = { .struct_size = sizeof(bkf_chip_class), \
                                              .name = "bad",                         \
                                              .summary = "Breaks a rule",            \
                                              .props = my_props,                     \
                                              .create = my_create,                   \
                                              .destroy = my_destroy,                 \
                                              .attach = my_attach,                   \
                                              .detach = my_detach,                   \
                                              .probe = my_probe,                     \
                                              .windows = my_windows,                 \
                                              .read = my_read,                       \
                                              .erase = my_erase,                     \
                                              .program = my_program,                 \
                                              .status = my_status,                   \
                                              .unlock = my_unlock,                   \
                                              .lock = my_lock,                       \
                                              __VA_ARGS__ };                         \
    static const bkf_chip_class *const bad_chips[] = { &bad_class, NULL };           \
    static const bkf_plugin bad_plugin = { .magic = BKF_PLUGIN_MAGIC,                \
                                           .abi_major = BKF_ABI_MAJOR,               \
                                           .struct_size = sizeof bad_plugin,         \
                                           .id = "com.example.bad",                  \
                                           .version = "1.0",                         \
                                           .license = "MIT",                         \
                                           .chips = bad_chips };                     \
    const bkf_plugin *bkf_plugin_query(void)                                         \
    {                                                                                \
        return &bad_plugin;                                                          \
    }
