// Random numbers from a seed: xoshiro256**. The caller owns the generator, so a decision made with
// the same seed and input is the same decision. Not for keys or tokens: those come from
// io/entropy.h.

#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound); // 0 <= result < bound; bound > 0

#endif
