/* diff.h - what differs between two images: byte ranges, partitions, storage keys. */
#ifndef CORE_IMAGE_DIFF_H
#define CORE_IMAGE_DIFF_H
#include "inspect.h"

struct diff_range {
    uint32_t start, end; /* flash offsets */
    size_t bytes;        /* that differ in it */
};
struct diff_part {
    const char *name;
    size_t bytes;
    size_t sectors; /* 4 KiB sectors with a difference */
};
enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };
struct diff_key {
    char name[KV_NAME];
    enum diff_change change;
    uint32_t old_len, new_len;
};
enum { DIFF_RANGES = 512, DIFF_KEYS = 128 };
struct image_diff {
    bool same;
    size_t bytes, sectors;   /* that differ, in all */
    uint32_t only_a, only_b; /* bytes past the end of the other */
    struct diff_range range[DIFF_RANGES];
    size_t n_ranges, ranges_total; /* ranges closer than 64 bytes are one */
    struct diff_part part[LAYOUT_PARTS];
    size_t n_parts;
    struct diff_key key[DIFF_KEYS];
    size_t n_keys;
};
/* malloc'ed, NULL = no memory.  Both are compared at flash offsets. */
struct image_diff *image_diff(const struct image_facts *a, const struct image_facts *b);
json_t *diff_json(const struct image_diff *);
void diff_text(const struct image_diff *, const char *name_a, const char *name_b,
               struct strbuf *out);
#endif
