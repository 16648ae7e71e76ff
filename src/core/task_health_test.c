#include "core/task_health.h"

#include "base/test.h"

// Started at second 100.
static struct task_health seen(enum check_result containers, enum check_result traffic,
                               int64_t grace_s, int64_t at_s)
{
    struct task_signs signs = {
        .is_running = true,
        .started_at = 100 * TIME_SECOND_MS,
        .containers = containers,
        .traffic = traffic,
        .grace = grace_s * TIME_SECOND_MS,
    };

    return task_health(&signs, at_s * TIME_SECOND_MS);
}

static void the_documented_table_holds(void **state)
{
    static const struct {
        enum check_result containers, traffic;
        bool healthy_at_once, healthy_later;
    } rows[] = {
        {CHECK_NONE, CHECK_NONE, false, true},       {CHECK_PASSED, CHECK_NONE, true, true},
        {CHECK_WAITING, CHECK_NONE, false, false},   {CHECK_FAILED, CHECK_NONE, false, false},
        {CHECK_NONE, CHECK_PASSED, true, true},      {CHECK_NONE, CHECK_WAITING, false, false},
        {CHECK_NONE, CHECK_FAILED, false, false},    {CHECK_PASSED, CHECK_PASSED, true, true},
        {CHECK_PASSED, CHECK_WAITING, false, false}, {CHECK_PASSED, CHECK_FAILED, false, false},
        {CHECK_WAITING, CHECK_PASSED, false, false}, {CHECK_WAITING, CHECK_WAITING, false, false},
        {CHECK_WAITING, CHECK_FAILED, false, false}, {CHECK_FAILED, CHECK_PASSED, false, false},
        {CHECK_FAILED, CHECK_WAITING, false, false}, {CHECK_FAILED, CHECK_FAILED, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct task_health early = seen(rows[i].containers, rows[i].traffic, 0, 100);
        struct task_health later = seen(rows[i].containers, rows[i].traffic, 0, 1000);
        bool fails = rows[i].containers == CHECK_FAILED || rows[i].traffic == CHECK_FAILED;

        assert_int_equal(early.is_healthy, rows[i].healthy_at_once);
        assert_int_equal(later.is_healthy, rows[i].healthy_later);
        assert_int_equal(early.is_failing, fails);
        assert_int_equal(early.is_unhealthy, fails);
    }
}

static void a_task_without_checks_is_healthy_after_40_seconds(void **state)
{
    struct task_health health = seen(CHECK_NONE, CHECK_NONE, 0, 139);
    (void)state;

    assert_false(health.is_healthy);
    assert_int_equal(health.changes_at, 140 * TIME_SECOND_MS);
    health = seen(CHECK_NONE, CHECK_NONE, 0, 140);
    assert_true(health.is_healthy);
    assert_int_equal(health.changes_at, 0);
}

static void failures_in_the_grace_period_replace_nothing(void **state)
{
    struct task_health health = seen(CHECK_PASSED, CHECK_FAILED, 60, 159);
    (void)state;

    assert_true(health.is_failing);
    assert_false(health.is_unhealthy);
    assert_false(health.is_healthy);
    assert_int_equal(health.changes_at, 160 * TIME_SECOND_MS);
    health = seen(CHECK_PASSED, CHECK_FAILED, 60, 160);
    assert_true(health.is_failing);
    assert_true(health.is_unhealthy);
    assert_int_equal(health.changes_at, 0);
}

static void the_grace_period_delays_no_success(void **state)
{
    (void)state;
    assert_true(seen(CHECK_PASSED, CHECK_PASSED, 600, 101).is_healthy);
    assert_true(seen(CHECK_NONE, CHECK_NONE, 600, 140).is_healthy);
}

static void a_task_that_does_not_run_is_neither(void **state)
{
    struct task_signs signs = {.containers = CHECK_FAILED};
    struct task_health health = task_health(&signs, 1000 * TIME_SECOND_MS);
    (void)state;

    assert_false(health.is_healthy);
    assert_false(health.is_failing);
    assert_false(health.is_unhealthy);
    signs.containers = CHECK_NONE;
    assert_false(task_health(&signs, 1000 * TIME_SECOND_MS).is_healthy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_table_holds),
        cmocka_unit_test(a_task_without_checks_is_healthy_after_40_seconds),
        cmocka_unit_test(failures_in_the_grace_period_replace_nothing),
        cmocka_unit_test(the_grace_period_delays_no_success),
        cmocka_unit_test(a_task_that_does_not_run_is_neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
