/* sidecar.h - what the FILE.json beside a dump says, read back.  Pure: text in, facts out.
 * report.c writes it. */
#ifndef CORE_SESSION_SIDECAR_H
#define CORE_SESSION_SIDECAR_H
#include "../base/base.h"

struct sidecar {
    bkf_range range; /* flash offsets of the dump's first and behind its last byte */
    char sha256[65]; /* of the dump, lower case */
    char jedec[8];   /* "0B4016"; "" = not known, as in the next */
    char unique_id[40];
    char mac[16];     /* twelve hex digits */
    char chip[40];    /* as its profile named it */
    bkf_range *holes; /* parts of range that the dump does not have, ascending; malloc'ed */
    size_t n_holes;
    char hole_reason[160];
    uint64_t proven_bytes; /* of range: read twice alike, or confirmed by a CRC */
};
/* Was every byte that the dump has proven when it was taken? */
bool sidecar_proven(const struct sidecar *);
/* name: for messages.  BKF_E_FILE with the place and the mistake; out is empty then. */
bkf_status sidecar_parse(const char *name, const uint8_t *text, size_t len, struct sidecar *out,
                         bkf_error *err);
/* path of the dump; the sidecar is path.json. */
bkf_status sidecar_load(const char *path, struct sidecar *out, bkf_error *err);
void sidecar_free(struct sidecar *);
#endif
