/* read_again.h - going on with a read that was interrupted, if it is the same device. */
#ifndef CORE_SESSION_READ_AGAIN_H
#define CORE_SESSION_READ_AGAIN_H
#include "readlog.h"

/* Before the first byte: takes up what PATH.part and its log hold, or starts anew and says
 * what became of an old PATH.part.  r: range and size are set; r->log is filled.
 * BKF_E_MISMATCH: it was begun on another device; nothing is touched. */
bkf_status read_again_open(struct reading *, const bkf_read_options *, struct outfile *,
                           bkf_error *);
/* After a failure: is PATH.part worth keeping?  Says so at the end of err's message. */
bool read_again_keep(const struct reading *, const struct outfile *, bkf_error *);
/* The unfinished read of this device: *path (malloc'ed) and how it was asked for.
 * BKF_E_PARAM: there is none, or several; BKF_E_MISMATCH: only of other devices of this
 * board. */
bkf_status read_again_find(bkf_session *, char **path, struct readlog_head *, bkf_error *);
/* "resume": finds it and goes on (readfile.c).  Status as of read_again_find, or of the read. */
bkf_status read_again_finish(bkf_session *, char **report, bkf_error *);
/* A name that an unfinished whole dump of this device has in the present folder, beginning
 * with prefix; malloc'ed, NULL = there is none. */
char *read_again_name(bkf_session *, const char *prefix);
#endif
