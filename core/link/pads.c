/* pads.c - from a chip's named signals to an adapter's lines.  Binds the SPI pins, claims
 * the rest as GPIO, applies polarity, and words where() for messages.
 *
 * Line ids that the chip sees are indices of this table; they stay valid while a line is
 * floated (dropped) and driven again (claimed anew). */
#include "stack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct signal {
    const char *name;
    char where[96]; /* "TDO on MISO" */
    char line[48];
    bool gpio, inverted, claimed;
    uint32_t drive, id;
};
struct pads {
    bkf_links links; /* handle points back here */
    struct link_ifaces below;
    bkf_iface spi, uart; /* what links shows */
    struct signal signals[LINK_PADS_MAX];
    size_t n;
    bkf_spi_step *steps; /* scratch for translated lists */
    size_t cap;
};

static struct signal *find(struct pads *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!strcmp(p->signals[i].name, name))
            return &p->signals[i];
    }
    return NULL;
}

static uint32_t raw(const struct signal *s, uint32_t level)
{
    return s->inverted ? !level : level;
}

static bkf_status drive(struct pads *p, struct signal *s, uint32_t level, bkf_error *err)
{
    const bkf_gpio_ops *gpio = gpio_of(&p->below);
    if (level == BKF_LEVEL_FLOAT) {
        if (s->claimed)
            gpio->drop(p->below.gpio.self, s->id);
        s->claimed = false;
        return BKF_OK;
    }
    if (s->claimed)
        return gpio->set(p->below.gpio.self, s->id, raw(s, level), err);
    bkf_status st = gpio->claim(p->below.gpio.self, s->line, s->drive, raw(s, level), &s->id, err);
    s->claimed = !st;
    return st;
}

/* -- SPI with translated line steps ---------------------------------------------------- */

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    (void)self;
    (void)pins;
    (void)n;
    return error_set(err, BKF_E_PARAM, "the host binds the SPI pins itself");
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    struct pads *p = self;
    return spi_of(&p->below)->setup(p->below.spi.self, mode, want, got, err);
}

static bkf_status run_part(struct pads *p, size_t n, bkf_error *err)
{
    return n ? spi_of(&p->below)->run(p->below.spi.self, p->steps, n, err) : BKF_OK;
}

/* Line steps that change whether a line is claimed cannot be in a list: cut there. */
static bkf_status run_translated(struct pads *p, const bkf_spi_step *steps, size_t n,
                                 bkf_error *err)
{
    size_t k = 0;
    bool floats = (spi_of(&p->below)->caps(p->below.spi.self) & BKF_SPI_FLOAT) != 0;
    for (size_t i = 0; i < n; i++) {
        p->steps[k] = steps[i];
        if (steps[i].kind == BKF_STEP_LINE) {
            if (steps[i].line >= p->n || !p->signals[steps[i].line].gpio)
                return error_set(err, BKF_E_PARAM,
                                 "SPI step %zu: line id %u is not one from "
                                 "links->line",
                                 i, steps[i].line);
            struct signal *s = &p->signals[steps[i].line];
            uint32_t level = steps[i].value;
            if (!s->claimed || (level == BKF_LEVEL_FLOAT && !floats)) {
                bkf_status st = run_part(p, k, err);
                if (!st)
                    st = drive(p, s, level, err);
                if (st)
                    return st;
                k = 0;
                continue;
            }
            p->steps[k].line = s->id;
            p->steps[k].value = level == BKF_LEVEL_FLOAT ? level : raw(s, level);
        }
        k++;
    }
    return run_part(p, k, err);
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    struct pads *p = self;
    bool lines = false;
    for (size_t i = 0; steps && i < n; i++)
        lines |= steps[i].kind == BKF_STEP_LINE;
    if (!lines)
        return spi_of(&p->below)->run(p->below.spi.self, steps, n, err);
    if (n > p->cap) {
        bkf_spi_step *more = realloc(p->steps, n * sizeof *more);
        if (!more)
            return error_set(err, BKF_E_NOMEM, "SPI step list: out of memory");
        p->steps = more;
        p->cap = n;
    }
    return run_translated(p, steps, n, err);
}

