/* schema.c - the tables of sections and keys, and the check of one line against them. */
#include "schema.h"
#include <stdlib.h>
#include <string.h>

enum type {
    T_TEXT,   /* anything readable */
    T_NAME,   /* [a-z0-9_-]{1,32} */
    T_DRIVER, /* a name, with a better complaint about paths */
    T_WORD,   /* part names */
    T_WORDS,  /* one of words */
    T_ONE,    /* the number 1: schema */
    T_LIST,   /* comma-separated, checked by whoever uses it */
    T_NAMES,  /* comma-separated names */
    T_SIZE,   /* bytes */
    T_POWER,  /* bytes, a power of two */
    T_MASK,   /* status bits, 24 of them */
    T_HERTZ,
    T_BAUD,
    T_BOOL,
    T_JEDEC,
    T_BYTE,
    T_BYTES,
    T_ERASE,
    T_TIMES,
    T_RANGES,
    T_ADDRESS /* a size or one of words */
};
struct key_spec {
    const char *key;
    enum type type;
    unsigned kinds;
    uint64_t min, max; /* T_SIZE, T_POWER, T_ADDRESS */
    const char *const *words;
};
enum naming { UNNAMED, MAY_NAME, MUST_NAME };
struct section_spec {
    const char *name;
    enum naming naming;
    unsigned kinds;
    const struct key_spec *keys;
    const char *const *names; /* the only names after ':', or NULL = any name */
    bool options;             /* opt.KEY allowed */
    bool pads;                /* keys are pads */
};

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
static const struct key_spec chip_keys[] = { { "driver", T_DRIVER, ALL }, END_KEYS };
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

static const struct section_spec sections[] = {
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

static const struct section_spec *find_section(const char *name)
{
    size_t n = strcspn(name, ":");
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        if (strlen(sections[i].name) == n && strncmp(sections[i].name, name, n) == 0)
            return &sections[i];
    return NULL;
}

static void unknown_section(struct diag_list *l, const char *file, const struct ini_section *s)
{
    const char *words[ARRAY_LEN(sections) + 1];
    char typed[READER_MAX_SECTION + 1];
    size_t n = strcspn(s->name, ":");
    memcpy(typed, s->name, n);
    typed[n] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        words[i] = sections[i].name;
    words[ARRAY_LEN(sections)] = NULL;
    const char *near = suggest_word(typed, words);
    finding_add(l, DIAG_ERROR, file, s->line, s->name, NULL, "no such section%s%s%s",
                near ? ", did you mean [" : "; names for other programs start with x-",
                near ? near : "", near ? "]?" : "");
}

/* The part after ':' in a section name. */
static bool check_naming(struct diag_list *l, const char *file, const struct ini_section *s,
                         const struct section_spec *spec)
{
    const char *name = strchr(s->name, ':');
    if (!name) {
        if (spec->naming != MUST_NAME)
            return true;
        finding_add(l, DIAG_ERROR, file, s->line, s->name, NULL, "needs a name: [%s:%s]",
                    spec->name, spec->names ? spec->names[0] : "NAME");
        return false;
    }
    name++;
    if (spec->naming == UNNAMED) {
        finding_add(l, DIAG_ERROR, file, s->line, s->name, NULL, "takes no name: write [%s]",
                    spec->name);
        return false;
    }
    if (!value_name(name)) {
        finding_add(l, DIAG_ERROR, file, s->line, s->name, NULL,
                    "'%s' is not a name (a-z, 0-9, _ and -, at most 32)", name);
        return false;
    }
    for (size_t i = 0; spec->names; i++) {
        if (!spec->names[i]) {
            finding_add(l, DIAG_ERROR, file, s->line, s->name, NULL,
                        "there is no transport '%s' (spi or uart)", name);
            return false;
        }
        if (strcmp(spec->names[i], name) == 0)
            break;
    }
    return true;
}

bool schema_check_section(struct diag_list *l, const char *file, const struct ini_section *s,
                          enum kind kind)
{
    if (schema_is_foreign(s->name))
        return true;
    const struct section_spec *spec = find_section(s->name);
    if (!spec) {
        unknown_section(l, file, s);
        return false;
    }
    if (kind && !(spec->kinds & (unsigned)kind)) {
        finding_add(l, DIAG_ERROR, file, s->line, s->name, NULL, "does not belong in a %s profile",
                    kind_name(kind));
        return false;
    }
    if (!check_naming(l, file, s, spec))
        return false;
    if (!s->keys)
        finding_add(l, DIAG_WARNING, file, s->line, s->name, NULL, "section without keys");
    return true;
}

static void unknown_key(struct diag_list *l, const char *file, const char *section,
                        const struct ini_entry *e, const struct section_spec *spec)
{
    const char *words[32];
    size_t n = 0;
    for (const struct key_spec *k = spec->keys; k->key && n < ARRAY_LEN(words) - 1; k++)
        words[n++] = k->key;
    words[n] = NULL;
    const char *near = suggest_word(e->key, words);
    finding_add(l, DIAG_ERROR, file, e->line, section, e->key, "no such key%s%s%s",
                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Everything a complaint about one value needs. */
struct at {
    struct diag_list *l;
    const char *file, *section;
    const struct ini_entry *e;
};

static bool refuse(const struct at *a, const char *what)
{
    finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key, "'%s' is not %s",
                a->e->value, what);
    return false;
}

static bool one_of(const struct at *a, const char *const *words)
{
    struct strbuf sb = STRBUF_INIT;
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], a->e->value) == 0)
            return true;
    const char *near = suggest_word(a->e->value, words);
    for (size_t i = 0; words[i]; i++)
        strbuf_addf(&sb, "%s%s", i ? ", " : "", words[i]);
    finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key,
                "'%s' is not one of %s%s%s%s", a->e->value, sb.data ? sb.data : "the known words",
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    strbuf_free(&sb);
    return false;
}

