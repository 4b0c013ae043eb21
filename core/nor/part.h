/* part.h - what is known about a SPI NOR part: data from conf/flash/, one INI file per
 * part.  Facts of JEDEC id, status registers, erase opcodes and timing; no code. */
#ifndef CORE_NOR_PART_H
#define CORE_NOR_PART_H
#include "../base/base.h"

struct nor_erase {
    uint32_t size; /* bytes; 0 = slot unused */
    uint8_t opcode;
    uint32_t typ_us, max_us;
};
struct nor_part {
    const char *name;      /* XT25F32B */
    const char *file;      /* where it was described */
    uint32_t jedec;        /* 0x0B4016 */
    uint32_t size;         /* bytes */
    uint32_t page;         /* bytes, 256 */
    uint8_t sr_count;      /* 1..3 */
    uint8_t sr_read[3];    /* opcodes: 05 35 15 */
    uint8_t sr_write[3];   /* opcodes: 01 31 11; 0 = no opcode of its own */
    uint32_t protect_mask; /* bits of SR1|SR2<<8|SR3<<16 that protect: BPx, TB, SEC, CMP */
    uint32_t keep_mask;    /* bits that a status write must never change: QE, LB, SRP1 ... */
    uint32_t qe_mask, cmp_mask, srp_mask, lock_mask;
    const char *bp_style;      /* range decoding: "w25q", "en25", "mx25", "none" */
    bool volatile_50;          /* 50h makes the next status write volatile */
    bool wrsr_two_bytes;       /* one 01 writes SR1 and SR2 together */
    struct nor_erase erase[4]; /* ascending size, unused ones last; chip erase apart */
    uint8_t chip_erase_opcode;
    uint32_t chip_erase_typ_us, chip_erase_max_us;
    uint32_t program_typ_us, program_max_us;
    uint32_t status_write_typ_us, status_write_max_us;
    uint32_t max_hz;       /* of opcode 03; 0 = unknown */
    const char *unique_id; /* "4b-8", "4b-16", "none" */
    const char *timing;    /* name of the timing profile: default, puya, slow, ... */
    const char *note;
    /* Every key as it stands in the file and its families: "jedec", "timing.program";
     * "timing" is the name of the timing profile. */
    const struct nor_part_key {
        const char *key, *value;
    } * keys;
    size_t n_keys;
};
struct nor_part_table {
    struct nor_part *items;
    size_t n;
    void *arena;
};
void nor_part_table_free(struct nor_part_table *);
/* First part with this id, or NULL. */
const struct nor_part *nor_part_by_jedec(const struct nor_part_table *, uint32_t jedec);
/* Upper and lower case do not matter in part names. */
const struct nor_part *nor_part_by_name(const struct nor_part_table *, const char *name);
/* Text of a key as written ("sr_read", "timing.program"), or NULL. */
const char *nor_part_value(const struct nor_part *, const char *key);
#endif
