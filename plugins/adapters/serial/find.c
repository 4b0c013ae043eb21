/* find.c - which ports there are, and which one a unit means. */
#include "serial.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct serial_kind serial_any = { .name = "serial" };
/* FT232R, and its successor FT-X with the same driver. */
const struct serial_kind serial_ft232r = { .name = "ft232r",
                                           .vid = 0x0403,
                                           .pids = { 0x6001, 0x6015, 0 } };

static bool is_kind(const struct serial_kind *kind, const struct sp_port *p)
{
    int vid, pid;
    if (!kind->vid) {
        return true;
    }
    if (sp_get_port_transport(p) != SP_TRANSPORT_USB ||
        sp_get_port_usb_vid_pid(p, &vid, &pid) != SP_OK || vid != kind->vid) {
        return false;
    }
    for (const int *want = kind->pids; *want; want++) {
        if (*want == pid) {
            return true;
        }
    }
    return false;
}

/* "usb:1-4.2" from /sys/class/tty/ttyUSB0 -> .../1-4.2/1-4.2:1.0/ttyUSB0/tty/ttyUSB0. */
static void usb_path(const char *path, char out[48])
{
    char sys[SERIAL_PATH_MAX], real[PATH_MAX];
    const char *base = strrchr(path, '/');
    out[0] = '\0';
    snprintf(sys, sizeof sys, "/sys/class/tty/%s", base ? base + 1 : path);
    if (!realpath(sys, real)) {
        return;
    }
    const char *colon = strchr(real, ':');
    for (; colon; colon = strchr(colon + 1, ':')) {
        /* The interface folder is named after its device: /1-4.2/1-4.2:1.0 */
        const char *start = colon;
        while (start > real && start[-1] != '/') {
            start--;
        }
        const size_t n = (size_t)(colon - start);
        if (n > 0 && n < 40 && start > real + n + 1 && strncmp(start - n - 1, start, n) == 0 &&
            memchr(start, '-', n)) {
            snprintf(out, 48, "usb:%.*s", (int)n, start);
            return;
        }
    }
}

static const char *text(const char *s)
{
    return s ? s : "";
}

static void describe(struct sp_port *p, char *label, size_t cap)
{
    char usb[48];
    usb_path(text(sp_get_port_name(p)), usb);
    const char *serial = sp_get_port_usb_serial(p);
    const char *product = sp_get_port_usb_product(p);
    snprintf(label, cap, "%s%s%s%s%s", product ? product : text(sp_get_port_description(p)),
             serial && *serial ? ", serial " : "", text(serial), usb[0] ? ", " : "", usb);
}

bkf_status serial_list(const struct serial_kind *kind,
                       void (*found)(void *ud, const char *path, const char *label), void *ud,
                       bkf_error *err)
{
    struct sp_port **ports = NULL;
    if (access("/sys/class/tty", F_OK) != 0) {
        return BKF_OK; /* a bare container: there are no ports to list */
    }
    if (sp_list_ports(&ports) != SP_OK) {
        return serial_error(err, BKF_E_IO, "the list of serial ports is not available");
    }
    for (size_t i = 0; ports[i]; i++) {
        if (is_kind(kind, ports[i])) {
            char label[160];
            describe(ports[i], label, sizeof label);
            found(ud, sp_get_port_name(ports[i]), label);
        }
    }
    sp_free_port_list(ports);
    return BKF_OK;
}

static bool same_unit(struct sp_port *p, const char *unit)
{
    const char *serial = sp_get_port_usb_serial(p);
    if (serial && strcmp(serial, unit) == 0) {
        return true;
    }
    char usb[48];
    usb_path(text(sp_get_port_name(p)), usb);
    return usb[0] && (strcmp(usb, unit) == 0 || strcmp(usb + 4, unit) == 0);
}

struct choice {
    size_t n;
    char path[SERIAL_PATH_MAX], label[64], all[256];
};

static void consider(struct choice *c, struct sp_port *p)
{
    const char *name = text(sp_get_port_name(p));
    const char *serial = text(sp_get_port_usb_serial(p));
    const size_t used = strlen(c->all);
    /* Names of ports change when something is plugged in; the serial number does not. */
    snprintf(c->all + used, sizeof c->all - used, "%s%s%s%s%s", used ? ", " : "", name,
             *serial ? " (serial " : "", serial, *serial ? ")" : "");
    if (c->n++ == 0) {
        snprintf(c->path, sizeof c->path, "%s", name);
        snprintf(c->label, sizeof c->label, "%s", *serial ? serial : name);
    }
}

static bkf_status choose(const struct serial_kind *kind, const char *unit, struct choice *c,
                         bkf_error *err)
{
    struct sp_port **ports = NULL;
    if (access("/sys/class/tty", F_OK) != 0) {
        return BKF_OK; /* a bare container: there are no ports to list */
    }
    if (sp_list_ports(&ports) != SP_OK) {
        return serial_error(err, BKF_E_IO, "the list of serial ports is not available");
    }
    for (size_t i = 0; ports[i]; i++) {
        if (is_kind(kind, ports[i]) && (!unit || same_unit(ports[i], unit))) {
            consider(c, ports[i]);
        }
    }
    sp_free_port_list(ports);
    return BKF_OK;
}

bkf_status serial_resolve(const struct serial_kind *kind, const char *unit,
                          char path[SERIAL_PATH_MAX], char label[64], bkf_error *err)
{
    if (unit && unit[0] == '/') {
        if (strlen(unit) >= SERIAL_PATH_MAX) {
            return serial_error(err, BKF_E_PARAM, "the path of the port is too long");
        }
        snprintf(path, SERIAL_PATH_MAX, "%s", unit);
        const char *base = strrchr(unit, '/');
        snprintf(label, 64, "%.63s", base[1] ? base + 1 : unit);
        return BKF_OK;
    }
    struct choice c = { 0 };
    const bkf_status st = choose(kind, unit, &c, err);
    if (st != BKF_OK) {
        return st;
    }
    if (c.n == 0) {
        return unit ? serial_error(err, BKF_E_NO_DEVICE,
                                   "%s: no port with the serial number or USB path '%s' is "
                                   "attached; a tty is given by its path (/dev/ttyUSB0)",
                                   kind->name, unit)
                    : serial_error(err, BKF_E_NO_DEVICE,
                                   "%s: no %s is attached; check the cable, or name a port with "
                                   "-u /dev/ttyUSB0",
                                   kind->name, kind->vid ? "FT232R" : "serial port");
    }
    if (c.n > 1) {
        return serial_error(err, BKF_E_PARAM, "%s: several ports fit (%s); choose one with -u",
                            kind->name, c.all);
    }
    snprintf(path, SERIAL_PATH_MAX, "%s", c.path);
    snprintf(label, 64, "%s", c.label);
    return BKF_OK;
}
