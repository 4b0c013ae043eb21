/* loader.h - the download UART (UART1, P10/P11) of a Beken SoC: the line with its baud rates,
 * and the two unrelated loaders that answer on it.
 *
 * L family (BK7231T/S, U, Q, BK7252): a boot loader in flash, 512-byte receive ring, no
 * frame time-out, address limits, arms and re-arms flash protection by itself.
 * ROM family (BK7231N/M, BL2028N, BK7238, BK7252N): mask ROM, full command set, deaf while
 * it works.  Facts: bk_idk's download code, the public L_bootloader sources, and tests of
 * bk7231tools, hid_download_py and BK7231GUIFlashTool against both. */
#ifndef TESTS_DEVICE_LOADER_H
#define TESTS_DEVICE_LOADER_H
#include "rng.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;
struct uart_chip {
    const char *name;
    const char *version;           /* answer to BootVersion, or NULL */
    uint32_t chip_id, id_addr;     /* ROM: what ReadReg finds, and where */
    uint32_t limit, write4k_limit; /* L: addresses below answer status 6 */
    bool rom;
    uint8_t key; /* 1: the published Tuya coefficients in eFUSE */
};
const struct uart_chip *loader_chip_find(const char *name); /* NULL = unknown */

enum uart_state { UART_BOOT, UART_LINKED, UART_APP, UART_DEAD };
enum { UART_RING = 512, UART_BUFFER = 4200 };

struct uart_faults {
    double drop, dup, flip, noise; /* per byte, either direction */
    uint64_t batch_ns;             /* replies are seen in steps of this (FTDI latency timer) */
    uint32_t cut_at, cut_times;    /* Read4K replies end after so many bytes */
    uint32_t lose_setbaud;         /* so many SetBaud replies are lost */
    uint32_t brownout;             /* the n-th erase resets the chip */
    bool echo;                     /* TX and RX are joined: the host hears itself */
    bool dead_tx;                  /* the device's TX does not reach the host */
};
enum { /* quirks of some boot ROMs */
       QUIRK_ADDR1 = 1u,
       QUIRK_MID5 = 2u,
       QUIRK_STAYROM = 4u,
       QUIRK_BANNER = 8u,
       QUIRK_STALE = 16u
};
bool loader_faults_parse(const char *spec, struct uart_faults *, char err[256]);
bool loader_quirks_parse(const char *spec, uint32_t *bits, char err[256]);

struct uart_tx {
    uint64_t at; /* complete on the wire */
    uint32_t divider;
    uint8_t byte;
};
struct uart {
    struct device *dev;
    const struct uart_chip *chip;
    struct rng rng, fault_rng;
    struct uart_faults fault;
    uint32_t quirks;
    uint32_t host_baud, divider;

    enum uart_state state;
    uint64_t boot_at, window_end, busy_until, flash_free;
    uint64_t deaf_until;    /* ROM: receiver re-initialised after the first LinkCheck */
    uint64_t last_activity; /* for the L family's idle reset and the ROM's frame time-out */
    bool any_byte;
    uint8_t busy_with; /* command that the device is working on */
    uint64_t hung;     /* 1: nothing but a reset helps */

    struct uart_tx *tx;
    size_t tx_head, tx_n, tx_cap;
    uint64_t tx_free;

    uint8_t ring[UART_RING];
    uint64_t ring_at[UART_RING];
    uint32_t ring_rd, ring_wr; /* free running */

    /* parser */
    unsigned step;
    uint32_t need, n; /* payload bytes expected and received */
    bool is_long;
    uint8_t raw_len; /* length byte of a short frame */
    uint8_t buf[UART_BUFFER];
    uint32_t pages; /* of a Write4K, programmed so far */
    uint64_t page_done;

    /* L family */
    bool armed, crc_protected;
    /* eFUSE registers */
    uint8_t efuse[32];
    uint32_t efuse_ctrl, efuse_polls;

    /* the application */
    uint8_t heard[16];
    uint32_t heard_n;
    uint64_t reboot_at, user_at, chatter_at;
    uint32_t chatter_line;

    uint32_t baud_errors, commands, resets, erases;
};

bool loader_init(struct uart *, struct device *, char err[256]);
void loader_free(struct uart *);
void loader_settle(struct uart *, uint64_t now);
uint64_t loader_next_event(struct uart *);
/* The chip was reset (CEN, power, watchdog) at that time. */
void loader_reset(struct uart *, uint64_t at);

/* -- inside the UART side only -- */
double loader_error(uint32_t host_baud, uint32_t divider); /* relative, of the host's rate */
uint64_t loader_byte_ns(const struct uart *);
/* Queues a reply from t on; returns when its last byte is out. */
uint64_t loader_reply(struct uart *, uint64_t t, const uint8_t *, size_t n);
uint64_t loader_short_reply(struct uart *, uint64_t t, uint8_t cmd, const uint8_t *, size_t n);
uint64_t loader_long_reply(struct uart *, uint64_t t, uint8_t op, uint8_t status, const uint8_t *,
                           size_t n);
void loader_hang(struct uart *, uint64_t t, const char *why);
void loader_restart(struct uart *, uint64_t t); /* watchdog reset of the whole chip */
void loader_linked(struct uart *, uint64_t t);
uint32_t loader_le32(const uint8_t *);
uint32_t loader_divider(bool rom, uint32_t baud);

/* loader_l.c, loader_rom.c: one received byte, processed at t */
void loader_l_byte(struct uart *, uint8_t byte, uint64_t t);
void loader_rom_byte(struct uart *, uint8_t byte, uint64_t t);
void loader_rom_timeout(struct uart *, uint64_t t);

/* loader_flash.c: flash as the loaders drive it; addresses as on the wire */
uint64_t loader_flash_erase(struct uart *, uint8_t opcode, uint32_t addr, uint64_t t);
uint64_t loader_flash_program(struct uart *, uint32_t addr, const uint8_t *, size_t n, uint64_t t);
void loader_flash_read(const struct uart *, uint32_t addr, uint8_t *, size_t n);
uint32_t loader_flash_crc(const struct uart *, uint32_t addr, uint64_t n); /* as on the wire */
/* L: the whole status register := value, if it differs; when that is done. */
uint64_t loader_flash_protect(struct uart *, uint32_t value, uint64_t t);
#endif
