/* extract.h - an image taken apart into files with a manifest, and put together again byte for
 * byte.  Files are the caller's business: a sink takes them, a source gives them. */
#ifndef CORE_IMAGE_EXTRACT_H
#define CORE_IMAGE_EXTRACT_H
#include "inspect.h"

#define MANIFEST_NAME "manifest.json"

typedef bkf_status (*image_put)(void *ud, const char *name, const uint8_t *p, size_t n,
                                bkf_error *err);
/* *p is malloc'ed; the caller of the source frees it. */
typedef bkf_status (*image_get)(void *ud, const char *name, uint8_t **p, size_t *n, bkf_error *err);

/* Writes every region, what can be derived from it, and last the manifest.  Raw regions hold
 * whatever the device held, secrets too; show_secrets is about the readable storage file. */
bkf_status extract_image(const struct image_facts *, bool show_secrets, image_put, void *ud,
                         bkf_error *err);
/* *out is malloc'ed; *same says that it is the image the manifest was made from. */
bkf_status pack_image(image_get, void *ud, uint8_t **out, size_t *out_len, bool *same,
                      bkf_error *err);

/* -- between extract.c, derive.c and pack.c -------------------------------------------------- */
struct extraction {
    const struct image_facts *f;
    bool show_secrets;
    image_put put;
    void *ud;
    json_t *regions, *derived;
};
bkf_status derive_files(struct extraction *, bkf_error *err);
bkf_status derived_put(struct extraction *, const char *name, const char *from, const char *how,
                       const uint8_t *p, size_t n, bkf_error *err);
#endif
