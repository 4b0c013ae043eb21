/* uart_ident.c - which loader, which chip, how much flash: asked of the device itself. */
#include "uart.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBE_LEN = 8192, AGREE_TRIES = 4, KEY_BYTES = 4 };

/* Bootloaders by the checksum of their first bytes: 256 on the L family, 257 on the ROM
 * (bk7231tools asks for 0..0x100 on both).  identity is what a profile may list. */
struct known_loader {
    uint32_t crc;
    enum uart_family family;
    const char *identity, *name;
};
static const struct known_loader loaders[] = {
    { 0xC1ECA871, UART_L, "BK7231S", "BK7231S 1.0.1" },
    { 0x4B31E44D, UART_L, "BK7231S", "BK7231S 1.0.3" },
    { 0xBA54C1B8, UART_L, "BK7231S", "BK7231S 1.0.5" },
    { 0xE5CBC953, UART_L, "BK7231S", "BK7231S 1.0.6" },
    { 0xF0231EF6, UART_L, "BK7231Q", "BK7231Q 6AFA" },
    { 0xFF5A3EAC, UART_L, "BK7231Q", "BK7231Q tysdk" },
    { 0x42C221EA, UART_L, "BK7231Q", "BK7231Q" },
    { 0x2739019F, UART_L, "BK7231U", "BK7231U 1.0.6" },
    { 0x8BCEC3B4, UART_L, "BK7251", "BK7251 1.0.15" },
    { 0x39F9B50C, UART_L, "BK7252", "BK7252 0.1.3" },
    { 0xE3A27C26, UART_L, "BK7252", "BK7252 SDK 20190828" },
    { 0xE14191BA, UART_ROM, "7231C", "BK7231N 1.0.1" },
    { 0x6BEB0924, UART_ROM, "7238", "BK7238 1.0.14" },
    { 0xF42F8C32, UART_ROM, "7238", "T1 2.0.0" },
    { 0x6C86CD3D, UART_ROM, "7252A", "BK7252N" },
    { 0x8E4E6CDB, UART_ROM, "7231C", "BK7231M" },
    { 0x698E014A, UART_ROM, "7231C", "BL2028N" },
};

/* Names of what was found, for people. */
static const struct {
    const char *identity, *name;
} names[] = {
    { "7231C", "BK7231N" },   { "7238", "BK7238" },     { "7252A", "BK7252N" },
    { "7236", "BK7236" },     { "7256", "BK7256" },     { "7259", "BK7259" },
    { "7231A", "BK7231T" },   { "7221A", "BK7252" },    { "BK7231S", "BK7231T" },
    { "BK7231Q", "BK7231Q" }, { "BK7231U", "BK7231U" }, { "BK7251", "BK7251 (BK7231U, BK7252)" },
    { "BK7252", "BK7252" },
};

static const char *name_of(const char *identity)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].identity, identity) == 0) {
            return names[i].name;
        }
    }
    return identity;
}

/* Is word one of the comma-separated words of list? */
static bool listed(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *p = list; *p;) {
        p += strspn(p, ", ");
        const size_t len = strcspn(p, ", ");
        if (len == n && strncmp(p, word, n) == 0) {
            return true;
        }
        p += len;
    }
    return false;
}

static bkf_status wrong_chip(const struct beken_uart *u, bkf_error *err, const char *found,
                             const char *evidence)
{
    return uart_error(err, BKF_E_MISMATCH,
                      "the profile is for %s, but the chip is a %s (%s); use a profile for %s",
                      u->cfg.name, found, evidence, found);
}

static bkf_status with_recovery(struct beken_uart *u, bkf_status st, uint8_t kind, unsigned tries,
                                bkf_error *err)
{
    if ((st == BKF_E_TIMEOUT || st == BKF_E_PROTOCOL) && tries) {
        st = uart_link_recover(u, kind, err);
    }
    return st;
}

