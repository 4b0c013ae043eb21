/* identify.c - who is there: id, part, registers, unique id, size.  Changes nothing. */
#include "engine.h"
#include <stdio.h>
#include <string.h>

enum { ID_TRIES = 16, ID_SAME = 3, RATE_SAMPLE = 1024, RATE_MAX = 8192, RATE_US = 2000, ASK = 4 };

bkf_status nor_rdid(bkf_nor *nor, uint32_t *jedec, bkf_error *err)
{
    static const uint8_t op = OP_RDID;
    uint8_t id[3];
    bkf_status st = nor_frame(nor, &op, 1, id, sizeof id, err);
    if (!st)
        *jedec = (uint32_t)id[0] << 16 | (uint32_t)id[1] << 8 | id[2];
    return st;
}

static bool silent(uint32_t id)
{
    return id == 0 || id == 0xFFFFFF;
}

static bkf_status not_connected(const bkf_nor *nor, uint32_t id, bkf_error *err)
{
    return error_set(
        err, BKF_E_NO_LINK,
        "flash not connected: it identifies as %06X, which is a %s MISO; check MISO (%s), "
        "CS (%s), SCK (%s) and the target's supply",
        id, id ? "floating or high" : "low", nor_where(nor, "miso"), nor_where(nor, "cs0"),
        nor_where(nor, "sck"));
}

/* Three times the same in a row; noise is asked again, silence is not. */
static bkf_status steady_id(bkf_nor *nor, uint32_t *id, bkf_error *err)
{
    uint32_t last = 0, now = 0, first = 0;
    int same = 0;
    for (int i = 0; i < ID_TRIES && same < ID_SAME; i++) {
        bkf_status st = nor_rdid(nor, &now, err);
        if (st)
            return st;
        same = i && now == last ? same + 1 : 1;
        if (!i)
            first = now;
        last = now;
    }
    *id = last;
    if (same < ID_SAME)
        return error_set(err, BKF_E_PROTOCOL,
                         "the flash identifies differently from read to read (%06X, then %06X): "
                         "shorten the wires to SCK (%s) and MISO (%s), or lower the clock",
                         first, last, nor_where(nor, "sck"), nor_where(nor, "miso"));
    return silent(last) ? not_connected(nor, last, err) : BKF_OK;
}

static const char *name_of(const bkf_nor *nor, uint32_t jedec)
{
    const struct nor_part *p = nor->env->parts ? nor_part_by_jedec(nor->env->parts, jedec) : NULL;
    return p ? p->name : "unknown part";
}

static bkf_status check_wanted(const bkf_nor *nor, bkf_error *err)
{
    const struct nor_want *w = &nor->env->want;
    if (!w->jedec || w->jedec == nor->jedec)
        return BKF_OK;
    return error_set(
        err, BKF_E_MISMATCH,
        "the flash identifies as %06X (%s), but %s says %06X (%s): another device, or the "
        "wrong profile",
        nor->jedec, name_of(nor, nor->jedec), w->origin ? w->origin : "the profile", w->jedec,
        w->part ? w->part : name_of(nor, w->jedec));
}

/* -- part ------------------------------------------------------------------------------------ */

static uint32_t capacity_of(uint32_t jedec)
{
    uint32_t c = jedec & 0xFF;
    return c >= 0x10 && c <= 0x18 ? 1u << c : 0;
}

static const struct nor_part *look_up(const bkf_nor *nor)
{
    const struct nor_part_table *t = nor->env->parts;
    if (!t)
        return NULL;
    const char *name = nor->env->want.part;
    const struct nor_part *p = name ? nor_part_by_name(t, name) : NULL;
    return p && p->jedec == nor->jedec ? p : nor_part_by_jedec(t, nor->jedec);
}

/* A die of no table: the command set that all dies in Beken SoCs share. */
static void generic_part(bkf_nor *nor)
{
    struct nor_part *p = &nor->part;
    *p = (struct nor_part){
        .jedec = nor->jedec,
        .size = nor->sfdp.size,
        .page = nor->sfdp.page ? nor->sfdp.page : 256,
        .sr_read = { OP_RDSR, OP_RDSR2, OP_RDSR3 },
        .sr_write = { OP_WRSR },
        .protect_mask = 0x407C,
        .qe_mask = 0x0200,
        .cmp_mask = 0x4000,
        .srp_mask = 0x0180,
        .lock_mask = 0x3800,
        .keep_mask = 0x3B00,
        .bp_style = "w25q",
        .wrsr_two_bytes = true,
        .erase = { { 4096, 0x20, 60000, 400000 }, { 65536, 0xD8, 250000, 3000000 } },
        .program_typ_us = 700,
        .program_max_us = 10000,
        .status_write_typ_us = 10000,
        .status_write_max_us = 500000,
        .unique_id = "none",
        .timing = "default",
    };
    if (nor->sfdp.present && nor->sfdp.erase[0].size) {
        memcpy(p->erase, nor->sfdp.erase, sizeof p->erase);
        for (size_t i = 0; i < ARRAY_LEN(p->erase); i++) {
            if (p->erase[i].size && !p->erase[i].max_us) {
                p->erase[i].typ_us = p->erase[i].size <= 4096 ? 60000 : 250000;
                p->erase[i].max_us = 4000000;
            }
        }
    }
    snprintf(nor->part_name, sizeof nor->part_name, "%s",
             nor->env->want.part ? nor->env->want.part : "");
    p->name = nor->part_name;
}

