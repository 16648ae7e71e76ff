// When entities are forgotten: one deadline an entity, all of them in one heap of the state.
//
// A registry embeds a struct expiry in its entity and sets it whenever it applies a record: a
// STOPPED task, an INACTIVE instance, a definition that is being deleted and that nothing refers to
// any more. Who carries out what is due is core/timers.h.

#ifndef MODEL_EXPIRY_H
#define MODEL_EXPIRY_H

#include "api/store.h"
#include "base/timefmt.h"

struct expiry {
    time_ms at;
    uint64_t id; // of the entity
    enum rec_kind kind;
    uint32_t slot; // 1 + place in the heap; 0: not waiting
};

struct expiry_heap {
    struct expiry **at;
    size_t n;
    size_t cap;
};

void expiry_deinit(struct expiry_heap *heap); // nothing may wait any more

// Sets or moves the deadline. `kind` and `id` say whose it is.
void expiry_set(struct expiry_heap *heap, struct expiry *expiry, enum rec_kind kind, uint64_t id,
                time_ms at);
void expiry_clear(struct expiry_heap *heap, struct expiry *expiry); // also when it does not wait

// The earliest; on a tie by kind and id, so that runs can be repeated. NULL: nothing waits.
const struct expiry *expiry_first(const struct expiry_heap *heap);

#endif
