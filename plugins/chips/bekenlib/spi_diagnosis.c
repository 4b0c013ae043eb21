/* spi_diagnosis.c - in words: what MISO showed, what that means, what to do. */
#include "spi.h"
#include <stdio.h>

static const char *where(const struct spi_entry *e, const char *signal)
{
    return e->links->where(e->links, signal);
}

void spi_describe(const struct spi_entry *e, const struct spi_rung *rung, double byte_us,
                  char *text, size_t cap)
{
    const struct spi_capture *c = &e->last;
    char what[96];
    switch (c->sight) {
    case SIGHT_ACCEPTED:
        snprintf(what, sizeof what, "%02X from %.1f ms, accepted after %.1f ms", e->set.token,
                 (double)c->at * byte_us / 1000, (double)(c->at + c->tokens) * byte_us / 1000);
        break;
    case SIGHT_WINDOW:
        snprintf(what, sizeof what, "%02X for %.0f ms, then %02X, not accepted", e->set.token,
                 (double)c->tokens * byte_us / 1000, c->after);
        break;
    case SIGHT_ROTATED:
        snprintf(what, sizeof what, "%02X shifted by some bits", e->set.token);
        break;
    case SIGHT_HIGH:
    case SIGHT_LOW:
        snprintf(what, sizeof what, "%s throughout", c->sight == SIGHT_HIGH ? "FF" : "00");
        break;
    case SIGHT_ACTIVE:
        snprintf(what, sizeof what, "activity from the start (%02X ...)", c->first);
        break;
    default:
        snprintf(what, sizeof what, "nothing");
        break;
    }
    snprintf(text, cap, "reset %u (%s): MISO shows %s; RDID %02X %02X %02X", e->resets, rung->name,
             what, e->last_reply[1], e->last_reply[2], e->last_reply[3]);
}

/* The sight that says most, not the one seen last. */
static enum spi_sight telling(const struct spi_entry *e)
{
    static const enum spi_sight order[] = { SIGHT_ACCEPTED, SIGHT_WINDOW, SIGHT_ROTATED };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (e->seen[order[i]])
            return order[i];
    }
    enum spi_sight best = SIGHT_NONE;
    for (int s = SIGHT_HIGH; s <= SIGHT_ACTIVE; s++) {
        if (e->seen[s] && (best == SIGHT_NONE || e->seen[s] > e->seen[best]))
            best = (enum spi_sight)s;
    }
    return best;
}

void spi_diagnose(const struct spi_entry *e, char *text, size_t cap)
{
    const char *miso = where(e, "miso"), *cen = where(e, "cen");
    if (e->integrity) {
        snprintf(text, cap,
                 "identifications came but changed from read to read: shorten the wires, "
                 "check ground, or lower the clock (-O entry_clock=100kHz)");
        return;
    }
    switch (telling(e)) {
    case SIGHT_ACCEPTED:
        snprintf(text, cap,
                 "the chip accepted the handshake %u times, but its flash does not answer "
                 "(RDID %02X %02X %02X): power-cycle the target; if it stays so, the flash "
                 "die is dead or held by other logic",
                 e->seen[SIGHT_ACCEPTED], e->last_reply[1], e->last_reply[2], e->last_reply[3]);
        break;
    case SIGHT_WINDOW:
        snprintf(text, cap,
                 "the chip opens its window (%02X on %s) but does not receive the answer: "
                 "check SCK (%s), MOSI (%s) and CS (%s)",
                 e->set.token, miso, where(e, "sck"), where(e, "mosi"), where(e, "cs0"));
        break;
    case SIGHT_ROTATED:
        snprintf(text, cap,
                 "%s shows %02X shifted by some bits, so clock edges are lost or doubled: "
                 "put 33 to 100 ohm in series with SCK (%s), shorten the wires",
                 miso, e->set.token, where(e, "sck"));
        break;
    case SIGHT_HIGH:
        snprintf(text, cap,
                 "MISO (%s) stays high: wire open, target without power, or CEN (%s) does "
                 "not reach the chip",
                 miso, cen);
        break;
    case SIGHT_LOW:
        snprintf(text, cap,
                 "MISO (%s) stays low: shorted to ground, target without power, or a level "
                 "problem",
                 miso);
        break;
    case SIGHT_ACTIVE:
        snprintf(text, cap,
                 "MISO (%s) is busy from the first byte on, as if the application ran: CEN "
                 "(%s) does not reset the chip; check that pad and for a strong pull-up",
                 miso, cen);
        break;
    default:
        snprintf(text, cap,
                 "no reset was tried; RDID says %02X %02X %02X on MISO (%s): 00 or FF means "
                 "not connected",
                 e->last_reply[1], e->last_reply[2], e->last_reply[3], miso);
        break;
    }
}
