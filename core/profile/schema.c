/* schema.c - one section or line of a file against the tables. */
#include "schema_tables.h"
#include <stdlib.h>
#include <string.h>

static void unknown_section(struct diag_list *l, const char *file, const struct ini_section *s)
{
    const char *words[SCHEMA_SECTIONS + 1];
    char typed[READER_MAX_SECTION + 1];
    size_t n = strcspn(s->name, ":");
    memcpy(typed, s->name, n);
    typed[n] = '\0';
    for (size_t i = 0; i < SCHEMA_SECTIONS; i++)
        words[i] = schema_sections()[i].name;
    words[SCHEMA_SECTIONS] = NULL;
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
    const struct section_spec *spec = schema_find_section(s->name);
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
    const struct section_spec *spec = schema_find_section(section);
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
