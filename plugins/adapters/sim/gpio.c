/* gpio.c - bkflash.gpio/1 on the virtual device: CEN. */
#include "sim.h"
#include <string.h>

void sim_drive(bkf_adapter *a, uint32_t line, uint32_t level)
{
    a->level[line] = level;
    if (line == SIM_LINE_CEN) {
        device_set_cen(a->dev, level);
    }
}

static bkf_status gpio_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                             uint32_t *id, bkf_error *err)
{
    bkf_adapter *a = self;
    if (strcmp(line, "cen") != 0) {
        return sim_fail(err, BKF_E_PARAM, "sim: line '%s' is not a GPIO line; only cen is", line);
    }
    if (a->claimed[SIM_LINE_CEN]) {
        return sim_fail(err, BKF_E_BUSY, "sim: line cen is claimed already");
    }
    a->claimed[SIM_LINE_CEN] = true;
    *id = SIM_LINE_CEN;
    bool released = drive == BKF_LINE_INPUT || (drive == BKF_LINE_OPEN_DRAIN && level);
    sim_drive(a, SIM_LINE_CEN, released ? BKF_LEVEL_FLOAT : level);
    return BKF_OK;
}

static bkf_status gpio_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    bkf_adapter *a = self;
    if (id >= SIM_LINES || !a->claimed[id] || level > BKF_LEVEL_FLOAT) {
        return sim_fail(err, BKF_E_PARAM, "sim: GPIO line %u is not claimed", id);
    }
    sim_turnaround(a);
    sim_drive(a, id, level);
    return BKF_OK;
}

static bkf_status gpio_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    bkf_adapter *a = self;
    if (id >= SIM_LINES || !a->claimed[id]) {
        return sim_fail(err, BKF_E_PARAM, "sim: GPIO line %u is not claimed", id);
    }
    sim_turnaround(a);
    *level = a->level[id] != 0; /* floating: pulled up */
    return BKF_OK;
}

static void gpio_drop(void *self, uint32_t id)
{
    bkf_adapter *a = self;
    if (id < SIM_LINES && a->claimed[id]) {
        sim_drive(a, id, BKF_LEVEL_FLOAT);
        a->claimed[id] = false;
    }
}

const bkf_gpio_ops sim_gpio_ops = {
    .struct_size = sizeof sim_gpio_ops,
    .claim = gpio_claim,
    .set = gpio_set,
    .get = gpio_get,
    .drop = gpio_drop,
};
