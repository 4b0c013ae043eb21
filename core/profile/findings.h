/* findings.h - problems in profiles as text for people and as records for programs. */
#ifndef CORE_PROFILE_FINDINGS_H
#define CORE_PROFILE_FINDINGS_H
#include "../base/base.h"
#include <jansson.h>

enum { FINDINGS_SHOWN = 20 };

/* "FILE:LINE: error: [section] key: text" without a newline. */
void finding_text(const struct diag *, struct strbuf *);
/* At most limit of them (0 = all), one a line, and a last line that says how many more. */
void findings_text(const struct diag_list *, size_t limit, struct strbuf *);
/* {"file","line","severity","section","key","text"}; line 0 = the whole file, absent
 * section or key = null.  New reference, NULL = no memory. */
json_t *finding_json(const struct diag *);
json_t *findings_json(const struct diag_list *); /* an array of all of them */
#endif
