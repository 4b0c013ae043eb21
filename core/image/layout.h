/* layout.h - flash layouts as plain data.  Who reads them from files is not the image code's
 * business: callers pass what they have. */
#ifndef CORE_IMAGE_LAYOUT_H
#define CORE_IMAGE_LAYOUT_H
#include "../base/base.h"

enum image_domain { DOMAIN_RAW, DOMAIN_CRC, DOMAIN_UNKNOWN };
enum image_policy { POLICY_WRITE, POLICY_BACKUP, POLICY_NEVER };
#define IMAGE_NOWHERE UINT32_MAX

struct image_partition {
    char name[33];
    bkf_range range;
    enum image_domain domain;
    uint32_t logical; /* CPU address of its first byte, domain CRC only */
    enum image_policy policy;
};
enum { LAYOUT_PARTS = 24 };
struct image_layout {
    char name[49], title[96];
    uint32_t flash_size;
    char key[16];       /* name of the code key it is known with; "" = any */
    uint32_t rf_offset; /* IMAGE_NOWHERE = not known */
    uint32_t kv_offset;
    /* Tuya's two-slot metadata; meta IMAGE_NOWHERE = this layout has none */
    uint32_t ota_meta, ota_magic;
    struct image_partition part[LAYOUT_PARTS];
    size_t n_parts;
};
const struct image_partition *layout_find(const struct image_layout *, const char *name);
#endif
