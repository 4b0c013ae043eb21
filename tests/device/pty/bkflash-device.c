/* bkflash-device - the UART side of the virtual device behind a pseudo-terminal.
 *
 *     bkflash-device chip=bk7231n image=dump.bin save=after.bin report=report.json
 *
 * prints the terminal's path and serves it until SIGINT or SIGTERM; then save= and report=
 * are written.  SIGUSR1 cuts the power for a moment.  The host's baud rate is read from the
 * terminal's settings (TCGETS2 on the master shows the slave's). */
#include "tests/device/device.h"
#include "tests/device/options.h"
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_OPTIONS = 64, CHUNK = 512 };

struct server {
    struct vclock clock;
    struct device *dev;
    int master, slave, signals;
    bool real_pace;
    uint32_t baud;
    uint64_t real_ns; /* at the last look */
    uint64_t start_ns;
    uint64_t switch_started; /* real time; 0 = no SetBaud under way */
    const char *link;
};

static uint64_t real_now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int usage(void)
{
    (void)printf("usage: bkflash-device [--pace=real|fast] [--link=PATH] KEY=VALUE ...\n"
                 "Serves the UART loader of a virtual Beken chip on a pseudo-terminal.\n"
                 "  --pace=real  replies take the time they take on a wire (default)\n"
                 "  --pace=fast  the device's work takes no real time\n"
                 "  --link=PATH  a symbolic link to the terminal\n"
                 "Signals: SIGUSR1 power cycle; SIGINT, SIGTERM end, writing save= and report=\n"
                 "Options:\n");
#define X(key, type, member, from_profile, choices, help) (void)printf("  %-12s %s\n", key, help);
    DEVICE_OPTIONS(X)
#undef X
    return 0;
}

