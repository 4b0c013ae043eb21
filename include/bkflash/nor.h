/* bkflash/nor.h - host service "bkflash.nor/1": a JEDEC SPI NOR engine over any
 * SPI link.  A chip plugin that has put its flash on the wire hands over to it:
 *
 *     const bkf_nor_service *s = host->service(host, BKF_SERVICE_NOR);
 *     s->open(s, links->spi, &nor, err);  s->identify(nor, op, &info, err); ...
 *
 * Part data (sizes, erase opcodes, status registers, timing) comes from the
 * profile and from conf/flash, never from the plugin.  All offsets are flash
 * offsets; all functions are [owner]. */
#ifndef BKFLASH_NOR_H
#define BKFLASH_NOR_H
#include "plugin.h"
#ifdef __cplusplus
extern "C" {
#endif

#define BKF_SERVICE_NOR "bkflash.nor/1"
typedef struct bkf_nor bkf_nor;

typedef struct bkf_nor_service {
    uint32_t struct_size;
    uint32_t reserved;
    void *handle;
    /* No I/O.  where(signal) texts come from links and name pads in messages. */
    bkf_status (*open)(const struct bkf_nor_service *, const bkf_links *, bkf_nor **, bkf_error *);
    void (*close)(bkf_nor *);
    /* RDID once: *jedec = the three bytes after the opcode as they came, plausible or not. */
    bkf_status (*rdid)(bkf_nor *, uint32_t *jedec, bkf_error *);
    /* Repeated RDID, part lookup (profile, parts table, SFDP), status registers, unique
     * id, size evidence including the wrap test.  Changes nothing. */
    bkf_status (*identify)(bkf_nor *, const bkf_op *, bkf_chip_info *, bkf_error *);
    /* After identify.  Chip select held over pieces of 64 KiB or more. */
    bkf_status (*read)(bkf_nor *, const bkf_op *, uint32_t off, uint8_t *, size_t, bkf_error *);
    bkf_status (*erase)(bkf_nor *, const bkf_op *, uint32_t off, size_t, bkf_error *);
    bkf_status (*program)(bkf_nor *, const bkf_op *, uint32_t off, const uint8_t *, size_t,
                          bkf_error *);
    bkf_status (*status)(bkf_nor *, const bkf_op *, uint32_t *value, uint32_t *bits, bkf_error *);
    bkf_status (*unlock)(bkf_nor *, const bkf_op *, bkf_error *);
    bkf_status (*lock)(bkf_nor *, const bkf_op *, bkf_error *);
    bkf_status (*protected_ranges)(bkf_nor *, const bkf_op *, bkf_range *, size_t cap, size_t *n,
                                   bkf_error *);
    bkf_status (*protect)(bkf_nor *, const bkf_op *, uint32_t on, bkf_error *);
    bkf_status (*restore_status)(bkf_nor *, const bkf_op *, uint32_t value, bkf_error *);
    /* Valid until close; members refreshed by identify and by a changed clock. */
    const bkf_timing *(*timing)(bkf_nor *);
} bkf_nor_service;

#ifdef __cplusplus
}
#endif
#endif
