/* schema.h - which sections and keys exist, and what their values must look like.
 * The first pass of the checks; docs/profiles.md lists the same for people. */
#ifndef CORE_PROFILE_SCHEMA_H
#define CORE_PROFILE_SCHEMA_H
#include "reader.h"

/* What a file describes ([profile] kind). */
enum kind {
    KIND_NONE = 0,
    KIND_BOARD = 1u << 0,
    KIND_CHIP = 1u << 1,
    KIND_FLASH = 1u << 2,  /* one flash part */
    KIND_FAMILY = 1u << 3, /* what several flash parts share */
    KIND_LAYOUT = 1u << 4, /* a flash map as found in devices */
    KIND_WIRING = 1u << 5, /* routes and pads that several boards share */
    KIND_ALL = 0x3F
};
enum kind kind_parse(const char *); /* KIND_NONE = unknown */
const char *kind_name(enum kind);   /* "board" */
/* Which kinds a file of this kind may include. */
unsigned kind_may_include(enum kind);

/* One value against its key.  True = usable; false = a finding was added.  Options, pads
 * and x- names are decided here too.  kind KIND_NONE = not known, anything goes. */
bool schema_check_entry(struct diag_list *, const char *file, const char *section,
                        const struct ini_entry *, enum kind kind);
/* Section names that exist for the kind; false = a finding was added. */
bool schema_check_section(struct diag_list *, const char *file, const struct ini_section *,
                          enum kind kind);
bool schema_is_foreign(const char *name); /* x-..., for other programs */

/* Keys that a section must have, NULL-terminated; name without ":..." */
const char *const *schema_required(const char *section, enum kind kind);

/* -- values.c: parsers of single values -------------------------------------------------- */
/* All take clean text and return false on anything else, with *why set to a short reason
 * where there is more to say than the key's general complaint. */
struct erase_op {
    uint32_t size;
    uint8_t opcode;
};
struct time_pair {
    uint32_t typ_us, max_us;
};
bool value_name(const char *s); /* [a-z0-9_-]{1,32} */
bool value_word(const char *s); /* [A-Za-z0-9_.#+/-]{1,32}: parts, pads, lines */
bool value_baud(const char *s, uint32_t *out);
bool value_byte(const char *s, uint8_t *out); /* 0x35 or 35, hexadecimal */
/* "05 35 15": at most cap bytes. */
bool value_bytes(const char *s, uint8_t *out, size_t cap, size_t *n);
/* "4K:20 32K:52 64K:D8", ascending. */
bool value_erase(const char *s, struct erase_op *out, size_t cap, size_t *n);
bool value_times(const char *s, struct time_pair *out); /* "60ms / 400ms" */
/* "0x0..end, 0x20000..0x30000"; "none" = empty list.  end stands for end_of_flash. */
bool value_ranges(const char *s, uint64_t end_of_flash, bkf_range *out, size_t cap, size_t *n,
                  const char **why);
/* "cen @ D2 !" cut in place: buf is a writable copy. */
bool value_pad(char *buf, const char **signal, const char **line, bool *inverted);
/* Comma-separated words cut in place; returns how many, cap+1 when there are more. */
size_t value_list(char *buf, const char **out, size_t cap);
const char *const *value_signals(void); /* NULL-terminated names of chip signals */
#endif
