/* reader.h - one INI file as a list of sections and entries with their lines.
 *
 * The INI library does the parsing, behind a reader of ours that refuses, by line,
 * whatever library builds disagree about: see docs/profiles.md, "The file format". */
#ifndef CORE_PROFILE_READER_H
#define CORE_PROFILE_READER_H
#include "../base/base.h"
#include "arena.h"

enum {
    READER_MAX_FILE = 64 * 1024, /* bytes */
    READER_MAX_LINE = 198,       /* bytes; longer ones are parsed differently by inih 55 and 62 */
    READER_MAX_SECTION = 48,     /* bytes; inih cuts longer names silently */
    READER_MAX_KEY = 48,
    READER_MAX_ENTRIES = 1000,
    READER_MAX_SECTIONS = 200,
    READER_MAX_FINDINGS = 500 /* kept; further ones are only counted */
};

struct ini_section {
    const char *name;
    int line;
    size_t keys, good; /* how many lines it has, and how many of them are entries */
};
struct ini_entry {
    size_t section; /* index */
    const char *key, *value;
    int line;
};
struct ini_doc {
    const char *file;
    struct ini_section *sections;
    size_t n_sections, cap_sections;
    struct ini_entry *entries;
    size_t n_entries, cap_entries;
};

/* Findings go to diags; what is fine stays in doc.  False = out of memory. */
bool ini_read(struct arena *, const char *file, const char *text, size_t len, struct diag_list *,
              struct ini_doc *doc);

/* Like diag_add as an error, but keeps no more than READER_MAX_FINDINGS. */
void finding_add(struct diag_list *, int severity, const char *file, int line, const char *section,
                 const char *key, const char *fmt, ...) PRINTF_LIKE(7, 8);
#endif
