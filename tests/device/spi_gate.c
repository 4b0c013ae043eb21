#include "spi_gate.h"
#include <string.h>

#define MS 1000000u

void gate_init(struct gate *g, const struct device_config *cfg, struct nor_die *die,
               struct vclock *clock, struct violation_log *log)
{
    memset(g, 0, sizeof *g);
    g->cfg = cfg;
    g->die = die;
    g->clock = clock;
    g->log = log;
    g->rng = rng_fork(config_or(cfg->seed, 1), 0x47415445);
    g->plain = cfg->gate.given && !cfg->gate.v;
    g->cs = 1;
    g->mosi = 1;
    g->cen = 1;
    g->out_stale = true;
    g->sr_written = true;
    g->state = g->plain || config_or(cfg->boot, BOOT_APP) == BOOT_SPI ? GATE_FLASH : GATE_APP;
    if (!g->plain && config_or(cfg->boot, BOOT_APP) == BOOT_OFF) {
        g->state = GATE_OFF;
        g->before_off = GATE_APP;
        g->cen = 0;
    }
    if (config_or(cfg->cen, WIRE_NORMAL) == CEN_LOW) {
        g->state = g->plain ? GATE_FLASH : GATE_OFF;
        g->cen = 0;
    }
}

/* -- the state machine ------------------------------------------------------------- */
static void connect_die(struct gate *g)
{
    g->state = GATE_FLASH;
    g->die_bits = 0;
    g->out_stale = true;
    g->out_bit = 0;
    if (!g->cs) {
        nor_select(g->die, g->flash_at); /* CS is low already: the die sees it fall now */
    }
}

/* When the state will change by itself; UINT64_MAX = not. */
static uint64_t next_change(const struct gate *g)
{
    switch (g->state) {
    case GATE_BOOTWAIT:
        return g->open_at;
    case GATE_WINDOW:
        return g->close_at;
    case GATE_ACCEPTED:
        return g->flash_at;
    case GATE_APP:
        return g->sr_written ? UINT64_MAX : g->close_at + 300u * MS;
    case GATE_OFF:
    case GATE_FLASH:
    default:
        return UINT64_MAX;
    }
}

void gate_settle(struct gate *g)
{
    while (g->clock->ns >= next_change(g)) {
        switch (g->state) {
        case GATE_BOOTWAIT:
            g->state = GATE_WINDOW;
            g->window_bits = g->run = 0;
            break;
        case GATE_WINDOW:
            g->state = GATE_APP;
            g->sr_written = !g->firmware || g->download;
            break;
        case GATE_ACCEPTED:
            connect_die(g);
            break;
        case GATE_APP:
        default: {
            uint32_t qe = nor_status(g->die, g->clock->ns) & 0x0200;
            nor_force_status(g->die, g->sr_boot | qe);
            g->sr_written = true;
            break;
        }
        }
    }
}

static void reset_target(struct gate *g, uint64_t at)
{
    const struct device_config *c = g->cfg;
    uint64_t jitter = rng_below(&g->rng, MS + 1);
    double fail = rng_unit(&g->rng);
    g->resets++;
    g->rise = at;
    g->open_at = g->rise + config_or(c->t_open, 2 * (uint64_t)MS + jitter);
    g->close_at = g->rise + config_or(c->t_close, 53 * (uint64_t)MS);
    if (g->close_at < g->open_at) {
        g->close_at = g->open_at;
    }
    g->ignoring = g->resets < config_or(c->entry, 0) || (c->p_fail.given && fail < c->p_fail.v);
    g->state = GATE_BOOTWAIT;
    g->download = false;
    g->sr_written = true; /* nothing to write until the application boots */
    g->run = g->window_bits = 0;
    g->late_frame = false;
    g->fast_noted = false;
}

void gate_reset_at(struct gate *g, uint64_t at)
{
    reset_target(g, at);
}

void gate_power_cycle(struct gate *g)
{
    gate_settle(g);
    if (g->plain) {
        nor_power_cycle(g->die, true, g->clock->ns);
        return;
    }
    reset_target(g, g->clock->ns);
    nor_power_cycle(g->die, true, g->clock->ns);
}

bool gate_set_cen(struct gate *g, unsigned level)
{
    unsigned fault = (unsigned)config_or(g->cfg->cen, WIRE_NORMAL);
    gate_settle(g);
    if (g->plain || fault) {
        return false;
    }
    level = level ? 1 : 0; /* floating: the board pulls it up */
    if (level == g->cen) {
        return false;
    }
    g->cen = level;
    if (!level) {
        if (g->state == GATE_FLASH && !g->cs) {
            nor_deselect(g->die, g->die_bits % 8, g->clock->ns);
        }
        g->before_off = g->state;
        g->state = GATE_OFF;
        g->low_since = g->clock->ns;
        return false;
    }
    if (g->clock->ns - g->low_since < config_or(g->cfg->t_cen_min, 5 * (uint64_t)MS)) {
        g->state = g->before_off; /* too short to be noticed */
        g->out_stale = true;
        gate_settle(g);
        return false;
    }
    reset_target(g, g->clock->ns);
    nor_power_cycle(g->die, true, g->clock->ns);
    gate_settle(g);
    return true;
}

