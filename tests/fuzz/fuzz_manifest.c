/* Manifests of extracted images: any text packs or is refused with a message, within memory and
 * within its folder. */
#include "core/image/extract.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *p;
    size_t n;
};

static bkf_status get(void *ud, const char *name, uint8_t **p, size_t *n, bkf_error *err)
{
    const struct input *in = ud;
    if (strchr(name, '/') || name[0] == '.')
        abort(); /* never asks for anything outside */
    *n = strcmp(name, MANIFEST_NAME) == 0 ? in->n : 64;
    *p = malloc(*n + 1);
    if (!*p)
        return error_set(err, BKF_E_NOMEM, "no memory");
    memset(*p, 0x5A, *n);
    if (strcmp(name, MANIFEST_NAME) == 0)
        memcpy(*p, in->p, in->n);
    return BKF_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    bkf_error err = BKF_ERROR_INIT;
    uint8_t *out;
    size_t len;
    bool same;
    if (pack_image(get, &in, &out, &len, &same, &err)) {
        if (!err.message[0] || out)
            abort();
        return 0;
    }
    free(out);
    return 0;
}
