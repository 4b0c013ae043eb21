/* loader_faults.c - faults of the line and quirks of the ROMs, as text. */
#include "loader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool probability(const char *s, double *p)
{
    char *end;
    *p = strtod(s, &end);
    return *s && !*end && *p >= 0 && *p <= 1;
}

static bool count(const char *s, uint32_t *n)
{
    char *end;
    unsigned long v = strtoul(s, &end, 0);
    *n = (uint32_t)v;
    return *s >= '0' && *s <= '9' && !*end && v <= UINT32_MAX;
}

static bool one_fault(const char *name, char *arg, struct uart_faults *f)
{
    uint32_t n = 0;
    if (!strcmp(name, "drop")) {
        return probability(arg, &f->drop);
    }
    if (!strcmp(name, "dup")) {
        return probability(arg, &f->dup);
    }
    if (!strcmp(name, "flip")) {
        return probability(arg, &f->flip);
    }
    if (!strcmp(name, "noise")) {
        return probability(arg, &f->noise);
    }
    if (!strcmp(name, "latency") && count(arg, &n) && n <= 255) {
        f->batch_ns = n * 1000000ull;
        return true;
    }
    if (!strcmp(name, "cut")) {
        char *times = strchr(arg, ':');
        f->cut_times = 1;
        if (times) {
            *times++ = 0;
        }
        return count(arg, &f->cut_at) && (!times || count(times, &f->cut_times));
    }
    if (!strcmp(name, "losebaud")) {
        f->lose_setbaud = 1;
        return !*arg || count(arg, &f->lose_setbaud);
    }
    if (!strcmp(name, "brownout")) {
        return count(arg, &f->brownout);
    }
    if (!strcmp(name, "echo") && !*arg) {
        f->echo = true;
        return true;
    }
    if (!strcmp(name, "deadtx") && !*arg) {
        f->dead_tx = true;
        return true;
    }
    return false;
}

bool loader_faults_parse(const char *spec, struct uart_faults *f, char err[256])
{
    memset(f, 0, sizeof *f);
    while (*spec) {
        char word[64];
        size_t len = strcspn(spec, ",");
        (void)snprintf(word, sizeof word, "%.*s", (int)(len < 63 ? len : 63), spec);
        char *arg = strchr(word, ':'), none[1] = "";
        if (arg) {
            *arg++ = 0;
        }
        if (!one_fault(word, arg ? arg : none, f)) {
            (void)snprintf(err, 256,
                           "device option uart_fault: '%.*s': use drop:P, dup:P, flip:P, noise:P, "
                           "latency:MS, cut:BYTES[:TIMES], losebaud[:TIMES], brownout:N, echo, "
                           "deadtx",
                           (int)len, spec);
            return false;
        }
        spec += len + (spec[len] == ',');
    }
    return true;
}

bool loader_quirks_parse(const char *spec, uint32_t *bits, char err[256])
{
    static const char *const names[] = { "addr1", "mid5", "stayrom", "banner", "stale" };
    *bits = 0;
    while (*spec) {
        size_t len = strcspn(spec, ","), i = 0;
        while (i < 5 && (strlen(names[i]) != len || strncmp(names[i], spec, len) != 0)) {
            i++;
        }
        if (i == 5) {
            (void)snprintf(err, 256,
                           "device option uart_quirk: '%.*s': use addr1, mid5, stayrom, banner, "
                           "stale",
                           (int)len, spec);
            return false;
        }
        *bits |= 1u << i;
        spec += len + (spec[len] == ',');
    }
    return true;
}
