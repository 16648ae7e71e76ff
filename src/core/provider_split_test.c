#include "core/provider_split.h"

#include "base/test.h"

static void expect_targets(const struct provider_share *shares, size_t n, int64_t tasks,
                           const int64_t *want)
{
    int64_t got[PROVIDERS_MAX];

    provider_targets(shares, n, tasks, got);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i], want[i]);
}

static void the_documented_divisions_hold(void **state)
{
    static const struct {
        int64_t tasks;
        struct provider_share shares[2];
        int64_t want[2];
    } rows[] = {
        {10, {{0, 1}, {0, 1}}, {5, 5}}, {10, {{0, 1}, {0, 4}}, {2, 8}},
        {1, {{1, 1}, {0, 4}}, {1, 0}},  {6, {{1, 1}, {0, 4}}, {2, 4}},
        {10, {{2, 1}, {0, 4}}, {4, 6}}, {3, {{5, 0}, {0, 1}}, {3, 0}},
        {8, {{5, 0}, {0, 1}}, {5, 3}},  {0, {{5, 1}, {0, 1}}, {0, 0}},
        {1, {{0, 1}, {0, 1}}, {1, 0}},  {1, {{0, 1}, {0, 4}}, {0, 1}},
        {7, {{0, 0}, {3, 2}}, {0, 7}},  {3, {{0, 1000}, {0, 1000}}, {2, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_targets(rows[i].shares, 2, rows[i].tasks, rows[i].want);
}

static void a_single_provider_gets_everything(void **state)
{
    (void)state;
    expect_targets((struct provider_share[]){{0, 0}}, 1, 7, (int64_t[]){7});
    expect_targets((struct provider_share[]){{3, 1}}, 1, 7, (int64_t[]){7});
}

// As the rule is written: task by task from the first to the last.
static void hand_out(const struct provider_share *shares, size_t n, int64_t tasks, int64_t *out)
{
    int64_t given[PROVIDERS_MAX] = {0};
    int64_t sum = 0;
    int64_t rest = tasks;

    for (size_t i = 0; i < n; i++) {
        sum += shares[i].weight;
        out[i] = shares[i].base < rest ? shares[i].base : rest;
        rest -= out[i];
    }
    for (int64_t k = 0; k < rest; k++) {
        size_t to = n;
        for (size_t i = 0; i < n; i++) {
            int64_t behind = (k + 1) * shares[i].weight - given[i] * sum;
            if (shares[i].weight > 0 &&
                (to == n || behind > (k + 1) * shares[to].weight - given[to] * sum))
                to = i;
        }
        given[to]++;
        out[to]++;
    }
}

static void every_small_strategy_is_divided_as_written(void **state)
{
    (void)state;
    for (int world = 0; world < 6 * 6 * 6 * 4; world++) {
        struct provider_share shares[3] = {
            {0, world % 6}, {world / 216, world / 6 % 6}, {0, world / 36 % 6}};

        if (shares[0].weight + shares[1].weight + shares[2].weight == 0)
            continue;
        for (int64_t tasks = 0; tasks <= 40; tasks++) {
            int64_t want[3];
            hand_out(shares, 3, tasks, want);
            assert_int_equal(want[0] + want[1] + want[2], tasks);
            expect_targets(shares, 3, tasks, want);
        }
    }
}

// Growing one by one and shrinking one by one stays on the targets all the way.
static void tasks_come_and_go_along_the_targets(void **state)
{
    static const struct provider_share shares[] = {{2, 1}, {0, 3}, {0, 0}, {0, 2}};
    int64_t current[4] = {0};
    int64_t targets[4];
    (void)state;

    for (int64_t tasks = 1; tasks <= 50; tasks++) {
        provider_targets(shares, 4, tasks, targets);
        current[provider_to_add(targets, current, 4)]++;
        assert_memory_equal(current, targets, sizeof targets);
    }
    for (int64_t tasks = 49; tasks >= 0; tasks--) {
        provider_targets(shares, 4, tasks, targets);
        current[provider_to_remove(targets, current, 4)]--;
        assert_memory_equal(current, targets, sizeof targets);
    }
}

static void of_equals_the_first_is_taken(void **state)
{
    (void)state;
    assert_int_equal(provider_to_add((int64_t[]){1, 2, 2}, (int64_t[]){1, 1, 1}, 3), 1);
    assert_int_equal(provider_to_remove((int64_t[]){1, 1, 1}, (int64_t[]){1, 2, 2}, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_divisions_hold),
        cmocka_unit_test(a_single_provider_gets_everything),
        cmocka_unit_test(every_small_strategy_is_divided_as_written),
        cmocka_unit_test(tasks_come_and_go_along_the_targets),
        cmocka_unit_test(of_equals_the_first_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
