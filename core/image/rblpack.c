/* RBL packages: gzip, padding and AES-256-CBC, both ways. */
#include "bytes.h"
#include "rbl.h"
#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <stdlib.h>
#include <zlib.h>

const struct rbl_keys rbl_default_keys = { .key = "0123456789ABCDEF0123456789ABCDEF",
                                           .iv = "0123456789ABCDEF" };

/* No OTA image is larger than the largest flash these chips have. */
enum { MAX_RAW = 16 << 20, GZIP_WINDOW = 15 + 16 };

static bkf_status decrypt(uint8_t *p, size_t n, const struct rbl_keys *keys, bkf_error *err)
{
    struct aes256_ctx aes;
    uint8_t iv[16];
    if (n == 0 || n % 16)
        return error_set(err, BKF_E_IMAGE,
                         "the encrypted package has %zu bytes, not a multiple of 16", n);
    memcpy(iv, keys->iv, sizeof iv);
    aes256_set_decrypt_key(&aes, keys->key);
    cbc_decrypt(&aes, (nettle_cipher_func *)aes256_decrypt, 16, iv, n, p, p);
    return BKF_OK;
}

static bkf_status inflate_into(const uint8_t *p, size_t n, uint8_t *raw, size_t size,
                               bkf_error *err)
{
    z_stream z = { .next_in = (uint8_t *)(uintptr_t)p,
                   .avail_in = (uInt)n,
                   .next_out = raw,
                   .avail_out = (uInt)size };
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return error_set(err, BKF_E_NOMEM, "no memory to inflate");
    int rc = inflate(&z, Z_FINISH);
    size_t got = z.total_out;
    inflateEnd(&z);
    if (rc == Z_STREAM_END && got == size)
        return BKF_OK;
    if (rc == Z_STREAM_END)
        return error_set(err, BKF_E_IMAGE, "the package inflates to %zu bytes, the header says %zu",
                         got, size);
    return error_set(err, BKF_E_IMAGE,
                     "the package does not inflate (stopped after %zu of %zu bytes): damaged, or "
                     "encrypted with another key",
                     got, size);
}

/* package is ours to change. */
static bkf_status open_package(const struct rbl_header *h, uint8_t *package,
                               const struct rbl_keys *keys, uint8_t *raw, bkf_error *err)
{
    uint32_t crypt = h->algo & RBL_CRYPT_MASK, comp = h->algo & ~(uint32_t)RBL_CRYPT_MASK;
    if ((crypt != RBL_CRYPT_NONE && crypt != RBL_CRYPT_AES256) ||
        (comp != RBL_COMP_NONE && comp != RBL_COMP_GZIP))
        return error_set(
            err, BKF_E_UNSUPPORTED,
            "package algorithm 0x%x is not known here (0x100 gzip and 0x2 AES-256 are)", h->algo);
    if (crypt == RBL_CRYPT_AES256) {
        bkf_status st = decrypt(package, h->size_package, keys, err);
        if (st)
            return st;
    }
    if (comp == RBL_COMP_GZIP)
        return inflate_into(package, h->size_package, raw, h->size_raw, err);
    if (h->size_raw > h->size_package)
        return error_set(err, BKF_E_IMAGE, "the header says %u raw bytes in a package of %u",
                         h->size_raw, h->size_package);
    memcpy(raw, package, h->size_raw);
    return BKF_OK;
}

static bkf_status check_outside(const uint8_t *p, size_t n, struct rbl_header *h, bkf_error *err)
{
    if (n < RBL_HEADER || memcmp(p, "RBL", 4) != 0)
        return error_set(err, BKF_E_IMAGE,
                         "no RBL header: the first four bytes are not 52 42 4C 00");
    if (!rbl_header_read(p, h))
        return error_set(err, BKF_E_IMAGE, "RBL header damaged: CRC 0x%08x stored, 0x%08x computed",
                         h->info_crc32, crc32_update(0, p, 92));
    if (h->size_package > n - RBL_HEADER)
        return error_set(err, BKF_E_IMAGE, "RBL package cut short: %u bytes named, %zu present",
                         h->size_package, n - RBL_HEADER);
    if (h->size_raw == 0 || h->size_raw > MAX_RAW)
        return error_set(err, BKF_E_IMAGE, "RBL header names an impossible raw size of %u bytes",
                         h->size_raw);
    uint32_t crc = crc32_update(0, p + RBL_HEADER, h->size_package);
    if (crc != h->crc32)
        return error_set(err, BKF_E_IMAGE, "RBL package damaged: CRC 0x%08x named, 0x%08x computed",
                         h->crc32, crc);
    return BKF_OK;
}

