/* A bootable image from a bootloader and a program. */
#include "splice.h"
#include "bytes.h"
#include "crc34.h"
#include <stdlib.h>

enum { APP_AT = 0x11000, APP_LOGICAL = 0x10000 };

/* A program in flash form; own is freed by the caller. */
struct program {
    const uint8_t *p;
    size_t n;
    uint8_t *own;
};

static bkf_status seal_plain(const uint8_t *p, size_t n, const struct code_key *key,
                             struct program *out, bkf_error *err)
{
    size_t padded = (n + 31) / 32 * 32;
    uint8_t *plain = malloc(padded + 1);
    out->own = malloc(crc34_packed_size(n) + 1);
    if (!plain || !out->own) {
        free(plain);
        return error_set(err, BKF_E_NOMEM, "no memory to encipher %zu bytes", n);
    }
    memset(plain, 0xFF, padded);
    memcpy(plain, p, n);
    crypt_run(&key->key, APP_LOGICAL, plain, plain, padded);
    out->n = crc34_pack(plain, padded, out->own);
    out->p = out->own;
    free(plain);
    return BKF_OK;
}

static bkf_status from_container(const struct image_facts *f, const struct code_key *key,
                                 struct program *out, bkf_error *err)
{
    struct rbl_header h;
    uint8_t *raw;
    size_t skip = f->kind == KIND_UG ? UG_HEADER : 0;
    bkf_status st =
        rbl_unpack(f->data + skip, f->data_len - skip, &rbl_default_keys, &h, &raw, err);
    if (!st && crypt_vectors(raw) < 6)
        st = error_set(err, BKF_E_IMAGE, "the container '%s' holds no program with ARM vectors",
                       h.name);
    if (!st)
        st = seal_plain(raw, h.size_raw, key, out, err);
    free(raw);
    return st;
}

static bkf_status program_of(const struct image_facts *f, const struct code_key *key,
                             struct program *out, bkf_error *err)
{
    switch (f->kind) {
    case KIND_RBL:
    case KIND_UG:
        return from_container(f, key, out, err);
    case KIND_PLAIN:
        if (crypt_vectors(f->data) < 6)
            return error_set(
                err, BKF_E_IMAGE,
                "the program is enciphered but has no CRC bytes; convert it with crc-add");
        return seal_plain(f->data, f->data_len, key, out, err);
    default:
        break;
    }
    if (!f->app.present)
        return error_set(err, BKF_E_IMAGE, "%s: there is no program in it",
                         image_kind_title(f->kind));
    if (f->app.at != APP_AT)
        return error_set(err, BKF_E_IMAGE, "the program is made for 0x%x, not for 0x11000",
                         f->app.at);
    out->p = f->data + (f->app.at - f->base);
    out->n = f->app.leading_end - f->app.at;
    /* a container's header at the end belongs to the program */
    for (size_t i = 0; i < f->n_rbl; i++)
        if (f->rbl[i].found.packed && f->rbl[i].partition.start == APP_AT &&
            f->rbl[i].partition.end - APP_AT > out->n)
            out->n = f->rbl[i].partition.end - APP_AT;
    return BKF_OK;
}

bkf_status splice_boot_check(const struct image_facts *boot, bkf_error *err)
{
    if (boot->base == 0 && boot->boot.present && boot->boot.key.state != KEY_UNKNOWN)
        return BKF_OK;
    return error_set(err, BKF_E_IMAGE, "%s: there is no readable bootloader at its start",
                     image_kind_title(boot->kind));
}

bkf_status splice_image(const struct image_facts *boot, const struct image_facts *firmware,
                        uint8_t **out, size_t *out_len, bkf_error *err)
{
    struct program prog = { 0 };
    *out = NULL;
    bkf_status st = splice_boot_check(boot, err);
    if (!st)
        st = program_of(firmware, &boot->boot.key, &prog, err);
    if (!st) {
        size_t len = boot->data_len < APP_AT ? boot->data_len : APP_AT;
        *out_len = APP_AT + prog.n;
        *out = malloc(*out_len);
        if (*out) {
            memset(*out, 0xFF, APP_AT);
            if (boot->data)
                memcpy(*out, boot->data, len);
            if (prog.p)
                memcpy(*out + APP_AT, prog.p, prog.n);
        } else {
            st = error_set(err, BKF_E_NOMEM, "no memory for %zu bytes", *out_len);
        }
    }
    free(prog.own);
    return st;
}
