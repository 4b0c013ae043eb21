/* redact.h - secrets in an image: finding them, and a copy without them. */
#ifndef CORE_IMAGE_REDACT_H
#define CORE_IMAGE_REDACT_H
#include "inspect.h"

/* A value to look for everywhere; never printed. */
struct secret {
    char what[48]; /* "ssid in gw_wsm" */
    uint8_t *p;
    size_t n;
};
struct secret_list {
    struct secret *item;
    size_t n, cap;
    bool failed; /* out of memory */
};
/* Values found in storage, network parameters, OpenBeken configuration, calibration, and in
 * texts of the form "key":"value" anywhere in readable bytes. */
void secrets_collect(const struct image_facts *, struct secret_list *);
void secrets_free(struct secret_list *);
/* Left out when known already, too short to look for, or one byte repeated. */
void secrets_add(struct secret_list *, const char *what, const uint8_t *p, size_t n);
/* Adds values of known keys in text.  json_only: "key":"value" alone, for programs, which are
 * full of "key: word" messages. */
void secrets_from_text(struct secret_list *, const char *where, const uint8_t *p, size_t n,
                       bool json_only);
/* Overwrites every occurrence in p: as it is, in UTF-16, in base64, as hex digits.  Calls hit
 * (may be NULL) for each. */
typedef void (*secret_hit)(void *ud, const struct secret *, const char *form, size_t at, size_t n);
size_t secrets_blank(const struct secret_list *, uint8_t *p, size_t n, secret_hit, void *ud);
/* A value of the storage that anybody may see. */
bool secret_harmless(const char *kv_name);

struct redaction {
    uint32_t offset, length; /* in the file */
    char what[120];
};
struct redact_report {
    struct redaction *item;
    size_t n, cap;
    bool failed;
};
/* A copy of the file without secrets, malloc'ed, of the same size.  Whatever is not listed in the
 * report is unchanged.  Secrets of other kinds than the ones above cannot be known. */
bkf_status redact_image(const struct image_facts *, uint8_t **out, struct redact_report *,
                        bkf_error *err);
void redact_report_free(struct redact_report *);
json_t *redact_json(const struct redact_report *);

/* -- between redact.c and redact_kv.c -------------------------------------------------- */
void redact_note(struct redact_report *, uint32_t offset, size_t length, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Blanks the storage in data (flash order) and puts it under a key of zeros. */
bool redact_storage(const struct image_facts *, const struct secret_list *, uint8_t *data,
                    struct redact_report *);
#endif
