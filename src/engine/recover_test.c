// The agent dies at any moment and comes back: the same report, no container twice.

#include "base/test.h"

#include "engine/rig.h"

enum { DAY_MS = 24 * 3600 * 1000 };

// ---- the oracle

static int rank(struct str status)
{
    if (str_eq(status, STR("PENDING")))
        return 1;
    return str_eq(status, STR("RUNNING")) ? 2 : 3;
}

static void expect_rising(struct rig *rig, const char *name, const char *container)
{
    struct str arn = rig_arn(rig, name);
    int task_rank = 0;
    int container_rank = 0;

    for (size_t i = 0; i < rig->submits_n; i++) {
        const struct ecs_submit_task_state_change_request *s = rig->submits[i];

        if (!str_eq(s->task, arn))
            continue;
        assert_true(rank(s->status) >= task_rank);
        task_rank = rank(s->status);
        for (size_t k = 0; k < s->containers.n; k++) {
            if (!str_eq(s->containers.at[k].container_name, str_of(container)))
                continue;
            assert_true(rank(s->containers.at[k].status) >= container_rank);
            container_rank = rank(s->containers.at[k].status);
        }
    }
}

// At most one container for each container of each task, each started at most once.
static void expect_nothing_twice(const struct rig *rig)
{
    for (size_t i = 0; i < fake_containers(rig->fake); i++) {
        const struct fake_container *a = fake_container_at(rig->fake, i);

        assert_true(a->starts <= 1);
        for (size_t k = 0; k < i; k++) {
            const struct fake_container *b = fake_container_at(rig->fake, k);

            assert_false(str_eq(a->task_arn, b->task_arn) && str_eq(a->container, b->container));
        }
    }
}

// ---- single deaths

// 22
static void an_exit_while_the_agent_is_away_is_told_once(void **state)
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
    rig.runtime->driver->cancel(rig.runtime, INT64_MAX); // deaf, then dead
    fake_exit(rig.fake, fake_find(rig.fake, STR("app"))->id, 7);
    rig_restart(&rig);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; RUNNING app=RUNNING; STOPPED app=STOPPED(7)");
    rig_deinit(&rig);
}

// 23
static void a_create_whose_answer_was_lost_is_adopted(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_CREATE, 1, FAKE_FAULT_SILENT, HOST_ERROR_CLASS_OTHER, "");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 1000);
    assert_int_equal(fake_containers(rig.fake), 1);
    rig_restart(&rig);
    rig_run(&rig, 60000);
    assert_int_equal(fake_containers(rig.fake), 1);
    assert_true(fake_find(rig.fake, STR("app"))->running);
    rig_deinit(&rig);
}

static void a_container_that_vanished_is_named(void **state)
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
    fake_vanish(rig.fake, fake_find(rig.fake, STR("app"))->id);
    rig_restart(&rig);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_change(&rig, "t1", "app", "STOPPED")->reason,
               "ContainerVanishedError: No container matching saved ID found");
    assert_false(rig_change(&rig, "t1", "app", "STOPPED")->has.exit_code);
    rig_deinit(&rig);
}

static void an_exit_nobody_watched_is_not_restarted(void **state)
{
    struct rig rig;
    struct acs_task *task;
    struct acs_container *c;
    struct acs_restart_policy policy = {0};
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    task = rig_task(&rig, "t1");
    c = rig_container(&rig, task, "app", "app");
    SET(&policy, enabled, true);
    SET(&policy, restart_attempt_period, 60);
    SET(c, restart_policy, &policy);
    rig_start(&rig, task);
    rig_run(&rig, 100000);
    rig.runtime->driver->cancel(rig.runtime, INT64_MAX);
    fake_exit(rig.fake, fake_find(rig.fake, STR("app"))->id, 1);
    rig_restart(&rig);
    rig_run(&rig, 60000);
    assert_int_equal(rig_change(&rig, "t1", "app", "STOPPED")->exit_code, 1);
    assert_int_equal(fake_find(rig.fake, STR("app"))->starts, 1);
    rig_deinit(&rig);
}

