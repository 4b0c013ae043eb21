#include "violation.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 256 };

const char *violation_kind_name(unsigned kind)
{
    static const char *const names[VIOLATION_KINDS] = {
        [VIOLATION_BUSY] = "busy",
        [VIOLATION_WEL] = "wel",
        [VIOLATION_FRAME] = "frame",
        [VIOLATION_PROTECTED] = "protected",
        [VIOLATION_OPCODE] = "opcode",
        [VIOLATION_LENGTH] = "length",
        [VIOLATION_WRAP] = "wrap",
        [VIOLATION_UNERASED] = "unerased",
        [VIOLATION_OTP] = "otp",
        [VIOLATION_HAZARD] = "hazard",
        [VIOLATION_CLOCK] = "clock",
        [VIOLATION_SELECT] = "select",
        [VIOLATION_ABORT] = "abort",
        [VIOLATION_UART_BAUD] = "uart-baud",
        [VIOLATION_UART_OVERRUN] = "uart-overrun",
        [VIOLATION_UART_FRAME] = "uart-frame",
        [VIOLATION_UART_ADDRESS] = "uart-address",
        [VIOLATION_BOOTLOADER] = "bootloader",
        [VIOLATION_UART_ORDER] = "uart-order",
    };
    return kind < VIOLATION_KINDS ? names[kind] : "?";
}

void violation_add(struct violation_log *log, uint64_t at_ns, unsigned kind, const char *fmt, ...)
{
    log->count[kind]++;
    if ((log->tolerated >> kind & 1u) || log->n == KEPT) {
        return;
    }
    if (log->n == log->cap) {
        size_t cap = log->cap ? log->cap * 2 : 16;
        struct violation *items = realloc(log->items, cap * sizeof *items);
        if (!items) {
            return;
        }
        log->items = items;
        log->cap = cap;
    }
    struct violation *v = &log->items[log->n++];
    v->at_ns = at_ns;
    v->kind = kind;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(v->text, sizeof v->text, fmt, ap);
    va_end(ap);
}

void violation_free(struct violation_log *log)
{
    free(log->items);
    log->items = NULL;
    log->n = log->cap = 0;
}

bool violation_kinds_parse(const char *list, uint32_t *bits, char bad[32])
{
    *bits = 0;
    while (*list) {
        size_t len = strcspn(list, ",");
        unsigned kind = 0;
        for (; kind < VIOLATION_KINDS; kind++) {
            const char *name = violation_kind_name(kind);
            if (strlen(name) == len && !strncmp(name, list, len)) {
                break;
            }
        }
        if (kind == VIOLATION_KINDS) {
            (void)snprintf(bad, 32, "%.*s", (int)len, list);
            return false;
        }
        *bits |= 1u << kind;
        list += len + (list[len] == ',');
    }
    return true;
}
