/* Two-slot metadata: any flash gives a state; a slot is selected only when it verifies, and then
 * with the donor's bytes. */
#include "core/image/bytes.h"
#include "core/image/crc34.h"
#include "core/image/ota.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLASH = 0x3000 };
static const struct image_layout layout = {
    .name = "small",
    .flash_size = FLASH,
    .rf_offset = IMAGE_NOWHERE,
    .kv_offset = IMAGE_NOWHERE,
    .ota_meta = 0x1000,
    .ota_magic = 0x5A5A5A01,
    .part = { { "app1", { 0, 0x880 }, DOMAIN_CRC, 0, POLICY_WRITE },
              { "ota_meta", { 0x1000, 0x1100 }, DOMAIN_RAW, 0, POLICY_NEVER },
              { "app2", { 0x1100, 0x1980 }, DOMAIN_CRC, 0x1000, POLICY_WRITE } },
    .n_parts = 3,
};

static void require(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[0x100], *flash = malloc(FLASH);
    struct ota_state s;
    struct code_key key;
    if (!flash || size < 2) {
        free(flash);
        return 0;
    }
    /* the input is slot 1, slot 2 and the metadata; sums are made right half of the time */
    size_t third = (size - 1) / 3, end = data[0] & 2 ? FLASH : FLASH - (size_t)data[1] * 32;
    memset(flash, 0xFF, FLASH);
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *p = data + 1 + i * third;
        uint8_t *slot = flash + (i ? 0x1100 : 0);
        size_t n = third < 0x800 ? third : 0x800;
        if (data[0] & 1)
            crc34_pack(p, n, slot);
        else
            memcpy(slot, p, n);
    }
    memcpy(flash + 0x1000, data + 1 + 2 * third, third < 0x100 ? third : 0x100);
    code_key_guess(0, flash, &key);
    if (!ota_read(flash, end, &layout, data[0] & 4 ? &key : NULL, &s)) {
        free(flash);
        return 0;
    }
    for (unsigned slot = 0; slot < 3; slot++) {
        bkf_error err = BKF_ERROR_INIT;
        bkf_status st = ota_select(&s, slot, data[0] & 8 ? data : NULL, size, flash, out, &err);
        require(st != BKF_OK ||
                (slot < 2 && s.slot[slot].verified && memcmp(out, data + 0x1000, 0x100) == 0));
        require(st == BKF_OK || err.message[0]);
    }
    free(flash);
    return 0;
}
