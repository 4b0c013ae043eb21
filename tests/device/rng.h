/* rng.h - a seeded generator (splitmix64), so that every run can be repeated. */
#ifndef TESTS_DEVICE_RNG_H
#define TESTS_DEVICE_RNG_H
#include <stdint.h>

struct rng {
    uint64_t state;
};
static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
/* 0 <= result < n; n = 0 gives 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return n ? rng_next(r) % n : 0;
}
/* 0 <= result < 1 */
static inline double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}
/* lo <= result <= hi */
static inline uint64_t rng_between(struct rng *r, uint64_t lo, uint64_t hi)
{
    return hi > lo ? lo + rng_below(r, hi - lo + 1) : lo;
}
/* A generator of its own for one purpose, so that one draw more there moves nothing here. */
static inline struct rng rng_fork(uint64_t seed, uint64_t purpose)
{
    struct rng r = { seed * 0xD1342543DE82EF95u + purpose };
    (void)rng_next(&r);
    return r;
}
#endif
