/* spi.c - bkflash.spi/1 over serprog.  A frame that writes and then reads is one operation,
 * as every serprog device can do it.  Anything else (full duplex, chip select held over
 * more than that) needs the newer commands 17 and 18. */
#include "serprog.h"
#include <stdlib.h>
#include <string.h>

enum { PIECE = 4096 };

static bkf_status spi_bind(void *self, const bkf_pin *pins, size_t n, bkf_error *err)
{
    static const struct {
        const char *signal;
        int line;
    } wires[] = {
        { "sck", LINE_SCK }, { "mosi", LINE_MOSI }, { "miso", LINE_MISO }, { "cs0", LINE_CS }
    };
    bkf_adapter *a = self;
    for (size_t i = 0; i < n; i++) {
        bool ok = false;
        for (size_t k = 0; k < 4; k++)
            ok |= strcmp(pins[i].signal, wires[k].signal) == 0 &&
                  strcmp(pins[i].line, serprog_lines[wires[k].line].name) == 0;
        if (!ok)
            return serprog_fail(err, BKF_E_PARAM, 0, "serprog: %s cannot be on line %s",
                                pins[i].signal, pins[i].line);
    }
    a->bound = true;
    return BKF_OK;
}

static bkf_status spi_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got, bkf_error *err)
{
    bkf_adapter *a = self;
    if (mode != 0)
        return serprog_fail(err, mode > 3 ? BKF_E_PARAM : BKF_E_UNSUPPORTED, 0,
                            "serprog: the protocol has SPI mode 0 only, not %u", mode);
    bkf_status st = protocol_frequency(a, want ? want : a->clock_hz, got, err);
    if (st == BKF_OK && want && *got > want)
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0, "serprog: the slowest clock of %s is %u Hz",
                            a->name, *got);
    return st;
}

/* Full duplex in pieces; chip select is kept by the caller. */
static bkf_status duplex_xfer(bkf_adapter *a, const bkf_spi_step *s, bkf_error *err)
{
    static const uint8_t zeros[PIECE] = { 0 };
    uint8_t dump[PIECE];
    size_t max = a->max_write < a->max_read ? a->max_write : a->max_read;
    if (max > PIECE)
        max = PIECE;
    for (size_t at = 0; at < s->len;) {
        size_t n = s->len - at < max ? s->len - at : max;
        bkf_status st =
            protocol_spi(a, s->tx ? s->tx + at : zeros, n, s->rx ? s->rx + at : dump, n, err);
        if (st != BKF_OK)
            return st;
        at += n;
    }
    return BKF_OK;
}

static bool plain(const bkf_spi_step *s) /* writes, or reads, but not both */
{
    return !s->rx || !s->tx;
}

/* write, or read, or write then read, within the lengths: how many steps, 0 = no. */
static size_t simple_frame(const bkf_adapter *a, const bkf_spi_step *s, size_t n)
{
    if (a->kept || !plain(&s[0]) || s[0].len == 0)
        return 0;
    bool writes = !s[0].rx;
    if (s[0].len > (writes ? a->max_write : a->max_read))
        return 0;
    if (!(s[0].flags & BKF_SPI_HOLD_CS))
        return writes && !s[0].tx ? 0 : 1;
    if (n < 2 || !writes || !s[0].tx || s[1].kind != BKF_STEP_XFER || s[1].tx || !s[1].rx ||
        s[1].len > a->max_read || (s[1].flags & BKF_SPI_HOLD_CS))
        return 0;
    return 2;
}

static bkf_status run_simple(bkf_adapter *a, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    bkf_status st = protocol_duplex(a, false, err);
    if (st != BKF_OK)
        return st;
    if (n == 2)
        return protocol_spi(a, s[0].tx, s[0].len, s[1].rx, s[1].len, err);
    return s[0].rx ? protocol_spi(a, NULL, 0, s[0].rx, s[0].len, err)
                   : protocol_spi(a, s[0].tx, s[0].len, NULL, 0, err);
}

static bkf_status run_general(bkf_adapter *a, const bkf_spi_step *s, bkf_error *err)
{
    if (!protocol_can_duplex(a) || !protocol_can_keep(a))
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0,
                            "serprog: the firmware of %s lacks full duplex or held chip select "
                            "(commands 17 and 18); update it",
                            a->name);
    bkf_status st = protocol_duplex(a, true, err);
    if (st == BKF_OK)
        st = protocol_keep_select(a, true, err);
    if (st == BKF_OK)
        st = duplex_xfer(a, s, err);
    if (!(s->flags & BKF_SPI_HOLD_CS)) {
        bkf_error other = BKF_ERROR_INIT;
        bkf_status end = protocol_keep_select(a, false, st == BKF_OK ? err : &other);
        st = st == BKF_OK ? end : st;
    }
    return st;
}

static bkf_status spi_run(void *self, const bkf_spi_step *steps, size_t n, bkf_error *err)
{
    bkf_adapter *a = self;
    if (!a->bound)
        return serprog_fail(err, BKF_E_PARAM, 0, "serprog: run was called before bind");
    for (size_t i = 0; i < n; i++)
        if (steps[i].kind != BKF_STEP_XFER)
            return serprog_fail(err, BKF_E_UNSUPPORTED, 0, "serprog: step kind %u is not in caps()",
                                steps[i].kind);
    for (size_t i = 0; i < n;) {
        size_t used = simple_frame(a, &steps[i], n - i);
        bkf_status st = used ? run_simple(a, &steps[i], used, err) : run_general(a, &steps[i], err);
        if (st != BKF_OK)
            return st;
        i += used ? used : 1;
    }
    return BKF_OK;
}

static size_t spi_max_len(void *self)
{
    const bkf_adapter *a = self;
    return a->max_write < a->max_read ? a->max_write : a->max_read;
}

static uint32_t spi_caps(void *self)
{
    (void)self;
    return 0; /* lines are driven by the computer, not by the programmer */
}

const bkf_spi_ops serprog_spi = {
    .struct_size = sizeof serprog_spi,
    .bind = spi_bind,
    .setup = spi_setup,
    .run = spi_run,
    .max_len = spi_max_len,
    .caps = spi_caps,
};
