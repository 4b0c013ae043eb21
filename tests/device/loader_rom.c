/* loader_rom.c - the ROM family: mask ROM, one frame buffer, deaf while it works, a frame
 * time-out, an answer to everything. */
#include "device_priv.h"
#include "loader.h"
#include <string.h>

#define MS 1000000ull
#define US 1000ull
enum { STEP_IDLE, STEP_E0, STEP_FC, STEP_LEN, STEP_F4, STEP_N0, STEP_N1, STEP_PAYLOAD };
enum { OK = 0, FLASH_TIMEOUT = 3, BAD_LENGTH = 4, INCOMPLETE = 5, BAD_PARAM = 6, UNKNOWN = 7 };
enum { PAGE = 256, REG_EFUSE_CTRL = 0x00800074, REG_EFUSE_DATA = 0x00800078 };

static void busy(struct uart *u, uint8_t with, uint64_t until)
{
    u->busy_with = with;
    u->busy_until = until;
    u->step = STEP_IDLE;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> 8 * i);
    }
}

/* -- registers ------------------------------------------------------------------------ */
static uint32_t read_reg(struct uart *u, uint32_t addr)
{
    if (addr == u->chip->id_addr) {
        return u->chip->chip_id;
    }
    if (addr == REG_EFUSE_CTRL) {
        if (u->efuse_polls) {
            u->efuse_polls--;
        } else {
            u->efuse_ctrl &= ~1u; /* the enable bit clears itself */
        }
        return u->efuse_ctrl;
    }
    if (addr == REG_EFUSE_DATA) {
        return 0x100u | u->efuse[u->efuse_ctrl >> 8 & 31];
    }
    return 0;
}

static void write_reg(struct uart *u, uint32_t addr, uint32_t value, uint64_t t)
{
    if (addr != REG_EFUSE_CTRL) {
        return;
    }
    if ((value & 3) == 3) {
        violation_add(&u->dev->log, t, VIOLATION_OTP, "eFUSE byte %u burnt", value >> 8 & 31);
        u->efuse[value >> 8 & 31] |= (uint8_t)(value >> 16);
    }
    u->efuse_ctrl = value;
    u->efuse_polls = (uint32_t)rng_below(&u->rng, 3);
}

/* -- short commands --------------------------------------------------------------------- */
static uint64_t set_baud(struct uart *u, uint64_t t)
{
    uint8_t echo[5];
    uint32_t baud = loader_le32(u->buf + 1);
    memcpy(echo, u->buf + 1, 5);
    if (!baud) {
        loader_hang(u, t, "SetBaud to 0 divides by zero");
        return t;
    }
    if (u->quirks & QUIRK_STALE) {
        (void)loader_short_reply(u, t, 0x01, (const uint8_t[]){ 0 }, 1);
    }
    u->divider = loader_divider(true, baud);
    uint64_t done = t + echo[4] * MS;
    if (u->fault.lose_setbaud) {
        u->fault.lose_setbaud--;
        return done;
    }
    return loader_short_reply(u, done, 0x0F, echo, 5);
}

static uint64_t check_crc(struct uart *u, uint64_t t)
{
    uint32_t start = loader_le32(u->buf + 1), end = loader_le32(u->buf + 5);
    uint64_t len = (uint64_t)(uint32_t)(end - start) + 1;
    uint8_t reply[4];
    if (len > 64u << 20) {
        loader_hang(u, t, "CheckCRC over a range that takes minutes: only a reset helps");
        return t;
    }
    put32(reply, loader_flash_crc(u, start, len));
    return loader_short_reply(u, t + len * 2500, 0x10, reply, 4);
}

static uint64_t register_access(struct uart *u, uint64_t t)
{
    uint32_t addr = loader_le32(u->buf + 1), value;
    uint8_t reply[8];
    if (u->buf[0] == 0x01) {
        value = loader_le32(u->buf + 5);
        write_reg(u, addr, value, t);
        put32(reply, addr);
    } else {
        value = read_reg(u, addr);
        put32(reply, u->quirks & QUIRK_ADDR1 ? addr + 1 : addr);
    }
    put32(reply + 4, value);
    return loader_short_reply(u, t + 50 * US, u->buf[0], reply, 8);
}

