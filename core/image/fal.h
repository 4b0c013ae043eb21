/* fal.h - the RT-Thread flash abstraction layer's partition table in a bootloader: 64-byte
 * entries, never ciphered (rtt packages/fal/src/fal_partition.c). */
#ifndef CORE_IMAGE_FAL_H
#define CORE_IMAGE_FAL_H
#include "../base/base.h"

enum { FAL_ENTRY = 64, FAL_MAX = 16 };
enum fal_crc { FAL_CRC_OK, FAL_CRC_ZERO };
struct fal_entry {
    uint32_t at; /* where it was found in the searched bytes */
    char name[25], flash[25];
    bool code;               /* flash device with CRC bytes: offset and length are logical */
    uint32_t offset, length; /* as stored */
    bkf_range physical;      /* the same in flash offsets */
    enum fal_crc crc;        /* Tuya's tables have a zero field */
    bool decrypted;          /* found only after deciphering */
};
struct fal_table {
    struct fal_entry entry[FAL_MAX];
    size_t n;
};
/* Looks through bytes with the CRC taken out.  Entries that are not 64 apart from another are
 * taken too; the magic in code is refused by names and lengths. */
void fal_search(const uint8_t *p, size_t n, struct fal_table *out);
/* Writes one entry with its CRC32 (or zero). */
void fal_write(const struct fal_entry *, uint8_t out[FAL_ENTRY]);
const struct fal_entry *fal_find(const struct fal_table *, const char *name);
#endif
