/* change.h - one change to the flash: write, erase, restore, resume or undo.
 *
 *   prepare   request, target bytes, rules            (change.c, change_target.c)
 *   learn     what the flash holds now                 (change_learn.c)
 *   plan      steps, or nothing to do                  (plan.c)
 *   back up   the old bytes, proven                    (change_backup.c)
 *   act       journal, unlock, groups, verify, lock    (change_exec.c, change_verify.c)
 *   report    JSON for people and programs             (change_report.c)
 *
 * No branch on transport: a device with BKF_EXT_DIGEST is searched and proven by its own
 * CRC, any other by reading. */
#ifndef CORE_SESSION_CHANGE_H
#define CORE_SESSION_CHANGE_H
#include "device_id.h"
#include "journal.h"
#include "layouts.h"
#include "plan.h"
#include "session.h"
#include "sidecar.h"

/* FLASH_MAX: larger than any NOR die; the size of one that is not known yet. */
enum { REPAIR_ROUNDS = 3, FLASH_MAX = 256 << 20 };

/* May the device boot with what was written, as far as the image tells? */
enum change_verdict {
    BOOTS_UNSAID, /* no place for code was written */
    BOOTS_UNKNOWN,
    BOOTS_YES, /* boots_why: what speaks against it all the same, or "" */
    BOOTS_NO
};
/* A dump and its sidecar. */
struct change_dump {
    uint8_t *data; /* NULL = not loaded */
    struct sidecar side;
};
struct change {
    bkf_session *s;
    enum plan_kind kind;
    uint32_t flags; /* BKF_CHANGE_* */
    const char *label;
    const char *const *allow; /* protected areas allowed */
    bool allow_all;           /* going back: every protected area is allowed */
    bool may_change_keep, preserve_keep;
    bool backup_stands; /* resume and undo: the old bytes are saved already */
    bool undoing;       /* a restore of what the last change replaced */
    /* prepare */
    uint32_t size;
    bool size_unknown;              /* until the device is met; size is FLASH_MAX then */
    struct change_dump dump, given; /* what is put back; the backup that the user names */
    bkf_range request;              /* whole sectors */
    bkf_range wanted;          /* what was asked for: the rest goes back as it is; empty = all */
    uint8_t *target, *current; /* request bytes each */
    bool *skip;                /* per sector: not to be touched (holes of a dump) */
    uint32_t filled;           /* erased bytes behind the image, up to the end of its last sector */
    bkf_range left_alone[2];   /* of a dump: what this route cannot change */
    size_t n_left_alone;
    bkf_range *absent; /* of it: sectors that the dump does not have */
    size_t n_absent;
    char absent_why[200];
    struct plan_area *areas;
    char (*area_origin)[160];
    size_t n_areas;
    bkf_range erasable[WINDOWS_MAX], programmable[WINDOWS_MAX];
    const char *window_reason;
    bkf_timing timing;
    struct device_id id;
    char key[80]; /* names the device in the journal and backup folders */
    char *allow_text;
    enum change_verdict boots;
    char boots_why[400];
    struct layout_set layouts; /* of this chip; loaded when first needed */
    uint8_t *old;              /* undo: the whole backup, of old_range, to judge what boots */
    bkf_range old_range;
    /* results */
    struct plan plan;
    bkf_range *touched; /* merged ranges of plan.groups, plus what an earlier run did */
    size_t n_touched;
    bkf_range looked_at; /* read, and saved unless that was declined; empty = nothing */
    bkf_range *done;     /* resume: groups an earlier run finished */
    size_t n_done;
    char *backup;     /* path, or NULL */
    bool backup_made; /* by this run */
    char backup_sha256[65];
    char backup_proof[160];    /* in words */
    uint64_t backup_read_once; /* bytes about to change that nothing but one reading vouches for */
    uint32_t status_before, status_bits;
    bool unlocked, status_known;
    enum {
        PROTECTION_UNTOUCHED,
        PROTECTION_RESTORED,
        PROTECTION_FAILED,
        PROTECTION_UNSEEN
    } protection;
    struct journal *journal;
    struct range_list repaired;
    uint64_t by_crc, by_reading; /* bytes proven */
    uint32_t group_retries, groups_begun;
    uint64_t start_us, erase_us_spent;
    uint64_t learn_us; /* what learning and saving the contents took; a dry run adds the proof */
};

/* change.c: attach and identify, refuse what the rules forbid, then learn, plan and act.
 * replace: an unfinished journal of this device gives way to this change. */
bkf_status change_meet(struct change *, bkf_error *);
bkf_status change_refuse(struct change *, bkf_error *);
bkf_status change_finish(struct change *, const bkf_change_options *, bool replace, char **report,
                         bkf_error *);
void change_free(struct change *);

/* change_journal.c: which journal is this device's, and a new one. */
char *change_journal_dir(const struct change *, bkf_error *);
/* What the journal knows of the device it is about. */
struct device_id change_journal_device(const struct journal_head *);
/* Sets key to that of this device's unfinished (last: finished) journal.  It may have another
 * name than a new one would get: another route tells other ids. */
