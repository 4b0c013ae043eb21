/* serprog.h - inside of the serprog adapter: stream (tty or TCP), protocol, interfaces. */
#ifndef SERPROG_H
#define SERPROG_H
#include <bkflash/plugin.h>
#include <stdbool.h>

enum { LINE_SCK, LINE_MOSI, LINE_MISO, LINE_CS, LINE_DTR, LINE_RTS, LINES };
extern const bkf_line_spec serprog_lines[];
extern const bkf_spi_ops serprog_spi;
extern const bkf_gpio_ops serprog_gpio;

struct bkf_adapter {
    const bkf_host *host;
    char name[128]; /* unit, for messages */
    int fd;
    bool tcp;
    uint32_t timeout_ms;
    uint8_t commands[32];                /* bit map of what the programmer understands */
    uint32_t max_write, max_read;        /* bytes of one SPI operation */
    uint32_t clock_hz;                   /* assumed when the programmer cannot tell */
    bool bound, gpio_held, duplex, kept; /* kept: chip select was told to stay */
    uint32_t claimed;                    /* bit per line */
    uint8_t level[LINES];
};

bkf_status serprog_fail(bkf_error *, bkf_status, int os_code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void serprog_log(const bkf_adapter *, int32_t level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* -- stream.c -------------------------------------------------------------------------- */
bkf_status stream_open(bkf_adapter *, const char *unit, uint32_t baud, bkf_error *);
void stream_close(bkf_adapter *);
bkf_status stream_send(bkf_adapter *, const uint8_t *, size_t, bkf_error *);
bkf_status stream_receive(bkf_adapter *, uint8_t *, size_t, uint32_t timeout_ms, bkf_error *);
void stream_flush(bkf_adapter *, uint32_t quiet_ms); /* drop until it is quiet that long */

/* -- protocol.c ------------------------------------------------------------------------- */
bkf_status protocol_start(bkf_adapter *, bkf_error *);
void protocol_stop(bkf_adapter *);
bool protocol_has(const bkf_adapter *, uint8_t command);
bkf_status protocol_frequency(bkf_adapter *, uint32_t want, uint32_t *got, bkf_error *);
/* One operation: writes n_out bytes, then reads n_in (half duplex), or both at once. */
bkf_status protocol_spi(bkf_adapter *, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in,
                        bkf_error *);
bkf_status protocol_duplex(bkf_adapter *, bool on, bkf_error *);
bkf_status protocol_keep_select(bkf_adapter *, bool on, bkf_error *);
bool protocol_can_duplex(const bkf_adapter *);
bool protocol_can_keep(const bkf_adapter *);
#endif
