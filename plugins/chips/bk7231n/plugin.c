/* Beken BK7231N, over SPI download mode or a UART loader. */
#include "beken.h"

static const struct beken_model model = { .name = "bk7231n", .uart_protocol = "rom" };

static bkf_status create(const bkf_host *host, const bkf_links *links, const bkf_props *props,
                         bkf_chip **chip, bkf_error *err)
{
    return beken_create(host, links, props, &model, chip, err);
}

static const bkf_prop_spec props[] = { BEKEN_UART_PROPS BEKEN_SPI_PROPS, { .key = NULL } };

static const bkf_chip_class chip_class = {
    .struct_size = sizeof chip_class,
    .name = "bk7231n",
    .summary = "Beken BK7231N",
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
    .id = "org.bkflash.chip.bk7231n",
    .version = BKF_VERSION_TEXT,
    .license = "MIT",
    .chips = chips,
};

const bkf_plugin *bkf_plugin_query(void)
{
    return &plugin;
}
