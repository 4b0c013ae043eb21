/* journal.h - what a write was doing, kept on disk so that the next run can finish it.
 *
 * One folder; per device KEY.journal (lines of JSON, each with its CRC) and KEY-HASH.target
 * (the bytes that shall be in the flash, so that a moved or changed image file cannot hurt).
 * Every record is on disk before the flash changes; a torn last line is ignored.  A finished
 * journal stays as KEY.last for "undo", with its target, which tells if the flash still holds
 * it.  The file is locked while a process works with it. */
#ifndef CORE_SESSION_JOURNAL_H
#define CORE_SESSION_JOURNAL_H
#include "../base/base.h"
#include <jansson.h>

/* Everything needed to go on or to go back, written as the first record. */
struct journal_head {
    char kind[16];          /* "write", "erase", "restore", "undo" */
    bkf_range request;      /* flash bytes that the target covers */
    char target_sha256[65]; /* filled by journal_begin; "" = erase, there is no target */
    char backup[512];       /* file that holds the old bytes; "" = none was made */
    char backup_sha256[65];
    char profile[256];  /* as given to -p */
    char jedec[8];      /* "0B4016"; identity of the device */
    char unique_id[40]; /* hex, "" = unknown */
    char mac[16];       /* twelve hex digits, "" = unknown */
    char chip[40];
    uint32_t status, status_bits; /* status registers before the first change */
    bool may_change_keep, preserve_keep;
    char allow[256]; /* protected areas allowed, comma separated */
};

struct journal;
/* Start: writes target (NULL = erase) and head, both synced.  An unfinished journal of this
 * key is refused (BKF_E_BUSY), or with replace taken over in one step: at every moment one
 * of the two is there whole. */
bkf_status journal_begin(const char *dir, const char *key, struct journal_head *,
                         const uint8_t *target, bool replace, struct journal **, bkf_error *err);
/* BKF_E_BUSY: what to do about the unfinished journal of this key. */
bkf_status journal_in_the_way(const char *dir, const char *key, bkf_error *err);
/* A group is about to change; the one before it holds its target.  Synced on return. */
bkf_status journal_mark(struct journal *, bkf_range group, bkf_error *err);
/* The last group holds its target. */
bkf_status journal_mark_done(struct journal *, bkf_error *err);
/* Close.  finished: rename to KEY.last, so that undo finds it; else it stays unfinished. */
bkf_status journal_end(struct journal *, bool finished, bkf_error *err);
/* Close and remove: nothing was changed after all. */
void journal_discard(struct journal *);

/* What an earlier run left. */
struct journal_state {
    struct journal_head head;
    bkf_range *done; /* normalized: groups that hold their target */
    size_t n_done;
    bkf_range open;       /* the group that was being changed; empty = none */
    uint8_t *target;      /* range_len(head.request) bytes, hash checked; NULL = not to be had */
    char target_why[256]; /* then: why */
    bool finished;        /* read from KEY.last */
};
/* BKF_E_NO_DEVICE when there is none; BKF_E_FILE when it is damaged, with the reason. */
bkf_status journal_load(const char *dir, const char *key, bool last, struct journal_state *,
                        bkf_error *err);
void journal_state_free(struct journal_state *);
/* Reopen an unfinished journal to go on appending; BKF_E_BUSY: another process has it. */
bkf_status journal_reopen(const char *dir, const char *key, struct journal **, bkf_error *err);
/* Keys of unfinished journals, or with last of finished ones. */
bkf_status journal_find(const char *dir, bool last, void (*found)(void *ud, const char *key),
                        void *ud, bkf_error *err);
#endif
