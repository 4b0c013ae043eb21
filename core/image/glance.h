/* glance.h - a first look at a flash: what its bootloader area, the heads of the code
 * partitions and the calibration sector tell, for when reading everything takes too long.
 * Pure: bytes come through a callback, facts go out; the inspector's own rules judge them. */
#ifndef CORE_IMAGE_GLANCE_H
#define CORE_IMAGE_GLANCE_H
#include "inspect.h"

/* n bytes of flash from off, n at most 0x11000.  BKF_E_UNPROVEN: cannot be read, go on
 * without; any other failure ends the look. */
typedef bkf_status (*glance_fetch)(void *ud, uint32_t off, uint8_t *, size_t n, bkf_error *);

enum { GLANCE_CODE = 8 };
struct glance_code {
    char name[33];
    bkf_range range; /* of the partition */
    bool blank;      /* its first sector is erased */
    size_t good;     /* good blocks at its start, within the sector read */
    struct code_key key;
};
struct glance {
    struct image_facts *facts; /* boot, app.key, rf and claims; the rest is empty */
    struct glance_code code[GLANCE_CODE];
    size_t n_code;
    const struct image_layout *layout; /* whose partitions were looked at, or NULL */
    uint32_t ota_magic;                /* as stored, little-endian */
    bool ota, ota_ok;                  /* the layout has OTA metadata; it has the known magic */
    size_t bytes;                      /* how much was read */
};

/* board: the layout that is known to be right, or NULL to choose among the others.  size: of
 * the flash, 0 = not known. */
bkf_status glance_take(const struct image_layout *board, const struct image_layout *layouts,
                       size_t n_layouts, uint32_t size, glance_fetch, void *ud, struct glance *out,
                       bkf_error *err);
void glance_free(struct glance *);
/* MACs without their last half, keys only by name. */
json_t *glance_json(const struct glance *);
#endif
