/* rbl.h - RT-Thread OTA containers: 96-byte header and package.  As a file the header comes
 * first; in flash it is CRC-packed and stands at the end of its partition.  Layout and rules:
 * bk7231tools analysis/rbl.py, ltchiptool util/rbl.py.  Also Tuya's UG wrapper around one. */
#ifndef CORE_IMAGE_RBL_H
#define CORE_IMAGE_RBL_H
#include "../base/base.h"

enum { RBL_HEADER = 96, RBL_PACKED_HEADER = 102, UG_HEADER = 32 };
enum {
    RBL_CRYPT_MASK = 0xFF,
    RBL_CRYPT_NONE = 0,
    RBL_CRYPT_XOR = 1,
    RBL_CRYPT_AES256 = 2,
    RBL_COMP_MASK = 0xFF00,
    RBL_COMP_NONE = 0,
    RBL_COMP_GZIP = 0x100
};

struct rbl_header {
    uint32_t algo; /* RBL_CRYPT_* | RBL_COMP_* */
    uint32_t timestamp;
    char name[17], version[25], serial[25];
    uint32_t crc32; /* of the package */
    uint32_t hash;  /* FNV-1a of the raw bytes */
    uint32_t size_raw, size_package;
    uint32_t info_crc32; /* of the 92 bytes before it */
};

uint32_t fnv1a(const uint8_t *p, size_t n);

/* False when the magic or info_crc32 is wrong; out is then filled as far as it can be read
 * (magic right) or zero. */
bool rbl_header_read(const uint8_t p[RBL_HEADER], struct rbl_header *out);
/* Writes all fields and a fresh info_crc32. */
void rbl_header_write(const struct rbl_header *, uint8_t out[RBL_HEADER]);

/* Keys of the package cipher (AES-256-CBC); the defaults of every public build script. */
struct rbl_keys {
    uint8_t key[32], iv[16];
};
extern const struct rbl_keys rbl_default_keys;

/* Unpacks header + package.  *raw is malloc'ed (caller frees), size_raw bytes, verified by
 * length and hash.  BKF_E_IMAGE says what is damaged or unsupported. */
bkf_status rbl_unpack(const uint8_t *p, size_t n, const struct rbl_keys *, struct rbl_header *,
                      uint8_t **raw, bkf_error *err);
/* Packs raw; h gives algo, timestamp and the texts, the rest is computed.  *out is malloc'ed. */
bkf_status rbl_pack(const uint8_t *raw, size_t n, struct rbl_header *h, const struct rbl_keys *,
                    uint8_t **out, size_t *out_len, bkf_error *err);

/* A header found by scanning. */
struct rbl_found {
    struct rbl_header header;
    size_t offset;
    bool packed; /* CRC-packed, the in-flash form; else raw, as in a download partition */
};
/* Next header at or after from whose info_crc32 is right. */
bool rbl_scan(const uint8_t *p, size_t n, size_t from, struct rbl_found *out);

/* In-flash form: body is the payload (CRC bytes taken out, still ciphered).  The package CRC
 * covers the raw bytes and p bytes of value p, which are not stored. */
struct rbl_verdict {
    bool complete;  /* body is long enough to check */
    bool hash_ok;   /* over the bytes as stored */
    int package_ok; /* 1, 0; -1 = cannot be checked in place (algo is not 0) */
};
void rbl_check_inplace(const struct rbl_header *, const uint8_t *body, size_t n,
                       struct rbl_verdict *);
/* Header for a payload of n stored bytes, as the vendor's packager writes it. */
void rbl_header_inplace(struct rbl_header *h, const uint8_t *body, size_t n);
/* Bytes at the end of an application payload that the vendor's encrypt tool left over from
 * 64 KiB earlier; the program itself is n minus this rounded down to words. */
size_t rbl_vendor_tail(const uint8_t *body, size_t n);

/* Tuya UG: big-endian header with byte sums (tysdk_for_bk7231 toolchain/package/package.c). */
struct ug_header {
    char version[13];
    uint32_t length, payload_sum, header_sum;
    bool header_ok, payload_ok; /* payload_ok is false when the payload is cut short */
};
bool ug_read(const uint8_t *p, size_t n, struct ug_header *out); /* false = not UG */
/* out holds UG_HEADER + n bytes. */
void ug_write(const char *version, const uint8_t *payload, size_t n, uint8_t *out);
#endif