static bool open_terminal(struct server *s, const char **path)
{
    struct termios2 raw;
    s->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (s->master < 0 || grantpt(s->master) || unlockpt(s->master)) {
        return false;
    }
    *path = ptsname(s->master);
    /* Kept open, so that the terminal survives a client that closes it. */
    s->slave = *path ? open(*path, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    if (s->slave < 0 || ioctl(s->slave, TCGETS2, &raw)) {
        return false;
    }
    raw.c_iflag = raw.c_oflag = raw.c_lflag = 0;
    raw.c_cflag = CS8 | CREAD | CLOCAL | BOTHER;
    raw.c_ispeed = raw.c_ospeed = 115200;
    return !ioctl(s->slave, TCSETS2, &raw);
}

static void look_at_baud(struct server *s)
{
    struct termios2 now;
    if (!ioctl(s->master, TCGETS2, &now) && now.c_ospeed && now.c_ospeed != s->baud) {
        s->baud = now.c_ospeed;
        device_uart_host_baud(s->dev, s->baud);
    }
}

static void send_out(struct server *s)
{
    uint8_t out[4096];
    size_t n = device_uart_read(s->dev, out, sizeof out);
    for (size_t at = 0; at < n;) {
        ssize_t done = write(s->master, out + at, n - at);
        if (done > 0) {
            at += (size_t)done;
        } else if (errno == EAGAIN) {
            struct pollfd p = { .fd = s->master, .events = POLLOUT };
            if (poll(&p, 1, 1000) <= 0) {
                return; /* nobody reads: lost, as on a wire */
            }
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* While the device prepares to answer at another rate, give the host the real time to
 * follow; as soon as it has, there is nothing more to wait for. */
static bool wait_for_host(struct server *s, uint64_t now)
{
    if (!device_uart_switching(s->dev)) {
        s->switch_started = 0;
        return false;
    }
    if (!s->switch_started) {
        s->switch_started = now;
    }
    double ratio = (double)s->baud / device_uart_baud(s->dev);
    return (ratio < 0.97 || ratio > 1.03) && now - s->switch_started < 1000000000u;
}

/* Moves the virtual clock; returns how long to sleep, in ms. */
static int advance(struct server *s)
{
    uint64_t now = real_now(), dt = now - s->real_ns;
    s->real_ns = now;
    if (s->real_pace) {
        uint64_t want = now - s->start_ns;
        s->clock.ns = want > s->clock.ns ? want : s->clock.ns;
        uint64_t next = device_uart_next_ns(s->dev);
        if (next == UINT64_MAX || next > want + 1000000000u) {
            return 1000;
        }
        return next <= want ? 0 : (int)((next - want) / 1000000u);
    }
    if (wait_for_host(s, now)) {
        return 1;
    }
    if (!device_uart_working(s->dev)) {
        s->clock.ns += dt;
        return 5;
    }
    while (device_uart_working(s->dev) && !device_uart_switching(s->dev)) {
        uint64_t next = device_uart_next_ns(s->dev);
        if (next == UINT64_MAX) {
            break;
        }
        s->clock.ns = next > s->clock.ns ? next : s->clock.ns;
        send_out(s);
    }
    if (device_uart_switching(s->dev)) { /* the host has followed: answer now */
        uint64_t next = device_uart_next_ns(s->dev);
        if (!wait_for_host(s, now) && next != UINT64_MAX) {
            s->clock.ns = next > s->clock.ns ? next : s->clock.ns;
        }
    }
    return 0;
}

static int serve(struct server *s)
{
    uint8_t in[CHUNK];
    for (;;) {
        look_at_baud(s);
        int timeout = advance(s);
        send_out(s);
        struct pollfd p[2] = { { .fd = s->master, .events = POLLIN },
                               { .fd = s->signals, .events = POLLIN } };
        if (poll(p, 2, timeout) < 0 && errno != EINTR) {
            return 1;
        }
        if (p[1].revents) {
            struct signalfd_siginfo info;
            if (read(s->signals, &info, sizeof info) != sizeof info ||
                info.ssi_signo != (uint32_t)SIGUSR1) {
                return 0;
            }
            device_power_cycle(s->dev);
        }
        if (p[0].revents & POLLIN) {
            ssize_t n = read(s->master, in, sizeof in);
            look_at_baud(s);
            (void)advance(s); /* the time spent waiting for these bytes */
            if (n > 0) {
                device_uart_write(s->dev, in, (size_t)n);
            }
        }
    }
}

static bool take_signals(struct server *s)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGUSR1);
    s->signals =
        sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0;
}

int main(int argc, char **argv)
{
    struct server s = { .real_pace = true, .baud = 115200 };
    struct device_option opt[MAX_OPTIONS];
    size_t n = 0;
    const char *path = NULL;
    char err[256];
    for (int i = 1; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            return usage();
        }
        if (!eq || n == MAX_OPTIONS) {
            (void)fprintf(stderr, "bkflash-device: '%s' is not KEY=VALUE; --help lists them\n",
                          argv[i]);
            return 2;
        }
        *eq = 0;
        if (!strcmp(argv[i], "--pace") && (!strcmp(eq + 1, "fast") || !strcmp(eq + 1, "real"))) {
            s.real_pace = !strcmp(eq + 1, "real");
        } else if (!strcmp(argv[i], "--link")) {
            s.link = eq + 1;
        } else {
            opt[n++] = (struct device_option){ argv[i], eq + 1 };
        }
    }
    s.dev = device_new(&s.clock, opt, n, err);
    if (!s.dev) {
        (void)fprintf(stderr, "bkflash-device: %s\n", err);
        return 2;
    }
    if (!take_signals(&s) || !open_terminal(&s, &path)) {
        (void)fprintf(stderr, "bkflash-device: no pseudo-terminal: %s\n", strerror(errno));
        device_free(s.dev);
        return 1;
    }
    if (s.link && (unlink(s.link), symlink(path, s.link))) {
        (void)fprintf(stderr, "bkflash-device: cannot link %s: %s\n", s.link, strerror(errno));
        device_free(s.dev);
        return 1;
    }
    (void)printf("%s\n", path);
    (void)fflush(stdout);
    s.real_ns = s.start_ns = real_now();
    int rc = serve(&s);
    if (s.link) {
        (void)unlink(s.link);
    }
    device_free(s.dev);
    return rc;
}
