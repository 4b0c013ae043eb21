/* uart_rom.c - rules and requests of the mask ROM loader (BK7231N/M, BL2028N, BK7238,
 * BK7252N).  It refuses nothing, so writes stay inside the flash here; efuses are never
 * written, and nothing is sent before the reply to the previous request is in. */
#include "uart.h"
#include <string.h>

enum {
    EFUSE_CTRL = 0x00800074, /* bit 0 enable, bit 1 write, bits 12:8 byte address */
    EFUSE_DATA = 0x00800078, /* bits 7:0 data, bit 8 valid */
    SHORT_US = 300000,
    SR_WRITE_US = 60000,
    IDLE_US = 1000000, /* longer than any page program; the ROM itself waits for erases */
    IDLE_STEP_US = 10000
};

static bkf_status refuse(bkf_error *err, const char *rule, uint32_t addr)
{
    return uart_error(err, BKF_E_PROTECTED, "refused before sending: %s (0x%06X)", rule,
                      (unsigned)addr);
}

static bkf_status permit_change(const struct beken_uart *u, uint64_t addr, uint64_t len,
                                bkf_error *err)
{
    if (!u->id.done || !u->id.size) {
        return refuse(err, "nothing is changed before the flash size is known", (uint32_t)addr);
    }
    if (addr < u->cfg.floor) {
        return refuse(err, "the profile protects the start of the flash", (uint32_t)addr);
    }
    if (addr + len > u->id.size) {
        return refuse(err, "the address is past the end of the flash and would wrap to its start",
                      (uint32_t)addr);
    }
    return BKF_OK;
}

static bkf_status permit_erase(const struct beken_uart *u, const uint8_t *req, bkf_error *err)
{
    const uint32_t addr = uart_le32(req + 9);
    uint32_t len = 0;
    switch (req[8]) {
    case 0x20:
        len = UART_SECTOR;
        break;
    case 0x52:
        len = UART_HALF_BLOCK;
        break;
    case 0xD8:
        len = UART_BLOCK;
        break;
    default:
        return refuse(err, "not an erase of 4, 32 or 64 KiB", addr);
    }
    if (addr % len) {
        return refuse(err, "the flash would round this erase address down", addr);
    }
    return permit_change(u, addr, len, err);
}

static bkf_status permit_long(const struct beken_uart *u, const uint8_t *req, size_t n,
                              bkf_error *err)
{
    const size_t count = (size_t)req[5] | (size_t)req[6] << 8;
    if (count + 7 != n) {
        return refuse(err, "the frame's length does not match its header", 0);
    }
    switch (req[7]) {
    case UART_READ:
    case UART_READ_4K:
    case UART_READ_SR:
    case UART_SPI:
        return BKF_OK;
    case UART_WRITE_SR:
        return n >= 10 && n <= 11 ? BKF_OK : refuse(err, "malformed status write", 0);
    case UART_ERASE:
        return n == 13 ? permit_erase(u, req, err) : refuse(err, "malformed erase", 0);
    case UART_WRITE:
        if (n < 13 || n > 12 + UART_PAGE) {
            return refuse(err, "a page write carries 1 to 256 bytes", 0);
        }
        return permit_change(u, uart_le32(req + 8), n - 12, err);
    case UART_WRITE_4K:
        if (n != UART_REQUEST_MAX || uart_le32(req + 8) % UART_SECTOR) {
            return refuse(err, "a sector write must be aligned to 4 KiB", 0);
        }
        return permit_change(u, uart_le32(req + 8), UART_SECTOR, err);
    default:
        return refuse(err, "this flash request is never sent", req[7]);
    }
}

bkf_status uart_rom_permit(const struct beken_uart *u, const uint8_t *req, size_t n, bkf_error *err)
{
    if (n < 5 || n > UART_REQUEST_MAX || req[0] != 0x01 || req[1] != 0xE0 || req[2] != 0xFC) {
        return refuse(err, "not a request", 0);
    }
    if (u->pending) {
        return refuse(err, "the loader drops what arrives before its reply is out", req[4]);
    }
    if (req[3] == 0xFF) {
        return n >= 8 && req[4] == 0xF4 ? permit_long(u, req, n, err)
                                        : refuse(err, "not a flash request", 0);
    }
    if (n != 4u + req[3]) {
        return refuse(err, "the frame's length does not match its header", 0);
    }
    switch (req[4]) {
    case UART_LINK_CHECK:
    case UART_READ_REG:
    case UART_REBOOT:
    case UART_CHECK_CRC:
    case UART_BOOT_VERSION:
    case UART_STAY_ROM:
        return BKF_OK;
    case UART_SET_BAUD:
        return n == 10 && uart_le32(req + 5) >= 9600 ? BKF_OK : refuse(err, "malformed baud", 0);
    case UART_WRITE_REG:
        /* Only the efuse reader needs a register write, and never with the write bit. */
        if (n == 13 && uart_le32(req + 5) == EFUSE_CTRL && !(uart_le32(req + 9) & 2u)) {
            return BKF_OK;
        }
        return refuse(err, "registers are not written", n >= 9 ? uart_le32(req + 5) : 0);
    default:
        return refuse(err, "this request is never sent", req[4]);
    }
}

