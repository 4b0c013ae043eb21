/* doctor_usb.c - looks at every USB device the rules know: mode, permission, driver, tty,
 * latency timer, speed; and at programs that get in the way. */
#include "doctor.h"
#include <ctype.h>
#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYS_USB "/sys/bus/usb/devices"

struct usb_device {
    const char *name; /* "1-1.4" */
    char id[16], product[80], node[40], driver[40], tty[64], tty_sys[PATH_MAX];
    unsigned speed, hubs;
};

struct exam {
    json_t *findings;
    const struct doctor_rules *rules;
    const char *wanted;
    bool failed, usable, seen, no_access, busy;
};

static bool read_attr(const char *dir, const char *attr, char *out, size_t cap)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, attr);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool ok = fgets(out, (int)cap, f) != NULL;
    fclose(f);
    if (ok)
        out[strcspn(out, "\n")] = '\0';
    return ok;
}

static void add(struct exam *x, const char *level, const struct doctor_rule *r,
                const struct usb_device *d, bkf_status st, const char *what, const char *evidence,
                const char *next)
{
    char unit[64] = "";
    if (d)
        snprintf(unit, sizeof unit, "usb:%s", d->name);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "level", level, "what", what,
                          "evidence", evidence, "next", next, "adapter", r ? r->adapter : "",
                          "unit", unit, "status", (int)st);
    if (!o || json_array_append_new(x->findings, o))
        x->failed = true;
}

/* The driver bound to the first interface, and the tty it made. */
static void look_at_interface(const char *dir, struct usb_device *d)
{
    char path[PATH_MAX], link[PATH_MAX];
    snprintf(path, sizeof path, "%s:1.0/driver", dir);
    ssize_t n = readlink(path, link, sizeof link - 1);
    if (n > 0) {
        link[n] = '\0';
        const char *slash = strrchr(link, '/');
        snprintf(d->driver, sizeof d->driver, "%s", slash ? slash + 1 : link);
    }
    snprintf(path, sizeof path, "%s:1.0", dir);
    DIR *in = opendir(path);
    for (struct dirent *e; in && (e = readdir(in));) {
        if (strncmp(e->d_name, "tty", 3) != 0 || !e->d_name[3])
            continue;
        snprintf(d->tty, sizeof d->tty, "/dev/%.50s", e->d_name);
        snprintf(d->tty_sys, sizeof d->tty_sys, "%s/%s", path, e->d_name);
    }
    if (in)
        closedir(in);
}

static bool look_at(const char *name, struct usb_device *d)
{
    char dir[PATH_MAX], vendor[8], product[8], number[16], bus[16];
    *d = (struct usb_device){ .name = name };
    snprintf(dir, sizeof dir, SYS_USB "/%s", name);
    if (!read_attr(dir, "idVendor", vendor, sizeof vendor) ||
        !read_attr(dir, "idProduct", product, sizeof product))
        return false;
    snprintf(d->id, sizeof d->id, "%.4s:%.4s", vendor, product);
    if (!read_attr(dir, "product", d->product, sizeof d->product))
        d->product[0] = '\0';
    if (read_attr(dir, "busnum", bus, sizeof bus) &&
        read_attr(dir, "devnum", number, sizeof number))
        snprintf(d->node, sizeof d->node, "/dev/bus/usb/%03ld/%03ld", strtol(bus, NULL, 10),
                 strtol(number, NULL, 10));
    if (read_attr(dir, "speed", number, sizeof number))
        d->speed = (unsigned)strtoul(number, NULL, 10);
    for (const char *p = name; *p; p++)
        d->hubs += *p == '.';
    look_at_interface(dir, d);
    return true;
}

/* "group plugdev (you are not in it)" */
static void describe_owner(const char *path, char *out, size_t cap)
{
    struct stat sb;
    snprintf(out, cap, "%s is not there", path);
    if (stat(path, &sb))
        return;
    struct group *g = getgrgid(sb.st_gid);
    snprintf(out, cap, "%s belongs to group %s, mode %03o", path, g ? g->gr_name : "?",
             (unsigned)(sb.st_mode & 0777));
}

