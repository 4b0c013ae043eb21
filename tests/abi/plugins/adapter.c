/* adapter.c - one small adapter plugin with a switch for each way to break the contract.
 * CMake builds it once per switch. */
#include <bkflash/plugin.h>
#include <stdlib.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "good"
#endif

struct bkf_adapter {
    int unused;
};

static bkf_status my_list(const bkf_host *host, void (*found)(void *, const char *, const char *),
                          void *ud, bkf_error *err)
{
    (void)host;
    (void)err;
    found(ud, "unit-1", "Test unit");
    return BKF_OK;
}

static bkf_status my_open(const bkf_host *host, const char *unit, const bkf_props *props,
                          bkf_adapter **out, bkf_error *err)
{
    (void)host;
    (void)unit;
    (void)props;
    (void)err;
    *out = calloc(1, sizeof **out);
    return *out ? BKF_OK : BKF_E_NOMEM;
}

static void my_close(bkf_adapter *a)
{
    free(a);
}

static bkf_status my_acquire(bkf_adapter *a, const char *id, bkf_iface *out, bkf_error *err)
{
    (void)a;
    (void)id;
    (void)out;
    (void)err;
    return BKF_E_UNSUPPORTED;
}

static void my_release(bkf_adapter *a, const char *id)
{
    (void)a;
    (void)id;
}

static const bkf_prop_spec my_props[] = {
    { .key = "speed", .type = BKF_PROP_HERTZ, .dflt = "1MHz", .help = "Clock rate" },
#ifdef BAD_DEFAULT
    { .key = "count", .type = BKF_PROP_UINT, .dflt = "many", .help = "How many" },
#endif
#ifndef ENDLESS_PROPS
    { .key = NULL },
#endif
};
static const bkf_line_spec my_lines[] = {
    { .name = "D0", .roles = BKF_ROLE_OUT | BKF_ROLE_IN },
#ifdef LINE_TWICE
    { .name = "D1", .alias = "D0", .roles = BKF_ROLE_OUT },
#endif
    { .name = NULL },
};

#ifdef MISSING_MEMBER
#define MY_CLOSE NULL
#else
#define MY_CLOSE my_close
#endif
#ifdef WILD_FUNCTION
#define MY_RELEASE (void (*)(bkf_adapter *, const char *))0x20
#else
#define MY_RELEASE my_release
#endif
#ifdef WILD_SUMMARY
#define MY_SUMMARY (const char *)0x10
#else
#define MY_SUMMARY "Adapter of the loader's tests"
#endif
#ifdef SHORT_CLASS
#define CLASS_SIZE 24
#else
#define CLASS_SIZE sizeof(bkf_adapter_class)
#endif

#define MEMBERS                                                                       \
    .name = PLUGIN_NAME, .summary = MY_SUMMARY, .props = my_props, .lines = my_lines, \
    .list = my_list, .open = my_open, .close = MY_CLOSE, .acquire = my_acquire,       \
    .release = MY_RELEASE

#ifdef MINOR_1
/* What a plugin of a later minor looks like: members appended to both structs. */
static const struct {
    bkf_adapter_class v10;
    const char *colour;
} my_class = { .v10 = { .struct_size = sizeof my_class, MEMBERS }, .colour = "blue" };
#define CLASS_AT &my_class.v10
#else
static const bkf_adapter_class my_class = { .struct_size = CLASS_SIZE, MEMBERS };
#define CLASS_AT &my_class
#endif

#ifdef MISALIGNED_CLASS
static const bkf_adapter_class *const my_adapters[] = {
    (const bkf_adapter_class *)((const char *)CLASS_AT + 2), NULL
};
#else
static const bkf_adapter_class *const my_adapters[] = {
    CLASS_AT,
#ifdef CLASS_TWICE
    CLASS_AT,
#endif
    NULL,
};
#endif

#ifdef WRONG_MAGIC
#define MAGIC 0x12345678u
#else
#define MAGIC BKF_PLUGIN_MAGIC
#endif
#ifndef MAJOR
#define MAJOR BKF_ABI_MAJOR
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef PLUGIN_ID
#define PLUGIN_ID "org.bkflash.test." PLUGIN_NAME
#endif

#ifdef MINOR_1
static const struct {
    bkf_plugin v10;
    const char *homepage;
} my_plugin = {
    .v10 = { .magic = MAGIC,
             .abi_major = MAJOR,
             .abi_minor = 1,
             .struct_size = sizeof my_plugin,
             .id = PLUGIN_ID,
             .version = "1.1",
             .license = "MIT",
             .adapters = my_adapters },
    .homepage = "https://example.org",
};
#define PLUGIN_AT &my_plugin.v10
#else
static const bkf_plugin my_plugin = {
    .magic = MAGIC,
    .abi_major = MAJOR,
    .abi_minor = BKF_ABI_TARGET_MINOR,
#ifdef HUGE_SIZE
    .struct_size = 60000,
#elif defined(SHORT_SIZE)
    .struct_size = 24,
#else
    .struct_size = sizeof my_plugin,
#endif
    .flags = FLAGS,
    .id = PLUGIN_ID,
#ifndef NO_VERSION
    .version = "1.0",
#endif
    .license = "MIT",
#ifndef NO_CLASS
    .adapters = my_adapters,
#endif
};
#define PLUGIN_AT &my_plugin
#endif

#ifdef NO_EXPORT
const bkf_plugin *some_other_name(void);
BKF_EXPORT const bkf_plugin *some_other_name(void)
{
    return PLUGIN_AT;
}
#elif defined(HEAP_DESCRIPTOR)
const bkf_plugin *bkf_plugin_query(void)
{
    (void)my_plugin;
    return (const bkf_plugin *)0x1000;
}
#elif defined(NULL_DESCRIPTOR)
const bkf_plugin *bkf_plugin_query(void)
{
    (void)my_plugin;
    return NULL;
}
#else
const bkf_plugin *bkf_plugin_query(void)
{
    return PLUGIN_AT;
}
#endif

#ifdef TWO_EXPORTS
BKF_EXPORT int another_export(void);
int another_export(void)
{
    return 1;
}
#endif
#ifdef NEEDS_SYMBOL
int nowhere_defined(void);
BKF_EXPORT int use_symbol(void);
int use_symbol(void)
{
    return nowhere_defined();
}
#endif