static bool restart_asked(const struct uart *u)
{
    return (u->buf[0] == 0x0E && u->need == 2 && u->buf[1] == 0xA5) ||
           (u->buf[0] == 0x70 && u->need == 5 && !memcmp(u->buf + 1, "SEAN", 4));
}

static void short_command(struct uart *u, uint64_t t)
{
    static const uint8_t zero[1] = { 0 }, unknown[1] = { UNKNOWN };
    uint8_t cmd = u->buf[0];
    uint64_t done;
    u->commands++;
    if (restart_asked(u)) {
        loader_restart(u, t);
        return;
    }
    if (cmd == 0x00 && u->need == 1 && !(u->quirks & QUIRK_STAYROM)) {
        loader_linked(u, t);
        done = loader_short_reply(u, t, 0x01, zero, 1);
    } else if (cmd == 0xAA && u->need == 2 && u->buf[1] == 0x55) {
        loader_linked(u, t);
        done = loader_short_reply(u, t, 0xAA, u->buf + 1, 1);
    } else if (u->state != UART_LINKED || cmd == 0x00) {
        u->step = STEP_IDLE; /* before the link nothing is said, TX is not even muxed */
        return;
    } else if ((cmd == 0x01 && u->need == 9) || (cmd == 0x03 && u->need == 5)) {
        done = register_access(u, t);
    } else if (cmd == 0x02 && u->need == 1 && u->chip->chip_id == 0x7236) {
        done = loader_short_reply(u, t, 0x03, zero, 1);
    } else if (cmd == 0x0F && u->need == 6) {
        done = set_baud(u, t);
    } else if (cmd == 0x10 && u->need == 9) {
        done = check_crc(u, t);
    } else if (cmd == 0x0E || cmd == 0x70) {
        done = loader_short_reply(u, t, cmd, u->buf + 1, u->need - 1);
    } else {
        done = loader_short_reply(u, t, cmd, unknown, 1);
    }
    busy(u, cmd, done);
}

/* -- flash commands ------------------------------------------------------------------------ */
static uint64_t read_flash(struct uart *u, uint8_t op, uint64_t t)
{
    uint8_t reply[4100];
    uint32_t n = op == 0x09 ? 4096 : u->buf[5];
    memcpy(reply, u->buf + 1, 4);
    loader_flash_read(u, loader_le32(u->buf + 1), reply + 4, n);
    return loader_long_reply(u, t, op, OK, reply, 4 + n);
}

static uint64_t erase(struct uart *u, uint8_t op, uint8_t how, uint32_t addr, uint64_t limit,
                      const uint8_t *echo, size_t n, uint64_t t)
{
    uint8_t status = OK;
    uint32_t resets = u->resets;
    uint64_t ready = t;
    if (how == 0x20 || how == 0x52 || how == 0xD8 || how == 0xC7) {
        ready = loader_flash_erase(u, how, addr, t);
    } else {
        violation_add(&u->dev->log, t, VIOLATION_OPCODE, "erase with code %02X", how);
    }
    if (u->resets != resets) {
        return ready; /* brown-out: nobody answers */
    }
    if (ready > t + limit) {
        ready = t + limit;
        status = FLASH_TIMEOUT;
    }
    return loader_long_reply(u, ready, op, status, echo, n);
}

static uint64_t write_bytes(struct uart *u, uint64_t t)
{
    uint32_t addr = loader_le32(u->buf + 1), n = u->need - 5;
    uint8_t reply[5], status = OK;
    memcpy(reply, u->buf + 1, 4);
    reply[4] = (uint8_t)n;
    if (n == 0 || n > PAGE) {
        reply[4] = 0;
        status = n ? BAD_LENGTH : BAD_PARAM;
        return loader_long_reply(u, t, 0x06, status, reply, 5);
    }
    uint32_t first = PAGE - (addr & (PAGE - 1)); /* split once at the page boundary */
    first = first > n ? n : first;
    t = loader_flash_program(u, addr, u->buf + 5, first, t);
    if (n > first) {
        t = loader_flash_program(u, addr + first, u->buf + 5 + first, n - first, t);
    }
    return loader_long_reply(u, t, 0x06, status, reply, 5);
}

