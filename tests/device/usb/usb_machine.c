/* The emulated machine: which adapters are plugged in where, and what hangs on them. */
#include "usb.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct usb_class *const classes[] = { &usb_ch341a,  &usb_ch341a_uart, &usb_ft232h,
                                                   &usb_ft2232h, &usb_ft4232h,     &usb_ft232r,
                                                   NULL };

const struct usb_class *usb_class_named(const char *name)
{
    for (size_t i = 0; classes[i]; i++)
        if (!strcmp(classes[i]->name, name))
            return classes[i];
    return NULL;
}

const char *usb_key_get(const struct usb_key *k, size_t n, const char *key, const char *dflt)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(k[i].key, key))
            return k[i].value;
    return dflt;
}

void usb_violation(struct usb_report *r, uint64_t at_ns, const char *fmt, ...)
{
    if (r->n_violations < USB_MAX_VIOLATIONS) {
        char *to = r->violation[r->n_violations];
        int n = snprintf(to, sizeof r->violation[0],
                         "at %llu us: ", (unsigned long long)(at_ns / 1000));
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(to + n, sizeof r->violation[0] - (size_t)n, fmt, ap);
        va_end(ap);
    }
    r->n_violations++;
}

void usb_log(struct usb_report *r, const char *what, const uint8_t *d, size_t n)
{
    if (!r->log)
        return;
    fprintf(r->log, "%s %zu:", what, n);
    for (size_t i = 0; i < n; i++)
        fprintf(r->log, " %02X", d[i]);
    fputc('\n', r->log);
    fflush(r->log);
}

/* Keys that belong to the adapter; all others go to the device behind it. */
static const char *const own_keys[] = { "port",     "usb_id",    "serial",  "driver",   "wire_cen",
                                        "fifo",     "version",   "stale",   "channel",  "unplug",
                                        "stall_in", "stall_out", "hang_in", "hang_out", "shorten",
                                        "sigint",   "no_access", "in_use",  "release" };

static bool own_key(const char *key)
{
    for (size_t i = 0; i < sizeof own_keys / sizeof *own_keys; i++)
        if (!strcmp(own_keys[i], key))
            return true;
    return false;
}

static bool yes(const char *v)
{
    return !strcmp(v, "1") || !strcmp(v, "yes");
}

static bool global_key(struct usb_machine *m, const char *key, const char *value, char err[256])
{
    if (!strcmp(key, "strict"))
        m->strict = yes(value);
    else if (!strcmp(key, "turnaround_us"))
        m->turnaround_ns = strtoull(value, NULL, 0) * 1000;
    else if (!strcmp(key, "report"))
        m->report_path = value;
    else if (!strcmp(key, "log"))
        m->log_path = value;
    else if (!strcmp(key, "state"))
        m->state_path = value;
    else {
        snprintf(err, 256, "unknown key '%s' before the first adapter=", key);
        return false;
    }
    return true;
}

static const char *get(const struct usb_adapter *a, const char *key, const char *dflt)
{
    return usb_key_get(a->keys, a->n_keys, key, dflt);
}

static uint64_t number(const struct usb_adapter *a, const char *key)
{
    return strtoull(get(a, key, "0"), NULL, 0);
}

static void bind_driver(struct usb_adapter *a, unsigned interface)
{
    const char *driver = get(a, "driver", a->class->driver ? a->class->driver : "none");
    a->driver[interface] = strcmp(driver, "none") ? driver : NULL;
}

static bool settle(struct usb_adapter *a, unsigned index, char err[256])
{
    const struct usb_class *c = a->class;
    unsigned vid = c->vid, pid = c->pid;
    char port[24];
    snprintf(port, sizeof port, "1-%u", index + 1);
    snprintf(a->port, sizeof a->port, "%s", get(a, "port", port));
    snprintf(a->serial, sizeof a->serial, "%s", get(a, "serial", ""));
    char *end;
    unsigned long bus_no = strtoul(a->port, &end, 10);
    if (*end != '-' || !bus_no || bus_no > 99) {
        snprintf(err, 256, "port=%s: expected something like 1-2 or 1-4.1", a->port);
        return false;
    }
    a->bus_no = (unsigned)bus_no;
    const char *id = get(a, "usb_id", "");
    if (*id) {
        vid = (unsigned)strtoul(id, &end, 16);
        pid = *end == ':' ? (unsigned)strtoul(end + 1, &end, 16) : 0;
    }
    if (*id && (*end || !pid)) {
        snprintf(err, 256, "usb_id=%s: expected VID:PID in hex", id);
        return false;
    }
    a->address = index + 2;
    a->vid = (uint16_t)vid;
    a->pid = (uint16_t)pid;
    memcpy(a->device_desc, c->device, 18);
    a->device_desc[8] = (uint8_t)vid;
    a->device_desc[9] = (uint8_t)(vid >> 8);
    a->device_desc[10] = (uint8_t)pid;
    a->device_desc[11] = (uint8_t)(pid >> 8);
    const char *release = get(a, "release", "");
    if (*release) {
        unsigned long bcd = strtoul(release, NULL, 16);
        a->device_desc[12] = (uint8_t)bcd;
        a->device_desc[13] = (uint8_t)(bcd >> 8);
    }
    a->device_desc[16] = a->serial[0] ? 3 : 0;
    a->config_len = c->config(a->config_desc, sizeof a->config_desc);
    for (unsigned i = 0; i < c->pipes; i++)
        bind_driver(a, i);
    a->bus.fault = (struct usb_fault){
        .unplug = number(a, "unplug"),
        .interrupt = number(a, "sigint"),
        .stall_in = number(a, "stall_in"),
        .stall_out = number(a, "stall_out"),
        .hang_in = number(a, "hang_in"),
        .hang_out = number(a, "hang_out"),
        .shorten = number(a, "shorten"),
        .no_access = yes(get(a, "no_access", "no")),
        .in_use = (unsigned)number(a, "in_use"),
    };
    return true;
}

