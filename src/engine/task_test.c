// A task's way from payload to cleanup, on a fake runtime. Numbers are those of ecs-behaviour-agent
// C.

#include "base/test.h"

#include "engine/rig.h"

static void one_container_runs_and_ends(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 500;
    fake_image(rig.fake, "app")->exit_code = 3;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; RUNNING app=RUNNING; STOPPED app=STOPPED(3)");
    assert_true(rig_submit(&rig, "t1", "STOPPED")->execution_stopped_at > RIG_EPOCH);
    assert_true(rig_submit(&rig, "t1", "RUNNING")->pull_started_at > 0);
    assert_true(rig_submit(&rig, "t1", "RUNNING")->pull_stopped_at > 0);
    EXPECT_STR(rig_submit(&rig, "t1", "STOPPED")->reason, "");
    rig_deinit(&rig);
}

static void an_end_before_the_first_look_is_still_told_after_running(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 1;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; RUNNING app=RUNNING(0); STOPPED app=STOPPED(0)");
    rig_deinit(&rig);
}

// A task whose create call is done, but answered with "the name is in use".
static void start_with_name_in_use(struct rig *rig)
{
    struct acs_task *task;

    rig_init(rig, 1);
    fake_image(rig->fake, "app");
    fake_fail(rig->fake, HOST_CALL_KIND_CREATE, 1, FAKE_FAULT_LOST, HOST_ERROR_CLASS_CONFLICT,
              "the name is in use");
    task = rig_task(rig, "t1");
    rig_container(rig, task, "app", "app");
    rig_start(rig, task);
}

static void a_container_that_took_our_name_is_adopted_when_it_is_ours(void **state)
{
    struct rig rig;
    (void)state;

    start_with_name_in_use(&rig);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING");
    assert_int_equal(fake_containers(rig.fake), 1);
    rig_deinit(&rig);
}

static void a_strangers_container_with_our_name_is_left_alone(void **state)
{
    const struct fake_container *made;
    struct rig rig;
    (void)state;

    start_with_name_in_use(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_INSPECT, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "busy");
    rig_run(&rig, 500);
    made = fake_container_at(rig.fake, 0);
    for (size_t i = 0; i < made->config->labels.n; i++)
        made->config->labels.at[i].value = STR("another's");
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; STOPPED app=STOPPED!CannotCreateContainerError");
    assert_false(made->removed);
    rig_deinit(&rig);
}

// Docker keeps the name from the beginning of a create call on, and shows the container at its end.
static void a_name_that_nobody_has_is_asked_for_again(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_CREATE, 3, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_CONFLICT,
              "the name is in use");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING");
    assert_int_equal(fake_containers(rig.fake), 1);
    rig_deinit(&rig);
}

static void a_name_that_is_never_free_is_given_up(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_CREATE, 1000, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_CONFLICT,
              "the name is in use");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 10 * (time_ms)TIME_MINUTE_MS);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; STOPPED app=STOPPED!CannotCreateContainerError");
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_CREATE), 60);
    rig_deinit(&rig);
}

static void whose_the_name_is_is_asked_until_there_is_an_answer(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    for (int failures = 2; failures <= 5; failures += 3) {
        rig_init(&rig, 1);
        rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
        fake_image(rig.fake, "app")->run_ms = 100;
        fake_fail(rig.fake, HOST_CALL_KIND_CREATE, 1, FAKE_FAULT_LOST, HOST_ERROR_CLASS_CONFLICT,
                  "the name is in use");
        fake_fail(rig.fake, HOST_CALL_KIND_INSPECT, failures, FAKE_FAULT_FAIL,
                  HOST_ERROR_CLASS_OTHER, "busy");
        task = rig_task(&rig, "t1");
        rig_container(&rig, task, "app", "app");
        rig_start(&rig, task);
        rig_run(&rig, TIME_HOUR_MS);
        EXPECT_STR(rig_trace(&rig, "t1"),
                   failures < 5
                       ? "PENDING app=PENDING; RUNNING app=RUNNING; STOPPED app=STOPPED(0)"
                       : "PENDING app=PENDING; STOPPED app=STOPPED!CannotInspectContainerError");
        assert_true(fake_container_at(rig.fake, 0)->removed);
        rig_deinit(&rig);
    }
}

// 12
static void an_essential_exit_stops_the_others(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 500;
    fake_image(rig.fake, "side");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_container(&rig, task, "side", "side");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING side=PENDING; "
                                      "RUNNING app=RUNNING side=RUNNING; "
                                      "STOPPED app=STOPPED(0) side=STOPPED(143)");
    rig_deinit(&rig);
}

