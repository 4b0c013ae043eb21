/* bootloader.h - what a bootloader says about itself: vectors under which key, version, chip
 * marker, its copy of the key, OTA key and IV, partition table. */
#ifndef CORE_IMAGE_BOOTLOADER_H
#define CORE_IMAGE_BOOTLOADER_H
#include "crypt.h"
#include "fal.h"
#include "rbl.h"

enum key_state {
    KEY_UNKNOWN,   /* code is there, no key opens it */
    KEY_PLAIN,     /* not ciphered: the zero key */
    KEY_KNOWN,     /* one of the named keys */
    KEY_RECOVERED, /* found by known plaintext, read from the bootloader */
    KEY_EQUIVALENT /* found by known plaintext; deciphers, but is not the fuse value */
};
const char *key_state_text(enum key_state);

struct code_key {
    enum key_state state;
    struct crypt_key key;
    const char *name; /* of a known key, or NULL */
    unsigned score;   /* of 8 vectors */
};
/* scores under every known key, for the report. */
enum { KEYS_SHOWN = 3 };

struct bootloader {
    bool present;          /* block 0 has a good CRC */
    size_t leading_blocks; /* good blocks from 0 */
    uint32_t leading_end;  /* physical */
    struct code_key key;
    unsigned score[KEYS_SHOWN];
    uint32_t crc256, crc257; /* CRC32 of the first 256 and 257 flash bytes */
    uint32_t crc256_plain;   /* CRC32 of the first 256 code bytes, deciphered */
    const char *fingerprint; /* what that CRC is known as, or NULL */
    char version[48];        /* from the parameter block or text; "" = none found */
    uint8_t marker[8];       /* as stored at logical 0x100 */
    char marker_text[9];     /* "BK7231" and the like, "" = none */
    uint32_t key_at[4];      /* logical places that hold the key */
    size_t n_key_at;
    bool has_ota_keys; /* OTA AES key and IV read from the parameter block */
    struct rbl_keys ota_keys;
    struct fal_table fal;
    struct sha256_hex plain_sha256; /* of the deciphered leading run */
};
/* p: flash from physical 0; n: as much as there is, up to the application. */
bool bootloader_read(const uint8_t *p, size_t n, struct bootloader *out);
/* Name for the CRC32 of a bootloader's first 256 (or 257) flash bytes, or NULL. */
const char *bootloader_fingerprint(uint32_t crc256, uint32_t crc257);
/* Key of code at a logical address from the first 32 data bytes, known keys only. */
void code_key_guess(uint32_t logical, const uint8_t *p, struct code_key *out);
#endif
