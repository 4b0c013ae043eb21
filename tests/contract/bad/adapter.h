/* adapter.h - the adapter template with one thing changed.  A file of this folder includes
 * it, defines what is wrong, and ends with BAD_ADAPTER(.member = wrong, ...), BAD_SPI(...),
 * BAD_GPIO(...) or BAD_UART(...).  Its first line names the point that must catch it. */
#include <bkflash/plugin.h>
const bkf_plugin *good_query(void);
#define bkf_plugin_query good_query
#include "../../../plugins/template/adapter/myadapter.c"
#undef bkf_plugin_query

/* Later designators win, which is the whole trick. */
#define BAD_PLUGIN(...)                                                       \
    static const bkf_plugin bad_plugin = { .magic = BKF_PLUGIN_MAGIC,         \
                                           .abi_major = BKF_ABI_MAJOR,        \
                                           .struct_size = sizeof(bkf_plugin), \
                                           .id = "com.example.bad",           \
                                           .version = "1.0",                  \
                                           .license = "MIT",                  \
                                           .adapters = bad_adapters,          \
                                           __VA_ARGS__ }
#define QUERY(object)                        \
    const bkf_plugin *bkf_plugin_query(void) \
    {                                        \
        return object;                       \
    }
#define CLASS(...)                                                                                 \
    {                                                                                              \
        .struct_size = sizeof(bkf_adapter_class), .name = "bad", .summary = "Breaks a rule",       \
        .props = my_props, .lines = my_lines, .list = my_list, .open = my_open, .close = my_close, \
        .acquire = my_acquire, .release = my_release, .unit = my_unit, __VA_ARGS__                 \
    }
#define BAD_ADAPTER(...)                                                         \
    static const bkf_adapter_class bad_class = CLASS(__VA_ARGS__);               \
    static const bkf_adapter_class *const bad_adapters[] = { &bad_class, NULL }; \
    BAD_PLUGIN(.flags = 0);                                                      \
    QUERY(&bad_plugin)
/* The class is the template's; members of the descriptor are changed. */
#define BAD_DESCRIPTOR(...)                                                      \
    static const bkf_adapter_class bad_class = CLASS(.reserved = 0);             \
    static const bkf_adapter_class *const bad_adapters[] = { &bad_class, NULL }; \
    BAD_PLUGIN(__VA_ARGS__);                                                     \
    QUERY(&bad_plugin)

#define SWAP_OPS(good)                                                                          \
    static bkf_status bad_acquire(bkf_adapter *a, const char *id, bkf_iface *f, bkf_error *err) \
    {                                                                                           \
        bkf_status st = my_acquire(a, id, f, err);                                              \
        if (st == BKF_OK && f->ops == &(good))                                                  \
            f->ops = &bad_ops;                                                                  \
        return st;                                                                              \
    }                                                                                           \
    BAD_ADAPTER(.acquire = bad_acquire)
#define BAD_SPI(...)                                                         \
    static const bkf_spi_ops bad_ops = { .struct_size = sizeof(bkf_spi_ops), \
                                         .bind = spi_bind,                   \
                                         .setup = spi_setup,                 \
                                         .run = spi_run,                     \
                                         .max_len = spi_max_len,             \
                                         .caps = spi_caps,                   \
                                         __VA_ARGS__ };                      \
    SWAP_OPS(my_spi)
#define BAD_GPIO(...)                                                          \
    static const bkf_gpio_ops bad_ops = { .struct_size = sizeof(bkf_gpio_ops), \
                                          .claim = gpio_claim,                 \
                                          .set = gpio_set,                     \
                                          .get = gpio_get,                     \
                                          .drop = gpio_drop,                   \
                                          __VA_ARGS__ };                       \
    SWAP_OPS(my_gpio)
#define BAD_UART(...)                                                          \
    static const bkf_uart_ops bad_ops = { .struct_size = sizeof(bkf_uart_ops), \
                                          .setup = uart_setup,                 \
                                          .write = uart_write,                 \
                                          .read = uart_read,                   \
                                          .purge = uart_purge,                 \
                                          __VA_ARGS__ };                       \
    SWAP_OPS(my_uart)
