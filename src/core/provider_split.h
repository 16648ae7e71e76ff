// How tasks are divided among the capacity providers of a strategy: the base first, the rest by
// weight. Source: ecs-behaviour-scheduler 1.14.

#ifndef CORE_PROVIDER_SPLIT_H
#define CORE_PROVIDER_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum { PROVIDERS_MAX = 20 }; // items of a strategy

// One item of a strategy that has been checked: at most one has a base, and one of several has a
// weight. A strategy of a single item gives it everything, whatever its weight.
struct provider_share {
    int64_t base;
    int64_t weight;
};

// How many of `tasks` tasks each item shall have; `out` has room for n. They add up to `tasks`.
void provider_targets(const struct provider_share *shares, size_t n, int64_t tasks, int64_t *out);

// The item that is furthest below its target, or furthest above: where the next task goes, or is
// taken from. Of equals the first. RunTask starts each call with nothing in `current`.
size_t provider_to_add(const int64_t *targets, const int64_t *current, size_t n);
size_t provider_to_remove(const int64_t *targets, const int64_t *current, size_t n);

#endif
