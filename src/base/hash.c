// The only file that sees xxHash.

#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t seed_of_process;

void hash_seed(uint64_t seed)
{
    seed_of_process = seed;
}

uint64_t hash_bytes(const void *bytes, size_t len)
{
    return XXH3_64bits_withSeed(bytes, len, seed_of_process);
}

uint64_t hash_stable(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}