static bkf_status find_part(bkf_nor *nor, bool *in_table, bkf_error *err)
{
    const struct nor_part *known = look_up(nor);
    *in_table = known != NULL;
    if (known) {
        nor->part = *known;
        if (!nor->part.page)
            nor->part.page = 256;
        return BKF_OK;
    }
    generic_part(nor);
    if (nor->sfdp.present || nor->env->want.size)
        return BKF_OK;
    return error_set(err, BKF_E_UNKNOWN_PART,
                     "flash %06X is not in the parts table and has no SFDP table: describe it in a "
                     "conf/flash file, or set size in the profile's [flash]",
                     nor->jedec);
}

/* -- unique id --------------------------------------------------------------------------------- */

static bkf_status read_unique_id(bkf_nor *nor, bkf_error *err)
{
    static const uint8_t cmd[5] = { OP_UNIQUE_ID, 0, 0, 0, 0 };
    const char *how = nor->part.unique_id ? nor->part.unique_id : "none";
    uint32_t n = !strcmp(how, "4b-16") ? 16 : !strcmp(how, "4b-8") ? 8 : 0;
    uint8_t a[16], b[16];
    nor->unique_id_len = 0;
    for (int i = 0; n && i < 3; i++) {
        bkf_status st = nor_frame(nor, cmd, sizeof cmd, a, n, err);
        if (!st)
            st = nor_frame(nor, cmd, sizeof cmd, b, n, err);
        if (st)
            return st;
        if (memcmp(a, b, n) != 0)
            continue;
        if (!memcmp(a, a + 1, n - 1) && (a[0] == 0x00 || a[0] == 0xFF))
            break; /* the die has none after all */
        memcpy(nor->unique_id, a, n);
        nor->unique_id_len = n;
        break;
    }
    return BKF_OK;
}

/* -- size ------------------------------------------------------------------------------ */

static bkf_status size_mismatch(const bkf_nor *nor, const char *source, uint32_t says,
                                bkf_error *err)
{
    char a[24], b[24];
    const struct nor_want *w = &nor->env->want;
    return error_set(
        err, BKF_E_MISMATCH,
        "the flash %06X has %s according to %s, but %s says %s: another device, or the "
        "wrong size in the profile",
        nor->jedec, num_format_size(says, a), source, w->origin ? w->origin : "the profile",
        num_format_size(w->size, b));
}

static bkf_status decide_size(bkf_nor *nor, bool in_table, uint32_t *evidence, bkf_error *err)
{
    uint32_t jedec = capacity_of(nor->jedec), table = in_table ? nor->part.size : 0;
    uint32_t sfdp = nor->sfdp.size, want = nor->env->want.size;
    uint32_t best = table ? table : sfdp ? sfdp : jedec;
    nor->size = want ? want : best;
    *evidence = (jedec == nor->size ? BKF_SIZE_JEDEC : 0u) |
                (table == nor->size ? BKF_SIZE_TABLE : 0u) |
                (sfdp == nor->size ? BKF_SIZE_SFDP : 0u);
    if (want && table && table != want)
        return size_mismatch(nor, "the parts table", table, err);
    if (want && sfdp && sfdp != want)
        return size_mismatch(nor, "its SFDP table", sfdp, err);
    if (!nor->size)
        return error_set(err, BKF_E_UNPROVEN, "flash %06X: nothing says how large it is",
                         nor->jedec);
    if (sfdp && table && sfdp != table)
        nor_log(nor, BKF_LOG_WARN, "%s: SFDP says 0x%x bytes, the parts table 0x%x; the table wins",
                nor->part.name, sfdp, table);
    return BKF_OK;
}

static bkf_status prove_size(bkf_nor *nor, uint32_t *evidence, bkf_error *err)
{
    enum nor_wrap wrap;
    uint32_t period;
    char a[24], b[24];
    bkf_status st = nor_wrap_test(nor, nor->size, &wrap, &period, err);
    if (st)
        return st;
    if (wrap == WRAP_PROVEN)
        *evidence |= BKF_SIZE_WRAP;
    if (wrap == WRAP_LARGER)
        nor_log(nor, BKF_LOG_WARN,
                "reads beyond %s do not repeat the start: the flash may be larger",
                num_format_size(nor->size, a));
    if (wrap != WRAP_SMALLER)
        return BKF_OK;
    return error_set(err, BKF_E_UNPROVEN,
                     "the flash repeats its contents every %s, so it is not %s large as %s says; "
                     "nothing was changed",
                     num_format_size(period, a), num_format_size(nor->size, b),
                     nor->env->want.size && nor->env->want.origin ? nor->env->want.origin
                                                                  : "its identification");
}

