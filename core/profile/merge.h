/* merge.h - a profile with everything it includes, as one list of values with origins. */
#ifndef CORE_PROFILE_MERGE_H
#define CORE_PROFILE_MERGE_H
#include "profile.h"
#include "reader.h"
#include "schema.h"
#include <sys/types.h>

enum {
    MERGE_MAX_DEPTH = 4, /* of includes below the first file */
    MERGE_MAX_FILES = 32
};

struct merged_value {
    const char *section, *key, *text;
    const struct origin *at;
    bool bad; /* refused by the schema: present, but not to be used */
};
struct merged_section {
    const char *name;
    const struct origin *at; /* the last header */
    bool removed;
    bool bad_lines; /* some of its lines could not be read */
};
struct merge_file_id {
    dev_t dev;
    ino_t ino;
    bool known;
};
struct merge {
    const struct profile_env *env;
    struct diag_list *diags;
    struct arena *arena;
    struct merged_section *sections;
    size_t n_sections, cap_sections;
    struct merged_value *values;
    size_t n_values, cap_values;
    const char **files;
    size_t n_files, cap_files;
    struct merge_file_id ids[MERGE_MAX_FILES]; /* of files[] */
    struct {
        struct merge_file_id id;
        const char *file;
    } stack[MERGE_MAX_DEPTH + 1]; /* files being read, outermost first */
    size_t depth;
    enum kind kind;        /* of the first file; KIND_NONE = not said */
    const char *chip_name; /* of the outermost chip profile, or NULL */
    bool nomem;
};

/* file: what messages call it.  False = out of memory. */
bool merge_text(struct merge *, const char *file, const char *text, size_t len,
                const struct merge_file_id *id);

/* Value that is there and usable, or NULL. */
const struct merged_value *merge_find(const struct merge *, const char *section, const char *key);
/* Also the refused ones: for "is it there at all". */
bool merge_has(const struct merge *, const char *section, const char *key);
const struct merged_section *merge_section(const struct merge *, const char *section);
/* Any refused value or line in the section: more findings about it would be noise. */
bool merge_tainted(const struct merge *, const char *section);

/* An error about a merged value (at may be NULL: the whole first file). */
void merge_error(struct merge *, const struct origin *at, const char *section, const char *key,
                 const char *fmt, ...) PRINTF_LIKE(5, 6);
void merge_warning(struct merge *, const struct origin *at, const char *section, const char *key,
                   const char *fmt, ...) PRINTF_LIKE(5, 6);
#endif
