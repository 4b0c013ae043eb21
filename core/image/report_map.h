/* report_map.h - the flash map of a report, to scale, as inline SVG. */
#ifndef CORE_IMAGE_REPORT_MAP_H
#define CORE_IMAGE_REPORT_MAP_H
#include "inspect.h"

void report_map(const struct image_facts *, const struct image_facts *other, struct strbuf *out);
void html_text(struct strbuf *out, const char *s); /* escaped */
#endif