void change_pick_key(struct change *, const char *dir, bool last);
bkf_status change_open_journal(struct change *, bool replace, bkf_error *);

/* change_same.c: the device of the journal, by its ids or, where they say nothing, by what is in
 * its flash.  BKF_E_MISMATCH: another one. */
bkf_status change_recognise(struct change *, const struct journal_state *, bkf_error *);

/* change_again.c: the same job as an unfinished one goes on with it. */
bkf_status change_resume_if_same(struct change *, bkf_error *);

/* change_target.c: file contents and rules into request, target and areas. */
bkf_status change_target_file(struct change *, const char *path, const bkf_change_options *,
                              bkf_error *);
bkf_status change_target_ota(struct change *, bkf_error *); /* BKF_CHANGE_OTA_META; after file */
bkf_status change_target_erase(struct change *, const bkf_change_options *, bkf_error *);
/* Attached: c->dump, opened before, against the device. */
bkf_status change_target_dump(struct change *, const char *path, bkf_error *);
/* Attached: the parts of the request that are not wanted, proven, from the flash into target.
 * BKF_E_UNPROVEN when they do not read twice alike. */
bkf_status change_edges(struct change *, bkf_error *);
bkf_status change_areas(struct change *, bkf_error *);
/* A sidecar's identity against the device: BKF_E_MISMATCH names both.  *same_unit: an id
 * that only one device has (unique id, MAC) is known on both sides, and equal. */
bkf_status change_same_device(const bkf_session *, const struct sidecar *, const char *path,
                              bool *same_unit, bkf_error *);
/* A dump (malloc'ed, as long as the sidecar's range) and its sidecar, checked against each
 * other.  Both are the caller's to free, also after a failure. */
bkf_status change_dump_load(const char *path, uint8_t **data, struct sidecar *, bkf_error *);

/* The same, and not of another chip than the profile's (BKF_E_MISMATCH): all that can be said of
 * a dump without the device.  The caller frees what is in it, also after a failure. */
bkf_status change_dump_open(const bkf_session *, const char *path, struct change_dump *,
                            bkf_error *);

/* change_boots.c: refuses what cannot be a program for that place or chip (before any I/O), and
 * once attached, with the current contents read, a program that is known not to boot.  What goes
 * back or on (restore, undo, resume, the same command again) is judged, but not refused. */
bkf_status change_boots(struct change *, bool attached, bkf_error *);

/* change_learn.c */
/* Is the sector at holding want?  A difference counts when it is seen twice. */
bkf_status change_sector_equal(struct change *, uint32_t at, const uint8_t *want, bool *equal,
                               bkf_error *);
bkf_status change_learn(struct change *, const bkf_change_options *, bkf_error *);

/* change_backup.c */
bkf_status change_backup_path(struct change *, const bkf_change_options *, char **path,
                              bkf_error *);
enum backup_proof {
    PROVE_ALL,      /* device CRC, or everything read twice */
    PROVE_CHANGING, /* what differs from the target: change_proof.c */
    PROVE_NOTHING
};
/* Read range into path with its sidecar (path NULL = memory only), and into current. */
bkf_status change_backup_read(struct change *, bkf_range, const char *path, enum backup_proof,
                              bkf_error *);
/* An existing backup, into c->given: what can be said of it before any I/O. */
bkf_status change_backup_open(struct change *, const bkf_change_options *, bkf_error *);
/* Nothing was changed: the backup that was made for it goes, and its sidecar. */
void change_backup_drop(struct change *);
/* Attached: identity and coverage of c->given; fills current with it. */
bkf_status change_backup_given(struct change *, const bkf_change_options *, bkf_error *);

/* change_proof.c: again = sectors of range to be read a second time; *own_crc grows by the bytes
 * that prove themselves, backup_read_once by what changes and is not proven either way. */
bkf_status change_proof_pick(struct change *, bkf_range, struct range_list *again,
                             uint64_t *own_crc, bkf_error *);
/* Some sectors of the request, by which a trusted backup in current is told from an old one. */
bkf_status change_proof_samples(const struct change *, struct range_list *, bkf_error *);

/* change_exec.c: journal must be open.  On any failure the protection is put back as far as
 * the device still listens. */
bkf_status change_unlock(struct change *, bkf_error *);
bkf_status change_lock(struct change *, bkf_error *);
bkf_status change_groups(struct change *, bkf_error *);
/* Erase and program one sector outside of any plan (repair). */
bkf_status change_sector(struct change *, uint32_t at, bkf_error *);

/* change_verify.c: everything touched holds its target, repaired where it does not. */
bkf_status change_verify(struct change *, bkf_error *);

/* change_report.c */
json_t *change_plan_json(const struct change *);
json_t *change_report(const struct change *, const char *outcome);

#endif
