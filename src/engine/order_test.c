// Ordering, restarts and health. Numbers are those of ecs-behaviour-agent C.

#include "base/test.h"

#include "engine/rig.h"

struct pair {
    struct rig rig;
    struct acs_task *task;
    struct acs_container *a; // depends on b
    struct acs_container *b;
};

static void make_pair(struct pair *pair, enum acs_container_condition condition)
{
    rig_init(&pair->rig, 1);
    fake_image(pair->rig.fake, "a");
    fake_image(pair->rig.fake, "b");
    pair->task = rig_task(&pair->rig, "t1");
    pair->a = rig_container(&pair->rig, pair->task, "a", "a");
    pair->b = rig_container(&pair->rig, pair->task, "b", "b");
    rig_depends(&pair->rig, pair->a, "b", condition);
}

static void add_health_check(struct rig *rig, struct acs_container *c)
{
    struct docker_config *config = rig_config(rig, c);

    SET(config, healthcheck, arena_new(&rig->arena, struct docker_health_config));
    SET(c, health_check_type, ACS_HEALTH_CHECK_TYPE_DOCKER);
}

static const struct fake_container *find(struct pair *pair, const char *name)
{
    return fake_find(pair->rig.fake, str_of(name));
}

// ---- going up

static void start_waits_for_start(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    fake_image(p.rig.fake, "b")->pull_ms = 5000;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_true(find(&p, "a")->started_at > find(&p, "b")->started_at);
    assert_true(find(&p, "a")->running);
    rig_deinit(&p.rig);
}

static void a_dependent_is_not_even_pulled_before(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    fake_image(p.rig.fake, "b")->pull_ms = 5000;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 4000);
    assert_int_equal(fake_calls(p.rig.fake, HOST_CALL_KIND_PULL), 1);
    assert_int_equal(fake_calls(p.rig.fake, HOST_CALL_KIND_MANIFEST), 2); // never held back
    rig_deinit(&p.rig);
}

static void unless_pulled_upfront(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    p.rig.settings.pull_dependents_upfront = true;
    fake_image(p.rig.fake, "b")->pull_ms = 5000;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 4000);
    assert_int_equal(fake_calls(p.rig.fake, HOST_CALL_KIND_PULL), 2);
    assert_null(find(&p, "a"));
    rig_deinit(&p.rig);
}

static void success_waits_for_exit_zero(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_SUCCESS);
    fake_image(p.rig.fake, "b")->run_ms = 2000;
    SET(p.b, essential, false);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_true(find(&p, "a")->started_at >= find(&p, "b")->finished_at);
    assert_non_null(rig_submit(&p.rig, "t1", "RUNNING"));
    rig_deinit(&p.rig);
}

// 14
static void a_failed_dependency_ends_the_dependent_with_143(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_SUCCESS);
    fake_image(p.rig.fake, "b")->run_ms = 100;
    fake_image(p.rig.fake, "b")->exit_code = 1;
    SET(p.b, essential, false);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_null(find(&p, "a"));
    assert_int_equal(rig_change(&p.rig, "t1", "a", "STOPPED")->exit_code, 143);
    EXPECT_STR(rig_change(&p.rig, "t1", "a", "STOPPED")->reason,
               "CannotStartContainerError: dependency graph: container b exited with code 1, a "
               "waits for it with SUCCESS");
    assert_non_null(rig_submit(&p.rig, "t1", "STOPPED"));
    assert_null(rig_submit(&p.rig, "t1", "RUNNING"));
    rig_deinit(&p.rig);
}

// 15
// The start may have happened, so what depends on it can neither begin nor be waited for.
static void a_start_whose_answer_was_lost_ends_the_task_of_its_dependent(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_SUCCESS);
    fake_fail(p.rig.fake, HOST_CALL_KIND_START, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_UNREACHABLE,
              "connection closed");
    SET(p.b, essential, false);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, TIME_MINUTE_MS);
    assert_non_null(rig_submit(&p.rig, "t1", "STOPPED"));
    rig_deinit(&p.rig);
}