static bool check_size(const struct at *a, const struct key_spec *k)
{
    uint64_t v;
    if (!num_parse_size(a->e->value, &v))
        return refuse(a, "a size (use 4096, 0x1000, 4K or 4M)");
    if (v < k->min || v > k->max) {
        finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key,
                    "%s is out of range (0x%llx to 0x%llx)", a->e->value,
                    (unsigned long long)k->min, (unsigned long long)k->max);
        return false;
    }
    if (k->type == T_POWER && (v & (v - 1)))
        return refuse(a, "a power of two");
    return true;
}

static bool check_ranges(const struct at *a)
{
    bkf_range r[8];
    size_t n;
    const char *why;
    if (value_ranges(a->e->value, UINT32_MAX, r, ARRAY_LEN(r), &n, &why))
        return true;
    if (!why)
        return refuse(a, "a range list (use START..END, START..end, or none)");
    finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key, "'%s' %s",
                a->e->value, why);
    return false;
}

static bool check_names(const struct at *a)
{
    char buf[READER_MAX_LINE + 1];
    const char *names[16];
    strncpy(buf, a->e->value, sizeof buf - 1);
    buf[sizeof buf - 1] = '\0';
    size_t n = value_list(buf, names, ARRAY_LEN(names));
    for (size_t i = 0; i < n && n <= ARRAY_LEN(names); i++)
        if (!value_name(names[i]))
            return refuse(a, "a list of names separated by commas");
    return n <= ARRAY_LEN(names) || refuse(a, "a list of at most 16 names");
}

static bool check_mask(const struct at *a)
{
    uint64_t v;
    return (num_parse_u64(a->e->value, &v) && v <= 0xFFFFFF) ||
           refuse(a, "a mask of status bits (0x0 to 0xFFFFFF)");
}

static bool check_part_values(const struct at *a, const struct key_spec *k)
{
    uint8_t bytes[3];
    struct erase_op ops[4];
    struct time_pair t;
    size_t n;
    switch (k->type) {
    case T_BYTES:
        return value_bytes(a->e->value, bytes, ARRAY_LEN(bytes), &n) ||
               refuse(a, "a list of one to three opcodes (05 35 15)");
    case T_ERASE:
        return value_erase(a->e->value, ops, ARRAY_LEN(ops), &n) ||
               refuse(a, "an erase list, smallest first (4K:20 32K:52 64K:D8)");
    case T_TIMES:
        return value_times(a->e->value, &t) ||
               refuse(a, "a typical and a longest time (60ms / 400ms)");
    default:
        return check_mask(a);
    }
}

