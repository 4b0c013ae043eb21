/* profile.h - profiles: INI files that describe chips, boards and flash parts.
 *
 * Loading is reader -> merge (include, override) -> schema (types) -> check (whole
 * profile).  The result is immutable and may be shared between threads. */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H
#include "../base/base.h"
#include "../nor/part.h"

/* Where a value was written. */
struct origin {
    const char *file; /* as the user would type it */
    int line;
    const struct origin *overrides; /* what it replaced, or NULL */
};

/* One merged "key = value". */
struct prof_value {
    const char *section, *key, *text;
    const struct origin *at;
};

enum transport { TRANSPORT_NONE, TRANSPORT_SPI, TRANSPORT_UART, TRANSPORT_LOG };

struct prof_pad { /* PAD = signal @ LINE [!] */
    const char *pad, *signal, *line;
    bool inverted;
    const struct origin *at;
};
struct prof_option { /* opt.KEY = VALUE */
    const char *key, *value;
    const struct origin *at;
};
struct prof_route {   /* [adapter] or [adapter:NAME] with [pads] or [pads:NAME] */
    const char *name; /* "" = default route */
    const char *driver;
    enum transport transport;
    uint32_t clock_hz, baud; /* 0 = not said */
    const char *path;        /* unit, or NULL */
    struct prof_option *options;
    size_t n_options;
    struct prof_pad *pads;
    size_t n_pads;
    const struct origin *at; /* the section header */
    const struct origin *driver_at;
};
struct prof_access { /* [access:TRANSPORT]; "end" is the flash size, or
                         UINT32_MAX while that is unknown */
    enum transport transport;
    bkf_range read[8], erase[8], program[8];
    size_t n_read, n_erase, n_program;
    bool has_read, has_erase, has_program; /* absent list = driver's own */
    const char *reason;
    const struct origin *at;
};
enum layout { LAYOUT_RAW, LAYOUT_CRC34, LAYOUT_UNKNOWN };
enum encrypted { ENCRYPTED_UNKNOWN, ENCRYPTED_NO, ENCRYPTED_CODE, ENCRYPTED_AES };
struct prof_partition {
    const char *name, *within, *note, *role; /* within/note/role may be NULL */
    bkf_range range;
    bool protect; /* written only when named with --allow-protected */
    bool keep;    /* the device's own: never changed without a proven backup */
    enum layout layout;
    enum encrypted encrypted;
    uint32_t logical; /* CPU address of the first code byte */
    bool has_logical;
    const struct origin *at;
};
/* [layout]: what a flash map looks like in the wild, for recognising it. */
struct prof_layout {
    const char *chips[16];
    size_t n_chips;
    const char *code_key; /* "tuya", "zero", "unknown"; NULL = not said */
    uint32_t rf, kv;      /* offsets, valid when has_ says so */
    bool has_rf, has_kv, scan_rf;
    uint32_t ota_magic; /* first word of the partition with role ota-meta; 0 = not said */
};

struct bkf_profile {
    /* identity */
    const char *file, *name, *title, *kind, *note; /* title, note may be NULL */
    /* chip */
    const char *chip_name; /* name of the chip profile it builds on, else own name */
    const char *chip_driver;
    const char *chip_names;  /* what software for it calls it: "ONE, OTHER"; NULL = not said */
    const char *chip_marker; /* what its boot ROM wants in a bootloader, "none"; NULL = not said */
    struct prof_option *chip_options;
    size_t n_chip_options;
    const struct origin *chip_driver_at;
    /* flash */
    const char *part;                   /* NULL = not said */
    uint32_t jedec;                     /* 0 = not said */
    uint32_t size, page, sector, block; /* bytes; size 0 = not said */
    uint8_t erased;
    const struct origin *jedec_at, *size_at;
    /* lists */
    struct prof_route *routes;
    size_t n_routes;
    struct prof_access *access;
    size_t n_access;
    struct prof_partition *partitions; /* sorted by start, outer before inner */
    size_t n_partitions;
    struct prof_layout layout;
    /* every merged value in file order, for "profile show" and sidecars */
    struct prof_value *values;
    size_t n_values;
    /* files read, in order of inclusion */
    const char **files;
    size_t n_files;
    void *arena; /* owns all of the above */
};

/* Folders searched for names ("generic_bk7252", "chips/bk7252.ini"), NULL-terminated,
 * most specific first.  Each is a conf folder: boards/ chips/ flash/ below it. */
struct profile_env {
    const char *const *dirs;
};

/* name: a path, or a name with or without ".ini" looked up in the dirs' boards/ (then
 * chips/).  All findings go to diags; on any error *out is NULL and the result is
 * BKF_E_PROFILE (or BKF_E_FILE when the file cannot be found or read, with what was
 * tried in err).  Passes one and two of the checks; needs no plugins. */
bkf_status profile_load(const struct profile_env *, const char *name, struct diag_list *diags,
                        struct bkf_profile **out, bkf_error *err);
void profile_free(struct bkf_profile *);

/* Merged text value, or NULL; *at (may be NULL) gets its origin. */
const char *profile_value(const struct bkf_profile *, const char *section, const char *key,
                          const struct origin **at);
/* Route by name; NULL or "" = default; NULL result = no such route. */
const struct prof_route *profile_route(const struct bkf_profile *, const char *name);
const struct prof_partition *profile_partition(const struct bkf_profile *, const char *name);
const struct prof_access *profile_access(const struct bkf_profile *, enum transport);

/* All flash parts found in the dirs' flash folders (first dir wins per name).  Broken
 * files are reported to diags and left out. */
bkf_status profile_parts_load(const struct profile_env *, struct diag_list *diags,
                              struct nor_part_table *out, bkf_error *err);

/* Profiles found in the dirs, for "list profiles" and completions. */
struct profile_found {
    const char *name, *path, *kind, *title;
};
bkf_status profile_find_all(const struct profile_env *,
                            void (*found)(void *ud, const struct profile_found *), void *ud,
                            bkf_error *err);
#endif