bool machine_parse(struct usb_machine *m, char *text, char err[256])
{
    struct usb_adapter *a = NULL;
    memset(m, 0, sizeof *m);
    m->turnaround_ns = 250000;
    for (char *line = text, *end; line && *line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        char *value = strchr(line, '=');
        if (!value) {
            snprintf(err, 256, "'%s' is not KEY=VALUE", line);
            return false;
        }
        *value++ = 0;
        if (!strcmp(line, "adapter")) {
            if (m->n == USB_MAX_ADAPTERS) {
                snprintf(err, 256, "at most %d adapters", USB_MAX_ADAPTERS);
                return false;
            }
            a = &m->adapter[m->n++];
            a->class = usb_class_named(value);
            if (!a->class) {
                snprintf(err, 256, "adapter=%s: none of that name is modelled", value);
                return false;
            }
        } else if (!a) {
            if (!global_key(m, line, value, err))
                return false;
        } else if (a->n_keys == USB_MAX_KEYS) {
            snprintf(err, 256, "more than %d keys for one adapter", USB_MAX_KEYS);
            return false;
        } else {
            a->keys[a->n_keys++] = (struct usb_key){ line, value };
        }
    }
    for (size_t i = 0; i < m->n; i++)
        if (!settle(&m->adapter[i], (unsigned)i, err))
            return false;
    return true;
}

static bool power_target(struct usb_adapter *a, char err[256])
{
    struct device_option opt[USB_MAX_KEYS];
    size_t n = 0;
    for (size_t i = 0; i < a->n_keys; i++)
        if (!own_key(a->keys[i].key))
            opt[n++] = (struct device_option){ a->keys[i].key, a->keys[i].value };
    struct usb_pins *p = &a->pins;
    p->report = &a->bus.report;
    p->cs = p->cen = NET_FLOAT;
    p->min_cen_low_ns = 1000000;
    const char *cen = get(a, "wire_cen", a->class->default_cen);
    if (strcmp(cen, "none")) {
        int line = a->class->line(cen);
        if (line < 0) {
            snprintf(err, 256, "wire_cen=%s: %s has no such line", cen, a->class->name);
            return false;
        }
        p->cen_bit = (unsigned)line;
        p->cen_wired = true;
    }
    p->device = device_new(&p->clock, opt, n, err);
    return p->device != NULL;
}

static void restore(struct usb_machine *m)
{
    FILE *f = m->state_path ? fopen(m->state_path, "rb") : NULL;
    if (!f)
        return;
    for (size_t i = 0; i < m->n; i++)
        for (unsigned k = 0; k < m->adapter[i].class->pipes; k++) {
            void *at;
            struct usb_model *model = m->adapter[i].bus.pipe[k].model;
            size_t n = m->adapter[i].class->state(model, &at);
            if (fread(at, 1, n, f) == n)
                m->adapter[i].class->drive(model);
        }
    fclose(f);
}

static void keep(struct usb_machine *m)
{
    FILE *f = m->state_path ? fopen(m->state_path, "wb") : NULL;
    if (!f)
        return;
    for (size_t i = 0; i < m->n; i++)
        for (unsigned k = 0; k < m->adapter[i].class->pipes; k++) {
            void *at;
            size_t n = m->adapter[i].class->state(m->adapter[i].bus.pipe[k].model, &at);
            (void)!fwrite(at, 1, n, f);
        }
    fclose(f);
}

static bool power(struct usb_machine *m, struct usb_adapter *a, char err[256])
{
    a->bus.class = a->class;
    a->bus.turnaround_ns = m->turnaround_ns;
    a->bus.report.log = m->log;
    if (!power_target(a, err))
        return false;
    for (unsigned k = 0; k < a->class->pipes; k++) {
        a->bus.pipe[k].model = a->class->create(&a->pins, k, a->keys, a->n_keys, err);
        if (!a->bus.pipe[k].model)
            return false;
    }
    return true;
}