static bool check_value(const struct at *a, const struct key_spec *k)
{
    uint64_t v;
    uint32_t u;
    uint8_t b;
    const char *s = a->e->value;
    switch (k->type) {
    case T_TEXT:
    case T_LIST:
        return true;
    case T_NAME:
        return value_name(s) || refuse(a, "a name (a-z, 0-9, _ and -, at most 32)");
    case T_DRIVER:
        return value_name(s) || refuse(a, "a driver name (a-z, 0-9, _ and -; never a file)");
    case T_WORD:
        return value_word(s) || refuse(a, "a part name (letters, digits, _ - . + / #, at most 32)");
    case T_WORDS:
        return one_of(a, k->words);
    case T_ONE:
        if (num_parse_u64(s, &v) && v > 1) {
            finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key,
                        "schema %s is newer than this program, which knows schema 1", s);
            return false;
        }
        return strcmp(s, "1") == 0 || refuse(a, "a schema version (1)");
    case T_NAMES:
        return check_names(a);
    case T_SIZE:
    case T_POWER:
        return check_size(a, k);
    case T_ADDRESS:
        for (size_t i = 0; k->words[i]; i++)
            if (strcmp(k->words[i], s) == 0)
                return true;
        return check_size(a, k);
    case T_HERTZ:
        return (num_parse_hz(s, &v) && v && v <= 1000000000u) ||
               refuse(a, "a frequency (use 50kHz, 1.5MHz; the unit is needed)");
    case T_BAUD:
        return value_baud(s, &u) || refuse(a, "a baud rate (300 to 12000000)");
    case T_BOOL:
        return num_parse_bool(s, &v) || refuse(a, "yes or no");
    case T_JEDEC:
        return num_parse_hex_id(s, &u) || refuse(a, "a JEDEC id (six hexadecimal digits: 0B4016)");
    case T_BYTE:
        return value_byte(s, &b) || refuse(a, "a byte in hexadecimal (0xFF)");
    case T_RANGES:
        return check_ranges(a);
    case T_MASK:
    case T_BYTES:
    case T_ERASE:
    case T_TIMES:
        return check_part_values(a, k);
    }
    return true;
}

static bool check_pad(const struct at *a)
{
    char buf[READER_MAX_LINE + 1];
    const char *signal, *line;
    bool inverted;
    strncpy(buf, a->e->value, sizeof buf - 1);
    buf[sizeof buf - 1] = '\0';
    if (!value_word(a->e->key)) {
        finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key,
                    "a pad name has at most 32 letters, digits, _ - . # / +");
        return false;
    }
    if (!value_pad(buf, &signal, &line, &inverted))
        return refuse(a, "a pad (use SIGNAL @ LINE, with ' !' behind it for an inverted one)");
    const char *const *known = value_signals();
    for (size_t i = 0; known[i]; i++)
        if (strcmp(known[i], signal) == 0)
            return true;
    const char *near = suggest_word(signal, known);
    finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key,
                "there is no signal '%s'%s%s%s", signal, near ? ", did you mean '" : "",
                near ? near : "", near ? "'?" : "");
    return false;
}

static bool check_option(const struct at *a)
{
    if (value_name(a->e->key + 4))
        return true;
    finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key,
                "an option is opt.NAME with a-z, 0-9, _ and -");
    return false;
}

/* The classic slip: "4K  # four" keeps the '#' in the value. */
static bool check_hash(const struct at *a, bool text)
{
    const char *s = a->e->value;
    for (const char *p = strchr(s, '#'); p; p = strchr(p + 1, '#')) {
        bool before = p == s || p[-1] == ' ' || p[-1] == '\t', after = !p[1] || p[1] == ' ';
        if (before && (!text || (after && p > s))) {
            finding_add(a->l, DIAG_ERROR, a->file, a->e->line, a->section, a->e->key,
                        "'#' does not start an inline comment here, use ' ;'");
            return false;
        }
    }
    return true;
}

bool schema_check_entry(struct diag_list *l, const char *file, const char *section,
                        const struct ini_entry *e, enum kind kind)
{
    const struct at a = { l, file, section, e };
    const struct section_spec *spec = find_section(section);
    if (!spec || schema_is_foreign(e->key))
        return true;
    if (spec->pads)
        return check_hash(&a, false) && check_pad(&a);
    if (spec->options && strncmp(e->key, "opt.", 4) == 0)
        return check_hash(&a, true) && check_option(&a);
    for (const struct key_spec *k = spec->keys; k->key; k++) {
        if (strcmp(k->key, e->key) != 0)
            continue;
        if (kind && !(k->kinds & (unsigned)kind))
            break;
        return check_hash(&a, k->type == T_TEXT) && check_value(&a, k);
    }
    unknown_key(l, file, section, e, spec);
    return false;
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
