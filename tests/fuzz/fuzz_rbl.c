/* RBL containers and UG wrappers: any bytes are unpacked or refused; what was unpacked packs and
 * unpacks again. */
#include "core/image/bytes.h"
#include "core/image/rbl.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

/* Sums made right, so that the fuzzer gets past them. */
static void mended(const uint8_t *data, size_t size, struct rbl_header *h)
{
    uint8_t *copy = malloc(size), *raw;
    bkf_error err = BKF_ERROR_INIT;
    if (!copy)
        return;
    memcpy(copy, data, size);
    memcpy(copy, "RBL", 4);
    rbl_header_read(copy, h);
    h->size_package = (uint32_t)(size - RBL_HEADER);
    h->size_raw &= 0xFFFF;
    h->crc32 = crc32_update(0, copy + RBL_HEADER, size - RBL_HEADER);
    rbl_header_write(h, copy);
    if (rbl_unpack(copy, size, &rbl_default_keys, h, &raw, &err))
        require(raw == NULL && err.message[0]);
    free(raw);
    struct rbl_found found;
    for (size_t at = 0; rbl_scan(copy, size, at, &found); at = found.offset + 1)
        require(found.offset >= at && found.offset + RBL_HEADER <= size);
    struct rbl_verdict v;
    rbl_check_inplace(h, copy + RBL_HEADER, size - RBL_HEADER, &v);
    rbl_vendor_tail(copy, size);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rbl_header h;
    struct ug_header ug;
    uint8_t *raw, *packed, *again;
    size_t len;
    ug_read(data, size, &ug);
    if (size > RBL_HEADER)
        mended(data, size, &h);
    if (rbl_unpack(data, size, &rbl_default_keys, &h, &raw, NULL))
        return 0;
    require(rbl_pack(raw, h.size_raw, &h, &rbl_default_keys, &packed, &len, NULL) == BKF_OK);
    struct rbl_header h2;
    require(rbl_unpack(packed, len, &rbl_default_keys, &h2, &again, NULL) == BKF_OK);
    require(h2.size_raw == h.size_raw && memcmp(again, raw, h.size_raw) == 0);
    free(again);
    free(packed);
    free(raw);
    return 0;
}
