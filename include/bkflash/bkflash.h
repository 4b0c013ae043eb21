/* bkflash/bkflash.h - what front ends link against (libbkflash.so.1).
 *
 * Three objects: a context (folders, plugins, where messages go), a profile (immutable
 * once loaded) and a session (one target).  Actions are functions; whatever describes
 * something comes back as a JSON document of its own ("api": BKF_API_VERSION in each),
 * in malloc'ed text that bkf_free releases.
 *
 * Threads: a context and its profiles may be used by many threads at once [any]; a
 * session by one thread at a time [owner].  Different sessions run side by side without
 * locks between them.  Callbacks are never called by two threads at the same time and
 * must not call the library. */
#ifndef BKFLASH_BKFLASH_H
#define BKFLASH_BKFLASH_H
#include "types.h"
#include "version.h"
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Version of the JSON documents: members are added without a change, anything else
 * raises it. */
#define BKF_API_VERSION 1

typedef struct bkf_ctx bkf_ctx;
typedef struct bkf_profile bkf_profile;
typedef struct bkf_session bkf_session;

/* ---- callbacks --------------------------------------------------------------- */

/* One finding about a file of the user's. */
typedef struct bkf_diag {
    uint32_t struct_size;
    int32_t severity; /* 0 error, 1 warning, 2 note */
    const char *file;
    const char *section, *key; /* NULL = none */
    const char *text;
    int32_t line; /* 1-based; 0 = the whole file */
    uint32_t reserved;
} bkf_diag;

/* How far a session is.  Times are microseconds of the session's clock, which is the
 * adapter's own (virtual) one with simulators. */
typedef struct bkf_progress {
    uint32_t struct_size;
    uint32_t retries;     /* reads that had to be repeated so far */
    const char *phase;    /* "attach", "probe", "read", "prove", "verify", "detach", ... */
    uint64_t done, total; /* of this phase, in bytes for everything that moves data */
    uint64_t elapsed_us;  /* since the phase began */
} bkf_progress;

/* All optional; all get ud. */
typedef struct bkf_callbacks {
    uint32_t struct_size;
    uint32_t reserved;
    void *ud;
    /* One line, no newline; level 0 error .. 4 trace; who is a plugin class or "bkflash". */
    void (*log)(void *ud, int32_t level, const char *who, const char *line);
    void (*diag)(void *ud, const bkf_diag *);
    void (*progress)(void *ud, const bkf_progress *);
    /* What goes on right now; replaces the line before it on a terminal. */
    void (*note)(void *ud, const char *line);
    /* Polled often and cheaply; non-zero ends the running call with BKF_E_CANCELLED. */
    int32_t (*should_stop)(void *ud);
} bkf_callbacks;

/* ---- context ------------------------------------------------------------------ */
enum { BKF_SETUP_ALLOW_USER_PLUGINS = 1u }; /* also when running as root */

/* How a context finds its files.  Zero everywhere is what a user expects: the folders
 * beside the installed library (or of the build tree it runs from), those of the XDG
 * base directory specification, BKFLASH_PLUGIN_PATH and BKFLASH_PROFILE_PATH. */
typedef struct bkf_setup {
    uint32_t struct_size;
    uint32_t flags;
    const char *const *plugin_files; /* loaded before all others; NULL-terminated */
    const char *const *profile_dirs; /* searched before all others; NULL-terminated */
    const char *state_dir;           /* what is remembered between runs; NULL = XDG */
} bkf_setup;

const char *bkf_version(void); /* "0.1.0" [any] */
/* "BKF_E_TIMEOUT" and "no answer in time" [any]. */
const char *bkf_status_name(bkf_status);
const char *bkf_status_text(bkf_status);
/* The exit code that stands for a status in the program; frozen [any]. */
int bkf_exit_code(bkf_status);
void bkf_free(void *);
/* "Did you mean": the one of words (NULL-terminated) that was most likely meant by typed, or
 * NULL when none is near enough [any].  Points into words. */
const char *bkf_suggest(const char *typed, const char *const *words);

/* Loads no plugin and reads no profile yet. */
bkf_status bkf_ctx_new(const bkf_setup *, const bkf_callbacks *, bkf_ctx **, bkf_error *);
void bkf_ctx_free(bkf_ctx *); /* after every session and profile; NULL is fine */

