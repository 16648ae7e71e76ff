// See timers.h. A heap of our own, because libevent's would need an allocation a timer or its
// struct in our headers, and because deadlines are moved with every request: here that is a few
// swaps.

#include "io/timers.h"

#include "base/assert.h"
#include "base/mem.h"
#include "io/loop.h"

static bool comes_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void place(struct timers *timers, size_t at, struct loop_timer *timer)
{
    timers->heap[at] = timer;
    timer->index = (uint32_t)at + 1;
}

static void sift_up(struct timers *timers, size_t at)
{
    struct loop_timer *timer = timers->heap[at];

    while (at > 0 && comes_before(timer, timers->heap[(at - 1) / 2])) {
        place(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(timers, at, timer);
}

static void sift_down(struct timers *timers, size_t at)
{
    struct loop_timer *timer = timers->heap[at];

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->n)
            break;
        if (child + 1 < timers->n && comes_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!comes_before(timers->heap[child], timer))
            break;
        place(timers, at, timers->heap[child]);
        at = child;
    }
    place(timers, at, timer);
}

void timers_deinit(struct timers *timers)
{
    for (size_t i = 0; i < timers->n; i++)
        timers->heap[i]->index = 0;
    mem_free(timers->heap);
    *timers = (struct timers){0};
}

void timers_put(struct timers *timers, struct loop_timer *timer, int64_t at_ms)
{
    timers_remove(timers, timer);
    if (timers->n == timers->cap) {
        timers->cap = timers->cap ? 2 * timers->cap : 16;
        timers->heap = mem_realloc(timers->heap, timers->cap * sizeof(struct loop_timer *));
    }
    timer->at_ms = at_ms;
    timer->order = ++timers->started;
    place(timers, timers->n, timer);
    timers->n++;
    sift_up(timers, timers->n - 1);
}

void timers_remove(struct timers *timers, struct loop_timer *timer)
{
    size_t at = timer->index;
    struct loop_timer *last;

    if (at == 0)
        return;
    at--;
    ASSERT(at < timers->n);
    ASSERT(timers->heap[at] == timer);
    last = timers->heap[--timers->n];
    timer->index = 0;
    if (last == timer)
        return;
    place(timers, at, last);
    sift_up(timers, at);
    sift_down(timers, last->index - 1);
}

struct loop_timer *timers_first(const struct timers *timers)
{
    return timers->n > 0 ? timers->heap[0] : NULL;
}
