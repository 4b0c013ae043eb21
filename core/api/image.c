/* image.c - images for front ends: opening, inspecting, comparing, reporting. */
#include "image.h"
#include "../image/diff.h"
#include "../image/redact.h"
#include "../image/report_html.h"
#include "../image/splice.h"
#include <stdlib.h>
#include <string.h>

bkf_status image_document(json_t *doc, const char *kind, char **json, bkf_error *err)
{
    json_t *whole = doc ? json_pack("{s:i, s:s}", "api", BKF_API_VERSION, "kind", kind) : NULL;
    if (json)
        *json = NULL;
    if (whole && json) {
        /* a kind of the document's own is what was found, not what the document is */
        json_t *found = json_object_get(doc, "kind");
        if (found)
            json_object_set(whole, "image", found);
        json_object_del(doc, "kind");
        json_object_update(whole, doc);
        *json = json_dumps(whole, JSON_COMPACT | JSON_PRESERVE_ORDER);
    }
    json_decref(whole);
    json_decref(doc);
    return !json || *json ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

bkf_status image_text(struct strbuf *sb, char **out, bkf_error *err)
{
    if (sb->failed || (out && !(*out = strbuf_take(sb)))) {
        strbuf_free(sb);
        return error_set(err, BKF_E_NOMEM, "out of memory");
    }
    strbuf_free(sb);
    return BKF_OK;
}

static bkf_status missing(bkf_error *err, const char *function)
{
    return error_set(err, BKF_E_PARAM, "%s: an argument is missing", function);
}

bkf_status bkf_image_open(bkf_ctx *ctx, const bkf_profile *board, const char *name,
                          const void *data, size_t len, bkf_image **out, bkf_error *err)
{
    struct diag_list diags = { 0 };
    if (!ctx || !name || (!data && len) || !out)
        return missing(err, "bkf_image_open");
    *out = NULL;
    bkf_image *image = calloc(1, sizeof *image);
    if (!image)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    image->name = strdup(name);
    image->data = malloc(len + 1);
    image->len = len;
    bkf_status st = BKF_OK;
    if (!image->name || !image->data)
        st = error_set(err, BKF_E_NOMEM, "no memory for %zu bytes", len);
    else if (len)
        memcpy(image->data, data, len);
    if (!st)
        st = layouts_load(&ctx->env, board, &diags, &image->layouts, err);
    ctx_diags(ctx, &ctx->cb, &diags);
    if (!st)
        st = inspect_image(image->data, len, image->layouts.items, image->layouts.n, &image->facts,
                           err);
    if (!st)
        st = chips_load(&ctx->env, image->facts, &image->chips, err);
    if (st) {
        bkf_image_free(image);
        return st;
    }
    *out = image;
    return BKF_OK;
}

void bkf_image_free(bkf_image *image)
{
    if (!image)
        return;
    inspect_free(image->facts);
    chips_free(&image->chips);
    layouts_free(&image->layouts);
    free(image->data);
    free(image->name);
    free(image);
}

bkf_status bkf_image_inspect(const bkf_image *image, uint32_t flags, char **json, char **text,
                             bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    bool show = flags & BKF_IMAGE_SHOW_SECRETS;
    if (!image)
        return missing(err, "bkf_image_inspect");
    bkf_status st = image_document(inspect_json(image->facts, show), "image", json, err);
    if (st || !text)
        return st;
    inspect_text(image->facts, show, &sb);
    return image_text(&sb, text, err);
}

bkf_status bkf_image_diff(const bkf_image *a, const bkf_image *b, int32_t *same, char **json,
                          char **text, bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    if (!a || !b)
        return missing(err, "bkf_image_diff");
    struct image_diff *d = image_diff(a->facts, b->facts);
    if (!d)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (same)
        *same = d->same;
    bkf_status st = image_document(diff_json(d), "diff", json, err);
    if (!st && text) {
        diff_text(d, a->name, b->name, &sb);
        st = image_text(&sb, text, err);
    }
    free(d);
    return st;
}

bkf_status bkf_image_report(const bkf_image *image, const bkf_image *other, uint32_t flags,
                            char **html, bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    if (!image || !html)
        return missing(err, "bkf_image_report");
    report_html(image->facts, image->name, other ? other->facts : NULL, other ? other->name : NULL,
                flags & BKF_IMAGE_SHOW_SECRETS, &sb);
    return image_text(&sb, html, err);
}

bkf_status bkf_image_redact(const bkf_image *image, void **data, size_t *len, char **json,
                            bkf_error *err)
{
    struct redact_report r;
    uint8_t *out;
    if (!image || !data || !len)
        return missing(err, "bkf_image_redact");
    bkf_status st = redact_image(image->facts, &out, &r, err);
    if (st)
        return error_prefix(err, "%s", image->name);
    st = image_document(json_pack("{s:o}", "changed", redact_json(&r)), "redaction", json, err);
    redact_report_free(&r);
    if (st) {
        free(out);
        return st;
    }
    *data = out;
    *len = image->facts->size;
    return BKF_OK;
}

bkf_status bkf_image_splice(const bkf_image *boot, const bkf_image *firmware, void **data,
                            size_t *len, bkf_error *err)
{
    uint8_t *out;
    if (!boot || !firmware || !data || !len)
        return missing(err, "bkf_image_splice");
    bkf_status st = splice_boot_check(boot->facts, err);
    if (st) {
        *data = NULL;
        return error_prefix(err, "%s", boot->name);
    }
    st = splice_image(boot->facts, firmware->facts, &out, len, err);
    if (st)
        error_prefix(err, "%s", firmware->name);
    *data = st ? NULL : out;
    return st;
}

/* What a dump of the device tells. */
static struct verdict_device device_of(const bkf_image *dump)
{
    const struct bootloader *b = &dump->facts->boot;
    return (struct verdict_device){
        .key = &b->key,
        .boot = b,
        .layout = dump->facts->layout,
        .source = "device",
        .chip = b->version[0] ? b->version : b->fingerprint,
        .names = dump->chips.names,
        .marker = dump->chips.has_marker ? dump->chips.marker : NULL,
    };
}

bkf_status bkf_image_verdict(const bkf_image *image, const bkf_image *device, const char *key,
                             int32_t *boots, char **json, char **text, bkf_error *err)
{
    struct verdict_device d = { 0 };
    struct code_key chip = { .state = KEY_KNOWN };
    struct verdict v;
    struct strbuf sb = STRBUF_INIT;
    if (!image)
        return missing(err, "bkf_image_verdict");
    if (device)
        d = device_of(device);
    if (key) {
        if (!crypt_parse(key, &chip.key))
            return error_set(err, BKF_E_PARAM,
                             "'%s' is no key: a name (tuya, uascent, zero) or four hex words", key);
        chip.name = crypt_name(&chip.key);
        d.key = &chip;
    }
    verdict_of(image->facts, &d, &v);
    if (boots)
        *boots = v.boots;
    bkf_status st = image_document(verdict_json(&v), "verdict", json, err);
    if (st || !text)
        return st;
    verdict_text(&v, &sb);
    return image_text(&sb, text, err);
}
