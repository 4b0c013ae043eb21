/* image.h - the opened image behind the public functions. */
#ifndef CORE_API_IMAGE_H
#define CORE_API_IMAGE_H
#include "../image/inspect.h"
#include "../session/chips.h"
#include "../session/layouts.h"
#include "../session/session.h"

struct bkf_image {
    char *name;
    uint8_t *data;
    size_t len;
    struct layout_set layouts; /* the facts point into it */
    struct image_facts *facts;
    struct chip_set chips; /* that its bootloader is made for */
};
/* Compact text of doc with "api" and "kind" in front; steals doc. */
bkf_status image_document(json_t *doc, const char *kind, char **json, bkf_error *);
/* Hands over the text; *out may be NULL. */
bkf_status image_text(struct strbuf *, char **out, bkf_error *);
#endif
