/* loader_priv.h - the plain loader's state, between loader.c (the device) and loader_host.c (the
 * interfaces that the client sees). */
#ifndef TESTS_UART_LOADER_PRIV_H
#define TESTS_UART_LOADER_PRIV_H
#include "loader.h"

enum { QUEUE = 1 << 18, RING = 512, FRAME = 8192 };

struct out_byte {
    uint64_t at_ns;
    uint8_t value;
};
struct loader {
    struct loader_config c;
    uint8_t *flash;
    uint64_t ns, busy_ns, boot_ns, heard_ns, tx_free_ns;
    enum loader_state state;
    bool cen_low, armed, heard, told_app;
    uint32_t baud, host_baud, fastest;
    uint8_t sr1, sr2;
    /* request under way */
    uint8_t req[FRAME];
    size_t req_len;
    /* towards the host */
    struct out_byte *queue;
    size_t head, tail;
    /* bootloader: bytes that arrive while it works */
    uint8_t pending[RING * 8];
    size_t n_pending;
    char app_tail[8];
    uint64_t rng;
    struct loader_counts counts;
    char breach[160], log[512];
    uint64_t memory;
    bool has_memory, baud_reply_lost;
    uint32_t changes;
    /* what the client sent, before any fault */
    uint8_t sent[FRAME];
    size_t n_sent;
    bool client_erased, client_armed;
    unsigned stop_after, polls;
    uint8_t cut_op; /* 0 = none */
    bool cut_begun;
    size_t cut_bytes, cut_sent;
    unsigned cut_in_vain, in_vain;
    bool was_cut;
    uint8_t (*babble)(uint64_t n);
    uint64_t babbled;
    unsigned mute_after; /* replies until silence; 0 = none counted */
    /* interfaces */
    bkf_iface uart;
    bkf_links links;
    bkf_host host;
    bkf_op op;
    bkf_memory memory_ops;
    bkf_props props;
    const bkf_prop_spec *spec;
    const char *const *pairs;
};

static inline uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
uint64_t loader_random(struct loader *);
uint64_t loader_byte_ns(uint32_t baud);
void loader_boot(struct loader *);
void loader_step(struct loader *);                  /* everything that is due by now */
void loader_arrive(struct loader *, uint8_t value); /* one byte from the host */
#endif