static void what_a_runtime_restart_killed_is_told(void **state)
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
    fake_restart(rig.fake);
    rig_reconnect(&rig);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING app=PENDING; RUNNING app=RUNNING; STOPPED app=STOPPED(137)");
    rig_deinit(&rig);
}

static void the_queue_and_its_bookings_survive(void **state)
{
    struct rig rig;
    struct acs_task *first;
    struct acs_task *second;
    (void)state;

    rig_init(&rig, 1);
    rig.settings.memory_mib = 200;
    fake_image(rig.fake, "app");
    first = rig_task(&rig, "t1");
    rig_container(&rig, first, "one", "app");
    second = rig_task(&rig, "t2");
    rig_container(&rig, second, "two", "app");
    rig_start(&rig, first);
    rig_start(&rig, second);
    rig_run(&rig, 10000);
    rig_restart(&rig);
    rig_run(&rig, 60000);
    assert_null(fake_find(rig.fake, STR("two")));
    rig_stop(&rig, "t1");
    rig_run(&rig, 60000);
    assert_true(fake_find(rig.fake, STR("two"))->running);
    rig_deinit(&rig);
}

static void an_accepted_sequence_survives(void **state)
{
    struct rig rig;
    struct acs_task_manifest_message manifest = {0};
    (void)state;

    rig_init(&rig, 1);
    SET(&manifest, message_id, STR("m"));
    SET(&manifest, timeline, 5);
    rig_send(&rig, ACS_MESSAGE_TASK_MANIFEST_MESSAGE, &manifest);
    assert_int_equal(rig.messages_n, 1);
    rig_restart(&rig);
    rig_send(&rig, ACS_MESSAGE_TASK_MANIFEST_MESSAGE, &manifest);
    assert_int_equal(rig.messages_n, 1); // stale: no answer at all
    rig_deinit(&rig);
}

// ---- clocks

static void end_a_task_far_ahead(struct rig *rig)
{
    struct acs_task *task;

    rig_init(rig, 1);
    fake_image(rig->fake, "app")->run_ms = 500;
    task = rig_task(rig, "t1");
    rig_container(rig, task, "app", "app");
    rig_start(rig, task);
    rig_skip(rig, 80 * (int64_t)DAY_MS);
    rig_run(rig, 60000);
    assert_int_equal(rig_view(rig, "t1", "app")->status, HOST_CONTAINER_STATUS_STOPPED);
}

static void what_a_clock_ran_ahead_to_is_not_waited_for(void **state)
{
    struct rig rig;
    (void)state;

    end_a_task_far_ahead(&rig);
    rig_skip(&rig, -80 * (int64_t)DAY_MS);
    rig_restart(&rig);
    rig_run(&rig, 60000);
    assert_non_null(rig_view(&rig, "t1", "app"));
    rig_run(&rig, rig.settings.cleanup_wait_ms);
    assert_null(rig_view(&rig, "t1", "app"));
    assert_true(fake_container_at(rig.fake, 0)->removed);
    rig_deinit(&rig);
}

// Whether it was set ahead while the agent was there, or while it was not.
static void an_end_that_is_not_reported_yet_outlives_a_clock_set_ahead(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    for (int restarts = 0; restarts < 2; restarts++) {
        rig_init(&rig, 1);
        fake_image(rig.fake, "app")->run_ms = 500;
        task = rig_task(&rig, "t1");
        rig_container(&rig, task, "app", "app");
        rig.retries = 1000; // the server is away
        rig_start(&rig, task);
        rig_run(&rig, 60000);
        rig_skip(&rig, 80 * (int64_t)DAY_MS);
        if (restarts)
            rig_restart(&rig);
        rig_run(&rig, 60000);
        rig.retries = 0;
        rig_run(&rig, DAY_MS);
        assert_null(rig_view(&rig, "t1", "app"));
        assert_true(fake_container_at(rig.fake, 0)->removed);
        rig_deinit(&rig);
    }
}

