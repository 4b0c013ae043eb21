/* lines.c - two ports of eight pins.  A port command sets all its pins at once, so every one
 * is made here from what SPI needs and what others have claimed. */
#include "ft232h.h"
#include <stdlib.h>
#include <string.h>

void put(struct buffer *b, const void *data, size_t n)
{
    if (b->n + n > b->cap && !b->failed) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->n + n)
            cap *= 2;
        uint8_t *more = realloc(b->data, cap);
        b->failed = !more;
        if (more) {
            b->data = more;
            b->cap = cap;
        }
    }
    if (b->failed)
        return;
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static bool spi_line(const bkf_adapter *a, unsigned bit)
{
    return a->bound && (bit == AD0_SCK || bit == AD1_MOSI || bit == a->cs);
}

/* Level and direction of a pin; sck is the clock's level now. */
static void pin(const bkf_adapter *a, unsigned bit, unsigned sck, unsigned *value, unsigned *dir)
{
    const struct line *l = &a->line[bit];
    *value = *dir = 0;
    if (l->claimed) {
        bool out = !l->floating && (l->drive == BKF_LINE_PUSH_PULL ||
                                    (l->drive == BKF_LINE_OPEN_DRAIN && !l->level));
        *dir = out;
        *value = out && l->level;
    } else if (spi_line(a, bit) && a->driven && !a->parked) {
        *dir = 1;
        *value = bit == a->cs ? !a->cs_low : bit == AD0_SCK ? sck : 0;
    }
}

static void port_at(bkf_adapter *a, struct buffer *b, unsigned port, unsigned sck)
{
    uint8_t command[3] = { port ? MPSSE_SET_HIGH : MPSSE_SET_LOW, 0, 0 };
    for (unsigned i = 0; i < 8; i++) {
        unsigned value, dir;
        pin(a, port * 8 + i, sck, &value, &dir);
        command[1] |= (uint8_t)(value << i);
        command[2] |= (uint8_t)(dir << i);
    }
    put(b, command, 3);
}

static unsigned idle_clock(const bkf_adapter *a)
{
    return a->mode == 3 && !a->cs_low;
}

void put_port(bkf_adapter *a, struct buffer *b, unsigned port)
{
    port_at(a, b, port, idle_clock(a));
}

void put_ports(bkf_adapter *a, struct buffer *b)
{
    put_port(a, b, 0);
    if (!a->low_only)
        put_port(a, b, 1);
}

/* Mode 3 is mode 0 in a frame that begins and ends with the clock high: the first bit is
 * there before the first rising edge either way. */
void put_select(bkf_adapter *a, struct buffer *b)
{
    a->cs_low = true;
    if (a->mode == 3)
        port_at(a, b, 0, 1);
    port_at(a, b, 0, 0);
}

void put_release(bkf_adapter *a, struct buffer *b)
{
    a->cs_low = false;
    put_port(a, b, 0);
}

bkf_status ft_apply(bkf_adapter *a, bkf_error *err)
{
    a->cmd.n = 0;
    put_ports(a, &a->cmd);
    return stream_small(a, NULL, 0, err);
}

bool ft_line_step(bkf_adapter *a, uint32_t id, uint32_t level)
{
    if (id >= LINES || !a->line[id].claimed || a->line[id].drive == BKF_LINE_INPUT)
        return false;
    a->line[id].floating = level == BKF_LEVEL_FLOAT;
    if (level != BKF_LEVEL_FLOAT)
        a->line[id].level = level != 0;
    return true;
}

/* -- bkflash.gpio/1 -------------------------------------------------------------------- */
static int find(const char *name)
{
    bool low = !strncmp(name, "AD", 2), high = !strncmp(name, "AC", 2);
    if ((!low && !high) || name[2] < '0' || name[2] > '7' || name[3])
        return -1;
    return (high ? 8 : 0) + (name[2] - '0');
}

static bkf_status apply_port(bkf_adapter *a, unsigned bit, bkf_error *err)
{
    a->cmd.n = 0;
    put_port(a, &a->cmd, bit / 8);
    return stream_small(a, NULL, 0, err);
}

static bkf_status claim(void *self, const char *name, uint32_t drive, uint32_t level, uint32_t *id,
                        bkf_error *err)
{
    bkf_adapter *a = self;
    int bit = find(name);
    if (bit < 0)
        return usb_fail(err, BKF_E_PARAM, 0, "%s has no line '%s'; it has AD0 to AD7, AC0 to AC7",
                        a->name, name);
    if (bit >= 8 && a->low_only)
        return usb_fail(err, BKF_E_PARAM, 0,
                        "%s has no line '%s', it has AD0 to AD7 only: wire that signal to one of "
                        "AD4 to AD7 and name it in the pads of the profile",
                        a->name, name);
    if (a->line[bit].claimed || spi_line(a, (unsigned)bit) || (a->bound && bit == AD2_MISO))
        return usb_fail(err, BKF_E_BUSY, 0, "%s line %s is already used by %s", a->name, name,
                        a->line[bit].claimed ? "another signal" : "SPI");
    a->line[bit] = (struct line){ .claimed = true, .drive = drive, .level = level != 0 };
    *id = (uint32_t)bit;
    bkf_status st = apply_port(a, (unsigned)bit, err);
    if (st)
        a->line[bit].claimed = false;
    return st;
}

static bkf_status set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    bkf_adapter *a = self;
    if (!ft_line_step(a, id, level))
        return usb_fail(err, BKF_E_PARAM, 0, "%s line %u is not claimed as an output", a->name, id);
    return apply_port(a, id, err);
}

static bkf_status get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    bkf_adapter *a = self;
    uint8_t pins = 0;
    if (id >= LINES)
        return usb_fail(err, BKF_E_PARAM, 0, "%s has no line %u", a->name, id);
    const uint8_t command[] = { id / 8 ? MPSSE_GET_HIGH : MPSSE_GET_LOW, MPSSE_SEND_NOW };
    a->cmd.n = 0;
    put(&a->cmd, command, 2);
    bkf_status st = stream_small(a, &pins, 1, err);
    *level = pins >> (id % 8) & 1;
    return st;
}

static void drop(void *self, uint32_t id)
{
    bkf_adapter *a = self;
    if (id >= LINES || !a->line[id].claimed)
        return;
    a->line[id] = (struct line){ 0 };
    if (!a->gone)
        (void)apply_port(a, id, NULL);
}

const bkf_gpio_ops ft_gpio_ops = {
    .struct_size = sizeof ft_gpio_ops,
    .claim = claim,
    .set = set,
    .get = get,
    .drop = drop,
};
