/* loader_l.c - the L family: a boot loader in flash that parses one byte at a time out of a
 * ring, believes every length, and forgets nothing until a reset. */
#include "device_priv.h"
#include "loader.h"
#include <string.h>

#define MS 1000000ull
enum { STEP_IDLE, STEP_E0, STEP_FC, STEP_LEN, STEP_F4, STEP_N0, STEP_N1, STEP_PAYLOAD };
enum { CMD_BUFFER = 16, PAGE = 256 };

static void busy(struct uart *u, uint8_t with, uint64_t until)
{
    u->busy_with = with;
    u->busy_until = until;
}

static void check_crc(struct uart *u, uint64_t t)
{
    uint32_t start = loader_le32(u->buf + 1), end = loader_le32(u->buf + 5);
    uint64_t len = (uint64_t)end - start + 1;
    if (end < start || len / PAGE >= 0x10000) {
        loader_hang(u, t, "CheckCRC over a range that never ends: only a reset helps");
        return;
    }
    len = len / PAGE * PAGE;
    uint32_t crc = loader_flash_crc(u, start, len);
    const uint8_t reply[4] = { (uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16),
                               (uint8_t)(crc >> 24) };
    uint64_t ready = loader_flash_protect(u, 0x7C, t);
    u->crc_protected = true;
    ready += len * 2500; /* 400 kB/s */
    busy(u, 0x10, loader_short_reply(u, ready, 0x10, reply, 4));
}

static void set_baud(struct uart *u, uint64_t t)
{
    uint8_t echo[5];
    uint32_t baud = loader_le32(u->buf + 1);
    memcpy(echo, u->buf + 1, sizeof echo);
    if (!baud) {
        loader_hang(u, t, "SetBaud to 0 divides by zero");
        return;
    }
    if (u->quirks & QUIRK_STALE) {
        (void)loader_short_reply(u, t, 0x01, (const uint8_t[]){ 0 }, 1);
    }
    u->divider = loader_divider(false, baud);
    uint64_t done = t + (echo[4] + 1u) * 2 * MS;
    if (u->fault.lose_setbaud) {
        u->fault.lose_setbaud--;
        busy(u, 0x0F, done);
        return;
    }
    busy(u, 0x0F, loader_short_reply(u, done, 0x0F, echo, 5));
}

static void short_command(struct uart *u, uint64_t t)
{
    static const uint8_t zero[1] = { 0 };
    u->commands++;
    switch (u->buf[0]) {
    case 0x00:
        if (u->need != 1) {
            return;
        }
        loader_linked(u, t);
        u->armed = true;
        busy(u, 0x00, loader_short_reply(u, t, 0x01, zero, 1));
        return;
    case 0x0E:
        if (u->need == 2) {
            loader_restart(u, t);
        }
        return;
    case 0x0F:
        if (u->need == 6) {
            set_baud(u, t);
        }
        return;
    case 0x10:
        if (u->need == 9) {
            check_crc(u, t);
        }
        return;
    case 0x11:
        if (u->chip->version && u->need == 1) {
            uint8_t text[16] = { 0 };
            memcpy(text, u->chip->version, strlen(u->chip->version));
            busy(u, 0x11, loader_short_reply(u, t, 0x11, text, 16));
        }
        return;
    default:
        return; /* silence */
    }
}

static void read_4k(struct uart *u, uint32_t addr, uint64_t t)
{
    uint8_t reply[4100];
    memcpy(reply, u->buf + 1, 4);
    if (addr < u->chip->limit) {
        reply[4] = 0; /* the low byte of N - 5 */
        busy(u, 0x09, loader_long_reply(u, t, 0x09, 6, reply, 5));
        return;
    }
    loader_flash_read(u, addr, reply + 4, 4096);
    busy(u, 0x09, loader_long_reply(u, t + 2 * MS, 0x09, 0, reply, sizeof reply));
}

static void erase(struct uart *u, uint64_t t)
{
    uint8_t op = u->buf[1], status = 0;
    uint32_t addr = loader_le32(u->buf + 2), resets = u->resets;
    uint64_t ready = t;
    if ((int32_t)addr < (int32_t)u->chip->limit) { /* a signed comparison */
        status = 6;
    } else {
        if (u->armed) {
            ready = loader_flash_protect(u, 0, t);
            u->armed = u->crc_protected = false;
        }
        if (op == 0x20 || op == 0xD8) { /* anything else erases nothing and says 0 */
            ready = loader_flash_erase(u, op, addr, ready);
        }
    }
    if (u->resets == resets) {
        busy(u, 0x0F, loader_long_reply(u, ready, 0x0F, status, u->buf + 1, 5));
    }
}