static bool check_permission(struct exam *x, const struct doctor_rule *r,
                             const struct usb_device *d)
{
    bool tty = strcmp(r->access, "tty") == 0;
    const char *path = tty ? d->tty : d->node;
    if (tty && !*path) {
        char next[256];
        snprintf(next, sizeof next, "unplug it and plug it in again; look for it in 'dmesg'");
        add(x, "problem", r, d, BKF_E_NO_DEVICE, r->title, "the kernel made no serial port for it",
            next);
        return false;
    }
    if (access(path, R_OK | W_OK) == 0)
        return true;
    char owner[200], next[300];
    describe_owner(path, owner, sizeof owner);
    struct stat sb;
    struct group *g = stat(path, &sb) ? NULL : getgrgid(sb.st_gid);
    if (tty && g && strcmp(g->gr_name, "root") != 0)
        snprintf(next, sizeof next, "sudo usermod -aG %s \"$USER\", then log in again", g->gr_name);
    else
        snprintf(next, sizeof next,
                 "sudo cp 60-bkflash.rules /etc/udev/rules.d/ && sudo udevadm control --reload && "
                 "sudo udevadm trigger");
    add(x, "problem", r, d, BKF_E_ACCESS, "you may not open it", owner, next);
    x->no_access = true;
    return false;
}

/* One process: is any of its open files this node?  By device, so links do not matter. */
static bool process_holds(const char *pid, const struct stat *node)
{
    char dir[300], fd[600];
    bool found = false;
    snprintf(dir, sizeof dir, "/proc/%s/fd", pid);
    DIR *fds = opendir(dir);
    for (struct dirent *f; fds && !found && (f = readdir(fds));) {
        struct stat sb;
        snprintf(fd, sizeof fd, "%s/%s", dir, f->d_name);
        found = stat(fd, &sb) == 0 && sb.st_dev == node->st_dev && sb.st_ino == node->st_ino;
    }
    if (fds)
        closedir(fds);
    return found;
}

/* Who has the port open, as far as we may look. */
static bool find_holder(const char *path, char *out, size_t cap)
{
    struct stat node;
    DIR *proc = stat(path, &node) ? NULL : opendir("/proc");
    bool found = false;
    for (struct dirent *e; proc && !found && (e = readdir(proc));) {
        char dir[300], name[64] = "?";
        if (!isdigit((unsigned char)e->d_name[0]) ||
            strtol(e->d_name, NULL, 10) == (long)getpid() || !process_holds(e->d_name, &node))
            continue;
        found = true;
        snprintf(dir, sizeof dir, "/proc/%s", e->d_name);
        read_attr(dir, "comm", name, sizeof name);
        snprintf(out, cap, "%s is open in %s (process %s)", path, name, e->d_name);
    }
    if (proc)
        closedir(proc);
    return found;
}

static bool check_holder(struct exam *x, const struct doctor_rule *r, const struct usb_device *d)
{
    char who[200];
    const char *path = strcmp(r->access, "tty") == 0 ? d->tty : d->node;
    if (!find_holder(path, who, sizeof who))
        return true;
    add(x, "problem", r, d, BKF_E_BUSY, "another program uses it", who, "end that program");
    x->busy = true;
    return false;
}

static void check_driver(struct exam *x, const struct doctor_rule *r, const struct usb_device *d)
{
    if (strcmp(r->access, "node") != 0 || !*d->driver || strcmp(d->driver, "usbfs") == 0)
        return;
    char evidence[120];
    snprintf(evidence, sizeof evidence, "kernel driver %s is bound to it", d->driver);
    add(x, "note", r, d, BKF_OK, "a kernel driver has it", evidence,
        "nothing to do: bkflash detaches the driver and gives it back afterwards");
}

static void check_speed(struct exam *x, const struct doctor_rule *r, const struct usb_device *d)
{
    char evidence[120];
    if (r->speed && d->speed && d->speed < r->speed) {
        snprintf(evidence, sizeof evidence, "it runs at %u Mbit/s instead of %u", d->speed,
                 r->speed);
        add(x, "note", r, d, BKF_OK, "it is slower than it could be", evidence,
            "use a shorter cable, another port, or no hub");
    }
    if (d->hubs) {
        snprintf(evidence, sizeof evidence, "it is behind %u hub%s (%s)", d->hubs,
                 d->hubs > 1 ? "s" : "", d->name);
        add(x, "note", r, d, BKF_OK, "it is plugged into a hub", evidence,
            "if transfers fail, use a port of the computer itself");
    }
}

