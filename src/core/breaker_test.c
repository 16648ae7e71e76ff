#include "core/breaker.h"

#include "base/test.h"

#define BOUNDED   ECS_THRESHOLD_TYPE_BOUNDED_PERCENT
#define UNBOUNDED ECS_THRESHOLD_TYPE_UNBOUNDED_PERCENT
#define COUNT     ECS_THRESHOLD_TYPE_COUNT

static void the_documented_thresholds_hold(void **state)
{
    static const struct {
        int64_t desired;
        enum ecs_threshold_type type;
        int64_t value, threshold;
    } rows[] = {
        {1, BOUNDED, 50, 3},     {2, BOUNDED, 50, 3},     {5, BOUNDED, 50, 3},
        {6, BOUNDED, 50, 3},     {7, BOUNDED, 50, 4},     {10, BOUNDED, 50, 5},
        {25, BOUNDED, 50, 13},   {100, BOUNDED, 50, 50},  {399, BOUNDED, 50, 200},
        {400, BOUNDED, 50, 200}, {800, BOUNDED, 50, 200}, {800, UNBOUNDED, 50, 400},
        {10, COUNT, 5, 5},       {0, BOUNDED, 50, 3},     {0, UNBOUNDED, 50, 1},
        {1, UNBOUNDED, 1, 1},    {101, UNBOUNDED, 1, 2},  {0, COUNT, 1, 1},
        {10, BOUNDED, 100, 10},  {10, COUNT, 500, 500},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct breaker_rule rule = {.enabled = true, .type = rows[i].type, .value = rows[i].value};
        assert_int_equal(breaker_threshold(&rule, rows[i].desired), rows[i].threshold);
    }
}

static void what_is_left_out_has_its_default(void **state)
{
    struct ecs_deployment_circuit_breaker config = {.enable = true};
    struct ecs_threshold_configuration threshold = {.type = COUNT, .value = 7};
    struct breaker_rule rule = breaker_rule_of(NULL);
    (void)state;

    assert_false(rule.enabled);
    rule = breaker_rule_of(&config);
    assert_true(rule.enabled);
    assert_true(rule.reset_on_healthy_task);
    assert_int_equal(rule.type, BOUNDED);
    assert_int_equal(rule.value, 50);
    SET(&config, reset_on_healthy_task, false);
    SET(&config, threshold_configuration, &threshold);
    rule = breaker_rule_of(&config);
    assert_false(rule.reset_on_healthy_task);
    assert_int_equal(rule.type, COUNT);
    assert_int_equal(rule.value, 7);
}

// One letter an event: n not started, r running, h healthy, u replaced for health, c count changed.
static struct breaker after(const struct breaker_rule *rule, int64_t desired, const char *events)
{
    struct breaker breaker = {0};

    for (; *events != '\0'; events++) {
        enum breaker_event event = *events == 'n'   ? BREAKER_TASK_NOT_STARTED
                                   : *events == 'r' ? BREAKER_TASK_RUNNING
                                   : *events == 'h' ? BREAKER_TASK_HEALTHY
                                   : *events == 'u' ? BREAKER_TASK_REPLACED
                                                    : BREAKER_COUNT_CHANGED;
        breaker = breaker_after(breaker, rule, desired, event);
    }
    return breaker;
}