static void a_dependent_gives_up_after_the_start_timeout(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_HEALTHY);
    SET(p.b, start_timeout, 10);
    add_health_check(&p.rig, p.b);
    fake_image(p.rig.fake, "b")->unhealthy_after_ms = 1000;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 9000);
    assert_null(rig_change(&p.rig, "t1", "a", "STOPPED"));
    rig_run(&p.rig, 5000);
    assert_int_equal(rig_change(&p.rig, "t1", "a", "STOPPED")->exit_code, 143);
    rig_deinit(&p.rig);
}

// The runtime's clock, which startedAt is of, was set back meanwhile: nobody has waited for so
// long.
static void a_clock_set_back_is_no_start_timeout(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_HEALTHY);
    SET(p.b, start_timeout, 10);
    add_health_check(&p.rig, p.b);
    fake_image(p.rig.fake, "b")->healthy_after_ms = 7000;
    rig_boot(&p.rig);
    rig_skip(&p.rig, TIME_HOUR_MS);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_true(find(&p, "a")->running);
    rig_deinit(&p.rig);
}

static void healthy_waits_for_health(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_HEALTHY);
    add_health_check(&p.rig, p.b);
    fake_image(p.rig.fake, "b")->healthy_after_ms = 7000;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_true(find(&p, "a")->started_at >= find(&p, "b")->started_at + 7000);
    rig_deinit(&p.rig);
}

static void complete_takes_any_exit(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_COMPLETE);
    fake_image(p.rig.fake, "b")->run_ms = 100;
    fake_image(p.rig.fake, "b")->exit_code = 9;
    SET(p.b, essential, false);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_true(find(&p, "a")->running);
    rig_deinit(&p.rig);
}

// 35
static void a_link_is_an_order_and_an_alias(void **state)
{
    struct pair p;
    struct str links[] = {STR("b:database")};
    struct str want;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    p.a->depends_on.n = 0;
    SET(p.a, links, (struct str_list){.n = 1, .at = links});
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_true(find(&p, "a")->created_at > find(&p, "b")->started_at);
    want = str_fmt(&p.rig.arena, "%.*s:database", STR_ARGS(find(&p, "b")->name));
    assert_true(str_eq(find(&p, "a")->host->links.at[0], want));
    rig_deinit(&p.rig);
}

static void a_cycle_stops_the_task_at_once(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    rig_depends(&p.rig, p.b, "a", ACS_CONTAINER_CONDITION_START);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 1000);
    EXPECT_STR(rig_submit(&p.rig, "t1", "STOPPED")->reason,
               "Task dependencies cannot be resolved, taskArn: arn:aws:ecs:r:1:task/default/t1");
    rig_deinit(&p.rig);
}

static void an_unknown_dependency_stops_the_task_at_once(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    rig_depends(&p.rig, p.b, "nobody", ACS_CONTAINER_CONDITION_START);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 1000);
    assert_non_null(rig_submit(&p.rig, "t1", "STOPPED"));
    assert_int_equal(fake_containers(p.rig.fake), 0);
    rig_deinit(&p.rig);
}

// ---- going down

// 17
static void what_depends_is_stopped_first(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    fake_image(p.rig.fake, "a")->ignores_term = true;
    SET(p.a, stop_timeout, 5);
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 10000);
    rig_stop(&p.rig, "t1");
    rig_run(&p.rig, 60000);
    assert_true(find(&p, "b")->term_at >= find(&p, "a")->finished_at);
    assert_int_equal(rig_change(&p.rig, "t1", "b", "STOPPED")->exit_code, 143);
    rig_deinit(&p.rig);
}

static void strangers_are_stopped_together(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    p.a->depends_on.n = 0;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 10000);
    rig_stop(&p.rig, "t1");
    rig_run(&p.rig, 60000);
    assert_int_equal(find(&p, "a")->term_at, find(&p, "b")->term_at);
    rig_deinit(&p.rig);
}

// ---- restart policy

struct restarting {
    struct rig rig;
    struct acs_task *task;
    struct acs_restart_policy policy;
    int32_t ignored[1];
};

static void make_restarting(struct restarting *r, int64_t run_ms, int32_t exit_code)
{
    struct acs_container *c;

    rig_init(&r->rig, 1);
    fake_image(r->rig.fake, "a")->run_ms = run_ms;
    fake_image(r->rig.fake, "a")->exit_code = exit_code;
    r->task = rig_task(&r->rig, "t1");
    c = rig_container(&r->rig, r->task, "a", "a");
    r->policy = (struct acs_restart_policy){0};
    SET(&r->policy, enabled, true);
    SET(&r->policy, restart_attempt_period, 60);
    SET(c, restart_policy, &r->policy);
}

