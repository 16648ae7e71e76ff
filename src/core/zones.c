// Balance over Availability Zones. Source: ecs-behaviour-scheduler 3.13.
//
// Tasks lie evenly exactly when the fullest zone holds at most one more than the emptiest. Moving
// one task from the fullest to the emptiest never makes it worse, and each such move takes one task
// off those that stand above the even share, so their number is the number of moves.

#include "core/zones.h"

#include <stdlib.h>

#include "base/assert.h"

// Which of the two is listed first: below 0 when it is `a`.
static int by_tasks(const void *a, const void *b)
{
    const struct zone_count *x = a;
    const struct zone_count *y = b;

    if (x->tasks != y->tasks)
        return x->tasks > y->tasks ? -1 : 1;
    return str_cmp(x->zone, y->zone);
}

void zones_sort(struct zone_count *zones, size_t n)
{
    if (n > 1)
        qsort(zones, n, sizeof *zones, by_tasks);
}

static bool is_emptier(const struct zone_count *a, const struct zone_count *b)
{
    if (a->tasks != b->tasks)
        return a->tasks < b->tasks;
    return str_cmp(a->zone, b->zone) < 0;
}

bool zones_next_move(const struct zone_count *zones, size_t n, struct zone_move *out)
{
    struct zone_move move = {0};

    for (size_t i = 1; i < n; i++) {
        if (by_tasks(&zones[i], &zones[move.from]) < 0)
            move.from = i;
        if (is_emptier(&zones[i], &zones[move.to]))
            move.to = i;
    }
    if (n == 0 || zones[move.from].tasks - zones[move.to].tasks <= 1)
        return false;
    *out = move;
    return true;
}

bool zones_are_balanced(const struct zone_count *zones, size_t n)
{
    struct zone_move move;

    return !zones_next_move(zones, n, &move);
}

// Of the zones above the even share, as many as there is a remainder may keep one task more; every
// other task above the share has to go.
int64_t zones_moves_n(const struct zone_count *zones, size_t n)
{
    int64_t tasks = 0;
    int64_t above = 0;
    int64_t holders = 0;
    int64_t rest;

    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        ASSERT(zones[i].tasks >= 0);
        tasks += zones[i].tasks;
    }
    rest = tasks % (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        int64_t more = zones[i].tasks - tasks / (int64_t)n;

        above += more > 0 ? more : 0;
        holders += more > 0;
    }
    return above - (holders < rest ? holders : rest);
}
