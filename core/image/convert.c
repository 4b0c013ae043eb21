/* Conversions, each a step that a list of names can chain. */
#include "convert.h"
#include "bytes.h"
#include "crc34.h"
#include "ihex.h"
#include "uf2.h"
#include <stdlib.h>

enum { MAX_HEX = 64 << 20 };

static bkf_status room(size_t n, uint8_t **out, bkf_error *err)
{
    *out = malloc(n + 1);
    return *out ? BKF_OK : error_set(err, BKF_E_NOMEM, "no memory for %zu bytes", n);
}

static bkf_status crc_add(const struct convert_options *o, const uint8_t *p, size_t n,
                          uint8_t **out, size_t *len, bkf_error *err)
{
    (void)o;
    bkf_status st = room(crc34_packed_size(n), out, err);
    if (!st)
        *len = crc34_pack(p, n, *out);
    return st;
}

static bkf_status crc_strip(const struct convert_options *o, const uint8_t *p, size_t n,
                            uint8_t **out, size_t *len, bkf_error *err)
{
    struct crc34_stat s;
    crc34_stat(p, n, &s);
    if (s.bad && !o->keep_bad)
        return error_set(
            err, BKF_E_IMAGE,
            "%zu of %zu blocks have a bad CRC, the first at 0x%zx; is this packed code "
            "from its start? --keep-bad takes them as they are",
            s.bad, s.blocks, s.first_bad);
    if (n % CRC34_BLOCK && !bytes_are(p + s.blocks * CRC34_BLOCK, n % CRC34_BLOCK, 0xFF) &&
        !o->keep_bad)
        return error_set(err, BKF_E_IMAGE, "the last block is cut: %zu of 34 bytes",
                         n % CRC34_BLOCK);
    bkf_status st = room(s.blocks * CRC34_DATA, out, err);
    if (!st)
        *len = crc34_strip(p, n, *out);
    return st;
}

static bkf_status cipher(const struct convert_options *o, const uint8_t *p, size_t n, uint8_t **out,
                         size_t *len, bkf_error *err)
{
    if (!o->has_key)
        return error_set(err, BKF_E_PARAM,
                         "which key? --key tuya, --key uascent, or four hex words");
    if (!o->has_address || o->address % 4 || o->address > UINT32_MAX)
        return error_set(err, BKF_E_PARAM,
                         "which address? --address 0x10000 for a program, 0 for a bootloader "
                         "(logical, a multiple of 4)");
    bkf_status st = room(n, out, err);
    if (!st)
        crypt_run(&o->key, (uint32_t)o->address, p, *out, n);
    *len = n;
    return st;
}

static bkf_status to_rbl(const struct convert_options *o, const uint8_t *p, size_t n, uint8_t **out,
                         size_t *len, bkf_error *err)
{
    struct rbl_header h = o->rbl;
    return rbl_pack(p, n, &h, &o->rbl_keys, out, len, err);
}

static bkf_status from_rbl(const struct convert_options *o, const uint8_t *p, size_t n,
                           uint8_t **out, size_t *len, bkf_error *err)
{
    struct rbl_header h;
    bkf_status st = rbl_unpack(p, n, &o->rbl_keys, &h, out, err);
    *len = h.size_raw;
    return st;
}

static bkf_status to_ug(const struct convert_options *o, const uint8_t *p, size_t n, uint8_t **out,
                        size_t *len, bkf_error *err)
{
    bkf_status st = room(UG_HEADER + n, out, err);
    if (!st)
        ug_write(o->rbl.version, p, n, *out);
    *len = UG_HEADER + n;
    return st;
}

static bkf_status from_ug(const struct convert_options *o, const uint8_t *p, size_t n,
                          uint8_t **out, size_t *len, bkf_error *err)
{
    struct ug_header h;
    (void)o;
    if (!ug_read(p, n, &h))
        return error_set(err, BKF_E_IMAGE, "no UG header: it starts with 55 AA 55 AA");
    if (!h.header_ok || !h.payload_ok)
        return error_set(err, BKF_E_IMAGE, "UG package damaged: the sum of its %s is wrong",
                         h.header_ok ? "payload" : "header");
    bkf_status st = room(h.length, out, err);
    if (!st && *out)
        memcpy(*out, p + UG_HEADER, h.length);
    *len = h.length;
    return st;
}

