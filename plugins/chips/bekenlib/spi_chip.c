/* spi_chip.c - a Beken chip in SPI download mode: entry here, everything after that is the
 * host's NOR engine. */
#include "spi.h"
#include <stdlib.h>
#include <string.h>

struct spi_chip {
    struct bkf_chip base;
    const bkf_host *host;
    const bkf_nor_service *service;
    bkf_nor *nor;
    struct spi_entry entry;
    uint32_t size; /* 0 = not identified yet */
};

enum { SIZE_MAX_24BIT = 1 << 24 }; /* what three address bytes reach */

static struct spi_chip *self_of(bkf_chip *chip)
{
    return (struct spi_chip *)chip;
}

static void destroy(bkf_chip *chip)
{
    struct spi_chip *c = self_of(chip);
    if (c->nor)
        c->service->close(c->nor);
    free(c);
}

static bkf_status create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                         const struct beken_model *model, bkf_chip **out, bkf_error *err)
{
    const bkf_nor_service *service = host->service ? host->service(host, BKF_SERVICE_NOR) : NULL;
    if (!service)
        return beken_error(err, BKF_E_UNSUPPORTED, "%s: this host offers no %s service",
                           model->name, BKF_SERVICE_NOR);
    struct spi_chip *c = calloc(1, sizeof *c);
    if (!c)
        return beken_error(err, BKF_E_NOMEM, "out of memory");
    c->base.ops = &beken_spi_ops;
    c->host = host;
    c->service = service;
    c->entry.host = host;
    c->entry.links = links;
    bkf_status st = spi_settings_read(&c->entry.set, props, links, err);
    if (!st)
        st = service->open(service, links, &c->nor, err);
    if (st) {
        destroy(&c->base);
        return st;
    }
    *out = &c->base;
    return BKF_OK;
}

static bkf_status attach(bkf_chip *chip, const bkf_op *op, bkf_error *err)
{
    return spi_enter(&self_of(chip)->entry, op, err);
}

static bkf_status detach(bkf_chip *chip, const bkf_op *op, uint32_t run, bkf_error *err)
{
    return spi_leave(&self_of(chip)->entry, op, run, err);
}

static bkf_status probe(bkf_chip *chip, const bkf_op *op, bkf_chip_info *info, bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    bkf_status st = c->service->identify(c->nor, op, info, err);
    if (BKF_HAS(bkf_chip_info, info, resets))
        info->resets = c->entry.resets;
    if (!st)
        c->size = info->flash_size;
    return st;
}

static size_t windows(bkf_chip *chip, bkf_window *w, size_t cap)
{
    if (cap)
        w[0] = (bkf_window){ .start = 0,
                             .end = self_of(chip)->size ? self_of(chip)->size : SIZE_MAX_24BIT,
                             .access = BKF_CAN_READ | BKF_CAN_ERASE | BKF_CAN_PROGRAM };
    return 1;
}

static bkf_status read_flash(bkf_chip *chip, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                             bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->read(c->nor, op, off, p, n, err);
}

static bkf_status erase(bkf_chip *chip, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->erase(c->nor, op, off, n, err);
}

static bkf_status program(bkf_chip *chip, const bkf_op *op, uint32_t off, const uint8_t *p,
                          size_t n, bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->program(c->nor, op, off, p, n, err);
}

static bkf_status status(bkf_chip *chip, const bkf_op *op, uint32_t *value, uint32_t *bits,
                         bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->status(c->nor, op, value, bits, err);
}

static bkf_status unlock(bkf_chip *chip, const bkf_op *op, bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->unlock(c->nor, op, err);
}

static bkf_status lock(bkf_chip *chip, const bkf_op *op, bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->lock(c->nor, op, err);
}

/* -- extensions ---------------------------------------------------------------------------- */

static bkf_status ranges(bkf_chip *chip, const bkf_op *op, bkf_range *r, size_t cap, size_t *n,
                         bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->protected_ranges(c->nor, op, r, cap, n, err);
}

static bkf_status protect(bkf_chip *chip, const bkf_op *op, uint32_t on, bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->protect(c->nor, op, on, err);
}

static bkf_status restore(bkf_chip *chip, const bkf_op *op, uint32_t value, bkf_error *err)
{
    struct spi_chip *c = self_of(chip);
    return c->service->restore_status(c->nor, op, value, err);
}

static const bkf_protect_ops protect_ops = {
    .struct_size = sizeof protect_ops,
    .ranges = ranges,
    .set = protect,
    .restore = restore,
};

static size_t rates(bkf_chip *chip, uint32_t *hz, size_t cap)
{
    return spi_clocks(&self_of(chip)->entry, hz, cap);
}

static uint32_t rate(bkf_chip *chip)
{
    return self_of(chip)->entry.hz;
}

static bkf_status set_rate(bkf_chip *chip, const bkf_op *op, uint32_t want, uint32_t *got,
                           bkf_error *err)
{
    struct spi_entry *e = &self_of(chip)->entry;
    (void)op;
    bkf_status st = spi_setup(e, e->mode, want, err);
    *got = e->hz;
    return st;
}

static const bkf_rates_ops rates_ops = {
    .struct_size = sizeof rates_ops,
    .list = rates,
    .get = rate,
    .set = set_rate,
};

static const void *extension(bkf_chip *chip, const char *id)
{
    struct spi_chip *c = self_of(chip);
    if (!strcmp(id, BKF_EXT_PROTECT))
        return &protect_ops;
    if (!strcmp(id, BKF_EXT_RATES))
        return &rates_ops;
    if (!strcmp(id, BKF_EXT_TIMING))
        return c->service->timing(c->nor);
    return NULL;
}

const struct beken_ops beken_spi_ops = {
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
    .extension = extension,
};
