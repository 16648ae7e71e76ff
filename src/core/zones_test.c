#include "core/zones.h"

#include "base/test.h"

enum { ZONES_MAX = 4 };

// Zones "a", "b", ... with these counts; -1 ends them.
static size_t zones_of(struct zone_count *zones, const int *counts)
{
    static const char names[] = "abcd";
    size_t n = 0;

    for (; n < ZONES_MAX && counts[n] >= 0; n++)
        zones[n] = (struct zone_count){.zone = str_span(&names[n], 1), .tasks = counts[n]};
    return n;
}

static void the_documented_balances_hold(void **state)
{
    static const struct {
        int counts[ZONES_MAX];
        bool balanced;
        int64_t moves;
    } rows[] = {
        {{1, 1, -1}, true, 0},     {{2, 0, -1}, false, 1},    {{1, 2, -1}, true, 0},
        {{3, 0, -1}, false, 1},    {{1, 2, 2, -1}, true, 0},  {{2, 2, 1, -1}, true, 0},
        {{3, 1, 1, -1}, false, 1}, {{2, 1, 1, -1}, true, 0},  {{1, 1, 0, -1}, true, 0},
        {{0, 0, 0, -1}, true, 0},  {{4, -1}, true, 0},        {{-1}, true, 0},
        {{9, 0, 0, -1}, false, 6}, {{4, 4, 0, -1}, false, 2}, {{2, 2, 2, 0}, false, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct zone_count zones[ZONES_MAX];
        size_t n = zones_of(zones, rows[i].counts);

        assert_int_equal(zones_are_balanced(zones, n), rows[i].balanced);
        assert_int_equal(zones_moves_n(zones, n), rows[i].moves);
    }
    assert_true(zones_are_balanced(NULL, 0));
}

static void the_fullest_gives_to_the_emptiest(void **state)
{
    struct zone_count zones[ZONES_MAX];
    size_t n = zones_of(zones, (int[]){1, 3, 3, 1});
    struct zone_move move;
    (void)state;

    assert_true(zones_next_move(zones, n, &move));
    assert_int_equal(move.from, 1);
    assert_int_equal(move.to, 0);
    zones[0].zone = STR("z"); // equals by name, wherever they stand
    assert_true(zones_next_move(zones, n, &move));
    assert_int_equal(move.to, 3);
}

static void zones_are_listed_from_most_to_fewest(void **state)
{
    struct zone_count zones[ZONES_MAX];
    size_t n = zones_of(zones, (int[]){1, 3, 0, 3});
    char order[ZONES_MAX + 1] = "";
    (void)state;

    zones_sort(zones, n);
    for (size_t i = 0; i < n; i++)
        order[i] = *zones[i].zone.ptr;
    assert_string_equal(order, "bdac");
    zones_of(zones, (int[]){1, 2, -1});
    zones_sort(zones, 2);
    EXPECT_STR(zones[0].zone, "b");
}

// From every small world, that many moves lead to balance, as the published test has it.
static void follow(struct zone_count *zones, size_t n)
{
    int64_t moves = zones_moves_n(zones, n);
    struct zone_move move;
    int64_t tasks = 0;
    int64_t fuller = 0;

    for (size_t i = 0; i < n; i++)
        tasks += zones[i].tasks;
    while (zones_next_move(zones, n, &move)) {
        zones[move.from].tasks--;
        zones[move.to].tasks++;
        moves--;
    }
    assert_int_equal(moves, 0);
    for (size_t i = 0; i < n; i++) {
        int64_t more = zones[i].tasks - tasks / (int64_t)n;
        assert_in_range(more, 0, 1);
        fuller += more;
    }
    assert_int_equal(fuller, tasks % (int64_t)n);
}

static void every_small_world_comes_to_balance(void **state)
{
    enum { TASKS_MAX = 7 };
    (void)state;

    for (int world = 0; world < TASKS_MAX * TASKS_MAX * TASKS_MAX * TASKS_MAX; world++) {
        int counts[ZONES_MAX];
        struct zone_count zones[ZONES_MAX];

        for (int i = 0, rest = world; i < ZONES_MAX; i++, rest /= TASKS_MAX)
            counts[i] = rest % TASKS_MAX;
        for (size_t n = 1; n <= ZONES_MAX; n++) {
            zones_of(zones, counts);
            follow(zones, n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_balances_hold),
        cmocka_unit_test(the_fullest_gives_to_the_emptiest),
        cmocka_unit_test(zones_are_listed_from_most_to_fewest),
        cmocka_unit_test(every_small_world_comes_to_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
