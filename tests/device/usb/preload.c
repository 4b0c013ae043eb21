/* Loaded into the program under test in front of umockdev's path redirection: opens, polls
 * and ioctls of the emulated adapters' nodes are answered here, and all waiting happens on
 * the virtual clock. */
#include "preload.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
enum { MAX_FD = 1024, START_S = 2 };

struct preload preload = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct usb_adapter *adapter_of[MAX_FD];
static struct timespec base_real, base_mono;

static void *real(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    if (!f)
        abort();
    return f;
}
#define REAL(NAME, RET, ...)      \
    static RET (*f)(__VA_ARGS__); \
    if (!f)                       \
    f = (RET(*)(__VA_ARGS__))real(NAME)

struct usb_adapter *preload_adapter(int fd)
{
    return fd >= 0 && fd < MAX_FD ? adapter_of[fd] : NULL;
}

static int real_clock(clockid_t id, struct timespec *ts)
{
    REAL("clock_gettime", int, clockid_t, struct timespec *);
    return f(id, ts);
}

__attribute__((constructor)) static void begin(void)
{
    const char *config = getenv("BKFLASH_USB_CONFIG");
    char err[256] = "";
    if (!config)
        return;
    preload.dir = getenv("UMOCKDEV_DIR");
    preload.config = strdup(config);
    if (!preload.config || !machine_parse(&preload.machine, preload.config, err) ||
        !machine_power(&preload.machine, err)) {
        fprintf(stderr, "bkflash-usb: %s\n", err);
        _exit(USB_EXIT_SETUP);
    }
    real_clock(CLOCK_REALTIME, &base_real);
    real_clock(CLOCK_MONOTONIC, &base_mono);
    preload.now = START_S * 1000000000ull; /* the target booted a while ago */
    preload.active = true;
}

__attribute__((destructor)) static void end(void)
{
    if (!preload.active)
        return;
    preload.active = false;
    if (machine_finish(&preload.machine, preload.now) && preload.dir) {
        char path[256];
        snprintf(path, sizeof path, "%s/violated", preload.dir);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    free(preload.config);
}

/* A child of a program that forks ends this way, past the destructors. */
EXPORT void _exit(int status)
{
    REAL("_exit", void, int);
    end();
    f(status);
    __builtin_unreachable();
}

/* For a program that knows it is tested: the first adapter anew, see machine_replug. */
EXPORT bool bkf_usb_replug(uint64_t unplug_at, uint64_t *calls, char err[256]);
EXPORT bool bkf_usb_replug(uint64_t unplug_at, uint64_t *calls, char err[256])
{
    pthread_mutex_lock(&preload.lock);
    bool ok = machine_replug(&preload.machine, preload.now, unplug_at, calls, err);
    for (int i = 0; i < MAX_FD && ok; i++)
        if (adapter_of[i]) {
            snprintf(err, 256, "the adapter's node was left open");
            ok = false;
        }
    pthread_mutex_unlock(&preload.lock);
    return ok;
}

/* -- time ------------------------------------------------------------------------------- */
static void pass(uint64_t ns)
{
    pthread_mutex_lock(&preload.lock);
    preload.now += ns;
    preload.reads = 0;
    pthread_mutex_unlock(&preload.lock);
}

/* A program that reads the clock again and again, with nothing else happening, is waiting
 * in a loop: time passes faster and faster for it. */
static uint64_t read_clock(void)
{
    pthread_mutex_lock(&preload.lock);
    if (++preload.reads > 8) {
        unsigned shift = preload.reads - 8;
        preload.now += 100ull << (shift < 23 ? shift : 23);
    }
    uint64_t now = preload.now - START_S * 1000000000ull;
    pthread_mutex_unlock(&preload.lock);
    return now;
}

static void add(struct timespec *to, const struct timespec *base, uint64_t ns)
{
    ns += (uint64_t)base->tv_nsec;
    to->tv_sec = base->tv_sec + (time_t)(ns / 1000000000u);
    to->tv_nsec = (long)(ns % 1000000000u);
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ts)
{
    if (!preload.active || id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID ||
        id < 0)
        return real_clock(id, ts);
    bool wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    add(ts, wall ? &base_real : &base_mono, read_clock());
    return 0;
}

EXPORT int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec ts;
    (void)tz;
    if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
        return -1;
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

EXPORT time_t time(time_t *to)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    if (to)
        *to = ts.tv_sec;
    return ts.tv_sec;
}

