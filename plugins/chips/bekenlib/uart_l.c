/* uart_l.c - rules and requests of the loader in flash (BK7231T/U/Q, BK7252).
 *
 * It checks only the start address of a request, and against limits far below the end of
 * its own code (0x2000 or 0x10000); flash chips ignore address bits above their size; its
 * program driver even lets bits 31..24 slip into the flash command.  So the guard is here:
 * an erase or write that is not plainly inside [floor, flash size) does not leave. */
#include "uart.h"
#include <string.h>

static bkf_status refuse(bkf_error *err, const char *rule, uint32_t addr)
{
    return uart_error(err, BKF_E_PROTECTED, "refused before sending: %s (0x%06X)", rule,
                      (unsigned)addr);
}

static bkf_status permit_change(const struct beken_uart *u, uint64_t addr, uint64_t len,
                                bkf_error *err)
{
    const uint64_t floor = u->cfg.floor > UART_FLOOR_L ? u->cfg.floor : UART_FLOOR_L;
    if (!u->id.done || !u->id.size) {
        return refuse(err, "nothing is changed before the flash size is known", (uint32_t)addr);
    }
    if (addr < floor) {
        return refuse(err,
                      "the first 0x11000 bytes hold the loader itself; without it only SPI "
                      "brings the chip back",
                      (uint32_t)addr);
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
    if (req[8] == 0x20) {
        if (addr % UART_SECTOR) {
            return refuse(err, "a sector erase must be aligned to 4 KiB", addr);
        }
        return permit_change(u, addr, UART_SECTOR, err);
    }
    if (req[8] != 0xD8) {
        return refuse(err, "this loader knows only the erases 20 and D8", addr);
    }
    if (addr % UART_BLOCK || addr < UART_FIRST_BLOCK_L) {
        return refuse(err,
                      "a block erase must be aligned to 64 KiB and start at 0x20000 or above; "
                      "the flash rounds the address down",
                      addr);
    }
    return permit_change(u, addr, UART_BLOCK, err);
}

static bkf_status permit_write(const struct beken_uart *u, const uint8_t *req, size_t n,
                               bkf_error *err)
{
    const uint32_t addr = uart_le32(req + 8);
    const size_t len = n - 12;
    const bool whole = req[7] == UART_WRITE_4K;
    if (!u->writable) {
        return refuse(err,
                      "a checksum has protected the flash again; link check and erase come "
                      "before the next write",
                      addr);
    }
    if (whole ? len != UART_SECTOR || addr % UART_SECTOR
              : len < 1 || len > UART_PAGE || addr % UART_PAGE + len > UART_PAGE) {
        return refuse(err, "a write must be one sector, or inside one page", addr);
    }
    return permit_change(u, addr, len, err);
}

static bkf_status permit_crc(const uint8_t *req, bkf_error *err)
{
    const uint32_t first = uart_le32(req + 5);
    const uint32_t last = uart_le32(req + 9);
    if (last < first || last - first >= 0x1000000u - 256u) {
        return refuse(err, "a checksum over this range would never end", first);
    }
    return BKF_OK;
}

static bkf_status permit_long(const struct beken_uart *u, const uint8_t *req, size_t n,
                              bkf_error *err)
{
    const size_t count = (size_t)req[5] | (size_t)req[6] << 8;
    if (count + 7 != n) {
        return refuse(err, "the frame's length does not match its header", 0);
    }
    switch (req[7]) {
    case UART_READ_4K:
        return n == 12 ? BKF_OK : refuse(err, "malformed read", 0);
    case UART_ERASE:
        return n == 13 ? permit_erase(u, req, err) : refuse(err, "malformed erase", 0);
    case UART_WRITE:
    case UART_WRITE_4K:
        return n > 12 ? permit_write(u, req, n, err) : refuse(err, "malformed write", 0);
    default:
        return refuse(err, "this loader does not know the flash request", req[7]);
    }
}

bkf_status uart_l_permit(const struct beken_uart *u, const uint8_t *req, size_t n, bkf_error *err)
{
    if (n < 5 || n > UART_REQUEST_MAX || req[0] != 0x01 || req[1] != 0xE0 || req[2] != 0xFC) {
        return refuse(err, "not a request", 0);
    }
    if (req[3] == 0xFF) {
        return n >= 8 && req[4] == 0xF4 ? permit_long(u, req, n, err)
                                        : refuse(err, "not a flash request", 0);
    }
    /* The loader's buffer for short requests is 16 bytes, unchecked. */
    if (n != 4u + req[3] || req[3] > 12) {
        return refuse(err, "the frame's length does not match its header", 0);
    }
    switch (req[4]) {
    case UART_LINK_CHECK:
    case UART_REBOOT:
    case UART_BOOT_VERSION:
        return BKF_OK;
    case UART_SET_BAUD:
        return n == 10 && uart_le32(req + 5) >= 9600 ? BKF_OK : refuse(err, "malformed baud", 0);
    case UART_CHECK_CRC:
        return n == 13 ? permit_crc(req, err) : refuse(err, "malformed checksum", 0);
    default:
        return refuse(err, "this loader does not know the request", req[4]);
    }
}

bkf_status uart_l_arm(struct beken_uart *u, bkf_error *err)
{
    u->armed = false;
    return uart_link_check(u, 40000, err);
}

bkf_status uart_l_boot_version(struct beken_uart *u, char out[20], bkf_error *err)
{
    uint8_t req[8];
    const size_t n = uart_req_boot_version(req);
    const struct uart_expect want = { .op = UART_BOOT_VERSION };
    struct uart_reply r;
    const bkf_status st = uart_exchange(u, req, n, &want, 20000, &r, err);
    out[0] = '\0';
    if (st == BKF_OK && r.len == 16) {
        for (size_t i = 0; i < 16; i++) {
            const uint8_t c = r.payload[i];
            if (c && (c < 0x20 || c > 0x7E)) {
                out[0] = '\0';
                break;
            }
            out[i] = (char)c;
            out[i + 1] = '\0';
        }
    }
    return st;
}
