/* report_html.h - one self-contained page about an image. */
#ifndef CORE_IMAGE_REPORT_HTML_H
#define CORE_IMAGE_REPORT_HTML_H
#include "diff.h"
#include "inspect.h"

/* name: what the page calls the file.  other and its name: a second image to compare with, or
 * NULL.  No script, no outside resource; light and dark; printable.  false = out of memory. */
bool report_html(const struct image_facts *, const char *name, const struct image_facts *other,
                 const char *other_name, bool show_secrets, struct strbuf *out);
#endif
