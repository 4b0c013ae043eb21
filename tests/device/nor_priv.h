/* nor_priv.h - shared by the nor_*.c files only. */
#ifndef TESTS_DEVICE_NOR_PRIV_H
#define TESTS_DEVICE_NOR_PRIV_H
#include "nor_die.h"
#include "rng.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

enum { SR1_WIP = 0x01, SR1_WEL = 0x02, SR1_SRP0 = 0x80 };
enum { SR2_SRP1 = 0x01, SR2_QE = 0x02, SR2_LOCK = 0x38, SR2_CMP = 0x40, SR2_SUSPEND = 0x84 };

struct nor_range {
    uint32_t start, end; /* half open; start == end: nothing */
};
/* What the bits protect (nor_protect.c). */
struct nor_range nor_protected_base(const struct nor_die *, bool *inverted);
bool nor_protects_range(const struct nor_die *, uint32_t start, uint32_t end);

struct nor_die {
    struct nor_config cfg;
    uint8_t *array;
    struct violation_log *log;
    struct rng rng;
    struct nor_counts counts;
    uint32_t *wear; /* erases per 4 KiB sector */

    uint8_t sr[3]; /* in force now */
    uint8_t sr_own[3];
    uint8_t *sr_stored; /* non-volatile: sr_own, or memory that outlives the die */
    bool wel, wel_volatile;
    bool sr_locked; /* SRP1 seen at power-up */
    bool power_down, reset_enabled, crm;
    uint64_t busy_until; /* UINT64_MAX: for ever; 0: idle */
    uint32_t busy_cycles;
    bool dead;             /* power was cut */
    struct nor_range last; /* what the running operation changes */
    bool last_erase;

    /* the frame under way */
    bool selected;
    uint64_t selected_at, deselected_at;
    uint32_t n; /* bytes received */
    uint8_t op;
    bool ignored; /* busy, power-down or continuous read: nobody listens */
    uint32_t addr;
    uint8_t data[256]; /* program buffer, or status bytes */
    uint32_t n_data;
    uint8_t ff_run;   /* FF bytes since CS fell, for leaving continuous read */
    uint64_t flip_in; /* bits until the next wrong one */
};

/* nor_die.c */
void nor_settle(struct nor_die *, uint64_t now);
void nor_start_busy(struct nor_die *, uint64_t typ_ns, uint64_t now);

/* nor_array.c: write-type commands at CS rise */
void nor_commit_program(struct nor_die *, uint64_t now);
void nor_commit_erase(struct nor_die *, uint64_t now);
void nor_apply_program(struct nor_die *, uint32_t addr, const uint8_t *, size_t n, uint64_t now);
bool nor_erase_span(const struct nor_die *, uint8_t op, uint32_t addr, struct nor_range *,
                    uint64_t *typ_ns);
void nor_cut(struct nor_die *, uint64_t now); /* power lost in the middle */

/* nor_sr.c */
bool nor_is_status_write(const struct nor_die *, uint8_t op);
void nor_commit_status(struct nor_die *, uint64_t now);
uint8_t nor_read_status(const struct nor_die *, unsigned index);

/* nor_sfdp.c */
uint8_t nor_sfdp_byte(const struct nor_die *, uint32_t addr);

/* nor_lie.c */
uint8_t nor_lie_read(struct nor_die *, uint8_t byte);
void nor_lie_reset(struct nor_die *);
#endif