EXPORT int nanosleep(const struct timespec *req, struct timespec *rem)
{
    if (!preload.active) {
        REAL("nanosleep", int, const struct timespec *, struct timespec *);
        return f(req, rem);
    }
    pass((uint64_t)req->tv_sec * 1000000000u + (uint64_t)req->tv_nsec);
    return 0;
}

EXPORT int clock_nanosleep(clockid_t id, int flags, const struct timespec *req,
                           struct timespec *rem)
{
    if (!preload.active) {
        REAL("clock_nanosleep", int, clockid_t, int, const struct timespec *, struct timespec *);
        return f(id, flags, req, rem);
    }
    if (!(flags & TIMER_ABSTIME))
        return nanosleep(req, rem);
    struct timespec now;
    clock_gettime(id, &now);
    int64_t ns = (int64_t)(req->tv_sec - now.tv_sec) * 1000000000 + (req->tv_nsec - now.tv_nsec);
    if (ns > 0)
        pass((uint64_t)ns);
    return 0;
}

EXPORT int usleep(useconds_t us)
{
    if (!preload.active) {
        REAL("usleep", int, useconds_t);
        return f(us);
    }
    pass((uint64_t)us * 1000);
    return 0;
}

EXPORT unsigned sleep(unsigned s)
{
    if (!preload.active) {
        REAL("sleep", unsigned, unsigned);
        return f(s);
    }
    pass((uint64_t)s * 1000000000u);
    return 0;
}

/* libusb falls back to poll timeouts, which are ours. */
EXPORT int timerfd_create(int clock, int flags)
{
    if (!preload.active) {
        REAL("timerfd_create", int, int, int);
        return f(clock, flags);
    }
    errno = ENOSYS;
    return -1;
}

/* -- files -------------------------------------------------------------------------------- */
static struct usb_adapter *node(const char *path)
{
    static const char root[] = "/dev/bus/usb/";
    if (!preload.active || !path || strncmp(path, root, sizeof root - 1) != 0)
        return NULL;
    char *end;
    unsigned long bus = strtoul(path + sizeof root - 1, &end, 10);
    unsigned long address = *end == '/' ? strtoul(end + 1, &end, 10) : 0;
    for (size_t i = 0; !*end && i < preload.machine.n; i++)
        if (preload.machine.adapter[i].bus_no == bus &&
            preload.machine.adapter[i].address == address)
            return &preload.machine.adapter[i];
    return NULL;
}

/* Past umockdev's open, which leaves a socket behind for each file below /dev. */
static int open_node(struct usb_adapter *a)
{
    if (a->bus.gone || a->bus.fault.no_access) {
        errno = a->bus.gone ? ENOENT : EACCES; /* the node goes with the device */
        return -1;
    }
    /* not by umockdev's open, which makes a socket for it and loses that */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
    if (fd >= MAX_FD) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0)
        adapter_of[fd] = a;
    return fd;
}

#define OPEN(NAME)                                    \
    EXPORT int NAME(const char *path, int flags, ...) \
    {                                                 \
        struct usb_adapter *a = node(path);           \
        if (a)                                        \
            return open_node(a);                      \
        mode_t mode = 0;                              \
        va_list ap;                                   \
        va_start(ap, flags);                          \
        if (flags & (O_CREAT | __O_TMPFILE))          \
            mode = va_arg(ap, mode_t);                \
        va_end(ap);                                   \
        REAL(#NAME, int, const char *, int, ...);     \
        return f(path, flags, mode);                  \
    }
OPEN(open)
OPEN(open64)
int __open_2(const char *path, int flags);
EXPORT int __open_2(const char *path, int flags)
{
    struct usb_adapter *a = node(path);
    if (a)
        return open_node(a);
    REAL("__open_2", int, const char *, int);
    return f(path, flags);
}
int __open64_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags)
{
    struct usb_adapter *a = node(path);
    if (a)
        return open_node(a);
    REAL("__open64_2", int, const char *, int);
    return f(path, flags);
}

