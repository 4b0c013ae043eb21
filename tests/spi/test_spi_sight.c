/* What MISO showed and what that means: every row of the tables, from bytes alone. */
#include "plugins/chips/bekenlib/spi.h"
#include "tests/support/cmocka.h"
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void answers(void **state)
{
    (void)state;
    static const struct {
        uint8_t reply[4];
        enum spi_answer want;
    } cases[] = {
        /* identifications, whatever MISO idles at under the opcode */
        { { 0x00, 0x0B, 0x40, 0x16 }, ANSWER_ID },
        { { 0xFF, 0xEF, 0x40, 0x16 }, ANSWER_ID },
        { { 0xD2, 0x1C, 0x70, 0x15 }, ANSWER_ID },
        { { 0xFF, 0xEB, 0x60, 0x15 }, ANSWER_ID },
        { { 0xFF, 0xC8, 0x40, 0x13 }, ANSWER_ID },
        { { 0xFF, 0x4B, 0x40, 0x15 }, ANSWER_ID }, /* 4B is also a rotation of D2 */
        /* starting, or stuck low */
        { { 0x00, 0x00, 0x00, 0x00 }, ANSWER_STARTING },
        { { 0xD2, 0x00, 0x00, 0x00 }, ANSWER_STARTING },
        { { 0xFF, 0x00, 0x00, 0x00 }, ANSWER_STARTING },
        { { 0xD2, 0xD2, 0x00, 0x00 }, ANSWER_STARTING },
        /* window still open */
        { { 0xD2, 0xD2, 0xD2, 0xD2 }, ANSWER_WINDOW },
        { { 0xA5, 0xA5, 0xA5, 0xA5 }, ANSWER_WINDOW },
        { { 0x4B, 0x4B, 0x4B, 0x4B }, ANSWER_WINDOW },
        { { 0x96, 0x96, 0x96, 0x96 }, ANSWER_WINDOW },
        { { 0x2D, 0x2D, 0x2D, 0x2D }, ANSWER_WINDOW },
        { { 0x5A, 0x5A, 0x5A, 0x5A }, ANSWER_WINDOW },
        { { 0xB4, 0xB4, 0xB4, 0xB4 }, ANSWER_WINDOW },
        { { 0x69, 0x69, 0x69, 0x69 }, ANSWER_WINDOW },
        /* nobody there */
        { { 0xFF, 0xFF, 0xFF, 0xFF }, ANSWER_HIGH },
        { { 0x00, 0xFF, 0xFF, 0xFF }, ANSWER_HIGH },
        /* neither */
        { { 0xFF, 0x12, 0x34, 0x56 }, ANSWER_NOISE },
        { { 0xFF, 0x0B, 0x40, 0x00 }, ANSWER_NOISE },
        { { 0xFF, 0x0B, 0x40, 0xFF }, ANSWER_NOISE },
        { { 0xFF, 0x00, 0x40, 0x16 }, ANSWER_NOISE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum spi_answer got = spi_classify(cases[i].reply, 0xD2);
        if (got != cases[i].want)
            fail_msg("case %zu: %d instead of %d", i, got, cases[i].want);
    }
}

/* "FF*10 D2*3 00*100": what the capture holds */
struct piece {
    uint8_t byte;
    size_t n;
};

static void sights(void **state)
{
    (void)state;
    static const struct {
        struct piece p[6];
        enum spi_sight want;
        size_t at, tokens;
    } cases[] = {
        { { { 0xFF, 310 }, { 0xD2, 1 }, { 0x00, 8989 } }, SIGHT_ACCEPTED, 310, 1 },
        { { { 0x00, 312 }, { 0xD2, 2 }, { 0x00, 8000 } }, SIGHT_ACCEPTED, 312, 2 },
        { { { 0xD2, 1 }, { 0x00, 100 } }, SIGHT_ACCEPTED, 0, 1 },
        { { { 0xFF, 3 }, { 0xE5, 1 }, { 0xD2, 1 }, { 0x00, 9 } }, SIGHT_ACCEPTED, 4, 1 },
        { { { 0xFF, 3 }, { 0xD2, 2 }, { 0x40, 1 }, { 0x00, 90 } }, SIGHT_ACCEPTED, 3, 2 },
        /* the die's own noise behind the zeros does not matter */
        { { { 0xFF, 300 }, { 0xD2, 1 }, { 0x00, 2000 }, { 0xA3, 50 }, { 0xFF, 90 } },
          SIGHT_ACCEPTED,
          300,
          1 },
        { { { 0xFF, 300 }, { 0xD2, 6250 }, { 0xFF, 2000 } }, SIGHT_WINDOW, 300, 6250 },
        { { { 0xFF, 300 }, { 0xD2, 6250 }, { 0x13, 3 }, { 0x77, 2000 } }, SIGHT_WINDOW, 300, 6250 },
        { { { 0xFF, 300 }, { 0xD2, 8000 } }, SIGHT_WINDOW, 300, 8000 },
        { { { 0xFF, 300 }, { 0xA5, 6250 }, { 0xFF, 2000 } }, SIGHT_ROTATED, 0, 0 },
        { { { 0xFF, 300 }, { 0xD2, 20 }, { 0x69, 6000 }, { 0xFF, 9 } }, SIGHT_ROTATED, 300, 20 },
        { { { 0xFF, 9300 } }, SIGHT_HIGH, 0, 0 },
        { { { 0x00, 9300 } }, SIGHT_LOW, 0, 0 },
        { { { 0x12, 3 }, { 0x55, 9 }, { 0xFF, 100 } }, SIGHT_ACTIVE, 0, 0 },
        { { { 0x55, 9000 } }, SIGHT_ACTIVE, 0, 0 },
        { { { 0xFF, 4000 }, { 0x00, 100 }, { 0xFF, 4000 } }, SIGHT_ACTIVE, 0, 0 },
        { { { 0, 0 } }, SIGHT_NONE, 0, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t miso[16384];
        size_t n = 0;
        for (size_t k = 0; k < 6; k++) {
            memset(miso + n, cases[i].p[k].byte, cases[i].p[k].n);
            n += cases[i].p[k].n;
        }
        struct spi_capture c = spi_look(miso, n, 0xD2);
        if (c.sight != cases[i].want)
            fail_msg("case %zu: %d instead of %d", i, c.sight, cases[i].want);
        if (c.sight == SIGHT_ACCEPTED || c.sight == SIGHT_WINDOW) {
            assert_int_equal(c.at, cases[i].at);
            assert_int_equal(c.tokens, cases[i].tokens);
        }
    }
}

static const char *where(const bkf_links *l, const char *signal)
{
    (void)l;
    static const char *const names[][2] = { { "miso", "TDO on MISO" },
                                            { "sck", "TCK on SCK" },
                                            { "mosi", "TDI on MOSI" },
                                            { "cs0", "TMS on CS0" },
                                            { "cen", "CE on D2" } };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!strcmp(names[i][0], signal))
            return names[i][1];
    }
    return signal;
}

