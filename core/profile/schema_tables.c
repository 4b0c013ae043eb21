/* schema_tables.c - the sections and keys that exist, as data. */
#include "schema_tables.h"
#include <string.h>

#define ALL KIND_ALL, 0, 0, NULL
#define END_KEYS                    \
    {                               \
        NULL, T_TEXT, 0, 0, 0, NULL \
    }

static const char *const kinds[] = { "board", "chip", "flash", "family", "layout", "wiring", NULL };
static const char *const transports[] = { "spi", "uart", "log", NULL };
static const char *const access_names[] = { "spi", "uart", NULL };
static const char *const layouts[] = { "raw", "crc34", "unknown", NULL };
static const char *const roles[] = { "bootloader",     "app",    "ota-meta", "ota-download",
                                     "rf-calibration", "mac",    "keys",     "storage",
                                     "filesystem",     "config", "unknown",  NULL };
static const char *const encryptions[] = { "yes", "no", "aes", "unknown", NULL };
static const char *const code_keys[] = { "tuya", "zero", "unknown", NULL };
static const char *const bp_styles[] = { "w25q", "en25", "mx25", "none", NULL };
static const char *const unique_ids[] = { "4b-8", "4b-16", "none", NULL };
static const char *const scan[] = { "scan", "none", NULL };

static const struct key_spec profile_keys[] = {
    { "schema", T_ONE, ALL },
    { "kind", T_WORDS, KIND_ALL, 0, 0, kinds },
    { "name", T_NAME, ALL },
    { "title", T_TEXT, ALL },
    { "include", T_LIST, ALL },
    { "note", T_TEXT, ALL },
    END_KEYS,
};
static const struct key_spec adapter_keys[] = {
    { "driver", T_DRIVER, ALL },
    { "transport", T_WORDS, KIND_ALL, 0, 0, transports },
    { "clock", T_HERTZ, ALL },
    { "baud", T_BAUD, ALL },
    { "path", T_TEXT, ALL },
    { "note", T_TEXT, ALL },
    END_KEYS,
};
static const struct key_spec pads_keys[] = { END_KEYS };
static const struct key_spec chip_keys[] = {
    { "driver", T_DRIVER, ALL },
    { "names", T_LIST, ALL },
    { "marker", T_WORD, ALL },
    END_KEYS,
};
static const struct key_spec access_keys[] = {
    { "read", T_RANGES, ALL },
    { "erase", T_RANGES, ALL },
    { "program", T_RANGES, ALL },
    { "reason", T_TEXT, ALL },
    END_KEYS,
};
static const struct key_spec flash_keys[] = {
    { "part", T_WORD, ALL },
    { "jedec", T_JEDEC, ALL },
    { "size", T_SIZE, KIND_ALL, 4096, 256u * 1024 * 1024, NULL },
    { "page", T_POWER, KIND_ALL, 1, 4096, NULL },
    { "sector", T_POWER, KIND_ALL, 256, 1024 * 1024, NULL },
    { "block", T_POWER, KIND_ALL, 256, 16 * 1024 * 1024, NULL },
    { "erased", T_BYTE, ALL },
    END_KEYS,
};
static const struct key_spec partition_keys[] = {
    { "offset", T_SIZE, KIND_ALL, 0, UINT32_MAX, NULL },
    { "size", T_SIZE, KIND_ALL, 1, UINT32_MAX, NULL },
    { "within", T_NAME, ALL },
    { "protect", T_BOOL, ALL },
    { "keep", T_BOOL, ALL },
    { "role", T_WORDS, KIND_ALL, 0, 0, roles },
    { "layout", T_WORDS, KIND_ALL, 0, 0, layouts },
    { "logical", T_SIZE, KIND_ALL, 0, UINT32_MAX, NULL },
    { "encrypted", T_WORDS, KIND_ALL, 0, 0, encryptions },
    { "remove", T_BOOL, ALL },
    { "note", T_TEXT, ALL },
    END_KEYS,
};
static const struct key_spec layout_keys[] = {
    { "chips", T_NAMES, ALL },
    { "code_key", T_WORDS, KIND_ALL, 0, 0, code_keys },
    { "rf", T_ADDRESS, KIND_ALL, 0, UINT32_MAX, scan },
    { "kv", T_ADDRESS, KIND_ALL, 0, UINT32_MAX, scan },
    { "ota_magic", T_SIZE, KIND_ALL, 0, UINT32_MAX, NULL },
    END_KEYS,
};
static const struct key_spec part_keys[] = {
    { "name", T_WORD, ALL },
    { "jedec", T_JEDEC, ALL },
    { "size", T_POWER, KIND_ALL, 4096, 256u * 1024 * 1024, NULL },
    { "page", T_POWER, KIND_ALL, 1, 4096, NULL },
    { "sr_read", T_BYTES, ALL },
    { "sr_write", T_BYTES, ALL },
    { "sr_write_both", T_BOOL, ALL },
    { "sr_volatile", T_BOOL, ALL },
    { "protect_mask", T_MASK, ALL },
    { "keep_mask", T_MASK, ALL },
    { "qe_mask", T_MASK, ALL },
    { "cmp_mask", T_MASK, ALL },
    { "srp_mask", T_MASK, ALL },
    { "lock_mask", T_MASK, ALL },
    { "bp_style", T_WORDS, KIND_ALL, 0, 0, bp_styles },
    { "erase", T_ERASE, ALL },
    { "chip_erase", T_BYTE, ALL },
    { "clock", T_HERTZ, ALL },
    { "unique_id", T_WORDS, KIND_ALL, 0, 0, unique_ids },
    { "note", T_TEXT, ALL },
    END_KEYS,
};
static const struct key_spec timing_keys[] = {
    { "name", T_NAME, ALL },
    { "program", T_TIMES, ALL },
    { "erase_4k", T_TIMES, ALL },
    { "erase_32k", T_TIMES, ALL },
    { "erase_64k", T_TIMES, ALL },
    { "chip_erase", T_TIMES, ALL },
    { "chip_erase_per_mib", T_TIMES, ALL },
    { "status_write", T_TIMES, ALL },
    END_KEYS,
};

