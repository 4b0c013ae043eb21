/* Collecting values that belong to the owner. */
#include "bytes.h"
#include "redact.h"
#include <stdio.h>
#include <stdlib.h>

enum { SHORTEST = 5, LONGEST = 512, MAX_SECRETS = 400 };

/* Keys in JSON or key=value texts whose values identify or give access. */
static const char *const keys[] = {
    "ssid",     "passwd",  "password",  "pwd",         "wifi_ssid",    "wifi_pass",     "local_key",
    "localKey", "sec_key", "secKey",    "auth_key",    "authKey",      "authkey",       "uuid",
    "psk_key",  "pskKey",  "psk",       "devId",       "dev_id",       "devid",         "gwid",
    "gwId",     "gw_id",   "token",     "ap_ssid",     "ap_passwd",    "s_ssid",        "stdtoken",
    "p2pid",    "P2PID",   "mqtt_pass", "login_token", "access_token", "refresh_token", "mac",
    "bleMac",   "secret",
};

bool secret_harmless(const char *name)
{
    static const char *const names[] = { "user_param_key", "em_sys_env", "baud_cfg",
                                         "wf_start_md",    "is_stride",  "tls_ca_cnt",
                                         "mf_test_close" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool known(const struct secret_list *l, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->item[i].n == n && memcmp(l->item[i].p, p, n) == 0)
            return true;
    return false;
}

void secrets_add(struct secret_list *l, const char *what, const uint8_t *p, size_t n)
{
    /* fill says nothing, and short values are everywhere */
    if (n < SHORTEST || n > LONGEST || bytes_are(p, n, p[0]) || known(l, p, n) ||
        l->n == MAX_SECRETS)
        return;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        struct secret *grown = realloc(l->item, cap * sizeof *grown);
        if (!grown) {
            l->failed = true;
            return;
        }
        l->item = grown;
        l->cap = cap;
    }
    struct secret *s = &l->item[l->n];
    snprintf(s->what, sizeof s->what, "%s", what);
    s->p = malloc(n);
    s->n = n;
    if (!s->p) {
        l->failed = true;
        return;
    }
    memcpy(s->p, p, n);
    l->n++;
}

void secrets_free(struct secret_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->item[i].p);
    free(l->item);
    *l = (struct secret_list){ 0 };
}

static bool word_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The value behind a key: "key":"value" or key=value or key:value in a text. */
static void value_after(struct secret_list *l, const char *where, const char *key, const uint8_t *p,
                        size_t n, bool json_only)
{
    char what[48];
    size_t i = 0;
    bool quoted_key = i < n && p[i] == '"';
    i += quoted_key;
    while (i < n && p[i] == ' ')
        i++;
    if (i == n || (p[i] != ':' && (quoted_key || p[i] != '=')))
        return;
    i++;
    while (i < n && p[i] == ' ')
        i++;
    bool quoted = i < n && p[i] == '"';
    if (!quoted && (quoted_key || json_only))
        return; /* a number or an object */
    i += quoted;
    size_t start = i;
    while (i < n && i - start < LONGEST && p[i] >= 0x20 && p[i] < 0x7F &&
           (quoted ? p[i] != '"' : !strchr(",;&}\r\n\" ", p[i])))
        i++;
    if ((quoted && (i == n || p[i] != '"')) || (!quoted && i - start < 8))
        return;
    bool format = memchr(p + start, '%', i - start) != NULL; /* "ssid:%s" in a program */
    if (format)
        return;
    snprintf(what, sizeof what, "%s in %s", key, where);
    secrets_add(l, what, p + start, i - start);
}

void secrets_from_text(struct secret_list *l, const char *where, const uint8_t *p, size_t n,
                       bool json_only)
{
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        size_t len = strlen(keys[k]);
        for (size_t at = 0; (at = bytes_find(p, n, at, keys[k], len)) != SIZE_MAX; at += len) {
            if (at > 0 && word_char(p[at - 1]))
                continue;
            value_after(l, where, keys[k], p + at + len, n - at - len, json_only);
        }
    }
}

static void from_storage(const struct image_facts *f, struct secret_list *l)
{
    for (size_t i = 0; i < f->kv->n_entries; i++) {
        const struct kv_entry *e = &f->kv->entry[i];
        if (secret_harmless(e->name))
            continue;
        uint8_t *v = kv_value(f->data, f->data_len, f->kv, e);
        if (v)
            secrets_from_text(l, e->name, v, e->length, false);
        free(v);
    }
    secrets_add(l, "storage key", f->kv->inner, 16);
    secrets_add(l, "storage key", f->kv->key, 16);
}

static void add_field(struct secret_list *l, const char *what, const uint8_t *p, size_t n)
{
    secrets_add(l, what, p, strnlen((const char *)p, n));
}

static void add_mac(struct secret_list *l, const char *what, const uint8_t mac[6])
{
    static const char *const forms[] = { "%02x:%02x:%02x:%02x:%02x:%02x",
                                         "%02X:%02X:%02X:%02X:%02X:%02X",
                                         "%02x%02x%02x%02x%02x%02x", "%02X%02X%02X%02X%02X%02X",
                                         "%02x-%02x-%02x-%02x-%02x-%02x" };
    char text[24];
    secrets_add(l, what, mac, 6);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        int n =
            snprintf(text, sizeof text, forms[i], mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        secrets_add(l, what, (const uint8_t *)text, (size_t)n);
    }
}

static void from_sectors(const struct image_facts *f, struct secret_list *l)
{
    for (size_t i = 0; i < f->n_rf; i++)
        if (f->rf[i].mac_at)
            add_mac(l, "MAC in calibration", f->rf[i].mac);
    for (size_t i = 0; i < f->n_net; i++)
        for (size_t k = 0; k < f->net[i].n; k++) {
            const struct tlv_item *t = &f->net[i].item[k];
            const uint8_t *p = f->data + t->offset;
            if (t->type == 0x55555555u && t->length >= 96) {
                add_field(l, "SSID in network parameters", p, 32);
                add_field(l, "key in network parameters", p + 32, 64);
            }
            if (t->type == 0x44444444u && t->length >= 6)
                add_mac(l, "MAC in network parameters", p);
        }
    for (size_t i = 0; i < f->n_obk; i++)
        for (size_t k = 0; k < obk_secret_count; k++) {
            const struct obk_field *field = &obk_secret_fields[k];
            const uint8_t *p = f->data + f->obk[i].offset + field->offset;
            if (field->size == 6)
                add_mac(l, "MAC in configuration", p);
            else
                add_field(l, field->name, p, field->size);
        }
}

void secrets_collect(const struct image_facts *f, struct secret_list *l)
{
    if (f->kv)
        from_storage(f, l);
    from_sectors(f, l);
    secrets_from_text(l, "flash", f->data, f->data_len, false);
    uint8_t *plain = inspect_app_plain(f);
    if (plain)
        secrets_from_text(l, "program", plain, f->app.plain_len, true);
    free(plain);
}
