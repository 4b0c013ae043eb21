/* uart_read.c - reading a range: sector requests back to back, damaged replies asked again. */
#include "uart.h"
#include <string.h>

enum {
    ATTEMPTS = 10,    /* for one sector */
    SLOWER_AFTER = 2, /* failures at one rate */
    L_AHEAD = 2       /* the L loader queues the next request while it answers */
};

struct job {
    uint32_t off;
    uint8_t *out;
    size_t len, sectors, taken;
    unsigned failures; /* of the sector that is next */
};

static bool link_trouble(bkf_status st)
{
    return st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL;
}

/* Below the floor the L loader refuses; the same byte answers at off + alias, because the
 * flash (or the loader's driver) drops the bits above. */
static uint32_t wire_address(const struct beken_uart *u, uint32_t off)
{
    return u->id.family == UART_L && off < UART_FLOOR_L ? off + u->alias : off;
}

/* The last sector of the flash may be asked for from further back, so that no request
 * runs over the end. */
static uint32_t sector_start(const struct beken_uart *u, const struct job *j, size_t i)
{
    const uint32_t at = j->off + (uint32_t)(i * UART_SECTOR);
    return at + UART_SECTOR > u->id.size ? u->id.size - UART_SECTOR : at;
}

static bkf_status take_sector(struct beken_uart *u, const struct job *j, bkf_error *err)
{
    const size_t at = j->taken * UART_SECTOR;
    const size_t len = j->len - at < UART_SECTOR ? j->len - at : UART_SECTOR;
    const uint32_t start = sector_start(u, j, j->taken);
    const size_t skip = j->off + at - start;
    if (len == UART_SECTOR && !skip) {
        return uart_read_sector_take(u, wire_address(u, start), j->out + at, err);
    }
    const bkf_status st = uart_read_sector_take(u, wire_address(u, start), u->sector, err);
    if (st == BKF_OK) {
        memcpy(j->out + at, u->sector + skip, len);
    }
    return st;
}

/* As far as it goes without trouble. */
static bkf_status run(struct beken_uart *u, struct job *j, bkf_error *err)
{
    const size_t ahead = u->id.family == UART_L ? L_AHEAD : 1;
    size_t asked = j->taken;
    bkf_status st = BKF_OK;
    while (st == BKF_OK && j->taken < j->sectors) {
        if (uart_stopped(&u->io)) {
            if (asked > j->taken) {
                uart_drain(&u->io, 30000, uart_wire_us(&u->io, 2 * UART_REPLY_MAX) + 500000, NULL,
                           err);
                u->pending = false;
            }
            return uart_error(err, BKF_E_CANCELLED, "cancelled while reading at 0x%06X",
                              (unsigned)(j->off + j->taken * UART_SECTOR));
        }
        while (st == BKF_OK && asked < j->sectors && asked - j->taken < ahead) {
            st = uart_read_sector_ask(u, wire_address(u, sector_start(u, j, asked)), err);
            asked++;
        }
        if (st == BKF_OK) {
            st = take_sector(u, j, err);
        }
        if (st == BKF_OK) {
            j->taken++;
            j->failures = 0;
            if (u->io.op->progress) {
                const size_t done = j->taken * UART_SECTOR;
                u->io.op->progress(u->io.op, done < j->len ? done : j->len, j->len);
            }
        }
    }
    return st;
}

static bkf_status read_retry(struct beken_uart *u, struct job *j, bkf_error *err)
{
    for (;;) {
        bkf_error local = BKF_ERROR_INIT;
        bkf_status st = run(u, j, &local);
        if (!link_trouble(st)) {
            if (st != BKF_OK && err) {
                *err = local;
            }
            return st;
        }
        if (++j->failures >= ATTEMPTS) {
            return uart_error(err, BKF_E_IO, "reading 0x%06X failed %u times; the last time: %s",
                              (unsigned)(j->off + j->taken * UART_SECTOR), j->failures,
                              local.message);
        }
        st = uart_link_recover(u, UART_READ_4K, err);
        if (st == BKF_OK && j->failures % SLOWER_AFTER == 0) {
            uart_ladder_down(u, &local);
        }
        if (st != BKF_OK) {
            return st;
        }
    }
}

/* Sector 0 through the alias against its checksum.  The same wrong bytes twice are not noise:
 * the alias leads elsewhere. */
