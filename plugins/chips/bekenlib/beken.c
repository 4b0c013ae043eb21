/* beken.c - a Beken chip forwards every call to the strategy that its link asks for. */
#include "beken.h"
#include <stdio.h>

bkf_status beken_error(bkf_error *err, bkf_status st, const char *fmt, ...)
{
    if (!err || !BKF_HAS(bkf_error, err, message))
        return st;
    va_list ap;
    va_start(ap, fmt);
    err->status = st;
    err->effect = BKF_EFFECT_NONE;
    err->os_code = 0;
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return st;
}

bkf_status beken_create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                        const struct beken_model *model, bkf_chip **out, bkf_error *err)
{
    const struct beken_ops *ops = NULL;
    if (links->spi)
        ops = &beken_spi_ops;
    else if (links->uart)
        ops = &beken_uart_ops;
    if (!ops)
        return beken_error(err, BKF_E_UNSUPPORTED,
                           "%s: no link that this chip can be reached over is wired", model->name);
    return ops->create(host, links, props, model, out, err);
}

static bkf_status missing(const char *what, bkf_error *err)
{
    return beken_error(err, BKF_E_UNSUPPORTED, "%s is not possible over this link", what);
}

void beken_destroy(bkf_chip *chip)
{
    if (chip)
        chip->ops->destroy(chip);
}

bkf_status beken_attach(bkf_chip *chip, const bkf_op *op, bkf_error *err)
{
    return chip->ops->attach(chip, op, err);
}

bkf_status beken_detach(bkf_chip *chip, const bkf_op *op, uint32_t run, bkf_error *err)
{
    return chip->ops->detach(chip, op, run, err);
}

bkf_status beken_probe(bkf_chip *chip, const bkf_op *op, bkf_chip_info *info, bkf_error *err)
{
    return chip->ops->probe(chip, op, info, err);
}

size_t beken_windows(bkf_chip *chip, bkf_window *w, size_t cap)
{
    return chip->ops->windows(chip, w, cap);
}

bkf_status beken_read(bkf_chip *chip, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                      bkf_error *err)
{
    return chip->ops->read(chip, op, off, p, n, err);
}

bkf_status beken_erase(bkf_chip *chip, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    return chip->ops->erase(chip, op, off, n, err);
}

bkf_status beken_program(bkf_chip *chip, const bkf_op *op, uint32_t off, const uint8_t *p, size_t n,
                         bkf_error *err)
{
    return chip->ops->program(chip, op, off, p, n, err);
}

bkf_status beken_status(bkf_chip *chip, const bkf_op *op, uint32_t *value, uint32_t *bits,
                        bkf_error *err)
{
    if (!chip->ops->status)
        return missing("reading the status registers", err);
    return chip->ops->status(chip, op, value, bits, err);
}

bkf_status beken_unlock(bkf_chip *chip, const bkf_op *op, bkf_error *err)
{
    return chip->ops->unlock ? chip->ops->unlock(chip, op, err) : BKF_OK;
}

bkf_status beken_lock(bkf_chip *chip, const bkf_op *op, bkf_error *err)
{
    return chip->ops->lock ? chip->ops->lock(chip, op, err) : BKF_OK;
}

bkf_status beken_efuse(bkf_chip *chip, const bkf_op *op, uint32_t off, uint8_t *p, size_t n,
                       bkf_error *err)
{
    if (!chip->ops->efuse)
        return missing("reading the eFuses", err);
    return chip->ops->efuse(chip, op, off, p, n, err);
}

bkf_status beken_reset(bkf_chip *chip, const bkf_op *op, bkf_error *err)
{
    if (!chip->ops->reset)
        return missing("a reset", err);
    return chip->ops->reset(chip, op, err);
}

const void *beken_extension(bkf_chip *chip, const char *id)
{
    return chip->ops->extension ? chip->ops->extension(chip, id) : NULL;
}