bkf_status rbl_unpack(const uint8_t *p, size_t n, const struct rbl_keys *keys, struct rbl_header *h,
                      uint8_t **raw, bkf_error *err)
{
    *raw = NULL;
    bkf_status st = check_outside(p, n, h, err);
    if (st)
        return st;
    uint8_t *package = malloc(h->size_package + 1), *out = malloc(h->size_raw);
    if (package && out) {
        memcpy(package, p + RBL_HEADER, h->size_package);
        st = open_package(h, package, keys, out, err);
        if (!st && fnv1a(out, h->size_raw) != h->hash)
            st = error_set(err, BKF_E_IMAGE, "unpacked bytes do not match the header's hash 0x%08x",
                           h->hash);
    } else {
        st = error_set(err, BKF_E_NOMEM, "no memory for %u bytes", h->size_raw);
    }
    free(package);
    if (st) {
        free(out);
        return st;
    }
    *raw = out;
    return BKF_OK;
}

static bool deflate_into(const uint8_t *raw, size_t n, uint8_t *out, size_t cap, size_t *len)
{
    z_stream z = { .next_in = (uint8_t *)(uintptr_t)raw,
                   .avail_in = (uInt)n,
                   .next_out = out,
                   .avail_out = (uInt)cap };
    if (deflateInit2(&z, 9, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    int rc = deflate(&z, Z_FINISH);
    *len = z.total_out;
    deflateEnd(&z);
    return rc == Z_STREAM_END;
}

/* body has room for the pad and the header in front of it; returns the package's length. */
static size_t encrypt(uint8_t *body, size_t n, const struct rbl_keys *keys)
{
    struct aes256_ctx aes;
    uint8_t iv[16];
    size_t pad = 16 - n % 16;
    memset(body + n, (int)pad, pad);
    memcpy(iv, keys->iv, sizeof iv);
    aes256_set_encrypt_key(&aes, keys->key);
    cbc_encrypt(&aes, (nettle_cipher_func *)aes256_encrypt, 16, iv, n + pad, body, body);
    return n + pad;
}

bkf_status rbl_pack(const uint8_t *raw, size_t n, struct rbl_header *h, const struct rbl_keys *keys,
                    uint8_t **out, size_t *out_len, bkf_error *err)
{
    uint32_t crypt = h->algo & RBL_CRYPT_MASK, comp = h->algo & ~(uint32_t)RBL_CRYPT_MASK;
    *out = NULL;
    if ((crypt != RBL_CRYPT_NONE && crypt != RBL_CRYPT_AES256) ||
        (comp != RBL_COMP_NONE && comp != RBL_COMP_GZIP))
        return error_set(err, BKF_E_UNSUPPORTED, "cannot make packages with algorithm 0x%x",
                         h->algo);
    if (n == 0 || n > MAX_RAW)
        return error_set(err, BKF_E_IMAGE, "%zu bytes cannot be an OTA image", n);
    size_t cap = compressBound((uLong)n) + 64, len = n;
    uint8_t *file = malloc(RBL_HEADER + cap);
    if (!file)
        return error_set(err, BKF_E_NOMEM, "no memory for %zu bytes", cap);
    uint8_t *body = file + RBL_HEADER;
    if (comp == RBL_COMP_NONE)
        memcpy(body, raw, n);
    else if (!deflate_into(raw, n, body, cap - 16, &len)) {
        free(file);
        return error_set(err, BKF_E_NOMEM, "no memory to deflate");
    }
    if (crypt == RBL_CRYPT_AES256)
        len = encrypt(body, len, keys);
    h->size_raw = (uint32_t)n;
    h->size_package = (uint32_t)len;
    h->hash = fnv1a(raw, n);
    h->crc32 = crc32_update(0, body, len);
    rbl_header_write(h, file);
    h->info_crc32 = le32(file + 92);
    *out = file;
    *out_len = RBL_HEADER + len;
    return BKF_OK;
}
