// Linear probing at a load of three quarters at most. Where an entry is taken out, those behind it
// that would have liked its place move up, so that there are no traces of the dead to step over.
// Hashes are kept beside the pointers: a task that is not the one is hardly ever looked at.

#include "model/uid_index.h"

#include "base/assert.h"
#include "base/mem.h"
#include "model/task.h"

enum { CAP_MIN = 64 };

static size_t next(const struct uid_index *index, size_t at)
{
    return (at + 1) & (index->cap - 1);
}

static void put(struct uid_index *index, struct task *task, uint32_t hash)
{
    size_t at = hash & (index->cap - 1);

    while (index->slots[at] != NULL)
        at = next(index, at);
    index->slots[at] = task;
    index->hashes[at] = hash;
}

static void grow(struct uid_index *index)
{
    struct task **old = index->slots;
    uint32_t *hashes = index->hashes;
    size_t old_cap = index->cap;

    index->cap = old_cap > 0 ? old_cap * 2 : CAP_MIN;
    index->slots = mem_zalloc(index->cap * sizeof(struct task *));
    index->hashes = mem_alloc(index->cap * sizeof *index->hashes);
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i] != NULL)
            put(index, old[i], hashes[i]);
    }
    mem_free(old);
    mem_free(hashes);
}

void uid_index_deinit(struct uid_index *index)
{
    ASSERT(index->n == 0);
    mem_free(index->slots);
    mem_free(index->hashes);
    *index = (struct uid_index){0};
}

void uid_index_add(struct uid_index *index, struct task *task)
{
    ASSERT_SAY(uid_index_find(index, task->uid) == NULL, "task %.*s", STR_ARGS(task->uid));
    if (4 * (index->n + 1) > 3 * index->cap)
        grow(index);
    index->n++;
    put(index, task, (uint32_t)str_hash(task->uid));
}

// True when who stands at `at` but would like to stand at `home` may move to the hole.
static bool may_move(const struct uid_index *index, size_t hole, size_t home, size_t at)
{
    size_t mask = index->cap - 1;

    return ((at - home) & mask) >= ((at - hole) & mask);
}

static void close_hole(struct uid_index *index, size_t hole)
{
    for (size_t at = next(index, hole); index->slots[at] != NULL; at = next(index, at)) {
        if (!may_move(index, hole, index->hashes[at] & (index->cap - 1), at))
            continue;
        index->slots[hole] = index->slots[at];
        index->hashes[hole] = index->hashes[at];
        hole = at;
    }
    index->slots[hole] = NULL;
}

void uid_index_remove(struct uid_index *index, struct task *task)
{
    size_t at = (uint32_t)str_hash(task->uid) & (index->cap - 1);

    while (index->slots[at] != task) {
        ASSERT_SAY(index->slots[at] != NULL, "task %.*s", STR_ARGS(task->uid));
        at = next(index, at);
    }
    index->n--;
    close_hole(index, at);
}

struct task *uid_index_find(const struct uid_index *index, struct str uid)
{
    uint32_t hash = (uint32_t)str_hash(uid);

    if (index->cap == 0)
        return NULL;
    for (size_t at = hash & (index->cap - 1); index->slots[at] != NULL; at = next(index, at)) {
        if (index->hashes[at] == hash && str_eq(index->slots[at]->uid, uid))
            return index->slots[at];
    }
    return NULL;
}
