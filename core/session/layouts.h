/* layouts.h - flash layouts from the profile folders in the form that the inspector reads. */
#ifndef CORE_SESSION_LAYOUTS_H
#define CORE_SESSION_LAYOUTS_H
#include "../image/layout.h"
#include "../profile/profile.h"

struct layout_set {
    struct image_layout *items; /* malloc'ed */
    size_t n;
};
/* Every layout of the folders' layouts/ (first folder wins per name), and in front of them
 * the board itself when it describes an application; board may be NULL.  With a board only
 * layouts of its chip.  Broken files are reported to diags and left out. */
bkf_status layouts_load(const struct profile_env *, const struct bkf_profile *board,
                        struct diag_list *diags, struct layout_set *out, bkf_error *err);
void layouts_free(struct layout_set *);

/* One profile (board or layout) as a layout.  The flash size must be known and at most
 * LAYOUT_PARTS partitions be there, else false. */
bool layout_of_profile(const struct bkf_profile *, struct image_layout *out);
#endif
