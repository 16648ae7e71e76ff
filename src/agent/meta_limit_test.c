#include "agent/meta_limit.h"

#include "base/test.h"

static int count(struct meta_limit *limit, const char *key, int64_t now_ms, int tries)
{
    int taken = 0;

    for (int i = 0; i < tries; i++)
        taken += meta_limit_take(limit, str_of(key), now_ms);
    return taken;
}

static void a_burst_is_followed_by_a_steady_rate(void **state)
{
    struct meta_limit *limit = meta_limit_new(40, 60);

    (void)state;
    assert_int_equal(count(limit, "a", 1000, 100), 60);
    assert_int_equal(count(limit, "a", 1500, 100), 20);
    assert_int_equal(count(limit, "a", 1525, 100), 1);
    assert_int_equal(count(limit, "a", 100000, 100), 60);
    meta_limit_free(limit);
}

static void keys_do_not_share(void **state)
{
    struct meta_limit *limit = meta_limit_new(0.2, 1);

    (void)state;
    assert_int_equal(count(limit, "a", 1000, 3), 1);
    assert_int_equal(count(limit, "b", 1000, 3), 1);
    assert_int_equal(count(limit, "a", 5999, 3), 0);
    assert_int_equal(count(limit, "a", 6000, 3), 1);
    meta_limit_free(limit);
}

static void many_keys_take_bounded_memory(void **state)
{
    struct meta_limit *limit = meta_limit_new(1, 1);
    char key[32];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(meta_limit_take(limit, str_of(key), 1000));
    }
    assert_false(meta_limit_take(limit, STR("k19999"), 1000)); // the newest are remembered
    meta_limit_free(limit);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_followed_by_a_steady_rate),
        cmocka_unit_test(keys_do_not_share),
        cmocka_unit_test(many_keys_take_bounded_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
