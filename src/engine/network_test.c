// Pause containers and the network of an awsvpc task, on a fake host.

#include "base/test.h"

#include "engine/rig.h"

#define PAUSE     "~internal~ecs~pause"
#define NAMESPACE "~internal~ecs~pause~namespace"

static void init(struct rig *rig)
{
    rig_init(rig, 1);
    fake_image(rig->fake, "app");
}

static struct acs_task *awsvpc_task(struct rig *rig, const char *groups)
{
    struct acs_task *task = rig_task(rig, "t1");

    rig_container(rig, task, "app", "app");
    rig_network(rig, task, groups);
    return task;
}

static enum host_container_status status(struct rig *rig, const char *container)
{
    return rig_view(rig, "t1", container)->status;
}

static void a_task_enters_the_network_of_its_pause_container(void **state)
{
    const struct fake_container *pause;
    const struct fake_container *app;
    struct acs_task *task;
    struct rig rig;
    (void)state;

    init(&rig);
    task = awsvpc_task(&rig, NULL);
    rig_port(&rig, &task->containers.at[0], 80, 80);
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    pause = fake_find(rig.fake, STR(PAUSE));
    app = fake_find(rig.fake, STR("app"));
    EXPECT_STR(pause->host->network_mode, "none");
    EXPECT_STR(pause->config->hostname, "t1");
    EXPECT_STR(pause->config->image, ENGINE_PAUSE_IMAGE);
    assert_false(pause->config->has.env);
    assert_true(str_starts(pause->name, STR("ecs-web-7-internalecspause-")));
    EXPECT_STR(app->host->network_mode,
               str_cstr(&rig.arena, str_fmt(&rig.arena, "container:%.*s", STR_ARGS(pause->id))));
    assert_false(app->config->has.exposed_ports);
    assert_false(app->host->has.port_bindings);
    assert_int_equal(status(&rig, PAUSE), HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED);
    assert_int_equal(fake_networks(rig.fake), 1);
    EXPECT_STR(rig_view(&rig, "t1", "app")->network->address, "10.0.0.1");
    rig_deinit(&rig);
}

static void the_interface_is_told_alone_and_before_anything_runs(void **state)
{
    const struct ecs_submit_task_state_change_request *first;
    struct rig rig;
    (void)state;

    init(&rig);
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 60000);
    first = rig.submits[0];
    assert_false(first->has.status);
    assert_false(first->has.containers);
    assert_int_equal(first->attachments.n, 1);
    EXPECT_STR(first->attachments.at[0].attachment_arn, "arn:aws:ecs:r:1:attachment/a1");
    EXPECT_STR(first->attachments.at[0].status, "ATTACHED");
    EXPECT_STR(first->attachments.at[0].details.at[0].name, "privateIPv4Address");
    EXPECT_STR(first->attachments.at[0].details.at[0].value, "10.0.0.1");
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING");
    rig_restart(&rig);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING");
    rig_deinit(&rig);
}

static void the_network_goes_after_the_containers_and_before_the_pause(void **state)
{
    const struct fake_container *pause;
    const struct fake_container *app;
    struct rig rig;
    (void)state;

    init(&rig);
    fake_image(rig.fake, "app")->ignores_term = true;
    rig.settings.stop_timeout_ms = 20 * TIME_SECOND_MS;
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 60000);
    rig_stop(&rig, "t1");
    fake_fail(rig.fake, HOST_CALL_KIND_NETWORK_DOWN, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER,
              "not now");
    rig_run(&rig, 19 * TIME_SECOND_MS);
    assert_int_equal(fake_networks(rig.fake), 1);
    rig_run(&rig, 40 * TIME_SECOND_MS);
    pause = fake_find(rig.fake, STR(PAUSE));
    app = fake_find(rig.fake, STR("app"));
    assert_int_equal(fake_networks(rig.fake), 0);
    assert_true(pause->term_at >= app->finished_at + TIME_SECOND_MS); // the second try's pause
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING; "
                                      "RUNNING app=STOPPED(137); STOPPED");
    rig_deinit(&rig);
}

static void a_network_that_cannot_be_set_up_ends_its_task(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_NETWORK_UP, 1, FAKE_FAULT_LOST, HOST_ERROR_CLASS_OTHER,
              "no address is left");
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 60000);
    EXPECT_STR(rig_submit(&rig, "t1", "STOPPED")->reason,
               "ContainerNetworkingError: no address is left");
    assert_int_equal(fake_networks(rig.fake), 0); // what there was of it is removed
    assert_null(fake_find(rig.fake, STR("app")));
    rig_deinit(&rig);
}

