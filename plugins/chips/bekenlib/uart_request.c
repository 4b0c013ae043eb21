/* uart_request.c - request builders. */
#include "uart_frame.h"
#include <string.h>

size_t uart_req_short(uint8_t *buf, uint8_t cmd, const uint8_t *params, size_t n)
{
    buf[0] = 0x01;
    buf[1] = 0xE0;
    buf[2] = 0xFC;
    buf[3] = (uint8_t)(1 + n);
    buf[4] = cmd;
    if (n) {
        memcpy(buf + 5, params, n);
    }
    return 5 + n;
}

size_t uart_req_long(uint8_t *buf, uint8_t op, const uint8_t *params, size_t n)
{
    buf[0] = 0x01;
    buf[1] = 0xE0;
    buf[2] = 0xFC;
    buf[3] = 0xFF;
    buf[4] = 0xF4;
    buf[5] = (uint8_t)(n + 1);
    buf[6] = (uint8_t)((n + 1) >> 8);
    buf[7] = op;
    if (n) {
        memcpy(buf + 8, params, n);
    }
    return 8 + n;
}

size_t uart_req_link_check(uint8_t *buf)
{
    return uart_req_short(buf, UART_LINK_CHECK, NULL, 0);
}

size_t uart_req_stay_rom(uint8_t *buf)
{
    const uint8_t magic = 0x55;
    return uart_req_short(buf, UART_STAY_ROM, &magic, 1);
}

size_t uart_req_boot_version(uint8_t *buf)
{
    return uart_req_short(buf, UART_BOOT_VERSION, NULL, 0);
}

size_t uart_req_read_reg(uint8_t *buf, uint32_t addr)
{
    uint8_t p[4];
    uart_put_le32(p, addr);
    return uart_req_short(buf, UART_READ_REG, p, sizeof p);
}

size_t uart_req_write_reg(uint8_t *buf, uint32_t addr, uint32_t value)
{
    uint8_t p[8];
    uart_put_le32(p, addr);
    uart_put_le32(p + 4, value);
    return uart_req_short(buf, UART_WRITE_REG, p, sizeof p);
}

size_t uart_req_set_baud(uint8_t *buf, uint32_t baud, uint8_t delay_ms)
{
    uint8_t p[5];
    uart_put_le32(p, baud);
    p[4] = delay_ms;
    return uart_req_short(buf, UART_SET_BAUD, p, sizeof p);
}

size_t uart_req_crc(uint8_t *buf, uint32_t first, uint32_t last)
{
    uint8_t p[8];
    uart_put_le32(p, first);
    uart_put_le32(p + 4, last);
    return uart_req_short(buf, UART_CHECK_CRC, p, sizeof p);
}

size_t uart_req_reboot(uint8_t *buf)
{
    const uint8_t magic = 0xA5;
    return uart_req_short(buf, UART_REBOOT, &magic, 1);
}

size_t uart_req_reset(uint8_t *buf)
{
    const uint8_t magic[4] = { 0x53, 0x45, 0x41, 0x4E };
    return uart_req_short(buf, UART_RESET, magic, sizeof magic);
}

size_t uart_req_app_reboot(uint8_t *buf)
{
    const uint8_t magic[4] = { 0x95, 0x27, 0x95, 0x27 };
    return uart_req_short(buf, UART_APP_REBOOT, magic, sizeof magic);
}

size_t uart_req_read(uint8_t *buf, uint32_t addr, uint8_t n)
{
    uint8_t p[5];
    uart_put_le32(p, addr);
    p[4] = n;
    return uart_req_long(buf, UART_READ, p, sizeof p);
}

static size_t with_address(uint8_t *buf, uint8_t op, uint32_t addr, const uint8_t *data, size_t n)
{
    uint8_t p[4];
    uart_put_le32(p, addr);
    const size_t len = uart_req_long(buf, op, p, sizeof p) + n;
    if (n) {
        memcpy(buf + 12, data, n);
    }
    buf[5] = (uint8_t)(5 + n);
    buf[6] = (uint8_t)((5 + n) >> 8);
    return len;
}

size_t uart_req_read_4k(uint8_t *buf, uint32_t addr)
{
    return with_address(buf, UART_READ_4K, addr, NULL, 0);
}

size_t uart_req_write(uint8_t *buf, uint32_t addr, const uint8_t *data, size_t n)
{
    return with_address(buf, UART_WRITE, addr, data, n);
}

size_t uart_req_write_4k(uint8_t *buf, uint32_t addr, const uint8_t data[UART_SECTOR])
{
    return with_address(buf, UART_WRITE_4K, addr, data, UART_SECTOR);
}

size_t uart_req_erase_4k(uint8_t *buf, uint32_t addr)
{
    return with_address(buf, UART_ERASE_4K, addr, NULL, 0);
}

size_t uart_req_erase(uint8_t *buf, uint8_t code, uint32_t addr)
{
    uint8_t p[5];
    p[0] = code;
    uart_put_le32(p + 1, addr);
    return uart_req_long(buf, UART_ERASE, p, sizeof p);
}

size_t uart_req_read_sr(uint8_t *buf, uint8_t opcode)
{
    return uart_req_long(buf, UART_READ_SR, &opcode, 1);
}

size_t uart_req_write_sr(uint8_t *buf, uint8_t opcode, const uint8_t *values, size_t n)
{
    uint8_t p[3] = { opcode, 0, 0 };
    memcpy(p + 1, values, n < 2 ? n : 2);
    return uart_req_long(buf, UART_WRITE_SR, p, 1 + (n < 2 ? n : 2));
}

size_t uart_req_jedec(uint8_t *buf)
{
    const uint8_t p[4] = { 0x9F, 0, 0, 0 };
    return uart_req_long(buf, UART_SPI, p, sizeof p);
}
