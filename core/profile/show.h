/* show.h - a merged profile as text and as JSON. */
#ifndef CORE_PROFILE_SHOW_H
#define CORE_PROFILE_SHOW_H
#include "profile.h"
#include <jansson.h>

/* The merged profile as one INI file that needs no includes any more; with origins, each
 * line says where it comes from and what it overrides. */
void profile_show_text(const struct bkf_profile *, bool origins, struct strbuf *);
/* {"kind":"profile", "file","name","title","profile_kind","chip","driver","files":[...],
 *  "flash":{...}, "routes":[...], "access":[...], "partitions":[...],
 *  "values":[{"section","key","value","origins":[{"file","line"}]}]}; the first origin is
 * the line that counts, the others are what it overrides.
 * New reference, NULL = no memory. */
json_t *profile_show_json(const struct bkf_profile *);
const char *transport_name(enum transport); /* "spi", "uart", "log" */
const char *layout_name(enum layout);       /* "raw", "crc34", "unknown" */
#endif
