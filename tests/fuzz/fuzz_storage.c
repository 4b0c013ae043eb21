/* Tuya storage, calibration, network parameters, configuration.  The input is taken for plain
 * blocks: sums and encryption are put on here, so that everything behind them is reached. */
#include "core/image/bytes.h"
#include "core/image/redact.h"
#include "core/image/rfcal.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS = 3, SIZE = (1 + BLOCKS) * KV_SECTOR };

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void seal(uint8_t *img, const uint8_t *data, size_t size)
{
    uint8_t inner[16] = { 7 }, key[16];
    require(kv_build(inner, KV_MAGIC_CLASSIC, NULL, 0, BLOCKS, img));
    kv_data_key(inner, key);
    for (size_t b = 0; b < BLOCKS; b++) {
        uint8_t *block = img + (1 + b) * KV_SECTOR;
        kv_decrypt(key, block, block);
        size_t from = b * KV_SECTOR, n = from < size ? size - from : 0;
        n = n < KV_SECTOR - 8 ? n : KV_SECTOR - 8;
        if (n)
            memcpy(block + 8, data + from, n);
        put_le32(block + 4, byte_sum(block + 8, KV_SECTOR - 8));
        kv_encrypt(key, block, block);
    }
}

static void read_all(const uint8_t *img, size_t n)
{
    struct kv_storage *kv = malloc(sizeof *kv);
    if (kv && kv_read(img, n, kv)) {
        for (size_t i = 0; i < kv->n_entries; i++) {
            uint8_t *v = kv_value(img, n, kv, &kv->entry[i]);
            struct strbuf sb = STRBUF_INIT;
            if (v && kv_param_json((const char *)v, kv->entry[i].length, &sb))
                require(!sb.failed);
            strbuf_free(&sb);
            require(!kv->entry[i].checksum_ok || v);
            free(v);
        }
    }
    free(kv);
}

static void redacted(const uint8_t *img)
{
    struct image_facts *f;
    struct redact_report r;
    uint8_t *out;
    require(inspect_image(img, SIZE, NULL, 0, &f, NULL) == BKF_OK);
    require(redact_image(f, &out, &r, NULL) == BKF_OK);
    struct image_facts *g;
    require(inspect_image(out, SIZE, NULL, 0, &g, NULL) == BKF_OK);
    require(!f->kv || (g->kv && g->kv->n_blocks == f->kv->n_blocks && g->kv->bad_blocks == 0));
    inspect_free(g);
    inspect_free(f);
    redact_report_free(&r);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rf_sector rf;
    struct net_param net;
    struct obk_config obk;
    struct strbuf sb = STRBUF_INIT;
    uint8_t *img = malloc(SIZE);
    if (!img)
        return 0;
    rf_read(data, size, 0, &rf);
    net_read(data, size, 0, &net);
    obk_read(data, size, 0, &obk);
    kv_param_json((const char *)data, size, &sb);
    strbuf_free(&sb);
    read_all(data, size);
    seal(img, data, size);
    read_all(img, SIZE);
    redacted(img);
    free(img);
    return 0;
}
