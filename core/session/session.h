/* session.h - one target: route, adapter, link, chip.  Inside core/session only.
 *
 * Order of life: ctx > profile > session > adapter > link > chip; closing is the reverse.
 * chip->detach is called exactly once for every chip->attach, on every path. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H
#include "../link/link.h"
#include "../nor/nor.h"
#include "ctx.h"
#include <jansson.h>

enum { SECTOR = 0x1000, CHUNK = 0x10000, WINDOWS_MAX = 32, READ_TRIES = 16 };

/* Who is calling: the same host functions serve adapter and chip under their own names. */
struct host_end {
    struct bkf_session *session;
    const char *who;
    bkf_host host;
};

struct session_stats {
    uint32_t retries; /* calls repeated because they failed */
    uint32_t rereads; /* sectors read again because two readings differed */
    uint32_t attaches;
};

struct bkf_session {
    struct bkf_ctx *ctx;
    const struct bkf_profile *profile;
    bkf_callbacks cb;
    /* bind.c */
    const struct prof_route *route; /* the one pads and clock come from */
    const char *transport;          /* "spi" or "uart" */
    char *route_text, *unit_wanted, *trace, *fault;
    uint64_t fault_seed;
    const bkf_adapter_class *adapter_class;
    const bkf_chip_class *chip_class;
    struct props *adapter_props, *chip_props;
    struct link_pad pads[LINK_PADS_MAX];
    size_t n_pads;
    /* session.c */
    const struct nor_part_table *parts; /* the context's */
    char want_origin[160];
    struct nor_env nor_env;
    bkf_nor_service nor;
    struct memory *memory;
    struct host_end adapter_end, chip_end;
    bkf_adapter *adapter;
    struct link *link;
    bkf_chip *chip;
    bool attached, probed, closing;
    bkf_chip_info info;
    char mac[16]; /* device_id.c: of RF calibration, twelve hex digits; "" = not known */
    bool mac_sought;
    /* op.c */
    bkf_op op;
    const char *phase;
    uint64_t phase_base, phase_total; /* bytes; base is added to what the chip reports */
    uint64_t phase_done;              /* highest reported: repeats do not run backwards */
    uint64_t phase_start_us, opened_us;
    struct session_stats stats;
};

/* -- bind.c: everything that can be refused without the target -------------------- */
bkf_status bind_route(bkf_session *, const bkf_open_options *, bkf_error *);
/* Options and pads of one route against the classes that are there, for "check". */
void bind_check(struct bkf_ctx *, const struct bkf_profile *, struct diag_list *);
void bind_free(bkf_session *);

/* -- fill.c: '@' defaults of option tables -------------------------------------------- */
struct fill {
    const struct bkf_profile *profile;
    const struct nor_part *part;
    struct strbuf texts[8]; /* values that had to be made up */
    size_t n;
};
const char *fill_value(void *fill, const char *what);
void fill_free(struct fill *);