/* A checksum, asked again if the exchange failed. */
static bkf_status safe_crc(struct beken_uart *u, uint32_t off, size_t len, uint32_t *crc,
                           bkf_error *err)
{
    bkf_status st = BKF_E_TIMEOUT;
    for (unsigned tries = AGREE_TRIES; tries--;) {
        st = uart_crc(u, off, len, crc, err);
        if (st == BKF_OK) {
            return st;
        }
        const bkf_status again = with_recovery(u, st, UART_CHECK_CRC, tries, err);
        if (again != BKF_OK) {
            return again;
        }
    }
    return st;
}

/* A wire has no checksum of its own: a value counts when it came twice. */
static bkf_status stable_reg(struct beken_uart *u, uint32_t addr, uint32_t *value, bkf_error *err)
{
    uint32_t last = 0;
    bool have = false;
    bkf_status st = BKF_E_PROTOCOL;
    for (unsigned tries = 2 * AGREE_TRIES; tries--;) {
        uint32_t v = 0;
        st = uart_rom_reg(u, addr, &v, err);
        if (st == BKF_OK && have && v == last) {
            *value = v;
            return BKF_OK;
        }
        have = st == BKF_OK;
        last = v;
        const bkf_status again = with_recovery(u, st, UART_READ_REG, tries, err);
        if (again != BKF_OK) {
            return again;
        }
    }
    return st != BKF_OK ? st
                        : uart_error(err, BKF_E_PROTOCOL,
                                     "register 0x%08X reads differently "
                                     "each time",
                                     (unsigned)addr);
}

static bkf_status stable_jedec(struct beken_uart *u, bkf_error *err)
{
    uint32_t last = 0;
    bool have = false;
    bkf_status st = BKF_E_PROTOCOL;
    for (unsigned tries = 2 * AGREE_TRIES; tries--;) {
        uint32_t v = 0;
        st = uart_rom_jedec(u, &v, err);
        if (st == BKF_OK && have && v == last) {
            u->id.jedec = v;
            return BKF_OK;
        }
        have = st == BKF_OK;
        last = v;
        const bkf_status again = with_recovery(u, st, UART_SPI, tries, err);
        if (again != BKF_OK) {
            return again;
        }
    }
    return st != BKF_OK ? st
                        : uart_error(err, BKF_E_PROTOCOL,
                                     "the flash id reads differently each "
                                     "time");
}

/* The L loader floors a checksum of one byte to no byte at all; the ROM takes it. */
static bkf_status ask_family(struct beken_uart *u, enum uart_family *family, bkf_error *err)
{
    uint32_t crc;
    const bkf_status st = safe_crc(u, UART_FLOOR_L, 1, &crc, err);
    if (st == BKF_OK) {
        *family = crc == 0 ? UART_L : UART_ROM;
    }
    return st;
}

static bkf_status find_family(struct beken_uart *u, bkf_error *err)
{
    enum uart_family first = UART_UNKNOWN, next = UART_UNKNOWN;
    bkf_status st = ask_family(u, &first, err);
    /* Anything but what the profile says must be seen three times in a row. */
    for (unsigned i = 0; st == BKF_OK && first != u->cfg.family && i < 2; i++) {
        st = ask_family(u, &next, err);
        if (next != first) {
            first = next;
            i = 0;
        }
    }
    if (st == BKF_OK) {
        u->id.family = first;
    }
    return st;
}

static void name_loader(struct beken_uart *u, char identity[24])
{
    identity[0] = '\0';
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++) {
        if (loaders[i].crc == u->id.boot_crc && loaders[i].family == u->id.family) {
            snprintf(u->id.text, sizeof u->id.text, "bootloader %s", loaders[i].name);
            snprintf(identity, 24, "%s", loaders[i].identity);
            return;
        }
    }
    snprintf(u->id.text, sizeof u->id.text, "bootloader not known (checksum %08X)",
             (unsigned)u->id.boot_crc);
}

/* -- ROM ---------------------------------------------------------------------------------- */

static bkf_status rom_chip(struct beken_uart *u, bkf_error *err)
{
    static const uint32_t regs[] = { 0x00800000, 0x44010004, 0x34010004 };
    for (size_t i = 0; i < 3; i++) {
        uint32_t v = 0;
        const bkf_status st = stable_reg(u, regs[i], &v, err);
        if (st != BKF_OK) {
            return st;
        }
        if (v != 0 && v != 0xFFFFFFFFu) {
            u->id.chip_id = v;
            return BKF_OK;
        }
    }
    return uart_error(err, BKF_E_PROTOCOL, "the chip's id register reads as empty");
}

