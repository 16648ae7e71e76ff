// Hashing. XXH3 with a seed drawn once at start, because names come from callers: without the seed
// a caller could choose names that all fall into one bucket.

#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

// Once, before the first map is made. Tests and the simulator leave it at zero, so that runs
// repeat.
void hash_seed(uint64_t seed);
uint64_t hash_bytes(const void *bytes, size_t len);

// Unseeded: the same bytes give the same number on every machine and in every run (fingerprints
// that are stored).
uint64_t hash_stable(const void *bytes, size_t len);

#endif
