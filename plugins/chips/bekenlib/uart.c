/* uart.c - the UART strategy as a chip plugin sees it. */
#include "uart.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERASE_READ_RATE_NUM = 4096, ERASE_READ_RATE_DEN = 4123, CRC_RATE = 400000 };
enum { LOCK_TRIES = 4, LOCK_LINK_US = 3000000 };

/* Chips by name: who answers, and under which identities.  A profile for another name says
 * uart_identity itself. */
static const struct {
    const char *name, *identity;
} known[] = {
    { "bk7231t", "BK7231S,BK7231T" }, { "bk7231q", "BK7231Q" }, { "bk7231u", "BK7231U,BK7251" },
    { "bk7252", "BK7252,BK7251" },    { "bk7231n", "7231C" },   { "bk7231m", "7231C" },
    { "bl2028n", "7231C" },           { "bk7238", "7238" },     { "bk7252n", "7252A" },
};

static void copy(char *dst, size_t cap, const char *src)
{
    snprintf(dst, cap, "%s", src ? src : "");
}

static bkf_status read_config(struct uart_config *c, const bkf_props *p, const char *driver,
                              const char *protocol, bkf_error *err)
{
    copy(c->name, sizeof c->name, p->str(p, "uart_name"));
    if (!c->name[0]) {
        copy(c->name, sizeof c->name, driver);
    }
    copy(c->identity, sizeof c->identity, p->str(p, "uart_identity"));
    for (size_t i = 0; i < sizeof known / sizeof known[0] && !c->identity[0]; i++) {
        if (strcmp(known[i].name, c->name) == 0) {
            copy(c->identity, sizeof c->identity, known[i].identity);
        }
    }
    const char *said = p->str(p, "uart_protocol");
    const char *family = said[0] ? said : protocol;
    if (strcmp(family, "rom") == 0) {
        c->family = UART_ROM;
    } else if (strcmp(family, "bootloader") == 0 || strcmp(family, "l") == 0) {
        c->family = UART_L;
    } else {
        return uart_error(err, BKF_E_PROFILE, "uart_protocol: '%s' is neither rom nor bootloader",
                          family);
    }
    copy(c->key, sizeof c->key, p->str(p, "uart_key"));
    if (c->key[0] && strspn(c->key, "0123456789abcdefABCDEF") < 8) {
        return uart_error(err, BKF_E_PROFILE, "uart_key: '%s' does not start with 8 hex digits",
                          c->key);
    }
    c->key_check = p->num(p, "uart_key_check") != 0;
    c->read_alias = p->num(p, "read_alias") != 0;
    c->size = (uint32_t)p->num(p, "uart_size");
    c->floor = (uint32_t)p->num(p, "uart_floor");
    if (c->family == UART_L && c->floor < UART_FLOOR_L) {
        c->floor = UART_FLOOR_L;
    }
    c->link_timeout_us = (uint32_t)p->num(p, "uart_timeout");
    c->reset_us = (uint32_t)p->num(p, "uart_reset_low");
    c->soft_reset = p->num(p, "uart_soft_reset") != 0;
    c->baud_delay_ms = (uint32_t)p->num(p, "uart_baud_delay");
    c->adaptive = p->num(p, "uart_adaptive") != 0;
    c->start_baud = UART_START_BAUD;
    return BKF_OK;
}

bkf_status beken_uart_new(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                          const char *driver, const char *protocol, struct beken_uart **out,
                          bkf_error *err)
{
    if (!links->uart || !links->uart->ops) {
        return uart_error(err, BKF_E_UNSUPPORTED, "%s: no UART is wired", driver);
    }
    struct beken_uart *u = calloc(1, sizeof *u);
    if (!u) {
        return uart_error(err, BKF_E_NOMEM, "out of memory");
    }
    const bkf_status st = read_config(&u->cfg, props, driver, protocol, err);
    if (st != BKF_OK) {
        free(u);
        return st;
    }
    u->io.host = host;
    u->io.links = links;
    u->io.ops = links->uart->ops;
    u->io.self = links->uart->self;
    u->ladder.cap = uart_ladder_cap(u->cfg.family, links->baud);
    u->memory = host->service ? host->service(host, BKF_SERVICE_MEMORY) : NULL;
    *out = u;
    return BKF_OK;
}

void beken_uart_free(struct beken_uart *u)
{
    free(u);
}

