/* uart_frame.h - the wire format of Beken's UART loaders: requests out, replies in.
 *
 * HCI framing with vendor opcode 0xFCE0 (bekencorp/bk_idk, bl_bk_hci_protocol.h):
 *   short request  01 E0 FC len cmd params          len counts cmd and params
 *   long request   01 E0 FC FF F4 n16 op params     n16 counts op and params
 *   short reply    04 0E len 01 E0 FC cmd params
 *   long reply     04 0E FF 01 E0 FC F4 n16 op status params */
#ifndef BEKENLIB_UART_FRAME_H
#define BEKENLIB_UART_FRAME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UART_SECTOR = 4096,
    UART_PAGE = 256,
    UART_REQUEST_MAX = 4108, /* Write4K; longer ones overrun the loaders' buffers */
    UART_REPLY_MAX = 4111    /* Read4K */
};

/* Short commands. */
enum {
    UART_LINK_CHECK = 0x00,
    UART_WRITE_REG = 0x01,
    UART_READ_REG = 0x03,
    UART_REBOOT = 0x0E,
    UART_SET_BAUD = 0x0F,
    UART_CHECK_CRC = 0x10,
    UART_BOOT_VERSION = 0x11,
    UART_RESET = 0x70,
    UART_STAY_ROM = 0xAA,
    UART_APP_REBOOT = 0xFE
};
/* Flash opcodes (long requests). */
enum {
    UART_WRITE = 0x06,
    UART_WRITE_4K = 0x07,
    UART_READ = 0x08,
    UART_READ_4K = 0x09,
    UART_ERASE_ALL = 0x0A,
    UART_ERASE_4K = 0x0B,
    UART_READ_SR = 0x0C,
    UART_WRITE_SR = 0x0D,
    UART_SPI = 0x0E, /* full-duplex transfer; with 9F it reads the JEDEC id */
    UART_ERASE = 0x0F
};
/* Reply status (bk_idk type.h). */
enum {
    UART_ST_OK = 0,
    UART_ST_BUSY = 1,
    UART_ST_SPI_TIMEOUT = 2,
    UART_ST_FLASH_TIMEOUT = 3,
    UART_ST_LENGTH = 4,
    UART_ST_INCOMPLETE = 5,
    UART_ST_PARAM = 6,
    UART_ST_UNKNOWN = 7
};
const char *uart_status_text(uint8_t status);

/* -- requests: write into buf (UART_REQUEST_MAX), return the length ---------------- */
size_t uart_req_short(uint8_t *buf, uint8_t cmd, const uint8_t *params, size_t n);
size_t uart_req_long(uint8_t *buf, uint8_t op, const uint8_t *params, size_t n);
size_t uart_req_link_check(uint8_t *buf);
size_t uart_req_stay_rom(uint8_t *buf);
size_t uart_req_boot_version(uint8_t *buf);
size_t uart_req_read_reg(uint8_t *buf, uint32_t addr);
size_t uart_req_write_reg(uint8_t *buf, uint32_t addr, uint32_t value);
size_t uart_req_set_baud(uint8_t *buf, uint32_t baud, uint8_t delay_ms);
/* last is the address of the last byte: right on both families, section lengths being
 * multiples of 256. */
size_t uart_req_crc(uint8_t *buf, uint32_t first, uint32_t last);
size_t uart_req_reboot(uint8_t *buf);
size_t uart_req_reset(uint8_t *buf);
size_t uart_req_app_reboot(uint8_t *buf);
size_t uart_req_read(uint8_t *buf, uint32_t addr, uint8_t n);
size_t uart_req_read_4k(uint8_t *buf, uint32_t addr);
size_t uart_req_write(uint8_t *buf, uint32_t addr, const uint8_t *data, size_t n); /* 1..256 */
size_t uart_req_write_4k(uint8_t *buf, uint32_t addr, const uint8_t data[UART_SECTOR]);
size_t uart_req_erase_4k(uint8_t *buf, uint32_t addr);
size_t uart_req_erase(uint8_t *buf, uint8_t code, uint32_t addr); /* code 20, 52, D8 */
size_t uart_req_read_sr(uint8_t *buf, uint8_t opcode);
size_t uart_req_write_sr(uint8_t *buf, uint8_t opcode, const uint8_t *values, size_t n);
size_t uart_req_jedec(uint8_t *buf);

/* -- replies ------------------------------------------------------------------------- */
struct uart_reply {
    bool is_long;
    bool fatal;             /* 01 0E 04 01 E0 FC EE: the loader gives up and resets */
    uint8_t op;             /* command or flash opcode as echoed (LinkCheck echoes 01) */
    uint8_t status;         /* long replies; 0 otherwise */
    const uint8_t *payload; /* after op (short) or status (long); valid until the next call */
    size_t len;
    size_t size; /* bytes of the whole frame */
};

/* Finds frames by the length in their header, whatever surrounds them.  Payload is
 * counted, never searched. */
struct uart_parser {
    uint8_t buf[UART_REPLY_MAX];
    size_t len;
    size_t taken;     /* bytes of the frame handed out last, dropped by the next call */
    uint64_t garbage; /* bytes that belonged to no frame */
};
void uart_parser_reset(struct uart_parser *);
/* Take up to n bytes, return how many were taken (0 = call uart_parser_next first). */
size_t uart_parser_feed(struct uart_parser *, const uint8_t *bytes, size_t n);
/* The next complete reply, if there is one. */
bool uart_parser_next(struct uart_parser *, struct uart_reply *);
/* Bytes still missing until uart_parser_next can say more; at least 1. */
size_t uart_parser_need(struct uart_parser *);
/* Bytes of an unfinished frame. */
size_t uart_parser_partial(const struct uart_parser *);

static inline uint32_t uart_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline void uart_put_le32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

#endif
