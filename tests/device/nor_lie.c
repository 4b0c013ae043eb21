/* nor_lie.c - dies that do not do as they say. */
#include "nor_priv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nor_lie_reset(struct nor_die *d)
{
    double p = d->cfg.lie.flip_per_bit;
    if (p <= 0) {
        d->flip_in = UINT64_MAX;
        return;
    }
    /* Distance to the next wrong bit is geometric. */
    double u = 1 - rng_unit(&d->rng);
    double gap = p >= 1 ? 0 : log(u) / log1p(-p);
    d->flip_in = gap > 1e18 ? UINT64_MAX : (uint64_t)gap;
}

uint8_t nor_lie_read(struct nor_die *d, uint8_t byte)
{
    unsigned bit = 0; /* bits of this byte already passed */
    while (d->flip_in != UINT64_MAX && d->flip_in < 8 - bit) {
        bit += (unsigned)d->flip_in;
        byte ^= (uint8_t)(0x80u >> bit);
        bit++;
        nor_lie_reset(d);
        if (bit == 8) {
            return byte;
        }
    }
    if (d->flip_in != UINT64_MAX) {
        d->flip_in -= 8 - bit;
    }
    return byte;
}

static bool number(const char *s, uint64_t *out)
{
    char *end;
    if (*s < '0' || *s > '9') {
        return false;
    }
    *out = strtoull(s, &end, 0);
    return *end == 0;
}

/* One "name" or "name:a" or "name:a:b". */
static bool parse_one(const char *name, const char *a, const char *b, struct nor_lie *lie)
{
    uint64_t x = 0, y = 0;
    bool has_a = number(a, &x), has_b = number(b, &y);
    if (!strcmp(name, "flip")) {
        char *end;
        lie->flip_per_bit = strtod(a, &end);
        return *a && !*end && lie->flip_per_bit >= 0 && lie->flip_per_bit <= 1;
    }
    if (!strcmp(name, "stuckbit") && has_a && has_b && y < 8) {
        lie->stuck_addr = (uint32_t)x;
        lie->stuck_bits = (uint8_t)(1u << y);
        return true;
    }
    if (!strcmp(name, "noerase")) {
        lie->no_erase_any = !strcmp(a, "all");
        lie->no_erase = has_a;
        lie->no_erase_addr = (uint32_t)x;
        lie->no_erase_times = (uint32_t)y;
        return (lie->no_erase || lie->no_erase_any) && (!*b || has_b);
    }
    if (!strcmp(name, "wip") && has_a && x && !*b) {
        lie->wip_stuck_after = (uint32_t)x;
        return true;
    }
    if (!strcmp(name, "sr") && !*a) {
        lie->sr_stuck = true;
        return true;
    }
    if (!strcmp(name, "noprogram") && !*b) {
        lie->program_nothing = !*a;
        lie->drop_program = (uint32_t)x;
        return !*a || (has_a && x);
    }
    if (!strcmp(name, "cut") && has_a && x && !*b) {
        lie->power_cut_after = (uint32_t)x;
        return true;
    }
    return false;
}

bool nor_lie_parse(const char *spec, struct nor_lie *lie, char err[256])
{
    while (*spec) {
        char word[64];
        size_t len = strcspn(spec, ",");
        (void)snprintf(word, sizeof word, "%.*s", (int)(len > 60 ? 60 : len), spec);
        char *a = strchr(word, ':'), *b = NULL;
        if (a) {
            *a++ = 0;
            b = strchr(a, ':');
        }
        if (b) {
            *b++ = 0;
        }
        if (!parse_one(word, a ? a : "", b ? b : "", lie)) {
            (void)snprintf(err, 256,
                           "lie '%.*s': use flip:P, stuckbit:ADDR:BIT, noerase:ADDR[:TIMES], "
                           "noerase:all, wip:N, sr, noprogram[:N], cut:N",
                           (int)len, spec);
            return false;
        }
        spec += len + (spec[len] == ',');
    }
    return true;
}
