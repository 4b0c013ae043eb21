/* command.c - a list of SPI steps as one buffer of MPSSE commands. */
#include "ft232h.h"
#include <string.h>

enum { ZEROS = 512 };

static void put_command(bkf_adapter *a, uint8_t op, size_t n)
{
    const uint8_t head[3] = { op, (uint8_t)(n - 1), (uint8_t)((n - 1) >> 8) };
    put(&a->cmd, head, 3);
}

static void put_zeros(bkf_adapter *a, size_t n)
{
    static const uint8_t zeros[ZEROS];
    for (size_t k; n; n -= k) {
        k = n < ZEROS ? n : ZEROS;
        put(&a->cmd, zeros, k);
    }
}

/* Data commands of a transfer, at most 64 KiB each.  A transfer that only reads sends
 * nothing: MOSI stays as it is. */
static void data(struct commands *c, const bkf_spi_step *s)
{
    for (size_t at = 0, k; at < s->len; at += k) {
        k = s->len - at < MPSSE_MAX ? s->len - at : MPSSE_MAX;
        if (s->rx && !s->tx) {
            put_command(c->a, MPSSE_READ, k);
            continue;
        }
        put_command(c->a, s->rx ? MPSSE_DUPLEX : MPSSE_WRITE, k);
        if (s->tx)
            put(&c->a->cmd, s->tx + at, k);
        else
            put_zeros(c->a, k);
    }
    if (s->rx)
        c->answers += s->len;
    c->us += (uint64_t)s->len * 8000000 / c->a->hz + 1;
}

/* Clocks with chip select high harm nobody and take a known time. */
static void delay(struct commands *c, uint32_t us)
{
    uint64_t bytes = ((uint64_t)us * c->a->hz + 7999999) / 8000000;
    c->us += us;
    while (bytes) {
        size_t k = bytes < MPSSE_MAX ? (size_t)bytes : MPSSE_MAX;
        put_command(c->a, MPSSE_CLOCKS, k);
        bytes -= k;
    }
}

size_t commands_build(struct commands *c, bkf_adapter *a, const bkf_spi_step *step, size_t n)
{
    size_t i = 0;
    *c = (struct commands){ .a = a, .step = step, .n = n };
    a->cmd.n = 0;
    for (; i < n; i++) {
        const bkf_spi_step *s = &step[i];
        if (s->kind == BKF_STEP_LINE) {
            (void)ft_line_step(a, s->line, s->value); /* checked before */
            put_port(a, &a->cmd, s->line / 8);
        } else if (s->kind == BKF_STEP_DELAY) {
            if (a->cs_low)
                break; /* no clocks into a frame: the host waits */
            delay(c, s->value);
        } else {
            if (!a->cs_low)
                put_select(a, &a->cmd);
            data(c, s);
            if (!(s->flags & BKF_SPI_HOLD_CS))
                put_release(a, &a->cmd);
        }
    }
    if (c->answers)
        put(&a->cmd, (const uint8_t[]){ MPSSE_SEND_NOW }, 1);
    c->n = i;
    return i;
}

void commands_answer(struct commands *c, const uint8_t *d, size_t n)
{
    while (n && c->r_at < c->n) {
        const bkf_spi_step *s = &c->step[c->r_at];
        size_t left = s->kind == BKF_STEP_XFER && s->rx ? s->len - c->r_off : 0;
        size_t k = left < n ? left : n;
        if (k)
            memcpy(s->rx + c->r_off, d, k);
        c->r_off += k;
        d += k;
        n -= k;
        if (k == left) {
            c->r_at++;
            c->r_off = 0;
        }
    }
}
