#include "model/expiry.h"

#include "base/rng.h"
#include "base/test.h"

enum { MANY = 500 };

static void set(struct expiry_heap *heap, struct expiry *expiries, size_t i, time_ms at)
{
    expiry_set(heap, &expiries[i], REC_KIND_TASK, i + 1, at);
}

// The smallest by plain search.
static const struct expiry *earliest(const struct expiry *expiries)
{
    const struct expiry *best = NULL;

    for (size_t i = 0; i < MANY; i++) {
        if (expiries[i].slot != 0 && (best == NULL || expiries[i].at < best->at))
            best = &expiries[i];
    }
    return best;
}

static void the_earliest_is_in_front_whatever_moves(void **state)
{
    static struct expiry expiries[MANY];
    struct expiry_heap heap = {0};
    struct rng rng;
    (void)state;

    rng_init(&rng, 7);
    for (int step = 0; step < 20000; step++) {
        size_t i = rng_below(&rng, MANY);

        if (rng_below(&rng, 3) == 0)
            expiry_clear(&heap, &expiries[i]);
        else
            set(&heap, expiries, i, (time_ms)rng_below(&rng, 200));
        assert_ptr_equal(expiry_first(&heap), earliest(expiries));
    }
    for (size_t i = 0; i < MANY; i++)
        expiry_clear(&heap, &expiries[i]);
    assert_null(expiry_first(&heap));
    expiry_deinit(&heap);
}

static void ties_are_broken_by_id(void **state)
{
    struct expiry expiries[3] = {{0}};
    struct expiry_heap heap = {0};
    (void)state;

    set(&heap, expiries, 2, 5);
    set(&heap, expiries, 0, 5);
    set(&heap, expiries, 1, 5);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(expiry_first(&heap)->id, id);
        expiry_clear(&heap, &expiries[id - 1]);
    }
    expiry_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_is_in_front_whatever_moves),
        cmocka_unit_test(ties_are_broken_by_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
