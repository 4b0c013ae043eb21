/* packet.c - SPI steps as CH341A packets.  Each 32-byte OUT packet is a command of its own:
 * AB (pin changes, may be padded with zeros) or A8 (data, must not be padded, so a short one
 * ends its USB transfer).  Every A8 is answered by as many bytes as it carried, LSB first
 * both ways.  Sources: flashrom ch341a_spi.c, the vendor's ch34x_pis and spi-ch341. */
#include "ch341a.h"
#include <string.h>

static uint8_t reversed(uint8_t b)
{
    b = (uint8_t)((b & 0xF0) >> 4 | (b & 0x0F) << 4);
    b = (uint8_t)((b & 0xCC) >> 2 | (b & 0x33) << 2);
    return (uint8_t)((b & 0xAA) >> 1 | (b & 0x55) << 1);
}

void packets_init(struct packets *p, bkf_adapter *a, const bkf_spi_step *step, size_t n)
{
    memset(p, 0, sizeof *p);
    p->a = a;
    p->step = step;
    p->n = n;
    p->cs_low = a->cs_low;
}

/* -- pin changes ------------------------------------------------------------------------- */
static void sub(struct packets *p, uint8_t command)
{
    p->sub[(p->sub_first + p->sub_n++) % sizeof p->sub] = command;
}

/* Clocked by hand in mode 0, the clock is still high after the last bit. */
static void end_clock(struct packets *p)
{
    if (p->a->clock.by_hand && p->a->clock.mode == 0)
        sub(p, ch_out(p->a, true, 0, 1));
}

static void select_chip(struct packets *p, const bkf_spi_step *s)
{
    if (p->release)
        end_clock(p);
    if (p->release || s->len)
        sub(p, ch_idle(p->a)); /* ends the frame before, if there was one */
    p->cs_low = true;
    p->release = false;
    sub(p, ch_out(p->a, true, p->a->clock.mode == 3, 1));
}

static void release_chip(struct packets *p)
{
    end_clock(p);
    p->cs_low = p->release = false;
    sub(p, ch_idle(p->a));
}

static void next_step(struct packets *p)
{
    const bkf_spi_step *s = &p->step[p->at++];
    p->off = 0;
    if (s->kind == BKF_STEP_XFER && !(s->flags & BKF_SPI_HOLD_CS))
        p->release = true;
}

static void line_step(struct packets *p, const bkf_spi_step *s)
{
    bool dir = false;
    (void)ch_line_step(p->a, s->line, s->value, &dir); /* checked before the list began */
    sub(p, ch_out(p->a, p->cs_low, p->a->clock.mode == 3, 1));
    if (dir)
        sub(p, ch_dir(p->a));
}

/* One bit: the level while the clock is low, then the edge at which both sides sample. */
static void bit_by_hand(struct packets *p, const bkf_spi_step *s)
{
    const bkf_adapter *a = p->a;
    unsigned bit = s->tx ? (unsigned)s->tx[p->off / 8] >> (7 - p->off % 8) & 1u : 0;
    uint8_t wait = (uint8_t)(UIO_US | a->clock.half_us);
    sub(p, ch_out(a, true, 0, bit));
    if (a->clock.half_us)
        sub(p, wait);
    sub(p, ch_out(a, true, 1, bit));
    if (s->rx)
        sub(p, UIO_IN);
    if (a->clock.half_us)
        sub(p, wait);
    if (++p->off == s->len * 8)
        next_step(p);
}

/* Puts sub-commands in the queue; false = none before the next A8, or the end. */
static bool more_subs(struct packets *p)
{
    while (!p->sub_n) {
        const bkf_spi_step *s = p->at < p->n ? &p->step[p->at] : NULL;
        if (p->delay_us) {
            unsigned us = p->delay_us < 63 ? p->delay_us : 63;
            sub(p, (uint8_t)(UIO_US | us));
            p->delay_us -= us;
        } else if (s && s->kind == BKF_STEP_XFER) {
            if (!p->cs_low || p->release)
                select_chip(p, s);
            else if (!s->len)
                next_step(p);
            else if (p->a->clock.by_hand)
                bit_by_hand(p, s);
            else
                return false;
        } else if (p->release) {
            release_chip(p);
        } else if (!s) {
            return false;
        } else {
            if (s->kind == BKF_STEP_LINE)
                line_step(p, s);
            else
                p->delay_us = s->value;
            next_step(p);
        }
    }
    return true;
}

