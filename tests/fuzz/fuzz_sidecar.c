/* Sidecars: any text is refused with a message, or gives facts that are consistent. */
#include "core/session/sidecar.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void consistent(const struct sidecar *s)
{
    uint32_t last = s->range.start;
    if (s->range.start >= s->range.end || strlen(s->sha256) != 64)
        abort();
    for (size_t i = 0; i < s->n_holes; i++) {
        if (s->holes[i].start < last || s->holes[i].start >= s->holes[i].end ||
            s->holes[i].end > s->range.end)
            abort();
        last = s->holes[i].end;
    }
    if (strspn(s->jedec, "0123456789abcdefABCDEF") != strlen(s->jedec))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sidecar s;
    bkf_error err = BKF_ERROR_INIT;
    if (sidecar_parse("x.json", data, size, &s, &err)) {
        if (!err.message[0] || s.holes)
            abort();
        return 0;
    }
    consistent(&s);
    sidecar_free(&s);
    return 0;
}
