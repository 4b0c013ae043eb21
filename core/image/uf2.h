/* uf2.h - LibreTiny UF2 files: 512-byte blocks with tags (ltchiptool uf2tool). */
#ifndef CORE_IMAGE_UF2_H
#define CORE_IMAGE_UF2_H
#include "../base/base.h"

enum { UF2_BLOCK = 512, UF2_PARTS = 8 };
/* How an image is used: the place of its nibble among the six of a partition info tag.  The
 * four dual-slot schemes between them belong to chips with two fixed program slots. */
enum uf2_scheme { UF2_DEVICE_SINGLE = 0, UF2_FLASHER_SINGLE = 3 };
struct uf2_info {
    size_t blocks;
    uint32_t family;
    const char *chip; /* name of a Beken family, or NULL */
    char board[33], firmware[33], version[33];
    char parts[UF2_PARTS][17]; /* partitions the chosen scheme writes to */
    size_t n_parts;
};
/* One piece of payload for a partition, at an offset within it. */
typedef bkf_status (*uf2_sink)(void *ud, const char *partition, uint32_t offset, const uint8_t *p,
                               size_t n, bkf_error *err);
/* Reads the whole file; sink (may be NULL) gets every piece for the scheme. */
bkf_status uf2_read(const uint8_t *p, size_t n, enum uf2_scheme, struct uf2_info *, uf2_sink,
                    void *ud, bkf_error *err);
/* The whole payload of one partition, gaps filled with 0xFF; malloc'ed. */
bkf_status uf2_extract(const uint8_t *p, size_t n, enum uf2_scheme, const char *partition,
                       uint8_t **out, size_t *out_len, bkf_error *err);
#endif
