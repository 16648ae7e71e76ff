#include "core/rank_tree.h"

#include "base/rng.h"
#include "base/test.h"

enum { N_MAX = 70 };

static struct rank any_rank(struct rng *rng)
{
    return (struct rank){.high = rng_below(rng, 3), .low = (uint32_t)rng_below(rng, 3), .n = 1};
}

// The k-th of those that have the best rank, found by looking at all of them.
static uint32_t pick_by_looking(const struct rank *ranks, uint32_t n, uint32_t k)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < n; i++) {
        if (rank_is_before(&ranks[i], &ranks[best]))
            best = i;
    }
    for (uint32_t i = best;; i++) {
        if (rank_is_same(&ranks[i], &ranks[best]) && k-- == 0)
            return i;
    }
}

static uint32_t count_of(const struct rank *ranks, uint32_t n, const struct rank *rank)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++)
        count += rank_is_same(&ranks[i], rank);
    return count;
}

static void expect_same(const struct rank *tree, const struct rank *ranks, uint32_t n)
{
    const struct rank *first = rank_tree_first(tree);

    assert_int_equal(first->n, count_of(ranks, n, first));
    for (uint32_t k = 0; k < first->n; k++)
        assert_int_equal(rank_tree_pick(tree, n, k), pick_by_looking(ranks, n, k));
}

static void it_knows_the_best_of_any_number(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (uint32_t n = 1; n <= N_MAX; n++) {
        struct rank ranks[N_MAX];
        struct rank tree[2 * N_MAX];

        for (uint32_t i = 0; i < n; i++)
            *rank_tree_leaf(tree, n, i) = ranks[i] = any_rank(&rng);
        rank_tree_build(tree, n);
        expect_same(tree, ranks, n);
        for (int change = 0; change < 100; change++) {
            uint32_t i = (uint32_t)rng_below(&rng, n);

            ranks[i] = any_rank(&rng);
            rank_tree_set(tree, n, i, ranks[i]);
            expect_same(tree, ranks, n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_knows_the_best_of_any_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