bkf_status beken_uart_attach(struct beken_uart *u, const bkf_op *op, bkf_error *err)
{
    u->io.op = op;
    bkf_status st = uart_link_up(u, err);
    if (st == BKF_OK) {
        st = uart_ladder_climb(u, err);
    }
    return st;
}

static bkf_status send_reboots(struct beken_uart *u, bkf_error *err)
{
    uint8_t req[16];
    const size_t n = uart_req_reboot(req);
    bkf_status st = BKF_OK;
    /* There is no reply to look for, and the first may be lost. */
    for (unsigned i = 0; st == BKF_OK && i < 3; i++) {
        u->pending = false;
        st = uart_put(u, req, n, err);
        uart_sleep(&u->io, 10000 + uart_wire_us(&u->io, n));
    }
    u->pending = u->linked = false;
    u->unanswered = 0;
    return st;
}

bkf_status beken_uart_detach(struct beken_uart *u, const bkf_op *op, uint32_t run, bkf_error *err)
{
    u->io.op = op;
    if (!u->linked) {
        return BKF_OK;
    }
    if (run && u->unanswered) {
        /* Not into a request that is not finished; a loader that is gone needs no reboot. */
        bool alive = false;
        const bkf_status st = uart_link_find(u, u->unanswered_op, &alive, err);
        if (st != BKF_OK || !alive) {
            u->linked = false;
            return st;
        }
    }
    u->linked = u->linked && run != 0;
    return run ? send_reboots(u, err) : BKF_OK;
}

bkf_status beken_uart_reset(struct beken_uart *u, const bkf_op *op, bkf_error *err)
{
    u->io.op = op;
    const bkf_status st = uart_link_keep(u, err);
    return st == BKF_OK ? send_reboots(u, err) : st;
}

/* Every job starts here: the device must know us, and we the device. */
static bkf_status begin(struct beken_uart *u, const bkf_op *op, bkf_error *err)
{
    u->io.op = op;
    u->relinks = 0;
    bkf_status st = uart_link_keep(u, err);
    if (st == BKF_OK && !u->id.done) {
        st = uart_identify(u, err);
    }
    return st;
}

bkf_status beken_uart_probe(struct beken_uart *u, const bkf_op *op, bkf_chip_info *info,
                            bkf_error *err)
{
    bkf_status st = begin(u, op, err);
    if (st != BKF_OK) {
        return st;
    }
    info->chip_id = u->id.chip_id;
    info->jedec_id = u->id.jedec;
    info->flash_size = u->id.size;
    info->page = UART_PAGE;
    info->sector = UART_SECTOR;
    info->size_evidence = u->id.size_evidence;
    info->resets = u->resets;
    copy(info->chip, sizeof info->chip, u->id.chip);
    snprintf(info->text, sizeof info->text, "%s, linked at %u baud", u->id.text,
             (unsigned)u->io.baud);
    if (u->id.family == UART_ROM) {
        st = uart_rom_status(u, &info->status, &info->status_bits, err);
        if (st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL) {
            st = uart_link_recover(u, UART_READ_SR, err);
        }
    }
    return st;
}

size_t beken_uart_windows(struct beken_uart *u, bkf_window *w, size_t cap)
{
    const uint32_t size = u->id.size ? u->id.size : u->cfg.size ? u->cfg.size : 0x1000000u;
    const uint32_t floor = u->cfg.floor;
    const bool alias = u->cfg.family == UART_ROM || u->cfg.read_alias;
    const bkf_window all[] = {
        { .start = 0,
          .end = floor,
          .access = alias ? BKF_CAN_READ : 0u,
          .reason = u->cfg.family == UART_L
                        ? "the UART loader is part of the first 0x11000 bytes; over UART they are "
                          "never erased or written"
                        : "the profile's uart_floor" },
        { .start = floor,
          .end = size,
          .access = BKF_CAN_READ | BKF_CAN_ERASE | BKF_CAN_PROGRAM |
                    (u->cfg.family == UART_L ? BKF_ERASE_FIRST : 0u) },
    };
    const size_t skip = floor ? 0 : 1;
    for (size_t i = skip; i < 2 && i - skip < cap; i++) {
        w[i - skip] = all[i];
    }
    return 2 - skip;
}

bkf_status beken_uart_read(struct beken_uart *u, const bkf_op *op, uint32_t off, uint8_t *p,
                           size_t n, bkf_error *err)
{
    const bkf_status st = begin(u, op, err);
    return st == BKF_OK ? uart_read_range(u, off, p, n, err) : st;
}