// Whenever the essential one ends, down to the moment in which the other is being started.
static void a_task_on_its_way_down_does_not_become_running(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    for (int64_t run_ms = 0; run_ms < 40; run_ms++) {
        rig_init(&rig, 1);
        fake_image(rig.fake, "app")->run_ms = run_ms;
        fake_image(rig.fake, "side")->pull_ms = 10;
        task = rig_task(&rig, "t1");
        rig_container(&rig, task, "app", "app");
        rig_container(&rig, task, "side", "side");
        rig_start(&rig, task);
        rig_run(&rig, 60000);
        if (run_ms < 8) // the other cannot have started by then
            assert_null(rig_submit(&rig, "t1", "RUNNING"));
        for (size_t i = 0; i < rig.submits_n; i++) {
            for (size_t k = 0; k < rig.submits[i]->containers.n; k++)
                assert_false(str_eq(rig.submits[i]->status, STR("RUNNING")) &&
                             str_eq(rig.submits[i]->containers.at[k].status, STR("STOPPED")));
        }
        rig_deinit(&rig);
    }
}

// 13
static void a_nonessential_exit_is_told_within_thirty_seconds(void **state)
{
    struct rig rig;
    struct acs_task *task;
    struct acs_container *side;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_image(rig.fake, "side")->run_ms = 1000;
    fake_image(rig.fake, "side")->exit_code = 1;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    side = rig_container(&rig, task, "side", "side");
    SET(side, essential, false);
    rig_start(&rig, task);
    rig_run(&rig, 5000);
    assert_null(rig_change(&rig, "t1", "side", "STOPPED"));
    rig_run(&rig, 30000);
    assert_int_equal(rig_change(&rig, "t1", "side", "STOPPED")->exit_code, 1);
    EXPECT_STR(rig.submits[rig.submits_n - 1]->status, "RUNNING");
    rig_deinit(&rig);
}

// 16
static void a_container_that_ignores_term_is_killed(void **state)
{
    struct rig rig;
    struct acs_task *task;
    struct acs_container *app;
    const struct fake_container *c;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->ignores_term = true;
    task = rig_task(&rig, "t1");
    app = rig_container(&rig, task, "app", "app");
    SET(app, stop_timeout, 5);
    rig_start(&rig, task);
    rig_run(&rig, 10000);
    rig_stop(&rig, "t1");
    rig_run(&rig, 4000);
    assert_null(rig_submit(&rig, "t1", "STOPPED"));
    rig_run(&rig, 2000);
    assert_int_equal(rig_change(&rig, "t1", "app", "STOPPED")->exit_code, 137);
    c = fake_find(rig.fake, STR("app"));
    assert_int_equal(c->finished_at - c->term_at, 5000);
    rig_deinit(&rig);
}

// 18
static void out_of_memory_is_named(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    fake_image(rig.fake, "app")->oom = true;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_change(&rig, "t1", "app", "STOPPED")->reason,
               "OutOfMemoryError: Container killed due to memory usage");
    assert_int_equal(rig_change(&rig, "t1", "app", "STOPPED")->exit_code, 137);
    rig_deinit(&rig);
}

static void a_start_error_is_the_reason(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->start_error = STR("Error response from daemon: no such file");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; STOPPED app=STOPPED!CannotStartContainerError");
    rig_deinit(&rig);
}

static void a_start_that_times_out_is_stopped_too(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_START, 1, FAKE_FAULT_SILENT, HOST_ERROR_CLASS_TIMEOUT, "");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 400000);
    EXPECT_STR(rig_change(&rig, "t1", "app", "STOPPED")->reason,
               "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s");
    assert_false(fake_find(rig.fake, STR("app"))->running);
    rig_deinit(&rig);
}

static void a_stop_that_the_runtime_refuses_ends_the_task_all_the_same(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_STOP, 99, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "no");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 10000);
    rig_stop(&rig, "t1");
    rig_run(&rig, 60000);
    EXPECT_STR(rig_change(&rig, "t1", "app", "STOPPED")->reason, "CannotStopContainerError: no");
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_STOP), 5);
    rig_deinit(&rig);
}

static void a_dead_runtime_is_waited_for_before_a_stop_counts(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 10000);
    fake_fail(rig.fake, HOST_CALL_KIND_STOP, 7, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_UNREACHABLE, "");
    fake_fail(rig.fake, HOST_CALL_KIND_PING, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_UNREACHABLE, "");
    rig_stop(&rig, "t1");
    rig_run(&rig, 60000);
    assert_int_equal(rig_change(&rig, "t1", "app", "STOPPED")->exit_code, 143);
    rig_deinit(&rig);
}

static void a_stop_for_an_unknown_task_is_reported(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    rig_stop(&rig, "t9");
    rig_run(&rig, 1000);
    EXPECT_STR(rig_submit(&rig, "t9", "STOPPED")->reason,
               "TaskStateError: Agent could not progress task's state to stopped");
    rig_deinit(&rig);
}

