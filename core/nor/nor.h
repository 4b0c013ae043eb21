/* nor.h - the NOR engine behind host service "bkflash.nor/1". */
#ifndef CORE_NOR_H
#define CORE_NOR_H
#include "part.h"
#include <bkflash/nor.h>

/* What the profile says; the engine stops when the die disagrees. */
struct nor_want {
    uint32_t jedec, size; /* 0 = not said */
    const char *part;     /* NULL = not said */
    const char *origin;   /* "conf/boards/x.ini:40" of jedec or size, for messages, or NULL */
};
struct nor_env {
    const struct nor_part_table *parts;
    struct nor_want want;
    const bkf_host *host; /* for log lines */
};
/* A service table for one session; env must outlive it. */
void nor_service_init(bkf_nor_service *, const struct nor_env *env);
#endif
