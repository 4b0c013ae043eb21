/* mychip.c - a bkflash chip plugin to start from: a SoC whose flash appears on its SPI
 * pins while its reset line (signal "cen") is held low.
 *
 * It compiles, loads and passes the conformance kit as it is.  All flash work is done by
 * the host's NOR engine; what a new chip needs is how to get at its flash (attach), how to
 * leave (detach), and which parts of it may be touched (windows). */
#include <bkflash/nor.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct bkf_chip {
    const bkf_links *links;
    const bkf_nor_service *service;
    bkf_nor *nor;
    uint64_t settle_us;
    uint32_t size;
};

static bkf_status fail(bkf_error *err, bkf_status status, const char *fmt, ...)
{
    if (err && BKF_HAS(bkf_error, err, message)) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        err->status = status;
        err->effect = BKF_EFFECT_NONE;
        err->os_code = 0;
    }
    return status;
}

/* The host fills options that start with '@' from the profile. */
static const bkf_prop_spec my_props[] = {
    { .key = "size", .type = BKF_PROP_UINT, .dflt = "@flash.size", .help = "Flash size in bytes" },
    { .key = "settle",
      .type = BKF_PROP_MICROSECONDS,
      .dflt = "10ms",
      .max = 1000000,
      .help = "Wait between reset and the first command" },
    { .key = NULL },
};

/* ---- life: create and destroy do no I/O -------------------------------------------------- */

static bkf_status my_create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                            bkf_chip **out, bkf_error *err)
{
    *out = NULL;
    if (!links->spi)
        return fail(err, BKF_E_UNSUPPORTED, "this chip needs an SPI link; wire one in [pads]");
    const bkf_nor_service *service = host->service(host, BKF_SERVICE_NOR);
    if (!service)
        return fail(err, BKF_E_UNSUPPORTED, "this bkflash has no %s", BKF_SERVICE_NOR);
    bkf_chip *c = calloc(1, sizeof *c);
    if (!c)
        return fail(err, BKF_E_NOMEM, "out of memory");
    c->links = links;
    c->service = service;
    c->settle_us = props->num(props, "settle");
    c->size = (uint32_t)props->num(props, "size");
    bkf_status status = service->open(service, links, &c->nor, err);
    if (status != BKF_OK) {
        free(c);
        return status;
    }
    *out = c;
    return BKF_OK;
}

static void my_destroy(bkf_chip *c)
{
    if (!c)
        return;
    c->service->close(c->nor);
    free(c);
}

/* The reset line may not be wired: then the user holds the chip in reset by hand. */
static bkf_status reset_line(bkf_chip *c, uint32_t level, bkf_error *err)
{
    bkf_status status = c->links->signal(c->links, "cen", level, err);
    return status == BKF_E_UNSUPPORTED ? BKF_OK : status;
}

static bkf_status my_attach(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    const bkf_spi_ops *spi = c->links->spi->ops;
    uint32_t got_hz;
    bkf_status status = spi->setup(c->links->spi->self, 0, c->links->clock_hz, &got_hz, err);
    if (status == BKF_OK)
        status = reset_line(c, 0, err); /* CHIP: your way into download mode */
    if (status != BKF_OK)
        return status;
    op->sleep_us(op, c->settle_us);
    uint32_t jedec;
    status = c->service->rdid(c->nor, &jedec, err);
    if (status != BKF_OK)
        return status;
    if (jedec == 0 || jedec == 0xFFFFFF)
        return fail(err, BKF_E_NO_LINK, "no flash answers (id %06X): check %s, power and ground",
                    jedec, c->links->where(c->links, "miso"));
    return BKF_OK;
}

/* Called exactly once after attach, also when attach failed. */
static bkf_status my_detach(bkf_chip *c, const bkf_op *op, uint32_t run, bkf_error *err)
{
    (void)op;
    (void)run; /* released, this chip always boots */
    return reset_line(c, BKF_LEVEL_FLOAT, err);
}

static bkf_status my_probe(bkf_chip *c, const bkf_op *op, bkf_chip_info *info, bkf_error *err)
{
    bkf_status status = c->service->identify(c->nor, op, info, err);
    if (status == BKF_OK)
        c->size = info->flash_size;
    return status;
}

static size_t my_windows(bkf_chip *c, bkf_window *out, size_t cap)
{
    if (c->size == 0)
        return 0; /* known after probe */
    if (cap > 0)
        out[0] = (bkf_window){ .start = 0,
                               .end = c->size,
                               .access = BKF_CAN_READ | BKF_CAN_ERASE | BKF_CAN_PROGRAM };
    return 1;
}

/* ---- work: true flash offsets, checked against the window -------------------------------- */

static bkf_status inside(const bkf_chip *c, uint32_t off, size_t n, bkf_error *err)
{
    if (off > c->size || n > c->size - off)
        return fail(err, BKF_E_PARAM, "0x%X + %zu bytes is past the flash size 0x%X", off, n,
                    c->size);
    return BKF_OK;
}

static bkf_status my_read(bkf_chip *c, const bkf_op *op, uint32_t off, uint8_t *data, size_t n,
                          bkf_error *err)
{
    bkf_status status = inside(c, off, n, err);
    return status != BKF_OK ? status : c->service->read(c->nor, op, off, data, n, err);
}

static bkf_status my_erase(bkf_chip *c, const bkf_op *op, uint32_t off, size_t n, bkf_error *err)
{
    bkf_status status = inside(c, off, n, err);
    return status != BKF_OK ? status : c->service->erase(c->nor, op, off, n, err);
}

static bkf_status my_program(bkf_chip *c, const bkf_op *op, uint32_t off, const uint8_t *data,
                             size_t n, bkf_error *err)
{
    bkf_status status = inside(c, off, n, err);
    return status != BKF_OK ? status : c->service->program(c->nor, op, off, data, n, err);
}

static bkf_status my_status(bkf_chip *c, const bkf_op *op, uint32_t *value, uint32_t *bits,
                            bkf_error *err)
{
    return c->service->status(c->nor, op, value, bits, err);
}

static bkf_status my_unlock(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    return c->service->unlock(c->nor, op, err);
}

static bkf_status my_lock(bkf_chip *c, const bkf_op *op, bkf_error *err)
{
    return c->service->lock(c->nor, op, err);
}

static const bkf_chip_class my_class = {
    .struct_size = sizeof my_class,
    .name = "mychip",
    .summary = "Chip with its flash on SPI while in reset, to start from",
    .props = my_props,
    .create = my_create,
    .destroy = my_destroy,
    .attach = my_attach,
    .detach = my_detach,
    .probe = my_probe,
    .windows = my_windows,
    .read = my_read,
    .erase = my_erase,
    .program = my_program,
    .status = my_status,
    .unlock = my_unlock,
    .lock = my_lock,
};

static const bkf_chip_class *const my_chips[] = { &my_class, NULL };

static const bkf_plugin my_plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_TARGET_MINOR,
    .struct_size = sizeof my_plugin,
    .id = "com.example.mychip",
    .version = "1.0",
    .license = "MIT",
    .chips = my_chips,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &my_plugin;
}