static size_t uio_packet(struct packets *p, uint8_t *out, uint8_t *answers)
{
    size_t n = 1;
    out[0] = CMD_UIO;
    *answers = 0;
    while (n <= UIO_MAX && more_subs(p)) {
        out[n] = p->sub[p->sub_first];
        *answers = (uint8_t)(*answers + (out[n] == UIO_IN));
        n++;
        p->sub_first = (p->sub_first + 1) % sizeof p->sub;
        p->sub_n--;
    }
    out[n++] = UIO_END;
    if (p->at == p->n && !p->release && !p->sub_n && !p->delay_us)
        return n; /* nothing follows: no need to pad */
    memset(out + n, 0, CH_PACKET - n);
    return CH_PACKET;
}

/* -- data ------------------------------------------------------------------------------- */
static size_t data_packet(struct packets *p, uint8_t *out)
{
    size_t n = 0;
    out[0] = CMD_SPI;
    while (n < CH_DATA && p->at < p->n && !p->release) {
        const bkf_spi_step *s = &p->step[p->at];
        if (s->kind != BKF_STEP_XFER)
            break;
        size_t k = s->len - p->off, room = CH_DATA - n;
        if (k > room)
            k = room;
        for (size_t i = 0; i < k; i++)
            out[1 + n + i] = s->tx ? reversed(s->tx[p->off + i]) : 0;
        n += k;
        p->off += k;
        if (p->off == s->len)
            next_step(p);
    }
    p->empty_packet = p->a->empty_after_full && n == CH_DATA;
    return 1 + n;
}

/* One packet of at most 32 bytes; 0 = done. */
static size_t packet(struct packets *p, uint8_t *out, uint8_t *answer)
{
    *answer = 0;
    if (p->empty_packet) {
        p->empty_packet = false;
        memset(out, 0, CH_PACKET);
        return CH_PACKET;
    }
    if (p->sub_n || more_subs(p))
        return uio_packet(p, out, answer);
    if (p->at == p->n)
        return 0;
    size_t n = data_packet(p, out);
    *answer = (uint8_t)(n - 1);
    return n;
}

size_t packets_fill(struct packets *p, uint8_t *buf, size_t cap, uint8_t *expect, size_t expect_cap,
                    size_t *n_expect)
{
    size_t n = 0;
    *n_expect = 0;
    while (n + CH_PACKET <= cap && *n_expect < expect_cap) {
        uint8_t answer;
        size_t len = packet(p, buf + n, &answer);
        n += len;
        if (answer)
            expect[(*n_expect)++] = answer;
        if (len < CH_PACKET)
            break;
    }
    return n;
}

/* -- answers ---------------------------------------------------------------------------- */
static const bkf_spi_step *answered_step(struct packets *p, size_t unit)
{
    while (p->r_at < p->n) {
        const bkf_spi_step *s = &p->step[p->r_at];
        bool wanted = s->kind == BKF_STEP_XFER && (s->rx || !p->a->clock.by_hand);
        if (wanted && p->r_off < s->len * unit)
            return s;
        p->r_at++;
        p->r_off = 0;
    }
    return NULL;
}

static void answer_bits(struct packets *p, const uint8_t *d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bkf_spi_step *s = answered_step(p, 8);
        if (!s)
            return;
        uint8_t *to = &s->rx[p->r_off / 8];
        *to = (uint8_t)(*to << 1 | (d[i] >> BIT_MISO & 1));
        p->r_off++;
    }
}

void packets_answer(struct packets *p, const uint8_t *d, size_t n)
{
    if (p->a->clock.by_hand) {
        answer_bits(p, d, n);
        return;
    }
    while (n) {
        const bkf_spi_step *s = answered_step(p, 1);
        if (!s)
            return;
        size_t k = s->len - p->r_off;
        if (k > n)
            k = n;
        for (size_t i = 0; s->rx && i < k; i++)
            s->rx[p->r_off + i] = reversed(d[i]);
        p->r_off += k;
        d += k;
        n -= k;
    }
}