static void accept(struct gate *g)
{
    uint64_t init = rng_between(&g->rng, MS, 40 * (uint64_t)MS);
    g->accepted++;
    g->accepted_at_reset = g->resets;
    g->state = GATE_ACCEPTED;
    g->late_frame = false;
    g->flash_at = g->clock->ns + config_or(g->cfg->t_init, init);
}

/* A byte (or, when sliding, a bit) is complete in the window. */
static void window_byte(struct gate *g)
{
    bool mode3_ok = !g->mode3_frame || !config_or(g->cfg->mode3, 0);
    if (g->shift == 0xD2 && !g->too_fast && mode3_ok) {
        g->run++;
        if (g->run >= config_or(g->cfg->n_accept, 1) && !g->ignoring) {
            accept(g);
        }
        return;
    }
    if (config_or(g->cfg->align, ALIGN_BYTE) == ALIGN_SLIDE && g->window_bits % 8) {
        return;
    }
    g->run = 0;
    if (g->shift != 0x00 && g->shift != 0xFF && g->shift != 0x9F && g->shift != 0xD2) {
        violation_add(g->log, g->clock->ns, VIOLATION_HAZARD,
                      "byte %02X in the boot window, where eFUSE commands live", g->shift);
    }
}

/* -- nets --------------------------------------------------------------------------- */
void gate_set_cs(struct gate *g, unsigned level)
{
    gate_settle(g);
    level = level ? 1 : 0;
    if (level == g->cs) {
        return;
    }
    g->cs = level;
    if (level) {
        if (g->state == GATE_FLASH) {
            nor_deselect(g->die, g->die_bits % 8, g->clock->ns);
        }
        return;
    }
    g->rise_bits = g->fall_bits = g->window_bits = 0;
    g->die_bits = 0;
    g->out_bit = 0;
    g->out_stale = true;
    g->late_frame = g->state == GATE_ACCEPTED;
    g->mode3_frame = g->sck;
    g->last_rise_ns = 0;
    if (g->state == GATE_FLASH) {
        nor_select(g->die, g->clock->ns);
    }
}

static uint32_t clock_limit(const struct gate *g)
{
    uint32_t die = nor_config(g->die)->max_hz;
    if (g->plain) {
        return die;
    }
    uint32_t gate = (uint32_t)(g->state == GATE_FLASH ? config_or(g->cfg->f_data, 30000000)
                                                      : config_or(g->cfg->f_handshake, 10000000));
    return g->state == GATE_FLASH && die && die < gate ? die : gate;
}

static void note_speed(struct gate *g, uint32_t hz)
{
    if (g->too_fast && !g->fast_noted && g->state == GATE_FLASH) {
        violation_add(g->log, g->clock->ns, VIOLATION_CLOCK, "clocked at %u Hz, limit %u Hz", hz,
                      clock_limit(g));
        g->fast_noted = true;
    }
}

static void rising(struct gate *g)
{
    uint32_t limit = clock_limit(g);
    uint64_t dt = g->clock->ns - g->last_rise_ns;
    /* one nanosecond of slack: edges are rounded to whole ones */
    g->too_fast = g->last_rise_ns && limit && (dt + 1) * limit < 1000000000u;
    g->last_rise_ns = g->clock->ns;
    note_speed(g, dt ? (uint32_t)(1000000000u / dt) : 0);
    if (g->cfg->slip.v && ++g->slip_bits % g->cfg->slip.v == 0) {
        return; /* this edge did not reach the target */
    }
    unsigned bit = g->mosi;
    if (g->too_fast && g->state == GATE_FLASH && !rng_below(&g->rng, 8)) {
        bit ^= 1u;
    }
    g->shift = (uint8_t)((unsigned)g->shift << 1 | bit);
    g->rise_bits++;
    if (g->state == GATE_WINDOW) {
        g->window_bits++;
        bool slide = config_or(g->cfg->align, ALIGN_BYTE) == ALIGN_SLIDE;
        if (slide ? g->window_bits >= 8 : g->rise_bits % 8 == 0 && g->window_bits >= 8) {
            window_byte(g);
        }
    } else if (g->state == GATE_FLASH) {
        g->die_bits++;
        if (g->die_bits % 8 == 0) {
            nor_in(g->die, g->shift, g->clock->ns);
        }
    }
}