static void a_network_that_takes_too_long_ends_its_task(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_NETWORK_UP, 1, FAKE_FAULT_HANG, HOST_ERROR_CLASS_OTHER, "");
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 2 * TIME_MINUTE_MS);
    EXPECT_STR(rig_submit(&rig, "t1", "STOPPED")->reason,
               "ContainerNetworkingError: the network was not set up within 1m0s");
    rig_deinit(&rig);
}

// Its clean-up is due while nobody knows yet what there is of the network. The rig sees an engine
// that would ask for the time again and again.
static void an_end_before_the_network_is_known_waits_for_it(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.cleanup_wait_ms = TIME_SECOND_MS;
    rig.settings.cleanup_jitter_ms = 0;
    fake_fail(rig.fake, HOST_CALL_KIND_NETWORK_UP, 1, FAKE_FAULT_SILENT, HOST_ERROR_CLASS_OTHER,
              "");
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 10 * TIME_SECOND_MS);
    fake_exit(rig.fake, fake_find(rig.fake, STR(PAUSE))->id, 137);
    rig_run(&rig, 10 * TIME_SECOND_MS);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    assert_int_equal(fake_networks(rig.fake), 1);
    rig_run(&rig, 2 * TIME_MINUTE_MS);
    assert_int_equal(fake_networks(rig.fake), 0);
    assert_null(rig_view(&rig, "t1", "app"));
    rig_deinit(&rig);
}

static void a_pause_container_that_fails_says_why(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_START, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER,
              "no room");
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 60000);
    EXPECT_STR(rig_submit(&rig, "t1", "STOPPED")->reason, "CannotStartContainerError: no room");
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_NETWORK_UP), 0);
    rig_deinit(&rig);
}

static void a_pause_container_that_ends_takes_its_task_and_network_along(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 60000);
    fake_exit(rig.fake, fake_find(rig.fake, STR(PAUSE))->id, 1);
    rig_run(&rig, 60000);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    assert_int_equal(fake_networks(rig.fake), 0);
    assert_false(fake_find(rig.fake, STR("app"))->running);
    rig_deinit(&rig);
}

static void the_image_is_loaded_once_for_all(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    for (int i = 0; i < 3; i++) {
        struct acs_task *task = rig_task(&rig, i == 0 ? "t0" : i == 1 ? "t1" : "t2");

        rig_container(&rig, task, "app", "app");
        rig_network(&rig, task, NULL);
        rig_start(&rig, task);
    }
    rig_run(&rig, 60000);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_LOAD_IMAGE), 1);
    assert_int_equal(fake_networks(rig.fake), 3);
    rig_deinit(&rig);
}

static void an_image_that_is_never_there_is_given_up(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_LOAD_IMAGE, 100, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER,
              "disk full");
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 60000);
    EXPECT_STR(rig_submit(&rig, "t1", "STOPPED")->reason, "CannotPullContainerError: disk full");
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_LOAD_IMAGE), 3);
    rig_deinit(&rig);
}

static struct str volume_option(const struct rig *rig, const char *key)
{
    const struct docker_volume_create *made = fake_volume_made(rig->fake, STR("ecs-web-7-net"));

    for (size_t i = 0; made != NULL && i < made->driver_opts.n; i++) {
        if (str_eq(made->driver_opts.at[i].key, str_of(key)))
            return made->driver_opts.at[i].value;
    }
    return STR_NONE;
}

static void the_plugin_mounts_a_file_system_from_within_the_network(void **state)
{
    struct acs_efs_volume_configuration efs = {0};
    struct acs_volume *volume;
    struct acs_task *task;
    struct rig rig;
    int64_t ms = 0;
    (void)state;

    init(&rig);
    rig.settings.efs_plugin = true;
    task = awsvpc_task(&rig, NULL);
    volume = &task->volumes.at[task->volumes.n++];
    SET(&efs, file_system_id, STR("fs-1"));
    SET(volume, name, STR("net"));
    SET(volume, type, ACS_VOLUME_TYPE_EFS);
    SET(volume, efs_volume_configuration, &efs);
    rig_start(&rig, task);
    for (; ms < 60000 && fake_volume_made(rig.fake, STR("ecs-web-7-net")) == NULL; ms++)
        rig_run(&rig, 1);
    assert_int_equal(fake_networks(rig.fake), 1);
    assert_int_equal(status(&rig, PAUSE), HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED);
    EXPECT_STR(volume_option(&rig, "o"),
               str_cstr(&rig.arena, str_fmt(&rig.arena, "netns=/proc/%d/ns/net",
                                            rig_view(&rig, "t1", PAUSE)->network_pid)));
    rig_run(&rig, 60000);
    assert_int_equal(status(&rig, "app"), HOST_CONTAINER_STATUS_RUNNING);
    rig_deinit(&rig);
}