// 26
static void a_crash_within_the_period_is_not_restarted(void **state)
{
    struct restarting r;
    (void)state;

    make_restarting(&r, 10000, 1);
    rig_start(&r.rig, r.task);
    rig_run(&r.rig, 60000);
    assert_int_equal(fake_find(r.rig.fake, STR("a"))->starts, 1);
    assert_int_equal(rig_change(&r.rig, "t1", "a", "STOPPED")->exit_code, 1);
    rig_deinit(&r.rig);
}

// 27
static void a_late_crash_is_restarted_and_a_quick_second_one_is_not(void **state)
{
    struct restarting r;
    (void)state;

    make_restarting(&r, 90000, 1);
    rig_start(&r.rig, r.task);
    rig_run(&r.rig, 100000);
    fake_exit(r.rig.fake, fake_find(r.rig.fake, STR("a"))->id, 2);
    assert_int_equal(rig_view(&r.rig, "t1", "a")->restart_count, 1);
    rig_run(&r.rig, 60000);
    EXPECT_STR(rig_trace(&r.rig, "t1"),
               "PENDING a=PENDING; RUNNING a=RUNNING; STOPPED a=STOPPED(2)");
    assert_int_equal(fake_find(r.rig.fake, STR("a"))->starts, 2);
    assert_int_equal(fake_containers(r.rig.fake), 1);
    rig_deinit(&r.rig);
}

// As long by the clock of whoever restarts: the runtime's may have been set back.
static void a_clock_set_back_is_no_restart_attempt_period(void **state)
{
    struct restarting r;
    (void)state;

    make_restarting(&r, 10000, 1);
    rig_boot(&r.rig);
    rig_skip(&r.rig, TIME_HOUR_MS);
    rig_start(&r.rig, r.task);
    rig_run(&r.rig, 60000);
    assert_int_equal(fake_find(r.rig.fake, STR("a"))->starts, 1);
    rig_deinit(&r.rig);
}

// 28
static void an_ignored_exit_code_is_not_restarted(void **state)
{
    struct restarting r;
    (void)state;

    make_restarting(&r, 90000, 0);
    r.ignored[0] = 0;
    SET(&r.policy, ignored_exit_codes, (struct int_list){.n = 1, .at = r.ignored});
    rig_start(&r.rig, r.task);
    rig_run(&r.rig, 200000);
    assert_int_equal(fake_find(r.rig.fake, STR("a"))->starts, 1);
    rig_deinit(&r.rig);
}

static void a_restarted_container_forgets_why_it_had_ended(void **state)
{
    struct restarting r;
    (void)state;

    make_restarting(&r, 90000, 1);
    fake_image(r.rig.fake, "a")->oom = true;
    rig_start(&r.rig, r.task);
    rig_run(&r.rig, 100000);
    assert_int_equal(rig_view(&r.rig, "t1", "a")->restart_count, 1);
    assert_int_equal(rig_view(&r.rig, "t1", "a")->reason.len, 0);
    rig_restart(&r.rig);
    fake_exit(r.rig.fake, fake_find(r.rig.fake, STR("a"))->id, 0);
    rig_run(&r.rig, 60000);
    EXPECT_STR(rig_trace(&r.rig, "t1"),
               "PENDING a=PENDING; RUNNING a=RUNNING; STOPPED a=STOPPED(0)");
    rig_deinit(&r.rig);
}

static void nothing_is_known_of_a_restarted_containers_health(void **state)
{
    struct restarting r;
    (void)state;

    make_restarting(&r, 90000, 1);
    add_health_check(&r.rig, &r.task->containers.at[0]);
    fake_image(r.rig.fake, "a")->unhealthy_after_ms = 50000;
    rig_start(&r.rig, r.task);
    rig_run(&r.rig, 80000);
    assert_int_equal(rig_view(&r.rig, "t1", "a")->health, ENGINE_HEALTH_UNHEALTHY);
    rig_run(&r.rig, 20000);
    assert_int_equal(rig_view(&r.rig, "t1", "a")->restart_count, 1);
    assert_int_equal(rig_view(&r.rig, "t1", "a")->health, ENGINE_HEALTH_UNKNOWN);
    rig_run(&r.rig, 60000);
    assert_int_equal(rig_view(&r.rig, "t1", "a")->health, ENGINE_HEALTH_UNHEALTHY);
    rig_deinit(&r.rig);
}