/* {"api":1,"kind":"profiles","items":[...]}; what: "profiles", "adapters", "chips",
 * "parts" or "units" (which asks every adapter class what is plugged in). */
bkf_status bkf_list(bkf_ctx *, const char *what, char **json, bkf_error *);
/* Every plugin file found, loaded or refused and why. */
bkf_status bkf_plugins(bkf_ctx *, char **json, bkf_error *);

/* ---- profiles ------------------------------------------------------------------ */

/* name: a path, or a name looked up in the profile folders.  Findings go to diag. */
bkf_status bkf_profile_load(bkf_ctx *, const char *name, bkf_profile **, bkf_error *);
void bkf_profile_free(bkf_profile *);
/* Load and also check options and pads against the plugins that are there. */
bkf_status bkf_profile_check(bkf_ctx *, const char *name, uint32_t *errors, bkf_error *);
/* The merged profile with the origin of every value. */
bkf_status bkf_profile_describe(const bkf_profile *, char **json, bkf_error *);
/* The same as an INI file that needs no includes any more. */
enum { BKF_SHOW_ORIGINS = 1u }; /* behind each line the file and line it comes from */
bkf_status bkf_profile_show(const bkf_profile *, uint32_t flags, char **text, bkf_error *);
/* An address as users write it: 4096, 0x1000, 4K, 1M, "end", partition or
 * partition+offset. */
bkf_status bkf_profile_address(const bkf_profile *, const char *text, uint32_t *, bkf_error *);
/* "end" in a profile without a flash size: where a range ends with the flash, whatever
 * its size turns out to be.  Reading, verifying, writing and erasing take it as such. */
#define BKF_RANGE_END UINT32_MAX
/* A range: "START..END" (half open), "START+LENGTH" or a partition's name. */
bkf_status bkf_profile_range(const bkf_profile *, const char *text, bkf_range *, bkf_error *);

/* ---- sessions ------------------------------------------------------------------ */
typedef struct bkf_open_options {
    uint32_t struct_size;
    uint32_t attempts; /* resets to try until the target answers; 0 = no limit */
    /* NULL = the profile's [adapter]; else NAME of an [adapter:NAME], else an adapter
     * class, which then takes the default route's place ("sim"), or CLASS:ROUTE. */
    const char *route;
    const char *unit;           /* as "units" lists it; NULL = the only one */
    const char *const *options; /* "KEY=VALUE" for adapter and chip; NULL-terminated */
    const char *trace;          /* file that records every link call, or NULL */
} bkf_open_options;

/* Checks everything that can be checked without the target, then opens the adapter.
 * callbacks: NULL = the context's. */
bkf_status bkf_open(bkf_ctx *, const bkf_profile *, const bkf_open_options *, const bkf_callbacks *,
                    bkf_session **, bkf_error *);
enum { BKF_CLOSE_NO_RUN = 1u }; /* leave the target where it is */
/* Detaches if attached, closes the adapter, floats every line.  The session is gone
 * whatever the result; the result tells if detaching worked. */
bkf_status bkf_close(bkf_session *, uint32_t flags, bkf_error *);

/* Attach, identify, compare with the profile.  The functions below do it themselves. */
bkf_status bkf_probe(bkf_session *, bkf_chip_info *, bkf_error *);
/* What probe found, windows, protection, partitions, and a first look at the content: the
 * bootloader area, the heads of the code partitions and the calibration are read (about
 * 100 KiB) and judged as bkf_image_inspect does.  The document comes with a mismatch too. */
bkf_status bkf_info(bkf_session *, char **json, bkf_error *);

/* Quality of SPI wires: one sector read again and again at rising clocks, up to what profile
 * and options allow; nothing is written.  {"kind":"bench","highest_clean_hz":...,"rows":[
 * {"hz","reads","wrong","bits_wrong","bit_error_rate","rate"}]}, rate in bytes per second.
 * BKF_E_VERIFY when even the slowest clock is not clean; BKF_E_UNSUPPORTED over UART. */
bkf_status bkf_bench(bkf_session *, char **json, bkf_error *);

