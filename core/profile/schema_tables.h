/* schema_tables.h - the tables behind schema.h. */
#ifndef CORE_PROFILE_SCHEMA_TABLES_H
#define CORE_PROFILE_SCHEMA_TABLES_H
#include "schema.h"

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

enum { SCHEMA_SECTIONS = 10 };
const struct section_spec *schema_sections(void);                 /* SCHEMA_SECTIONS of them */
const struct section_spec *schema_find_section(const char *name); /* "pads:uart" finds pads */
#endif
