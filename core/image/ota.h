/* ota.h - Tuya's two-slot ("ping-pong") OTA of 4 MiB BK7252 products.  Only the place and the
 * magic number of the metadata are known in public (elektroda.com post 21513232); its other
 * fields are shown raw and never made up. */
#ifndef CORE_IMAGE_OTA_H
#define CORE_IMAGE_OTA_H
#include "bootloader.h"
#include "layout.h"

struct ota_slot {
    const struct image_partition *part;
    size_t good, erased, bad; /* blocks of the slot */
    size_t leading_good;
    uint32_t code_end; /* physical end of the leading run */
    struct code_key key;
    uint32_t base; /* logical address under which the vectors are right */
    bool blank;
    bool verified;    /* may be booted as far as its bytes tell */
    char reason[160]; /* why not, or what was checked */
};
struct ota_state {
    bool present; /* the layout has two slots and metadata, and p reaches it */
    const struct image_layout *layout;
    uint32_t magic; /* as stored, little-endian */
    bool magic_ok;
    bool meta_blank;
    bkf_range meta;
    struct ota_slot slot[2]; /* app1, app2 */
};
/* p: whole flash.  key: the bootloader's, or NULL when it is not known. */
bool ota_read(const uint8_t *p, size_t n, const struct image_layout *, const struct code_key *key,
              struct ota_state *out);

/* Bytes that make the bootloader choose a slot (0 or 1).  donor: a dump of the same product that
 * was seen booting that slot, or its metadata sector alone, or NULL.  Refused with the reason when
 * the slot does not verify or no way to select it is known.  out holds range_len(meta) bytes. */
bkf_status ota_select(const struct ota_state *, unsigned slot, const uint8_t *donor,
                      size_t donor_len, const uint8_t *flash, uint8_t *out, bkf_error *err);
#endif
