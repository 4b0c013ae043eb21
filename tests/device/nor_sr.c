/* nor_sr.c - status registers: every write width that dies of this class accept. */
#include "nor_priv.h"

uint8_t nor_read_status(const struct nor_die *d, unsigned index)
{
    if (index) {
        return d->sr[index];
    }
    return (uint8_t)((d->sr[0] & 0xFC) | (d->busy_until ? SR1_WIP : 0) | (d->wel ? SR1_WEL : 0));
}

bool nor_is_status_write(const struct nor_die *d, uint8_t op)
{
    return op == 0x01 || (op == 0x31 && d->cfg.wrsr31) || (op == 0x11 && d->cfg.wrsr11);
}

/* Read-only bits stay, one-time bits only rise. */
static uint8_t merge_sr2(struct nor_die *d, uint8_t value, uint64_t now)
{
    if (d->cfg.style != NOR_STYLE_W25Q) {
        return value;
    }
    uint8_t old = d->sr[1];
    if (value & SR2_LOCK & ~old) {
        violation_add(d->log, now, VIOLATION_OTP,
                      "status write sets one-time lock bits %02X for good",
                      value & SR2_LOCK & ~old);
    }
    uint8_t keep = SR2_SUSPEND;
    return (uint8_t)((value & ~keep) | (old & keep) | (old & SR2_LOCK));
}

static void store(struct nor_die *d, unsigned index, uint8_t value, bool is_volatile, uint64_t now)
{
    if (index >= d->cfg.sr_count) {
        return;
    }
    value = index == 0 ? value & 0xFC : index == 1 ? merge_sr2(d, value, now) : value;
    d->sr[index] = value;
    if (!is_volatile) {
        d->sr_stored[index] = value;
    }
}

/* How many data bytes this command takes; 0 = none. */
static bool length_ok(const struct nor_die *d, uint32_t *n)
{
    const struct nor_config *c = &d->cfg;
    uint32_t most = 1;
    if (d->op == 0x01) {
        most = c->wrsr_two ? 2 : 1;
        if (*n == 1 && !c->wrsr_one) {
            return false;
        }
    }
    if (*n > most) {
        if (c->extra == NOR_EXTRA_REJECTED) {
            return false;
        }
        *n = most;
    }
    return *n != 0;
}

void nor_commit_status(struct nor_die *d, uint64_t now)
{
    bool is_volatile = d->wel_volatile && !d->wel;
    uint32_t n = d->n_data;
    if (!length_ok(d, &n)) {
        violation_add(d->log, now, VIOLATION_LENGTH, "status write %02X with %u data bytes", d->op,
                      d->n_data);
        d->wel = d->wel_volatile = false;
        d->counts.rejected++;
        return;
    }
    d->counts.status_writes++;
    if (!d->cfg.lie.sr_stuck && !d->sr_locked) {
        unsigned first = d->op == 0x01 ? 0 : d->op == 0x31 ? 1 : 2;
        store(d, first, d->data[0], is_volatile, now);
        if (d->op == 0x01 && n > 1) {
            store(d, 1, d->data[1], is_volatile, now);
        } else if (d->op == 0x01 && d->cfg.sr_count > 1 && d->cfg.one_byte == NOR_SR2_CLEARED) {
            store(d, 1, 0, is_volatile, now);
        }
        d->sr_locked = d->sr_locked || (d->cfg.style == NOR_STYLE_W25Q && d->cfg.sr_count > 1 &&
                                        (d->sr[1] & SR2_SRP1));
    }
    /* A volatile write is immediate (tSHSL2, 50 ns); a stored one is an erase and program. */
    nor_start_busy(d, is_volatile ? 50 : d->cfg.times.status_write, now);
}
