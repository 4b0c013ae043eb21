/* port.c - opening: access, lock, configuration, latency; every refusal says who or what. */
#include "serial.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bkf_status no_access(const char *path, bkf_error *err)
{
    struct stat s;
    char buf[1024];
    struct group g, *found = NULL;
    if (stat(path, &s) == 0) {
        getgrgid_r(s.st_gid, &g, buf, sizeof buf, &found);
    }
    if (found && (s.st_mode & S_IWGRP)) {
        return serial_os_error(err, BKF_E_ACCESS, EACCES,
                               "%s may be used by members of the group %s: run 'sudo usermod -aG "
                               "%s $USER' and log in again, or install the udev rules",
                               path, found->gr_name, found->gr_name);
    }
    return serial_os_error(err, BKF_E_ACCESS, EACCES,
                           "%s: the system refuses access; install the udev rules", path);
}

static bkf_status in_use(const char *path, bkf_error *err)
{
    char who[96];
    if (serial_holder(path, who, sizeof who) || serial_lock_file(path, who, sizeof who)) {
        return serial_os_error(err, BKF_E_BUSY, EBUSY, "%s is in use by %s", path, who);
    }
    return serial_os_error(err, BKF_E_BUSY, EBUSY,
                           "%s is in use by another program (of another user: try 'sudo lsof %s')",
                           path, path);
}

static bkf_status open_failed(const char *path, int os, bkf_error *err)
{
    switch (os) {
    case EACCES:
    case EPERM:
        return no_access(path, err);
    case EBUSY:
        return in_use(path, err);
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return serial_os_error(err, BKF_E_NO_DEVICE, os, "%s: there is no such port", path);
    default:
        return serial_os_error(err, BKF_E_IO, os, "%s: %s", path, strerror(os));
    }
}

/* libserialport knows only ports below /sys/class/tty; what it refuses may still be a tty. */
static bkf_status open_port(bkf_adapter *a, bkf_error *err)
{
    char *real = realpath(a->path, NULL);
    if (!real) {
        return open_failed(a->path, errno, err);
    }
    bkf_status st = BKF_OK;
    if (sp_get_port_by_name(real, &a->port) == SP_OK) {
        if (sp_open(a->port, SP_MODE_READ_WRITE) == SP_OK) {
            sp_get_port_handle(a->port, &a->fd);
        } else {
            const int os = errno;
            sp_free_port(a->port);
            a->port = NULL;
            st = os == ENOTTY || os == EINVAL ? BKF_OK : open_failed(a->path, os, err);
        }
    }
    if (st == BKF_OK && a->fd < 0) {
        a->fd = open(real, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (a->fd < 0) {
            st = open_failed(a->path, errno, err);
        } else if (!isatty(a->fd)) {
            st = serial_error(err, BKF_E_PARAM, "%s is not a serial port", a->path);
        }
    }
    free(real);
    return st;
}

static bkf_status lock(bkf_adapter *a, bkf_error *err)
{
    char who[96];
    if (serial_lock_file(a->path, who, sizeof who)) {
        return serial_os_error(err, BKF_E_BUSY, EBUSY, "%s is in use by %s", a->path, who);
    }
    if (flock(a->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        return in_use(a->path, err);
    }
    ioctl(a->fd, TIOCEXCL);
    return BKF_OK;
}

static bkf_status configure(bkf_adapter *a, bkf_error *err)
{
    if (a->port) {
        if (sp_set_baudrate(a->port, 115200) != SP_OK || sp_set_bits(a->port, 8) != SP_OK ||
            sp_set_parity(a->port, SP_PARITY_NONE) != SP_OK ||
            sp_set_stopbits(a->port, 1) != SP_OK ||
            sp_set_flowcontrol(a->port, SP_FLOWCONTROL_NONE) != SP_OK) {
            return serial_os_error(err, BKF_E_IO, errno, "%s does not take 115200 8N1", a->path);
        }
    } else if (tty_raw(a->fd, 115200) < 0) {
        return serial_os_error(err, BKF_E_IO, errno, "%s: %s", a->path, strerror(errno));
    }
    /* Opening asserted both; with RTS# wired to CEN the chip would stay in reset. */
    a->modem = modem_drive(a, LINE_DTR, 1) == 0 && modem_drive(a, LINE_RTS, 1) == 0;
    tty_flush(a->fd);
    return BKF_OK;
}

/* FTDI chips hold short answers back for 16 ms unless told otherwise. */
static void set_latency(bkf_adapter *a)
{
    char *real = realpath(a->path, NULL);
    const char *base = real ? strrchr(real, '/') : NULL;
    char path[SERIAL_PATH_MAX];
    snprintf(path, sizeof path, "/sys/bus/usb-serial/devices/%s/latency_timer",
             base ? base + 1 : "");
    free(real);
    char text[16] = "";
    FILE *f = fopen(path, "re");
    if (!f) {
        return; /* not an FTDI chip, nothing to set */
    }
    const bool known = fgets(text, sizeof text, f) != NULL;
    fclose(f);
    if (known && strtol(text, NULL, 10) == 1) {
        return;
    }
    f = fopen(path, "we");
    bool done = false;
    if (f) {
        done = fputs("1\n", f) >= 0;
        done = fclose(f) == 0 && done;
    }
    if (!done && tty_low_latency(a->fd) < 0) {
        serial_log(a->host, BKF_LOG_WARN,
                   "%s: the latency timer stays at %ld ms, each request waits for it; install the "
                   "udev rules, or run 'echo 1 | sudo tee %s'",
                   a->path, strtol(text, NULL, 10), path);
    }
}

bkf_status serial_open(const bkf_host *host, const struct serial_kind *kind, const char *unit,
                       const bkf_props *props, bkf_adapter **out, bkf_error *err)
{
    bkf_adapter *a = calloc(1, sizeof *a);
    if (!a) {
        return serial_error(err, BKF_E_NOMEM, "out of memory");
    }
    a->host = host;
    a->fd = -1;
    a->low_latency = props->num(props, "low_latency") != 0;
    bkf_status st = serial_resolve(kind, unit && *unit ? unit : NULL, a->path, a->unit, err);
    if (st == BKF_OK) {
        st = open_port(a, err);
    }
    if (st == BKF_OK) {
        st = lock(a, err);
    }
    if (st == BKF_OK) {
        st = configure(a, err);
    }
    if (st != BKF_OK) {
        serial_close(a);
        return st;
    }
    if (a->low_latency) {
        set_latency(a);
    }
    *out = a;
    return BKF_OK;
}

void serial_close(bkf_adapter *a)
{
    if (!a) {
        return;
    }
    if (a->fd >= 0) {
        if (a->modem) {
            modem_drive(a, LINE_DTR, 1);
            modem_drive(a, LINE_RTS, 1);
        }
        ioctl(a->fd, TIOCNXCL);
        flock(a->fd, LOCK_UN);
    }
    if (a->port) {
        sp_close(a->port);
        sp_free_port(a->port);
    } else if (a->fd >= 0) {
        close(a->fd);
    }
    free(a);
}
