/* inspect.h - what is in a file or a flash: everything the image code can tell, with the
 * evidence for it.  Pure: bytes and candidate layouts in, facts out. */
#ifndef CORE_IMAGE_INSPECT_H
#define CORE_IMAGE_INSPECT_H
#include "bootloader.h"
#include "layout.h"
#include "ota.h"
#include "rbl.h"
#include "rfcal.h"
#include "tuya_kv.h"
#include "uf2.h"
#include <jansson.h>

enum image_kind {
    KIND_UNKNOWN,
    KIND_BLANK,       /* all FF, all 00, or one sector repeated */
    KIND_DUMP,        /* whole flash from 0 */
    KIND_DUMP_APP,    /* flash from 0x11000 on, without the bootloader */
    KIND_DUMP_TURNED, /* whole flash, read from another offset and wrapped around */
    KIND_QIO,         /* bootloader and application, to be written at 0 */
    KIND_UA,          /* application only, packed */
    KIND_BOOTLOADER,  /* bootloader only, packed */
    KIND_RBL,
    KIND_UG,
    KIND_UF2,
    KIND_IHEX,
    KIND_PLAIN,   /* program without CRC bytes */
    KIND_STORAGE, /* key-value storage alone */
    KIND_RF,      /* calibration sector alone */
    KIND_CONFIG,  /* OpenBeken configuration alone */
    KIND_GZIP,
    KIND_ELF
};
const char *image_kind_name(enum image_kind);  /* "full-dump" */
const char *image_kind_title(enum image_kind); /* "whole flash dump" */

enum confidence { SURE_POSSIBLE, SURE_LIKELY, SURE_CERTAIN };
const char *confidence_text(enum confidence);
struct claim {
    char what[24];
    char value[96];
    enum confidence sure;
    char evidence[200];
};

struct app_facts {
    bool present;
    uint32_t at;      /* flash offset of the first byte */
    uint32_t end;     /* of the area looked at */
    uint32_t logical; /* CPU address its vectors fit */
    size_t good, erased, bad, leading_good;
    uint32_t leading_end; /* flash offset */
    uint32_t first_bad;   /* flash offset; IMAGE_NOWHERE = none */
    struct code_key key;
    unsigned score[KEYS_SHOWN];
    size_t plain_len; /* bytes of the leading run, deciphered */
    struct sha256_hex plain_sha256;
    size_t vendor_tail, true_len; /* from the container, 0 = no container */
};

struct rbl_fact {
    struct rbl_found found;
    bkf_range partition; /* in-flash form; {0,0} for the file form */
    struct rbl_verdict verdict;
    bool hash_plain;   /* hash fits the deciphered bytes instead */
    size_t bad_blocks; /* of the payload */
    bool package_ok;   /* file form: CRC of the package */
};
struct app_string {
    char text[128];
    uint32_t at; /* from the start of the deciphered program */
};
struct part_fact {
    const struct image_partition *part;
    bool outside, blank;
    size_t good, erased, bad;
    uint32_t first_bad;
    bool key_differs; /* code there has another key than the bootloader */
    double entropy;   /* bits a byte */
};
enum {
    MAX_RBL = 16,
    MAX_RF = 8,
    MAX_NET = 4,
    MAX_OBK = 4,
    MAX_STRINGS = 16,
    MAX_CLAIMS = 32,
    MAX_DAMAGE = 32
};

struct image_facts {
    enum image_kind kind;
    size_t size;              /* of the file */
    struct sha256_hex sha256; /* of the file */
    uint32_t turned;          /* file offset of flash 0 for a turned dump, else 0 */
    uint32_t base;            /* flash offset of byte 0 of data below */
    uint32_t write_at;        /* where this belongs; IMAGE_NOWHERE = not to be written as it is */
    /* The bytes in flash order from base: the caller's, or a copy of ours that is turned right. */
    const uint8_t *data;
    size_t data_len;
    uint8_t *own;
    struct bootloader boot;
    struct app_facts app;
    struct ota_state ota;
    struct rbl_fact rbl[MAX_RBL];
    size_t n_rbl;
    struct rf_sector rf[MAX_RF];
    size_t n_rf;
    struct net_param net[MAX_NET];
    size_t n_net;
    struct obk_config obk[MAX_OBK];
    size_t n_obk;
    struct kv_storage *kv; /* NULL = none */
    struct ug_header ug;
    struct uf2_info uf2;
    struct app_string string[MAX_STRINGS];
    size_t n_strings;
    char *params;       /* pin configuration compiled into the program, quote-less JSON */
    uint32_t params_at; /* from the start of the deciphered program */
    const struct image_layout *layout; /* best fit, or NULL */
    int layout_score, second_score;
    const struct image_layout *second;
    struct part_fact part[LAYOUT_PARTS];
    size_t n_parts;
    struct claim claim[MAX_CLAIMS];
    size_t n_claims;
    char damage[MAX_DAMAGE][160];
    size_t n_damage, damage_total;
};

/* layouts must outlive the facts; p too, unless facts->own is set.  BKF_E_NOMEM only: damaged
 * input is a result, not an error. */
bkf_status inspect_image(const uint8_t *p, size_t n, const struct image_layout *layouts,
                         size_t n_layouts, struct image_facts **out, bkf_error *err);
void inspect_free(struct image_facts *);

/* Secret values are left out unless show. */
json_t *inspect_json(const struct image_facts *, bool show_secrets);
void inspect_text(const struct image_facts *, bool show_secrets, struct strbuf *out);

/* Parts of it, for others that look at less. */
json_t *inspect_boot_json(const struct bootloader *, bool show_secrets);
json_t *inspect_rf_json(const struct rf_sector *, uint32_t base, bool show_secrets);
json_t *inspect_claims_json(const struct image_facts *);

/* -- between the files of the inspector ----------------------------------------------------- */
void claim_add(struct image_facts *, const char *what, enum confidence, const char *value,
               const char *evidence, ...) PRINTF_LIKE(5, 6);
void damage_add(struct image_facts *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void inspect_app(struct image_facts *, uint32_t at, uint32_t end, uint32_t logical);
void inspect_containers(struct image_facts *);
void inspect_sectors(struct image_facts *);
void inspect_layout(struct image_facts *, const struct image_layout *, size_t n);
void inspect_claims(struct image_facts *);
void inspect_claims_code(struct image_facts *); /* key, chip */
/* Deciphered leading run of the application, app.plain_len bytes, malloc'ed; NULL = none. */
uint8_t *inspect_app_plain(const struct image_facts *);
/* Texts that name firmware, in deciphered code. */
void strings_find(const uint8_t *p, size_t n, struct image_facts *);
double entropy_of(const uint8_t *p, size_t n);

/* -- names of chips (chips.c) ---------------------------------------------------------------- */
enum { CHIP_NAME = 9 };
/* Next name of a chip in *text, in capitals; *text moves behind it.  False = no more. */
bool chip_name_next(const char **text, char out[CHIP_NAME]);
/* Is it among names, separated by commas?  Case does not count. */
bool chip_goes_by(const char *names, const char *name);
#endif