bkf_status beken_uart_erase(struct beken_uart *u, const bkf_op *op, uint32_t off, size_t n,
                            bkf_error *err)
{
    const bkf_status st = begin(u, op, err);
    return st == BKF_OK ? uart_erase_range(u, off, n, err) : st;
}

bkf_status beken_uart_program(struct beken_uart *u, const bkf_op *op, uint32_t off,
                              const uint8_t *p, size_t n, bkf_error *err)
{
    const bkf_status st = begin(u, op, err);
    return st == BKF_OK ? uart_program_range(u, off, p, n, err) : st;
}

static bkf_status rom_only(const struct beken_uart *u, const char *what, bkf_error *err)
{
    return u->id.family == UART_ROM
               ? BKF_OK
               : uart_error(err, BKF_E_UNSUPPORTED, "this UART loader has no request for %s", what);
}

/* Retries once after a lost exchange: all of these may be repeated. */
#define AGAIN(u, st, call, kind)                               \
    do {                                                       \
        if ((st) == BKF_E_TIMEOUT || (st) == BKF_E_PROTOCOL) { \
            (st) = uart_link_recover((u), (kind), err);        \
            if ((st) == BKF_OK) {                              \
                (st) = (call);                                 \
            }                                                  \
        }                                                      \
    } while (0)

bkf_status beken_uart_status(struct beken_uart *u, const bkf_op *op, uint32_t *value,
                             uint32_t *bits, bkf_error *err)
{
    bkf_status st = begin(u, op, err);
    if (st == BKF_OK) {
        st = rom_only(u, "status registers", err);
    }
    if (st == BKF_OK) {
        st = uart_rom_status(u, value, bits, err);
        AGAIN(u, st, uart_rom_status(u, value, bits, err), UART_READ_SR);
    }
    return st;
}

static bkf_status set_status(struct beken_uart *u, uint32_t value, uint32_t mask, bkf_error *err)
{
    bkf_status st = uart_rom_set_status(u, value, mask, err);
    AGAIN(u, st, uart_rom_set_status(u, value, mask, err), UART_WRITE_SR);
    return st;
}

bkf_status beken_uart_unlock(struct beken_uart *u, const bkf_op *op, bkf_error *err)
{
    bkf_status st = begin(u, op, err);
    if (st != BKF_OK) {
        return st;
    }
    if (u->id.family == UART_L) {
        /* The loader clears the protection itself at the first erase after a LinkCheck. */
        st = uart_l_arm(u, err);
        AGAIN(u, st, uart_l_arm(u, err), UART_LINK_CHECK);
        return st;
    }
    uint32_t value, bits;
    st = uart_rom_status(u, &value, &bits, err);
    AGAIN(u, st, uart_rom_status(u, &value, &bits, err), UART_READ_SR);
    if (st != BKF_OK) {
        return st;
    }
    if (!u->saved_valid) {
        u->saved_status = value;
        u->saved_valid = true;
    }
    u->unlocked = true;
    return set_status(u, 0, uart_protect_mask(u), err);
}

/* The L loader protects the whole flash at every checksum: one over its first page does. */
static bkf_status l_protect(struct beken_uart *u, bkf_error *err)
{
    uint32_t crc;
    bkf_status st = uart_crc(u, 0, UART_PAGE, &crc, err);
    AGAIN(u, st, uart_crc(u, 0, UART_PAGE, &crc, err), UART_CHECK_CRC);
    return st;
}

static bkf_status lock_once(struct beken_uart *u, const bkf_op *op, bkf_error *err)
{
    const bkf_status st = begin(u, op, err);
    if (st != BKF_OK) {
        return st;
    }
    if (u->id.family == UART_L) {
        return l_protect(u, err);
    }
    u->unlocked = false;
    return u->saved_valid ? set_status(u, u->saved_status, uart_protect_mask(u), err) : BKF_OK;
}

/* A job may end because its link was lost.  The user cannot cancel this, so it is short. */
static bkf_status link_for_lock(struct beken_uart *u, const bkf_op *op, bkf_error *err)
{
    const uint32_t timeout = u->cfg.link_timeout_us;
    u->io.op = op;
    u->relinks = 0;
    if (timeout > LOCK_LINK_US) {
        u->cfg.link_timeout_us = LOCK_LINK_US;
    }
    const bkf_status st = uart_link_again(u, err);
    u->cfg.link_timeout_us = timeout;
    return st;
}