static uint64_t status_register(struct uart *u, uint64_t t)
{
    uint8_t reply[8], tx[4] = { u->buf[1] }, rx[4];
    uint32_t n = u->need - 1;
    struct nor_die *die = u->dev->die;
    t += 50 * US;
    memcpy(reply, u->buf + 1, n);
    if (u->buf[0] == 0x0C) {
        nor_direct_frame(die, tx, rx, 2, t);
        reply[1] = rx[1];
        return loader_long_reply(u, t, 0x0C, OK, reply, 2);
    }
    static const uint8_t wren[1] = { 0x06 };
    memcpy(tx, u->buf + 1, n);
    nor_direct_frame(die, wren, NULL, 1, t);
    nor_direct_frame(die, tx, NULL, n, t);
    return loader_long_reply(u, t, 0x0D, OK, reply, n);
}

static uint64_t spi_transfer(struct uart *u, uint64_t t)
{
    uint8_t rx[64], n = (uint8_t)(u->need - 1);
    nor_direct_frame(u->dev->die, u->buf + 1, rx, n, t);
    t = loader_long_reply(u, t + 50 * US, 0x0E, OK, rx, n);
    if ((u->quirks & QUIRK_MID5) && n == 4) {
        u->tx[u->tx_n - 8].byte = 5; /* the length field of some ROMs */
    }
    return t;
}

/* N that each opcode wants, and what it echoes; 0 = checked elsewhere. */
static uint32_t wanted(uint8_t op)
{
    switch (op) {
    case 0x07:
        return 0x1005;
    case 0x08:
    case 0x0F:
        return 6;
    case 0x09:
    case 0x0B:
        return 5;
    case 0x0A:
    case 0x0C:
        return 2;
    default:
        return 0;
    }
}

static bool known(uint8_t op)
{
    return op >= 0x06 && op <= 0x0F;
}

/* The reply of an opcode that was not carried out. */
static uint64_t refuse(struct uart *u, uint8_t op, uint8_t status, uint64_t t)
{
    uint8_t echo[8];
    size_t n = op == 0x06 || op == 0x0F ? 5 : op == 0x0A ? 1 : op == 0x0C || op == 0x0D ? 2 : 4;
    memcpy(echo, u->buf + 1, sizeof echo);
    if (op == 0x06) {
        echo[4] = 0;
    }
    return loader_long_reply(u, t, op, status, echo, n);
}

static uint64_t carry_out(struct uart *u, uint8_t op, uint64_t t)
{
    const uint8_t *p = u->buf + 1;
    switch (op) {
    case 0x06:
        return u->need < 5 ? refuse(u, op, BAD_LENGTH, t) : write_bytes(u, t);
    case 0x07: /* its pages are programmed already */
        return loader_long_reply(u, u->page_done > t ? u->page_done : t, op, OK, p, 4);
    case 0x08:
    case 0x09:
        return read_flash(u, op, t);
    case 0x0A:
        return erase(u, op, 0xC7, 0, p[0] * 1000 * MS, p, 1, t);
    case 0x0B:
        return erase(u, op, 0x20, loader_le32(p), 1000 * MS, p, 4, t);
    case 0x0C:
        return status_register(u, t);
    case 0x0D:
        return u->need == 3 || u->need == 4 ? status_register(u, t) : refuse(u, op, BAD_LENGTH, t);
    case 0x0E:
        return u->need >= 2 && u->need <= 64 ? spi_transfer(u, t) : refuse(u, op, BAD_LENGTH, t);
    case 0x0F:
    default:
        return erase(u, op, p[0], loader_le32(p + 1), 5000 * MS, p, 5, t);
    }
}

