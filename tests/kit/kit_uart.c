/* kit_uart.c - points of bkflash.uart/1. */
#include "kit_unit.h"
#include <string.h>
#include <time.h>

static uint64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const bkf_uart_ops *uart_of(const struct unit *b)
{
    return b->uart.ops;
}

static bool uart_start(struct unit *b, struct kit *k, struct verdict *v)
{
    if (!unit_start_with(b, k, v, BKF_IFACE_UART, &b->uart))
        return false;
    const bkf_uart_ops *u = uart_of(b);
    if (u->struct_size < offsetof(bkf_uart_ops, purge) + sizeof u->purge || !u->setup ||
        !u->write || !u->read || !u->purge) {
        verdict_fail(v, "bkflash.uart/1: struct_size is too small or a member is NULL");
        return false;
    }
    return true;
}

static bool uart_ready(struct unit *b, uint32_t baud)
{
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got = 0;
    if (uart_of(b)->setup(b->uart.self, baud, &got, &err) != BKF_OK)
        verdict_fail(b->v, "setup(%u baud): %s", baud, err.message);
    else if (got < baud - baud / 20 || got > baud + baud / 20)
        verdict_fail(b->v, "setup(%u baud) says it set %u", baud, got);
    else
        return true;
    return false;
}

static void uart_setup_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    uint32_t got;
    bkf_error err = BKF_ERROR_INIT;
    if (!uart_start(&b, k, v) || !uart_ready(&b, 115200))
        return;
    uint32_t fast = 0;
    bkf_status st = uart_of(&b)->setup(b.uart.self, 921600, &fast, &err);
    if (st != BKF_OK && !kit_failed_well(v, "setup of 921600 baud", st, &err))
        return;
    MUST(v, st != BKF_OK || fast > 0, "setup does not say the rate it set");
    err = (bkf_error)BKF_ERROR_INIT;
    kit_failed_well(v, "setup of 0 baud", uart_of(&b)->setup(b.uart.self, 0, &got, &err), &err);
    unit_end(&b);
}

static void uart_timeout_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    uint8_t buf[64];
    size_t done;
    if (!uart_start(&b, k, v) || !uart_ready(&b, 115200))
        return;
    const uint32_t waits[] = { 0, 20, 100 };
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        bkf_error err = BKF_ERROR_INIT;
        MUST(v, uart_of(&b)->purge(b.uart.self, &err) == BKF_OK, "purge: %s", err.message);
        done = 777;
        uint64_t start = real_ms();
        bkf_status st = uart_of(&b)->read(b.uart.self, buf, sizeof buf, waits[i], &done, &err);
        uint64_t took = real_ms() - start;
        MUST(v, done <= sizeof buf, "read did not set *done (status %s)", status_name(st));
        MUST(v, took < waits[i] + 1000, "read with a timeout of %u ms took %llu ms", waits[i],
             (unsigned long long)took);
        if (waits[i] == 0)
            MUST(v, st == BKF_OK, "read with timeout 0 says %s; it returns what is there",
                 status_name(st));
        else if (done < sizeof buf && kit_failed_well(v, "read of a silent line", st, &err))
            MUST(v, st == BKF_E_TIMEOUT, "read of a silent line says %s, not BKF_E_TIMEOUT",
                 status_name(st));
        if (v->kind == FAIL)
            return;
    }
    bkf_error err = BKF_ERROR_INIT;
    done = 777;
    MUST(v, uart_of(&b)->write(b.uart.self, buf, 0, 100, &done, &err) == BKF_OK && done == 0,
         "write of no bytes: %s, done %zu", err.message, done);
    unit_end(&b);
}

static void uart_loopback_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    uint8_t out[600], in[600];
    size_t done = 0;
    bkf_error err = BKF_ERROR_INIT;
    if (!k->loopback) {
        verdict_skip(v, "needs --loopback");
        return;
    }
    if (!uart_start(&b, k, v) || !uart_ready(&b, 115200))
        return;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 31);
    uart_of(&b)->purge(b.uart.self, &err);
    MUST(v, uart_of(&b)->write(b.uart.self, out, sizeof out, 2000, &done, &err) == BKF_OK,
         "write: %s", err.message);
    MUST(v, done == sizeof out, "write of %zu bytes says BKF_OK and done %zu", sizeof out, done);
    MUST(v, uart_of(&b)->read(b.uart.self, in, sizeof in, 2000, &done, &err) == BKF_OK, "read: %s",
         err.message);
    MUST(v, done == sizeof in && memcmp(in, out, sizeof in) == 0, "looped back bytes differ");
    unit_end(&b);
}

void uart_points(struct kit *k)
{
    kit_point(k, "uart.setup", uart_setup_point);
    kit_point(k, "uart.timeout", uart_timeout_point);
    kit_point(k, "uart.loopback", uart_loopback_point);
}
