/* readlog.h - how far a read into a file has come, so that another run can finish it.
 *
 * PATH.part holds bytes, PATH.part.log says which of them count: lines of JSON, the first one
 * says what is read and from which device, the others what is in the file and how it is
 * proven.  A line is written after the bytes that it speaks of are on disk, so what it says
 * holds after a power cut.  A torn last line is ignored.
 *
 * A note in the state folder (reads/KEY-HASH.json) lets "resume" find the file. */
#ifndef CORE_SESSION_READLOG_H
#define CORE_SESSION_READLOG_H
#include "device_id.h"
#include "session.h"

struct readlog_head {
    struct device_id device;
    bkf_range range;
    uint32_t size;   /* of the flash */
    uint32_t verify; /* BKF_VERIFY_* */
    uint32_t flags;  /* BKF_READ_* */
    char label[64];  /* "" = none */
    char when[32];   /* UTC, of the first run */
};

enum readlog_claim { CLAIM_READ, CLAIM_CRC, CLAIM_SECOND, CLAIMS };

struct readlog {
    struct readlog_head head;
    char *path, *part, *note;         /* of the log, of the data, of the note; note NULL = none */
    int fd;                           /* -1 = there is no log on disk yet */
    struct range_list claims[CLAIMS]; /* what holds, sorted; on disk or about to be */
    struct range_list fresh[CLAIMS];  /* the part of it that is not on disk yet */
    struct range_list held;           /* bytes that earlier runs read */
    json_t *runs;                     /* earlier runs: when, adapter, unit, route */
    uint64_t synced_us;               /* op_now() of the last time it went to disk */
    bool told;                        /* this run is in the log */
    bool failed; /* it cannot be written: reading goes on, but what comes is not recorded */
};

/* An empty log for out; nothing is on disk before the first bytes are. */
bkf_status readlog_new(struct readlog *, const struct outfile *, const struct readlog_head *,
                       bkf_error *);
/* The log beside out.  BKF_E_NO_DEVICE: there is none; BKF_E_FILE: it is damaged or does not
 * fit the bytes there, with the reason. */
bkf_status readlog_load(struct readlog *, const struct outfile *, bkf_error *);
/* Only the first line of PATH.part.log. */
bkf_status readlog_peek(const char *path, struct readlog_head *, bkf_error *);
/* These bytes are in the file, or proven; recorded on disk by the next sync. */
void readlog_add(struct readlog *, enum readlog_claim, bkf_range);
bool readlog_has(const struct readlog *, enum readlog_claim, bkf_range);
bool readlog_held(const struct readlog *, bkf_range);
uint64_t readlog_held_bytes(const struct readlog *);
uint64_t readlog_bytes(const struct readlog *, enum readlog_claim);
/* Bytes, then claims, on disk.  At most once a second unless now; a failure is remembered
 * and said once, not returned: the read itself is not hurt. */
void readlog_sync(struct readlog *, bkf_session *, int data_fd, bool now);
/* There is a log on disk with something in it. */
bool readlog_kept(const struct readlog *);
/* Log and note are removed: finished, or given up. */
void readlog_drop(struct readlog *);
void readlog_free(struct readlog *);

/* Unfinished reads that the notes tell of, whether of this device or not. */
struct readlog_found {
    char *path; /* of the finished file, absolute */
    struct readlog_head head;
};
/* Folder of the notes, malloc'ed; NULL = there is none. */
char *readlog_dir(const bkf_session *);
/* Fills up to cap, returns how many.  Notes that lead nowhere are removed. */
size_t readlog_find(const bkf_session *, struct readlog_found *, size_t cap);
void readlog_found_free(struct readlog_found *, size_t n);
#endif
