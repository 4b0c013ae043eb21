/* engine.h - the NOR engine's insides, for core/nor only.  Layers, top down: nor.c (the
 * service), identify.c, size.c, read.c, erase.c, program.c, unlock.c (jobs), status.c,
 * sfdp.c, wire.c (frames), protect.c (pure arithmetic of protection bits). */
#ifndef CORE_NOR_ENGINE_H
#define CORE_NOR_ENGINE_H
#include "nor.h"

/* Commands, as in every data sheet of the family (and JEDEC JESD216 for 5A). */
enum {
    OP_WRSR = 0x01,
    OP_PROGRAM = 0x02,
    OP_READ = 0x03,
    OP_WRDI = 0x04,
    OP_RDSR = 0x05,
    OP_WREN = 0x06,
    OP_RDSR3 = 0x15,
    OP_WRSR2 = 0x31,
    OP_RDSR2 = 0x35,
    OP_UNIQUE_ID = 0x4B,
    OP_WREN_VOLATILE = 0x50,
    OP_SFDP = 0x5A,
    OP_RDID = 0x9F
};
enum { SR_WIP = 0x01, SR_WEL = 0x02 };

struct nor_sfdp { /* JESD216 basic flash parameter table */
    bool present;
    uint8_t major, minor;
    uint32_t size, page;       /* bytes; page 0 = not said */
    struct nor_erase erase[4]; /* ascending */
    bool soft_reset;
};

struct bkf_nor {
    const struct nor_env *env;
    const bkf_links *links;
    const bkf_spi_ops *spi;
    void *spi_self;
    bool identified;
    uint32_t jedec, size;
    struct nor_part part; /* a copy, completed from SFDP and the profile */
    char part_name[32];
    struct nor_sfdp sfdp;
    uint8_t unique_id[16];
    uint32_t unique_id_len;
    uint64_t erase_took[4]; /* us, of the last erase of each kind; 0 = none yet */
    size_t busy_bytes;      /* program.c: status bytes that cover a page program */
    /* protection */
    bool unlocked;    /* unlock was asked for */
    bool saved_valid; /* unlock changed something; lock puts saved back */
    uint32_t saved;
    bool saved_volatile; /* it was a volatile change */
    bkf_timing timing;
};

/* -- wire.c ------------------------------------------------------------------------------ */
bkf_status nor_run(bkf_nor *, const bkf_spi_step *, size_t n, bkf_error *);
/* One frame: out[n_out], then n_in bytes are read. */
bkf_status nor_frame(bkf_nor *, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in,
                     bkf_error *);
bkf_status nor_command(bkf_nor *, uint8_t opcode, bkf_error *);
uint32_t nor_address(uint8_t cmd[4], uint8_t opcode, uint32_t off); /* returns 4 */
const char *nor_where(const bkf_nor *, const char *signal);
bool nor_stopping(const bkf_op *);
void nor_progress(const bkf_op *, uint64_t done, uint64_t total);
void nor_log(const bkf_nor *, int32_t level, const char *fmt, ...) PRINTF_LIKE(3, 4);
bkf_status nor_cancelled(bkf_error *, const char *during);

/* -- identify.c --------------------------------------------------------------------------- */
bkf_status nor_rdid(bkf_nor *, uint32_t *jedec, bkf_error *);
bkf_status nor_identify(bkf_nor *, const bkf_op *, bkf_chip_info *, bkf_error *);
bkf_status nor_need_identity(const bkf_nor *, bkf_error *);
/* A target that lost power or left its mode reads as FF or noise without any error, and
 * twice the same: so every job ends with asking who is there.  BKF_E_LINK_LOST. */
bkf_status nor_still_there(bkf_nor *, const char *what, uint32_t off, size_t n, bkf_error *);
bkf_status nor_check_range(const bkf_nor *, uint32_t off, size_t n, bkf_error *);

/* -- sfdp.c --------------------------------------------------------------------------------- */
/* Pure: the table from a copy of the die's SFDP space. */
bool sfdp_parse(const uint8_t *space, size_t n, struct nor_sfdp *);
bkf_status nor_read_sfdp(bkf_nor *, bkf_error *); /* an absent table is no error */

/* -- size.c ---------------------------------------------------------------------------------- */
enum nor_wrap { WRAP_UNKNOWN, WRAP_PROVEN, WRAP_SMALLER, WRAP_LARGER };
/* What reading at, beyond and halfway to size says; *period gets the real size if SMALLER. */
bkf_status nor_wrap_test(bkf_nor *, uint32_t size, enum nor_wrap *, uint32_t *period, bkf_error *);

/* -- status.c --------------------------------------------------------------------------------- */
bkf_status nor_read_sr(bkf_nor *, unsigned index, uint8_t *, bkf_error *);
bkf_status nor_status_value(bkf_nor *, uint32_t *value, bkf_error *);
/* Second register really there?  Completes part.sr_count for parts of no table. */
bkf_status nor_find_registers(bkf_nor *, bkf_error *);
/* Waits for WIP to clear: first look after first_us, then every step_us, at most max_us.
 * *spent (may be NULL) = how long it took. */
struct nor_patience {
    uint64_t first_us, step_us, max_us;
};
bkf_status nor_wait(bkf_nor *, const bkf_op *, struct nor_patience, const char *what,
                    uint64_t *spent, bkf_error *);
/* WREN and see that WEL is set. */
bkf_status nor_write_enable(bkf_nor *, bkf_error *);

/* -- read.c, erase.c, program.c -------------------------------------------------------- */
bkf_status nor_read(bkf_nor *, const bkf_op *, uint32_t off, uint8_t *, size_t n, bkf_error *);
bkf_status nor_read_plain(bkf_nor *, uint32_t off, uint8_t *, size_t n, bkf_error *);
bkf_status nor_erase(bkf_nor *, const bkf_op *, uint32_t off, size_t n, bkf_error *);
bkf_status nor_program(bkf_nor *, const bkf_op *, uint32_t off, const uint8_t *, size_t n,
                       bkf_error *);

/* -- unlock.c -------------------------------------------------------------------------- */
bkf_status nor_unlock(bkf_nor *, const bkf_op *, bkf_error *);
bkf_status nor_lock(bkf_nor *, const bkf_op *, bkf_error *);
bkf_status nor_protect(bkf_nor *, const bkf_op *, uint32_t on, bkf_error *);
bkf_status nor_restore_status(bkf_nor *, const bkf_op *, uint32_t value, bkf_error *);

/* -- protect.c: pure ------------------------------------------------------------------- */
/* Ranges that status registers value protect; up to 2, normalized.  Returns how many. */
size_t protect_ranges(const struct nor_part *, uint32_t size, uint32_t value, bkf_range out[2]);
/* value with every protection bit cleared (CMP too), all others kept. */
uint32_t protect_cleared(const struct nor_part *, uint32_t value);
/* value that protects the whole array; false if this part's style cannot say so. */
bool protect_all(const struct nor_part *, uint32_t size, uint32_t value, uint32_t *out);
bkf_status nor_protected_ranges(bkf_nor *, const bkf_op *, bkf_range *, size_t cap, size_t *n,
                                bkf_error *);
#endif
