#include "core/rollout.h"

#include "base/test.h"

static void the_documented_bounds_hold(void **state)
{
    static const struct {
        int64_t desired, minimum, maximum, lower, upper, stop_first, start_first;
        bool stuck;
    } rows[] = {
        {1, 100, 200, 1, 2, 0, 1, false},  {1, 0, 100, 0, 1, 1, 0, false},
        {1, 50, 100, 1, 1, 0, 0, true},    {1, 50, 150, 1, 1, 0, 0, true},
        {1, 50, 200, 1, 2, 0, 1, false},   {2, 75, 200, 2, 4, 0, 2, false},
        {2, 50, 100, 1, 2, 1, 0, false},   {2, 50, 150, 1, 3, 1, 1, false},
        {3, 100, 125, 3, 3, 0, 0, true},   {3, 66, 133, 2, 3, 1, 0, false},
        {3, 67, 134, 3, 4, 0, 1, false},   {4, 50, 100, 2, 4, 2, 0, false},
        {4, 100, 200, 4, 8, 0, 4, false},  {4, 75, 150, 3, 6, 1, 2, false},
        {5, 100, 110, 5, 5, 0, 0, true},   {6, 50, 200, 3, 12, 3, 6, false},
        {7, 34, 167, 3, 11, 4, 4, false},  {10, 95, 105, 10, 10, 0, 0, true},
        {10, 90, 110, 9, 11, 1, 1, false}, {100, 99, 101, 99, 101, 1, 1, false},
        {2, 100, 100, 2, 2, 0, 0, true}, // a drain of 100/100 never ends
        {0, 100, 200, 0, 0, 0, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t n = rows[i].desired;
        struct rollout_bounds bounds = rollout_bounds(n, rows[i].minimum, rows[i].maximum);
        struct rollout_counts all_old = {.running = n, .healthy = n, .old = n};

        assert_int_equal(bounds.lower, rows[i].lower);
        assert_int_equal(bounds.upper, rows[i].upper);
        assert_int_equal(rollout_stoppable(bounds, &all_old), rows[i].stop_first);
        assert_int_equal(rollout_startable(bounds, &all_old), rows[i].start_first);
        assert_int_equal(rollout_is_stuck(bounds, &all_old), rows[i].stuck);
    }
}

static void great_counts_do_not_overflow(void **state)
{
    struct rollout_bounds bounds = rollout_bounds(INT32_MAX, 100, INT32_MAX);
    (void)state;

    assert_true(bounds.lower == INT32_MAX);
    assert_true(bounds.upper == (int64_t)INT32_MAX * INT32_MAX / 100);
}

static void what_is_stopping_still_takes_room(void **state)
{
    struct rollout_bounds bounds = {.lower = 2, .upper = 8};
    struct rollout_counts counts = {.pending = 1, .running = 4, .stopping = 2, .healthy = 3};
    (void)state;

    assert_int_equal(rollout_startable(bounds, &counts), 1);
    assert_int_equal(rollout_stoppable(bounds, &counts), 1);
    counts.stopping = 9;
    counts.healthy = 0;
    assert_int_equal(rollout_startable(bounds, &counts), 0);
    assert_int_equal(rollout_stoppable(bounds, &counts), 0);
}

static void nothing_is_stuck_while_something_moves(void **state)
{
    struct rollout_bounds bounds = rollout_bounds(5, 100, 110);
    struct rollout_counts counts = {.running = 5, .healthy = 5, .old = 5};
    (void)state;

    assert_true(rollout_is_stuck(bounds, &counts));
    counts.stopping = 1;
    assert_false(rollout_is_stuck(bounds, &counts));
    counts.stopping = 0;
    counts.healthy = 4;
    assert_false(rollout_is_stuck(bounds, &counts));
    counts.healthy = 5;
    counts.old = 0;
    assert_false(rollout_is_stuck(bounds, &counts));
}

static void steady_is_all_there_and_nothing_else(void **state)
{
    const struct rollout_counts steady = {.running = 3, .healthy = 3};
    struct rollout_counts counts = steady;
    (void)state;

    assert_true(rollout_is_steady(3, &counts));
    assert_false(rollout_is_steady(2, &counts));
    assert_false(rollout_is_steady(4, &counts));
    counts.healthy = 2;
    assert_false(rollout_is_steady(3, &counts));
    counts = steady;
    counts.pending = 1;
    assert_false(rollout_is_steady(3, &counts));
    counts = steady;
    counts.old = 1;
    assert_false(rollout_is_steady(3, &counts));
    assert_true(rollout_is_steady(0, &(struct rollout_counts){0}));
}

// --- whole rollouts: a service whose new tasks are healthy at once, and a cluster with so much
// room

struct service {
    int64_t desired, room;
    int64_t old, new;
    struct rollout_bounds bounds;
    struct str trace; // "+2 -2 ..."
    struct arena arena;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void note(struct service *s, char sign, int64_t n)
{
    if (n > 0)
        s->trace = str_fmt(&s->arena, "%.*s%s%c%d", STR_ARGS(s->trace), s->trace.len ? " " : "",
                           sign, (int)n);
}

static struct rollout_counts counts_of(const struct service *s)
{
    int64_t all = s->old + s->new;

    assert_true(all <= s->bounds.upper || s->desired == 0);
    assert_true(all >= s->bounds.lower);
    return (struct rollout_counts){.running = all, .healthy = all, .old = s->old};
}

// Stops what may be stopped, then starts what may be started; false when neither was possible.
static bool moves(struct service *s)
{
    struct rollout_counts counts = counts_of(s);
    int64_t stop = least(s->old, rollout_stoppable(s->bounds, &counts));
    int64_t start;

    s->old -= stop;
    note(s, '-', stop);
    counts = counts_of(s);
    start = least(s->desired - s->new, rollout_startable(s->bounds, &counts));
    start = least(start, s->room - s->old - s->new);
    s->new += start;
    note(s, '+', start);
    counts = counts_of(s);
    return stop > 0 || start > 0;
}

static void roll(struct service *s)
{
    s->old = s->desired;
    while (moves(s)) {
    }
}

static void rollouts_take_the_published_course(void **state)
{
    static const struct {
        int64_t desired, minimum, maximum, room;
        const char *trace;
    } rows[] = {
        {6, 100, 200, 8, "+2 -2 +2 -2 +2 -2"},
        {6, 50, 200, 8, "-3 +5 -3 +1"},
        {6, 50, 200, 10, "-3 +6 -3"},
        {1, 100, 200, 9, "+1 -1"},
        {1, 0, 100, 9, "-1 +1"},
        {4, 50, 100, 9, "-2 +2 -2 +2"},
        {4, 100, 200, 9, "+4 -4"},
        {5, 100, 110, 9, ""},
        {0, 100, 200, 9, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct service s = {.desired = rows[i].desired, .room = rows[i].room};

        s.bounds = rollout_bounds(s.desired, rows[i].minimum, rows[i].maximum);
        roll(&s);
        EXPECT_STR(s.trace, rows[i].trace);
        arena_deinit(&s.arena);
    }
}

// counts_of holds the limits at every instant.
static void every_small_rollout_ends_or_is_stuck(void **state)
{
    (void)state;
    for (int64_t desired = 0; desired <= 12; desired++) {
        for (int64_t minimum = 0; minimum <= 100; minimum += 5) {
            for (int64_t maximum = 100; maximum <= 200; maximum += 5) {
                struct service s = {.desired = desired, .room = 100};
                struct rollout_counts counts;

                s.bounds = rollout_bounds(desired, minimum, maximum);
                roll(&s);
                counts = counts_of(&s);
                assert_int_equal(rollout_is_stuck(s.bounds, &counts), s.old > 0);
                assert_int_equal(s.new, s.old > 0 ? 0 : desired);
                assert_int_equal(rollout_is_steady(desired, &counts), s.old == 0);
                arena_deinit(&s.arena);
            }
        }
    }
}

// --- task sets

static void scales_are_decimal(void **state)
{
    static const struct {
        int64_t desired;
        double percent;
        int64_t computed;
    } rows[] = {
        {1, 50, 1},
        {3, 33.3, 1},
        {5, 24, 2},
        {6, 20, 2},
        {10, 12.5, 2},
        {4, 100, 4},
        {7, 0, 0},
        {0, 100, 0},
        {10, 30, 3},
        {10, 25, 3},
        {4, 25, 1},
        {1000, 0.1, 1},
        {1000, 0.10001, 2},
        {5000, 99.98, 4999},
        {10, 70, 7},
        {100, 29, 29},
        {1000, 57.6, 576},
        {100, 56, 56},
        {1, 0.000000000001, 1},
        {INT32_MAX, 100, INT32_MAX},
        {INT32_MAX, 50, 1073741824},
        {2000000000, 0.1, 2000000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rollout_scaled_count(rows[i].desired, rows[i].percent), rows[i].computed);
}

// Against whole numbers, for every percentage with one decimal.
static void every_tenth_of_a_percent_is_exact(void **state)
{
    (void)state;
    for (int64_t desired = 0; desired <= 200; desired++) {
        for (int64_t tenths = 0; tenths <= 1000; tenths++) {
            int64_t want = (desired * tenths + 999) / 1000;
            assert_int_equal(rollout_scaled_count(desired, (double)tenths / 10), want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_bounds_hold),
        cmocka_unit_test(great_counts_do_not_overflow),
        cmocka_unit_test(what_is_stopping_still_takes_room),
        cmocka_unit_test(nothing_is_stuck_while_something_moves),
        cmocka_unit_test(steady_is_all_there_and_nothing_else),
        cmocka_unit_test(rollouts_take_the_published_course),
        cmocka_unit_test(every_small_rollout_ends_or_is_stuck),
        cmocka_unit_test(scales_are_decimal),
        cmocka_unit_test(every_tenth_of_a_percent_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
