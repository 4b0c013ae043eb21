/* build.h - from merged values to the structures the rest of the program reads. */
#ifndef CORE_PROFILE_BUILD_H
#define CORE_PROFILE_BUILD_H
#include "merge.h"

/* Fills p from usable values; what is missing or refused stays zero.  False = no memory. */
bool profile_build(struct merge *, struct bkf_profile *p);
/* Second pass: the profile as a whole.  Findings only; p must come from profile_build. */
void profile_check(struct merge *, const struct bkf_profile *p);
/* check_partitions.c: places, nesting, windows. */
void profile_check_partitions(struct merge *, const struct bkf_profile *p);
/* check_flash.c: [flash] part against the parts folder; may fill jedec and size from it. */
void profile_check_part(struct merge *, struct bkf_profile *p);

/* parts.c: one part from a merged file of kind flash; findings for what does not fit. */
bool part_build(struct merge *, struct nor_part *);
#endif
