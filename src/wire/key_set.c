// Open addressing with linear steps; at most half full.

#include "wire/key_set.h"

#include "base/hash.h"
#include "base/mem.h"

enum { SMALLEST_CAP = 64 };

void key_set_deinit(struct key_set *set)
{
    mem_free(set->slots);
    *set = (struct key_set){0};
}

// False when the hash is there already.
static bool place(struct key_set *set, uint64_t hash)
{
    size_t at = hash & (set->cap - 1);

    while (set->slots[at] != 0) {
        if (set->slots[at] == hash)
            return false;
        at = (at + 1) & (set->cap - 1);
    }
    set->slots[at] = hash;
    set->n++;
    return true;
}

static void grow(struct key_set *set)
{
    struct key_set bigger = {.cap = set->cap ? set->cap * 2 : SMALLEST_CAP};

    bigger.slots = mem_zalloc(bigger.cap * sizeof *bigger.slots);
    for (size_t i = 0; i < set->cap; i++) {
        if (set->slots[i] != 0)
            place(&bigger, set->slots[i]);
    }
    mem_free(set->slots);
    *set = bigger;
}

bool key_set_add(struct key_set *set, uint64_t object, struct str key)
{
    uint64_t pair[2] = {object, str_hash(key)};
    uint64_t hash = hash_bytes(pair, sizeof pair);

    if (set->n * 2 >= set->cap)
        grow(set);
    return place(set, hash ? hash : 1);
}
