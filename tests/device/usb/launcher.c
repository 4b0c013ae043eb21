/* bkflash-usb KEY=VALUE... -- COMMAND ARGS
 *
 * Runs a program on a machine with emulated USB adapters: a /sys and /dev tree for
 * umockdev's path redirection, and bkf-usb-preload.so for everything behind an open node. */
#include "usb.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("bkflash-usb: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(USB_EXIT_SETUP);
}

static void parents(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = 0;
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            die("%s: %s", path, strerror(errno));
        *p = '/';
    }
}

static void file(const char *path_in, const void *data, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s", path_in);
    parents(path);
    FILE *f = fopen(path, "we");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        die("%s: %s", path, strerror(errno));
}

static void attribute(const char *dir, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void attribute(const char *dir, const char *name, const char *fmt, ...)
{
    char path[512], text[512];
    va_list ap;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    file(path, text, (size_t)n);
}

static void symlink_at(const char *target, const char *path_in)
{
    char path[512];
    snprintf(path, sizeof path, "%s", path_in);
    parents(path);
    if (symlink(target, path) < 0 && errno != EEXIST)
        die("%s: %s", path, strerror(errno));
}

static void plug_driver(const char *root, const struct usb_adapter *a, const char *dir)
{
    char path[512], target[256];
    for (unsigned i = 0; i < a->class->pipes; i++) {
        char interface[640];
        snprintf(interface, sizeof interface, "%s/%s:1.%u", dir, a->port, i);
        attribute(interface, "bInterfaceNumber", "%02x\n", i);
        if (!a->driver[i])
            continue;
        snprintf(path, sizeof path, "%s/sys/bus/usb/drivers/%s/bind", root, a->driver[i]);
        file(path, "", 0);
        snprintf(target, sizeof target, "../../../../../../bus/usb/drivers/%s", a->driver[i]);
        snprintf(path, sizeof path, "%s/driver", interface);
        symlink_at(target, path);
    }
}

struct node { /* one USB device in /sys and /dev */
    unsigned bus, address, mbit, vid, pid, release;
    const char *dir;  /* below the controller: "usb1", "usb1/1-4" */
    const char *name; /* "1-4" */
    const char *devpath;
    const uint8_t *descriptors;
    size_t n;
};

static void plug_node(const char *root, const struct node *d, char *dir, size_t cap)
{
    char path[512], target[256];
    snprintf(dir, cap, "%s/sys/devices/pci0000:00/0000:00:14.0/%s", root, d->dir);
    attribute(dir, "busnum", "%u\n", d->bus);
    attribute(dir, "devnum", "%u\n", d->address);
    attribute(dir, "devpath", "%s\n", d->devpath);
    attribute(dir, "speed", "%u\n", d->mbit);
    attribute(dir, "idVendor", "%04x\n", d->vid);
    attribute(dir, "idProduct", "%04x\n", d->pid);
    attribute(dir, "bConfigurationValue", "1\n");
    unsigned minor = (d->bus - 1) * 128 + d->address - 1;
    attribute(dir, "uevent",
              "MAJOR=189\nMINOR=%u\nDEVNAME=bus/usb/%03u/%03u\nDEVTYPE=usb_device\n"
              "DRIVER=usb\nPRODUCT=%x/%x/%x\nTYPE=0/0/0\nBUSNUM=%03u\nDEVNUM=%03u\n",
              minor, d->bus, d->address, d->vid, d->pid, d->release, d->bus, d->address);
    snprintf(path, sizeof path, "%s/descriptors", dir);
    file(path, d->descriptors, d->n);
    char up[128] = "../../../../";
    for (const char *p = d->dir; (p = strchr(p, '/')); p++)
        strncat(up, "../", sizeof up - strlen(up) - 1);
    snprintf(path, sizeof path, "%s/subsystem", dir);
    snprintf(target, sizeof target, "%sbus/usb", up);
    symlink_at(target, path);
    snprintf(path, sizeof path, "%s/sys/bus/usb/devices/%s", root, d->name);
    snprintf(target, sizeof target, "../../../devices/pci0000:00/0000:00:14.0/%s", d->dir);
    symlink_at(target, path);
    snprintf(path, sizeof path, "%s/dev/bus/usb/%03u/%03u", root, d->bus, d->address);
    file(path, "", 0);
    snprintf(path, sizeof path, "%s/dev/.node/bus_usb_%03u_%03u", root, d->bus, d->address);
    snprintf(target, sizeof target, "189:%u", minor);
    symlink_at(target, path);
}

/* The hubs above a port: "1-4.2" hangs on 1-4, which hangs on usb1. */
static void plug_hubs(const char *root, const struct usb_adapter *a, char *dir, size_t cap,
                      unsigned *address)
{
    static const uint8_t hub[] = { 18, 1, 0, 2, 9, 0,  1, 64, 0x6b, 0x1d, 2,    0, 0, 6, 0,
                                   0,  0, 1, 9, 2, 25, 0, 1,  1,    0,    0xe0, 0, 9, 4, 0,
                                   0,  1, 9, 0, 0, 0,  7, 5,  0x81, 3,    4,    0, 12 };
    char name[32], full[256];
    struct node d = { a->bus_no, 1, 480, 0x1d6b, 2, 0x600, dir, name, "0", hub, sizeof hub };
    snprintf(dir, cap, "usb%u", a->bus_no);
    snprintf(name, sizeof name, "usb%u", a->bus_no);
    plug_node(root, &d, full, sizeof full);
    for (const char *dot = a->port; (dot = strchr(dot, '.')); dot++) {
        snprintf(name, sizeof name, "%.*s", (int)(dot - a->port), a->port);
        size_t used = strlen(dir);
        snprintf(dir + used, cap - used, "/%s", name);
        d.address = (*address)++;
        d.devpath = strchr(name, '-') + 1;
        plug_node(root, &d, full, sizeof full);
    }
}

static void plug(const char *root, const struct usb_adapter *a, unsigned *hub_address)
{
    char below[128], dir[256];
    uint8_t descriptors[18 + 256];
    plug_hubs(root, a, below, sizeof below, hub_address);
    size_t used = strlen(below);
    snprintf(below + used, sizeof below - used, "/%s", a->port);
    memcpy(descriptors, a->device_desc, 18);
    memcpy(descriptors + 18, a->config_desc, a->config_len);
    const struct node d = { a->bus_no,
                            a->address,
                            a->class->mbit,
                            a->vid,
                            a->pid,
                            (unsigned)(a->device_desc[12] | a->device_desc[13] << 8),
                            below,
                            a->port,
                            strchr(a->port, '-') + 1,
                            descriptors,
                            18 + a->config_len };
    plug_node(root, &d, dir, sizeof dir);
    plug_driver(root, a, dir);
}

static char *joined(char **word, int n)
{
    size_t len = 1;
    for (int i = 0; i < n; i++)
        len += strlen(word[i]) + 1;
    char *text = calloc(1, len);
    if (!text)
        die("out of memory");
    for (int i = 0; i < n; i++) {
        strcat(text, word[i]);
        strcat(text, "\n");
    }
    return text;
}

static void prepend(const char *name, const char *value, char separator)
{
    char text[2048];
    const char *old = getenv(name);
    snprintf(text, sizeof text, "%s%c%s", value, old && *old ? separator : 0, old ? old : "");
    setenv(name, text, 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int run(char **command, const char *root, const char *config)
{
    char preload[600], self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        die("/proc/self/exe: %s", strerror(errno));
    self[n] = 0;
    *strrchr(self, '/') = 0;
    snprintf(preload, sizeof preload, "%s/bkf-usb-preload.so:libumockdev-preload.so.0", self);
    signal(SIGINT, SIG_IGN); /* the program gets it too, and decides */
    pid_t pid = fork();
    if (pid < 0)
        die("fork: %s", strerror(errno));
    if (!pid) {
        signal(SIGINT, SIG_DFL);
        prepend("LD_PRELOAD", preload, ':');
        prepend("ASAN_OPTIONS", "verify_asan_link_order=0", ':');
        setenv("UMOCKDEV_DIR", root, 1);
        setenv("BKFLASH_USB_CONFIG", config, 1);
        execvp(command[0], command);
        fprintf(stderr, "bkflash-usb: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    struct usb_machine m;
    char err[256], root[64] = "/tmp/bkusb.XXXXXX", path[128];
    int n = 1;
    while (n < argc && strcmp(argv[n], "--"))
        n++;
    if (n + 1 >= argc) {
        fputs("usage: bkflash-usb KEY=VALUE... -- COMMAND ARGS\n"
              "  see tests/device/usb/README.md for the keys\n",
              stderr);
        return USB_EXIT_SETUP;
    }
    char *config = joined(argv + 1, n - 1), *text = strdup(config);
    if (!text || !machine_parse(&m, text, err))
        die("%s", err);
    if (!mkdtemp(root))
        die("%s: %s", root, strerror(errno));
    snprintf(path, sizeof path, "%s/sys/bus/usb/devices/", root);
    parents(path);
    unsigned hub_address = 100;
    for (size_t i = 0; i < m.n; i++)
        plug(root, &m.adapter[i], &hub_address);
    int status = run(argv + n + 1, root, config);
    snprintf(path, sizeof path, "%s/violated", root);
    if (m.strict && access(path, F_OK) == 0) {
        fprintf(stderr, "bkflash-usb: the program broke the protocol%s%s\n",
                m.report_path ? ", see " : "; report=FILE tells how",
                m.report_path ? m.report_path : "");
        status = USB_EXIT_VIOLATION;
    }
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(text);
    free(config);
    return status;
}
