/* uart_write.c - erasing and programming ranges, in units the loaders take. */
#include "uart.h"
#include <string.h>

enum { ATTEMPTS = 5 };

static bool link_trouble(bkf_status st)
{
    return st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL;
}

static bkf_status changed(bkf_error *err, bkf_status st, uint32_t effect)
{
    if (st != BKF_OK && err && err->effect < effect) {
        err->effect = effect;
    }
    return st;
}

/* Only the ROM lets the host see.  A lost answer here says nothing of the flash: what was
 * written is proven later in any case. */
static bkf_status finished(struct beken_uart *u, bkf_error *err)
{
    if (u->id.family != UART_ROM) {
        return BKF_OK;
    }
    bkf_error local = BKF_ERROR_INIT;
    bkf_status st = uart_rom_idle(u, &local);
    if (link_trouble(st)) {
        return uart_link_recover(u, UART_READ_SR, err);
    }
    if (st != BKF_OK && err) {
        *err = local;
    }
    return st;
}

static bkf_status one_erase(struct beken_uart *u, uint8_t code, uint32_t addr, bkf_error *err)
{
    if (u->id.family == UART_L && !u->writable) {
        const bkf_status st = uart_l_arm(u, err);
        if (st != BKF_OK) {
            return st;
        }
    }
    return uart_erase_unit(u, code, addr, err);
}

static bkf_status erase_retry(struct beken_uart *u, uint8_t code, uint32_t addr, bkf_error *err)
{
    for (unsigned tries = 1;; tries++) {
        bkf_error local = BKF_ERROR_INIT;
        bkf_status st = one_erase(u, code, addr, &local);
        if (!link_trouble(st)) {
            if (st != BKF_OK && err) {
                *err = local;
            }
            return st;
        }
        /* The ROM gives up on a flash that stays busy; asking again would not help. */
        if (st == BKF_E_PROTOCOL) {
            st = finished(u, err);
            if (st != BKF_OK) {
                return st;
            }
        }
        if (tries == ATTEMPTS) {
            return uart_error(err, BKF_E_IO, "erasing 0x%06X failed %u times; the last time: %s",
                              (unsigned)addr, tries, local.message);
        }
        st = uart_link_recover(u, UART_ERASE, err);
        if (st != BKF_OK) {
            return st;
        }
        u->writable = false; /* arm again: the device may have been reset */
    }
}

static uint32_t unit_at(const struct beken_uart *u, uint32_t addr, uint32_t left, uint8_t *code)
{
    const bool rom = u->id.family == UART_ROM;
    if (addr % UART_BLOCK == 0 && left >= UART_BLOCK && (rom || addr >= UART_FIRST_BLOCK_L)) {
        *code = 0xD8;
        return UART_BLOCK;
    }
    if (rom && addr % UART_HALF_BLOCK == 0 && left >= UART_HALF_BLOCK) {
        *code = 0x52;
        return UART_HALF_BLOCK;
    }
    *code = 0x20;
    return UART_SECTOR;
}

static void forget_reads(struct beken_uart *u, uint32_t off, size_t len)
{
    for (size_t s = off / UART_SECTOR; s <= (off + len - 1) / UART_SECTOR && s < UART_SECTORS_MAX;
         s++) {
        u->reads[s] = 0;
    }
}

bkf_status uart_erase_range(struct beken_uart *u, uint32_t off, size_t len, bkf_error *err)
{
    if (off % UART_SECTOR || len % UART_SECTOR || (uint64_t)off + len > u->id.size) {
        return uart_error(err, BKF_E_PARAM, "erase 0x%06X + %zu is not whole sectors of the flash",
                          (unsigned)off, len);
    }
    if (!len) {
        return BKF_OK;
    }
    forget_reads(u, off, len);
    for (size_t at = 0; at < len;) {
        if (uart_stopped(&u->io)) {
            uart_error(err, BKF_E_CANCELLED, "cancelled before erasing 0x%06X",
                       (unsigned)(off + at));
            return changed(err, BKF_E_CANCELLED, at ? BKF_EFFECT_PARTIAL : BKF_EFFECT_NONE);
        }
        uint8_t code;
        const uint32_t unit = unit_at(u, off + (uint32_t)at, (uint32_t)(len - at), &code);
        const bkf_status st = erase_retry(u, code, off + (uint32_t)at, err);
        if (st != BKF_OK) {
            return changed(err, st,
                           st == BKF_E_PROTECTED && !at ? BKF_EFFECT_NONE : BKF_EFFECT_UNKNOWN);
        }
        at += unit;
        if (u->io.op->progress) {
            u->io.op->progress(u->io.op, at, len);
        }
    }
    return BKF_OK;
}

static size_t first_data(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] == 0xFF) {
        i++;
    }
    return i;
}

static size_t data_end(const uint8_t *p, size_t n)
{
    while (n && p[n - 1] == 0xFF) {
        n--;
    }
    return n;
}

/* A sector that this very call writes whole may be erased again when its write went wrong:
 * what a damaged request left there cannot be programmed over. */
