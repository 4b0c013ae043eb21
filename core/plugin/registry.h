/* registry.h - finding, trusting and loading plugins.
 *
 * Search order: explicit files, BKFLASH_PLUGIN_PATH, the user's data folder, the
 * installed folder (design in docs/abi.md).  Built-in classes (replay) come first. */
#ifndef CORE_PLUGIN_REGISTRY_H
#define CORE_PLUGIN_REGISTRY_H
#include "../base/base.h"
#include <bkflash/plugin.h>

struct registry;
struct registry_config {
    const char *const *files; /* --plugin FILE, NULL-terminated, or NULL */
    const char *env_path;     /* BKFLASH_PLUGIN_PATH as given, or NULL */
    const char *user_dir;     /* or NULL */
    const char *system_dir;   /* or NULL */
    bool elevated;            /* AT_SECURE */
    bool root;                /* running as root */
    bool allow_user_plugins;
    void (*log)(void *ud, int32_t level, const char *line);
    void *log_ud;
    const bkf_adapter_class *const *builtin_adapters; /* NULL-terminated, or NULL */
};
bkf_status registry_new(const struct registry_config *, struct registry **, bkf_error *);
void registry_free(struct registry *);

/* [any] Class by name; tries bkf-NAME.so first, scans everything only if that fails.
 * BKF_E_PLUGIN with the reason (refused file, version, missing library, "did you mean").
 * The class stays valid for the life of the process. */
bkf_status registry_adapter(struct registry *, const char *name, const bkf_adapter_class **,
                            bkf_error *);
bkf_status registry_chip(struct registry *, const char *name, const bkf_chip_class **, bkf_error *);

/* One file looked at, for "bkflash plugins" and doctor. */
struct plugin_report {
    const char *path;
    const char *id, *version, *license; /* NULL when refused before reading them */
    uint32_t abi_major, abi_minor;      /* 0.0 when unknown */
    const char *owner;                  /* user name or uid */
    const char *refused;                /* reason, or NULL */
    const char *shadowed_by;            /* path of the file that wins, or NULL */
    const bkf_plugin *plugin;           /* NULL when refused */
};
/* Scan everything; strings live until registry_free. */
bkf_status registry_scan(struct registry *, void (*found)(void *ud, const struct plugin_report *),
                         void *ud, bkf_error *);

/* -- props.c: options against a class's table ----------------------------------------- */
struct prop_input {
    const char *key, *value;
    const char *file; /* NULL = command line */
    int line;
};
struct props; /* typed, validated values */
/* fill(ud, what) resolves '@' defaults ("flash.jedec"); returns NULL = unset.  Problems go
 * to diags (file:line, "did you mean"); the result is BKF_E_PROFILE or BKF_E_PARAM then. */
bkf_status props_new(const bkf_prop_spec *spec, const char *who, const struct prop_input *,
                     size_t n, const char *(*fill)(void *ud, const char *what), void *ud,
                     struct diag_list *diags, struct props **, bkf_error *);
const bkf_props *props_view(const struct props *);
void props_free(struct props *);
#endif
