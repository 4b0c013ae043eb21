/* nor.c - the NOR engine as host service "bkflash.nor/1". */
#include "engine.h"
#include <stdlib.h>

static bkf_status open_nor(const bkf_nor_service *service, const bkf_links *links, bkf_nor **out,
                           bkf_error *err)
{
    if (!links || !links->spi || !links->spi->ops)
        return error_set(err, BKF_E_PARAM, "the NOR engine needs an SPI link");
    bkf_nor *nor = calloc(1, sizeof *nor);
    if (!nor)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    nor->env = service->handle;
    nor->links = links;
    nor->spi = links->spi->ops;
    nor->spi_self = links->spi->self;
    *out = nor;
    return BKF_OK;
}

static void close_nor(bkf_nor *nor)
{
    free(nor);
}

static bkf_status status(bkf_nor *nor, const bkf_op *op, uint32_t *value, uint32_t *bits,
                         bkf_error *err)
{
    (void)op;
    bkf_status st = nor_need_identity(nor, err);
    if (st)
        return st;
    *bits = 8u * nor->part.sr_count;
    return nor_status_value(nor, value, err);
}

static const bkf_timing *timing(bkf_nor *nor)
{
    nor->timing.struct_size = sizeof nor->timing;
    return &nor->timing;
}

void nor_service_init(bkf_nor_service *s, const struct nor_env *env)
{
    *s = (bkf_nor_service){
        .struct_size = sizeof *s,
        .handle = (void *)(uintptr_t)env,
        .open = open_nor,
        .close = close_nor,
        .rdid = nor_rdid,
        .identify = nor_identify,
        .read = nor_read,
        .erase = nor_erase,
        .program = nor_program,
        .status = status,
        .unlock = nor_unlock,
        .lock = nor_lock,
        .protected_ranges = nor_protected_ranges,
        .protect = nor_protect,
        .restore_status = nor_restore_status,
        .timing = timing,
    };
}
