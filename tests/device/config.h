/* config.h - the options of options.h, parsed. */
#ifndef TESTS_DEVICE_CONFIG_H
#define TESTS_DEVICE_CONFIG_H
#include "device.h"
#include "options.h"

/* One member for each option; given says which were. */
struct opt_text {
    const char *s; /* "" = not given */
};
struct opt_value {
    uint64_t v; /* numbers; TIME in ns; CHOICE as index; FLAG as 0/1 */
    bool given;
};
struct opt_real {
    double v;
    bool given;
};
#define OPT_TEXT   struct opt_text
#define OPT_NUMBER struct opt_value
#define OPT_FLAG   struct opt_value
#define OPT_CHOICE struct opt_value
#define OPT_TIME   struct opt_value
#define OPT_HERTZ  struct opt_value
#define OPT_REAL   struct opt_real
struct device_config {
#define X(key, type, member, dflt, choices, help) OPT_##type member;
    DEVICE_OPTIONS(X)
#undef X
    char *arena; /* the texts */
};
enum { BOOT_APP, BOOT_SPI, BOOT_OFF };
enum { ALIGN_BYTE, ALIGN_SLIDE };
enum { APP_FLOAT, APP_TOGGLE, APP_NOISE, APP_LOW, APP_HIGH };
enum { WIRE_NORMAL, MISO_STUCK0, MISO_STUCK1, MISO_OPEN };
enum { CEN_OPEN = 1, CEN_LOW = 2 };
enum { PULL_UP, PULL_DOWN, PULL_NOISE };

bool config_parse(struct device_config *, const struct device_option *, size_t n, char err[256]);
void config_free(struct device_config *);
static inline uint64_t config_or(struct opt_value o, uint64_t otherwise)
{
    return o.given ? o.v : otherwise;
}
#endif