static void words(void **state)
{
    (void)state;
    static const struct {
        enum spi_sight sight;
        bool integrity;
        const char *says[3];
    } cases[] = {
        { SIGHT_ACCEPTED, false, { "accepted the handshake", "power-cycle", "0" } },
        { SIGHT_WINDOW, false, { "TCK on SCK", "TDI on MOSI", "TMS on CS0" } },
        { SIGHT_ROTATED, false, { "33 to 100 ohm", "TCK on SCK", "shifted" } },
        { SIGHT_HIGH, false, { "TDO on MISO", "CE on D2", "power" } },
        { SIGHT_LOW, false, { "TDO on MISO", "shorted", "level" } },
        { SIGHT_ACTIVE, false, { "CE on D2", "does not reset", "pull-up" } },
        { SIGHT_HIGH, true, { "shorten the wires", "lower the clock", "changed" } },
    };
    const bkf_links links = { .struct_size = sizeof links, .where = where };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spi_entry e = { .links = &links, .set = { .token = 0xD2 } };
        char text[360];
        e.seen[cases[i].sight] = 2;
        e.seen[SIGHT_HIGH] += 1; /* the telling sight wins over the frequent one */
        e.integrity = cases[i].integrity;
        spi_diagnose(&e, text, sizeof text);
        for (size_t k = 0; k < 3; k++) {
            if (!strstr(text, cases[i].says[k]))
                fail_msg("case %zu: '%s' does not say '%s'", i, text, cases[i].says[k]);
        }
        assert_true(strlen(text) < sizeof text - 1); /* not cut */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(sights),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
