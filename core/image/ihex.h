/* ihex.h - Intel HEX text (Intel, "Hexadecimal Object File Format Specification", 1988). */
#ifndef CORE_IMAGE_IHEX_H
#define CORE_IMAGE_IHEX_H
#include "../base/base.h"

/* Reads records of types 00 to 05.  *out is malloc'ed and covers the lowest to the highest
 * address with 0xFF between; *base is the lowest.  Refused above max bytes; err names the line. */
bkf_status ihex_read(const char *text, size_t n, size_t max, uint8_t **out, size_t *out_len,
                     uint32_t *base, bkf_error *err);
/* Appends records of 16 bytes for p at base, and the end record. */
void ihex_write(const uint8_t *p, size_t n, uint32_t base, struct strbuf *out);
#endif