static size_t spi_max_len(void *self)
{
    struct pads *p = self;
    return spi_of(&p->below)->max_len(p->below.spi.self);
}

static uint32_t spi_caps(void *self)
{
    struct pads *p = self;
    return spi_of(&p->below)->caps(p->below.spi.self) | BKF_SPI_FLOAT;
}

static bkf_status spi_park(void *self, uint32_t parked, bkf_error *err)
{
    struct pads *p = self;
    return spi_of(&p->below)->park(p->below.spi.self, parked, err);
}

static const bkf_spi_ops pads_spi_ops = {
    .struct_size = sizeof pads_spi_ops,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
    .park = spi_park,
};

/* -- what the chip sees ------------------------------------------------------------------ */

static bkf_status not_wired(const char *name, bkf_error *err)
{
    return error_set(err, BKF_E_UNSUPPORTED,
                     "the profile wires no pad to signal '%s' on this adapter", name);
}

static bkf_status links_signal(const bkf_links *links, const char *name, uint32_t level,
                               bkf_error *err)
{
    struct pads *p = links->handle;
    struct signal *s = find(p, name);
    if (!s || !s->gpio)
        return not_wired(name, err);
    if (level > BKF_LEVEL_FLOAT)
        return error_set(err, BKF_E_PARAM, "signal %s: level %u", name, level);
    return drive(p, s, level, err);
}

static bkf_status links_line(const bkf_links *links, const char *name, uint32_t *id, bkf_error *err)
{
    struct pads *p = links->handle;
    struct signal *s = find(p, name);
    if (!s || !s->gpio)
        return not_wired(name, err);
    *id = (uint32_t)(s - p->signals);
    return BKF_OK;
}

static const char *links_where(const bkf_links *links, const char *name)
{
    struct signal *s = find(links->handle, name);
    return s ? s->where : name;
}

/* -- binding ------------------------------------------------------------------------------ */

static bool is_bus(const char *transport, const char *signal)
{
    static const char *const spi[] = { "sck", "mosi", "miso", "cs0", NULL };
    static const char *const uart[] = { "rx", "tx", NULL };
    for (const char *const *w = strcmp(transport, "spi") ? uart : spi; *w; w++) {
        if (!strcmp(*w, signal))
            return true;
    }
    return false;
}

static const bkf_line_spec *line_spec(const bkf_adapter_class *cls, const char *name)
{
    for (const bkf_line_spec *l = cls->lines; l && l->name; l++) {
        if (!strcmp(l->name, name) || (l->alias && !strcmp(l->alias, name)))
            return l;
    }
    return NULL;
}

static bkf_status add_signal(struct pads *p, const struct link_config *cfg,
                             const struct link_pad *pad, const bkf_adapter_class *cls,
                             bkf_error *err)
{
    const bkf_line_spec *spec = line_spec(cls, pad->line);
    if (!spec)
        return error_set(err, BKF_E_PROFILE, "pad %s: adapter '%s' has no line '%s'", pad->pad,
                         cls->name, pad->line);
    if (find(p, pad->signal))
        return error_set(err, BKF_E_PROFILE, "signal '%s' is wired twice", pad->signal);
    struct signal *s = &p->signals[p->n++];
    s->name = pad->signal;
    s->inverted = pad->inverted;
    s->gpio = !is_bus(cfg->transport, pad->signal);
    s->drive = spec->roles & BKF_ROLE_OUT ? BKF_LINE_PUSH_PULL : BKF_LINE_OPEN_DRAIN;
    snprintf(s->line, sizeof s->line, "%s", spec->name);
    snprintf(s->where, sizeof s->where, "%s on %s", pad->pad, pad->line);
    if (s->inverted && !s->gpio)
        return error_set(err, BKF_E_PROFILE, "pad %s: bus signal '%s' cannot be inverted", pad->pad,
                         pad->signal);
    if (s->gpio && !(spec->roles & (BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN)))
        return error_set(err, BKF_E_PROFILE, "pad %s: line %s cannot be driven", pad->pad,
                         pad->line);
    return BKF_OK;
}

