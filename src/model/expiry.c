// A binary heap of pointers in which every entry knows its place, so that a deadline can be moved
// or taken out in O(log n) wherever it stands.

#include "model/expiry.h"

#include "base/assert.h"
#include "base/mem.h"

void expiry_deinit(struct expiry_heap *heap)
{
    ASSERT(heap->n == 0);
    mem_free(heap->at);
    *heap = (struct expiry_heap){0};
}

static bool is_before(const struct expiry *a, const struct expiry *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    if (a->kind != b->kind)
        return a->kind < b->kind;
    return a->id < b->id;
}

static void put_at(struct expiry_heap *heap, size_t place, struct expiry *expiry)
{
    heap->at[place] = expiry;
    expiry->slot = (uint32_t)(place + 1);
}

static void sift_up(struct expiry_heap *heap, size_t place)
{
    struct expiry *moving = heap->at[place];

    while (place > 0 && is_before(moving, heap->at[(place - 1) / 2])) {
        put_at(heap, place, heap->at[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put_at(heap, place, moving);
}

static void sift_down(struct expiry_heap *heap, size_t place)
{
    struct expiry *moving = heap->at[place];

    for (;;) {
        size_t child = 2 * place + 1;

        if (child >= heap->n)
            break;
        if (child + 1 < heap->n && is_before(heap->at[child + 1], heap->at[child]))
            child++;
        if (!is_before(heap->at[child], moving))
            break;
        put_at(heap, place, heap->at[child]);
        place = child;
    }
    put_at(heap, place, moving);
}

// The entry at `place` is new there or has a new deadline.
static void settle(struct expiry_heap *heap, size_t place)
{
    struct expiry *expiry = heap->at[place];

    sift_up(heap, place);
    sift_down(heap, expiry->slot - 1);
}

void expiry_set(struct expiry_heap *heap, struct expiry *expiry, enum rec_kind kind, uint64_t id,
                time_ms at)
{
    expiry->at = at;
    expiry->kind = kind;
    expiry->id = id;
    if (expiry->slot == 0) {
        if (heap->n == heap->cap) {
            heap->cap = heap->cap ? heap->cap * 2 : 64;
            heap->at = mem_realloc(heap->at, heap->cap * sizeof(struct expiry *));
        }
        put_at(heap, heap->n++, expiry);
    }
    ASSERT(heap->at[expiry->slot - 1] == expiry);
    settle(heap, expiry->slot - 1);
}

void expiry_clear(struct expiry_heap *heap, struct expiry *expiry)
{
    size_t place = expiry->slot - 1;

    if (expiry->slot == 0)
        return;
    ASSERT(heap->at[place] == expiry);
    expiry->slot = 0;
    heap->n--;
    if (place == heap->n)
        return;
    put_at(heap, place, heap->at[heap->n]);
    settle(heap, place);
}

const struct expiry *expiry_first(const struct expiry_heap *heap)
{
    return heap->n > 0 ? heap->at[0] : NULL;
}
