/* chips.h - which chips of the profile folders an image names. */
#ifndef CORE_SESSION_CHIPS_H
#define CORE_SESSION_CHIPS_H
#include "../image/inspect.h"
#include "../profile/profile.h"

struct chip_set {
    char *names;     /* of every chip that goes by the image's name, comma separated; NULL = none */
    char marker[33]; /* that all of them want; "" = none */
    bool has_marker; /* they agree, and say it */
};
/* For images with a bootloader that names its chip.  Broken profiles tell nothing. */
bkf_status chips_load(const struct profile_env *, const struct image_facts *, struct chip_set *out,
                      bkf_error *err);
void chips_free(struct chip_set *);
#endif