EXPORT int close(int fd)
{
    REAL("close", int, int);
    struct usb_adapter *a = preload_adapter(fd);
    if (a) {
        pthread_mutex_lock(&preload.lock);
        adapter_of[fd] = NULL;
        bool last = true;
        for (int i = 0; i < MAX_FD; i++)
            if (adapter_of[i] == a)
                last = false;
        usbfs_closed(a, fd, last);
        pthread_mutex_unlock(&preload.lock);
    }
    return f(fd);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    REAL("ioctl", int, int, unsigned long, ...);
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    struct usb_adapter *a = preload_adapter(fd);
    if (!a)
        return f(fd, request, arg);
    pthread_mutex_lock(&preload.lock);
    int r = usbfs_ioctl(a, fd, request, arg);
    int code = errno;
    pthread_mutex_unlock(&preload.lock);
    errno = code;
    return r;
}

/* -- waiting --------------------------------------------------------------------------------- */
static int real_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    REAL("poll", int, struct pollfd *, nfds_t, int);
    return f(fds, n, timeout);
}

static int ready_now(struct pollfd *fds, nfds_t n)
{
    struct pollfd other[64];
    int count = 0;
    for (nfds_t i = 0; i < n; i++) {
        other[i] = fds[i];
        if (preload_adapter(fds[i].fd))
            other[i].fd = -1;
    }
    (void)real_poll(other, n, 0);
    for (nfds_t i = 0; i < n; i++) {
        struct usb_adapter *a = preload_adapter(fds[i].fd);
        fds[i].revents = other[i].revents;
        if (a) {
            bus_run(&a->bus, preload.now, preload.now);
            fds[i].revents = 0;
            if (bus_completed_at(&a->bus) <= preload.now)
                fds[i].revents |= (short)(fds[i].events & (POLLOUT | POLLWRNORM));
            if (a->bus.gone)
                fds[i].revents |= POLLERR | POLLHUP;
        }
        count += fds[i].revents != 0;
    }
    return count;
}

/* When something will be ready, at the latest at limit. */
static uint64_t next_event(const struct pollfd *fds, nfds_t n, uint64_t limit)
{
    for (nfds_t i = 0; i < n; i++) {
        struct usb_adapter *a = preload_adapter(fds[i].fd);
        if (!a)
            continue;
        bus_run(&a->bus, preload.now, limit);
        if (bus_completed_at(&a->bus) < limit)
            limit = bus_completed_at(&a->bus);
    }
    return limit;
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
    bool ours = false;
    for (nfds_t i = 0; i < n; i++)
        ours |= preload_adapter(fds[i].fd) != NULL;
    if (!preload.active || n > 64)
        return real_poll(fds, n, timeout);
    if (!ours) {
        int r = real_poll(fds, n, timeout < 0 ? -1 : 0);
        if (r != 0 || timeout <= 0)
            return r;
        pass((uint64_t)timeout * 1000000);
        return real_poll(fds, n, 0);
    }
    pthread_mutex_lock(&preload.lock);
    preload.reads = 0;
    uint64_t deadline = timeout < 0 ? USB_NEVER : preload.now + (uint64_t)timeout * 1000000;
    int r;
    while ((r = ready_now(fds, n)) == 0 && preload.now < deadline) {
        uint64_t t = next_event(fds, n, deadline);
        if (t != USB_NEVER) {
            preload.now = t > preload.now ? t : preload.now;
            continue;
        }
        /* Nothing will ever come from the adapters: another thread must act. */
        pthread_mutex_unlock(&preload.lock);
        struct timespec ms = { 0, 1000000 };
        REAL("nanosleep", int, const struct timespec *, struct timespec *);
        f(&ms, NULL);
        pthread_mutex_lock(&preload.lock);
    }
    pthread_mutex_unlock(&preload.lock);
    return r;
}
