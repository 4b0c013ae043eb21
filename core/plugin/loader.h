/* loader.h - from a path to a checked descriptor; private to core/plugin and the
 * conformance kit.
 *
 *     search (which files) -> trust (whose file) -> elf (whole file) -> loader (dlopen,
 *     version) -> descriptor (every pointer, every mandatory member) */
#ifndef CORE_PLUGIN_LOADER_H
#define CORE_PLUGIN_LOADER_H
#include "registry.h"

/* -- search.c: candidates in order of precedence -------------------------------- */
struct plugin_path {
    char *path;
    bool exact; /* named by the user: a refusal is an error, not a remark */
};
struct plugin_paths {
    struct plugin_path *items;
    size_t n, cap;
    bool failed; /* out of memory */
};
void search_plugins(const struct registry_config *, struct plugin_paths *);
void search_free(struct plugin_paths *);

/* -- trust.c: who could have put this code here ----------------------------------- */
/* BKF_E_PLUGIN with the reason and the command that mends it. */
bkf_status trust_check(const char *path, bkf_error *);
/* Name or number of the file's owner, malloc'ed; NULL when the file is gone. */
char *trust_owner(const char *path);

/* -- elf.c: what dlopen does not check (a truncated file ends it with SIGBUS) ------ */
bkf_status elf_check(const char *path, bkf_error *);

/* -- mapped.c: which addresses belong to loaded objects ------------------------------ */
struct mapped_segment {
    uintptr_t start, end;
    bool code;
};
struct mapped {
    struct mapped_segment *items;
    size_t n, cap;
    bool failed;
};
void mapped_take(struct mapped *); /* snapshot of every loaded object */
void mapped_free(struct mapped *);
bool mapped_data(const struct mapped *, const void *p, size_t n, size_t align);
bool mapped_code(const struct mapped *, uintptr_t function);
/* Length of a NUL-terminated text of at most max bytes, or -1. */
long mapped_text(const struct mapped *, const char *p, size_t max);

/* -- descriptor.c: a descriptor that cannot hurt ------------------------------------- */
/* Sizes of ABI 1.0: what every plugin of major 1 has at least. */
#define BKF_PLUGIN_1_0        (offsetof(bkf_plugin, chips) + sizeof(void *))
#define BKF_ADAPTER_CLASS_1_0 (offsetof(bkf_adapter_class, unit) + sizeof(void *))
#define BKF_CHIP_CLASS_1_0    (offsetof(bkf_chip_class, extension) + sizeof(void *))

/* The four frozen members only; *major and *minor are set as soon as they are read. */
bkf_status descriptor_version(const struct mapped *, const bkf_plugin *, uint32_t *major,
                              uint32_t *minor, const char **rule, bkf_error *);
/* Everything else, after descriptor_version.  *rule (may be NULL) gets the name of the
 * broken rule, as docs/abi.md and the conformance kit call it. */
bkf_status descriptor_check(const struct mapped *, const bkf_plugin *, const char **rule,
                            bkf_error *);
bool class_name_ok(const char *name); /* [a-z0-9_-]{1,32} */

/* -- loader.c ------------------------------------------------------------------------- */
struct plugin_file {
    char *path; /* also of the report */
    bool exact, tried;
    char *owner, *refused;
    uint32_t abi_major, abi_minor;
    const bkf_plugin *plugin;
};
/* All steps, once; the result is in ->plugin or ->refused.  Never unloads. */
void loader_load(struct plugin_file *);

/* -- props.c -------------------------------------------------------------------------- */
/* NULL and *num (0 for strings), or what is wrong with text as a value of this option. */
struct prop_problem {
    char text[200];
};
bool prop_parse(const bkf_prop_spec *, const char *text, uint64_t *num, struct prop_problem *);
#endif