static void write_page(struct uart *u, uint64_t t)
{
    uint32_t addr = loader_le32(u->buf + 1), n = u->need - 5;
    uint8_t reply[5];
    uint64_t ready = t;
    memcpy(reply, u->buf + 1, 4);
    reply[4] = (uint8_t)n;
    uint8_t status = addr < u->chip->limit ? 6 : 0;
    if (!status) {
        ready = loader_flash_program(u, addr, u->buf + 5, n > PAGE ? PAGE : n, t);
    }
    busy(u, 0x06, loader_long_reply(u, ready, 0x06, status, reply, 5));
}

static void write_4k_done(struct uart *u, uint64_t t)
{
    uint32_t addr = loader_le32(u->buf + 1);
    uint8_t reply[4];
    memcpy(reply, u->buf + 1, 4);
    if (addr < u->chip->write4k_limit) {
        reply[0] = (uint8_t)u->chip->write4k_limit; /* the limit overwrites the address */
        reply[1] = (uint8_t)(u->chip->write4k_limit >> 8);
        busy(u, 0x07, loader_long_reply(u, t, 0x07, 6, reply, 4));
        return;
    }
    busy(u, 0x07, loader_long_reply(u, t, 0x07, 0, reply, 4));
}

static void long_command(struct uart *u, uint64_t t)
{
    u->commands++;
    switch (u->buf[0]) {
    case 0x06:
        if (u->need > 5) {
            write_page(u, t);
        }
        return;
    case 0x07:
        write_4k_done(u, t);
        return;
    case 0x09:
        if (u->need >= 5) {
            read_4k(u, loader_le32(u->buf + 1), t);
        }
        return;
    case 0x0F:
        if (u->need >= 6) {
            erase(u, t);
        }
        return;
    default:
        return; /* silence */
    }
}

/* A page of a Write4K is programmed as soon as it is there. */
static uint64_t page_arrived(struct uart *u, uint64_t t)
{
    uint32_t addr = loader_le32(u->buf + 1);
    uint32_t k = u->pages++;
    if (addr < u->chip->write4k_limit) {
        return t;
    }
    return loader_flash_program(u, addr + k * PAGE, u->buf + 5 + k * PAGE, PAGE, t);
}

static void payload(struct uart *u, uint8_t byte, uint64_t t)
{
    if (u->is_long ? u->n >= sizeof u->buf : u->n >= CMD_BUFFER) {
        loader_hang(u, t, "request longer than the loader's buffer");
        return;
    }
    u->buf[u->n++] = byte;
    if (u->is_long && u->buf[0] == 0x07 && u->n > 5 && (u->n - 5) % PAGE == 0) {
        uint64_t done = page_arrived(u, t);
        busy(u, 0x07, done);
        t = done;
    }
    if (u->n < u->need) {
        return;
    }
    u->step = STEP_IDLE;
    if (!u->is_long) {
        short_command(u, t);
    } else {
        long_command(u, t);
    }
}

static void begin_payload(struct uart *u, bool is_long, uint32_t need, uint64_t t)
{
    u->is_long = is_long;
    u->need = need;
    u->n = u->pages = 0;
    u->step = need ? STEP_PAYLOAD : STEP_IDLE;
    (void)t;
}

void loader_l_byte(struct uart *u, uint8_t byte, uint64_t t)
{
    switch (u->step) {
    case STEP_IDLE:
        u->step = byte == 0x01 ? STEP_E0 : STEP_IDLE;
        return;
    case STEP_E0: /* a repeated 01 is consumed, not taken as a new start */
        u->step = byte == 0xE0 ? STEP_FC : STEP_IDLE;
        return;
    case STEP_FC:
        u->step = byte == 0xFC ? STEP_LEN : STEP_IDLE;
        return;
    case STEP_LEN:
        if (byte == 0xFF) {
            u->step = STEP_F4;
        } else {
            begin_payload(u, false, byte, t);
        }
        return;
    case STEP_F4:
        u->step = byte == 0xF4 ? STEP_N0 : STEP_IDLE;
        return;
    case STEP_N0:
        u->need = byte;
        u->step = STEP_N1;
        return;
    case STEP_N1:
        begin_payload(u, true, u->need | (uint32_t)byte << 8, t);
        return;
    case STEP_PAYLOAD:
    default:
        payload(u, byte, t);
        if (u->is_long && u->n == 1 && u->buf[0] == 0x07 && u->step == STEP_PAYLOAD &&
            (u->need <= 5 || (u->need - 5) % PAGE)) {
            loader_hang(u, t, "Write4K with a length that is no number of pages never completes");
        }
        return;
    }
}
