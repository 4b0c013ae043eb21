/* crypt.h - the code cipher of Beken flash controllers: a position-dependent XOR stream
 * over little-endian words, so enciphering and deciphering are one operation.  Algorithm:
 * tysdk_for_bk7231 toolchain/encrypt_crc/abc.c. */
#ifndef CORE_IMAGE_CRYPT_H
#define CORE_IMAGE_CRYPT_H
#include "../base/base.h"

struct crypt_key {
    uint32_t c[4]; /* as the chip's fuses hold them */
};
struct crypt_known {
    const char *name;
    struct crypt_key key;
};
/* Keys met in the field: zero, tuya, uascent.  The first is the zero key. */
extern const struct crypt_known crypt_known_keys[];
extern const size_t crypt_known_count;

/* False when the key leaves everything as it is (top byte of c3 00 or FF, or all stages off). */
bool crypt_active(const struct crypt_key *);
/* The word that is XORed at a logical byte address (multiple of 4). */
uint32_t crypt_word(const struct crypt_key *, uint32_t addr);
/* out = in XOR stream; addr is the logical address of in[0] and a multiple of 4.  in = out is
 * allowed.  A length that is not a multiple of 4 uses the first bytes of the last word. */
void crypt_run(const struct crypt_key *, uint32_t addr, const uint8_t *in, uint8_t *out, size_t n);

/* How many of the first 8 words look like ARM exception vectors (B, or LDR PC); 6 and more
 * prove plain code.  p has 32 bytes. */
unsigned crypt_vectors(const uint8_t *p);
/* The same after deciphering with key at the logical address. */
unsigned crypt_score(const struct crypt_key *, uint32_t addr, const uint8_t *p);
/* Best known key for 32 bytes of ciphered code, or NULL when none scores 6. */
const struct crypt_known *crypt_guess(uint32_t addr, const uint8_t *p);
/* Name of a known key, or NULL. */
const char *crypt_name(const struct crypt_key *);

/* "tuya", or four hex words with or without spaces between.  False = neither. */
bool crypt_parse(const char *text, struct crypt_key *out);

/* Known-plaintext search for the key of a bootloader (ciphered words from logical 0, CRC bytes
 * taken out): texts that bootloaders are known to contain, over the 125 settings of the three
 * stages.  True: key deciphers the image.  exact says that it is the chip's own key (read from
 * the bootloader's key block and proven), else it is one that is equivalent on this chip. */
bool crypt_recover(const uint8_t *p, size_t n, struct crypt_key *key, bool *exact);

/* What the vendor's "encrypt" tool v0.3.1 makes of a program at base (0 or 0x10000): ciphered,
 * with its 16-byte tail.  out holds crypt_vendor_size(n).  False = out of memory. */
bool crypt_vendor(const struct crypt_key *, uint32_t base, const uint8_t *p, size_t n,
                  uint8_t *out);
static inline size_t crypt_vendor_size(size_t n)
{
    return (n + 31) / 32 * 32 + 16;
}
#endif
