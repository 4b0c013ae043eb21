/* change_world.h - a small board whose flash is a file, and jobs on it, each in a process of
 * its own: kill -9 means what it says, and a job that hangs or crashes is seen as such. */
#ifndef BKFLASH_TESTS_CHANGE_WORLD_H
#define BKFLASH_TESTS_CHANGE_WORLD_H

#include "core/base/base.h"
#include "tests/support/cmocka.h"
#include <bkflash/bkflash.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 0x80000, APP = 0x11000, APP_LEN = 0x8000, KILLED = -9, RULES_BROKEN = 77 };
enum verb { WRITE, ERASE, RESTORE, RESUME, UNDO, DUMP };

struct world {
    char dir[64], profile[128], flash[128], image[128], status[128];
    uint8_t before[SIZE], after[SIZE];
    const char *chip, *route;
    bool boots; /* for test_change_faults: an application runs */
    /* Made once: what every job needs and none changes.  A job's process inherits them. */
    bkf_ctx *ctx;
    bkf_profile *board;
};

/* What one process shall do.  file: NULL = the image; change: NULL = write it to the app. */
struct job {
    enum verb verb;
    const char *options[5]; /* of the virtual device, besides image, save, save_sr and report */
    const bkf_change_options *change;
    const char *file;
    bool broken;      /* rules of the device may be broken in this run */
    unsigned stop_at; /* the user cancels when the library asks so often; 0 = never */
    unsigned full_at; /* the disk is full from this progress report of the writing on; 0 = never */
};

/* Exit code as the command has it, KILLED, or 200 + signal. */
struct outcome {
    int code;
    char message[1024]; /* of the error */
    json_t *report;     /* of the change; NULL after an error */
    json_t *device;     /* counters and violations */
};

void world_make(struct world *w, const char *chip, const char *route);
void world_reset(const struct world *w);
void world_free(struct world *w);
void world_put(const char *path, const void *p, size_t n);
uint32_t world_random(uint64_t *state);
/* Stored status registers of the die, which survive a job like the flash. */
uint32_t world_status(const struct world *w);
bool world_flash_is(const struct world *w, const uint8_t *want, size_t *at);
void world_expect(const struct world *w, const uint8_t *want, const char *when);
int world_run(const struct world *w, const struct job *job);
void world_observe(const struct world *w, const struct job *job, struct outcome *out);
void outcome_free(struct outcome *out);
long long counter(const struct outcome *out, const char *name);
void world_environment(void);

#endif
