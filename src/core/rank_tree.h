// A tournament: who is first among many whose ranks change one at a time, and how many share that
// place.
//
// The tree is an array that belongs to the caller: 2 n ranks for n contenders, of which the first
// one is unused. Setting a rank and choosing among the first cost O(log n), knowing the first costs
// nothing.

#ifndef CORE_RANK_TREE_H
#define CORE_RANK_TREE_H

#include <stdbool.h>
#include <stdint.h>

// The smaller the better, by `high`, then by `low`.
struct rank {
    uint64_t high;
    uint32_t low;
    uint32_t n; // contenders below that have this rank; 1 for one of them
};

static inline bool rank_is_before(const struct rank *a, const struct rank *b)
{
    return a->high != b->high ? a->high < b->high : a->low < b->low;
}

static inline bool rank_is_same(const struct rank *a, const struct rank *b)
{
    return a->high == b->high && a->low == b->low;
}

// Where contender i of n has its rank before rank_tree_build.
struct rank *rank_tree_leaf(struct rank *tree, uint32_t n, uint32_t i);
void rank_tree_build(struct rank *tree, uint32_t n); // n > 0
void rank_tree_set(struct rank *tree, uint32_t n, uint32_t i, struct rank rank);

// The best rank, with how many share it.
static inline const struct rank *rank_tree_first(const struct rank *tree)
{
    return &tree[1];
}

// Which contender is the k-th of those that share it, counted from 0 in their order.
uint32_t rank_tree_pick(const struct rank *tree, uint32_t n, uint32_t k);

#endif
