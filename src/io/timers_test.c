#include "io/timers.h"

#include "base/rng.h"
#include "base/test.h"
#include "io/loop.h"

static void ignore(void *user)
{
    (void)user;
}

static void earliest_comes_first_and_equals_in_order(void **state)
{
    struct timers timers = {0};
    struct loop_timer t[4] = {{.fn = ignore}};
    (void)state;

    timers_put(&timers, &t[0], 20);
    timers_put(&timers, &t[1], 10);
    timers_put(&timers, &t[2], 10);
    timers_put(&timers, &t[3], 5);
    timers_put(&timers, &t[3], 30); // moved
    for (size_t i = 0, order[] = {1, 2, 0, 3}; i < 4; i++) {
        assert_ptr_equal(timers_first(&timers), &t[order[i]]);
        timers_remove(&timers, &t[order[i]]);
    }
    assert_null(timers_first(&timers));
    timers_deinit(&timers);
}

static void random_puts_and_removes_keep_the_order(void **state)
{
    enum { N = 200 };
    struct timers timers = {0};
    static struct loop_timer t[N];
    struct rng rng;
    int64_t last = -1;
    (void)state;

    rng_init(&rng, 7);
    for (int i = 0; i < 5000; i++) {
        struct loop_timer *timer = &t[rng_below(&rng, N)];
        if (rng_below(&rng, 3) == 0)
            timers_remove(&timers, timer);
        else
            timers_put(&timers, timer, (int64_t)rng_below(&rng, 100));
    }
    assert_true(timers.n > 0);
    while (timers_first(&timers) != NULL) {
        assert_true(timers_first(&timers)->at_ms >= last);
        last = timers_first(&timers)->at_ms;
        timers_remove(&timers, timers_first(&timers));
    }
    timers_deinit(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earliest_comes_first_and_equals_in_order),
        cmocka_unit_test(random_puts_and_removes_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