static void a_clock_set_ahead_ends_no_call(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->pull_ms = 600000;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    rig_skip(&rig, 80 * (int64_t)DAY_MS);
    rig_run(&rig, 1200000);
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING");
    rig_deinit(&rig);
}

// ---- a death after every commit

// Two containers in order, one with a dynamic port and a volume; then a stop, then cleanup.
static void live_a_life(struct rig *rig)
{
    struct acs_task *task = rig_task(rig, "t1");
    struct acs_container *db = rig_container(rig, task, "db", "db");
    struct acs_container *app = rig_container(rig, task, "app", "app");
    struct acs_volume *volume = &task->volumes.at[task->volumes.n++];
    struct acs_mount_point *mount = &db->mount_points.at[db->mount_points.n++];

    fake_image(rig->fake, "db");
    fake_image(rig->fake, "app");
    SET(volume, name, STR("data"));
    SET(mount, source_volume, STR("data"));
    SET(mount, container_path, STR("/data"));
    rig_port(rig, app, 80, 0);
    rig_depends(rig, app, "db", ACS_CONTAINER_CONDITION_START);
    rig_start(rig, task);
    if (rig_view(rig, "t1", "app") == NULL)
        rig_start(rig, task); // died before it took it on: the server sends it again
    rig_run(rig, 60000);
    rig_stop(rig, "t1");
    rig_run(rig, 60000);
    rig_stop(rig, "t1"); // likewise
    rig_run(rig, DAY_MS);
}

static void expect_a_life_lived(struct rig *rig)
{
    expect_rising(rig, "t1", "db");
    expect_rising(rig, "t1", "app");
    expect_nothing_twice(rig);
    assert_int_equal(rig_change(rig, "t1", "app", "STOPPED")->exit_code, 143);
    assert_int_equal(rig_change(rig, "t1", "db", "STOPPED")->exit_code, 143);
    assert_non_null(rig_change(rig, "t1", "app", "RUNNING"));
    assert_int_equal(rig_change(rig, "t1", "app", "RUNNING")->network_bindings.n, 1);
    assert_int_equal(fake_volumes(rig->fake), 0);
    for (size_t i = 0; i < fake_containers(rig->fake); i++)
        assert_true(fake_container_at(rig->fake, i)->removed);
    assert_null(rig_view(rig, "t1", "app"));
}

static void a_death_after_any_commit_changes_nothing(void **state)
{
    int commits;
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    live_a_life(&rig);
    expect_a_life_lived(&rig);
    commits = rig.commits;
    rig_deinit(&rig);
    assert_true(commits > 15);

    for (int crash_at = 1; crash_at <= commits; crash_at++) {
        for (int how = RIG_CRASH_BEFORE_EFFECTS; how <= RIG_CRASH_AFTER_EFFECTS; how++) {
            rig_init(&rig, 1);
            rig.crash_at = crash_at;
            rig.crash = (enum rig_crash)how;
            live_a_life(&rig);
            expect_a_life_lived(&rig);
            assert_int_equal(rig.crash, RIG_CRASH_NEVER);
            rig_deinit(&rig);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_while_the_agent_is_away_is_told_once),
        cmocka_unit_test(a_create_whose_answer_was_lost_is_adopted),
        cmocka_unit_test(a_container_that_vanished_is_named),
        cmocka_unit_test(an_exit_nobody_watched_is_not_restarted),
        cmocka_unit_test(what_a_runtime_restart_killed_is_told),
        cmocka_unit_test(the_queue_and_its_bookings_survive),
        cmocka_unit_test(an_accepted_sequence_survives),
        cmocka_unit_test(what_a_clock_ran_ahead_to_is_not_waited_for),
        cmocka_unit_test(an_end_that_is_not_reported_yet_outlives_a_clock_set_ahead),
        cmocka_unit_test(a_clock_set_ahead_ends_no_call),
        cmocka_unit_test(a_death_after_any_commit_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
