/* bkflash-serprog - a serprog programmer with the virtual device on its pins, behind TCP or
 * a pseudo-terminal.  Written from flashrom's serprog-protocol.rst alone, strict where that
 * is: what a client may not do is answered with NAK and counted.
 *
 *     bkflash-serprog --tcp=0 gate=no image=dump.bin save=after.bin
 *
 * prints "listening on 127.0.0.1:PORT" (or the terminal's path) and serves one client after
 * the other until SIGTERM or SIGINT; then save= is written. */
#include "tests/device/device.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum { ACK = 0x06, NAK = 0x15, MAX_LEN = 0x10000, MAX_HZ = 12000000, MIN_HZ = 10000 };

struct server {
    struct vclock clock;
    struct device *dev;
    int fd, signals;
    bool old; /* firmware without commands 17 and 18 */
    bool duplex, keep, selected, end;
    uint32_t hz;
    unsigned refused;
};

/* False: the client is gone, or a signal ended the program. */
static bool get(struct server *s, uint8_t *p, size_t n)
{
    while (n > 0) {
        struct pollfd f[2] = { { s->fd, POLLIN, 0 }, { s->signals, POLLIN, 0 } };
        if (poll(f, 2, -1) < 0 && errno != EINTR)
            return false;
        if (f[1].revents) {
            s->end = true;
            return false;
        }
        if (!f[0].revents)
            continue;
        ssize_t k = read(s->fd, p, n);
        if (k <= 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (k == 0)
            return false;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
    return true;
}

static bool put(struct server *s, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(s->fd, p, n);
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        } else if (errno == EAGAIN) {
            struct pollfd f = { s->fd, POLLOUT, 0 };
            if (poll(&f, 1, 10000) != 1)
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool reply(struct server *s, const uint8_t *p, size_t n)
{
    const uint8_t ack = ACK;
    return put(s, &ack, 1) && put(s, p, n);
}

static bool refuse(struct server *s)
{
    const uint8_t nak = NAK;
    s->refused++;
    return put(s, &nak, 1);
}

static void chip_select(struct server *s, bool on)
{
    if (s->selected == on)
        return;
    vclock_advance(&s->clock, 500);
    device_set_cs(s->dev, on ? 0 : 1);
    vclock_advance(&s->clock, 500);
    s->selected = on;
}

static bool spi_operation(struct server *s)
{
    uint8_t head[6];
    static const uint8_t none = 0;
    if (!get(s, head, sizeof head))
        return false;
    size_t n_out = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    size_t n_in = head[3] | (size_t)head[4] << 8 | (size_t)head[5] << 16;
    uint8_t *out = calloc(1, (n_out > n_in ? n_out : n_in) + 1), *in = calloc(1, n_in + n_out + 1);
    bool ok = out && in && get(s, out, n_out);
    if (ok && (n_out > MAX_LEN || n_in > MAX_LEN)) {
        ok = refuse(s);
    } else if (ok) {
        chip_select(s, true);
        if (s->duplex) {
            device_spi_xfer(s->dev, 0, s->hz, out, in, n_out > n_in ? n_out : n_in);
        } else {
            device_spi_xfer(s->dev, 0, s->hz, out, NULL, n_out);
            device_spi_xfer(s->dev, 0, s->hz, NULL, in, n_in);
        }
        if (!s->keep)
            chip_select(s, false);
        ok = reply(s, n_in ? in : &none, n_in);
    }
    free(out);
    free(in);
    return ok;
}

static bool set_frequency(struct server *s)
{
    uint8_t p[4];
    if (!get(s, p, sizeof p))
        return false;
    uint32_t want = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    if (want == 0)
        return refuse(s);
    s->hz = want > MAX_HZ ? MAX_HZ : want < MIN_HZ ? MIN_HZ : want;
    const uint8_t in[4] = { (uint8_t)s->hz, (uint8_t)(s->hz >> 8), (uint8_t)(s->hz >> 16),
                            (uint8_t)(s->hz >> 24) };
    return reply(s, in, sizeof in);
}

static bool one_byte(struct server *s, uint8_t op)
{
    uint8_t v;
    if (!get(s, &v, 1))
        return false;
    if (op == 0x12)
        return v & 8 ? reply(s, NULL, 0) : refuse(s);
    if (op == 0x15) { /* pins: high impedance or driven */
        device_set_cs(s->dev, v ? 1 : NET_FLOAT);
        device_set_sck(s->dev, v ? 0 : NET_FLOAT);
        device_set_mosi(s->dev, v ? 1 : NET_FLOAT);
        s->selected = false;
    } else if (op == 0x17) {
        if (v > 1)
            return refuse(s);
        s->duplex = v;
    } else if (op == 0x18) {
        if (v > 2)
            return refuse(s);
        s->keep = v == 1;
        if (!s->keep)
            chip_select(s, false);
    } else if (op == 0x16 && v != 0) {
        return refuse(s);
    }
    return reply(s, NULL, 0);
}

static bool command_map(struct server *s)
{
    static const uint8_t known[] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x10,
                                     0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18 };
    uint8_t map[32] = { 0 };
    for (size_t i = 0; i < sizeof known - (s->old ? 2 : 0); i++)
        map[known[i] / 8] |= (uint8_t)(1u << known[i] % 8);
    return reply(s, map, sizeof map);
}

static bool one_command(struct server *s, uint8_t op)
{
    static const uint8_t version[2] = { 1, 0 }, name[16] = "bkflash-virtual",
                         buffer[2] = { 255, 255 };
    static const uint8_t bus = 8, length[3] = { 0, 0, 1 }, sync[2] = { NAK, ACK };
    vclock_advance(&s->clock, 125000); /* a USB or TCP turnaround */
    switch (op) {
    case 0x00:
        return reply(s, NULL, 0);
    case 0x01:
        return reply(s, version, sizeof version);
    case 0x02:
        return command_map(s);
    case 0x03:
        return reply(s, name, sizeof name);
    case 0x04:
        return reply(s, buffer, sizeof buffer);
    case 0x05:
        return reply(s, &bus, 1);
    case 0x08:
    case 0x11:
        return reply(s, length, sizeof length);
    case 0x10:
        return put(s, sync, sizeof sync);
    case 0x13:
        return spi_operation(s);
    case 0x14:
        return set_frequency(s);
    case 0x17:
    case 0x18:
        return s->old ? refuse(s) : one_byte(s, op);
    case 0x12:
    case 0x15:
    case 0x16:
        return one_byte(s, op);
    default:
        return refuse(s);
    }
}

static void serve(struct server *s)
{
    uint8_t op;
    s->duplex = s->keep = false;
    s->hz = 1000000;
    while (get(s, &op, 1) && one_command(s, op))
        ;
    chip_select(s, false);
}

static int serve_tcp(struct server *s, unsigned port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int on = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (l < 0 || bind(l, (struct sockaddr *)&at, sizeof at) != 0 || listen(l, 4) != 0 ||
        getsockname(l, (struct sockaddr *)&at, &len) != 0) {
        perror("bkflash-serprog");
        return 1;
    }
    printf("listening on 127.0.0.1:%u\n", ntohs(at.sin_port));
    fflush(stdout);
    while (!s->end) {
        struct pollfd f[2] = { { l, POLLIN, 0 }, { s->signals, POLLIN, 0 } };
        if (poll(f, 2, -1) < 0 && errno != EINTR)
            break;
        if (f[1].revents)
            break;
        if (!f[0].revents || (s->fd = accept4(l, NULL, NULL, SOCK_CLOEXEC)) < 0)
            continue;
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        serve(s);
        close(s->fd);
    }
    close(l);
    return 0;
}

static int serve_pty(struct server *s)
{
    char slave_name[128];
    struct termios t;
    s->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->fd < 0 || grantpt(s->fd) != 0 || unlockpt(s->fd) != 0 ||
        ptsname_r(s->fd, slave_name, sizeof slave_name) != 0) {
        perror("bkflash-serprog");
        return 1;
    }
    int slave =
        open(slave_name, O_RDWR | O_NOCTTY | O_CLOEXEC); /* held: no hang-up between clients */
    if (slave >= 0 && tcgetattr(slave, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSANOW, &t);
    }
    printf("%s\n", slave_name);
    fflush(stdout);
    serve(s);
    close(slave);
    close(s->fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct server s = { .fd = -1 };
    struct device_option options[64];
    size_t n = 0;
    long port = -1;
    char why[256] = "";
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (strncmp(argv[i], "--tcp=", 6) == 0) {
            port = strtol(argv[i] + 6, NULL, 10);
        } else if (strcmp(argv[i], "--old") == 0) {
            s.old = true;
        } else if (argv[i][0] != '-' && equals && n < 64) {
            *equals = '\0';
            options[n++] = (struct device_option){ argv[i], equals + 1 };
        } else {
            fprintf(stderr, "usage: bkflash-serprog [--tcp=PORT] [--old] [KEY=VALUE ...]\n");
            return 2;
        }
    }
    s.dev = device_new(&s.clock, options, n, why);
    if (!s.dev) {
        fprintf(stderr, "bkflash-serprog: %s\n", why);
        return 2;
    }
    vclock_advance(&s.clock, 1000000000);
    device_set_cs(s.dev, 1);
    device_set_mosi(s.dev, 1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s.signals = signalfd(-1, &set, SFD_CLOEXEC);
    int code = port >= 0 && port < 65536 ? serve_tcp(&s, (unsigned)port) : serve_pty(&s);
    const struct violation *v;
    size_t bad = device_violations(s.dev, &v);
    for (size_t i = 0; i < bad && i < 10; i++)
        fprintf(stderr, "violation: %s: %s\n", violation_kind_name(v[i].kind), v[i].text);
    device_free(s.dev);
    close(s.signals);
    return code;
}