static void check_latency(struct exam *x, const struct doctor_rule *r, const struct usb_device *d)
{
    char value[16], evidence[120], next[300];
    if (!r->latency || !*d->tty_sys || !read_attr(d->tty_sys, "latency_timer", value, sizeof value))
        return;
    if (strtol(value, NULL, 10) <= 1)
        return;
    snprintf(evidence, sizeof evidence, "latency timer is %s ms", value);
    snprintf(next, sizeof next,
             "echo 1 | sudo tee %.200s/latency_timer   (or install the udev rule)", d->tty_sys);
    add(x, "note", r, d, BKF_OK, "small packets wait in the adapter", evidence, next);
}

static void examine(struct exam *x, const struct doctor_rule *r, const struct usb_device *d)
{
    char evidence[200];
    snprintf(evidence, sizeof evidence, "%s %s at usb:%s", d->id, d->product, d->name);
    if (r->problem[0]) {
        add(x, "problem", r, d, BKF_E_NO_DEVICE, r->title, r->problem, r->next);
        return;
    }
    bool matters = !x->wanted || strcmp(x->wanted, r->adapter) == 0;
    x->seen = x->seen || matters;
    bool ok = check_permission(x, r, d);
    ok = ok && check_holder(x, r, d);
    check_driver(x, r, d);
    check_speed(x, r, d);
    check_latency(x, r, d);
    if (ok)
        add(x, "ok", r, d, BKF_OK, r->title, evidence, "");
    x->usable = x->usable || (ok && matters);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void examine_devices(struct exam *x)
{
    char names[256][64];
    size_t n = 0;
    DIR *dir = opendir(SYS_USB);
    for (struct dirent *e; dir && n < ARRAY_LEN(names) && (e = readdir(dir));)
        if (e->d_name[0] != '.' && !strchr(e->d_name, ':') && strlen(e->d_name) < sizeof names[0])
            snprintf(names[n++], sizeof names[0], "%s", e->d_name);
    if (dir)
        closedir(dir);
    qsort(names, n, sizeof names[0], by_name);
    for (size_t i = 0; i < n; i++) {
        struct usb_device d;
        if (!look_at(names[i], &d))
            continue;
        for (size_t k = 0; k < x->rules->n_rules; k++)
            if (strcmp(x->rules->rule[k].id, d.id) == 0)
                examine(x, &x->rules->rule[k], &d);
    }
}

static bool program_runs(const char *name)
{
    DIR *proc = opendir("/proc");
    bool found = false;
    for (struct dirent *e; proc && !found && (e = readdir(proc));) {
        char dir[300], comm[64];
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        snprintf(dir, sizeof dir, "/proc/%s", e->d_name);
        /* The kernel cuts names at 15 characters. */
        found = read_attr(dir, "comm", comm, sizeof comm) && strncmp(comm, name, 15) == 0;
    }
    if (proc)
        closedir(proc);
    return found;
}

json_t *doctor_usb(const struct doctor_rules *rules, const char *wanted, bkf_status *outcome)
{
    struct exam x = { .findings = json_array(), .rules = rules, .wanted = wanted };
    if (!x.findings)
        return NULL;
    examine_devices(&x);
    for (size_t i = 0; i < rules->n_programs; i++)
        if (program_runs(rules->program[i].name))
            add(&x, "note", NULL, NULL, BKF_OK, rules->program[i].name, rules->program[i].problem,
                rules->program[i].next);
    if (!x.seen)
        add(&x, "problem", NULL, NULL, BKF_E_NO_DEVICE,
            wanted ? "the adapter of this route is not plugged in" : "no adapter is plugged in",
            wanted ? wanted : "no known USB id below " SYS_USB,
            "plug it in; if it is, try another cable: some carry power only");
    *outcome = x.usable      ? BKF_OK
               : x.no_access ? BKF_E_ACCESS
               : x.busy      ? BKF_E_BUSY
                             : BKF_E_NO_DEVICE;
    if (!x.failed)
        return x.findings;
    json_decref(x.findings);
    return NULL;
}
