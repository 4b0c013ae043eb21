/* uart_flash.c - the flash requests both families share: out through the guard, the reply
 * checked to the last status byte. */
#include "uart.h"
#include <string.h>

enum {
    CRC_RATE_FLOOR = 200000, /* bytes per second; 400000 is usual */
    L_GAP_US = 100000,
    L_PAGE_US = 2950
};

/* The loader in flash programs pages while more arrive in its ring of 512 bytes.  Above 921600
 * baud they arrive faster than slow flash takes them, which may be 3 ms a page. */
uint32_t uart_page_us(const struct beken_uart *u)
{
    return uart_family_of(u) == UART_L && u->io.baud > 921600 ? L_PAGE_US : 0;
}

bkf_status uart_put(struct beken_uart *u, const uint8_t *req, size_t n, bkf_error *err)
{
    const enum uart_family family = uart_family_of(u);
    bkf_status st =
        family == UART_L ? uart_l_permit(u, req, n, err) : uart_rom_permit(u, req, n, err);
    if (st != BKF_OK) {
        return st;
    }
    const uint32_t before = u->unanswered;
    u->io.page_us = req[3] == 0xFF && req[7] == UART_WRITE_4K ? uart_page_us(u) : 0;
    st = uart_send(&u->io, req, n, err);
    u->io.page_us = 0;
    if (st == BKF_OK || u->io.cut) {
        u->unanswered = before + 1;
        u->unanswered_op = req[3] == 0xFF ? req[7] : req[4];
        u->due_us = 0;
    }
    if (st == BKF_OK && family == UART_ROM) {
        u->pending = true;
    }
    return st;
}

bkf_status uart_reply_to(struct beken_uart *u, const struct uart_expect *want, uint64_t timeout_us,
                         struct uart_reply *r, bkf_error *err)
{
    u->due_us = uart_now(&u->io) + timeout_us;
    const bkf_status st = uart_await(&u->io, want, timeout_us, r, err);
    u->pending = false;
    if (st == BKF_OK && u->unanswered) {
        u->unanswered--;
    }
    return st;
}

bkf_status uart_exchange(struct beken_uart *u, const uint8_t *req, size_t n,
                         const struct uart_expect *want, uint64_t timeout_us, struct uart_reply *r,
                         bkf_error *err)
{
    bkf_status st = uart_put(u, req, n, err);
    if (st != BKF_OK) {
        return st;
    }
    const uint64_t now = uart_now(&u->io);
    const uint64_t sending = u->io.tx_until_us > now ? u->io.tx_until_us - now : 0;
    return uart_reply_to(u, want, timeout_us + sending, r, err);
}

static bkf_status bad_status(bkf_error *err, const char *what, uint32_t addr, uint8_t status)
{
    return uart_error(err, status == UART_ST_PARAM ? BKF_E_PROTECTED : BKF_E_PROTOCOL,
                      "%s at 0x%06X: the loader answers status %u (%s)", what, (unsigned)addr,
                      (unsigned)status, uart_status_text(status));
}

bkf_status uart_crc(struct beken_uart *u, uint32_t off, size_t len, uint32_t *zlib_crc,
                    bkf_error *err)
{
    uint8_t req[16];
    const size_t n = uart_req_crc(req, off, (uint32_t)(off + len - 1));
    const struct uart_expect want = { .op = UART_CHECK_CRC };
    struct uart_reply r;
    const uint64_t start = uart_now(&u->io);
    u->writable = false; /* the L loader protects the flash; forget it before asking */
    const bkf_status st = uart_exchange(
        u, req, n, &want, 1000000 + (uint64_t)len * 1000000 / CRC_RATE_FLOOR, &r, err);
    if (st != BKF_OK) {
        return st;
    }
    if (r.len != 4) {
        return uart_error(err, BKF_E_PROTOCOL, "a checksum of %zu bytes came back", r.len);
    }
    *zlib_crc = uart_le32(r.payload) ^ 0xFFFFFFFFu;
    const uint64_t took = uart_now(&u->io) - start;
    if (len >= 16384 && took) {
        u->crc_rate = (uint32_t)((uint64_t)len * 1000000 / took);
    }
    return BKF_OK;
}

bkf_status uart_erase_unit(struct beken_uart *u, uint8_t code, uint32_t addr, bkf_error *err)
{
    uint8_t req[16];
    const size_t n = uart_req_erase(req, code, addr);
    struct uart_expect want = { .is_long = true, .op = UART_ERASE, .n_echo = 5 };
    memcpy(want.echo, req + 8, 5);
    struct uart_reply r;
    const bkf_status st =
        uart_exchange(u, req, n, &want, code == 0x20 ? 1500000 : 6000000, &r, err);
    if (st != BKF_OK) {
        return st;
    }
    if (r.status != UART_ST_OK) {
        return bad_status(err, "erase", addr, r.status);
    }
    if (u->id.family == UART_L && u->armed) {
        u->armed = false;
        u->writable = true;
    }
    return BKF_OK;
}

static bkf_status write_request(struct beken_uart *u, uint32_t addr, size_t n, uint64_t timeout_us,
                                bkf_error *err)
{
    struct uart_expect want = { .is_long = true, .op = u->tx[7], .n_echo = 4 };
    memcpy(want.echo, u->tx + 8, 4);
    struct uart_reply r;
    const bkf_status st = uart_exchange(u, u->tx, n, &want, timeout_us, &r, err);
    if (st == BKF_OK && r.status != UART_ST_OK) {
        return bad_status(err, "write", addr, r.status);
    }
    return st;
}

bkf_status uart_write_page(struct beken_uart *u, uint32_t addr, const uint8_t *data, size_t n,
                           bkf_error *err)
{
    return write_request(u, addr, uart_req_write(u->tx, addr, data, n), 2000000, err);
}

bkf_status uart_write_sector(struct beken_uart *u, uint32_t addr, const uint8_t *data,
                             bkf_error *err)
{
    return write_request(u, addr, uart_req_write_4k(u->tx, addr, data), 2000000, err);
}

bkf_status uart_read_sector_ask(struct beken_uart *u, uint32_t addr, bkf_error *err)
{
    uint8_t req[16];
    return uart_put(u, req, uart_req_read_4k(req, addr), err);
}

bkf_status uart_read_sector_take(struct beken_uart *u, uint32_t addr, uint8_t *data, bkf_error *err)
{
    struct uart_expect want = { .is_long = true, .op = UART_READ_4K, .n_echo = 4 };
    uart_put_le32(want.echo, addr);
    struct uart_reply r;
    const uint64_t timeout = uart_wire_us(&u->io, 2 * UART_REPLY_MAX) + 1000000;
    /* The L loader resets itself after a pause of 130 ms or more: notice a loss before. */
    u->io.gap_us = uart_family_of(u) == UART_L ? L_GAP_US : 0;
    const bkf_status st = uart_reply_to(u, &want, timeout, &r, err);
    u->io.gap_us = 0;
    if (st != BKF_OK) {
        return st;
    }
    if (r.status != UART_ST_OK) {
        return bad_status(err, "read", addr, r.status);
    }
    if (r.len != 4 + UART_SECTOR) {
        return uart_error(err, BKF_E_PROTOCOL, "read at 0x%06X: %zu bytes instead of 4096",
                          (unsigned)addr, r.len - 4);
    }
    memcpy(data, r.payload + 4, UART_SECTOR);
    return BKF_OK;
}
