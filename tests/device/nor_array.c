/* nor_array.c - erase and program: protection, AND, busy time, and what a power cut leaves. */
#include "nor_priv.h"
#include <string.h>

/* Rejected: write enable drops at once, with no busy time. */
static void reject(struct nor_die *d)
{
    d->wel = d->wel_volatile = false;
    d->counts.rejected++;
}

static bool power_cut_due(struct nor_die *d)
{
    uint32_t at = d->cfg.lie.power_cut_after;
    return at && d->counts.programs + d->counts.erases == at;
}

bool nor_erase_span(const struct nor_die *d, uint8_t op, uint32_t addr, struct nor_range *span,
                    uint64_t *typ_ns)
{
    const struct nor_times *t = &d->cfg.times;
    uint32_t size;
    switch (op) {
    case 0x20:
        size = 4096;
        *typ_ns = t->erase_4k;
        break;
    case 0x52:
        size = 32768;
        *typ_ns = t->erase_32k;
        break;
    case 0xD8:
        size = 65536;
        *typ_ns = t->erase_64k;
        break;
    case 0x81:
        size = 256;
        *typ_ns = t->erase_4k;
        break;
    default:
        size = d->cfg.size;
        *typ_ns = t->chip_erase;
        break;
    }
    span->start = addr & (d->cfg.size - 1) & ~(size - 1);
    span->end = span->start + size;
    return size == d->cfg.size && (op == 0xC7 || op == 0x60);
}

static bool erase_is_a_lie(struct nor_die *d, struct nor_range span)
{
    struct nor_lie *lie = &d->cfg.lie;
    bool hit = lie->no_erase_any ||
               (lie->no_erase && lie->no_erase_addr >= span.start && lie->no_erase_addr < span.end);
    if (hit && lie->no_erase_times && --lie->no_erase_times == 0) {
        lie->no_erase = lie->no_erase_any = false;
    }
    return hit;
}

static void apply_erase(struct nor_die *d, uint8_t op, struct nor_range span, bool chip,
                        uint64_t typ, uint64_t now)
{
    d->counts.erases++;
    d->counts.chip_erases += chip;
    for (uint32_t s = span.start / 4096; s < (span.end + 4095) / 4096; s++) {
        if (++d->wear[s] > d->counts.max_erases) {
            d->counts.max_erases = d->wear[s];
        }
    }
    d->last = span;
    d->last_erase = true;
    bool cut = power_cut_due(d);
    if (!erase_is_a_lie(d, span) && !cut) {
        memset(d->array + span.start, 0xFF, span.end - span.start);
    }
    nor_start_busy(d, typ, now);
    if (cut) {
        nor_cut(d, now);
        d->dead = true;
    }
    (void)op;
}

void nor_commit_erase(struct nor_die *d, uint64_t now)
{
    struct nor_range span;
    uint64_t typ;
    bool chip = nor_erase_span(d, d->op, d->addr, &span, &typ);
    bool refused =
        chip ? nor_protects_range(d, 0, d->cfg.size) : nor_protects_range(d, span.start, span.end);
    if (refused) {
        violation_add(d->log, now, VIOLATION_PROTECTED, "erase %02X at 0x%06X: protected", d->op,
                      span.start);
        reject(d);
        return;
    }
    apply_erase(d, d->op, span, chip, typ, now);
}

uint64_t nor_direct_erase(struct nor_die *d, uint8_t op, uint32_t addr, uint64_t now)
{
    struct nor_range span;
    uint64_t typ;
    nor_settle(d, now);
    bool chip = nor_erase_span(d, op, addr, &span, &typ);
    if (d->busy_until || d->dead) {
        return 0;
    }
    if (nor_protects_range(d, span.start, span.end)) {
        violation_add(d->log, now, VIOLATION_PROTECTED, "erase %02X at 0x%06X: protected", op,
                      span.start);
        d->counts.rejected++;
        return 0;
    }
    apply_erase(d, op, span, chip, typ, now);
    return d->busy_until == UINT64_MAX ? 10000000000u : d->busy_until - now;
}