static void long_command(struct uart *u, uint64_t t)
{
    uint8_t op = u->buf[0];
    uint32_t resets = u->resets;
    uint64_t done;
    u->commands++;
    if (u->state != UART_LINKED) {
        u->step = STEP_IDLE;
        return;
    }
    if (!known(op)) {
        done = loader_long_reply(u, t, op, UNKNOWN, NULL, 0);
    } else if (wanted(op) && wanted(op) != u->need) {
        done = refuse(u, op, BAD_LENGTH, t);
    } else {
        done = carry_out(u, op, t);
    }
    if (u->resets == resets) {
        busy(u, op, done);
    }
}

/* -- frames ------------------------------------------------------------------------------------ */
/* While page k+1 arrives, page k is programmed. */
static void page_arrived(struct uart *u, uint64_t t)
{
    uint32_t k = u->pages++;
    u->page_done =
        loader_flash_program(u, loader_le32(u->buf + 1) + k * PAGE, u->buf + 5 + k * PAGE, PAGE, t);
}

static void payload(struct uart *u, uint8_t byte, uint64_t t)
{
    if (u->n >= sizeof u->buf) {
        loader_hang(u, t, "request longer than the ROM's buffer");
        return;
    }
    u->buf[u->n++] = byte;
    if (u->is_long && u->buf[0] == 0x07 && u->need == 0x1005 && u->n > 5 &&
        (u->n - 5) % PAGE == 0 && u->state == UART_LINKED) {
        page_arrived(u, t);
    }
    if (u->n < u->need) {
        return;
    }
    u->step = STEP_IDLE;
    if (u->is_long) {
        long_command(u, t);
    } else {
        short_command(u, t);
    }
}

static void begin_payload(struct uart *u, bool is_long, uint32_t need)
{
    u->is_long = is_long;
    u->need = need;
    u->n = u->pages = 0;
    u->page_done = 0;
    memset(u->buf, 0, 16);
    u->step = STEP_PAYLOAD;
}

void loader_rom_timeout(struct uart *u, uint64_t t)
{
    bool payload_due = u->step == STEP_PAYLOAD;
    uint32_t n = u->n;
    u->step = STEP_IDLE;
    violation_add(&u->dev->log, t, VIOLATION_UART_FRAME, "request cut after %u payload bytes", n);
    if (!payload_due || u->state != UART_LINKED) {
        return;
    }
    if (u->is_long) {
        uint8_t op = u->buf[0];
        busy(u, op,
             known(op) ? refuse(u, op, INCOMPLETE, t)
                       : loader_long_reply(u, t, op, INCOMPLETE, NULL, 0));
        return;
    }
    /* One byte shorter than its own length field says. */
    uint8_t frame[300] = { 0x04, 0x0E, (uint8_t)(n + 4 + 2), 0x01, 0xE0, 0xFC, 0x05, u->raw_len };
    n = n > 256 ? 256 : n;
    memcpy(frame + 8, u->buf, n);
    busy(u, u->buf[0], loader_reply(u, t, frame, 8 + n));
}

void loader_rom_byte(struct uart *u, uint8_t byte, uint64_t t)
{
    switch (u->step) {
    case STEP_IDLE:
        u->step = byte == 0x01 ? STEP_E0 : STEP_IDLE;
        return;
    case STEP_E0:
    case STEP_FC: { /* a repeated 01 starts again */
        uint8_t want = u->step == STEP_E0 ? 0xE0 : 0xFC;
        u->step = byte == want ? u->step + 1 : byte == 0x01 ? (unsigned)STEP_E0 : STEP_IDLE;
        return;
    }
    case STEP_LEN:
        u->raw_len = byte;
        if (byte == 0xFF) {
            u->step = STEP_F4;
        } else if (byte) {
            begin_payload(u, false, byte);
        } else {
            u->buf[0] = 0xFF; /* a request without a command counts as command FF */
            u->need = 1;
            short_command(u, t);
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
        begin_payload(u, true, u->need | (uint32_t)byte << 8);
        if (u->need == 0) {
            long_command(u, t);
        }
        return;
    case STEP_PAYLOAD:
    default:
        payload(u, byte, t);
        return;
    }
}