/* How the bytes of a read are proven. */
enum {
    BKF_VERIFY_FULL = 0,   /* all of them: device CRC, or a second pass */
    BKF_VERIFY_SAMPLE = 1, /* every sixteenth 64 KiB block, first and last included */
    BKF_VERIFY_NONE = 2
};
enum {
    BKF_READ_ALLOW_HOLES = 1u, /* unreadable or unproven ranges do not fail the job */
    BKF_READ_FORCE = 2u        /* replace an existing file */
};
typedef struct bkf_read_options {
    uint32_t struct_size;
    uint32_t verify;    /* BKF_VERIFY_* */
    uint32_t flags;     /* BKF_READ_* */
    uint32_t has_range; /* 0 = whole flash */
    bkf_range range;    /* byte 0 of the output is flash offset range.start */
    const char *label;  /* what the user called it (a partition), for the sidecar */
} bkf_read_options;

/* Proven bytes in order.  Anything but BKF_OK ends the read with that status. */
typedef bkf_status (*bkf_sink)(void *ud, uint32_t offset, const uint8_t *, size_t, bkf_error *);

/* Size proven, read, proven; then everything goes to the sink.  Holes arrive as 0xFF and
 * are listed in the report (JSON, as in a sidecar), which may be NULL. */
bkf_status bkf_read(bkf_session *, const bkf_read_options *, bkf_sink, void *ud, char **report,
                    bkf_error *);
/* The same into path and path.json: written as path.part, renamed only when complete.
 * What an interrupted or incomplete read has is kept in path.part, with path.part.log beside
 * it that says which bytes count; the same call again, or bkf_resume, goes on from there after
 * it has compared ids and samples.  BKF_E_MISMATCH: path.part was begun on another device, or
 * the flash has changed.  Refuses before any device access what it can. */
bkf_status bkf_read_file(bkf_session *, const bkf_read_options *, const char *path, char **report,
                         bkf_error *);
/* A name for a dump of this target: PROFILE-JEDEC-UNIQUEID-DATE.bin, malloc'ed.  If one made
 * so is unfinished in the present folder, its name again. */
bkf_status bkf_read_name(bkf_session *, char **name, bkf_error *);

/* Compare flash with a file.  range NULL = whole flash, whose size the file must have.
 * BKF_E_VERIFY when something differs; the report lists what. */
bkf_status bkf_verify_file(bkf_session *, const bkf_range *, const char *path, char **report,
                           bkf_error *);
/* What bkf_verify_file would do, after the same refusals, without comparing: {"kind":"verify",
 * "outcome":"planned","plan":{"compare":[{"start","end","by":"device CRC"|"reading"}],
 * "compare_us"}}, 0 us where the speed is not known. */
bkf_status bkf_verify_plan(bkf_session *, const bkf_range *, const char *path, char **report,
                           bkf_error *);

/* ---- changing the flash ------------------------------------------------------------ */
enum { BKF_CHANGE_WRITE = 0, BKF_CHANGE_ERASE = 1, BKF_CHANGE_RESTORE = 2 };
enum {
    BKF_CHANGE_DRY_RUN = 1u,   /* learn and plan, change nothing */
    BKF_CHANGE_NO_BACKUP = 2u, /* refused where a protected partition is touched */
    BKF_CHANGE_TRUST_BACKUP =
        4u, /* backup, proven when taken, holds what the flash holds: only samples are compared */
    BKF_CHANGE_PRESERVE_KEEP = 8u,  /* leave keep partitions out instead of refusing */
    BKF_CHANGE_PAD = 16u,           /* fill the image's last sector with erased bytes */
    BKF_CHANGE_VERIFY_BACKUP = 32u, /* read the whole backup twice where there is no device CRC */
    BKF_CHANGE_ANY_IMAGE = 64u,     /* also a program that is known not to boot there */
    BKF_CHANGE_OTA_META = 128u      /* the range is the layout's OTA metadata, which is kept and
                                       protected otherwise; needs a backup */
};
typedef struct bkf_change_options {
    uint32_t struct_size;
    uint32_t kind;      /* BKF_CHANGE_WRITE, ERASE or RESTORE */
    uint32_t flags;     /* BKF_CHANGE_* */
    uint32_t has_range; /* 0 = whole flash */
    bkf_range range;    /* write: end 0 = as long as the file */
    /* Partition the range stands for, or NULL.  It may begin and end inside a sector, as may the
     * end of a range that a file fills; the rest of that sector then goes back as it was. */
    const char *label;
    const char *const *allow_protected; /* names of protected partitions; NULL-terminated */
    const char *backup;                 /* an existing dump with sidecar, or NULL = make one */
    const char *backup_dir;             /* where to make it; NULL = the user's data folder */
    const void *data;                   /* write: these bytes instead of a file's, or NULL */
    size_t data_len;
} bkf_change_options;