static bkf_status whole_sector(struct beken_uart *u, uint32_t addr, const uint8_t *data,
                               bkf_error *err)
{
    bool dirty = u->id.family == UART_L && !u->writable;
    for (unsigned tries = 1;; tries++) {
        bkf_error local = BKF_ERROR_INIT;
        bkf_status st = BKF_OK;
        if (dirty) {
            st = erase_retry(u, 0x20, addr, &local);
        }
        if (st == BKF_OK) {
            st = uart_write_sector(u, addr, data, &local);
        }
        if (!link_trouble(st)) {
            if (st != BKF_OK && err) {
                *err = local;
            }
            return st;
        }
        if (tries == ATTEMPTS) {
            return uart_error(err, BKF_E_IO, "writing 0x%06X failed %u times; the last time: %s",
                              (unsigned)addr, tries, local.message);
        }
        st = uart_link_recover(u, UART_WRITE_4K, err);
        if (st != BKF_OK) {
            return st;
        }
        u->writable = false;
        dirty = true;
    }
}

static bkf_status page_retry(struct beken_uart *u, uint32_t addr, const uint8_t *data, size_t n,
                             bkf_error *err)
{
    for (unsigned tries = 1;; tries++) {
        bkf_error local = BKF_ERROR_INIT;
        bkf_status st = uart_write_page(u, addr, data, n, &local);
        if (!link_trouble(st)) {
            if (st != BKF_OK && err) {
                *err = local;
            }
            return st;
        }
        if (tries == ATTEMPTS) {
            return uart_error(err, BKF_E_IO, "writing 0x%06X failed %u times; the last time: %s",
                              (unsigned)addr, tries, local.message);
        }
        /* The same bits once more are harmless on NOR flash; wrong ones the verify finds. */
        st = uart_link_recover(u, UART_WRITE, err);
        if (st != BKF_OK) {
            return st;
        }
        if (u->id.family == UART_L && !u->writable) {
            /* Only the caller knows whether the sector may be erased again. */
            return uart_error(err, BKF_E_TIMEOUT,
                              "the link was lost while 0x%06X was written, and the loader has "
                              "protected the flash since; erase the sector and write it again",
                              (unsigned)addr);
        }
    }
}

static bkf_status pages(struct beken_uart *u, uint32_t addr, const uint8_t *data, size_t n,
                        bkf_error *err)
{
    for (size_t at = 0; at < n;) {
        const size_t room = UART_PAGE - (addr + at) % UART_PAGE;
        const size_t len = n - at < room ? n - at : room;
        const size_t from = first_data(data + at, len);
        const size_t to = data_end(data + at, len);
        if (from < to) {
            const bkf_status st =
                page_retry(u, addr + (uint32_t)(at + from), data + at + from, to - from, err);
            if (st != BKF_OK) {
                return st;
            }
        }
        at += len;
    }
    return BKF_OK;
}

/* The part of one sector that a program call covers. */
static bkf_status piece(struct beken_uart *u, uint32_t addr, const uint8_t *data, size_t n,
                        bkf_error *err)
{
    const size_t from = first_data(data, n);
    const size_t to = data_end(data, n);
    if (from >= to) {
        return BKF_OK;
    }
    if (n == UART_SECTOR) {
        return whole_sector(u, addr, data, err);
    }
    if (u->id.family == UART_L && !u->writable) {
        return uart_error(err, BKF_E_PROTECTED,
                          "0x%06X: the loader protected the flash at the last checksum; erase "
                          "the sector again before writing part of it",
                          (unsigned)addr);
    }
    return pages(u, addr + (uint32_t)from, data + from, to - from, err);
}

bkf_status uart_program_range(struct beken_uart *u, uint32_t off, const uint8_t *data, size_t len,
                              bkf_error *err)
{
    if ((uint64_t)off + len > u->id.size) {
        return uart_error(err, BKF_E_PARAM, "program 0x%06X + %zu is past the end of the flash",
                          (unsigned)off, len);
    }
    if (!len) {
        return BKF_OK;
    }
    forget_reads(u, off, len);
    for (size_t at = 0; at < len;) {
        if (uart_stopped(&u->io)) {
            uart_error(err, BKF_E_CANCELLED, "cancelled before writing 0x%06X",
                       (unsigned)(off + at));
            return changed(err, BKF_E_CANCELLED, at ? BKF_EFFECT_PARTIAL : BKF_EFFECT_NONE);
        }
        const uint32_t addr = off + (uint32_t)at;
        const size_t room = UART_SECTOR - addr % UART_SECTOR;
        const size_t n = len - at < room ? len - at : room;
        const bkf_status st = piece(u, addr, data + at, n, err);
        if (st != BKF_OK) {
            return changed(err, st,
                           st == BKF_E_PROTECTED && !at ? BKF_EFFECT_NONE : BKF_EFFECT_UNKNOWN);
        }
        at += n;
        if (u->io.op->progress) {
            u->io.op->progress(u->io.op, at, len);
        }
    }
    return changed(err, finished(u, err), BKF_EFFECT_UNKNOWN);
}