static const struct section_spec sections[SCHEMA_SECTIONS] = {
    { "profile", UNNAMED, KIND_ALL, profile_keys, NULL, false, false },
    { "adapter", MAY_NAME, KIND_BOARD | KIND_WIRING, adapter_keys, NULL, true, false },
    { "pads", MAY_NAME, KIND_BOARD | KIND_WIRING, pads_keys, NULL, false, true },
    { "chip", UNNAMED, KIND_BOARD | KIND_CHIP, chip_keys, NULL, true, false },
    { "access", MUST_NAME, KIND_BOARD | KIND_CHIP, access_keys, access_names, false, false },
    { "flash", UNNAMED, KIND_BOARD | KIND_CHIP | KIND_LAYOUT, flash_keys, NULL, false, false },
    { "partition", MUST_NAME, KIND_BOARD | KIND_CHIP | KIND_LAYOUT, partition_keys, NULL, false,
      false },
    { "layout", UNNAMED, KIND_BOARD | KIND_CHIP | KIND_LAYOUT, layout_keys, NULL, false, false },
    { "part", UNNAMED, KIND_FLASH | KIND_FAMILY, part_keys, NULL, false, false },
    { "timing", UNNAMED, KIND_FLASH | KIND_FAMILY, timing_keys, NULL, false, false },
};

const struct section_spec *schema_sections(void)
{
    return sections;
}

const struct section_spec *schema_find_section(const char *name)
{
    size_t n = strcspn(name, ":");
    for (size_t i = 0; i < SCHEMA_SECTIONS; i++)
        if (strlen(sections[i].name) == n && strncmp(sections[i].name, name, n) == 0)
            return &sections[i];
    return NULL;
}

enum kind kind_parse(const char *s)
{
    for (unsigned i = 0; s && kinds[i]; i++)
        if (strcmp(kinds[i], s) == 0)
            return (enum kind)(1u << i);
    return KIND_NONE;
}

const char *kind_name(enum kind k)
{
    for (unsigned i = 0; kinds[i]; i++)
        if ((unsigned)k == 1u << i)
            return kinds[i];
    return "file without a kind";
}

unsigned kind_may_include(enum kind k)
{
    switch (k) {
    case KIND_BOARD:
        return KIND_BOARD | KIND_CHIP | KIND_LAYOUT | KIND_WIRING;
    case KIND_CHIP:
        return KIND_CHIP;
    case KIND_FLASH:
    case KIND_FAMILY:
        return KIND_FAMILY;
    case KIND_LAYOUT:
        return KIND_LAYOUT;
    case KIND_WIRING:
        return KIND_WIRING;
    default:
        return KIND_ALL;
    }
}

bool schema_is_foreign(const char *name)
{
    return strncmp(name, "x-", 2) == 0;
}

const char *const *schema_required(const char *section, enum kind kind)
{
    static const char *const none[] = { NULL };
    static const char *const profile[] = { "schema", "kind", "name", NULL };
    static const char *const adapter[] = { "driver", "transport", NULL };
    static const char *const partition[] = { "offset", "size", NULL };
    static const char *const part[] = { "name",     "jedec", "size",       "sr_read",
                                        "sr_write", "erase", "chip_erase", NULL };
    static const char *const timing[] = { "name",      "program",      "erase_4k",
                                          "erase_64k", "status_write", NULL };
    static const char *const layout[] = { "chips", "code_key", NULL };
    size_t n = strcspn(section, ":");
    if (strncmp(section, "profile", n) == 0)
        return profile;
    if (n == 7 && strncmp(section, "adapter", n) == 0)
        return adapter;
    if (n == 9 && strncmp(section, "partition", n) == 0)
        return partition;
    if (kind == KIND_FLASH && strcmp(section, "part") == 0)
        return part;
    if (kind == KIND_FLASH && strcmp(section, "timing") == 0)
        return timing;
    if (kind == KIND_LAYOUT && strcmp(section, "layout") == 0)
        return layout;
    return none;
}
