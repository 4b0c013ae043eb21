/* splice.h - would an image boot on a given chip, and building one that does. */
#ifndef CORE_IMAGE_SPLICE_H
#define CORE_IMAGE_SPLICE_H
#include "inspect.h"

enum { VERDICT_ROWS = 16 };
enum verdict_state { VERDICT_OK, VERDICT_WARN, VERDICT_NO };
struct verdict_row {
    enum verdict_state state;
    char what[32], text[320];
};
struct verdict {
    bool boots; /* no row says NO */
    struct verdict_row row[VERDICT_ROWS];
    size_t n;
};
/* What is known about the device; NULL members and zero sizes where nothing is. */
struct verdict_device {
    const struct code_key *key;    /* of the chip: fuses, or proven by its bootloader */
    const struct bootloader *boot; /* that it runs now */
    const struct image_layout *layout;
    const char *source, *chip; /* for messages: which it is and who says so; NULL with names NULL */
    const char *names;         /* what software calls this chip, separated by commas */
    const char *marker;        /* what its boot ROM wants at 0x100 of a bootloader; "" = nothing */
};
/* Only what is known without a look at the device: the chip it is made for, and its marker. */
void verdict_of_chip(const struct image_facts *, const struct verdict_device *,
                     struct verdict *out);
/* Judges facts as they would stand in the device's flash: with its own bootloader, or with the
 * one that is in its flash when the image has none. */
void verdict_of(const struct image_facts *, const struct verdict_device *, struct verdict *out);

/* Image from flash 0 on: the given bootloader (a bootloader, QIO or dump) and the program of the
 * firmware file (UA, QIO, dump, plain program or RBL).  Plain programs are enciphered with the
 * bootloader's key.  *out is malloc'ed.  keys: for RBL; NULL = default. */
/* Can the bootloader's side of a splice be taken from here? */
bkf_status splice_boot_check(const struct image_facts *, bkf_error *err);
bkf_status splice_image(const struct image_facts *boot, const struct image_facts *firmware,
                        uint8_t **out, size_t *out_len, bkf_error *err);
json_t *verdict_json(const struct verdict *);
void verdict_text(const struct verdict *, struct strbuf *out);
#endif
