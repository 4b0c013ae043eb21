/* Intel HEX: any text is read or refused with a line; what was read writes and reads again. */
#include "core/image/ihex.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX = 1 << 20 };
    uint8_t *out, *again;
    size_t len, len2;
    uint32_t base, base2;
    bkf_error err = BKF_ERROR_INIT;
    struct strbuf text = STRBUF_INIT;
    if (ihex_read((const char *)data, size, MAX, &out, &len, &base, &err)) {
        if (!err.message[0])
            abort();
        return 0;
    }
    ihex_write(out, len, base, &text);
    if (ihex_read(text.data, text.len, MAX, &again, &len2, &base2, &err) || len2 != len ||
        base2 != base || memcmp(again, out, len) != 0)
        abort();
    strbuf_free(&text);
    free(again);
    free(out);
    return 0;
}
