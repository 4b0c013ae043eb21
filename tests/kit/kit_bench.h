/* kit_bench.h - the virtual device on a chip plugin's links, with every call counted. */
#ifndef TESTS_KIT_BENCH_H
#define TESTS_KIT_BENCH_H
#include "core/nor/nor.h"
#include "kit.h"
#include "tests/device/device.h"

struct chip_bench {
    struct kit *k;
    struct verdict *v;
    struct kit_host host;
    struct nor_part_table parts;
    struct nor_env env;
    bkf_nor_service nor;
    struct props *props;
    struct vclock clock;
    struct device *dev;
    bkf_iface spi;
    bkf_links links;
    bkf_op op;
    bkf_chip *chip;
    /* link state */
    uint64_t calls, unplug_at; /* 0 = never */
    unsigned cen;              /* level; NET_FLOAT at the start */
    uint32_t mode, hz;
    bool held, attached;
    /* operation */
    uint64_t polls, stop_after; /* 0 = never stop */
    uint64_t last_done, last_total;
    bool progress_back;
    uint32_t erased_crc; /* of the flash between erase and program of a whole job */
};

enum { BENCH_NO_LINKS = 1u };
/* Device, links and chip; false: the verdict says why. */
bool bench_new(struct chip_bench *, struct kit *, struct verdict *, unsigned flags);
void bench_free(struct chip_bench *); /* detaches if attached */
bkf_status bench_attach(struct chip_bench *, bkf_error *);
bkf_status bench_detach(struct chip_bench *, bkf_error *);
/* attach and probe, or a verdict. */
bool bench_ready(struct chip_bench *, bkf_chip_info *);
#endif