static bkf_status bind_spi(struct pads *p, bkf_error *err)
{
    static const char *const names[] = { "sck", "mosi", "miso", "cs0" };
    bkf_pin pins[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct signal *s = find(p, names[i]);
        if (!s)
            return error_set(err, BKF_E_PROFILE,
                             "the profile's [pads] wire no pad to signal '%s', which SPI needs",
                             names[i]);
        pins[i] = (bkf_pin){ s->name, s->line };
    }
    return spi_of(&p->below)->bind(p->below.spi.self, pins, ARRAY_LEN(pins), err);
}

/* Control signals of chips are active low (cen, rst): claimed at 1 they do nothing yet. */
static bkf_status claim_all(struct pads *p, bkf_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        struct signal *s = &p->signals[i];
        if (!s->gpio)
            continue;
        bkf_status st = drive(p, s, 1, err);
        if (st) {
            error_prefix(err, "%s (%s)", s->name, s->where);
            return st;
        }
    }
    return BKF_OK;
}

static void init_links(struct pads *p, const struct link_config *cfg)
{
    if (p->below.spi.ops)
        p->spi = (bkf_iface){ &pads_spi_ops, p };
    p->uart = p->below.uart;
    p->links = (bkf_links){
        .struct_size = sizeof p->links,
        .handle = p,
        .spi = p->spi.ops ? &p->spi : NULL,
        .uart = p->uart.ops ? &p->uart : NULL,
        .clock_hz = cfg->clock_hz,
        .baud = cfg->baud,
        .signal = links_signal,
        .line = links_line,
        .where = links_where,
    };
}

bkf_status pads_new(const struct link_ifaces *below, const struct link_config *cfg,
                    const bkf_adapter_class *cls, struct pads **out, bkf_error *err)
{
    struct pads *p = calloc(1, sizeof *p);
    if (!p)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    p->below = *below;
    bkf_status st = BKF_OK;
    if (cfg->n_pads > LINK_PADS_MAX)
        st = error_set(err, BKF_E_PROFILE, "more than %d pads", LINK_PADS_MAX);
    for (size_t i = 0; !st && i < cfg->n_pads; i++)
        st = add_signal(p, cfg, &cfg->pads[i], cls, err);
    init_links(p, cfg);
    if (!st && below->spi.ops)
        st = bind_spi(p, err);
    if (!st)
        st = claim_all(p, err);
    if (st) {
        pads_free(p);
        return st;
    }
    *out = p;
    return BKF_OK;
}

void pads_free(struct pads *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        if (p->signals[i].gpio)
            drive(p, &p->signals[i], BKF_LEVEL_FLOAT, NULL);
    }
    free(p->steps);
    free(p);
}

const bkf_links *pads_view(const struct pads *p)
{
    return &p->links;
}

size_t link_derive_pads(const char *transport, const struct link_pad *from, size_t n,
                        const bkf_adapter_class *cls, struct link_pad *out)
{
    static const char *const spi[] = { "sck", "mosi", "miso", "cs0", "cen", NULL };
    static const char *const uart[] = { "rx", "tx", "cen", NULL };
    size_t k = 0;
    for (size_t i = 0; i < n && k < LINK_PADS_MAX; i++) {
        bool other_bus = is_bus(strcmp(transport, "spi") ? "spi" : "uart", from[i].signal);
        const bkf_line_spec *l = line_spec(cls, from[i].signal);
        if (l && !other_bus)
            out[k++] = (struct link_pad){ from[i].pad, from[i].signal, l->name, false };
    }
    for (const char *const *w = strcmp(transport, "spi") ? uart : spi; *w; w++) {
        const bkf_line_spec *l = line_spec(cls, *w);
        bool known = false;
        for (size_t i = 0; i < k; i++)
            known |= !strcmp(out[i].signal, *w);
        if (l && !known && k < LINK_PADS_MAX)
            out[k++] = (struct link_pad){ *w, *w, l->name, false };
    }
    return k;
}
