/* stream.c - bytes through poll: what is there is delivered at once, a port that vanishes
 * ends the wait at once. */
#include "serial.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static bkf_status vanished(const bkf_adapter *a, int os, bkf_error *err)
{
    return serial_os_error(err, BKF_E_NO_DEVICE, os,
                           "%s vanished while in use (unplugged, or the program behind it ended)",
                           a->path);
}

static bkf_status failed(const bkf_adapter *a, const char *what, bkf_error *err)
{
    const int e = errno;
    if (e == EIO || e == ENXIO || e == ENODEV || e == EBADF) {
        return vanished(a, e, err);
    }
    return serial_os_error(err, BKF_E_IO, e, "%s: %s: %s", a->path, what, strerror(e));
}

/* Wait for events until the deadline; BKF_E_TIMEOUT when it passed. */
static bkf_status wait_for(const bkf_adapter *a, short events, uint64_t deadline, short *got,
                           bkf_error *err)
{
    for (;;) {
        const uint64_t now = now_ms();
        const uint64_t left = deadline > now ? deadline - now : 0;
        struct pollfd p = { .fd = a->fd, .events = events };
        const int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n < 0 && errno != EINTR) {
            return failed(a, "poll", err);
        }
        if (n > 0) {
            *got = p.revents;
            return BKF_OK;
        }
        if (n == 0 && left <= 60000) {
            return BKF_E_TIMEOUT;
        }
    }
}

static bkf_status do_read(void *self, uint8_t *buf, size_t len, uint32_t timeout_ms, size_t *done,
                          bkf_error *err)
{
    bkf_adapter *a = self;
    const uint64_t deadline = now_ms() + timeout_ms;
    *done = 0;
    while (*done < len) {
        short got = 0;
        const bkf_status st = wait_for(a, POLLIN, deadline, &got, err);
        if (st == BKF_E_TIMEOUT) {
            return timeout_ms ? serial_error(err, st, "%s: %zu of %zu bytes in %u ms", a->path,
                                             *done, len, (unsigned)timeout_ms)
                              : BKF_OK;
        }
        if (st != BKF_OK) {
            return st;
        }
        const ssize_t n = got & POLLIN ? read(a->fd, buf + *done, len - *done) : 0;
        if (n > 0) {
            *done += (size_t)n;
        } else if (n == 0) {
            return vanished(a, 0, err); /* readable without a byte, or hung up */
        } else if (errno != EAGAIN && errno != EINTR) {
            return failed(a, "read", err);
        }
    }
    return BKF_OK;
}

static bkf_status do_write(void *self, const uint8_t *buf, size_t len, uint32_t timeout_ms,
                           size_t *done, bkf_error *err)
{
    bkf_adapter *a = self;
    const uint64_t deadline = now_ms() + timeout_ms;
    *done = 0;
    while (*done < len) {
        short got = 0;
        const bkf_status st = wait_for(a, POLLOUT, deadline, &got, err);
        if (st == BKF_E_TIMEOUT) {
            return serial_error(err, st, "%s: only %zu of %zu bytes were accepted in %u ms",
                                a->path, *done, len, (unsigned)timeout_ms);
        }
        if (st != BKF_OK) {
            return st;
        }
        if (got & (POLLHUP | POLLERR | POLLNVAL)) {
            return vanished(a, 0, err);
        }
        const ssize_t n = write(a->fd, buf + *done, len - *done);
        if (n > 0) {
            *done += (size_t)n;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return failed(a, "write", err);
        }
    }
    return BKF_OK;
}

/* The bytes on their way are at the old rate: they leave first. */
static bkf_status do_setup(void *self, uint32_t baud, uint32_t *got_baud, bkf_error *err)
{
    bkf_adapter *a = self;
    if (baud == 0) { /* to termios this means: hang up */
        return serial_error(err, BKF_E_PARAM, "%s cannot do 0 baud", a->path);
    }
    while (tty_drain(a->fd) < 0) {
        if (errno != EINTR) {
            return failed(a, "drain", err);
        }
    }
    const int rc =
        a->port ? (sp_set_baudrate(a->port, (int)baud) == SP_OK ? 0 : -1) : tty_raw(a->fd, baud);
    if (rc < 0) {
        const int e = errno;
        if (e == EIO || e == ENXIO || e == ENODEV) {
            return vanished(a, e, err);
        }
        return serial_os_error(err, BKF_E_UNSUPPORTED, e, "%s cannot do %u baud", a->path,
                               (unsigned)baud);
    }
    uint32_t actual = 0;
    if (tty_rate(a->fd, &actual) < 0) {
        return failed(a, "rate", err);
    }
    *got_baud = actual ? actual : baud;
    return BKF_OK;
}

static bkf_status do_purge(void *self, bkf_error *err)
{
    bkf_adapter *a = self;
    return tty_flush(a->fd) < 0 ? failed(a, "purge", err) : BKF_OK;
}

const bkf_uart_ops serial_uart_ops = {
    .struct_size = sizeof serial_uart_ops,
    .setup = do_setup,
    .write = do_write,
    .read = do_read,
    .purge = do_purge,
};
