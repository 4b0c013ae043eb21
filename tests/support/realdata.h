/* realdata.h - dumps of real devices, which are not part of the project.  Tests that need them
 * skip, and say so, where they are not at hand. */
#ifndef TESTS_SUPPORT_REALDATA_H
#define TESTS_SUPPORT_REALDATA_H
#include "tests/support/vectors.h"

/* Whole file, or NULL (with a message) when the data folder is not there. */
static inline uint8_t *real_file(const char *path, size_t *len)
{
    char full[1024];
    const char *dir = getenv("BKFLASH_TEST_DATA");
    snprintf(full, sizeof full, "%s/%s", dir ? dir : SOURCE_DIR "/../shared/data", path);
    bkf_error err = BKF_ERROR_INIT;
    uint8_t *data = NULL;
    if (file_exists(full)) {
        if (file_read(full, 64u << 20, &data, len, &err))
            fail_msg("%s: %s", full, err.message);
        return data;
    }
    print_message("skipped: no %s (set BKFLASH_TEST_DATA to the folder with real dumps)\n", full);
    return NULL;
}
#endif
