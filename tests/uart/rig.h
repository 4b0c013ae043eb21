/* rig.h - a client on a plain loader. */
#ifndef TESTS_UART_RIG_H
#define TESTS_UART_RIG_H
#include "loader.h"
#include "tests/support/cmocka.h"
#include "uart.h"
#include "uart_props.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bkf_prop_spec rig_spec[] = { BEKEN_UART_PROPS{ .key = NULL } };

struct rig {
    struct loader *l;
    struct beken_uart *u;
    const bkf_op *op;
    bkf_chip_info info;
    bkf_error err;
};

/* Flash that looks used: a loader at the start, blocks of data, every third one blank. */
static inline void rig_fill(uint8_t *p, size_t n, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 12345;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        p[i] = (i >> 16) % 3 == 2 ? 0xFF : (uint8_t)x;
    }
}

static inline struct loader_config rig_rom(void)
{
    return (struct loader_config){ .rom = true,
                                   .size = 0x200000,
                                   .chip_id = 0x7231C,
                                   .jedec = 0xEB6015,
                                   .reset_wired = true,
                                   .sr_bytes = 2,
                                   .latency_us = 1000 };
}

static inline struct loader_config rig_boot(uint32_t size)
{
    return (struct loader_config){
        .size = size, .limit = 0x2000, .limit_4k = 0x2000, .reset_wired = true, .latency_us = 1000
    };
}

static inline struct rig rig_make(const struct loader_config *c, const char *const *pairs)
{
    struct rig r = { 0 };
    r.err.struct_size = sizeof r.err;
    r.info.struct_size = sizeof r.info;
    r.l = loader_new(c);
    r.op = loader_op(r.l);
    rig_fill(loader_flash(r.l), c->size, (uint32_t)c->seed + 1);
    const bkf_props *props = loader_props(r.l, rig_spec, pairs);
    const char *driver = c->rom ? "bk7231n" : "bk7252";
    const bkf_status st = beken_uart_new(loader_host(r.l), loader_links(r.l), props, driver,
                                         c->rom ? "rom" : "bootloader", &r.u, &r.err);
    if (st != BKF_OK) {
        fail_msg("create: %s", r.err.message);
    }
    return r;
}

static inline void rig_free(struct rig *r)
{
    beken_uart_free(r->u);
    loader_free(r->l);
}

static inline bkf_status rig_up(struct rig *r)
{
    bkf_status st = beken_uart_attach(r->u, r->op, &r->err);
    if (st == BKF_OK) {
        st = beken_uart_probe(r->u, r->op, &r->info, &r->err);
    }
    return st;
}

#define RIG_OK(r, call)                                                       \
    do {                                                                      \
        const bkf_status rig_status_ = (call);                                \
        if (rig_status_ != BKF_OK) {                                          \
            fail_msg("%s: %d %s", #call, (int)rig_status_, (r)->err.message); \
        }                                                                     \
    } while (0)

#endif
