/* nor_die.c - frames: which command is being clocked in, what is answered. */
#include "nor_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nor_die *nor_new(const struct nor_config *cfg, uint8_t *array, struct violation_log *log,
                        char err[256])
{
    if (!cfg->size || (cfg->size & (cfg->size - 1)) || cfg->size > 16u << 20 || cfg->size < 65536 ||
        cfg->page != 256 || cfg->sr_count < 1 || cfg->sr_count > 3) {
        (void)snprintf(
            err, 256,
            "die of %u bytes, page %u, %u status registers: size must be a power of two, "
            "64K..16M, page 256, registers 1..3",
            cfg->size, cfg->page, cfg->sr_count);
        return NULL;
    }
    struct nor_die *d = calloc(1, sizeof *d);
    uint32_t *wear = calloc(cfg->size / 4096, sizeof *wear);
    if (!d || !wear) {
        free(d);
        free(wear);
        (void)snprintf(err, 256, "out of memory");
        return NULL;
    }
    d->cfg = *cfg;
    d->array = array;
    d->log = log;
    d->wear = wear;
    d->rng = rng_fork(cfg->seed, 0x4E4F52);
    d->sr_stored = d->sr_own;
    memcpy(d->sr_stored, cfg->sr, sizeof d->sr_own);
    for (unsigned i = cfg->sr_count; i < 3; i++) {
        d->sr_stored[i] = 0;
    }
    nor_lie_reset(d);
    nor_power_cycle(d, false, 0);
    return d;
}

void nor_free(struct nor_die *d)
{
    if (d) {
        free(d->wear);
        free(d);
    }
}

void nor_settle(struct nor_die *d, uint64_t now)
{
    if (d->busy_until && now >= d->busy_until) {
        d->busy_until = 0;
        d->wel = d->wel_volatile = false; /* write enable ends with the operation */
    }
}

void nor_start_busy(struct nor_die *d, uint64_t typ_ns, uint64_t now)
{
    d->busy_cycles++;
    if (d->cfg.busy_jitter > 0) {
        double f = 1 + (rng_unit(&d->rng) * 2 - 1) * d->cfg.busy_jitter;
        typ_ns = (uint64_t)((double)typ_ns * (f > 0.05 ? f : 0.05));
    }
    d->busy_until = now + (typ_ns ? typ_ns : 1);
    if (d->cfg.lie.wip_stuck_after && d->busy_cycles >= d->cfg.lie.wip_stuck_after) {
        d->busy_until = UINT64_MAX;
    }
}

bool nor_busy(struct nor_die *d, uint64_t now)
{
    nor_settle(d, now);
    return d->busy_until != 0;
}

static void soft_reset(struct nor_die *d, uint64_t now)
{
    if (nor_busy(d, now)) {
        violation_add(d->log, now, VIOLATION_ABORT, "reset while the die was busy");
        nor_cut(d, now);
    }
    memcpy(d->sr, d->sr_stored, sizeof d->sr);
    d->wel = d->wel_volatile = d->power_down = d->reset_enabled = d->crm = false;
    d->busy_until = 0;
    d->counts.resets++;
}

void nor_power_cycle(struct nor_die *d, bool cut, uint64_t now)
{
    nor_settle(d, now);
    if (cut && d->busy_until) {
        violation_add(d->log, now, VIOLATION_ABORT, "power lost while the die was busy");
        nor_cut(d, now);
    }
    d->selected = false;
    memcpy(d->sr, d->sr_stored, sizeof d->sr);
    d->wel = d->wel_volatile = d->power_down = d->reset_enabled = false;
    d->crm = d->cfg.crm; /* the firmware's reads leave it behind */
    d->busy_until = 0;
    d->dead = false;
    d->sr_locked = d->cfg.sr_count > 1 && (d->sr[1] & SR2_SRP1) && (d->sr[0] & SR1_SRP0);
}

void nor_keep_status(struct nor_die *d, uint8_t memory[3])
{
    d->sr_stored = memory;
    memcpy(d->sr, memory, sizeof d->sr);
}

