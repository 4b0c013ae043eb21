/* crc.c - CRC-32 through zlib, for lengths that its unsigned int cannot hold. */
#include "base.h"
#include <zlib.h>

uint32_t crc32_update(uint32_t crc, const void *p, size_t n)
{
    return (uint32_t)crc32_z(crc, p, n);
}