/* The last thing a job does, after a failure too: what fails once is tried again. */
bkf_status beken_uart_lock(struct beken_uart *u, const bkf_op *op, bkf_error *err)
{
    const bool relink = !u->linked && u->id.done;
    bkf_status st = relink ? link_for_lock(u, op, err) : BKF_OK;
    for (unsigned tries = LOCK_TRIES; st == BKF_OK && tries--;) {
        st = lock_once(u, op, err);
        if (st == BKF_OK) {
            break;
        }
        const bool passing =
            st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL || st == BKF_E_IO || st == BKF_E_NO_LINK;
        if (passing && tries) {
            st = u->linked ? BKF_OK : link_for_lock(u, op, err);
        }
    }
    if (relink && u->linked) {
        /* The session had let go of the chip already: nobody else lets it run. */
        bkf_error local = BKF_ERROR_INIT;
        (void)send_reboots(u, &local);
    }
    return st;
}

bkf_status beken_uart_protect(struct beken_uart *u, const bkf_op *op, uint32_t on, bkf_error *err)
{
    const bkf_status st = begin(u, op, err);
    if (st != BKF_OK) {
        return st;
    }
    if (u->id.family == UART_L) {
        return on ? l_protect(u, err)
                  : uart_error(err, BKF_E_UNSUPPORTED,
                               "this loader lifts the protection only together with an erase");
    }
    return set_status(u, on ? 0x1Cu : 0u, uart_protect_mask(u), err);
}

bkf_status beken_uart_protected(struct beken_uart *u, const bkf_op *op, bkf_range *r, size_t cap,
                                size_t *n, bkf_error *err)
{
    uint32_t value = 0, bits = 0;
    *n = 0;
    const bkf_status st = beken_uart_status(u, op, &value, &bits, err);
    /* Which part the bits cover depends on the die; over UART the whole is assumed. */
    if (st == BKF_OK && (value & uart_protect_mask(u))) {
        *n = 1;
        if (cap) {
            r[0] = (bkf_range){ 0, u->id.size };
        }
    }
    return st;
}

bkf_status beken_uart_restore(struct beken_uart *u, const bkf_op *op, uint32_t value,
                              bkf_error *err)
{
    bkf_status st = begin(u, op, err);
    if (st == BKF_OK) {
        st = rom_only(u, "status registers", err);
    }
    return st == BKF_OK ? set_status(u, value, uart_protect_mask(u), err) : st;
}

bkf_status beken_uart_efuse(struct beken_uart *u, const bkf_op *op, uint32_t off, uint8_t *p,
                            size_t n, bkf_error *err)
{
    bkf_status st = begin(u, op, err);
    if (st == BKF_OK) {
        st = rom_only(u, "efuses", err);
    }
    if (st == BKF_OK && ((uint64_t)off + n > 32)) {
        return uart_error(err, BKF_E_PARAM, "there are 32 efuse bytes");
    }
    for (size_t i = 0; st == BKF_OK && i < n; i++) {
        const uint32_t at = off + (uint32_t)i;
        st = uart_rom_efuse(u, at, p + i, err);
        AGAIN(u, st, uart_rom_efuse(u, at, p + i, err), UART_READ_REG);
    }
    return st;
}

bkf_status beken_uart_crc32(struct beken_uart *u, const bkf_op *op, uint32_t off, size_t len,
                            uint32_t *crc, bkf_error *err)
{
    bkf_status st = begin(u, op, err);
    if (st != BKF_OK) {
        return st;
    }
    if (off % UART_PAGE || len % UART_PAGE || (uint64_t)off + len > u->id.size) {
        return uart_error(err, BKF_E_PARAM,
                          "checksum of 0x%06X + %zu is not whole pages of the "
                          "flash",
                          (unsigned)off, len);
    }
    if (!len) {
        *crc = 0;
        return BKF_OK;
    }
    for (unsigned tries = 4; tries--;) {
        st = uart_crc(u, off, len, crc, err);
        if (st == BKF_OK) {
            break;
        }
        if ((st != BKF_E_TIMEOUT && st != BKF_E_PROTOCOL) || !tries) {
            return st;
        }
        st = uart_link_recover(u, UART_CHECK_CRC, err);
        if (st != BKF_OK) {
            return st;
        }
    }
    return uart_ladder_home(u, err);
}

void beken_uart_rates(const struct beken_uart *u, uint32_t *read_rate, uint32_t *crc_rate)
{
    *read_rate = (uint32_t)((uint64_t)u->io.baud / 10 * ERASE_READ_RATE_NUM / ERASE_READ_RATE_DEN);
    *crc_rate = u->crc_rate ? u->crc_rate : CRC_RATE;
}