static void failures_count_by_stage(void **state)
{
    static const struct {
        const char *events;
        bool reset;
        int64_t failures;
        bool tripped;
    } rows[] = {
        {"", true, 0, false},
        {"nn", true, 2, false},
        {"nnn", true, 3, true},
        {"nnnnn", true, 3, true},    // tripped is tripped
        {"nnnrh", true, 3, true},    // for good
        {"nnrnnnn", true, 2, false}, // the second stage does not count failed starts
        {"nnru", true, 3, true},     // RUNNING alone takes nothing back
        {"nnrhu", true, 1, false},   // a healthy task does
        {"nnrhu", false, 3, true},   // unless it is told not to
        {"ruhuhu", true, 1, false},  // in a row
        {"ruhuhu", false, 3, true},  // in the whole deployment
        {"ruuu", true, 3, true},
        {"uuuu", true, 0, false},   // nothing is replaced for health
                                    // before it ran
        {"rrrrrr", true, 0, false}, // tasks that run and exit
        {"nnhn", true, 1, false},
        {"nnc", true, 2, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct breaker_rule rule = {.enabled = true, .type = BOUNDED, .value = 50};
        struct breaker breaker;

        rule.reset_on_healthy_task = rows[i].reset;
        breaker = after(&rule, 3, rows[i].events);
        assert_int_equal(breaker.failures, rows[i].failures);
        assert_int_equal(breaker.tripped, rows[i].tripped);
    }
}

static void the_desired_count_is_read_again(void **state)
{
    struct breaker_rule rule = {.enabled = true, .type = BOUNDED, .value = 50};
    struct breaker breaker = after(&rule, 100, "nnnnnnnnnn");
    (void)state;

    assert_false(breaker.tripped);
    assert_false(breaker_after(breaker, &rule, 21, BREAKER_COUNT_CHANGED).tripped);
    assert_true(breaker_after(breaker, &rule, 20, BREAKER_COUNT_CHANGED).tripped);
}

static void a_disabled_breaker_counts_nothing(void **state)
{
    struct breaker_rule rule = {.type = BOUNDED, .value = 50};
    struct breaker breaker = after(&rule, 1, "nnnnnnruuuu");
    (void)state;

    assert_int_equal(breaker.failures, 0);
    assert_false(breaker.tripped);
}

static void the_status_tells_where_it_stands(void **state)
{
    struct breaker_rule rule = {.enabled = true, .type = BOUNDED, .value = 50};
    struct breaker fresh = {0};
    struct breaker tripped = after(&rule, 1, "nnn");
    (void)state;

    assert_int_equal(breaker_status(&fresh, &rule, false),
                     ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING);
    assert_int_equal(breaker_status(&fresh, &rule, true),
                     ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING_COMPLETE);
    assert_int_equal(breaker_status(&tripped, &rule, true),
                     ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED);
    rule.enabled = false;
    assert_int_equal(breaker_status(&fresh, &rule, true),
                     ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_DISABLED);
}

// --- back-off

static void the_delay_doubles_up_to_27_minutes(void **state)
{
    static const int64_t seconds[] = {0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1620, 1620};

    (void)state;
    for (size_t k = 0; k < sizeof seconds / sizeof *seconds; k++)
        assert_int_equal(backoff_delay((int64_t)k), seconds[k] * TIME_SECOND_MS);
    assert_int_equal(backoff_delay(INT64_MAX), 27 * TIME_MINUTE_MS);
}

static void a_task_that_keeps_failing_waits_longer_each_time(void **state)
{
    static const int64_t want[] = {1000, 2000, 8000, 19000, 40000};
    struct backoff backoff = backoff_none();
    time_ms now = 0;
    (void)state;

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        backoff = backoff_failed(backoff, now, now + 1000); // it lives for a second
        now = backoff_until(&backoff);
        assert_int_equal(now, want[i]);
        assert_int_equal(backoff_is_impaired(&backoff), i >= 2);
    }
    assert_int_equal(backoff.failed_tasks, 5);
    backoff = backoff_none();
    assert_true(backoff_until(&backoff) <= now);
    assert_false(backoff_is_impaired(&backoff));
}

static void tasks_started_together_are_one_attempt(void **state)
{
    struct backoff backoff = backoff_none();
    (void)state;

    for (time_ms i = 0; i < 10; i++)
        backoff = backoff_failed(backoff, 100, 500 + i);
    assert_int_equal(backoff.failed_tasks, 10);
    assert_int_equal(backoff.attempts, 1);
    assert_int_equal(backoff_until(&backoff), 500);
    backoff = backoff_failed(backoff, 499, 700); // started before the first failure was known
    assert_int_equal(backoff.attempts, 1);
    backoff = backoff_failed(backoff, 500, 800);
    assert_int_equal(backoff.attempts, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_thresholds_hold),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(failures_count_by_stage),
        cmocka_unit_test(the_desired_count_is_read_again),
        cmocka_unit_test(a_disabled_breaker_counts_nothing),
        cmocka_unit_test(the_status_tells_where_it_stands),
        cmocka_unit_test(the_delay_doubles_up_to_27_minutes),
        cmocka_unit_test(a_task_that_keeps_failing_waits_longer_each_time),
        cmocka_unit_test(tasks_started_together_are_one_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
