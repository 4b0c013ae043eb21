/* harness.h - a context with test plugins, a scratch folder, callbacks that remember. */
#ifndef SCENARIO_HARNESS_H
#define SCENARIO_HARNESS_H
#include "tests/support/cmocka.h"
#include <bkflash/bkflash.h>
#include <stdbool.h>

struct harness {
    char dir[64];
    char log[65536];
    size_t log_len;
    uint32_t polls, stop_at; /* should_stop says yes from poll stop_at on; 0 = never */
    uint64_t last_done;
    bool went_back; /* progress of a phase ran backwards */
    char phase[16];
    const char *route; /* for harness_dump; NULL = the default one */
    void (*on_progress)(struct harness *, const bkf_progress *); /* may be NULL */
    bkf_callbacks cb;
    bkf_ctx *ctx;
    bkf_profile *profile;
};
/* plugin: a .so to load first, or NULL; profile: its text, written to a file. */
void harness_open(struct harness *, const char *plugin, const char *profile_text);
void harness_close(struct harness *); /* fails if the folder is not empty but for the profile */
char *harness_path(const struct harness *, const char *name, char buf[128]);
bool harness_has(const struct harness *, const char *name);
/* Number after "KEY=" in the last counter line of the log; fails without one. */
unsigned harness_count(const struct harness *, const char *key);
void harness_remove(const struct harness *, const char *name);
/* Open, read into NAME, close. */
bkf_status harness_dump(struct harness *, const char *const *options, const bkf_read_options *,
                        const char *name, char **report, bkf_error *);
#endif
