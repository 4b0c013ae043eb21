/* RF calibration, network parameters, OpenBeken configuration. */
#include "rfcal.h"
#include "bytes.h"

#define TLV_MAGIC 0x00564C54u

static bool tlv_head(const uint8_t *p, size_t n, size_t at, uint32_t *length)
{
    if (at > n || n - at < TLV_HEAD || le32(p + at) != TLV_MAGIC)
        return false;
    *length = le32(p + at + 4);
    return true;
}

/* The end of what a sector can hold. */
static size_t tlv_end(size_t n, size_t at, uint32_t length)
{
    size_t room = n - at < TLV_SECTOR ? n - at : TLV_SECTOR;
    return at + (length < room - TLV_HEAD ? length + TLV_HEAD : room);
}

static bool item_read(const uint8_t *p, size_t end, size_t at, bool child, struct rf_sector *rf)
{
    if (end - at < TLV_HEAD || rf->n == TLV_MAX)
        return false;
    uint32_t type = le32(p + at), length = le32(p + at + 4);
    if (length > end - at - TLV_HEAD)
        return false;
    rf->item[rf->n++] = (struct tlv_item){ type, length, (uint32_t)(at + TLV_HEAD), child };
    return true;
}

/* Children carry their container's type plus 1..n; what else follows them is fill.  False = a
 * child does not fit into its container. */
static bool children_read(const uint8_t *p, struct tlv_item box, struct rf_sector *rf)
{
    size_t at = box.offset, end = box.offset + box.length;
    while (end - at >= TLV_HEAD && (le32(p + at) & 0xFFFFFF00u) == box.type) {
        if (!item_read(p, end, at, true, rf))
            return false;
        struct tlv_item *child = &rf->item[rf->n - 1];
        if (child->type == 0x11111102u && child->length == 6) {
            rf->mac_at = child->offset;
            memcpy(rf->mac, p + child->offset, 6);
        }
        at = child->offset + child->length;
    }
    return true;
}

bool rf_read(const uint8_t *p, size_t n, size_t at, struct rf_sector *out)
{
    *out = (struct rf_sector){ .offset = (uint32_t)at, .complete = true };
    if (!tlv_head(p, n, at, &out->length))
        return false;
    size_t end = tlv_end(n, at, out->length), pos = at + TLV_HEAD;
    if (end - pos < TLV_HEAD || le32(p + pos) != 0x11111100u)
        return false;
    while (pos < end && item_read(p, end, pos, false, out)) {
        struct tlv_item box = out->item[out->n - 1];
        out->complete &= children_read(p, box, out);
        pos = box.offset + box.length;
    }
    out->complete &= pos == at + TLV_HEAD + (size_t)out->length;
    static const uint8_t head[8] = { 0x02, 0x11, 0x11, 0x11, 6, 0, 0, 0 };
    out->mac_fixed =
        n - at >= 0x2A && memcmp(p + at + 0x1C, head, 8) == 0 && out->mac_at == at + 0x24;
    return true;
}

bool net_read(const uint8_t *p, size_t n, size_t at, struct net_param *out)
{
    *out = (struct net_param){ .offset = (uint32_t)at };
    if (!tlv_head(p, n, at, &out->length))
        return false;
    size_t end = tlv_end(n, at, out->length), pos = at + TLV_HEAD;
    while (end - pos >= TLV_HEAD && out->n < TLV_MAX) {
        uint32_t type = le32(p + pos), length = le32(p + pos + 4);
        /* items are one hex digit eight times: 11111111, 22222222 ... */
        if (type % 0x11111111u || type == 0 || length > end - pos - TLV_HEAD)
            break;
        out->item[out->n++] = (struct tlv_item){ type, length, (uint32_t)(pos + TLV_HEAD), false };
        pos += TLV_HEAD + length;
    }
    return out->n > 0;
}

static int signed8(unsigned v)
{
    return v < 128 ? (int)v : (int)v - 256;
}

/* On Beken both the register and the byte are signed chars, so both shifts keep the sign. */
uint8_t obk_crc8(const uint8_t *p, size_t n)
{
    int crc = 0;
    for (size_t i = 0; i < n; i++) {
        int byte = signed8(p[i]);
        for (int k = 0; k < 8; k++) {
            int mix = (crc ^ byte) & 1;
            crc = crc >= 0 ? crc >> 1 : ~(~crc >> 1);
            if (mix)
                crc = signed8((unsigned)(crc ^ 0x8C) & 0xFF);
            byte = byte >= 0 ? byte >> 1 : ~(~byte >> 1);
        }
    }
    return (uint8_t)crc;
}

bool obk_read(const uint8_t *p, size_t n, size_t at, struct obk_config *out)
{
    *out = (struct obk_config){ .offset = (uint32_t)at };
    if (at > n || n - at < 2016 || memcmp(p + at, "CFG", 3) != 0)
        return false;
    out->version = le32(p + at + 4);
    if (out->version > 100)
        return false;
    out->length = out->version <= 3 ? 2016 : 3584;
    if (out->length > n - at)
        return false;
    out->crc_ok = obk_crc8(p + at + 4, out->length - 4) == p[at + 3];
    field_text(out->name, sizeof out->name, p + at + 0x2DE, 32);
    return true;
}

const struct obk_field obk_secret_fields[] = {
    { "wifi_ssid", 0x14, 64 },
    { "wifi_pass", 0x54, 64 },
    { "mqtt_host", 0x94, 256 },
    { "mqtt_clientId", 0x194, 64 },
    { "mqtt_userName", 0x1D4, 64 },
    { "mqtt_pass", 0x214, 128 },
    { "mac", 0x2D8, 6 },
};
const size_t obk_secret_count = ARRAY_LEN(obk_secret_fields);
