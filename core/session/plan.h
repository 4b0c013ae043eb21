/* plan.h - what a write, erase or restore will do, worked out before anything is touched.
 *
 * Pure: facts in, steps or refusals out; no device, no files.  Two stages, because the
 * first needs no I/O at all:
 *   plan_check  refuses what can never hold (alignment, windows, protection, keep areas)
 *   plan_make   compares what the flash holds with what it shall hold, sector by sector
 */
#ifndef CORE_SESSION_PLAN_H
#define CORE_SESSION_PLAN_H
#include "../base/base.h"

enum plan_kind { PLAN_WRITE, PLAN_ERASE, PLAN_RESTORE };

/* A named area with rules attached. */
struct plan_area {
    const char *name;
    bkf_range range;
    bool protect;       /* needs its name in allow[] */
    bool keep;          /* calibration, MAC, keys: never changed unless may_change_keep */
    const char *origin; /* "file:line", or NULL */
};

/* What the chip can do on this route, and how long it takes. */
struct plan_facts {
    uint32_t size, page, sector; /* bytes; powers of two, page <= sector */
    uint8_t erased;
    const bkf_range *erasable, *programmable; /* normalized windows */
    size_t n_erasable, n_programmable;
    const char *window_reason; /* why the rest is missing, or NULL */
    bool erase_first;          /* every program needs an erase of its sector before it */
    /* Erase sizes beyond the sector that exist, with their time; 0 = does not exist.
     * floor: blocks that start below it are erased sector by sector (a boundary inside a
     * block belongs to somebody else). */
    uint32_t erase_4k_us, erase_32k_us, erase_64k_us, program_page_us;
    uint32_t verify_rate, write_rate; /* bytes per second, 0 = unknown */
    const struct plan_area *areas;
    size_t n_areas;
};

struct plan_input {
    enum plan_kind kind;
    bkf_range request;
    const uint8_t *target;    /* request bytes; NULL = erased */
    const uint8_t *current;   /* request bytes; NULL = unknown, everything counts as different */
    const bool *skip;         /* per sector: left alone, and not counted as right; or NULL */
    const char *const *allow; /* protected areas allowed by name, NULL-terminated, or NULL */
    bool may_change_keep;     /* restoring a device's own backup */
    bool preserve_keep;       /* leave keep areas out of the request instead of refusing */
    struct plan_facts facts;
};

enum plan_step_kind { STEP_ERASE, STEP_PROGRAM };
struct plan_step {
    enum plan_step_kind kind;
    bkf_range range; /* ERASE: one erase command's block; PROGRAM: whole pages */
};

/* Steps of one group belong together: after the last one the group holds its target. */
struct plan_group {
    bkf_range range;
    size_t first, n; /* steps */
};

struct plan {
    enum plan_kind kind;
    bkf_range request;
    struct plan_step *steps;
    size_t n_steps, cap_steps;
    struct plan_group *groups;
    size_t n_groups, cap_groups;
    bkf_range *kept; /* parts of the request left alone: keep areas with preserve_keep */
    size_t n_kept;
    /* sectors by what happens to them */
    uint32_t equal, program_only, erase_program, erase_only;
    uint64_t erase_bytes, program_bytes;
    uint64_t erase_us, program_us, verify_us; /* estimates; 0 = unknown */
};

/* Stage one.  BKF_OK, or BKF_E_PROTECTED / BKF_E_PARAM with the first reason in err and all
 * of them in diags (section = area name). */
bkf_status plan_check(const struct plan_input *, struct diag_list *diags, bkf_error *err);
/* Stage two; calls plan_check first.  The caller frees with plan_free, also on failure. */
bkf_status plan_make(const struct plan_input *, struct plan *, struct diag_list *diags,
                     bkf_error *err);
void plan_free(struct plan *);
/* Ranges that the plan changes, sorted and merged; out needs n_groups places. */
size_t plan_touched(const struct plan *, bkf_range *out);
#endif
