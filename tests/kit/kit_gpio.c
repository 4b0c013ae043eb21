/* kit_gpio.c - points of bkflash.gpio/1. */
#include "kit_unit.h"

static bool gpio_start(struct unit *b, struct kit *k, struct verdict *v)
{
    if (!unit_start_with(b, k, v, BKF_IFACE_GPIO, &b->gpio))
        return false;
    const bkf_gpio_ops *g = gpio_of(b);
    if (g->struct_size < offsetof(bkf_gpio_ops, drop) + sizeof g->drop || !g->claim || !g->set ||
        !g->get || !g->drop) {
        verdict_fail(v, "bkflash.gpio/1: struct_size is too small or a member is NULL");
        return false;
    }
    return true;
}

static void gpio_levels_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    const char *name;
    uint32_t id, got;
    if (!gpio_start(&b, k, v) || !gpio_claim_any(&b, 0, &name, &id))
        return;
    for (uint32_t level = 0; level < 4; level++) {
        bkf_error err = BKF_ERROR_INIT;
        got = 99;
        MUST(v, gpio_of(&b)->set(b.gpio.self, id, level & 1, &err) == BKF_OK, "set(%s): %s", name,
             err.message);
        MUST(v, gpio_of(&b)->get(b.gpio.self, id, &got, &err) == BKF_OK, "get(%s): %s", name,
             err.message);
        MUST(v, got == (level & 1), "line %s was set to %u and reads %u", name, level & 1, got);
    }
    gpio_of(&b)->drop(b.gpio.self, id);
    unit_end(&b);
}

static void gpio_claim_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    const char *name;
    uint32_t id, again;
    bkf_error err = BKF_ERROR_INIT;
    if (!gpio_start(&b, k, v) || !gpio_claim_any(&b, 1, &name, &id))
        return;
    bkf_status st =
        gpio_of(&b)->claim(b.gpio.self, "no-such-line", BKF_LINE_PUSH_PULL, 0, &again, &err);
    if (!kit_failed_well(v, "claim of an unknown line", st, &err))
        return;
    err = (bkf_error)BKF_ERROR_INIT;
    st = gpio_of(&b)->claim(b.gpio.self, name, BKF_LINE_PUSH_PULL, 0, &again, &err);
    if (!kit_failed_well(v, "a second claim of one line", st, &err))
        return;
    err = (bkf_error)BKF_ERROR_INIT;
    st = gpio_of(&b)->set(b.gpio.self, 0xFFFFFF, 1, &err);
    if (!kit_failed_well(v, "set of an id that was never given", st, &err))
        return;
    gpio_of(&b)->drop(b.gpio.self, id);
    gpio_of(&b)->drop(b.gpio.self, 0xFFFFFF); /* harmless */
    err = (bkf_error)BKF_ERROR_INIT;
    st = gpio_of(&b)->set(b.gpio.self, id, 1, &err);
    if (!kit_failed_well(v, "set of a dropped line", st, &err))
        return;
    MUST(v,
         gpio_of(&b)->claim(b.gpio.self, name, BKF_LINE_OPEN_DRAIN, 1, &id, &err) == BKF_OK ||
             gpio_of(&b)->claim(b.gpio.self, name, BKF_LINE_PUSH_PULL, 1, &id, &err) == BKF_OK,
         "line %s cannot be claimed again after drop", name);
    unit_end(&b);
}

void gpio_points(struct kit *k)
{
    kit_point(k, "gpio.claim", gpio_claim_point);
    kit_point(k, "gpio.levels", gpio_levels_point);
}
