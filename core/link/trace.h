/* trace.h - the .bktrace format: plain text, one line a record, written by trace.c and read
 * by replay.c.  docs/trace-format.md describes it for people. */
#ifndef CORE_LINK_TRACE_H
#define CORE_LINK_TRACE_H
#include "stack.h"

#define TRACE_MAGIC "bktrace 1"

/* -- rendering: the text of a call, the same when writing and when comparing ------- */
void trace_put_bytes(struct strbuf *, const uint8_t *,
                     size_t n); /* 9f000000, d2*8750. ; "-" = none */
void trace_put_run(struct strbuf *, const bkf_spi_step *, size_t n);
void trace_put_text(struct strbuf *, const char *); /* "quoted \"text\"" */

/* -- reading -------------------------------------------------------------------------- */
struct trace_slice {
    const char *p;
    size_t n;
};
struct trace_record {
    uint64_t seq, t, dt;         /* number, start and duration in microseconds */
    struct trace_slice op, call; /* "run"; "run x4=9f000000" */
    int32_t status;
    struct trace_slice result;  /* what follows the status, without the message */
    struct trace_slice message; /* still escaped, without quotes; empty = none */
    size_t line;                /* of the file, 1-based */
};
struct trace_pad {
    char signal[32], line[32];
    bool inverted;
};
struct trace_reader {
    const char *name, *at, *end;
    size_t line;
    bool has_spi, has_gpio, has_uart, has_park;
    uint64_t max_len, caps;
    struct trace_pad pads[LINK_PADS_MAX];
    size_t n_pads;
};
/* Reads the header.  name is for messages; text must outlive the reader. */
bkf_status trace_reader_init(struct trace_reader *, const char *name, const char *text, size_t n,
                             bkf_error *);
/* 1 = a record, 0 = the end (a last line without newline is a record never finished and
 * counts as the end), BKF_E_FILE = malformed, with file:line in err. */
int32_t trace_next(struct trace_reader *, struct trace_record *, bkf_error *);
/* Takes the next blank-separated word off s; false = nothing left. */
bool trace_word(struct trace_slice *s, struct trace_slice *word);
bool trace_number(struct trace_slice word, uint64_t *);
/* Decodes exactly n bytes; false if the word holds more, fewer or no bytes. */
bool trace_bytes(struct trace_slice word, uint8_t *out, size_t n);
/* How many bytes the word holds, up to max; false if malformed or more. */
bool trace_bytes_count(struct trace_slice word, size_t max, size_t *n);
void trace_unquote(struct trace_slice, char *out, size_t cap);
#endif
