/* kit.h - the conformance kit: named points, each tried in a process of its own, so that a
 * plugin that crashes, hangs or prints fails that point and nothing else. */
#ifndef TESTS_KIT_H
#define TESTS_KIT_H
#include "core/plugin/loader.h"

enum verdict_kind { PASS, FAIL, SKIP };
struct verdict {
    enum verdict_kind kind;
    char text[400];
};
void verdict_fail(struct verdict *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void verdict_skip(struct verdict *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Leaves the point with a reason when the condition does not hold. */
#define MUST(v, condition, ...)           \
    do {                                  \
        if (!(condition)) {               \
            verdict_fail(v, __VA_ARGS__); \
            return;                       \
        }                                 \
    } while (0)

struct option {
    const char *key, *value;
};
struct kit {
    const char *path, *unit, *only;
    const char *scratch; /* an empty folder: options that name files may create them */
    bool json, loopback, flash;
    struct option options[64], device[64]; /* -O of the class, -D of the virtual device */
    size_t n_options, n_device;
    unsigned limit_s; /* longest a point may take */
    /* while running */
    const bkf_plugin *plugin;
    bool instrumented; /* built with a sanitizer: size and symbol rules do not apply */
    const bkf_adapter_class *adapter;
    const bkf_chip_class *chip;
    const char *who; /* class name in the output, or NULL */
    size_t points, failed, skipped;
    void *report; /* json_t array */
};

typedef void (*point_fn)(struct kit *, struct verdict *);
/* Runs one point in a child; true unless it failed. */
bool kit_point(struct kit *, const char *name, point_fn);
void kit_begin(struct kit *);
int kit_end(struct kit *); /* exit code */

/* -- the host that plugins of the kit see (kit_host.c) ---------------------------------- */
struct kit_host {
    bkf_host host;
    struct verdict *v; /* broken rules of logging go here */
    const void *nor;   /* service table or NULL */
    unsigned lines;
};
void kit_host_init(struct kit_host *, struct verdict *, const void *nor);
/* Options for a class from -O and a stand-in profile; false: the verdict says why. */
bool kit_props(struct kit *, const bkf_prop_spec *, const char *who, struct props **,
               struct verdict *);
/* A failing call must leave a message, and a status of the closed list. */
bool kit_failed_well(struct verdict *, const char *call, bkf_status, const bkf_error *);

struct usage {
    size_t heap, fds, threads;
};
void usage_take(struct usage *);

/* -- the points --------------------------------------------------------------------------- */
bool file_points(struct kit *);    /* before anything of the plugin runs */
void adapter_points(struct kit *); /* of kit->adapter */
void chip_points(struct kit *);    /* of kit->chip */
#endif