static void falling(struct gate *g)
{
    g->fall_bits++;
    if (g->state == GATE_FLASH) {
        uint8_t index = (uint8_t)(g->die_bits % 8);
        g->out_stale = g->out_stale || (index == 0 && g->out_bit != 0);
        g->out_bit = index;
    }
}

void gate_set_sck(struct gate *g, unsigned level)
{
    gate_settle(g);
    level = level ? 1 : 0;
    if (level == g->sck) {
        return;
    }
    g->sck = level;
    bool listening =
        !g->cs || (g->state == GATE_WINDOW && g->cfg->cs_required.given && !g->cfg->cs_required.v);
    if (!level) {
        falling(g);
    } else if (listening) {
        rising(g);
    }
}

void gate_set_mosi(struct gate *g, unsigned level)
{
    g->mosi = level ? 1 : 0;
}

static unsigned app_level(const struct gate *g)
{
    switch (config_or(g->cfg->app_pins, APP_FLOAT)) {
    case APP_TOGGLE: /* a 50 kHz square wave */
        return (unsigned)(g->clock->ns / 10000 & 1);
    case APP_NOISE: {
        struct rng r = rng_fork(g->clock->ns / 5000, 0x415050);
        return (unsigned)(rng_next(&r) & 1);
    }
    case APP_LOW:
        return 0;
    case APP_HIGH:
        return 1;
    default:
        return NET_FLOAT;
    }
}

static unsigned d2_bit(uint32_t index)
{
    return 0xD2u >> (7u - index % 8u) & 1u;
}

unsigned gate_miso(struct gate *g)
{
    gate_settle(g);
    switch (config_or(g->cfg->miso, WIRE_NORMAL)) {
    case MISO_STUCK0:
        return 0;
    case MISO_STUCK1:
        return 1;
    case MISO_OPEN:
        return NET_FLOAT;
    default:
        break;
    }
    switch (g->state) {
    case GATE_WINDOW:
        return d2_bit(g->fall_bits);
    case GATE_ACCEPTED:
        return g->late_frame && !g->cs && g->fall_bits < 8 && !config_or(g->cfg->init_miso, 0)
                   ? d2_bit(g->fall_bits)
                   : 0;
    case GATE_FLASH:
        if (g->cs) {
            return NET_FLOAT;
        }
        if (g->out_stale) {
            g->out = nor_out(g->die, g->clock->ns, &g->out_driven);
            g->out_stale = false;
        }
        return g->out_driven ? ((unsigned)g->out >> (7u - g->out_bit) & 1u) : NET_FLOAT;
    case GATE_APP:
        return app_level(g);
    case GATE_OFF:
    case GATE_BOOTWAIT:
    default:
        return NET_FLOAT;
    }
}

static unsigned floating(struct gate *g)
{
    uint64_t pull = config_or(g->cfg->pull, PULL_UP);
    return pull == PULL_UP ? 1 : pull == PULL_DOWN ? 0 : (unsigned)(rng_next(&g->rng) & 1);
}

unsigned gate_miso_read(struct gate *g)
{
    unsigned level = gate_miso(g);
    if (level == NET_FLOAT) {
        return floating(g);
    }
    if (g->too_fast && g->state == GATE_FLASH && !rng_below(&g->rng, 8)) {
        level ^= 1u;
    }
    return level;
}

/* -- whole transfers ------------------------------------------------------------------ */
static void advance(struct gate *g, uint64_t half_bits, uint32_t hz)
{
    if (g->frac_hz != hz) {
        g->frac_hz = hz;
        g->frac = 0;
    }
    uint64_t n = half_bits * 1000000000u + g->frac;
    g->clock->ns += n / (2 * (uint64_t)hz);
    g->frac = n % (2 * (uint64_t)hz);
}

static unsigned one_bit(struct gate *g, unsigned mode, uint32_t hz, unsigned bit)
{
    unsigned idle = mode >> 1, in;
    if (mode == 0 || mode == 3) { /* out on the falling, in on the rising edge */
        if (mode == 3) {
            gate_set_sck(g, 0);
        }
        gate_set_mosi(g, bit);
        advance(g, 1, hz);
        in = gate_miso_read(g);
        gate_set_sck(g, 1);
        advance(g, 1, hz);
        if (mode == 0) {
            gate_set_sck(g, 0);
        }
        return in;
    }
    gate_set_sck(g, !idle); /* the slave samples here, the master changes just after */
    gate_set_mosi(g, bit);
    advance(g, 1, hz);
    in = gate_miso_read(g);
    gate_set_sck(g, idle);
    advance(g, 1, hz);
    return in;
}