/* Plan, back up, write, verify; path: image (write without data), dump with sidecar (restore),
 * NULL (erase).  Everything is refused before the first change that can be.  report: JSON with
 * the plan and what was proven.  An interrupted change leaves a journal for bkf_resume and
 * bkf_undo; the same call again goes on too. */
bkf_status bkf_change(bkf_session *, const bkf_change_options *, const char *path, char **report,
                      bkf_error *);
/* Finish the unfinished change of this device, or else its unfinished read into a file (the
 * report's kind is "change" or "read").  BKF_E_PARAM: there is none; BKF_E_MISMATCH: only one
 * that was begun on another device of this board. */
bkf_status bkf_resume(bkf_session *, char **report, bkf_error *);
/* Put back what the last change of this device replaced, finished or not. */
bkf_status bkf_undo(bkf_session *, char **report, bkf_error *);
/* Write protection: mode 0 shows it, 1 switches it on for the whole array, 2 off. */
bkf_status bkf_protect(bkf_session *, uint32_t mode, char **json, bkf_error *);

/* ---- at the bench, with nothing plugged in ------------------------------------------- */
/* Adapter pins, pads and warnings of one route, or of every route that has pads (NULL). */
bkf_status bkf_wiring(bkf_ctx *, const bkf_profile *, const char *route, char **json, bkf_error *);
/* The same as a drawing; route NULL = the default one. */
bkf_status bkf_wiring_svg(bkf_ctx *, const bkf_profile *, const char *route, char **svg,
                          bkf_error *);
/* Adapters, permissions, drivers in the way, plugins, profiles; profile may be NULL.  The
 * status says if a flash could be tried now; the document comes in any case. */
bkf_status bkf_doctor(bkf_ctx *, const bkf_profile *, const char *route, char **json, bkf_error *);

/* ---- images: files of flash content, no device needed ---------------------------------- */
typedef struct bkf_image bkf_image; /* immutable once opened; shareable [any] */
enum {
    BKF_IMAGE_SHOW_SECRETS = 1u, /* passwords, keys and whole MACs in the output */
    BKF_IMAGE_FORCE = 2u,        /* replace existing files */
    BKF_IMAGE_KEEP_BAD = 4u      /* convert crc-strip: take blocks with a bad CRC as they are */
};

/* Whole file into malloc'ed memory; "-" is standard input. */
bkf_status bkf_load(const char *path, void **data, size_t *len, bkf_error *);
/* Whole or not at all; an existing file needs BKF_IMAGE_FORCE; "-" is standard output. */
bkf_status bkf_save(const char *path, const void *data, size_t len, uint32_t flags, bkf_error *);

/* What is in data (copied), called name.  Layouts come from the context's profile folders;
 * board (may be NULL) puts its own in front.  Damaged data opens too: that is a result. */
bkf_status bkf_image_open(bkf_ctx *, const bkf_profile *board, const char *name, const void *data,
                          size_t len, bkf_image **, bkf_error *);
void bkf_image_free(bkf_image *); /* NULL is fine */

/* Everything that can be told about it.  json and text may each be NULL. */
bkf_status bkf_image_inspect(const bkf_image *, uint32_t flags, char **json, char **text,
                             bkf_error *);
/* Files and manifest.json into a folder, which is made; files there need BKF_IMAGE_FORCE. */
bkf_status bkf_image_extract(const bkf_image *, const char *dir, uint32_t flags, char **json,
                             bkf_error *);
/* The image of such a folder; *same: byte for byte the one it was made from. */
bkf_status bkf_image_pack(const char *dir, void **data, size_t *len, int32_t *same, bkf_error *);

