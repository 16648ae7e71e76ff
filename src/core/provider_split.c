// The division of tasks among capacity providers. Source: ecs-behaviour-scheduler 1.14.
//
// What weights do with a remainder is not published. Here weighted tasks are handed out one at a
// time, each to the item that is furthest behind its exact share, the first of equals. After as
// many tasks as the weights add up to every item has exactly its weight and the hand-out begins
// anew, so whole rounds are divided at once and only the last one is gone through.

#include "core/provider_split.h"

#include "base/assert.h"

static int64_t sum_of_weights(const struct provider_share *shares, size_t n)
{
    int64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += shares[i].weight;
    return sum;
}

// Returns what is left for the weights.
static int64_t give_bases(const struct provider_share *shares, size_t n, int64_t tasks,
                          int64_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = shares[i].base < tasks ? shares[i].base : tasks;
        tasks -= out[i];
    }
    return tasks;
}

// How far an item is behind its share after k tasks of a round, times the sum of the weights. An
// item without weight never is.
static int64_t deficit(const struct provider_share *share, int64_t k, int64_t sum, int64_t given)
{
    return k * share->weight - given * sum;
}

static void give_round(const struct provider_share *shares, size_t n, int64_t sum, int64_t tasks,
                       int64_t *out)
{
    int64_t given[PROVIDERS_MAX] = {0};

    ASSERT(tasks < sum);
    for (int64_t k = 1; k <= tasks; k++) {
        size_t most = 0;
        for (size_t i = 1; i < n; i++) {
            if (deficit(&shares[i], k, sum, given[i]) > deficit(&shares[most], k, sum, given[most]))
                most = i;
        }
        ASSERT(shares[most].weight > 0);
        given[most]++;
        out[most]++;
    }
}

void provider_targets(const struct provider_share *shares, size_t n, int64_t tasks, int64_t *out)
{
    int64_t sum = sum_of_weights(shares, n);
    int64_t rest = give_bases(shares, n, tasks, out);

    ASSERT(n > 0 && n <= PROVIDERS_MAX);
    ASSERT(tasks >= 0);
    if (n == 1) {
        out[0] = tasks;
        return;
    }
    ASSERT(sum > 0);
    for (size_t i = 0; i < n; i++)
        out[i] += rest / sum * shares[i].weight;
    give_round(shares, n, sum, rest % sum, out);
}

// The first item with the greatest a - b.
static size_t furthest(const int64_t *a, const int64_t *b, size_t n)
{
    size_t most = 0;

    ASSERT(n > 0);
    for (size_t i = 1; i < n; i++) {
        if (a[i] - b[i] > a[most] - b[most])
            most = i;
    }
    return most;
}

size_t provider_to_add(const int64_t *targets, const int64_t *current, size_t n)
{
    return furthest(targets, current, n);
}

size_t provider_to_remove(const int64_t *targets, const int64_t *current, size_t n)
{
    return furthest(current, targets, n);
}