static void a_container_started_by_hand_after_its_end_is_stopped_once(void **state)
{
    struct rig rig;
    struct acs_task *task;
    struct host_call call = {0};
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 10000);
    fake_image(rig.fake, "app")->run_ms = -1;
    for (int i = 0; i < 2; i++) {
        SET(&call, kind, HOST_CALL_KIND_START);
        SET(&call, token, INT64_MAX - 1 - i);
        SET(&call, container, fake_find(rig.fake, STR("app"))->id);
        rig.runtime->driver->call(rig.runtime, &call);
        rig_run(&rig, 10000);
        assert_int_equal(fake_find(rig.fake, STR("app"))->running, i == 1);
    }
    rig_deinit(&rig);
}

// 29
static void a_stopped_task_is_cleaned_up_after_the_wait(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 3 * TIME_HOUR_MS - 1000);
    assert_false(fake_find(rig.fake, STR("app"))->removed);
    rig_run(&rig, 5000);
    assert_true(fake_find(rig.fake, STR("app"))->removed);
    assert_null(rig_view(&rig, "t1", "app"));
    for (size_t i = 0; i < rig.rows_n; i++)
        assert_true(rig.rows[i].kind == HOST_KIND_ENGINE || rig.rows[i].kind == HOST_KIND_IMAGE);
    rig_deinit(&rig);
}

// The rig fails when a timer asks for the moment that it fires in.
static void cleanup_waits_for_a_runtime_that_is_away(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 30 * (int64_t)TIME_SECOND_MS);
    rig_disconnect(&rig);
    rig_run(&rig, TIME_HOUR_MS);
    assert_false(fake_find(rig.fake, STR("app"))->removed);
    fake_set_down(rig.fake, false);
    rig_reconnect(&rig);
    rig_run(&rig, 5000);
    assert_true(fake_find(rig.fake, STR("app"))->removed);
    assert_null(rig_view(&rig, "t1", "app"));
    rig_deinit(&rig);
}

static void cleanup_goes_on_after_a_removal_that_met_no_runtime(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 30 * (int64_t)TIME_SECOND_MS);
    fake_set_down(rig.fake, true);
    rig_run(&rig, 32 * (int64_t)TIME_SECOND_MS); // the removal fails
    rig_disconnect(&rig);                        // and only then is the loss noticed
    rig_run(&rig, TIME_HOUR_MS);
    assert_non_null(rig_view(&rig, "t1", "app"));
    fake_set_down(rig.fake, false);
    rig_reconnect(&rig);
    rig_run(&rig, 5000);
    assert_null(rig_view(&rig, "t1", "app"));
    rig_deinit(&rig);
}

static void a_removal_that_fails_is_tried_again(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
    task = rig_task(&rig, "t1");
    SET(&task->volumes.at[task->volumes.n++], name, STR("data"));
    rig_container(&rig, task, "app", "app");
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE, 2, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "busy");
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE_VOLUME, 2, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER,
              "busy");
    rig_start(&rig, task);
    rig_run(&rig, TIME_HOUR_MS);
    assert_null(rig_view(&rig, "t1", "app"));
    assert_true(fake_container_at(rig.fake, 0)->removed);
    assert_int_equal(fake_volumes(rig.fake), 0);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_REMOVE), 3);
    rig_deinit(&rig);
}

static void what_can_never_be_removed_is_left(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE, 1000, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER,
              "busy");
    rig_start(&rig, task);
    rig_run(&rig, TIME_HOUR_MS);
    assert_null(rig_view(&rig, "t1", "app"));
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_REMOVE), 5);
    rig_deinit(&rig);
}

// A runtime that says it has started a container and has not.
static void a_start_that_was_a_lie_ends_the_task(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_START, 1, FAKE_FAULT_LIE, HOST_ERROR_CLASS_OTHER, "");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, TIME_MINUTE_MS);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; STOPPED app=STOPPED!CannotStartContainerError");
    rig_deinit(&rig);
}

static void a_stop_that_was_a_lie_is_made_again(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_STOP, 3, FAKE_FAULT_LIE, HOST_ERROR_CLASS_OTHER, "");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, TIME_MINUTE_MS);
    rig_stop(&rig, "t1");
    rig_run(&rig, TIME_MINUTE_MS);
    assert_false(fake_find(rig.fake, STR("app"))->running);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    rig_deinit(&rig);
}

static void what_could_not_be_stopped_is_killed_when_it_is_to_be_removed(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_STOP, 5, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "no");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, TIME_MINUTE_MS);
    rig_stop(&rig, "t1");
    rig_run(&rig, TIME_MINUTE_MS);
    assert_true(fake_find(rig.fake, STR("app"))->running);
    rig_run(&rig, TIME_HOUR_MS);
    assert_true(fake_find(rig.fake, STR("app"))->removed);
    assert_null(rig_view(&rig, "t1", "app"));
    rig_deinit(&rig);
}

