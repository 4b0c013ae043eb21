/* base.h - the small things everything else stands on: errors, numbers, ranges,
 * growing strings, diagnostics.  Layer L0: includes nothing of ours but types.h. */
#ifndef CORE_BASE_H
#define CORE_BASE_H
#include <bkflash/types.h>
#include <stdarg.h>
#include <stdbool.h>

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

/* -- status.c: names and exit codes, one X-macro ----------------------------- */
const char *status_name(bkf_status st); /* "BKF_E_TIMEOUT" */
const char *status_text(bkf_status st); /* "no answer in time" */

/* -- error.c ------------------------------------------------------------------ */
/* Fill err (may be NULL) and return st, so that callers write return error_set(...).
 * Deepest layer only; effect stays NONE unless error_effect is called. */
bkf_status error_set(bkf_error *err, bkf_status st, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Same with errno or a library's code. */
bkf_status error_os(bkf_error *err, bkf_status st, int os_code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Put context in front of a message that is already there; returns err->status. */
bkf_status error_prefix(bkf_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Put more behind a message that is there; returns err->status. */
bkf_status error_append(bkf_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Raise the effect (never lowers it). */
void error_effect(bkf_error *err, uint32_t effect);
void error_clear(bkf_error *err);

/* -- num.c: numbers as users write them ---------------------------------------- */
/* All return false and leave *out alone on anything but a complete, in-range number. */
bool num_parse_u64(const char *s, uint64_t *out);    /* 4096 0x1000 */
bool num_parse_size(const char *s, uint64_t *out);   /* also 4K 4M (binary) */
bool num_parse_hz(const char *s, uint64_t *out);     /* 30kHz 1MHz 1.5MHz 50Hz */
bool num_parse_us(const char *s, uint64_t *out);     /* 5us 70ms 1s */
bool num_parse_bool(const char *s, uint64_t *out);   /* yes no */
bool num_parse_hex_id(const char *s, uint32_t *out); /* 0B4016, six hex digits */
/* "4M", "64K", "0x1234": shortest exact form of a size. */
const char *num_format_size(uint64_t n, char buf[24]);

/* -- range.c: half-open ranges, arithmetic in 64 bits -------------------------- */
bool range_make(uint64_t start, uint64_t len, bkf_range *out); /* false if past 4 GiB */
static inline uint32_t range_len(bkf_range r)
{
    return r.end - r.start;
}
bool range_contains(bkf_range outer, bkf_range inner);
bool range_overlaps(bkf_range a, bkf_range b);
bkf_range range_intersect(bkf_range a, bkf_range b); /* empty = {0,0} */
/* Sorted, merged copy of in[n] into out (cap >= n); returns how many. */
size_t range_normalize(const bkf_range *in, size_t n, bkf_range *out);
/* want minus have[n] (normalized); out needs n+1 places; returns how many. */
size_t range_subtract(bkf_range want, const bkf_range *have, size_t n, bkf_range *out);

/* -- strbuf.c: growing string; after an allocation failure it stays "failed" --- */
struct strbuf {
    char *data; /* always NUL-terminated once anything was added; may be NULL */
    size_t len, cap;
    bool failed;
};
#define STRBUF_INIT       \
    {                     \
        NULL, 0, 0, false \
    }
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_add(struct strbuf *sb, const char *bytes, size_t n);
void strbuf_free(struct strbuf *sb);
char *strbuf_take(struct strbuf *sb); /* malloc'ed text or NULL; resets sb */

/* -- crc.c ---------------------------------------------------------------------- */
uint32_t crc32_update(uint32_t crc, const void *p, size_t n); /* zlib's, start with 0 */

/* -- suggest.c: "did you mean" --------------------------------------------------- */
/* Closest of NULL-terminated words by edit distance, or NULL when none is close. */
const char *suggest_word(const char *typed, const char *const *words);

/* -- diag.c: findings with file and line ------------------------------------------ */
enum { DIAG_ERROR = 0, DIAG_WARNING = 1, DIAG_NOTE = 2 };
struct diag {
    char *file;
    int line; /* 1-based; 0 = whole file */
    int severity;
    char *section, *key; /* may be NULL */
    char *text;
};
struct diag_list {
    struct diag *items;
    size_t n, cap;
    size_t errors; /* counted also past the limit */
    bool failed;   /* out of memory */
};
void diag_add(struct diag_list *, int severity, const char *file, int line, const char *section,
              const char *key, const char *fmt, ...) PRINTF_LIKE(7, 8);
void diag_sort(struct diag_list *); /* by file of first appearance, then line; stable */
void diag_free(struct diag_list *);

/* -- file.c: host files ------------------------------------------------------------- */
/* Whole file into malloc'ed memory (one extra NUL byte), refused above max bytes. */
bkf_status file_read(const char *path, size_t max, uint8_t **data, size_t *len, bkf_error *err);
/* Write-temp, fsync, rename, fsync the folder: a reader sees the old or the new file. */
bkf_status file_write_atomic(const char *path, const void *data, size_t len, bkf_error *err);
/* All n bytes, however many calls that takes; false with errno. */
bool file_write_all(int fd, const void *data, size_t n);
/* fsync the folder that path lies in, so that a rename there survives a power cut. */
void file_sync_folder(const char *path);
bool file_exists(const char *path);
/* malloc'ed "a/b"; NULL = no memory. */
char *path_join(const char *a, const char *b);
/* mkdir -p with mode 0700 for what is missing. */
bkf_status dir_make(const char *path, bkf_error *err);

/* -- hash.c (nettle) ------------------------------------------------------------------ */
struct sha256_hex {
    char text[65];
};
void sha256_of(const void *p, size_t n, struct sha256_hex *out);

#endif
