/* stream.c - bytes to and from the programmer: a tty, or TCP. */
#include "serprog.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct {
    uint32_t baud;
    speed_t code;
} speeds[] = { { 9600, B9600 },       { 19200, B19200 },     { 38400, B38400 },
               { 57600, B57600 },     { 115200, B115200 },   { 230400, B230400 },
               { 460800, B460800 },   { 500000, B500000 },   { 921600, B921600 },
               { 1000000, B1000000 }, { 1500000, B1500000 }, { 2000000, B2000000 },
               { 3000000, B3000000 }, { 4000000, B4000000 } };

static bkf_status open_tty(bkf_adapter *a, uint32_t baud, bkf_error *err)
{
    struct termios t;
    speed_t code = 0;
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++)
        if (speeds[i].baud == baud)
            code = speeds[i].code;
    if (!code)
        return serprog_fail(err, BKF_E_PARAM, 0, "serprog: %u baud is no rate of a tty", baud);
    a->fd = open(a->name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (a->fd < 0) {
        int e = errno;
        bkf_status st = e == EACCES || e == EPERM ? BKF_E_ACCESS
                        : e == EBUSY              ? BKF_E_BUSY
                                                  : BKF_E_NO_DEVICE;
        return serprog_fail(err, st, e, "serprog: %s cannot be opened: %s", a->name, strerror(e));
    }
    if (tcgetattr(a->fd, &t) != 0)
        return serprog_fail(err, BKF_E_NO_DEVICE, errno, "serprog: %s is not a serial port",
                            a->name);
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS | HUPCL);
    if (cfsetspeed(&t, code) != 0 || tcsetattr(a->fd, TCSANOW, &t) != 0)
        return serprog_fail(err, BKF_E_UNSUPPORTED, errno, "serprog: %s cannot do %u baud", a->name,
                            baud);
    tcflush(a->fd, TCIOFLUSH);
    return BKF_OK;
}

static int connect_one(const struct addrinfo *ai, uint32_t timeout_ms)
{
    int on = 1, problem = 0;
    socklen_t len = sizeof problem;
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
    if (fd < 0)
        return -1;
    struct pollfd p = { fd, POLLOUT, 0 };
    if ((connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 || errno == EINPROGRESS) &&
        poll(&p, 1, (int)timeout_ms) == 1 &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) == 0 && problem == 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
    }
    if (problem)
        errno = problem;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

static bkf_status open_tcp(bkf_adapter *a, bkf_error *err)
{
    char host[128];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    snprintf(host, sizeof host, "%s", a->name);
    char *colon = strrchr(host, ':');
    *colon = '\0';
    int r = getaddrinfo(host, colon + 1, &hints, &list);
    if (r != 0)
        return serprog_fail(err, BKF_E_NO_DEVICE, 0, "serprog: %s: %s", a->name, gai_strerror(r));
    errno = ETIMEDOUT;
    for (const struct addrinfo *ai = list; ai && a->fd < 0; ai = ai->ai_next)
        a->fd = connect_one(ai, 3000);
    int e = errno;
    freeaddrinfo(list);
    if (a->fd < 0)
        return serprog_fail(err, BKF_E_NO_DEVICE, e, "serprog: no connection to %s: %s", a->name,
                            strerror(e));
    return BKF_OK;
}

bkf_status stream_open(bkf_adapter *a, const char *unit, uint32_t baud, bkf_error *err)
{
    a->fd = -1;
    if (strncmp(unit, "ip:", 3) == 0)
        unit += 3;
    if (strlen(unit) >= sizeof a->name)
        return serprog_fail(err, BKF_E_PARAM, 0, "serprog: the unit's name is too long");
    snprintf(a->name, sizeof a->name, "%s", unit);
    a->tcp = unit[0] != '/' && strchr(unit, ':') != NULL;
    if (unit[0] != '/' && !a->tcp)
        return serprog_fail(err, BKF_E_NO_DEVICE, 0,
                            "serprog: '%s' is neither a tty (/dev/ttyACM0) nor HOST:PORT", unit);
    return a->tcp ? open_tcp(a, err) : open_tty(a, baud, err);
}

void stream_close(bkf_adapter *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

static bkf_status lost(bkf_adapter *a, int e, bkf_error *err)
{
    return serprog_fail(err, BKF_E_NO_DEVICE, e, "serprog: %s is gone: %s", a->name,
                        e ? strerror(e) : "the other side hung up");
}

static bkf_status wait_for(bkf_adapter *a, short what, uint32_t ms, bkf_error *err)
{
    struct pollfd p = { a->fd, what, 0 };
    for (;;) {
        int r = poll(&p, 1, (int)ms);
        if (r > 0 && (p.revents & what))
            return BKF_OK;
        if (r > 0)
            return lost(a, 0, err);
        if (r == 0)
            return serprog_fail(err, BKF_E_TIMEOUT, 0, "serprog: %s did not answer within %u ms",
                                a->name, ms);
        if (errno != EINTR)
            return lost(a, errno, err);
    }
}

bkf_status stream_send(bkf_adapter *a, const uint8_t *p, size_t n, bkf_error *err)
{
    while (n > 0) {
        ssize_t k = a->tcp ? send(a->fd, p, n, MSG_NOSIGNAL) : write(a->fd, p, n);
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        } else if (k < 0 && errno == EAGAIN) {
            bkf_status st = wait_for(a, POLLOUT, a->timeout_ms, err);
            if (st != BKF_OK)
                return st;
        } else if (k == 0 || errno != EINTR) {
            return lost(a, errno, err);
        }
    }
    return BKF_OK;
}

bkf_status stream_receive(bkf_adapter *a, uint8_t *p, size_t n, uint32_t ms, bkf_error *err)
{
    while (n > 0) {
        bkf_status st = wait_for(a, POLLIN, ms, err);
        if (st != BKF_OK)
            return st;
        ssize_t k = read(a->fd, p, n);
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        } else if (k == 0) {
            return lost(a, 0, err);
        } else if (errno != EAGAIN && errno != EINTR) {
            return lost(a, errno, err);
        }
    }
    return BKF_OK;
}

void stream_flush(bkf_adapter *a, uint32_t quiet_ms)
{
    uint8_t junk[256];
    struct pollfd p = { a->fd, POLLIN, 0 };
    for (int i = 0; i < 1000 && poll(&p, 1, (int)quiet_ms) == 1; i++)
        if (read(a->fd, junk, sizeof junk) <= 0)
            return;
}
