#include "core/traffic_steps.h"

#include <math.h>

#include "base/test.h"

struct bench {
    struct arena arena;
    struct ecs_deployment_configuration config;
    struct ecs_linear_configuration linear;
    struct ecs_canary_configuration canary;
};

static void linear(struct bench *b, double percent, int minutes)
{
    SET(&b->config, strategy, ECS_DEPLOYMENT_STRATEGY_LINEAR);
    SET(&b->linear, step_percent, percent);
    SET(&b->linear, step_bake_time_in_minutes, minutes);
    SET(&b->config, linear_configuration, &b->linear);
}

static void canary(struct bench *b, double percent, int minutes)
{
    SET(&b->config, strategy, ECS_DEPLOYMENT_STRATEGY_CANARY);
    SET(&b->canary, canary_percent, percent);
    SET(&b->canary, canary_bake_time_in_minutes, minutes);
    SET(&b->config, canary_configuration, &b->canary);
}

// "5.0 (10) 100.0 bake 3": weights, and in brackets the minutes waited before the next one.
static struct str planned(struct bench *b)
{
    struct traffic_steps steps = traffic_steps_of(&b->config, &b->arena);
    struct str text = STR_NONE;

    for (size_t i = 0; i < steps.n; i++) {
        const struct traffic_step *step = &steps.at[i];
        text =
            str_fmt(&b->arena, "%.*s%d.%d ", STR_ARGS(text), step->weight / 10, step->weight % 10);
        if (step->wait > 0)
            text =
                str_fmt(&b->arena, "%.*s(%d) ", STR_ARGS(text), (int)(step->wait / TIME_MINUTE_MS));
    }
    return str_fmt(&b->arena, "%.*sbake %d", STR_ARGS(text), (int)(steps.bake / TIME_MINUTE_MS));
}

static void blue_green_is_one_step(void **state)
{
    struct bench b = {.config.strategy = ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN};
    (void)state;

    SET(&b.config, bake_time_in_minutes, 15);
    EXPECT_STR(planned(&b), "100.0 bake 15");
    arena_deinit(&b.arena);
}

static void linear_steps_are_even(void **state)
{
    struct bench b = {0};
    (void)state;

    SET(&b.config, bake_time_in_minutes, 2);
    linear(&b, 50, 1);
    EXPECT_STR(planned(&b), "50.0 (1) 100.0 bake 2");
    linear(&b, 30, 4);
    EXPECT_STR(planned(&b), "30.0 (4) 60.0 (4) 90.0 (4) 100.0 bake 2");
    linear(&b, 33.3, 0);
    EXPECT_STR(planned(&b), "33.3 66.6 99.9 100.0 bake 2");
    linear(&b, 100, 5);
    EXPECT_STR(planned(&b), "100.0 bake 2");
    arena_deinit(&b.arena);
}

static void linear_at_its_least_has_34_steps(void **state)
{
    struct bench b = {0};
    struct traffic_steps steps;
    (void)state;

    linear(&b, 3, 1);
    steps = traffic_steps_of(&b.config, &b.arena);
    assert_int_equal(steps.n, 34);
    assert_int_equal(steps.at[32].weight, 990);
    assert_int_equal(steps.at[33].weight, TRAFFIC_ALL);
    arena_deinit(&b.arena);
}

// Each allowed share: ceil(100 / share) steps, rising, the last one everything.
static void every_linear_share_ends_at_everything(void **state)
{
    (void)state;
    for (int tenths = 30; tenths <= 1000; tenths++) {
        struct bench b = {0};
        struct traffic_steps steps;

        linear(&b, (double)tenths / 10, 1);
        steps = traffic_steps_of(&b.config, &b.arena);
        assert_int_equal(steps.n, (1000 + tenths - 1) / tenths);
        for (size_t i = 0; i < steps.n; i++) {
            int want = (int)(i + 1) * tenths;
            assert_int_equal(steps.at[i].weight, want < 1000 ? want : 1000);
        }
        arena_deinit(&b.arena);
    }
}

static void a_canary_goes_first(void **state)
{
    struct bench b = {0};
    (void)state;

    canary(&b, 10, 7);
    SET(&b.config, bake_time_in_minutes, 3);
    EXPECT_STR(planned(&b), "10.0 (7) 100.0 bake 3");
    canary(&b, 0.1, 7);
    EXPECT_STR(planned(&b), "0.1 (7) 100.0 bake 3");
    canary(&b, 100, 7);
    EXPECT_STR(planned(&b), "100.0 bake 3");
    arena_deinit(&b.arena);
}

static void what_is_left_out_has_its_default(void **state)
{
    struct bench b = {.config.strategy = ECS_DEPLOYMENT_STRATEGY_CANARY};
    (void)state;

    EXPECT_STR(planned(&b), "5.0 (10) 100.0 bake 0");
    b.config.strategy = ECS_DEPLOYMENT_STRATEGY_LINEAR;
    EXPECT_STR(planned(&b), "10.0 (6) 20.0 (6) 30.0 (6) 40.0 (6) 50.0 (6) 60.0 (6) 70.0 (6) "
                            "80.0 (6) 90.0 (6) 100.0 bake 0");
    arena_deinit(&b.arena);
}

static void percentages_are_tenths_within_their_range(void **state)
{
    (void)state;
    for (int tenths = 1; tenths <= 1000; tenths++)
        assert_true(traffic_percent_is_valid((double)tenths / 10, 0.1));
    assert_true(traffic_percent_is_valid(3, 3));
    assert_false(traffic_percent_is_valid(2.9, 3));
    assert_false(traffic_percent_is_valid(0, 0.1));
    assert_false(traffic_percent_is_valid(100.1, 3));
    assert_false(traffic_percent_is_valid(33.33, 3));
    assert_false(traffic_percent_is_valid(1e300, 3));
    assert_false(traffic_percent_is_valid((double)INFINITY, 3));
    assert_false(traffic_percent_is_valid((double)NAN, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blue_green_is_one_step),
        cmocka_unit_test(linear_steps_are_even),
        cmocka_unit_test(linear_at_its_least_has_34_steps),
        cmocka_unit_test(every_linear_share_ends_at_everything),
        cmocka_unit_test(a_canary_goes_first),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(percentages_are_tenths_within_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
