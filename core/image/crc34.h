/* crc34.h - the CRC-packed code domain of Beken flash: 34-byte blocks of 32 code bytes and
 * a big-endian CRC-16.  The flash controller takes the CRC bytes out on instruction fetch,
 * so "physical" flash offsets and "logical" CPU addresses differ.  Blocks lie on a grid
 * that starts at physical 0 (bk7252-cam docs/partitions.md, docs/hardware/flash.md). */
#ifndef CORE_IMAGE_CRC34_H
#define CORE_IMAGE_CRC34_H
#include "../base/base.h"

enum { CRC34_DATA = 32, CRC34_BLOCK = 34 };

/* CRC-16/CMS: polynomial 0x8005, start 0xFFFF, nothing reflected, no final XOR. */
uint16_t crc16_cms(const uint8_t *p, size_t n);

/* Address arithmetic; 64 bits so that no input overflows. */
static inline uint64_t crc34_physical(uint64_t logical)
{
    return logical / CRC34_DATA * CRC34_BLOCK + logical % CRC34_DATA;
}
/* False when the offset is that of a CRC byte, which has no logical address. */
static inline bool crc34_logical(uint64_t physical, uint64_t *logical)
{
    *logical = physical / CRC34_BLOCK * CRC34_DATA + physical % CRC34_BLOCK;
    return physical % CRC34_BLOCK < CRC34_DATA;
}

enum crc34_state { CRC34_GOOD, CRC34_ERASED, CRC34_BAD };
/* A block of 34 bytes.  All 0xFF is erased flash, not an error: its CRC would be 000C. */
enum crc34_state crc34_check(const uint8_t *block);

struct crc34_stat {
    size_t blocks, good, erased, bad; /* complete blocks, counted by state */
    size_t leading_good;              /* blocks from the start until the first that is not good */
    size_t first_bad;                 /* byte offset of the first bad block; SIZE_MAX = none */
    size_t last_good_end;             /* byte offset after the last good block; 0 = none */
};
void crc34_stat(const uint8_t *p, size_t n, struct crc34_stat *out);
/* Only the number of good blocks at the start. */
size_t crc34_leading(const uint8_t *p, size_t n);

/* Takes the data of complete blocks out of n bytes, without looking at the CRC; out holds
 * n / 34 * 32 bytes and may be p itself.  Returns bytes written. */
size_t crc34_strip(const uint8_t *p, size_t n, uint8_t *out);
/* Packs n bytes; the last block is filled with 0xFF.  out holds crc34_packed_size(n) and
 * does not overlap p.  Returns bytes written. */
size_t crc34_pack(const uint8_t *p, size_t n, uint8_t *out);
static inline size_t crc34_packed_size(size_t n)
{
    return (n + CRC34_DATA - 1) / CRC34_DATA * CRC34_BLOCK;
}
#endif