static bkf_status stable_efuse(struct beken_uart *u, uint32_t i, uint8_t *v, bkf_error *err)
{
    uint8_t last = 0;
    bool have = false;
    bkf_status st = BKF_E_PROTOCOL;
    for (unsigned tries = 2 * AGREE_TRIES; tries--;) {
        st = uart_rom_efuse(u, i, v, err);
        if (st == BKF_OK && have && *v == last) {
            return BKF_OK;
        }
        have = st == BKF_OK;
        last = *v;
        const bkf_status again = with_recovery(u, st, UART_READ_REG, tries, err);
        if (again != BKF_OK) {
            return again;
        }
    }
    return st;
}

/* BK7231N and its sisters BK7231M and BL2028N share the chip id; only the flash key tells
 * them apart.  The first word is enough. */
static bkf_status rom_key(struct beken_uart *u, bkf_error *err)
{
    if (!u->cfg.key[0]) {
        return BKF_OK;
    }
    const uint32_t want = (uint32_t)strtoul((char[9]){ u->cfg.key[0], u->cfg.key[1], u->cfg.key[2],
                                                       u->cfg.key[3], u->cfg.key[4], u->cfg.key[5],
                                                       u->cfg.key[6], u->cfg.key[7], 0 },
                                            NULL, 16);
    uint8_t b[KEY_BYTES];
    for (uint32_t i = 0; i < KEY_BYTES; i++) {
        const bkf_status st = stable_efuse(u, i, &b[i], err);
        if (st != BKF_OK) {
            return st;
        }
    }
    const uint32_t got = uart_le32(b);
    if (got == want) {
        return BKF_OK;
    }
    if (!u->cfg.key_check) {
        uart_log(&u->io, BKF_LOG_WARN,
                 "the flash key is not the one the profile expects; an encrypted image made for "
                 "%s will not start on this chip",
                 u->cfg.name);
        return BKF_OK;
    }
    return uart_error(err, BKF_E_MISMATCH,
                      "the profile is for %s, but this chip's flash key %s: %s; choose that "
                      "profile, or say -O uart_key_check=no",
                      u->cfg.name, got == 0 ? "is zero" : "is another one",
                      got == 0 ? "a BK7231M, a BL2028N, or a chip whose key cannot be read"
                               : "a BK7231N, or one with a key of its maker");
}

static bkf_status rom_size(struct beken_uart *u, bkf_error *err)
{
    bkf_status st = stable_jedec(u, err);
    if (st != BKF_OK) {
        return st;
    }
    const uint32_t cap = u->id.jedec & 0xFF;
    const uint32_t size = cap >= 0x10 && cap <= 0x1A ? 1u << cap : 0;
    u->id.size = size ? size : u->cfg.size;
    u->id.size_evidence = size ? BKF_SIZE_JEDEC : 0;
    if (!u->id.size) {
        return uart_error(err, BKF_E_UNKNOWN_PART,
                          "flash id %06X does not say a size and the profile has none",
                          (unsigned)u->id.jedec);
    }
    if (u->id.size > 0x1000000u) {
        return BKF_OK; /* beyond 24 address bits nothing wraps */
    }
    uint32_t head = 0, wrap = 0;
    st = safe_crc(u, 0, UART_SECTOR, &head, err);
    if (st == BKF_OK) {
        st = safe_crc(u, u->id.size, UART_SECTOR, &wrap, err);
    }
    if (st == BKF_OK && head == wrap) {
        u->id.size_evidence |= BKF_SIZE_CRC;
    }
    return st;
}

static bkf_status identify_rom(struct beken_uart *u, char identity[24], bkf_error *err)
{
    bkf_status st = rom_chip(u, err);
    if (st == BKF_OK) {
        st = safe_crc(u, 0, 257, &u->id.boot_crc, err);
    }
    if (st != BKF_OK) {
        return st;
    }
    char loader[24];
    name_loader(u, loader);
    snprintf(identity, 24, "%X", (unsigned)u->id.chip_id);
    return BKF_OK;
}