bkf_status uart_rom_reg(struct beken_uart *u, uint32_t addr, uint32_t *value, bkf_error *err)
{
    uint8_t req[16];
    const size_t n = uart_req_read_reg(req, addr);
    struct uart_expect want = { .op = UART_READ_REG };
    struct uart_reply r;
    bkf_status st = uart_exchange(u, req, n, &want, SHORT_US, &r, err);
    if (st != BKF_OK) {
        return st;
    }
    /* Some ROMs echo the address plus one (tuya/tyutool t5 protocol). */
    if (r.len != 8 || uart_le32(r.payload) - addr > 1) {
        return uart_error(err, BKF_E_PROTOCOL, "register 0x%08X was not the one answered",
                          (unsigned)addr);
    }
    *value = uart_le32(r.payload + 4);
    return BKF_OK;
}

static bkf_status write_reg(struct beken_uart *u, uint32_t addr, uint32_t value, bkf_error *err)
{
    uint8_t req[16];
    const size_t n = uart_req_write_reg(req, addr, value);
    struct uart_expect want = { .op = UART_WRITE_REG };
    struct uart_reply r;
    return uart_exchange(u, req, n, &want, SHORT_US, &r, err);
}

bkf_status uart_rom_jedec(struct beken_uart *u, uint32_t *jedec, bkf_error *err)
{
    uint8_t req[16];
    const size_t n = uart_req_jedec(req);
    const struct uart_expect want = { .is_long = true, .op = UART_SPI };
    struct uart_reply r;
    const bkf_status st = uart_exchange(u, req, n, &want, SHORT_US, &r, err);
    if (st != BKF_OK) {
        return st;
    }
    if (r.status != UART_ST_OK || r.len < 4) {
        return uart_error(err, BKF_E_PROTOCOL, "reading the flash id: %s",
                          uart_status_text(r.status));
    }
    *jedec = (uint32_t)r.payload[1] << 16 | (uint32_t)r.payload[2] << 8 | r.payload[3];
    return BKF_OK;
}

bkf_status uart_rom_sr(struct beken_uart *u, uint8_t opcode, uint8_t *value, bkf_error *err)
{
    uint8_t req[16];
    const size_t n = uart_req_read_sr(req, opcode);
    const struct uart_expect want = {
        .is_long = true, .op = UART_READ_SR, .echo = { opcode }, .n_echo = 1
    };
    struct uart_reply r;
    const bkf_status st = uart_exchange(u, req, n, &want, SHORT_US, &r, err);
    if (st != BKF_OK) {
        return st;
    }
    if (r.status != UART_ST_OK || r.len != 2) {
        return uart_error(err, BKF_E_PROTOCOL, "reading status register %02X: %s", opcode,
                          uart_status_text(r.status));
    }
    *value = r.payload[1];
    return BKF_OK;
}

/* Macronix MX25V has a configuration register in place of SR2, and QE in SR1 bit 6. */
static bool macronix(const struct beken_uart *u)
{
    return u->id.jedec >> 16 == 0xC2;
}

bkf_status uart_rom_status(struct beken_uart *u, uint32_t *value, uint32_t *bits, bkf_error *err)
{
    uint8_t sr1 = 0, sr2 = 0;
    bkf_status st = uart_rom_sr(u, 0x05, &sr1, err);
    if (st == BKF_OK && !macronix(u)) {
        st = uart_rom_sr(u, 0x35, &sr2, err);
    }
    if (st == BKF_OK) {
        *value = (uint32_t)sr1 | (uint32_t)sr2 << 8;
        *bits = macronix(u) ? 8 : 16;
    }
    return st;
}

static bkf_status write_sr(struct beken_uart *u, uint8_t opcode, const uint8_t *v, size_t n,
                           bkf_error *err)
{
    uint8_t req[16];
    const size_t len = uart_req_write_sr(req, opcode, v, n);
    const struct uart_expect want = {
        .is_long = true, .op = UART_WRITE_SR, .echo = { opcode }, .n_echo = 1
    };
    struct uart_reply r;
    bkf_status st = uart_exchange(u, req, len, &want, SHORT_US, &r, err);
    if (st == BKF_OK && r.status != UART_ST_OK) {
        st = uart_error(err, BKF_E_PROTOCOL, "writing status register %02X: %s", opcode,
                        uart_status_text(r.status));
    }
    const uint64_t end = uart_now(&u->io) + SR_WRITE_US;
    uint8_t busy = 1;
    while (st == BKF_OK && (busy & 1) && uart_now(&u->io) < end) {
        st = uart_rom_sr(u, 0x05, &busy, err);
    }
    return st;
}

