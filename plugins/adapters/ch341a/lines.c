/* lines.c - the output register.  Every UIO write sets all six pins at once, so every byte
 * is made here, from what SPI needs and what others have claimed: a claimed line keeps its
 * level whatever SPI does. */
#include "ch341a.h"
#include <string.h>

static bool spi_line(const bkf_adapter *a, unsigned bit)
{
    return a->bound && (bit == BIT_SCK || bit == BIT_MOSI || bit == a->cs);
}

static bool driven_now(const bkf_adapter *a, unsigned bit)
{
    const struct line *l = &a->line[bit];
    if (l->claimed) {
        if (l->floating || l->drive == BKF_LINE_INPUT)
            return false;
        return l->drive == BKF_LINE_PUSH_PULL || l->level == 0;
    }
    if (!a->driven || a->parked)
        return false;
    /* the other two outputs of the SPI unit idle high: nothing floats next to the clock;
     * the third chip select is often something else and stays released */
    return spi_line(a, bit) || bit == BIT_DOUT2 || bit == 1;
}

uint8_t ch_out(const bkf_adapter *a, bool cs_low, unsigned sck, unsigned mosi)
{
    uint8_t v = 0;
    for (unsigned bit = 0; bit < OUTPUTS; bit++) {
        unsigned level = 1; /* what a released pin's pull-up makes of it */
        if (a->line[bit].claimed)
            level = a->line[bit].level;
        else if (bit == BIT_SCK)
            level = sck;
        else if (bit == BIT_MOSI)
            level = mosi;
        else if (bit == a->cs && a->bound)
            level = !cs_low;
        v |= (uint8_t)(level << bit);
    }
    return UIO_OUT | v;
}

uint8_t ch_idle(const bkf_adapter *a)
{
    return ch_out(a, false, a->clock.mode == 3, 1);
}

uint8_t ch_dir(const bkf_adapter *a)
{
    uint8_t v = 0;
    for (unsigned bit = 0; bit < OUTPUTS; bit++)
        v |= (uint8_t)(driven_now(a, bit) << bit);
    return UIO_DIR | v;
}

bkf_status ch_apply(bkf_adapter *a, bkf_error *err)
{
    const uint8_t packet[] = { CMD_UIO, ch_out(a, a->cs_low, a->clock.mode == 3, 1), ch_dir(a),
                               UIO_END };
    return stream_packet(a, packet, sizeof packet, NULL, 0, err);
}

bool ch_line_step(bkf_adapter *a, uint32_t id, uint32_t level, bool *dir_changes)
{
    if (id >= OUTPUTS || !a->line[id].claimed || a->line[id].drive == BKF_LINE_INPUT)
        return false;
    uint8_t before = ch_dir(a);
    a->line[id].floating = level == BKF_LEVEL_FLOAT;
    if (level != BKF_LEVEL_FLOAT)
        a->line[id].level = level != 0;
    *dir_changes = ch_dir(a) != before;
    return true;
}

/* -- bkflash.gpio/1 -------------------------------------------------------------------- */
static const char *const names[LINES][3] = {
    { "D0", "CS0", NULL },  { "D1", "CS1", NULL },   { "D2", "CS2", NULL },
    { "D3", "SCK", "DCK" }, { "D4", "DOUT2", NULL }, { "D5", "MOSI", "DOUT" },
    { "D6", "DIN2", NULL }, { "D7", "MISO", "DIN" },
};

static int find(const char *name)
{
    for (int i = 0; i < LINES; i++)
        for (int k = 0; k < 3; k++)
            if (names[i][k] && !strcmp(names[i][k], name))
                return i;
    return -1;
}

static bkf_status claim(void *self, const char *name, uint32_t drive, uint32_t level, uint32_t *id,
                        bkf_error *err)
{
    bkf_adapter *a = self;
    int bit = find(name);
    if (bit < 0)
        return usb_fail(err, BKF_E_PARAM, 0, "CH341A has no line '%s'; it has D0 to D7", name);
    if (bit >= OUTPUTS) { /* read only, nothing to own */
        if (drive != BKF_LINE_INPUT)
            return usb_fail(err, BKF_E_UNSUPPORTED, 0, "CH341A line %s is an input", name);
        *id = (uint32_t)bit;
        return BKF_OK;
    }
    if (a->line[bit].claimed || spi_line(a, (unsigned)bit))
        return usb_fail(err, BKF_E_BUSY, 0, "CH341A line %s is already used by %s", name,
                        a->line[bit].claimed ? "another signal" : "SPI");
    a->line[bit] = (struct line){ .claimed = true, .drive = drive, .level = level != 0 };
    *id = (uint32_t)bit;
    bkf_status st = ch_apply(a, err);
    if (st)
        a->line[bit].claimed = false;
    return st;
}

static bkf_status set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    bkf_adapter *a = self;
    bool dir_changes;
    if (!ch_line_step(a, id, level, &dir_changes))
        return usb_fail(err, BKF_E_PARAM, 0, "CH341A line %u is not claimed as an output", id);
    return ch_apply(a, err);
}

static bkf_status get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    bkf_adapter *a = self;
    const uint8_t packet[] = { CMD_UIO, UIO_IN, UIO_END };
    uint8_t pins = 0;
    if (id >= LINES)
        return usb_fail(err, BKF_E_PARAM, 0, "CH341A has no line %u", id);
    bkf_status st = stream_packet(a, packet, sizeof packet, &pins, 1, err);
    *level = pins >> id & 1;
    return st;
}

static void drop(void *self, uint32_t id)
{
    bkf_adapter *a = self;
    if (id >= OUTPUTS || !a->line[id].claimed)
        return;
    a->line[id] = (struct line){ 0 };
    if (!a->gone)
        (void)ch_apply(a, NULL);
}

const bkf_gpio_ops ch_gpio_ops = {
    .struct_size = sizeof ch_gpio_ops,
    .claim = claim,
    .set = set,
    .get = get,
    .drop = drop,
};
