// Node i has the children 2i and 2i + 1, and the leaves are the nodes n to 2n - 1, whatever n is.
// When n is no power of two, the leaves stand on two levels. Read from left to right those of the
// lower level come first, so contender 0 sits on the first node of that level.

#include "core/rank_tree.h"

#include "base/assert.h"

// The first node of the lowest level.
static uint32_t lowest(uint32_t n)
{
    return n > 1 ? UINT32_C(1) << (32 - __builtin_clz(n - 1)) : 1;
}

static uint32_t node_of(uint32_t n, uint32_t i)
{
    uint32_t node = lowest(n) + i;

    return node < 2 * n ? node : node - n;
}

static uint32_t contender_at(uint32_t n, uint32_t node)
{
    uint32_t first = lowest(n);

    return node >= first ? node - first : node + n - first;
}

static struct rank better(const struct rank *a, const struct rank *b)
{
    struct rank both;

    if (rank_is_same(a, b)) {
        both = *a;
        both.n = a->n + b->n;
        return both;
    }
    return rank_is_before(a, b) ? *a : *b;
}

struct rank *rank_tree_leaf(struct rank *tree, uint32_t n, uint32_t i)
{
    ASSERT(i < n);
    return &tree[node_of(n, i)];
}

void rank_tree_build(struct rank *tree, uint32_t n)
{
    ASSERT(n > 0);
    for (uint32_t node = n - 1; node > 0; node--)
        tree[node] = better(&tree[2 * node], &tree[2 * node + 1]);
}

void rank_tree_set(struct rank *tree, uint32_t n, uint32_t i, struct rank rank)
{
    uint32_t node = node_of(n, i);

    ASSERT(i < n);
    if (rank_is_same(&rank, &tree[node]))
        return;
    tree[node] = rank;
    while (node > 1) {
        struct rank now;

        node /= 2;
        now = better(&tree[2 * node], &tree[2 * node + 1]);
        if (rank_is_same(&now, &tree[node]) && now.n == tree[node].n)
            return;
        tree[node] = now;
    }
}

uint32_t rank_tree_pick(const struct rank *tree, uint32_t n, uint32_t k)
{
    uint32_t node = 1;

    ASSERT(k < tree[1].n);
    while (node < n) {
        const struct rank *left = &tree[2 * node];

        node *= 2;
        if (!rank_is_same(left, &tree[1])) {
            node++;
        } else if (k >= left->n) {
            k -= left->n;
            node++;
        }
    }
    ASSERT(rank_is_same(&tree[node], &tree[1]));
    return contender_at(n, node);
}