/* -- L --------------------------------------------------------------------------------------- */

static bkf_status same_bytes(struct beken_uart *u, uint32_t head, uint32_t off, bool *same,
                             bkf_error *err)
{
    uint32_t crc = 0;
    const bkf_status st = safe_crc(u, off, PROBE_LEN, &crc, err);
    *same = crc == head;
    return st;
}

static bkf_status search_size(struct beken_uart *u, uint32_t *size, bkf_error *err)
{
    uint32_t head = 0;
    *size = 0;
    bkf_status st = safe_crc(u, 0, PROBE_LEN, &head, err);
    for (uint32_t at = 0x80000; st == BKF_OK && !*size && at <= 0x800000; at *= 2) {
        /* A size the profile says is tried before the smaller ones are ruled out. */
        if (u->cfg.size && at < u->cfg.size / 2) {
            continue;
        }
        bool same = false;
        st = same_bytes(u, head, at, &same, err);
        if (st == BKF_OK && same) {
            *size = at;
        }
    }
    return st;
}

/* Checksums have no address limit and the flash ignores address bits above its size: where
 * the loader's own code shows up again, the flash ends.  A damaged reply can hide the first
 * repetition, so the smallest of a few searches counts. */
static bkf_status l_size(struct beken_uart *u, bkf_error *err)
{
    uint32_t best = 0;
    for (unsigned tries = 0; tries < AGREE_TRIES; tries++) {
        uint32_t found = 0;
        const bkf_status st = search_size(u, &found, err);
        if (st != BKF_OK) {
            return st;
        }
        if (found && (!best || found < best)) {
            best = found;
        }
        if (best && (best == u->cfg.size || tries)) {
            u->id.size = best;
            u->id.size_evidence = BKF_SIZE_CRC;
            return BKF_OK;
        }
    }
    return uart_error(err, BKF_E_UNPROVEN,
                      "the flash size could not be found: the loader's code does not repeat at "
                      "any size up to 8M");
}

static bkf_status read_once(struct beken_uart *u, uint32_t addr, uint32_t *crc, bkf_error *err)
{
    bkf_status st = BKF_E_TIMEOUT;
    for (unsigned tries = AGREE_TRIES; tries--;) {
        st = uart_read_sector_ask(u, addr, err);
        if (st == BKF_OK) {
            st = uart_read_sector_take(u, addr, u->sector, err);
        }
        if (st == BKF_OK) {
            *crc = uart_zlib_crc(0, u->sector, UART_SECTOR);
            return st;
        }
        const bkf_status again = with_recovery(u, st, UART_READ_4K, tries, err);
        if (again != BKF_OK) {
            return again;
        }
    }
    return st;
}

/* Where no profile says the size, the data itself is the second witness: the loader's first
 * sector read from one flash size up, and something else half-way there. */
static bkf_status l_size_by_reading(struct beken_uart *u, bkf_error *err)
{
    uint32_t head = 0, wrapped = 0, half = 0;
    bkf_status st = safe_crc(u, 0, UART_SECTOR, &head, err);
    if (st == BKF_OK) {
        st = read_once(u, u->id.size, &wrapped, err);
    }
    if (st == BKF_OK) {
        st = read_once(u, u->id.size / 2, &half, err);
    }
    if (st == BKF_OK && wrapped == head && half != head) {
        u->id.size_evidence |= BKF_SIZE_WRAP;
    }
    return st;
}

static bkf_status identify_l(struct beken_uart *u, char identity[24], bkf_error *err)
{
    bkf_status st = safe_crc(u, 0, 256, &u->id.boot_crc, err);
    if (st != BKF_OK) {
        return st;
    }
    name_loader(u, identity);
    if (identity[0]) {
        return BKF_OK;
    }
    bkf_error local = BKF_ERROR_INIT;
    st = uart_l_boot_version(u, u->id.version, &local); /* only BK7231T answers */
    if (st != BKF_OK && st != BKF_E_TIMEOUT) {
        *err = local;
        return st;
    }
    u->unanswered = 0; /* silence is an answer here */
    if (u->id.version[0]) {
        snprintf(u->id.text, sizeof u->id.text, "bootloader %s", u->id.version);
        snprintf(identity, 24, "%.*s", (int)strcspn(u->id.version, "_"), u->id.version);
    }
    return BKF_OK;
}

