/* bench_crypt: decipher, encipher and CRC over 4 MiB, as a ratio to memcpy measured in the
 * same run, so that the bound means the same on any machine.  Fails above 60 x. */
#include "core/image/crc34.h"
#include "core/image/crypt.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 4 << 20, ROUNDS = 15, BOUND = 60, SKIP = 77 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct job {
    const struct crypt_key *key;
    const uint8_t *in;
    uint8_t *mid, *out;
};

static void copy(const struct job *j)
{
    memcpy(j->out, j->in, SIZE);
    __asm__ volatile("" : : "r"(j->out) : "memory");
}
static void pack(const struct job *j)
{
    crypt_run(j->key, 0, j->in, j->mid, SIZE);
    crc34_pack(j->mid, SIZE, j->out);
}
static void unpack(const struct job *j)
{
    struct crc34_stat st;
    crc34_stat(j->in, SIZE, &st);
    size_t n = crc34_strip(j->in, SIZE, j->mid);
    crypt_run(j->key, 0, j->mid, j->mid, n);
}

/* The fastest of several rounds: what disturbs a run only makes it slower. */
static double best(void (*work)(const struct job *), const struct job *j)
{
    double least = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double t = now_ms();
        work(j);
        t = now_ms() - t;
        if (t < least)
            least = t;
    }
    return least;
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
    puts("skipped: built with sanitizers or without optimisation; use the release preset");
    return SKIP;
#endif
    uint8_t *in = malloc(SIZE), *mid = malloc(SIZE), *out = malloc(crc34_packed_size(SIZE));
    if (!in || !mid || !out)
        return 1;
    for (size_t i = 0; i < SIZE; i++)
        in[i] = (uint8_t)(i * 2654435761u >> 13);
    int failed = 0;
    for (size_t k = 0; k < crypt_known_count; k++) {
        struct job j = { &crypt_known_keys[k].key, in, mid, out };
        double base = best(copy, &j), p = best(pack, &j), u = best(unpack, &j);
        printf("%-8s memcpy %.3f ms  encrypt+crc %.2f ms = %.1f x  crc+decrypt %.2f ms = %.1f x  "
               "(bound %d x, 50 ms)\n",
               crypt_known_keys[k].name, base, p, p / base, u, u / base, BOUND);
        failed |= p > BOUND * base || u > BOUND * base;
    }
    free(in);
    free(mid);
    free(out);
    return failed;
}
