/* bkflash-redir - one emulated USB adapter for a virtual machine.
 *
 *     bkflash-redir --socket=PATH [--pace=fast|real] adapter=ft232r chip=bk7231n image=f.bin
 *
 * speaks usbredir on a Unix socket, so that QEMU's usb-redir device puts the adapter on the USB
 * bus of its guest: a real kernel drives it.  The adapter and what hangs on it are the models of
 * tests/device/usb, with the same keys.
 *
 * Models have virtual time.  Here it follows real time, because the guest's does; with
 * --pace=fast a transfer takes no real time: the clock jumps to its end at once.
 *
 * Signals: SIGUSR1 pulls the adapter out, SIGUSR2 plugs it in; SIGINT and SIGTERM end it. */
#include "redir.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TICK_NS = 250000 }; /* how often a busy bus is looked at when it runs in real time */

static uint64_t real_now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t virtual_now(const struct redir *r)
{
    return real_now() - r->start_ns + r->ahead_ns;
}

/* What is complete by now goes to the guest; in fast pace, now is when the first transfer ends. */
static void move_time(struct redir *r)
{
    struct usb_bus *bus = &r->adapter->bus;
    for (;;) {
        uint64_t now = virtual_now(r);
        bus_run(bus, now, r->fast ? USB_NEVER : now);
        uint64_t end = bus_completed_at(bus);
        if (end == USB_NEVER || (end > now && !r->fast))
            break;
        if (end > now)
            r->ahead_ns += end - now;
        struct usb_urb *u = bus_reap(bus, end > now ? end : now);
        if (u)
            redir_complete(r, u);
    }
    r->now = virtual_now(r);
}

/* Something is under way, or done but not yet due, or pulled out and not noticed. */
static bool busy(const struct redir *r)
{
    const struct usb_bus *bus = &r->adapter->bus;
    if (bus->completed.n || r->notice_ns)
        return true;
    for (unsigned i = 0; i < bus->class->pipes; i++)
        if (bus->pipe[i].in.n || bus->pipe[i].out.n)
            return true;
    return false;
}

/* false: the end, by signal. */
static bool take_signal(struct redir *r)
{
    struct signalfd_siginfo info;
    if (read(r->signals, &info, sizeof info) != sizeof info)
        return true;
    if (info.ssi_signo == (uint32_t)SIGUSR1)
        redir_unplug(r);
    else if (info.ssi_signo == (uint32_t)SIGUSR2)
        redir_plug(r);
    else
        return false;
    return true;
}

static int serve(struct redir *r)
{
    for (;;) {
        r->now = virtual_now(r);
        move_time(r);
        redir_notice(r);
        if (!redir_flush(r))
            return 0;
        bool more = r->fd >= 0 && redir_unsent(r);
        struct pollfd p[2] = { { .fd = r->signals, .events = POLLIN },
                               { .fd = r->fd >= 0 ? r->fd : r->listener,
                                 .events = (short)(POLLIN | (more ? POLLOUT : 0)) } };
        const struct timespec tick = { .tv_nsec = TICK_NS };
        if (ppoll(p, 2, busy(r) ? &tick : NULL, NULL) < 0 && errno != EINTR)
            return 1;
        if (p[0].revents && !take_signal(r))
            return 0;
        if (!p[1].revents)
            continue;
        r->now = virtual_now(r);
        if (r->fd >= 0 && !redir_receive(r))
            return 0; /* the virtual machine ended */
        if (r->fd < 0 && !redir_accept(r))
            return 1;
    }
}

static bool take_signals(struct redir *r)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGUSR2);
    (void)signal(SIGPIPE, SIG_IGN);
    r->signals =
        sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return r->signals >= 0;
}

static bool listen_at(struct redir *r, const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(at.sun_path, path, strlen(path));
    (void)unlink(path);
    r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return r->listener >= 0 && !bind(r->listener, (struct sockaddr *)&at, sizeof at) &&
           !listen(r->listener, 1);
}

static int usage(void)
{
    (void)fputs("usage: bkflash-redir --socket=PATH [OPTIONS] KEY=VALUE...\n"
                "Serves one emulated USB adapter to QEMU's usb-redir device.\n"
                "  --pace=real   transfers take the time they take on a wire (default)\n"
                "  --pace=fast   transfers take no real time\n"
                "  --unplugged   SIGUSR2 plugs it in\n"
                "Keys: see tests/device/usb/README.md; one adapter=\n",
                stderr);
    return USB_EXIT_SETUP;
}

/* The keys as the text that machine_parse() takes apart. */
static char *join(char **word, int n)
{
    size_t len = 1;
    for (int i = 0; i < n; i++)
        len += strlen(word[i]) + 1;
    char *text = calloc(1, len);
    for (int i = 0; text && i < n; i++) {
        strcat(text, word[i]);
        strcat(text, "\n");
    }
    return text;
}

int main(int argc, char **argv)
{
    struct usb_machine *m = calloc(1, sizeof *m); /* too large for the stack */
    struct redir r = { .fd = -1, .plugged = true };
    const char *path = NULL;
    char err[256] = "out of memory";
    int i = 1;
    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        if (!strncmp(argv[i], "--socket=", 9))
            path = argv[i] + 9;
        else if (!strcmp(argv[i], "--pace=fast") || !strcmp(argv[i], "--pace=real"))
            r.fast = argv[i][7] == 'f';
        else if (!strcmp(argv[i], "--unplugged"))
            r.plugged = false;
        else
            return usage();
    }
    if (!path)
        return usage();
    char *text = join(argv + i, argc - i);
    if (!text || !m || !machine_parse(m, text, err) || m->n != 1 || !machine_power(m, err)) {
        (void)fprintf(stderr, "bkflash-redir: %s\n",
                      m && m->n != 1 ? "one adapter= is needed" : err);
        return USB_EXIT_SETUP;
    }
    r.adapter = &m->adapter[0];
    if (!take_signals(&r) || !listen_at(&r, path)) {
        (void)fprintf(stderr, "bkflash-redir: %s: %s\n", path, strerror(errno));
        return USB_EXIT_SETUP;
    }
    r.start_ns = real_now();
    int rc = serve(&r);
    redir_end(&r);
    (void)unlink(path);
    if (machine_finish(m, virtual_now(&r)) && m->strict && !rc)
        rc = USB_EXIT_VIOLATION;
    free(text);
    free(m);
    return rc;
}