typedef struct bkf_convert_options {
    uint32_t struct_size;
    uint32_t flags;   /* BKF_IMAGE_KEEP_BAD */
    const char *key;  /* "tuya", "uascent", "zero" or four hex words; NULL = none */
    uint64_t address; /* logical address of the first byte, or base of a HEX file */
    uint32_t has_address;
    uint32_t rbl_algo; /* 0x2 AES-256, 0x100 gzip, both; used when has_algo */
    uint32_t has_algo;
    uint32_t rbl_timestamp;
    const char *rbl_name, *rbl_version; /* NULL = "app", "1.00" */
    const char *partition;              /* of a UF2 file; NULL = "app" */
} bkf_convert_options;
/* steps: names with commas between, from left to right: "crc-strip,decrypt". */
bkf_status bkf_convert(const char *steps, const bkf_convert_options *, const void *in,
                       size_t in_len, void **out, size_t *out_len, bkf_error *);
/* {"kind":"conversions","items":[{"name":..,"summary":..}]} */
bkf_status bkf_convert_list(char **json, bkf_error *);

/* State of the two program slots; BKF_E_UNSUPPORTED when the layout has none. */
bkf_status bkf_image_ota(const bkf_image *, char **json, char **text, bkf_error *);
/* Bytes to be written at *offset so that slot 1 or 2 is chosen: the metadata of donor, a dump
 * of the same product that was seen booting that slot.  Refused with the reason when the slot
 * would not boot or without a donor. */
bkf_status bkf_image_ota_select(const bkf_image *, uint32_t slot, const bkf_image *donor,
                                void **bytes, size_t *len, uint32_t *offset, bkf_error *);
/* Would image boot on the device whose flash is in device (NULL = not known)?  key: of the
 * chip, NULL = what the device's bootloader proves.  *boots is the answer; the texts say why. */
bkf_status bkf_image_verdict(const bkf_image *, const bkf_image *device, const char *key,
                             int32_t *boots, char **json, char **text, bkf_error *);
/* Bootloader of one image, program of another (UA, QIO, dump, plain or RBL), from offset 0. */
bkf_status bkf_image_splice(const bkf_image *boot, const bkf_image *firmware, void **data,
                            size_t *len, bkf_error *);
/* A copy of the same size without secrets; json lists every place that was changed. */
bkf_status bkf_image_redact(const bkf_image *, void **data, size_t *len, char **json, bkf_error *);
/* One self-contained HTML page; other (may be NULL) is compared with it. */
bkf_status bkf_image_report(const bkf_image *, const bkf_image *other, uint32_t flags, char **html,
                            bkf_error *);
bkf_status bkf_image_diff(const bkf_image *a, const bkf_image *b, int32_t *same, char **json,
                          char **text, bkf_error *);

/* ---- the board's log --------------------------------------------------------------- */

enum {
    BKF_LOG_EXPLAIN = 1u, /* annotate known lines (conf/log) */
    BKF_LOG_SECRETS = 2u  /* show private values too, which are hidden otherwise */
};
typedef struct bkf_log_options {
    uint32_t struct_size;
    uint32_t flags;             /* BKF_LOG_* */
    const char *route, *unit;   /* route or adapter class; NULL = the profile's log route */
    const char *const *options; /* KEY=VALUE of the adapter, NULL-terminated; or NULL */
    uint64_t duration_us;       /* 0 = until should_stop */
    uint32_t baud;              /* 0 = the profile's, or 115200 */
    uint32_t reserved;
} bkf_log_options;
/* One line, private values left out; strings live until the sink returns. */
typedef struct bkf_log_line {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t at_us;      /* its first byte, since listening began */
    const char *text;    /* colours removed, control bytes as \xNN */
    const char *meaning; /* NULL = not known */
} bkf_log_line;
typedef bkf_status (*bkf_log_sink)(void *ud, const bkf_log_line *, bkf_error *);
/* Listens only: nothing is sent to the board.  Ends with BKF_E_CANCELLED when should_stop
 * says so, with what the sink returns if that is not BKF_OK. */
bkf_status bkf_log_listen(bkf_ctx *, const bkf_profile *, const bkf_log_options *,
                          const bkf_callbacks *, bkf_log_sink, void *ud, bkf_error *);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
