#include "bench/histogram.h"

#include "base/test.h"

static struct histogram *new_histogram(void **state)
{
    static struct histogram histogram;

    (void)state;
    histogram = (struct histogram){0};
    return &histogram;
}

static void an_empty_histogram_has_no_quantile(void **state)
{
    assert_int_equal(histogram_quantile(new_histogram(state), 0.5), 0);
}

static void small_values_are_exact(void **state)
{
    struct histogram *h = new_histogram(state);

    for (int64_t i = 0; i < 10; i++)
        histogram_add(h, i);
    assert_int_equal(histogram_quantile(h, 0.5), 5);
    assert_int_equal(histogram_quantile(h, 0), 0);
    assert_int_equal(histogram_quantile(h, 1), 9);
}

static void any_value_is_found_within_a_sixteenth(void **state)
{
    for (int64_t value = 1; value < INT64_MAX / 8; value += value * 2 / 3 + 1) {
        struct histogram *h = new_histogram(state);
        int64_t found;
        histogram_add(h, value);
        h->max = INT64_MAX; // else a lone value is its own maximum
        found = histogram_quantile(h, 0.5);
        assert_true(found >= value && found - value <= value / 16);
    }
}

static void a_quantile_is_never_beyond_the_maximum(void **state)
{
    struct histogram *h = new_histogram(state);

    histogram_add(h, 1025);
    assert_int_equal(histogram_quantile(h, 0.99), 1025);
}

static void one_slow_call_in_a_hundred_shows_in_the_last_percent(void **state)
{
    struct histogram *h = new_histogram(state);

    for (int i = 0; i < 99; i++)
        histogram_add(h, 10);
    histogram_add(h, 1000000);
    assert_int_equal(histogram_quantile(h, 0.98), 10);
    assert_int_equal(histogram_quantile(h, 0.99), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_has_no_quantile),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(any_value_is_found_within_a_sixteenth),
        cmocka_unit_test(a_quantile_is_never_beyond_the_maximum),
        cmocka_unit_test(one_slow_call_in_a_hundred_shows_in_the_last_percent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