/* Whether a byte can be moved at once: nothing changes under way, shifters aligned. */
static bool whole_byte(const struct gate *g, unsigned mode, uint32_t hz)
{
    uint32_t limit = clock_limit(g);
    uint64_t end = g->clock->ns + 8 * 1000000000ull / hz + 2;
    if ((mode != 0 && mode != 3) || g->cfg->slip.v || (limit && hz > limit) ||
        end >= next_change(g)) {
        return false;
    }
    if (g->state == GATE_FLASH) {
        return g->cs || (g->die_bits % 8 == 0 && g->out_bit == (mode == 3 && g->die_bits ? 7 : 0));
    }
    return g->rise_bits % 8 == 0 && config_or(g->cfg->align, ALIGN_BYTE) == ALIGN_BYTE &&
           config_or(g->cfg->app_pins, APP_FLOAT) == APP_FLOAT;
}

static uint8_t fill(struct gate *g)
{
    return config_or(g->cfg->pull, PULL_UP) == PULL_NOISE ? (uint8_t)rng_next(&g->rng)
           : floating(g)                                  ? 0xFF
                                                          : 0;
}

static uint8_t miso_fault(struct gate *g, uint8_t rx)
{
    switch (config_or(g->cfg->miso, WIRE_NORMAL)) {
    case MISO_STUCK0:
        return 0;
    case MISO_STUCK1:
        return 0xFF;
    case MISO_OPEN:
        return fill(g);
    default:
        return rx;
    }
}

static uint8_t flash_byte(struct gate *g, unsigned mode, uint32_t hz, uint8_t tx)
{
    bool driven = g->out_driven;
    uint8_t rx = g->out;
    if (g->cs) {
        advance(g, 16, hz);
        return fill(g);
    }
    if (g->out_stale || mode == 3) {
        rx = nor_out(g->die, g->clock->ns, &driven);
    }
    g->out_stale = true;
    g->die_bits += 8;
    g->out_bit = mode == 3 ? 7 : 0;
    advance(g, 16, hz);
    nor_in(g->die, tx, g->clock->ns);
    return driven ? rx : fill(g);
}

static uint8_t gate_byte(struct gate *g, unsigned mode, uint32_t hz, uint8_t tx)
{
    uint8_t rx;
    unsigned shown = (g->fall_bits + (mode == 3)) % 8; /* bit of D2 on the wire first */
    uint8_t d2 = (uint8_t)(0xD2u << shown | 0xD2u >> (8 - shown));
    switch (g->state) {
    case GATE_WINDOW:
        rx = d2;
        break;
    case GATE_ACCEPTED:
        rx = 0;
        if (g->late_frame && !g->cs && g->fall_bits < 8 && !config_or(g->cfg->init_miso, 0)) {
            rx = (uint8_t)(0xD2u << shown);
        }
        break;
    default:
        rx = fill(g);
        break;
    }
    bool listening = !g->cs || (g->cfg->cs_required.given && !g->cfg->cs_required.v);
    advance(g, 15, hz);
    if (listening) {
        g->rise_bits += 8;
        g->shift = tx;
        g->too_fast = false;
        g->last_rise_ns = g->clock->ns;
        if (g->state == GATE_WINDOW) {
            g->window_bits += 8;
            window_byte(g);
        }
    }
    g->fall_bits += 8;
    advance(g, 1, hz);
    return rx;
}

void gate_xfer(struct gate *g, unsigned mode, uint32_t hz, const uint8_t *tx, uint8_t *rx,
               size_t bits)
{
    hz = hz ? hz : 1;
    gate_set_sck(g, mode >> 1);
    for (size_t i = 0; i * 8 < bits;) {
        size_t left = bits / 8 - i;
        gate_settle(g);
        bool whole = bits - i * 8 >= 8 && whole_byte(g, mode, hz);
        if (whole && g->state == GATE_FLASH && !g->cs && g->out_stale && left > 1 &&
            config_or(g->cfg->miso, WIRE_NORMAL) == WIRE_NORMAL) {
            size_t n = nor_stream(g->die, rx ? rx + i : NULL, left, g->clock->ns);
            advance(g, 16 * (uint64_t)n, hz);
            g->die_bits += (uint32_t)(8 * n);
            g->last_rise_ns = g->clock->ns;
            i += n;
            if (n) {
                continue;
            }
        }
        uint8_t out = tx ? tx[i] : 0, in = 0;
        if (whole) {
            in =
                g->state == GATE_FLASH ? flash_byte(g, mode, hz, out) : gate_byte(g, mode, hz, out);
            in = miso_fault(g, in);
            g->mosi = out & 1;
        } else {
            for (unsigned b = 0; b < 8 && i * 8 + b < bits; b++) {
                in = (uint8_t)(in | one_bit(g, mode, hz, (unsigned)out >> (7 - b) & 1u) << (7 - b));
            }
        }
        if (rx) {
            rx[i] = in;
        }
        i++;
    }
}
