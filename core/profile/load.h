/* load.h - profiles from text in memory (standard input, tests, fuzzers). */
#ifndef CORE_PROFILE_LOAD_H
#define CORE_PROFILE_LOAD_H
#include "profile.h"

/* Like profile_load; file is only what findings call the text, and the folder that
 * includes are looked for in first. */
bkf_status profile_load_text(const struct profile_env *, const char *file, const char *text,
                             size_t len, struct diag_list *diags, struct bkf_profile **out,
                             bkf_error *err);
#endif
