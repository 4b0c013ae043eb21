/* uart_ladder.c - the highest rate both ends hold, and what to do when it does not. */
#include "uart.h"
#include <string.h>

static const uint32_t rungs[] = { 2000000, 1500000, 1000000, 921600, 460800, 230400, 115200 };
enum { RUNGS = sizeof rungs / sizeof rungs[0], STRIKES_MAX = 3 };
/* Works with every adapter and loader known; higher ones are tried from there. */
enum { FIRST_STEP = 921600 };
/* The L loader has 512 bytes for what arrives while a page is programmed. */
enum { L_CAP = 1500000 };
enum { ROM_CAP = 2000000 };
static const char memory_key[] = "uart_baud";

uint32_t uart_ladder_cap(enum uart_family family, uint32_t route)
{
    const uint32_t loader = family == UART_L ? L_CAP : ROM_CAP;
    return route && (route < loader || family != UART_L) ? route : loader;
}

static void remember(struct beken_uart *u)
{
    if (u->memory && u->memory->set) {
        u->memory->set(u->memory, memory_key, u->ladder.home);
    }
}

static uint32_t remembered(const struct beken_uart *u)
{
    uint64_t v = 0;
    if (!u->memory || !u->memory->get || !u->memory->get(u->memory, memory_key, &v)) {
        return 0;
    }
    for (size_t i = 0; i < RUNGS; i++) {
        if (rungs[i] == v && v <= u->ladder.cap) {
            return rungs[i];
        }
    }
    return 0;
}

static bool soft(bkf_status st)
{
    return st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL || st == BKF_E_UNSUPPORTED ||
           st == BKF_E_MISMATCH;
}

/* One sector against its checksum. */
static bkf_status trial(struct beken_uart *u, bkf_error *err)
{
    bkf_status st = uart_read_sector_ask(u, UART_FLOOR_L, err);
    if (st == BKF_OK) {
        st = uart_read_sector_take(u, UART_FLOOR_L, u->sector, err);
    }
    uint32_t want = 0;
    if (st == BKF_OK) {
        st = uart_crc(u, UART_FLOOR_L, UART_SECTOR, &want, err);
    }
    if (st == BKF_OK && uart_zlib_crc(0, u->sector, UART_SECTOR) != want) {
        st = uart_error(err, BKF_E_MISMATCH, "a sector read at %u baud differs from its checksum",
                        (unsigned)u->io.baud);
    }
    return st;
}

static bkf_status try_rate(struct beken_uart *u, uint32_t rate, bool *holds, bkf_error *err)
{
    bkf_error local = BKF_ERROR_INIT;
    *holds = false;
    const uint32_t before = u->io.baud;
    bkf_status st = uart_link_baud(u, rate, &local);
    if (st == BKF_OK) {
        st = trial(u, &local);
        if (st == BKF_OK) {
            *holds = true;
            return BKF_OK;
        }
        if (soft(st)) {
            uart_log(&u->io, BKF_LOG_INFO, "%u baud does not hold: %s", (unsigned)rate,
                     local.message);
            st = uart_link_recover(u, UART_READ_4K, &local);
            if (st == BKF_OK && u->io.baud == rate) {
                st = uart_link_baud(u, before, &local);
            }
        }
    }
    if (st != BKF_OK && !soft(st) && err) {
        *err = local;
    }
    return soft(st) ? BKF_OK : st;
}

static bkf_status first_rung(struct beken_uart *u, uint32_t want, bkf_error *err)
{
    for (size_t i = 0; i < RUNGS; i++) {
        if (rungs[i] > want) {
            continue;
        }
        if (rungs[i] <= u->cfg.start_baud) {
            break;
        }
        bool holds;
        const bkf_status st = try_rate(u, rungs[i], &holds, err);
        if (st != BKF_OK || holds) {
            return st;
        }
    }
    return BKF_OK;
}

/* From a rate that holds, look for a better one, the best first. */
static bkf_status higher_rungs(struct beken_uart *u, bkf_error *err)
{
    const uint32_t base = u->io.baud;
    for (size_t i = 0; i < RUNGS && rungs[i] > base; i++) {
        if (rungs[i] > u->ladder.cap) {
            continue;
        }
        bool holds;
        bkf_status st = try_rate(u, rungs[i], &holds, err);
        if (st != BKF_OK || holds) {
            return st;
        }
        if (u->io.baud != base) {
            st = uart_link_baud(u, base, err);
            if (st != BKF_OK) {
                return soft(st) ? BKF_OK : st;
            }
        }
    }
    return BKF_OK;
}

bkf_status uart_ladder_climb(struct beken_uart *u, bkf_error *err)
{
    struct uart_ladder *l = &u->ladder;
    bkf_status st;
    if (!u->cfg.adaptive) {
        st = uart_link_baud(u, l->cap, err);
        l->home = u->io.baud;
        return st;
    }
    const uint32_t known = remembered(u);
    st = first_rung(u, known ? known : (l->cap < FIRST_STEP ? l->cap : FIRST_STEP), err);
    if (st == BKF_OK && !known && u->io.baud == FIRST_STEP) {
        st = higher_rungs(u, err);
    }
    l->home = u->io.baud;
    if (st == BKF_OK && l->home != known) {
        remember(u);
    }
    return st;
}

bool uart_ladder_down(struct beken_uart *u, bkf_error *err)
{
    if (!u->cfg.adaptive) {
        return false;
    }
    for (size_t i = 0; i < RUNGS; i++) {
        if (rungs[i] < u->io.baud) {
            uart_log(&u->io, BKF_LOG_INFO, "errors at %u baud: this piece at %u",
                     (unsigned)u->io.baud, (unsigned)rungs[i]);
            return uart_link_baud(u, rungs[i], err) == BKF_OK;
        }
    }
    return false;
}

bkf_status uart_ladder_home(struct beken_uart *u, bkf_error *err)
{
    struct uart_ladder *l = &u->ladder;
    if (u->io.baud >= l->home) {
        return BKF_OK;
    }
    if (++l->strikes >= STRIKES_MAX) {
        uint32_t next = l->home;
        for (size_t i = RUNGS; i--;) {
            if (rungs[i] < l->home) {
                next = rungs[i];
            }
        }
        l->home = next;
        l->strikes = 0;
        remember(u);
        uart_log(&u->io, BKF_LOG_WARN, "staying at %u baud", (unsigned)l->home);
    }
    bkf_error local = BKF_ERROR_INIT;
    const bkf_status st = uart_link_baud(u, l->home, &local);
    if (soft(st)) {
        l->home = u->io.baud;
        return BKF_OK;
    }
    if (st != BKF_OK && err) {
        *err = local;
    }
    return st;
}