/* n <= 256 bytes inside one page; addr = first byte. */
void nor_apply_program(struct nor_die *d, uint32_t addr, const uint8_t *data, size_t n,
                       uint64_t now)
{
    const struct nor_lie *lie = &d->cfg.lie;
    uint32_t page = addr & (d->cfg.size - 1) & ~0xFFu;
    bool unerased = false;
    d->counts.programs++;
    d->counts.programmed_bytes += n;
    d->last = (struct nor_range){ page, page + 256 };
    d->last_erase = false;
    bool nothing =
        lie->program_nothing || (lie->drop_program && d->counts.programs % lie->drop_program == 0);
    bool cut = power_cut_due(d);
    size_t upto = cut ? (size_t)rng_below(&d->rng, n + 1) : n;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = page | ((addr + (uint32_t)i) & 0xFF);
        uint8_t old = d->array[at], now_is = (uint8_t)(old & data[i]);
        if (now_is != data[i]) {
            unerased = true;
        }
        if (lie->stuck_bits && at == (lie->stuck_addr & (d->cfg.size - 1))) {
            now_is = (uint8_t)(now_is | (old & lie->stuck_bits));
        }
        if (!nothing && i < upto) {
            d->array[at] = now_is;
        }
    }
    if (unerased) {
        violation_add(d->log, now, VIOLATION_UNERASED,
                      "program at 0x%06X asks for bits that are not erased", addr);
    }
    nor_start_busy(d, d->cfg.times.program, now);
    if (cut) {
        d->dead = true;
    }
}

void nor_commit_program(struct nor_die *d, uint64_t now)
{
    uint32_t addr = d->addr & (d->cfg.size - 1), page = addr & ~0xFFu;
    if (nor_protects_range(d, page, page + 256)) {
        violation_add(d->log, now, VIOLATION_PROTECTED, "program at 0x%06X: protected", addr);
        reject(d);
        return;
    }
    uint8_t data[256];
    uint32_t n = d->n_data;
    if (n > 256) {
        violation_add(d->log, now, VIOLATION_LENGTH, "program of %u bytes at 0x%06X", n, addr);
        addr += n - 256; /* the earlier ones were overwritten in the page buffer */
        n = 256;
    } else if ((addr & 0xFF) + n > 256) {
        violation_add(d->log, now, VIOLATION_WRAP,
                      "program of %u bytes at 0x%06X wraps in its page", n, addr);
    }
    addr = page | (addr & 0xFF);
    for (uint32_t i = 0; i < n; i++) {
        data[i] = d->data[(addr + i) & 0xFF];
    }
    nor_apply_program(d, addr, data, n, now);
}

uint64_t nor_direct_program(struct nor_die *d, uint32_t addr, const uint8_t *data, size_t n,
                            uint64_t now)
{
    nor_settle(d, now);
    addr &= d->cfg.size - 1;
    if (!n || d->busy_until || d->dead) {
        return 0;
    }
    if (nor_protects_range(d, addr & ~0xFFu, (addr & ~0xFFu) + 256)) {
        violation_add(d->log, now, VIOLATION_PROTECTED, "program at 0x%06X: protected", addr);
        d->counts.rejected++;
        return 0;
    }
    nor_apply_program(d, addr, data, n > 256 ? 256 : n, now);
    return d->busy_until == UINT64_MAX ? 10000000000u : d->busy_until - now;
}

/* An erase that stops half way leaves cells of any value, a program leaves some bits undone. */
void nor_cut(struct nor_die *d, uint64_t now)
{
    (void)now;
    if (!d->last_erase) {
        return;
    }
    for (uint32_t at = d->last.start; at < d->last.end; at++) {
        uint64_t r = rng_next(&d->rng);
        if (r & 0x300) {
            d->array[at] = (uint8_t)(d->array[at] & r);
        }
    }
}