void nor_force_status(struct nor_die *d, uint32_t value)
{
    for (unsigned i = 0; i < d->cfg.sr_count; i++) {
        d->sr[i] = d->sr_stored[i] = (uint8_t)(value >> 8 * i);
    }
    d->sr[0] = d->sr_stored[0] = d->sr[0] & 0xFC;
}

uint32_t nor_status(struct nor_die *d, uint64_t now)
{
    nor_settle(d, now);
    return (uint32_t)nor_read_status(d, 0) | (uint32_t)d->sr[1] << 8 | (uint32_t)d->sr[2] << 16;
}

/* -- a frame ---------------------------------------------------------------------- */
void nor_select(struct nor_die *d, uint64_t now)
{
    nor_settle(d, now);
    if (d->counts.frames && now - d->deselected_at < 50) {
        violation_add(d->log, now, VIOLATION_SELECT, "chip select was high for only %llu ns",
                      (unsigned long long)(now - d->deselected_at));
    }
    d->selected = true;
    d->selected_at = now;
    d->n = d->n_data = 0;
    d->op = 0;
    d->addr = 0;
    d->ignored = false;
    d->ff_run = 0;
    d->counts.frames++;
}

/* Bytes of address and dummy between opcode and data. */
static unsigned header_len(const struct nor_die *d)
{
    switch (d->op) {
    case 0x03:
    case 0x02:
    case 0x20:
    case 0x52:
    case 0xD8:
    case 0x81:
    case 0x90:
    case 0xAB:
        return 3;
    case 0x0B:
    case 0x5A:
    case 0x4B:
        return 4;
    default:
        return 0;
    }
}

static bool while_busy(uint8_t op)
{
    return op == 0x05 || op == 0x35 || op == 0x15 || op == 0x66 || op == 0x99;
}

/* Opcodes that no listed die treats as a command, sent by sweeps and recoveries. */
static bool harmless(uint8_t op)
{
    static const uint8_t list[] = { 0x00, 0xFF, 0xD2, 0xA5, 0x4B, 0x96, 0x2D, 0x5A, 0xB4, 0x69 };
    return memchr(list, op, sizeof list) != NULL;
}

static bool known(const struct nor_die *d, uint8_t op)
{
    const struct nor_config *c = &d->cfg;
    switch (op) {
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x04:
    case 0x05:
    case 0x06:
    case 0x0B:
    case 0x20:
    case 0x60:
    case 0x90:
    case 0x9F:
    case 0xAB:
    case 0xB9:
    case 0xC7:
    case 0xD8:
    case 0x15: /* probing for registers is how their number is found */
    case 0x35:
    case 0x5A: /* a die without SFDP answers FF */
        return true;
    case 0x31:
        return c->wrsr31;
    case 0x11:
        return c->wrsr11;
    case 0x4B:
        return c->uid_len != 0;
    case 0x50:
        return c->volatile_50;
    case 0x52:
        return c->erase_32k;
    case 0x66:
    case 0x99:
        return c->soft_reset;
    case 0x81:
        return c->page_erase;
    default:
        return false;
    }
}

static void begin(struct nor_die *d, uint8_t op, uint64_t now)
{
    d->op = op;
    if (d->reset_enabled && op != 0x99) {
        d->reset_enabled = false; /* 99 counts only right after 66 */
    }
    if (d->busy_until && !while_busy(op)) {
        d->ignored = true;
        if (!harmless(op)) {
            violation_add(d->log, now, VIOLATION_BUSY, "command %02X while the die is busy", op);
        }
    } else if (d->power_down && op != 0xAB && op != 0x66 && op != 0x99) {
        d->ignored = true;
    } else if (op == 0x3A || op == 0x42 || op == 0x44 || op == 0x48) {
        d->ignored = true;
        violation_add(d->log, now, VIOLATION_OTP, "command %02X: one-time programmable area", op);
    } else if (!known(d, op)) {
        d->ignored = true;
        if (!harmless(op)) {
            violation_add(d->log, now, VIOLATION_OPCODE, "command %02X is unknown to this die", op);
        }
    }
}