static bkf_status from_uf2(const struct convert_options *o, const uint8_t *p, size_t n,
                           uint8_t **out, size_t *len, bkf_error *err)
{
    return uf2_extract(p, n, UF2_FLASHER_SINGLE, o->partition ? o->partition : "app", out, len,
                       err);
}

static bkf_status from_hex(const struct convert_options *o, const uint8_t *p, size_t n,
                           uint8_t **out, size_t *len, bkf_error *err)
{
    uint32_t base;
    (void)o;
    return ihex_read((const char *)p, n, MAX_HEX, out, len, &base, err);
}

static bkf_status to_hex(const struct convert_options *o, const uint8_t *p, size_t n, uint8_t **out,
                         size_t *len, bkf_error *err)
{
    struct strbuf text = STRBUF_INIT;
    if (o->address + n > (uint64_t)UINT32_MAX + 1)
        return error_set(err, BKF_E_PARAM, "HEX files end at 4 GiB");
    ihex_write(p, n, (uint32_t)o->address, &text);
    *len = text.len;
    *out = (uint8_t *)strbuf_take(&text);
    return *out ? BKF_OK : error_set(err, BKF_E_NOMEM, "no memory for the HEX text");
}

const struct convert_step convert_steps[] = {
    { "crc-add", "put a CRC-16 after every 32 bytes", crc_add },
    { "crc-strip", "check the CRC-16 of every block and take it out", crc_strip },
    { "encrypt", "encipher code (--key, --address)", cipher },
    { "decrypt", "decipher code (--key, --address)", cipher },
    { "rbl-pack", "make an RBL container (--rbl-algo, --rbl-name, --rbl-version)", to_rbl },
    { "rbl-unpack", "unpack an RBL container: AES, gzip, hash checked", from_rbl },
    { "ug-pack", "put Tuya's UG header in front", to_ug },
    { "ug-unpack", "check and remove Tuya's UG header", from_ug },
    { "uf2-read", "payload of a UF2 file for one partition (--partition)", from_uf2 },
    { "hex-read", "Intel HEX to binary, gaps filled with FF", from_hex },
    { "hex-write", "binary to Intel HEX (--address)", to_hex },
};
const size_t convert_step_count = ARRAY_LEN(convert_steps);

void convert_defaults(struct convert_options *o)
{
    *o = (struct convert_options){ .rbl_keys = rbl_default_keys };
    o->rbl = (struct rbl_header){ .algo = RBL_CRYPT_AES256 | RBL_COMP_GZIP,
                                  .name = "app",
                                  .version = "1.00",
                                  .serial = "00000000000000000000000" };
}

static const struct convert_step *step_named(const char *name, size_t n)
{
    for (size_t i = 0; i < convert_step_count; i++)
        if (strlen(convert_steps[i].name) == n && memcmp(convert_steps[i].name, name, n) == 0)
            return &convert_steps[i];
    return NULL;
}

static bkf_status unknown_step(const char *name, size_t n, bkf_error *err)
{
    struct strbuf all = STRBUF_INIT;
    for (size_t i = 0; i < convert_step_count; i++)
        strbuf_addf(&all, "%s%s", i ? ", " : "", convert_steps[i].name);
    error_set(err, BKF_E_PARAM, "no conversion '%.*s'; there are %s", n > 40 ? 40 : (int)n, name,
              all.data ? all.data : "");
    strbuf_free(&all);
    return BKF_E_PARAM;
}

bkf_status convert_run(const char *steps, const struct convert_options *o, const uint8_t *p,
                       size_t n, uint8_t **out, size_t *out_len, bkf_error *err)
{
    uint8_t *have = NULL;
    *out = NULL;
    for (const char *s = steps;; s++) {
        size_t len = strcspn(s, ",");
        const struct convert_step *step = step_named(s, len);
        uint8_t *next = NULL;
        size_t next_len = 0;
        bkf_status st = step ? step->run(o, have ? have : p, n, &next, &next_len, err)
                             : unknown_step(s, len, err);
        free(have);
        if (st) {
            if (step)
                error_prefix(err, "%s", step->name);
            free(next);
            return st;
        }
        have = next;
        n = next_len;
        s += len;
        if (!*s)
            break;
    }
    *out = have;
    *out_len = n;
    return BKF_OK;
}
