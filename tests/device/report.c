/* report.c - counters and violations as one JSON line. */
#include "device_priv.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
    char *at;
    size_t len, cap;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    for (;;) {
        va_start(ap, fmt);
        int n = vsnprintf(t->at ? t->at + t->len : NULL, t->at ? t->cap - t->len : 0, fmt, ap);
        va_end(ap);
        if (t->at && (size_t)n < t->cap - t->len) {
            t->len += (size_t)n;
            return;
        }
        size_t cap = t->cap * 2 + (size_t)n + 256;
        char *at = realloc(t->at, cap);
        if (!at) {
            return;
        }
        t->at = at;
        t->cap = cap;
    }
}

static void add_violations(struct text *t, const struct device *d)
{
    uint32_t total = 0;
    for (unsigned k = 0; k < VIOLATION_KINDS; k++) {
        total += (d->log.tolerated >> k & 1u) ? 0 : d->log.count[k];
    }
    add(t, "\"violations\":%" PRIu32 ",\"by_kind\":{", total);
    const char *comma = "";
    for (unsigned k = 0; k < VIOLATION_KINDS; k++) {
        if (d->log.count[k]) {
            add(t, "%s\"%s\":%" PRIu32, comma, violation_kind_name(k), d->log.count[k]);
            comma = ",";
        }
    }
    add(t, "},\"list\":[");
    for (size_t i = 0; i < d->log.n; i++) {
        /* the texts are ours: no quotes, no control characters */
        add(t, "%s{\"at_us\":%" PRIu64 ",\"kind\":\"%s\",\"text\":\"%s\"}", i ? "," : "",
            d->log.items[i].at_ns / 1000, violation_kind_name(d->log.items[i].kind),
            d->log.items[i].text);
    }
    add(t, "]");
}

char *device_report(struct device *d)
{
    struct text t = { NULL, 0, 0 };
    const struct nor_counts *n = nor_counts(d->die);
    gate_settle(&d->gate);
    add(&t, "{\"time_us\":%" PRIu64 ",\"resets\":%" PRIu32 ",\"accepted\":%" PRIu32 ",",
        d->clock->ns / 1000, d->gate.resets, d->gate.accepted);
    add(&t,
        "\"frames\":%" PRIu32 ",\"reads\":%" PRIu32 ",\"read_bytes\":%" PRIu64
        ",\"programs\":%" PRIu32 ",\"programmed_bytes\":%" PRIu64 ",\"erases\":%" PRIu32
        ",\"chip_erases\":%" PRIu32 ",\"max_sector_erases\":%" PRIu32 ",\"status_writes\":%" PRIu32
        ",\"rejected\":%" PRIu32 ",\"status\":%" PRIu32 ",",
        n->frames, n->reads, n->read_bytes, n->programs, n->programmed_bytes, n->erases,
        n->chip_erases, n->max_erases, n->status_writes, n->rejected, device_flash_status(d));
    add_violations(&t, d);
    add(&t, "}\n");
    return t.at;
}