void nor_in(struct nor_die *d, uint8_t byte, uint64_t now)
{
    if (!d->selected) {
        return;
    }
    if (d->busy_until) {
        nor_settle(d, now);
    }
    d->n++;
    if (byte == 0xFF && d->ff_run == d->n - 1 && d->ff_run < 255) {
        d->ff_run++;
    }
    if (d->crm || d->dead) {
        return;
    }
    if (d->n == 1) {
        begin(d, byte, now);
        return;
    }
    if (d->ignored) {
        return;
    }
    unsigned header = header_len(d);
    if (d->n <= 1 + header) {
        if (d->n <= 4) {
            d->addr = (d->addr << 8 | byte) & 0xFFFFFF;
        }
        return;
    }
    switch (d->op) {
    case 0x02: /* the last 256 bytes count, and they wrap inside the page */
        d->data[(d->addr + d->n_data) & 0xFF] = byte;
        d->n_data++;
        break;
    case 0x01:
    case 0x31:
    case 0x11:
        if (d->n_data < sizeof d->data) {
            d->data[d->n_data] = byte;
        }
        d->n_data++;
        break;
    case 0x03:
    case 0x0B:
        d->counts.read_bytes++;
        d->addr++;
        break;
    case 0x90:
        d->addr++;
        break;
    default:
        d->n_data++;
        break;
    }
}

static uint8_t uid_byte(const struct nor_die *d, uint32_t i)
{
    struct rng r = rng_fork(d->cfg.seed, 0x554944u + i % d->cfg.uid_len);
    return (uint8_t)rng_next(&r);
}

static uint8_t rdid_byte(const struct nor_die *d, uint32_t i)
{
    if (i >= 3 && d->cfg.tail != NOR_TAIL_REPEAT) {
        return d->cfg.tail == NOR_TAIL_00 ? 0 : 0xFF;
    }
    return (uint8_t)(d->cfg.jedec >> (16 - 8 * (i % 3)));
}

/* Register 2 or 3 of a die that may not have it. */
static uint8_t extra_status(const struct nor_die *d, unsigned index)
{
    if (index < d->cfg.sr_count) {
        return nor_read_status(d, index);
    }
    return d->cfg.echo == NOR_ECHO_SR1  ? nor_read_status(d, 0)
           : d->cfg.echo == NOR_ECHO_00 ? 0
                                        : 0xFF;
}

uint8_t nor_out(struct nor_die *d, uint64_t now, bool *driven)
{
    *driven = false;
    if (!d->selected || d->dead) {
        return 0xFF;
    }
    if (d->busy_until) {
        nor_settle(d, now);
    }
    if (d->crm) {
        /* The first bytes were taken as address and mode bits; then data follow. */
        *driven = d->n >= 2;
        return *driven ? d->array[(d->n * 37u + 0x1234u) % d->cfg.size] : 0xFF;
    }
    if (d->n == 0 || d->ignored) {
        return 0xFF;
    }
    unsigned header = header_len(d);
    if (d->n < 1 + header) {
        return 0xFF;
    }
    uint32_t i = d->n - 1 - header; /* index of the data byte about to go out */
    *driven = true;
    switch (d->op) {
    case 0x03:
    case 0x0B:
        return nor_lie_read(d, d->array[d->addr & (d->cfg.size - 1)]);
    case 0x05:
        return nor_read_status(d, 0);
    case 0x35:
        return d->cfg.style == NOR_STYLE_MX25 ? 0xFF : extra_status(d, 1);
    case 0x15:
        return extra_status(d, d->cfg.style == NOR_STYLE_MX25 ? 1 : 2);
    case 0x9F:
        return rdid_byte(d, i);
    case 0xAB:
        return (uint8_t)((d->cfg.jedec & 0xFF) - 1);
    case 0x90:
        return (d->addr & 1) ? (uint8_t)((d->cfg.jedec & 0xFF) - 1) : (uint8_t)(d->cfg.jedec >> 16);
    case 0x5A:
        return d->cfg.sfdp ? nor_sfdp_byte(d, d->addr + i) : 0xFF;
    case 0x4B:
        return uid_byte(d, i);
    default:
        *driven = false;
        return 0xFF;
    }
}

