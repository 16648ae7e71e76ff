// Which keys an object has had: how a reader that keeps no tree finds the same name twice.
//
// Objects are told apart by a number of the caller's, so one set serves a whole document. A key is
// remembered as a seeded 64-bit hash (base/hash.h); two that collide would count as the same, which
// nobody can bring about who does not know the seed.

#ifndef WIRE_KEY_SET_H
#define WIRE_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct key_set {
    uint64_t *slots; // 0 is free
    size_t cap;      // a power of two, or 0
    size_t n;
};

void key_set_deinit(struct key_set *set); // also fine on a zeroed set

// False when this object already has this key.
bool key_set_add(struct key_set *set, uint64_t object, struct str key);

#endif