bool machine_power(struct usb_machine *m, char err[256])
{
    if (m->log_path)
        m->log = fopen(m->log_path, "ae");
    for (size_t i = 0; i < m->n; i++)
        if (!power(m, &m->adapter[i], err))
            return false;
    restore(m);
    return true;
}

static void print_adapter(FILE *f, struct usb_adapter *a)
{
    const struct usb_counts *c = &a->bus.report.count;
    const struct usb_report *r = &a->bus.report;
    fprintf(f,
            "{\"adapter\":\"%s\",\"port\":\"%s\",\"time_us\":%llu,\"calls\":%llu,"
            "\"out_urbs\":%llu,\"in_urbs\":%llu,\"out_packets\":%llu,\"in_packets\":%llu,"
            "\"out_bytes\":%llu,\"in_bytes\":%llu,\"control\":%llu,\"turnarounds\":%llu,"
            "\"cancelled\":%llu,\"in_flight\":%u,\"spi_bytes\":%llu,\"violations\":[",
            a->class->name, a->port, (unsigned long long)((c->last_ns - c->first_ns) / 1000),
            (unsigned long long)c->calls, (unsigned long long)c->out_urbs,
            (unsigned long long)c->in_urbs, (unsigned long long)c->out_packets,
            (unsigned long long)c->in_packets, (unsigned long long)c->out_bytes,
            (unsigned long long)c->in_bytes, (unsigned long long)c->control,
            (unsigned long long)c->turnarounds, (unsigned long long)c->cancelled, c->max_in_flight,
            (unsigned long long)c->spi_bytes);
    for (unsigned i = 0; i < r->n_violations && i < USB_MAX_VIOLATIONS; i++)
        fprintf(f, "%s\"%s\"", i ? "," : "", r->violation[i]);
    char *device = device_report(a->pins.device);
    fputs("],\"driver\":\"", f);
    for (unsigned i = 0; i < a->class->pipes; i++)
        fprintf(f, "%s%s", i ? "," : "", a->driver[i] ? a->driver[i] : "");
    fprintf(f, "\",\"device\":%s}\n", device ? device : "null");
    free(device);
}

/* What the program left behind; true if there was a violation. */
static bool finish(struct usb_adapter *a, uint64_t now)
{
    const struct violation *v;
    bus_run(&a->bus, now, now);
    if (!a->bus.gone)
        for (unsigned k = 0; k < a->class->pipes; k++) {
            a->class->finish(a->bus.pipe[k].model, now);
            if (a->bus.pipe[k].in.n || a->bus.pipe[k].out.n)
                usb_violation(&a->bus.report, now, "%u transfers still pending at the end",
                              a->bus.pipe[k].in.n + a->bus.pipe[k].out.n);
        }
    return a->bus.report.n_violations > 0 || device_violations(a->pins.device, &v) > 0;
}

static void power_off(struct usb_adapter *a)
{
    for (unsigned k = 0; k < a->class->pipes; k++)
        a->class->destroy(a->bus.pipe[k].model);
    device_free(a->pins.device);
}

bool machine_replug(struct usb_machine *m, uint64_t now, uint64_t unplug_at, uint64_t *calls,
                    char err[256])
{
    struct usb_adapter *a = &m->adapter[0];
    struct usb_fault fault = a->bus.fault;
    snprintf(err, 256, "%s", "");
    *calls = a->bus.report.count.calls;
    if (finish(a, now)) {
        const struct violation *v;
        bool wire = a->bus.report.n_violations > 0;
        if (!wire)
            (void)device_violations(a->pins.device, &v);
        snprintf(err, 256, "%s", wire ? a->bus.report.violation[0] : v->text);
    }
    power_off(a);
    memset(&a->bus, 0, sizeof a->bus);
    memset(&a->pins, 0, sizeof a->pins);
    a->bus.fault = fault;
    a->bus.fault.unplug = unplug_at;
    for (unsigned i = 0; i < a->class->pipes; i++) {
        if (a->claimed[i])
            snprintf(err, 256, "interface %u is still claimed", i);
        bind_driver(a, i);
    }
    return !err[0] && power(m, a, err);
}

bool machine_finish(struct usb_machine *m, uint64_t now)
{
    bool bad = false;
    FILE *f = m->report_path ? fopen(m->report_path, "ae") : NULL;
    for (size_t i = 0; i < m->n; i++) {
        struct usb_adapter *a = &m->adapter[i];
        if (!a->bus.report.count.calls)
            continue;
        bad |= finish(a, now);
        if (f)
            print_adapter(f, a);
    }
    keep(m);
    for (size_t i = 0; i < m->n; i++)
        power_off(&m->adapter[i]);
    if (f)
        fclose(f);
    if (m->log)
        fclose(m->log);
    return bad;
}