static bkf_status try_alias(struct beken_uart *u, bool *proven, bkf_error *err)
{
    uint32_t last = 0;
    bool have = false;
    for (unsigned tries = 0; tries < ATTEMPTS; tries++) {
        uint8_t head[UART_SECTOR];
        struct job j = { .off = 0, .out = head, .len = UART_SECTOR, .sectors = 1 };
        bkf_status st = read_retry(u, &j, err);
        if (st == BKF_E_PROTECTED) {
            return BKF_OK; /* the loader refuses this address too */
        }
        uint32_t crc = 0;
        if (st == BKF_OK) {
            st = uart_crc(u, 0, UART_SECTOR, &crc, err);
        }
        if (link_trouble(st)) {
            st = uart_link_recover(u, UART_CHECK_CRC, err);
            if (st == BKF_OK) {
                continue;
            }
        }
        if (st != BKF_OK) {
            return st;
        }
        const uint32_t got = uart_zlib_crc(0, head, UART_SECTOR);
        *proven = got == crc;
        if (*proven || (have && got == last)) {
            return BKF_OK;
        }
        last = got;
        have = true;
    }
    return BKF_OK;
}

/* Which address alias reaches the loader's area is tried, never believed: sector 0 read
 * through it must have the checksum that the device computes over the true range. */
static bkf_status prove_alias(struct beken_uart *u, bkf_error *err)
{
    const uint32_t candidates[] = {
        u->id.size <= 0x400000 && 0x400000 % u->id.size == 0 ? 0x400000u : u->id.size,
        0x01000000u,
        u->id.size,
    };
    for (size_t i = 0; i < 3; i++) {
        bool proven = false;
        u->alias = candidates[i];
        const bkf_status st = try_alias(u, &proven, err);
        if (st != BKF_OK) {
            u->alias = 0;
            return st;
        }
        if (proven) {
            return BKF_OK;
        }
    }
    u->alias = 0;
    u->alias_failed = true;
    return BKF_OK;
}

static bkf_status need_alias(struct beken_uart *u, uint32_t off, bkf_error *err)
{
    if (u->id.family != UART_L || off >= UART_FLOOR_L) {
        return BKF_OK;
    }
    if (!u->cfg.read_alias) {
        return uart_error(err, BKF_E_PROTECTED,
                          "the loader refuses reads below 0x11000 and opt.read_alias is off; use "
                          "the SPI route");
    }
    if (!u->alias && !u->alias_failed) {
        const bkf_status st = prove_alias(u, err);
        if (st != BKF_OK) {
            return st;
        }
    }
    if (!u->alias) {
        return uart_error(err, BKF_E_PROTECTED,
                          "the loader's own area could not be read through any address alias; "
                          "use the SPI route");
    }
    return BKF_OK;
}

/* The host asks for the same bytes again when they did not match their checksum. */
static void slower_when_doubted(struct beken_uart *u, uint32_t off, size_t len)
{
    bool doubted = false;
    for (size_t s = off / UART_SECTOR; s <= (off + len - 1) / UART_SECTOR; s++) {
        if (s < UART_SECTORS_MAX) {
            doubted = doubted || u->reads[s] >= 2;
            u->reads[s] = (uint8_t)(u->reads[s] + (u->reads[s] < 255));
        }
    }
    if (doubted) {
        bkf_error local = BKF_ERROR_INIT;
        uart_ladder_down(u, &local);
    }
}

bkf_status uart_read_range(struct beken_uart *u, uint32_t off, uint8_t *out, size_t len,
                           bkf_error *err)
{
    if (!len) {
        return BKF_OK;
    }
    if ((uint64_t)off + len > u->id.size) {
        return uart_error(err, BKF_E_PARAM, "0x%06X + %zu is past the end of the flash",
                          (unsigned)off, len);
    }
    bkf_status st = need_alias(u, off, err);
    if (st != BKF_OK) {
        return st;
    }
    slower_when_doubted(u, off, len);
    struct job j = {
        .off = off, .out = out, .len = len, .sectors = (len + UART_SECTOR - 1) / UART_SECTOR
    };
    st = read_retry(u, &j, err);
    if (st == BKF_OK) {
        st = uart_ladder_home(u, err);
    }
    return st;
}
