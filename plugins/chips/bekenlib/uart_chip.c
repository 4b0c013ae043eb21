/* uart_chip.c - the UART strategy behind the members every Beken chip forwards to. */
#include "beken.h"
#include "uart.h"
#include <stdlib.h>
#include <string.h>

struct chip {
    bkf_chip base;
    struct beken_uart *u;
    bkf_digest_ops digest;
    bkf_timing timing;
};

static struct chip *of(bkf_chip *base)
{
    return (struct chip *)(void *)base;
}

static bkf_status crc32_of(bkf_chip *c, const bkf_op *op, uint32_t off, size_t len, uint32_t *crc,
                           bkf_error *err)
{
    return beken_uart_crc32(of(c)->u, op, off, len, crc, err);
}

static bkf_status protected_ranges(bkf_chip *c, const bkf_op *op, bkf_range *r, size_t cap,
                                   size_t *n, bkf_error *err)
{
    return beken_uart_protected(of(c)->u, op, r, cap, n, err);
}

static bkf_status protect_set(bkf_chip *c, const bkf_op *op, uint32_t on, bkf_error *err)
{
    return beken_uart_protect(of(c)->u, op, on, err);
}

static bkf_status protect_restore(bkf_chip *c, const bkf_op *op, uint32_t value, bkf_error *err)
{
    return beken_uart_restore(of(c)->u, op, value, err);
}

static const bkf_protect_ops protect_ops = {
    .struct_size = sizeof protect_ops,
    .ranges = protected_ranges,
    .set = protect_set,
    .restore = protect_restore,
};

static void destroy(bkf_chip *c)
{
    beken_uart_free(of(c)->u);
    free(of(c));
}

static bkf_status create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                         const struct beken_model *model, bkf_chip **out, bkf_error *err)
{
    struct chip *c = calloc(1, sizeof *c);
    if (!c) {
        return beken_error(err, BKF_E_NOMEM, "out of memory");
    }
    const bkf_status st =
        beken_uart_new(host, links, props, model->name, model->uart_protocol, &c->u, err);
    if (st != BKF_OK) {
        free(c);
        return st;
    }
    c->base.ops = &beken_uart_ops;
    c->digest = (bkf_digest_ops){ .struct_size = sizeof c->digest,
                                  .granule = UART_PAGE,
                                  .crc32 = crc32_of };
    c->timing = (bkf_timing){ .struct_size = sizeof c->timing,
                              .erase_4k_us = 45000,
                              .erase_64k_us = 250000,
                              .program_page_us = 600 };
    *out = &c->base;
    return BKF_OK;
}

/* The link's speed may change in every call. */
static bkf_status done(struct chip *c, bkf_status st)
{
    beken_uart_rates(c->u, &c->digest.read_rate, &c->digest.crc_rate);
    c->timing.read_rate = c->timing.write_rate = c->digest.read_rate;
    const uint32_t page_us = uart_page_us(c->u);
    if (page_us && 1000000u * UART_PAGE / page_us < c->timing.write_rate) {
        c->timing.write_rate = 1000000u * UART_PAGE / page_us;
    }
    return st;
}

static bkf_status attach(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    return done(of(c), beken_uart_attach(of(c)->u, op, err));
}

static bkf_status detach(bkf_chip *c, const bkf_op *op, uint32_t run, bkf_error *err)
{
    return beken_uart_detach(of(c)->u, op, run, err);
}

static bkf_status probe(bkf_chip *c, const bkf_op *op, bkf_chip_info *info, bkf_error *err)
{
    return done(of(c), beken_uart_probe(of(c)->u, op, info, err));
}

static size_t windows(bkf_chip *c, bkf_window *w, size_t cap)
{
    return beken_uart_windows(of(c)->u, w, cap);
}

static bkf_status read_flash(bkf_chip *c, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                             bkf_error *err)
{
    return done(of(c), beken_uart_read(of(c)->u, op, off, p, n, err));
}

static bkf_status erase(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    return beken_uart_erase(of(c)->u, op, off, n, err);
}

static bkf_status program(bkf_chip *c, const bkf_op *op, uint32_t off, const uint8_t *p, size_t n,
                          bkf_error *err)
{
    return beken_uart_program(of(c)->u, op, off, p, n, err);
}

static bkf_status status(bkf_chip *c, const bkf_op *op, uint32_t *value, uint32_t *bits,
                         bkf_error *err)
{
    return beken_uart_status(of(c)->u, op, value, bits, err);
}

static bkf_status unlock(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    return beken_uart_unlock(of(c)->u, op, err);
}

static bkf_status lock(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    return beken_uart_lock(of(c)->u, op, err);
}

static bkf_status efuse(bkf_chip *c, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                        bkf_error *err)
{
    return beken_uart_efuse(of(c)->u, op, off, p, n, err);
}

static bkf_status reset(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    return beken_uart_reset(of(c)->u, op, err);
}

static const void *extension(bkf_chip *c, const char *id)
{
    if (strcmp(id, BKF_EXT_DIGEST) == 0) {
        return &of(c)->digest;
    }
    if (strcmp(id, BKF_EXT_TIMING) == 0) {
        return &of(c)->timing;
    }
    /* Only the ROM lets the host see the status registers. */
    if (strcmp(id, BKF_EXT_PROTECT) == 0 && of(c)->u->cfg.family == UART_ROM) {
        return &protect_ops;
    }
    return NULL;
}

const struct beken_ops beken_uart_ops = {
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .probe = probe,
    .windows = windows,
    .read = read_flash,
    .erase = erase,
    .program = program,
    .status = status,
    .unlock = unlock,
    .lock = lock,
    .efuse = efuse,
    .reset = reset,
    .extension = extension,
};
