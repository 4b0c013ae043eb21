/* uart_crc32.c - CRC-32 as zlib computes it, so that plugins need no library for it. */
#include "uart.h"

uint32_t uart_zlib_crc(uint32_t crc, const uint8_t *p, size_t n)
{
    /* Four bits at a time: the table is the polynomial 0xEDB88320 over each nibble. */
    static const uint32_t nibble[16] = { 0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
                                         0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
                                         0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                         0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C };
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}