/* -- together -------------------------------------------------------------------------- */

static bkf_status check_chip(struct beken_uart *u, const char *identity, bkf_error *err)
{
    snprintf(u->id.chip, sizeof u->id.chip, "%.23s", identity[0] ? name_of(identity) : "");
    if (u->id.family != u->cfg.family) {
        char evidence[80];
        snprintf(evidence, sizeof evidence, "%s answers%s%s",
                 u->id.family == UART_ROM ? "a mask ROM" : "a loader in flash",
                 identity[0] ? ", id " : "", identity);
        return wrong_chip(u, err,
                          identity[0] ? name_of(identity)
                                      : (u->id.family == UART_ROM ? "chip with a ROM loader"
                                                                  : "chip with a loader in flash"),
                          evidence);
    }
    if (!identity[0]) {
        uart_log(&u->io, BKF_LOG_WARN, "%s: taken for a %s because the profile says so", u->id.text,
                 u->cfg.name);
        return BKF_OK;
    }
    if (u->cfg.identity[0] && !listed(u->cfg.identity, identity)) {
        char evidence[128];
        snprintf(evidence, sizeof evidence, "%s %s",
                 u->id.family == UART_ROM ? "chip id" : "loader", identity);
        return wrong_chip(u, err, name_of(identity), evidence);
    }
    return BKF_OK;
}

bkf_status uart_identify(struct beken_uart *u, bkf_error *err)
{
    if (u->id.done) {
        return BKF_OK;
    }
    char identity[24] = "";
    bkf_status st = find_family(u, err);
    if (st != BKF_OK) {
        return st;
    }
    const bool rom = u->id.family == UART_ROM;
    st = rom ? identify_rom(u, identity, err) : identify_l(u, identity, err);
    if (st == BKF_OK) {
        st = check_chip(u, identity, err);
    }
    if (st == BKF_OK) {
        st = rom ? rom_size(u, err) : l_size(u, err);
    }
    if (st == BKF_OK && rom) {
        st = rom_key(u, err);
    }
    if (st == BKF_OK && !rom && u->cfg.size != u->id.size) {
        st = l_size_by_reading(u, err);
    }
    if (st == BKF_OK && !rom) {
        st = uart_l_arm(u, err);
    }
    u->id.done = st == BKF_OK;
    return st;
}

static bkf_status same_chip_once(struct beken_uart *u, bkf_error *err)
{
    if (u->id.family == UART_ROM) {
        /* The flash may have been erased meanwhile, the id cannot change. */
        uint32_t id = 0;
        const bkf_status st = uart_rom_reg(u, 0x00800000, &id, err);
        if (st == BKF_OK && id != u->id.chip_id && u->id.chip_id && id) {
            return uart_error(err, BKF_E_MISMATCH, "another chip answers: id %X, before %X",
                              (unsigned)id, (unsigned)u->id.chip_id);
        }
        return st;
    }
    uint32_t crc = 0;
    const bkf_status st = uart_crc(u, 0, UART_PAGE, &crc, err);
    if (st == BKF_OK && crc != u->id.boot_crc) {
        return uart_error(err, BKF_E_MISMATCH,
                          "another chip answers: loader checksum %08X, before %08X", (unsigned)crc,
                          (unsigned)u->id.boot_crc);
    }
    return st;
}

bkf_status uart_same_chip(struct beken_uart *u, bkf_error *err)
{
    bkf_status st = BKF_E_TIMEOUT;
    for (unsigned tries = 0; tries < AGREE_TRIES; tries++) {
        st = same_chip_once(u, err);
        if (st != BKF_E_TIMEOUT && st != BKF_E_PROTOCOL && st != BKF_E_MISMATCH) {
            break;
        }
        bkf_error local = BKF_ERROR_INIT;
        if (uart_link_confirm(u, &local) != BKF_OK) {
            break;
        }
    }
    return st;
}
