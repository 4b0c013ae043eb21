/* find.h - .ini files of a folder, and profiles of one folder in every search dir. */
#ifndef CORE_PROFILE_FIND_H
#define CORE_PROFILE_FIND_H
#include "profile.h"

enum { FOLDER_MAX = 2000 };
struct folder {
    char **names; /* "x.ini", sorted; both malloc'ed */
    size_t n;
};
/* A missing folder is an empty one; false = no memory. */
bool folder_list(const char *path, struct folder *out);
void folder_free(struct folder *);

/* folder: "boards", "chips", "layouts".  name in the report is the file name without .ini. */
bkf_status profile_find_in(const struct profile_env *, const char *folder,
                           void (*found)(void *ud, const struct profile_found *), void *ud,
                           bkf_error *err);
#endif
