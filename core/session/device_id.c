/* device_id.c - ids of a device: from the target, to files and back, compared. */
#include "device_id.h"
#include "../image/rfcal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAC_TRIES = 2, MAC_LEN = 6 };

/* 00.. and FF.. were never set; c8:47:8c:00:00:00 is the SDK's default for such devices. */
static bool mac_is_own(const uint8_t mac[MAC_LEN])
{
    static const uint8_t sdk[MAC_LEN] = { 0xC8, 0x47, 0x8C, 0, 0, 0 };
    bool same = true;
    for (int i = 1; i < MAC_LEN; i++)
        same = same && mac[i] == mac[0];
    return !same && memcmp(mac, sdk, MAC_LEN) != 0;
}

/* One partition with RF calibration; read twice, since a wrong MAC is worse than none. */
static bool mac_in(bkf_session *s, bkf_range r, uint8_t mac[MAC_LEN])
{
    uint8_t sector[SECTOR];
    bkf_error ignored = BKF_ERROR_INIT;
    for (int i = 0; i < MAC_TRIES; i++) {
        struct rf_sector rf;
        if (chunk_read(s, r.start, sector, SECTOR, &ignored) || !rf_read(sector, SECTOR, 0, &rf) ||
            !rf.mac_at || (i && memcmp(mac, rf.mac, MAC_LEN) != 0) || !mac_is_own(rf.mac))
            return false;
        memcpy(mac, rf.mac, MAC_LEN);
    }
    return true;
}

/* Once for a device: a job that changes it must not see it change. */
static void find_mac(bkf_session *s)
{
    char *out = s->mac;
    const struct bkf_profile *p = s->profile;
    bkf_range windows[WINDOWS_MAX];
    uint32_t size = s->info.flash_size ? s->info.flash_size : p->size;
    size_t n = s->mac_sought ? 0 : session_windows(s, BKF_CAN_READ, size, windows, NULL);
    s->mac_sought = true;
    for (size_t i = 0; i < p->n_partitions && !*out; i++) {
        const struct prof_partition *q = &p->partitions[i];
        uint8_t mac[MAC_LEN] = { 0 };
        bool readable = false;
        for (size_t k = 0; k < n; k++)
            readable = readable || range_contains(windows[k], q->range);
        if (!q->role || strcmp(q->role, "rf-calibration") != 0 || !readable ||
            range_len(q->range) < SECTOR || !mac_in(s, q->range, mac))
            continue;
        for (size_t k = 0; k < MAC_LEN; k++)
            snprintf(out + 2 * k, 3, "%02x", mac[k]);
    }
}

void device_id_of(bkf_session *s, struct device_id *d)
{
    const bkf_chip_info *i = &s->info;
    const struct bkf_profile *p = s->profile;
    *d = (struct device_id){ 0 };
    /* What a loader does not tell, the profile knows: the same board has the same key. */
    uint32_t jedec = i->jedec_id ? i->jedec_id : p->jedec;
    if (jedec)
        snprintf(d->jedec, sizeof d->jedec, "%06X", jedec & 0xFFFFFF);
    for (uint32_t k = 0; k < i->unique_id_len && k < sizeof i->unique_id; k++)
        snprintf(d->unique_id + 2 * k, 3, "%02x", i->unique_id[k]);
    snprintf(d->chip, sizeof d->chip, "%s", p->chip_name ? p->chip_name : "");
    snprintf(d->profile, sizeof d->profile, "%s", p->name);
    if (!*d->unique_id)
        find_mac(s);
    memcpy(d->mac, s->mac, sizeof d->mac);
}

static bool differ(const char *a, const char *b)
{
    return *a && *b && strcasecmp(a, b) != 0;
}

bool device_id_conflict(const struct device_id *a, const struct device_id *b)
{
    return differ(a->jedec, b->jedec) || differ(a->unique_id, b->unique_id) ||
           differ(a->mac, b->mac) || differ(a->chip, b->chip);
}

bool device_id_same_unit(const struct device_id *a, const struct device_id *b)
{
    bool unique = *a->unique_id && *b->unique_id, mac = *a->mac && *b->mac;
    return (unique || mac) && !device_id_conflict(a, b);
}

const char *device_id_text(const struct device_id *d, char buf[160])
{
    const struct {
        const char *name, *value;
    } parts[] = { { "chip", d->chip },
                  { "JEDEC id", d->jedec },
                  { "unique id", d->unique_id },
                  { "MAC", d->mac } };
    size_t n = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (*parts[i].value && n < 160)
            n += (size_t)snprintf(buf + n, 160 - n, "%s%s %s", n ? ", " : "", parts[i].name,
                                  parts[i].value);
    return buf;
}

void device_id_key(const struct device_id *d, char key[80])
{
    const char *own = *d->unique_id ? d->unique_id : *d->mac ? d->mac : d->profile;
    snprintf(key, 80, "%s-%s", *d->jedec ? d->jedec : "000000", own);
}

void device_id_save(const struct device_id *d, json_t *o)
{
    json_object_set_new(o, "jedec", json_string(d->jedec));
    json_object_set_new(o, "unique_id", json_string(d->unique_id));
    json_object_set_new(o, "mac", json_string(d->mac));
    json_object_set_new(o, "chip", json_string(d->chip));
    json_object_set_new(o, "profile", json_string(d->profile));
}

static void take(const json_t *o, const char *key, char *out, size_t cap)
{
    const char *s = json_string_value(json_object_get(o, key));
    snprintf(out, cap, "%s", s && strlen(s) < cap ? s : "");
}

void device_id_load(struct device_id *d, const json_t *o)
{
    take(o, "jedec", d->jedec, sizeof d->jedec);
    take(o, "unique_id", d->unique_id, sizeof d->unique_id);
    take(o, "mac", d->mac, sizeof d->mac);
    take(o, "chip", d->chip, sizeof d->chip);
    take(o, "profile", d->profile, sizeof d->profile);
}