static void a_stopping_container_is_not_restarted(void **state)
{
    struct restarting r;
    (void)state;

    make_restarting(&r, -1, 0);
    rig_start(&r.rig, r.task);
    rig_run(&r.rig, 100000);
    rig_stop(&r.rig, "t1");
    rig_run(&r.rig, 60000);
    assert_int_equal(fake_find(r.rig.fake, STR("a"))->starts, 1);
    assert_non_null(rig_submit(&r.rig, "t1", "STOPPED"));
    rig_deinit(&r.rig);
}

// ---- health

// 24
static void an_unhealthy_container_is_reported_and_left_running(void **state)
{
    struct pair p;
    const struct engine_view *view;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    add_health_check(&p.rig, p.b);
    fake_image(p.rig.fake, "b")->healthy_after_ms = 1000;
    fake_image(p.rig.fake, "b")->unhealthy_after_ms = 9000;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 5000);
    assert_int_equal(rig_view(&p.rig, "t1", "b")->health, ENGINE_HEALTH_HEALTHY);
    rig_run(&p.rig, 60000);
    view = rig_view(&p.rig, "t1", "b");
    assert_true(view->health_tracked);
    assert_int_equal(view->health, ENGINE_HEALTH_UNHEALTHY);
    assert_int_equal(view->health_since, find(&p, "b")->started_at + 9000);
    assert_true(find(&p, "b")->running);
    rig_deinit(&p.rig);
}

// 25
static void an_image_health_check_alone_stays_unknown(void **state)
{
    struct pair p;
    (void)state;

    make_pair(&p, ACS_CONTAINER_CONDITION_START);
    fake_image(p.rig.fake, "b")->healthy_after_ms = 1000;
    rig_start(&p.rig, p.task);
    rig_run(&p.rig, 60000);
    assert_false(rig_view(&p.rig, "t1", "b")->health_tracked);
    assert_int_equal(rig_view(&p.rig, "t1", "b")->health, ENGINE_HEALTH_UNKNOWN);
    rig_deinit(&p.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_waits_for_start),
        cmocka_unit_test(a_dependent_is_not_even_pulled_before),
        cmocka_unit_test(unless_pulled_upfront),
        cmocka_unit_test(success_waits_for_exit_zero),
        cmocka_unit_test(a_failed_dependency_ends_the_dependent_with_143),
        cmocka_unit_test(a_start_whose_answer_was_lost_ends_the_task_of_its_dependent),
        cmocka_unit_test(a_dependent_gives_up_after_the_start_timeout),
        cmocka_unit_test(a_clock_set_back_is_no_start_timeout),
        cmocka_unit_test(healthy_waits_for_health),
        cmocka_unit_test(complete_takes_any_exit),
        cmocka_unit_test(a_link_is_an_order_and_an_alias),
        cmocka_unit_test(a_cycle_stops_the_task_at_once),
        cmocka_unit_test(an_unknown_dependency_stops_the_task_at_once),
        cmocka_unit_test(what_depends_is_stopped_first),
        cmocka_unit_test(strangers_are_stopped_together),
        cmocka_unit_test(a_crash_within_the_period_is_not_restarted),
        cmocka_unit_test(a_late_crash_is_restarted_and_a_quick_second_one_is_not),
        cmocka_unit_test(a_clock_set_back_is_no_restart_attempt_period),
        cmocka_unit_test(an_ignored_exit_code_is_not_restarted),
        cmocka_unit_test(a_restarted_container_forgets_why_it_had_ended),
        cmocka_unit_test(nothing_is_known_of_a_restarted_containers_health),
        cmocka_unit_test(a_stopping_container_is_not_restarted),
        cmocka_unit_test(an_unhealthy_container_is_reported_and_left_running),
        cmocka_unit_test(an_image_health_check_alone_stays_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
