/* nor_parts.c - dies that are found inside Beken SoCs.  Ids, register counts and styles as
 * in the Beken SDK's flash.c table and BK7231GUIFlashTool's BKFlashList.cs; written down
 * here independently of conf/flash, so that client and device check each other. */
#include "nor_priv.h"
#include <string.h>

#define MS(x) ((uint64_t)((x)*1000000.0))

struct part {
    uint32_t jedec;
    uint16_t kib;
    uint8_t sr_count, style, puya, separate; /* separate: takes 31 as well */
};

static const struct part parts[] = {
    { 0x1C7016, 4096, 1, NOR_STYLE_EN25, 0, 0 }, { 0x1C7015, 2048, 1, NOR_STYLE_EN25, 0, 0 },
    { 0x1C4116, 4096, 2, NOR_STYLE_W25Q, 0, 0 }, { 0x1C6116, 4096, 2, NOR_STYLE_W25Q, 0, 0 },
    { 0x0B4014, 1024, 2, NOR_STYLE_W25Q, 0, 1 }, { 0x0B4015, 2048, 2, NOR_STYLE_W25Q, 0, 0 },
    { 0x0B4016, 4096, 2, NOR_STYLE_W25Q, 0, 0 }, { 0x0B4017, 8192, 2, NOR_STYLE_W25Q, 0, 0 },
    { 0x0E4016, 4096, 2, NOR_STYLE_W25Q, 0, 0 }, { 0xC84015, 2048, 2, NOR_STYLE_W25Q, 0, 0 },
    { 0xC84016, 4096, 2, NOR_STYLE_W25Q, 0, 1 }, { 0xC86515, 2048, 2, NOR_STYLE_W25Q, 0, 0 },
    { 0xC86516, 4096, 2, NOR_STYLE_W25Q, 0, 0 }, { 0xEF4015, 2048, 3, NOR_STYLE_W25Q, 0, 1 },
    { 0xEF4016, 4096, 3, NOR_STYLE_W25Q, 0, 1 }, { 0x204016, 4096, 2, NOR_STYLE_W25Q, 0, 1 },
    { 0xC22315, 2048, 2, NOR_STYLE_MX25, 0, 0 }, { 0xC22314, 1024, 2, NOR_STYLE_MX25, 0, 0 },
    { 0xEB6015, 2048, 2, NOR_STYLE_W25Q, 1, 0 }, { 0xCD6014, 1024, 2, NOR_STYLE_W25Q, 1, 0 },
    { 0xCD7115, 2048, 2, NOR_STYLE_W25Q, 1, 0 }, { 0xCD6016, 4096, 2, NOR_STYLE_W25Q, 1, 0 },
    { 0x854215, 2048, 2, NOR_STYLE_W25Q, 1, 1 }, { 0x856015, 2048, 2, NOR_STYLE_W25Q, 1, 1 },
    { 0x852015, 2048, 2, NOR_STYLE_W25Q, 1, 1 }, { 0x852016, 4096, 2, NOR_STYLE_W25Q, 1, 1 },
    { 0x856016, 4096, 2, NOR_STYLE_W25Q, 1, 1 }, { 0xC46015, 2048, 3, NOR_STYLE_W25Q, 0, 1 },
    { 0xC84013, 512, 2, NOR_STYLE_W25Q, 0, 1 },  { 0xC84017, 8192, 2, NOR_STYLE_W25Q, 0, 1 },
    { 0x4B4015, 2048, 2, NOR_STYLE_W25Q, 0, 0 },
};

bool nor_times_named(const char *name, uint32_t size, struct nor_times *t)
{
    double mib = (double)size / (1 << 20);
    if (!strcmp(name, "default")) {
        *t = (struct nor_times){ MS(0.5), MS(60), MS(150), MS(250), MS(15000 * mib / 4), MS(10) };
    } else if (!strcmp(name, "puya")) {
        *t = (struct nor_times){ MS(2), MS(10), MS(10), MS(10), MS(20), MS(10) };
    } else if (!strcmp(name, "slow")) {
        *t = (struct nor_times){ MS(3), MS(400), MS(1600), MS(2000), MS(40000 * mib / 4), MS(30) };
    } else {
        return false;
    }
    return true;
}

uint32_t nor_part_for_size(uint32_t size)
{
    switch (size >> 10) {
    case 512:
        return 0xC84013;
    case 1024:
        return 0xCD6014;
    case 2048:
        return 0xEB6015;
    case 8192:
        return 0x0B4017;
    default:
        return 0x0B4016;
    }
}

bool nor_part_defaults(uint32_t jedec, struct nor_config *c)
{
    static const struct part generic = { 0, 0, 2, NOR_STYLE_W25Q, 0, 1 };
    const struct part *p = &generic;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].jedec == jedec) {
            p = &parts[i];
        }
    }
    memset(c, 0, sizeof *c);
    c->jedec = jedec;
    c->size = (uint32_t)p->kib << 10;
    c->page = 256;
    c->style = (enum nor_style)p->style;
    c->sr_count = p->sr_count;
    c->wrsr_one = true;
    c->wrsr_two = p->sr_count > 1;
    c->wrsr31 = p->separate;
    c->wrsr11 = p->separate && p->sr_count > 2;
    c->one_byte = NOR_SR2_KEPT;
    c->extra = NOR_EXTRA_REJECTED;
    c->echo = NOR_ECHO_SR1;
    c->tail = NOR_TAIL_REPEAT;
    c->erase_32k = p->style != NOR_STYLE_EN25;
    c->page_erase = p->puya;
    c->soft_reset = c->volatile_50 = c->sfdp = true;
    c->uid_len = jedec >> 16 == 0xEF || jedec >> 16 == 0x1C ? 8 : 16;
    c->max_hz = 50000000;
    (void)nor_times_named(p->puya ? "puya" : "default", c->size ? c->size : 4u << 20, &c->times);
    return p != &generic;
}
