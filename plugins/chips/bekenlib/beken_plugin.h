/* beken_plugin.h - the whole of a Beken chip plugin but for what makes the chip differ.  A
 * plugin.c defines these, and includes this file once:
 *   BEKEN_NAME           class name, as in a profile's driver =
 *   BEKEN_TITLE          the chip as its maker calls it
 *   BEKEN_UART_PROTOCOL  which loader answers on the UART: "rom" or "bootloader" */
#ifndef BEKENLIB_BEKEN_PLUGIN_H
#define BEKENLIB_BEKEN_PLUGIN_H
#include "beken.h"

static const struct beken_model model = { .name = BEKEN_NAME,
                                          .uart_protocol = BEKEN_UART_PROTOCOL };

static bkf_status create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                         bkf_chip **chip, bkf_error *err)
{
    return beken_create(host, links, props, &model, chip, err);
}

static const bkf_prop_spec props[] = { BEKEN_UART_PROPS BEKEN_SPI_PROPS, { .key = NULL } };

static const bkf_chip_class chip_class = {
    .struct_size = sizeof chip_class,
    .name = BEKEN_NAME,
    .summary = "Beken " BEKEN_TITLE,
    .props = props,
    .create = create,
    BEKEN_CLASS_MEMBERS,
};

static const bkf_chip_class *const chips[] = { &chip_class, NULL };
static const bkf_plugin plugin = {
    .magic = BKF_PLUGIN_MAGIC,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_MINOR,
    .struct_size = sizeof plugin,
    .id = "org.bkflash.chip." BEKEN_NAME,
    .version = BKF_VERSION_TEXT,
    .license = "MIT",
    .chips = chips,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
#endif
