/* serial.h - serial ports as adapters: FT232R by USB id, and any tty by path.
 *
 * libserialport finds, opens and configures real ports.  It refuses pseudo-terminals (no
 * modem lines, TIOCMGET fails with ENOTTY), so a tty it refuses is driven through termios
 * directly (tty.c).  Data moves through poll, read and write on the descriptor in both
 * cases: a port that vanishes is noticed at once. */
#ifndef SERIAL_H
#define SERIAL_H
#include <bkflash/plugin.h>
#include <libserialport.h>
#include <stdbool.h>

enum { SERIAL_PATH_MAX = 256 };
enum { LINE_NONE, LINE_DTR, LINE_RTS, LINE_CTS, LINE_DSR, LINE_DCD, LINE_RI, LINES };

struct bkf_adapter {
    const bkf_host *host;
    struct sp_port *port; /* NULL = driven through tty.c */
    int fd;
    char path[SERIAL_PATH_MAX];
    char unit[64];
    bool uart_held, gpio_held;
    bool claimed[LINES];
    bool modem; /* the port has modem lines */
    bool low_latency;
};

/* plugin.c */
__attribute__((format(printf, 3, 4))) bkf_status serial_error(bkf_error *, bkf_status,
                                                              const char *fmt, ...);
__attribute__((format(printf, 4, 5))) bkf_status serial_os_error(bkf_error *, bkf_status,
                                                                 int os_code, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void serial_log(const bkf_host *, int32_t level,
                                                      const char *fmt, ...);

/* find.c */
struct serial_kind {
    const char *name;
    int vid;     /* 0 = any port */
    int pids[4]; /* 0 ends */
};
extern const struct serial_kind serial_any, serial_ft232r;
bkf_status serial_list(const struct serial_kind *,
                       void (*found)(void *ud, const char *path, const char *label), void *ud,
                       bkf_error *);
/* unit: tty path, USB serial number, or usb:BUS-PORT; NULL = the only one attached. */
bkf_status serial_resolve(const struct serial_kind *, const char *unit, char path[SERIAL_PATH_MAX],
                          char label[64], bkf_error *);

/* holder.c */
/* Who has the file open, as "minicom (process 1234)"; false when nobody visible does. */
bool serial_holder(const char *path, char *who, size_t cap);
/* Living owner of a lock file in the old style (LCK..ttyUSB0). */
bool serial_lock_file(const char *path, char *who, size_t cap);

/* port.c */
bkf_status serial_open(const bkf_host *, const struct serial_kind *, const char *unit,
                       const bkf_props *, bkf_adapter **, bkf_error *);
void serial_close(bkf_adapter *);

/* stream.c, modem.c */
extern const bkf_uart_ops serial_uart_ops;
extern const bkf_gpio_ops serial_gpio_ops;
/* Drive a modem output: level is that of the pin, 0 = asserted.  -1 and errno on failure. */
int modem_drive(const bkf_adapter *, unsigned line, unsigned level);

/* tty.c: termios as the kernel has it (any rate); -1 and errno on failure. */
int tty_raw(int fd, uint32_t baud);
int tty_rate(int fd, uint32_t *baud);
int tty_drain(int fd);
int tty_flush(int fd);
int tty_low_latency(int fd);

#endif