static void ignore_post(void *user, const struct runtime_post *post)
{
    (void)user;
    (void)post;
}

// A create call of an agent that was killed, carried out when its container had been made again and
// had vanished.
static void a_container_made_late_under_our_name_is_removed(void **state)
{
    struct rig rig;
    struct acs_task *task;
    struct host_call create = {0};
    struct runtime *other;
    const struct fake_container *first;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 5000);
    first = fake_find(rig.fake, STR("app"));
    fake_vanish(rig.fake, first->id);
    other = fake_connect(rig.fake, ignore_post, NULL);
    SET(&create, kind, HOST_CALL_KIND_CREATE);
    SET(&create, token, 1);
    SET(&create, name, first->name);
    SET(&create, config, (struct docker_config *)first->config);
    SET(&create, host_config, (struct docker_host_config *)first->host);
    other->driver->call(other, &create);
    rig_run(&rig, TIME_HOUR_MS);
    assert_int_equal(fake_containers(rig.fake), 2);
    assert_true(fake_container_at(rig.fake, 1)->removed);
    rig_deinit(&rig);
}

static void a_container_whose_making_was_given_up_is_removed_when_it_appears(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->create_ms = 70 * TIME_SECOND_MS;
    rig.settings.create_timeout_ms = 10 * TIME_SECOND_MS;
    rig.settings.cleanup_wait_ms = 40 * (int64_t)TIME_SECOND_MS;
    rig.settings.cleanup_jitter_ms = 1;
    fake_fail(rig.fake, HOST_CALL_KIND_CREATE, 1, FAKE_FAULT_SILENT, HOST_ERROR_CLASS_OTHER, "");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, TIME_HOUR_MS);
    assert_null(rig_view(&rig, "t1", "app"));
    assert_int_equal(fake_containers(rig.fake), 1);
    assert_true(fake_container_at(rig.fake, 0)->removed);
    rig_deinit(&rig);
}

static void cleanup_waits_until_the_end_was_told(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->run_ms = 100;
    rig.retries = 1000000;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 4 * TIME_HOUR_MS);
    assert_false(fake_find(rig.fake, STR("app"))->removed);
    rig.retries = 0;
    rig_run(&rig, 70000);
    assert_true(fake_find(rig.fake, STR("app"))->removed);
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING(0); "
                                      "STOPPED app=STOPPED(0)");
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_container_runs_and_ends),
        cmocka_unit_test(an_end_before_the_first_look_is_still_told_after_running),
        cmocka_unit_test(a_container_that_took_our_name_is_adopted_when_it_is_ours),
        cmocka_unit_test(a_strangers_container_with_our_name_is_left_alone),
        cmocka_unit_test(a_name_that_nobody_has_is_asked_for_again),
        cmocka_unit_test(a_name_that_is_never_free_is_given_up),
        cmocka_unit_test(whose_the_name_is_is_asked_until_there_is_an_answer),
        cmocka_unit_test(an_essential_exit_stops_the_others),
        cmocka_unit_test(a_task_on_its_way_down_does_not_become_running),
        cmocka_unit_test(a_nonessential_exit_is_told_within_thirty_seconds),
        cmocka_unit_test(a_container_that_ignores_term_is_killed),
        cmocka_unit_test(out_of_memory_is_named),
        cmocka_unit_test(a_start_error_is_the_reason),
        cmocka_unit_test(a_start_that_times_out_is_stopped_too),
        cmocka_unit_test(a_stop_that_the_runtime_refuses_ends_the_task_all_the_same),
        cmocka_unit_test(a_dead_runtime_is_waited_for_before_a_stop_counts),
        cmocka_unit_test(a_stop_for_an_unknown_task_is_reported),
        cmocka_unit_test(a_container_started_by_hand_after_its_end_is_stopped_once),
        cmocka_unit_test(a_stopped_task_is_cleaned_up_after_the_wait),
        cmocka_unit_test(cleanup_waits_for_a_runtime_that_is_away),
        cmocka_unit_test(cleanup_goes_on_after_a_removal_that_met_no_runtime),
        cmocka_unit_test(a_removal_that_fails_is_tried_again),
        cmocka_unit_test(what_can_never_be_removed_is_left),
        cmocka_unit_test(a_start_that_was_a_lie_ends_the_task),
        cmocka_unit_test(a_stop_that_was_a_lie_is_made_again),
        cmocka_unit_test(what_could_not_be_stopped_is_killed_when_it_is_to_be_removed),
        cmocka_unit_test(a_container_made_late_under_our_name_is_removed),
        cmocka_unit_test(a_container_whose_making_was_given_up_is_removed_when_it_appears),
        cmocka_unit_test(cleanup_waits_until_the_end_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
