/* tty.c - the kernel's own termios2: any rate, and no modem lines needed.  Apart from the
 * rest because <asm/termbits.h> and <termios.h> exclude each other. */
#include <asm/termbits.h>
#include <linux/serial.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "serial.h"

int tty_raw(int fd, uint32_t baud)
{
    struct termios2 t;
    if (ioctl(fd, TCGETS2, &t) < 0) {
        return -1;
    }
    t.c_iflag = IGNBRK | IGNPAR;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag = CS8 | CREAD | CLOCAL | HUPCL | BOTHER | (BOTHER << IBSHIFT);
    t.c_ispeed = t.c_ospeed = baud;
    memset(t.c_cc, 0, sizeof t.c_cc);
    t.c_cc[VMIN] = 1;
    return ioctl(fd, TCSETS2, &t);
}

int tty_rate(int fd, uint32_t *baud)
{
    struct termios2 t;
    if (ioctl(fd, TCGETS2, &t) < 0) {
        return -1;
    }
    *baud = t.c_ospeed;
    return 0;
}

int tty_drain(int fd)
{
    return ioctl(fd, TCSBRK, 1);
}

int tty_flush(int fd)
{
    return ioctl(fd, TCFLSH, TCIOFLUSH);
}

int tty_low_latency(int fd)
{
    struct serial_struct s;
    if (ioctl(fd, TIOCGSERIAL, &s) < 0) {
        return -1;
    }
    s.flags = (int)((unsigned)s.flags | ASYNC_LOW_LATENCY);
    return ioctl(fd, TIOCSSERIAL, &s);
}