/* -- all of it ------------------------------------------------------------------------- */

static void init_timing(bkf_nor *nor)
{
    bkf_timing *t = &nor->timing;
    uint32_t rate = t->read_rate;
    *t = (bkf_timing){ .struct_size = sizeof *t,
                       .chip_erase_us = nor->part.chip_erase_typ_us,
                       .program_page_us = nor->part.program_typ_us,
                       .read_rate = rate,
                       .write_rate = rate };
    for (size_t i = 0; i < ARRAY_LEN(nor->part.erase); i++) {
        const struct nor_erase *e = &nor->part.erase[i];
        if (e->size == 0x1000)
            t->erase_4k_us = e->typ_us;
        else if (e->size == 0x8000)
            t->erase_32k_us = e->typ_us;
        else if (e->size == 0x10000)
            t->erase_64k_us = e->typ_us;
    }
}

/* As short as a slow adapter allows, long enough that a fast one is not judged by its delays. */
static bkf_status measure_rate(bkf_nor *nor, const bkf_op *op, bkf_error *err)
{
    uint8_t buf[RATE_MAX];
    bkf_status st = BKF_OK;
    uint64_t us = 0;
    for (size_t n = RATE_SAMPLE; n <= RATE_MAX && us < RATE_US && !st; n *= 8) {
        uint64_t start = op->now_us(op);
        st = nor_read_plain(nor, 0, buf, n, err);
        us = op->now_us(op) - start;
        nor->timing.read_rate = us ? (uint32_t)((uint64_t)n * 1000000u / us) : 0;
    }
    return st;
}

static void fill_info(const bkf_nor *nor, uint32_t evidence, uint32_t status, bkf_chip_info *info)
{
    info->jedec_id = nor->jedec;
    info->flash_size = nor->size;
    info->page = nor->part.page;
    info->sector = nor->part.erase[0].size ? nor->part.erase[0].size : 4096;
    info->size_evidence = evidence;
    info->status = status;
    info->status_bits = 8u * nor->part.sr_count;
    info->unique_id_len = nor->unique_id_len;
    memcpy(info->unique_id, nor->unique_id, nor->unique_id_len);
    snprintf(info->part, sizeof info->part, "%s", nor->part.name ? nor->part.name : "");
}

bkf_status nor_identify(bkf_nor *nor, const bkf_op *op, bkf_chip_info *info, bkf_error *err)
{
    uint32_t evidence = 0, status = 0;
    bool in_table = false;
    nor->identified = false;
    bkf_status st = steady_id(nor, &nor->jedec, err);
    if (st)
        return st;
    info->jedec_id = nor->jedec;
    st = check_wanted(nor, err);
    if (!st)
        st = nor_read_sfdp(nor, err);
    if (!st)
        st = find_part(nor, &in_table, err);
    if (!st)
        st = nor_find_registers(nor, err);
    if (!st)
        st = nor_status_value(nor, &status, err);
    if (!st)
        st = read_unique_id(nor, err);
    if (!st)
        st = measure_rate(nor, op, err);
    if (st)
        return st;
    init_timing(nor);
    st = decide_size(nor, in_table, &evidence, err);
    if (!st)
        st = prove_size(nor, &evidence, err);
    /* known as far as possible even if the size could not be proven */
    fill_info(nor, evidence, status, info);
    nor->identified = !st || st == BKF_E_UNPROVEN;
    return st;
}

bkf_status nor_need_identity(const bkf_nor *nor, bkf_error *err)
{
    return nor->identified
               ? BKF_OK
               : error_set(err, BKF_E_PARAM, "the flash was not identified before it is used");
}

bkf_status nor_check_range(const bkf_nor *nor, uint32_t off, size_t n, bkf_error *err)
{
    bkf_status st = nor_need_identity(nor, err);
    if (!st && (off > nor->size || n > nor->size - off))
        return error_set(err, BKF_E_PARAM, "0x%x..0x%llx lies beyond the flash of 0x%x bytes", off,
                         (unsigned long long)off + n, nor->size);
    return st;
}

bkf_status nor_still_there(bkf_nor *nor, const char *what, uint32_t off, size_t n, bkf_error *err)
{
    uint32_t id = 0;
    for (int i = 0; i < ASK; i++) {
        bkf_status st = nor_rdid(nor, &id, err);
        if (st || id == nor->jedec)
            return st;
    }
    return error_set(err, BKF_E_LINK_LOST,
                     "the flash stopped answering while %s 0x%06x..0x%06llx (it identifies as %06X "
                     "instead of %06X): check the target's supply and CEN (%s)",
                     what, off, (unsigned long long)off + n, id, nor->jedec, nor_where(nor, "cen"));
}
