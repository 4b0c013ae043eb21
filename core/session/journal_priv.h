/* journal_priv.h - what the writing and the reading half of the journal share. */
#ifndef CORE_SESSION_JOURNAL_PRIV_H
#define CORE_SESSION_JOURNAL_PRIV_H
#include "journal.h"

enum { JOURNAL_SCHEMA = 1, JOURNAL_MAX = 16 << 20, JOURNAL_MAX_TARGET = 256 << 20 };

/* A key becomes a file name: letters, digits, dash, underscore and dot inside. */
bool journal_key_ok(const char *key);
/* dir/KEY.ending, malloc'ed. */
char *journal_path(const char *dir, const char *key, const char *ending);
/* Named by content, so that a new journal never touches the target of an old one. */
char *journal_target_path(const char *dir, const char *key, const char *sha256);
bkf_status journal_os_failed(bkf_error *err, const char *path, const char *what);
/* CRC-32 of a record without its own "crc32" member. */
uint32_t journal_record_crc(const json_t *record);
/* Cuts what follows the last whole record: a torn one must not swallow the next. */
bool journal_cut_torn_tail(const char *path, int fd);
/* Removes the targets of this key that neither its unfinished nor its last journal names. */
void journal_drop_targets(const char *dir, const char *key);
#endif
