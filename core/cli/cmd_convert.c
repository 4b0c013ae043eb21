/* cmd_convert.c - verbs that make new images: convert, splice, and the two slots: ota. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

/* "0x10000", "64K" is not one: a plain number. */
static bkf_status number_option(struct cli *c, enum opt_id id, const char *name, uint64_t *out,
                                uint32_t *has)
{
    const char *text = args_get(&c->args, id);
    char *end;
    *has = text != NULL;
    if (!text)
        return BKF_OK;
    unsigned long long v = strtoull(text, &end, 0);
    if (!*text || *end || text[0] == '-')
        return cli_fail(c, BKF_E_PARAM, "--%s %s: a number such as 0x10000, please", name, text);
    *out = v;
    return BKF_OK;
}

/* The library converts bytes and does not know where they came from. */
static void name_file(struct cli *c, const char *path)
{
    char what[sizeof c->err.message];
    memcpy(what, c->err.message, sizeof what);
    cli_fail(c, c->err.status, "%s: %s", path, what);
}

bkf_status cmd_convert(struct cli *c)
{
    bkf_convert_options o = { .struct_size = sizeof o, .flags = image_flags(c) };
    const char *path;
    void *in = NULL, *out = NULL;
    size_t in_len = 0, out_len = 0;
    uint64_t algo = 0;
    bkf_status st = image_output(c, &path);
    if (!st)
        st = number_option(c, OPT_ADDRESS, "address", &o.address, &o.has_address);
    if (!st)
        st = number_option(c, OPT_RBL_ALGO, "rbl-algo", &algo, &o.has_algo);
    o.rbl_algo = (uint32_t)algo;
    o.key = args_get(&c->args, OPT_KEY);
    o.rbl_name = args_get(&c->args, OPT_RBL_NAME);
    o.rbl_version = args_get(&c->args, OPT_RBL_VERSION);
    o.partition = args_get(&c->args, OPT_PARTITION);
    if (!st)
        st = image_bytes(c, c->args.positional[1], &in, &in_len);
    if (!st && !in_len)
        st = cli_fail(c, BKF_E_IMAGE, "%s is empty: there is nothing to convert",
                      c->args.positional[1]);
    if (!st)
        st = bkf_convert(c->args.positional[0], &o, in, in_len, &out, &out_len, &c->err);
    if (st == BKF_E_IMAGE && in_len)
        name_file(c, c->args.positional[1]);
    if (!st)
        st = bkf_save(path, out, out_len, image_flags(c), &c->err);
    if (!st)
        say(c, "%s: %zu bytes made of %zu", path, out_len, in_len);
    bkf_free(in);
    bkf_free(out);
    return st;
}

/* -- splice: build it, judge it, and write it only if it would boot -------------------- */
static bkf_status judge(struct cli *c, const void *data, size_t len, const bkf_image *device)
{
    bkf_image *result = NULL;
    char *text = NULL;
    int32_t boots = 0;
    bkf_status st =
        bkf_image_open(c->ctx, c->profile, "the spliced image", data, len, &result, &c->err);
    if (!st)
        st = bkf_image_verdict(result, device, args_get(&c->args, OPT_KEY), &boots, &c->result,
                               &text, &c->err);
    image_print(c, text);
    bkf_image_free(result);
    if (!st && !boots && !args_has(&c->args, OPT_ANYWAY))
        return cli_fail(c, BKF_E_IMAGE,
                        "this image would not boot, so it was not written (--anyway writes it)");
    return st;
}

bkf_status cmd_splice(struct cli *c)
{
    const char *path, *boot_path = args_get(&c->args, OPT_BOOT),
                      *dev = args_get(&c->args, OPT_DEVICE);
    bkf_image *firmware = NULL, *boot = NULL, *device = NULL;
    void *data = NULL;
    size_t len = 0;
    bkf_status st = image_output(c, &path);
    if (!st && strcmp(path, "-") == 0)
        st = cli_fail(c, BKF_E_PARAM,
                      "splice prints its verdict on standard output; give -o a file");
    if (!st && !boot_path && !args_has(&c->args, OPT_PROFILE))
        st = cli_fail(c, BKF_E_PARAM,
                      "splice: whose bootloader? --boot FILE, or -p BOARD reads the device's");
    if (!st)
        st = image_load(c, c->args.positional[0], &firmware);
    if (!st)
        st = boot_path ? image_load(c, boot_path, &boot) : image_read_device(c, &boot);
    if (!st && dev)
        st = image_load(c, dev, &device);
    if (!st)
        st = bkf_image_splice(boot, firmware, &data, &len, &c->err);
    /* without a dump of the device, the bootloader stands for it */
    if (!st)
        st = judge(c, data, len, device ? device : boot);
    if (!st)
        st = bkf_save(path, data, len, image_flags(c), &c->err);
    if (!st)
        say(c, "%s: %zu bytes, to be written at 0", path, len);
    bkf_free(data);
    bkf_image_free(firmware);
    bkf_image_free(boot);
    bkf_image_free(device);
    return st;
}

