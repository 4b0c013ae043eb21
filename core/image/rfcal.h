/* rfcal.h - the RF calibration sector (TLV records with the MAC) and the network parameter
 * sector of the SDK, which uses the same magic (beken_freertos_sdk net_param_pub.h,
 * BK7231GUIFlashTool RFPartitionUtil.cs). */
#ifndef CORE_IMAGE_RFCAL_H
#define CORE_IMAGE_RFCAL_H
#include "../base/base.h"

enum { TLV_MAX = 64, TLV_SECTOR = 4096, TLV_HEAD = 8 };
struct tlv_item {
    uint32_t type, length, offset; /* offset of the payload within the searched bytes */
    bool child;
};
struct rf_sector {
    uint32_t offset; /* of the sector */
    uint32_t length; /* total, as the header says */
    struct tlv_item item[TLV_MAX];
    size_t n;
    bool complete;   /* records fill the stated length */
    uint32_t mac_at; /* 0 = no MAC record */
    uint8_t mac[6];
    bool mac_fixed; /* also at the fixed place the vendor's tools use */
};
/* A sector at offset at; false = not RF calibration. */
bool rf_read(const uint8_t *p, size_t n, size_t at, struct rf_sector *out);

struct net_param {
    uint32_t offset, length;
    struct tlv_item item[TLV_MAX];
    size_t n;
};
bool net_read(const uint8_t *p, size_t n, size_t at, struct net_param *out);

/* OpenBeken's configuration sector: "CFG", a CRC-8 with signed shifts (BK7231GUIFlashTool
 * Utils/CRC.cs, OBKConfig.cs). */
struct obk_config {
    uint32_t offset, version, length;
    bool crc_ok;
    char name[33];
};
bool obk_read(const uint8_t *p, size_t n, size_t at, struct obk_config *out);
uint8_t obk_crc8(const uint8_t *p, size_t n);
/* Fields of the configuration that are secret or name the owner (OpenBK7231T_App new_pins.h). */
struct obk_field {
    const char *name;
    uint16_t offset, size;
};
extern const struct obk_field obk_secret_fields[];
extern const size_t obk_secret_count;
#endif
