/* identity.c - is it the target that the profile describes, and how large is its flash? */
#include "session.h"
#include <stdio.h>
#include <string.h>

static const char *origin_text(const struct origin *o, char buf[160])
{
    snprintf(buf, 160, "%s:%d", o ? o->file : "the profile", o ? o->line : 0);
    return buf;
}

static bkf_status compare(bkf_session *s, bkf_error *err)
{
    const struct bkf_profile *p = s->profile;
    const bkf_chip_info *i = &s->info;
    char where[160];
    if (p->jedec && i->jedec_id && p->jedec != i->jedec_id) {
        const struct nor_part *found = nor_part_by_jedec(s->parts, i->jedec_id);
        const struct nor_part *want = nor_part_by_jedec(s->parts, p->jedec);
        return error_set(
            err, BKF_E_MISMATCH,
            "wrong flash: the target answers JEDEC id %06X (%s), %s expects %06X (%s): "
            "check that this is the right board or use its profile",
            i->jedec_id,
            i->part[0] ? i->part
            : found    ? found->name
                       : "unknown part",
            origin_text(p->jedec_at, where), p->jedec,
            p->part ? p->part
            : want  ? want->name
                    : "unknown part");
    }
    if (i->chip[0] && p->chip_name && strcasecmp(i->chip, p->chip_name) != 0)
        session_log(s, BKF_LOG_INFO, "the chip calls itself %s, the profile says %s", i->chip,
                    p->chip_name);
    return BKF_OK;
}

static bkf_status probe_once(bkf_session *s, bkf_error *err)
{
    memset(&s->info, 0, sizeof s->info);
    s->info.struct_size = sizeof s->info;
    return s->chip_class->probe(s->chip, &s->op, &s->info, err);
}

bkf_status session_identify(bkf_session *s, bkf_error *err)
{
    if (s->probed)
        return compare(s, err);
    bkf_status st = session_attach(s, err);
    if (st)
        return st;
    op_phase(s, "probe", 0);
    st = probe_once(s, err);
    for (int i = 0; st && i < 2 && session_may_retry(s, err); i++) {
        s->stats.retries++;
        st = probe_once(s, err);
    }
    if (st)
        return session_failed(s, err);
    s->probed = true;
    return compare(s, err);
}

const char *identity_evidence(const bkf_session *s, char buf[128])
{
    static const struct {
        uint32_t bit;
        const char *text;
    } names[] = { { BKF_SIZE_JEDEC, "JEDEC id" },
                  { BKF_SIZE_TABLE, "parts table" },
                  { BKF_SIZE_SFDP, "SFDP" },
                  { BKF_SIZE_WRAP, "wrap test" },
                  { BKF_SIZE_CRC, "device CRC" } };
    size_t n = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (s->info.size_evidence & names[i].bit)
            n += (size_t)snprintf(buf + n, 128 - n, "%s%s", n ? ", " : "", names[i].text);
    if (s->profile->size && s->profile->size == s->info.flash_size)
        snprintf(buf + n, 128 - n, "%sprofile", n ? ", " : "");
    return buf;
}

/* JEDEC id and parts table are one source: both go by the id. */
static unsigned sources(const bkf_session *s)
{
    uint32_t e = s->info.size_evidence;
    const bool by[] = { (e & (BKF_SIZE_JEDEC | BKF_SIZE_TABLE)) != 0, (e & BKF_SIZE_SFDP) != 0,
                        (e & BKF_SIZE_WRAP) != 0, (e & BKF_SIZE_CRC) != 0,
                        s->profile->size && s->profile->size == s->info.flash_size };
    unsigned n = 0;
    for (size_t i = 0; i < ARRAY_LEN(by); i++)
        n += by[i];
    return n;
}

bkf_status session_size(bkf_session *s, uint32_t *size, bkf_error *err)
{
    const struct bkf_profile *p = s->profile;
    uint32_t found = s->info.flash_size;
    char a[24], b[24], where[160], ev[128];
    if (found && p->size && found != p->size)
        return error_set(err, BKF_E_UNPROVEN,
                         "flash size: the target shows %s (%s), %s says %s: one of them is wrong; "
                         "correct the profile if the board was fitted with another part",
                         num_format_size(found, a), identity_evidence(s, ev),
                         origin_text(p->size_at, where), num_format_size(p->size, b));
    if (!found)
        return error_set(err, BKF_E_UNPROVEN,
                         "flash size: the target does not tell it (JEDEC id %06X), so a dump could "
                         "not be known to be complete; add the part to conf/flash, or read a range "
                         "with: read --range 0..SIZE FILE",
                         s->info.jedec_id);
    if (sources(s) < 2)
        return error_set(err, BKF_E_UNPROVEN,
                         "flash size: %s is said by %s only; a second source is needed: put "
                         "size = %s under [flash] in the profile if you know it",
                         num_format_size(found, a), identity_evidence(s, ev), a);
    *size = found;
    return BKF_OK;
}

bkf_status bkf_probe(bkf_session *s, bkf_chip_info *info, bkf_error *err)
{
    bkf_error own = BKF_ERROR_INIT;
    if (!s)
        return error_set(err, BKF_E_PARAM, "bkf_probe: no session");
    bkf_status st = session_identify(s, err ? err : &own);
    if (info && s->probed) {
        uint32_t theirs = info->struct_size;
        memcpy(info, &s->info, theirs < sizeof s->info ? theirs : sizeof s->info);
        info->struct_size = theirs;
    }
    return st;
}
