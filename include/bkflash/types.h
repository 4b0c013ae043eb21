/* bkflash/types.h - what plugins and front ends share: status codes, the error
 * record, what is known about a chip.  Plain C99, no padding at the end of any
 * struct (a member appended into padding would look present to BKF_HAS). */
#ifndef BKFLASH_TYPES_H
#define BKFLASH_TYPES_H
#include <stddef.h>
#include <stdint.h>

/* True if the peer's struct P of type T reaches as far as member M.  Every
 * member beyond the 1.0 set is read through this macro, never directly. */
#define BKF_HAS(T, P, M) ((P)->struct_size >= offsetof(T, M) + sizeof(((const T *)0)->M))

/* 0 or one of BKF_E_*.  A closed list: append only, never reuse a number. */
typedef int32_t bkf_status;
enum {
    BKF_OK = 0,
    BKF_E_PARAM = -1,       /* the caller passed something that can never work */
    BKF_E_UNSUPPORTED = -2, /* this peer cannot do that at all */
    BKF_E_NO_DEVICE = -3,   /* adapter absent, or vanished while in use */
    BKF_E_BUSY = -4,        /* held by another program, driver or interface */
    BKF_E_ACCESS = -5,      /* the operating system refuses permission */
    BKF_E_IO = -6,          /* a transfer failed */
    BKF_E_TIMEOUT = -7,     /* no answer in time */
    BKF_E_PROTOCOL = -8,    /* an answer that the protocol does not allow */
    BKF_E_MISMATCH = -9,    /* device or data differ from what was asked for */
    BKF_E_PROTECTED = -10,  /* refused: protection, window or rule forbids it */
    BKF_E_CANCELLED = -11,  /* should_stop said so */
    BKF_E_NOMEM = -12,
    BKF_E_INTERNAL = -13,     /* our own bug; never an unknown device answer */
    BKF_E_NO_LINK = -14,      /* adapter works, target does not answer */
    BKF_E_UNPROVEN = -15,     /* done, but could not be proven (size, holes) */
    BKF_E_PROFILE = -16,      /* the profile is wrong; see file:line */
    BKF_E_PLUGIN = -17,       /* a plugin is missing, refused or broken */
    BKF_E_UNKNOWN_PART = -18, /* flash part not known and not described */
    BKF_E_IMAGE = -19,        /* the image file does not fit the job */
    BKF_E_FILE = -20,         /* host file or disk */
    BKF_E_VERIFY = -21,       /* flash and file differ */
    BKF_E_INCOMPLETE = -22,   /* parts could not be read or not be proven */
    BKF_E_LINK_LOST = -23     /* it answered before and does not any more */
};

/* What the failed call may have done to the flash array.  A caller may retry
 * on NONE without asking; UNKNOWN obliges it to read back first. */
enum { BKF_EFFECT_NONE = 0, BKF_EFFECT_PARTIAL = 1, BKF_EFFECT_UNKNOWN = 2 };

/* Caller-owned, may live on the stack, needs no release.  Set struct_size
 * first (BKF_ERROR_INIT).  The deepest layer that failed writes it once; layers
 * above may only prefix context.  Left alone on success. */
typedef struct bkf_error {
    uint32_t struct_size;
    bkf_status status;
    uint32_t effect;   /* BKF_EFFECT_* */
    int32_t os_code;   /* errno, libusb or libftdi value; 0 = none */
    char message[512]; /* one line of UTF-8, no trailing newline */
} bkf_error;
#define BKF_ERROR_INIT                 \
    {                                  \
        sizeof(bkf_error), 0, 0, 0, "" \
    }

/* Half open: start <= offset < end.  Bytes of flash. */
typedef struct bkf_range {
    uint32_t start, end;
} bkf_range;

/* How a flash size became known; bits of bkf_chip_info.size_evidence. */
enum {
    BKF_SIZE_JEDEC = 1u, /* third byte of RDID, a convention only */
    BKF_SIZE_TABLE = 2u, /* parts table (conf/flash) */
    BKF_SIZE_SFDP = 4u,  /* JEDEC JESD216 basic flash parameter table */
    BKF_SIZE_WRAP = 8u,  /* reads past the end repeat the start, and not before */
    BKF_SIZE_CRC = 16u   /* the device's own CRC over aliased ranges */
};

/* Filled by a chip's probe; zero where a member is not readable this way.
 * Caller sets struct_size and zeroes the rest. */
typedef struct bkf_chip_info {
    uint32_t struct_size;
    uint32_t chip_id;             /* the chip's own id register or the protocol's chip id */
    uint32_t jedec_id;            /* RDID in wire order, 0x0B4016 = 0B 40 16 */
    uint32_t flash_size;          /* bytes */
    uint32_t page, sector;        /* program and erase granularity, bytes */
    uint32_t size_evidence;       /* BKF_SIZE_* bits that agree with flash_size */
    uint32_t status, status_bits; /* status registers SR1 | SR2<<8 | SR3<<16; bits read */
    uint32_t resets;              /* how often attach reset the target until it answered */
    uint32_t unique_id_len;       /* bytes used in unique_id; 0 = none */
    uint8_t unique_id[16];        /* the die's or the chip's unique id */
    char chip[32];                /* chip as it names itself ("" = it does not) */
    char part[32];                /* flash part name ("" = unknown) */
    char text[128];               /* bootloader version and the like, one line */
} bkf_chip_info;

#endif
