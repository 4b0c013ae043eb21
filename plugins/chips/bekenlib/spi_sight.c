/* spi_sight.c - what MISO showed, from bytes alone. */
#include "spi.h"

bool spi_is_rotation(uint8_t byte, uint8_t token)
{
    for (unsigned k = 1; k < 8; k++) {
        if (byte == (uint8_t)(token << k | token >> (8 - k)) && byte != token)
            return true;
    }
    return false;
}

static bool token_like(uint8_t b, uint8_t token)
{
    return b == token || spi_is_rotation(b, token);
}

/* The byte under the opcode is whatever MISO idles at: ignored. */
enum spi_answer spi_classify(const uint8_t reply[4], uint8_t token)
{
    unsigned zeros = 0, tokens = 0, highs = 0;
    for (int i = 1; i < 4; i++) {
        zeros += reply[i] == 0x00;
        highs += reply[i] == 0xFF;
        tokens += token_like(reply[i], token);
    }
    if (tokens == 3 && reply[1] == reply[2] && reply[2] == reply[3])
        return ANSWER_WINDOW;
    if (zeros && zeros + tokens == 3)
        return ANSWER_STARTING;
    if (highs == 3)
        return ANSWER_HIGH;
    /* third byte: log2 of the size, 64 KiB to 32 MiB */
    if (reply[1] != 0x00 && reply[1] != 0xFF && reply[3] >= 0x10 && reply[3] <= 0x19)
        return ANSWER_ID;
    return ANSWER_NOISE;
}

static size_t run_of(const uint8_t *p, size_t n)
{
    size_t k = n ? 1 : 0;
    while (k < n && p[k] == p[0])
        k++;
    return k;
}

enum { ZEROS = 8 }; /* this many 00 after the token are an acknowledge, not chance */

struct spi_capture spi_look(const uint8_t *miso, size_t n, uint8_t token)
{
    struct spi_capture c = { .sight = SIGHT_NONE };
    if (!n)
        return c;
    c.first = miso[0];
    size_t rotated_run = 0;
    for (size_t i = 0; i < n;) {
        size_t k = run_of(miso + i, n - i);
        if (miso[i] == token) {
            if (!c.tokens)
                c.at = i;
            c.tokens += k;
            size_t next = i + k;
            /* the byte in which the window opens or closes may be a piece of the token */
            size_t zeros_at = next < n && miso[next] ? next + 1 : next;
            size_t zeros =
                zeros_at < n && !miso[zeros_at] ? run_of(miso + zeros_at, n - zeros_at) : 0;
            if (zeros >= ZEROS || (zeros && zeros_at + zeros == n)) {
                c.sight = SIGHT_ACCEPTED;
                return c;
            }
            c.after = next < n ? miso[next] : token;
        } else if (spi_is_rotation(miso[i], token) && k > rotated_run) {
            rotated_run = k;
        }
        i += k;
    }
    if (rotated_run >= 4 && rotated_run > c.tokens)
        c.sight = SIGHT_ROTATED;
    else if (c.tokens)
        c.sight = SIGHT_WINDOW;
    else if (run_of(miso, n) == n && (miso[0] == 0xFF || miso[0] == 0x00))
        c.sight = miso[0] ? SIGHT_HIGH : SIGHT_LOW;
    else
        c.sight = SIGHT_ACTIVE;
    return c;
}
