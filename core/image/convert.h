/* convert.h - one form of an image into another. */
#ifndef CORE_IMAGE_CONVERT_H
#define CORE_IMAGE_CONVERT_H
#include "crypt.h"
#include "rbl.h"

struct convert_options {
    struct crypt_key key;
    bool has_key;
    uint64_t address; /* logical address of the first code byte; base of a HEX file */
    bool has_address;
    struct rbl_header rbl; /* algo, timestamp, name, version, serial for rbl-pack */
    struct rbl_keys rbl_keys;
    const char *partition; /* of a UF2 file; NULL = "app" */
    bool keep_bad;         /* crc-strip: take blocks with a bad CRC as they are */
};
void convert_defaults(struct convert_options *);

struct convert_step {
    const char *name, *summary;
    bkf_status (*run)(const struct convert_options *, const uint8_t *p, size_t n, uint8_t **out,
                      size_t *out_len, bkf_error *err);
};
extern const struct convert_step convert_steps[];
extern const size_t convert_step_count;

/* steps: names with commas between, done from left to right: "crc-strip,decrypt".  *out is
 * malloc'ed. */
bkf_status convert_run(const char *steps, const struct convert_options *, const uint8_t *p,
                       size_t n, uint8_t **out, size_t *out_len, bkf_error *err);
#endif
