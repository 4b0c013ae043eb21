/* nor_die.h - a SPI NOR die at its pins: what is clocked in, what comes out, how long it
 * is busy.  Facts: JEDEC JESD216 (SFDP), the data sheets' common command set, and for the
 * protection ranges the semantics of flashrom's writeprotect_ranges.c.
 *
 * Byte-wise slave: out() is the byte the die will shift out during the next eight clocks
 * (it depends only on bytes already received), in() hands it the byte that came in.  A
 * front end that clocks bits keeps the shift registers itself (spi_port.h). */
#ifndef TESTS_DEVICE_NOR_DIE_H
#define TESTS_DEVICE_NOR_DIE_H
#include "violation.h"

enum nor_style { NOR_STYLE_NONE, NOR_STYLE_W25Q, NOR_STYLE_EN25, NOR_STYLE_MX25 };
enum nor_sr2_on_01 { NOR_SR2_KEPT, NOR_SR2_CLEARED };        /* a one-byte 01 */
enum nor_extra { NOR_EXTRA_REJECTED, NOR_EXTRA_IGNORED };    /* data past the documented length */
enum nor_echo { NOR_ECHO_SR1, NOR_ECHO_00, NOR_ECHO_FF };    /* 35 where there is no SR2 */
enum nor_tail { NOR_TAIL_REPEAT, NOR_TAIL_00, NOR_TAIL_FF }; /* RDID past its third byte */

struct nor_times { /* nanoseconds */
    uint64_t program, erase_4k, erase_32k, erase_64k, chip_erase, status_write;
};

/* Lies of a bad die, see nor_lie.c for the text form. */
struct nor_lie {
    double flip_per_bit;    /* probability that a bit read from the array is wrong */
    uint32_t stuck_addr;    /* this byte cannot be programmed to 0 ... */
    uint8_t stuck_bits;     /* ... in these bits; 0 = none */
    bool no_erase_any;      /* erase completes and changes nothing: everywhere ... */
    uint32_t no_erase_addr; /* ... or in the sector with this address */
    bool no_erase;
    uint32_t no_erase_times;  /* only the first so many; 0 = for ever */
    uint32_t wip_stuck_after; /* WIP stays after this many busy cycles; 0 = never */
    bool sr_stuck;            /* status writes complete and change nothing */
    bool program_nothing;     /* programs complete and change nothing */
    uint32_t drop_program;    /* every n-th page program changes nothing; 0 = none */
    uint32_t power_cut_after; /* the n-th erase or program is cut half way; 0 = never */
};

struct nor_config {
    uint32_t jedec, size, page;
    enum nor_style style;
    unsigned sr_count;
    uint8_t sr[3]; /* non-volatile values at power-up */
    bool wrsr_one, wrsr_two, wrsr31, wrsr11;
    enum nor_sr2_on_01 one_byte;
    enum nor_extra extra;
    enum nor_echo echo;
    enum nor_tail tail;
    bool erase_32k, page_erase, soft_reset, volatile_50, sfdp;
    unsigned uid_len; /* 0, 8 or 16 */
    bool crm;         /* starts in continuous-read mode */
    uint32_t max_hz;  /* of 03; 0 = any */
    struct nor_times times;
    double busy_jitter; /* busy times vary by up to this factor either way; 0 = exact */
    struct nor_lie lie;
    uint64_t seed;
};

struct nor_counts {
    uint32_t frames, reads, programs, erases, chip_erases, status_writes, rejected, resets;
    uint64_t read_bytes, programmed_bytes;
    uint32_t max_erases; /* of any one 4 KiB sector */
};

struct nor_die;
/* array: size bytes, owned by the caller and living longer than the die. */
struct nor_die *nor_new(const struct nor_config *, uint8_t *array, struct violation_log *,
                        char err[256]);
void nor_free(struct nor_die *);

void nor_select(struct nor_die *, uint64_t now);
/* The byte for the next eight clocks; *driven = 0: the output floats. */
uint8_t nor_out(struct nor_die *, uint64_t now, bool *driven);
void nor_in(struct nor_die *, uint8_t byte, uint64_t now);
/* CS rises; bits = clocks received after the last full byte (0..7). */
void nor_deselect(struct nor_die *, unsigned bits, uint64_t now);
/* In the data phase of a plain read: up to n bytes at once; 0 = not in that phase. */
size_t nor_stream(struct nor_die *, uint8_t *rx, size_t n, uint64_t now);

/* Volatile state is lost; an operation under way is cut if cut is true. */
void nor_power_cycle(struct nor_die *, bool cut, uint64_t now);
/* The non-volatile status registers live here from now on, with what is there; the memory
 * outlives the die. */
void nor_keep_status(struct nor_die *, uint8_t memory[3]);
/* Something inside the SoC wrote the status registers (SR1 | SR2<<8 | SR3<<16). */
void nor_force_status(struct nor_die *, uint32_t value);
uint32_t nor_status(struct nor_die *, uint64_t now); /* with WIP and WEL */
bool nor_busy(struct nor_die *, uint64_t now);
/* Direct access of the SoC's own flash controller (the UART loaders): the same rules of
 * protection, AND and busy time as over the pins, without the wire.  Time the die is busy. */
uint64_t nor_direct_erase(struct nor_die *, uint8_t opcode, uint32_t addr, uint64_t now);
uint64_t nor_direct_program(struct nor_die *, uint32_t addr, const uint8_t *, size_t n,
                            uint64_t now);
/* One whole frame, CS to CS (the ROM loader's SPI transfer command). */
void nor_direct_frame(struct nor_die *, const uint8_t *tx, uint8_t *rx, size_t n, uint64_t now);
bool nor_protects(const struct nor_die *, uint32_t addr); /* right now */
const struct nor_counts *nor_counts(const struct nor_die *);
const struct nor_config *nor_config(const struct nor_die *);

/* -- nor_parts.c: dies seen in Beken SoCs, and the timing profiles ------------------ */
/* Fills everything but seed and lie; false = id not in the table (a generic two-register
 * die of W25Q style is filled in, size stays 0). */
bool nor_part_defaults(uint32_t jedec, struct nor_config *);
/* "default", "puya" or "slow"; size for the chip erase time. */
bool nor_times_named(const char *name, uint32_t size, struct nor_times *);
uint32_t nor_part_for_size(uint32_t size); /* a common JEDEC id of that size */

/* -- nor_lie.c ----------------------------------------------------------------------- */
bool nor_lie_parse(const char *spec, struct nor_lie *, char err[256]);
#endif
