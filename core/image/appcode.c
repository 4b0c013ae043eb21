/* The application: block states, key, deciphered hash; and the containers around code. */
#include "bytes.h"
#include "crc34.h"
#include "inspect.h"
#include <stdlib.h>

enum { APP_AT = 0x11000, APP_LOGICAL = 0x10000 };

static void app_key(struct image_facts *f, const uint8_t *code)
{
    struct app_facts *a = &f->app;
    for (size_t i = 0; i < crypt_known_count && i < KEYS_SHOWN; i++)
        a->score[i] = crypt_score(&crypt_known_keys[i].key, a->logical, code);
    code_key_guess(a->logical, code, &a->key);
    const struct code_key *boot = &f->boot.key;
    if (a->key.state == KEY_UNKNOWN && boot->state != KEY_UNKNOWN &&
        crypt_score(&boot->key, a->logical, code) >= 6) {
        a->key = *boot;
        a->key.score = crypt_score(&boot->key, a->logical, code);
    }
}

uint8_t *inspect_app_plain(const struct image_facts *f)
{
    const struct app_facts *a = &f->app;
    if (!a->present || a->key.state == KEY_UNKNOWN || a->plain_len == 0)
        return NULL;
    uint8_t *plain = malloc(a->plain_len);
    if (!plain)
        return NULL;
    crc34_strip(f->data + (a->at - f->base), a->leading_good * CRC34_BLOCK, plain);
    crypt_run(&a->key.key, a->logical, plain, plain, a->plain_len);
    return plain;
}

/* at and end are flash offsets. */
void inspect_app(struct image_facts *f, uint32_t at, uint32_t end, uint32_t logical)
{
    struct app_facts *a = &f->app;
    struct crc34_stat st;
    const uint8_t *p = f->data + (at - f->base);
    size_t n = end - at;
    crc34_stat(p, n, &st);
    if (st.leading_good == 0)
        return;
    *a = (struct app_facts){ .present = true,
                             .at = at,
                             .end = end,
                             .logical = logical,
                             .good = st.good,
                             .erased = st.erased,
                             .bad = st.bad,
                             .leading_good = st.leading_good };
    a->leading_end = at + (uint32_t)(st.leading_good * CRC34_BLOCK);
    a->first_bad = st.first_bad == SIZE_MAX ? IMAGE_NOWHERE : at + (uint32_t)st.first_bad;
    a->plain_len = st.leading_good * CRC34_DATA;
    app_key(f, p);
    uint8_t *plain = inspect_app_plain(f);
    if (!plain)
        return;
    sha256_of(plain, a->plain_len, &a->plain_sha256);
    strings_find(plain, a->plain_len, f);
    free(plain);
}

/* Payload of an in-flash container: from the start of its partition to its header. */
static void check_payload(struct image_facts *f, struct rbl_fact *r)
{
    size_t start = r->partition.start - f->base, len = r->partition.end - r->partition.start;
    uint8_t *body = malloc(len / CRC34_BLOCK * CRC34_DATA + 1);
    if (!body)
        return;
    size_t n = crc34_strip(f->data + start, len, body);
    rbl_check_inplace(&r->found.header, body, n, &r->verdict);
    size_t used = crc34_packed_size(r->found.header.size_raw);
    struct crc34_stat st = { 0 };
    if (used <= len)
        crc34_stat(f->data + start, used, &st);
    r->bad_blocks = st.bad + st.erased;
    uint32_t logical = (uint32_t)(r->partition.start / CRC34_BLOCK * CRC34_DATA);
    const struct code_key *key = f->boot.key.state != KEY_UNKNOWN ? &f->boot.key : &f->app.key;
    if (r->verdict.complete && !r->verdict.hash_ok && crypt_active(&key->key)) {
        crypt_run(&key->key, logical, body, body, n);
        r->hash_plain = fnv1a(body, r->found.header.size_raw) == r->found.header.hash;
    }
    bool is_app = r->partition.start == f->app.at && f->app.present;
    if (is_app && r->verdict.complete && r->verdict.hash_ok) {
        f->app.vendor_tail = rbl_vendor_tail(body, r->found.header.size_raw) & ~(size_t)3;
        f->app.true_len = r->found.header.size_raw - f->app.vendor_tail;
    }
    free(body);
}

/* A packed header ends its partition; where that starts follows from the name and the grid. */
static void place(struct image_facts *f, struct rbl_fact *r)
{
    uint32_t end = (uint32_t)r->found.offset + f->base + RBL_PACKED_HEADER;
    uint32_t start = strcmp(r->found.header.name, "bootloader") == 0 ? 0 : APP_AT;
    if (f->kind == KIND_UA)
        start = f->base;
    r->partition = (bkf_range){ start, end };
    if (start >= f->base && end > start)
        check_payload(f, r);
    else
        r->partition = (bkf_range){ 0, 0 };
}

void inspect_containers(struct image_facts *f)
{
    size_t from = 0;
    while (f->n_rbl < MAX_RBL) {
        struct rbl_fact *r = &f->rbl[f->n_rbl];
        *r = (struct rbl_fact){ 0 };
        if (!rbl_scan(f->data, f->data_len, from, &r->found))
            return;
        from = r->found.offset + 4;
        if (r->found.packed) {
            place(f, r);
        } else {
            const struct rbl_header *h = &r->found.header;
            size_t room = f->data_len - r->found.offset - RBL_HEADER;
            r->package_ok =
                h->size_package <= room && crc32_update(0, f->data + r->found.offset + RBL_HEADER,
                                                        h->size_package) == h->crc32;
        }
        f->n_rbl++;
    }
}