static void namespaces_are_shared_through_a_container_of_their_own(void **state)
{
    const struct fake_container *pause;
    struct acs_task *task;
    struct str inside;
    struct rig rig;
    (void)state;

    init(&rig);
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    SET(task, pid_mode, STR("task"));
    SET(task, ipc_mode, STR("task"));
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    pause = fake_find(rig.fake, STR(NAMESPACE));
    inside = str_fmt(&rig.arena, "container:%.*s", STR_ARGS(pause->id));
    EXPECT_STR(pause->host->ipc_mode, "shareable");
    assert_false(pause->host->has.pid_mode);
    assert_true(str_eq(fake_find(rig.fake, STR("app"))->host->pid_mode, inside));
    assert_true(str_eq(fake_find(rig.fake, STR("app"))->host->ipc_mode, inside));
    EXPECT_STR(fake_find(rig.fake, STR("app"))->host->network_mode, "bridge");
    assert_int_equal(status(&rig, NAMESPACE), HOST_CONTAINER_STATUS_RUNNING);
    EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING");
    rig_stop(&rig, "t1");
    rig_run(&rig, 60000);
    assert_true(pause->term_at >= fake_find(rig.fake, STR("app"))->finished_at);
    assert_false(pause->running);
    rig_deinit(&rig);
}

static void a_host_without_networks_refuses_such_tasks(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.task_networks = false;
    rig_start(&rig, awsvpc_task(&rig, NULL));
    rig_run(&rig, 60000);
    assert_non_null(
        strstr(str_cstr(&rig.arena, rig_submit(&rig, "t1", "STOPPED")->reason), "awsvpc is not"));
    assert_int_equal(fake_containers(rig.fake), 0);
    rig_deinit(&rig);
}

// Killed after every single commit, before and after its effects: one network at most, and none in
// the end.
static void a_kill_at_any_point_leaks_nothing(void **state)
{
    (void)state;
    for (int at = 1; at < 60; at++) {
        for (int how = RIG_CRASH_BEFORE_EFFECTS; how <= RIG_CRASH_AFTER_EFFECTS; how++) {
            struct rig rig;

            init(&rig);
            fake_image(rig.fake, "app")->run_ms = 30000;
            rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
            rig.crash_at = at;
            rig.crash = (enum rig_crash)how;
            rig_start(&rig, awsvpc_task(&rig, "sg-1"));
            for (int i = 0; i < 20; i++) {
                rig_run(&rig, 2000);
                assert_true(fake_networks(rig.fake) <= 1);
            }
            rig_run(&rig, 3 * (int64_t)TIME_MINUTE_MS);
            assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
            assert_int_equal(fake_networks(rig.fake), 0);
            for (size_t i = 0; i < fake_containers(rig.fake); i++)
                assert_true(fake_container_at(rig.fake, i)->removed);
            rig_deinit(&rig);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_enters_the_network_of_its_pause_container),
        cmocka_unit_test(the_interface_is_told_alone_and_before_anything_runs),
        cmocka_unit_test(the_network_goes_after_the_containers_and_before_the_pause),
        cmocka_unit_test(a_network_that_cannot_be_set_up_ends_its_task),
        cmocka_unit_test(a_network_that_takes_too_long_ends_its_task),
        cmocka_unit_test(an_end_before_the_network_is_known_waits_for_it),
        cmocka_unit_test(a_pause_container_that_fails_says_why),
        cmocka_unit_test(a_pause_container_that_ends_takes_its_task_and_network_along),
        cmocka_unit_test(the_image_is_loaded_once_for_all),
        cmocka_unit_test(an_image_that_is_never_there_is_given_up),
        cmocka_unit_test(the_plugin_mounts_a_file_system_from_within_the_network),
        cmocka_unit_test(namespaces_are_shared_through_a_container_of_their_own),
        cmocka_unit_test(a_host_without_networks_refuses_such_tasks),
        cmocka_unit_test(a_kill_at_any_point_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
