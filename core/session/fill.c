/* fill.c - the '@' defaults of option tables: values taken from the profile and from the
 * flash part it names. */
#include "session.h"
#include <string.h>

/* A made-up text lives as long as the fill. */
static struct strbuf *fresh(struct fill *f)
{
    return f->n < ARRAY_LEN(f->texts) ? &f->texts[f->n++] : NULL;
}

static const char *number(struct fill *f, const char *fmt, uint32_t v)
{
    struct strbuf *sb = v ? fresh(f) : NULL;
    if (!sb)
        return NULL;
    if (fmt[0] == 'x')
        strbuf_addf(sb, "%06X", v);
    else
        strbuf_addf(sb, "%u", v);
    return sb->data;
}

/* "name:offset:size:layout;..." */
static const char *partitions(struct fill *f)
{
    const struct bkf_profile *p = f->profile;
    struct strbuf *sb = p->n_partitions ? fresh(f) : NULL;
    for (size_t i = 0; sb && i < p->n_partitions; i++) {
        const struct prof_partition *q = &p->partitions[i];
        static const char *const layouts[] = { "raw", "crc34", "unknown" };
        strbuf_addf(sb, "%s%s:0x%x:0x%x:%s", i ? ";" : "", q->name, q->range.start,
                    range_len(q->range), layouts[q->layout]);
    }
    return sb ? sb->data : NULL;
}

/* "signal=PAD;..." of the first route that says so: the board's pads. */
static const char *pads(struct fill *f)
{
    struct strbuf *sb = f->profile->n_routes ? fresh(f) : NULL;
    bool first = true;
    for (size_t r = 0; sb && r < f->profile->n_routes; r++) {
        const struct prof_route *route = &f->profile->routes[r];
        for (size_t i = 0; route->transport != TRANSPORT_LOG && i < route->n_pads; i++) {
            strbuf_addf(sb, "%s%s=%s", first ? "" : ";", route->pads[i].signal, route->pads[i].pad);
            first = false;
        }
    }
    return sb ? sb->data : NULL;
}

const char *fill_value(void *ud, const char *what)
{
    struct fill *f = ud;
    const struct bkf_profile *p = f->profile;
    const struct nor_part *part = f->part;
    if (strcmp(what, "chip.name") == 0)
        return p->chip_name;
    if (strcmp(what, "chip.driver") == 0)
        return p->chip_driver;
    if (strcmp(what, "profile.name") == 0)
        return p->name;
    if (strcmp(what, "flash.jedec") == 0)
        return number(f, "x", p->jedec ? p->jedec : part ? part->jedec : 0);
    if (strcmp(what, "flash.size") == 0)
        return number(f, "u", p->size ? p->size : part ? part->size : 0);
    if (strcmp(what, "flash.part") == 0)
        return p->part ? p->part : part ? part->name : NULL;
    if (strncmp(what, "part.", 5) == 0)
        return part ? nor_part_value(part, what + 5) : NULL;
    if (strcmp(what, "partitions") == 0)
        return partitions(f);
    if (strcmp(what, "pads") == 0)
        return pads(f);
    return NULL;
}

void fill_free(struct fill *f)
{
    for (size_t i = 0; i < f->n; i++)
        strbuf_free(&f->texts[i]);
}
