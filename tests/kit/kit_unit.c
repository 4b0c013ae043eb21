/* kit_unit.c - opening what an adapter class lists. */
#include "kit_unit.h"
#include <stdio.h>

bool unit_props(struct unit *b, struct kit *k, struct verdict *v)
{
    *b = (struct unit){ .k = k, .v = v };
    kit_host_init(&b->host, v, NULL);
    return kit_props(k, k->adapter->props, k->adapter->name, &b->props, v);
}

bkf_status unit_try_open(struct unit *b, const char *unit, bkf_error *err)
{
    b->a = NULL;
    return b->k->adapter->open(&b->host.host, unit, props_view(b->props), &b->a, err);
}

static bool unit_open(struct unit *b)
{
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = unit_try_open(b, b->k->unit, &err);
    if (st == BKF_OK) {
        if (!b->a)
            verdict_fail(b->v, "open returned BKF_OK without an adapter");
        return b->a != NULL;
    }
    if (kit_failed_well(b->v, "open", st, &err))
        verdict_skip(b->v, "no unit can be opened: %s", err.message);
    return false;
}

bool unit_start(struct unit *b, struct kit *k, struct verdict *v)
{
    return unit_props(b, k, v) && unit_open(b);
}

void unit_end(struct unit *b)
{
    if (b->a)
        b->k->adapter->close(b->a);
    props_free(b->props);
    b->a = NULL;
}

bool unit_take(struct unit *b, const char *id, bkf_iface *out)
{
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = b->k->adapter->acquire(b->a, id, out, &err);
    if (st == BKF_OK && !out->ops)
        verdict_fail(b->v, "acquire(%s) returned BKF_OK without ops", id);
    else if (st == BKF_E_UNSUPPORTED && kit_failed_well(b->v, "acquire", st, &err))
        verdict_skip(b->v, "%s is not offered", id);
    else if (st != BKF_OK && kit_failed_well(b->v, "acquire", st, &err))
        verdict_fail(b->v, "acquire(%s): %s", id, err.message);
    return st == BKF_OK && out->ops;
}

bool unit_start_with(struct unit *b, struct kit *k, struct verdict *v, const char *id,
                     bkf_iface *out)
{
    return unit_start(b, k, v) && unit_take(b, id, out);
}

bool unit_has_clock(const struct unit *b)
{
    bkf_iface i;
    bkf_error err = BKF_ERROR_INIT;
    return b->k->adapter->acquire(b->a, BKF_IFACE_CLOCK, &i, &err) == BKF_OK;
}

const bkf_gpio_ops *gpio_of(const struct unit *b)
{
    return b->gpio.ops;
}

bool gpio_claim_any(struct unit *b, uint32_t level, const char **name, uint32_t *id)
{
    char why[200] = "no line is an output";
    const uint32_t spi = BKF_ROLE_SCK | BKF_ROLE_MOSI | BKF_ROLE_MISO | BKF_ROLE_CS;
    for (int pass = 0; pass < 2; pass++)
        for (const bkf_line_spec *l = b->k->adapter->lines; l->name; l++) {
            bkf_error err = BKF_ERROR_INIT;
            uint32_t drive = l->roles & BKF_ROLE_OUT ? BKF_LINE_PUSH_PULL : BKF_LINE_OPEN_DRAIN;
            if (!(l->roles & (BKF_ROLE_OUT | BKF_ROLE_OPEN_DRAIN)) || !(l->roles & spi) != !pass)
                continue;
            bkf_status st = gpio_of(b)->claim(b->gpio.self, l->name, drive, level, id, &err);
            if (st == BKF_OK) {
                *name = l->name;
                return true;
            }
            if (!kit_failed_well(b->v, "claim", st, &err))
                return false;
            snprintf(why, sizeof why, "%.199s", err.message);
        }
    verdict_skip(b->v, "no output line can be claimed: %s", why);
    return false;
}
