/* UF2 files: any bytes are read or refused with a message; payloads stay in bounds. */
#include "core/image/bytes.h"
#include "core/image/uf2.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_both(const uint8_t *p, size_t n)
{
    static const enum uf2_scheme schemes[] = { UF2_DEVICE_SINGLE, UF2_FLASHER_SINGLE };
    for (size_t s = 0; s < 2; s++) {
        struct uf2_info info;
        bkf_error err = BKF_ERROR_INIT;
        uint8_t *out;
        size_t len;
        if (uf2_read(p, n, schemes[s], &info, NULL, NULL, &err) && !err.message[0])
            abort();
        for (size_t i = 0; i < info.n_parts; i++)
            if (uf2_extract(p, n, schemes[s], info.parts[i], &out, &len, &err) == BKF_OK)
                free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_both(data, size);
    /* magic numbers and block numbers put right */
    uint8_t *copy = malloc(size ? size : 1);
    size_t blocks = size / UF2_BLOCK;
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    for (size_t i = 0; i < blocks; i++) {
        uint8_t *b = copy + i * UF2_BLOCK;
        put_le32(b, 0x0A324655);
        put_le32(b + 4, 0x9E5D5157);
        put_le32(b + 20, (uint32_t)i);
        put_le32(b + 24, (uint32_t)blocks);
        put_le32(b + 28, 0x7B3EF230);
        put_le32(b + 508, 0x0AB16F30);
    }
    read_both(copy, blocks * UF2_BLOCK);
    free(copy);
    return 0;
}