size_t nor_stream(struct nor_die *d, uint8_t *rx, size_t n, uint64_t now)
{
    nor_settle(d, now);
    if (!d->selected || d->dead || d->crm || d->ignored || d->busy_until || d->n < 5 ||
        (d->op != 0x03 && !(d->op == 0x0B && d->n > 5)) || d->cfg.lie.flip_per_bit > 0) {
        return 0;
    }
    for (size_t done = 0; done < n;) {
        uint32_t at = d->addr & (d->cfg.size - 1);
        size_t piece = n - done < d->cfg.size - at ? n - done : d->cfg.size - at;
        if (rx) {
            memcpy(rx + done, d->array + at, piece);
        }
        done += piece;
        d->addr += (uint32_t)piece;
    }
    d->n = d->n > 1u << 30 ? d->n : d->n + (uint32_t)n;
    d->counts.read_bytes += n;
    return n;
}

static bool is_erase(uint8_t op)
{
    return op == 0x20 || op == 0x52 || op == 0xD8 || op == 0x81 || op == 0x60 || op == 0xC7;
}

/* Commands of one byte that take effect when CS rises. */
static void commit_simple(struct nor_die *d, uint64_t now)
{
    switch (d->op) {
    case 0x06:
        d->wel = true;
        d->wel_volatile = false;
        break;
    case 0x04:
        d->wel = d->wel_volatile = false;
        break;
    case 0x50:
        d->wel_volatile = true;
        break;
    case 0xB9:
        d->power_down = true;
        break;
    case 0xAB:
        d->power_down = false;
        break;
    case 0x66:
        d->reset_enabled = true;
        break;
    case 0x99:
        if (d->reset_enabled) {
            soft_reset(d, now);
        }
        break;
    default:
        break;
    }
}

void nor_deselect(struct nor_die *d, unsigned bits, uint64_t now)
{
    if (!d->selected) {
        return;
    }
    d->selected = false;
    d->deselected_at = now;
    nor_settle(d, now);
    if (d->crm) {
        if (d->ff_run >= 2) {
            d->crm = false; /* mode bits FF end continuous read */
        }
        return;
    }
    if (d->n == 0 || d->ignored || d->dead) {
        return;
    }
    bool program = d->op == 0x02, erase = is_erase(d->op), status = nor_is_status_write(d, d->op);
    if (d->op == 0x03 || d->op == 0x0B) {
        d->counts.reads++;
    }
    if (!program && !erase && !status) {
        if (!bits) {
            commit_simple(d, now);
        }
        return;
    }
    if (bits || d->n < 1 + header_len(d) || (program && !d->n_data)) {
        violation_add(d->log, now, VIOLATION_FRAME,
                      "command %02X ended after %u bytes and %u bits: ignored by the die", d->op,
                      d->n, bits);
        d->counts.rejected++;
        return;
    }
    if (!d->wel && !(status && d->wel_volatile)) {
        violation_add(d->log, now, VIOLATION_WEL, "command %02X without write enable", d->op);
        d->counts.rejected++;
        return;
    }
    if (program) {
        nor_commit_program(d, now);
    } else if (erase) {
        nor_commit_erase(d, now);
    } else {
        nor_commit_status(d, now);
    }
}

void nor_direct_frame(struct nor_die *d, const uint8_t *tx, uint8_t *rx, size_t n, uint64_t now)
{
    nor_select(d, now);
    for (size_t i = 0; i < n; i++) {
        bool driven;
        uint8_t out = nor_out(d, now, &driven);
        nor_in(d, tx ? tx[i] : 0, now);
        if (rx) {
            rx[i] = driven ? out : 0;
        }
    }
    nor_deselect(d, 0, now);
    d->deselected_at = 0; /* the SoC keeps its own chip select timing */
}

const struct nor_counts *nor_counts(const struct nor_die *d)
{
    return &d->counts;
}

const struct nor_config *nor_config(const struct nor_die *d)
{
    return &d->cfg;
}