/* -- op.c: time, progress, cancel ---------------------------------------------------- */
void op_init(bkf_session *);
void op_phase(bkf_session *, const char *phase, uint64_t total);
void op_progress(bkf_session *, uint64_t done);
void op_note(bkf_session *, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool op_stopped(const bkf_session *);
uint64_t op_now(const bkf_session *);

/* -- host.c --------------------------------------------------------------------------- */
void host_init(struct host_end *, bkf_session *, const char *who);
void session_log(bkf_session *, int32_t level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* -- memory.c: service BKF_SERVICE_MEMORY ------------------------------------------------ */
/* dir NULL = forget at close. */
struct memory *memory_new(const char *dir, const char *adapter, const char *unit, const char *chip);
const bkf_memory *memory_view(const struct memory *);
void memory_free(struct memory *); /* writes what changed, silently if it cannot */

/* -- session.c ---------------------------------------------------------------------------- */
const char *session_unit(const bkf_session *);
/* Attach if not attached.  A failed attach is detached here. */
bkf_status session_attach(bkf_session *, bkf_error *);
/* Detach if attached. */
bkf_status session_detach(bkf_session *, bool run, bkf_error *);
/* Turns what a plugin answered into what it means at this point ("adapter lost" once the
 * adapter was open, "no link" while attaching, "link lost" afterwards). */
bkf_status session_failed(bkf_session *, bkf_error *);
/* May the same call be tried again?  Nothing changed and the adapter is still there. */
bool session_may_retry(const bkf_session *, const bkf_error *);

/* -- identity.c ----------------------------------------------------------------------------- */
/* Attach, probe and compare with the profile: BKF_E_MISMATCH names both sides. */
bkf_status session_identify(bkf_session *, bkf_error *);
/* The flash size, proven by two independent sources, or BKF_E_UNPROVEN. */
bkf_status session_size(bkf_session *, uint32_t *size, bkf_error *);
/* "JEDEC id, parts table, wrap test" into buf. */
const char *identity_evidence(const bkf_session *, char buf[128]);

/* -- windows.c -------------------------------------------------------------------------------- */
/* Where access (BKF_CAN_*) is possible: the driver's windows narrowed by the profile's
 * [access], cut to size.  out[WINDOWS_MAX]; *reason why the rest is missing, or NULL. */
size_t session_windows(const bkf_session *, uint32_t access, uint32_t size, bkf_range *out,
                       const char **reason);
/* What the profile alone leaves of 0..size: for before the driver knows the flash. */
size_t session_profile_windows(const bkf_session *, uint32_t access, uint32_t size, bkf_range *out,
                               const char **reason);

/* -- timing.c: how long things take, for plans ---------------------------------------------------
 */
/* What the chip says of its part and link, once attached; zeros where it says nothing. */
void session_timing(const bkf_session *, bkf_timing *);
/* Bytes per second at which that range is compared with a file; 0 = unknown. */
uint32_t session_verify_rate(const bkf_session *, bkf_range, const bkf_timing *);

/* -- chunk.c: reading with proof --------------------------------------------------------------- */
/* One range of at most CHUNK bytes, repeated on passing failures. */
bkf_status chunk_read(bkf_session *, uint32_t off, uint8_t *, size_t, bkf_error *);
/* Sector read until two readings agree; false in *agreed when none of READ_TRIES did.
 * known (may be NULL): a reading that counts. */
bkf_status chunk_settle(bkf_session *, uint32_t off, uint8_t *, size_t, const uint8_t *known,
                        bool *agreed, bkf_error *);
/* The chip's digest extension if it covers off..off+n, else NULL. */
const bkf_digest_ops *chunk_digest(const bkf_session *, uint32_t off, size_t n);
bkf_status chunk_crc(bkf_session *, const bkf_digest_ops *, uint32_t off, size_t n, uint32_t *crc,
                     bkf_error *);

/* -- reading.c: a whole range into a file descriptor ----------------------------------- */
struct range_list {
    bkf_range *items;
    size_t n, cap;
    bool failed;
};
void range_list_add(struct range_list *, uint32_t start, uint32_t end); /* merges neighbours */
uint64_t range_list_bytes(const struct range_list *);                   /* sum of the lengths */
void range_list_free(struct range_list *);

struct reading {
    bkf_session *session;
    bkf_range range; /* file offset 0 = range.start */
    uint32_t verify; /* BKF_VERIFY_* */
    int fd;
    uint32_t size;
    struct readlog *log; /* readlog.h; NULL = an interrupted read starts anew */
    /* results */
    struct range_list holes, unstable;
    const char *hole_reason;
    uint64_t by_crc, by_second_read; /* bytes proven */
    uint64_t by_block_crc;  /* proven by the CRC they carry themselves, if that was asked */
    uint64_t blank_skipped; /* bytes known to be erased without a transfer */
    uint64_t read_us, total_us;
};
bkf_status reading_run(struct reading *, bkf_error *);
/* After it: these ranges (whole sectors, ascending) once more; what differs is settled, and
 * mended in the file, or listed as unstable. */
bkf_status reading_prove(struct reading *, const struct range_list *, bkf_error *);
void reading_free(struct reading *);

/* -- report.c: what a sidecar says ----------------------------------------------------- */
struct content { /* of a finished file */
    struct sha256_hex sha256;
    int constant; /* every byte has this value; -1 = no */
};
bkf_status report_make(struct reading *, const bkf_read_options *, const char *file, json_t **,
                       bkf_error *);
json_t *report_identity(const bkf_session *); /* shared with info */
json_t *report_range(bkf_range);
json_t *report_ranges(const bkf_range *, size_t n);

/* -- outfile.c: a file that is seen whole or not at all -------------------------------- */
struct outfile {
    int fd;
    char *path, *part;
    bool force;
    mode_t mode; /* of both files, less the umask */
    bool ours;   /* path.part holds nothing of an earlier run */
};
/* Refuses an existing path without force; opens and locks path.part, which may be there
 * from an earlier run and then keeps its bytes.  private: for its owner's eyes only. */
bkf_status outfile_open(struct outfile *, const char *path, bool force, bool private, bkf_error *);
/* Empties path.part and takes size bytes for it. */
bkf_status outfile_reserve(struct outfile *, uint64_t size, bkf_error *);
/* path.part becomes path, and sidecar the text of path.json: both, or neither and all that was
 * there before stays. */
bkf_status outfile_commit(struct outfile *, const char *sidecar, bkf_error *);
/* keep: leave path.part behind; one that an earlier run left stays in any case. */
void outfile_close(struct outfile *, bool keep);

#endif