bkf_status uart_rom_idle(struct beken_uart *u, bkf_error *err)
{
    const uint64_t end = uart_now(&u->io) + IDLE_US;
    uint8_t sr = 0;
    bkf_status st = uart_rom_sr(u, 0x05, &sr, err);
    while (st == BKF_OK && (sr & 1) && uart_now(&u->io) < end) {
        uart_sleep(&u->io, IDLE_STEP_US);
        st = uart_rom_sr(u, 0x05, &sr, err);
    }
    if (st == BKF_OK && (sr & 1)) {
        return uart_error(err, BKF_E_IO,
                          "the flash stays busy (WIP set, status %02X) though the loader has "
                          "finished; power-cycle the target",
                          (unsigned)sr);
    }
    return st;
}

/* BP and SRP0 in SR1; SRP1, QE and CMP in SR2.  Lock bits LB3..1 are only ever repeated. */
enum { SR_SETTINGS = 0x43FC, SR_LOCKS = 0x3800 };

static bkf_status write_status_by(struct beken_uart *u, unsigned way, uint32_t next, bkf_error *err)
{
    const uint8_t v[2] = { (uint8_t)next, (uint8_t)(next >> 8) };
    return way == 0   ? write_sr(u, 0x01, v, 2, err)
           : way == 1 ? write_sr(u, 0x01, v, 1, err)
                      : write_sr(u, 0x31, v + 1, 1, err);
}

/* Bring the bits in mask to value, all others stay.  Flash chips differ in how many bytes
 * they take: two at once, or one register each; a wrong count is ignored silently, and one
 * byte clears the second register of some.  So look after each way. */
bkf_status uart_rom_set_status(struct beken_uart *u, uint32_t value, uint32_t mask, bkf_error *err)
{
    uint32_t now = 0, bits = 0;
    bkf_status st = uart_rom_status(u, &now, &bits, err);
    if (st == BKF_OK && (now & 1u)) {
        /* Something that failed or was cancelled goes on in there: it would take no write. */
        st = uart_rom_idle(u, err);
        st = st == BKF_OK ? uart_rom_status(u, &now, &bits, err) : st;
    }
    if (st != BKF_OK || ((now ^ value) & mask) == 0) {
        return st;
    }
    const uint32_t goal = (now & ~mask) | (value & mask);
    const uint32_t judged = (mask | SR_SETTINGS) & (bits == 16 ? 0xFFFFu : 0xFFu);
    for (unsigned way = bits == 16 ? 0 : 1; st == BKF_OK && way < 3; way++) {
        const uint32_t wrong = (now ^ goal) & judged;
        if ((way == 0 && !wrong) || (way == 1 && !(wrong & 0xFF)) || (way == 2 && !(wrong >> 8))) {
            continue;
        }
        const uint32_t next = ((goal & ~(uint32_t)SR_LOCKS) | (now & SR_LOCKS)) & ~3u;
        st = write_status_by(u, way, next, err);
        if (st == BKF_OK) {
            st = uart_rom_status(u, &now, &bits, err);
        }
    }
    if (st == BKF_OK && ((now ^ goal) & mask) != 0) {
        return uart_error(err, BKF_E_PROTECTED,
                          "the flash keeps its status at 0x%04X (wanted 0x%04X): it is locked by "
                          "its SRP bits or a low WP# pin",
                          (unsigned)now, (unsigned)goal);
    }
    return st;
}

bkf_status uart_rom_efuse(struct beken_uart *u, uint32_t index, uint8_t *value, bkf_error *err)
{
    uint32_t v = 0;
    bkf_status st = uart_rom_reg(u, EFUSE_CTRL, &v, err);
    if (st == BKF_OK) {
        v = (v & ~0x1F02u) | (index & 0x1Fu) << 8 | 1u;
        st = write_reg(u, EFUSE_CTRL, v, err);
    }
    const uint64_t end = uart_now(&u->io) + 1000000;
    while (st == BKF_OK && (v & 1u)) {
        st = uart_rom_reg(u, EFUSE_CTRL, &v, err);
        if (st == BKF_OK && (v & 1u) && uart_now(&u->io) >= end) {
            return uart_error(err, BKF_E_TIMEOUT, "the efuse reader never finished");
        }
    }
    if (st == BKF_OK) {
        st = uart_rom_reg(u, EFUSE_DATA, &v, err);
    }
    if (st == BKF_OK && !(v & 0x100u)) {
        return uart_error(err, BKF_E_PROTOCOL, "efuse byte %u is not readable", (unsigned)index);
    }
    if (st == BKF_OK) {
        *value = (uint8_t)v;
    }
    return st;
}
