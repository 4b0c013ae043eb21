/* loader_flash.c - the flash as the loaders' own controller drives it. */
#include "device_priv.h"
#include "loader.h"
#include <string.h>
#include <zlib.h>

#define MS 1000000ull

/* Only 24 address bits leave the controller, and the die ignores those above its size. */
static uint32_t masked(const struct uart *u, uint32_t addr)
{
    return (addr & 0xFFFFFF) & (uint32_t)(u->dev->size - 1);
}

static uint32_t protect_bits(const struct uart *u)
{
    const struct nor_config *c = nor_config(u->dev->die);
    return c->style == NOR_STYLE_MX25                      ? 0x3Cu
           : c->style == NOR_STYLE_W25Q && c->sr_count > 1 ? 0x407Cu
           : c->style == NOR_STYLE_NONE                    ? 0
                                                           : 0x7Cu;
}

/* The controller refuses while any protection bit is set, wherever the range is
 * (bk7252-cam docs/hardware/flash.md). */
static bool refused(struct uart *u, uint32_t addr, const char *what, uint64_t t)
{
    if (!(nor_status(u->dev->die, t) & protect_bits(u))) {
        return false;
    }
    violation_add(&u->dev->log, t, u->crc_protected ? VIOLATION_UART_ORDER : VIOLATION_PROTECTED,
                  "%s at 0x%06X: the flash is protected%s", what, addr,
                  u->crc_protected ? " since the last CheckCRC" : "");
    return true;
}

static void guard_bootloader(struct uart *u, uint32_t addr, const char *what, uint64_t t)
{
    if (!u->chip->rom && addr < 0x11000) {
        violation_add(&u->dev->log, t, VIOLATION_BOOTLOADER, "%s at 0x%06X destroys the loader",
                      what, addr);
    }
}

static uint64_t free_at(struct uart *u, uint64_t t)
{
    return u->flash_free > t ? u->flash_free : t;
}

uint64_t loader_flash_erase(struct uart *u, uint8_t opcode, uint32_t addr, uint64_t t)
{
    uint32_t size = opcode == 0x20 ? 4096 : opcode == 0x52 ? 32768 : 65536;
    addr = masked(u, addr) & ~(size - 1);
    t = free_at(u, t);
    if (refused(u, addr, "erase", t)) {
        return t;
    }
    if (opcode != 0xC7) {
        guard_bootloader(u, addr, "erase", t);
    }
    u->erases++;
    uint64_t busy = nor_direct_erase(u->dev->die, opcode, addr, t);
    u->flash_free = t + busy;
    if (u->fault.brownout && u->erases == u->fault.brownout) {
        nor_power_cycle(u->dev->die, true, t + busy / 2);
        u->flash_free = 0;
        loader_restart(u, t + busy / 2);
        return t + busy / 2;
    }
    return u->flash_free;
}

uint64_t loader_flash_program(struct uart *u, uint32_t addr, const uint8_t *p, size_t n, uint64_t t)
{
    t = free_at(u, t);
    if (!u->chip->rom && addr >> 24) {
        /* The L driver ORs the address into the controller's command word: other commands. */
        violation_add(&u->dev->log, t, VIOLATION_UART_ADDRESS,
                      "program at 0x%08X becomes controller command %02X", addr,
                      0x2Cu | addr >> 24);
        uint32_t command = 0x2Cu | addr >> 24;
        return command == 0x2D   ? loader_flash_erase(u, 0x20, addr, t)
               : command == 0x2F ? loader_flash_erase(u, 0xD8, addr, t)
                                 : t;
    }
    addr = masked(u, addr);
    if (refused(u, addr, "program", t)) {
        return t;
    }
    guard_bootloader(u, addr, "program", t);
    u->flash_free = t + nor_direct_program(u->dev->die, addr, p, n, t);
    return u->flash_free;
}

void loader_flash_read(const struct uart *u, uint32_t addr, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = u->dev->flash[masked(u, addr + (uint32_t)i)];
    }
}

uint32_t loader_flash_crc(const struct uart *u, uint32_t addr, uint64_t n)
{
    uint32_t at = masked(u, addr);
    uLong crc = crc32(0, NULL, 0);
    while (n) {
        uint64_t piece = u->dev->size - at < n ? u->dev->size - at : n;
        crc = crc32(crc, u->dev->flash + at, (uInt)piece);
        n -= piece;
        at = 0;
    }
    return (uint32_t)crc ^ 0xFFFFFFFFu; /* the wire has no final inversion */
}

uint64_t loader_flash_protect(struct uart *u, uint32_t value, uint64_t t)
{
    const struct nor_config *c = nor_config(u->dev->die);
    uint32_t mask = c->sr_count > 1 ? 0xFFFCu : 0xFCu;
    t = free_at(u, t);
    if (((nor_status(u->dev->die, t) ^ value) & mask) == 0) {
        return t;
    }
    if (!c->lie.sr_stuck) {
        nor_force_status(u->dev->die, value);
    }
    u->flash_free = t + c->times.status_write;
    return u->flash_free;
}