/* -- ota ------------------------------------------------------------------------------- */
static bkf_status ota_show(struct cli *c)
{
    bkf_image *image = NULL;
    char *text = NULL;
    bkf_status st = file_or_device(c, 1, &image);
    if (!st)
        st = bkf_image_ota(image, &c->result, &text, &c->err);
    image_print(c, text);
    bkf_image_free(image);
    return st;
}

/* Metadata that selects the slot, from a donor; image is judged. */
static bkf_status chosen_metadata(struct cli *c, uint32_t slot, const bkf_image *image,
                                  bkf_change_options *o, void **bytes)
{
    const char *meta = args_get(&c->args, OPT_META);
    bkf_image *donor = NULL;
    size_t len = 0;
    uint32_t offset = 0;
    bkf_status st = meta ? image_load(c, meta, &donor) : BKF_OK;
    if (!st)
        st = bkf_image_ota_select(image, slot, donor, bytes, &len, &offset, &c->err);
    bkf_image_free(donor);
    o->data = *bytes;
    o->data_len = len;
    o->range.start = offset;
    o->range.end = offset + (uint32_t)len;
    return st;
}

static bkf_status save_metadata(struct cli *c, uint32_t slot, const bkf_change_options *o,
                                const char *path)
{
    bkf_status st = bkf_save(path, o->data, o->data_len, image_flags(c), &c->err);
    if (st)
        return st;
    json_t *doc =
        json_pack("{s:i, s:s, s:i, s:I, s:I}", "api", BKF_API_VERSION, "kind", "ota-select", "slot",
                  (int)slot, "offset", (json_int_t)o->range.start, "size", (json_int_t)o->data_len);
    c->result = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(doc);
    say(c,
        "%s: %zu bytes of metadata for 0x%x that selected app%u; 'ota select' without FILE and -o "
        "writes them to the device",
        path, o->data_len, o->range.start, slot);
    return BKF_OK;
}

/* On a file, or with -o: the bytes.  On the device: a change like any other. */
static bkf_status ota_select(struct cli *c, uint32_t slot)
{
    bkf_change_options o = { .struct_size = sizeof o,
                             .kind = BKF_CHANGE_WRITE,
                             .flags = BKF_CHANGE_OTA_META,
                             .has_range = 1 };
    const char *path = NULL;
    bool file = c->args.n_positional > 2 || args_has(&c->args, OPT_OUTPUT);
    bkf_image *image = NULL;
    void *bytes = NULL;
    bkf_status st = file ? image_output(c, &path) : BKF_OK;
    if (!st)
        st = file_or_device(c, 2, &image);
    if (!st)
        st = chosen_metadata(c, slot, image, &o, &bytes);
    if (!st)
        st = file ? save_metadata(c, slot, &o, path) : cli_change(c, &o, NULL);
    bkf_free(bytes);
    bkf_image_free(image);
    return st;
}

bkf_status cmd_ota(struct cli *c)
{
    const char *what = c->args.positional[0];
    const char *slot = c->args.n_positional > 1 ? c->args.positional[1] : "";
    if (strcmp(what, "show") == 0)
        return ota_show(c);
    if (strcmp(what, "select") == 0 && strcmp(slot, "app1") == 0)
        return ota_select(c, 1);
    if (strcmp(what, "select") == 0 && strcmp(slot, "app2") == 0)
        return ota_select(c, 2);
    return cli_fail(c, BKF_E_PARAM,
                    "ota %s %s: there are 'ota show [FILE]' and 'ota select app1|app2 [FILE]'",
                    what, slot);
}
