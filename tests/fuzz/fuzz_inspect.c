/* The inspector and all that builds on it: any bytes give facts, texts, a page, a copy without
 * secrets; and what is extracted packs into the same bytes. */
#include "core/image/bytes.h"
#include "core/image/crc34.h"
#include "core/image/extract.h"
#include "core/image/glance.h"
#include "core/image/redact.h"
#include "core/image/report_html.h"
#include "core/image/splice.h"
#include "tests/support/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small enough that inputs of a few KiB reach every part. */
static const struct image_layout layout = {
    .name = "small",
    .flash_size = 0x8000,
    .rf_offset = 0x3000,
    .kv_offset = 0x5000,
    .ota_meta = 0x1000,
    .ota_magic = 0x5A5A5A01,
    .part = { { "bootloader", { 0, 0xFF0 }, DOMAIN_CRC, 0, POLICY_NEVER },
              { "ota_meta", { 0x1000, 0x2000 }, DOMAIN_RAW, 0, POLICY_NEVER },
              { "app1", { 0x1FFE, 0x2880 }, DOMAIN_CRC, 0x1E1E, POLICY_WRITE },
              { "app2", { 0x2880, 0x3000 }, DOMAIN_CRC, 0x2620, POLICY_WRITE },
              { "rf", { 0x3000, 0x4000 }, DOMAIN_RAW, 0, POLICY_NEVER },
              { "kv", { 0x5000, 0x8000 }, DOMAIN_RAW, 0, POLICY_NEVER } },
    .n_parts = 6,
};

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void outputs(const struct image_facts *f)
{
    for (int show = 0; show < 2; show++) {
        struct strbuf text = STRBUF_INIT, page = STRBUF_INIT;
        json_t *json = inspect_json(f, show);
        require(json != NULL);
        json_decref(json);
        inspect_text(f, show, &text);
        require(report_html(f, "x", f, "y", show, &page));
        strbuf_free(&text);
        strbuf_free(&page);
    }
    struct verdict v;
    struct verdict_device d = { .key = &f->boot.key, .boot = &f->boot, .layout = f->layout };
    verdict_of(f, &d, &v);
    json_decref(verdict_json(&v));
}

static void there_and_back(const struct image_facts *f, const uint8_t *p, size_t n)
{
    struct folder *d = calloc(1, sizeof *d);
    uint8_t *again;
    size_t len;
    bool same;
    require(extract_image(f, false, folder_put, d, NULL) == BKF_OK || n == 0);
    if (n) {
        require(pack_image(folder_get, d, &again, &len, &same, NULL) == BKF_OK);
        require(same && len == n && memcmp(again, p, n) == 0);
        free(again);
    }
    folder_free(d);
    free(d);
}

static void redacted(const struct image_facts *f, size_t n)
{
    struct redact_report r;
    uint8_t *out;
    if (n == 0)
        return;
    require(redact_image(f, &out, &r, NULL) == BKF_OK);
    redact_report_free(&r);
    free(out);
}

struct flash {
    const uint8_t *p;
    size_t n;
};
/* A flash that holds the input and is erased behind it; every fifth sector cannot be read. */
static bkf_status fetch(void *ud, uint32_t off, uint8_t *out, size_t n, bkf_error *err)
{
    const struct flash *f = ud;
    require(n <= 0x11000 && off + n <= 0x200000);
    if (off / 0x1000 % 5 == 4)
        return error_set(err, BKF_E_UNPROVEN, "not readable");
    size_t have = off < f->n ? f->n - off : 0;
    memset(out, 0xFF, n);
    memcpy(out, f->p + (have ? off : 0), have < n ? have : n);
    return BKF_OK;
}

/* The first look at a device, with its board's layout and with one that must be found. */
static void glanced(const uint8_t *p, size_t n)
{
    struct flash f = { p, n };
    for (int known = 0; known < 2; known++) {
        struct glance g;
        require(glance_take(known ? &layout : NULL, &layout, 1, known ? 0x8000 : 0x200000, fetch,
                            &f, &g, NULL) == BKF_OK);
        json_t *json = glance_json(&g);
        require(json != NULL && g.bytes <= 0x200000);
        json_decref(json);
        glance_free(&g);
    }
}

static void inspect(const uint8_t *p, size_t n)
{
    struct image_facts *f;
    require(inspect_image(p, n, &layout, 1, &f, NULL) == BKF_OK);
    outputs(f);
    there_and_back(f, p, n);
    redacted(f, n);
    glanced(p, n);
    inspect_free(f);
}

/* Also as code: enciphered and with right CRCs, so that the checks behind them are reached. */
static void inspect_as_code(const uint8_t *p, size_t n, uint32_t logical,
                            const struct crypt_key *key)
{
    uint8_t *plain = malloc(n + 1), *packed = malloc(crc34_packed_size(n) + 1);
    if (plain && packed) {
        crypt_run(key, logical, p, plain, n);
        inspect(packed, crc34_pack(plain, n, packed));
    }
    free(plain);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] & 3) {
    case 0:
        inspect_as_code(data + 1, size - 1, 0, &crypt_known_keys[data[0] >> 2 & 1].key);
        break;
    case 1:
        inspect_as_code(data + 1, size - 1, 0x10000, &crypt_known_keys[data[0] >> 2 & 1].key);
        break;
    default:
        inspect(data + 1, size - 1);
    }
    return 0;
}
