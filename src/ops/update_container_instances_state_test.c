#include "tests/support/launch.h"

static struct str update(struct world *w, const char *ids, const char *status)
{
    return world_callf(w, "UpdateContainerInstancesState",
                       "{\"cluster\":\"demo\",\"containerInstances\":[%s],\"status\":\"%s\"}", ids,
                       status);
}

static const char run[] = "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}";

static void draining_ends_placement_and_leaves_tasks_alone(void **state)
{
    struct world *w = *state;
    struct str reply;
    struct str task;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    launch_add_simple(w, "web", 128, 128);
    task = launch_task_arn(w, world_ok(w, "RunTask", run), 0);
    launch_report(w, task, "RUNNING");
    reply = update(w, "\"i1\"", "DRAINING");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.status"), "DRAINING");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.runningTasksCount"), "1");
    EXPECT_STR(world_get(w, reply, "failures"), "[]");
    EXPECT_ERROR(w, "RunTask", run, "InvalidParameterException",
                 "No Container Instances were found in your cluster.");
    EXPECT_STR(world_get(w, update(w, "\"i1\"", "ACTIVE"), "containerInstances.0.status"),
               "ACTIVE");
    launch_task_arn(w, world_ok(w, "RunTask", run), 0);
}

static void the_version_counts_changes_only(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    EXPECT_STR(world_get(w, update(w, "\"i1\"", "ACTIVE"), "containerInstances.0.version"), "1");
    EXPECT_STR(world_get(w, update(w, "\"i1\"", "DRAINING"), "containerInstances.0.version"), "2");
    EXPECT_STR(world_get(w, update(w, "\"i1\"", "DRAINING"), "containerInstances.0.version"), "2");
}

static void an_instance_named_twice_is_answered_once(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    assert_int_equal(launch_count(w, update(w, "\"i1\",\"i1\"", "DRAINING"), "containerInstances"),
                     1);
}

static void missing_and_inactive_instances_are_failures(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    launch_add_instance(w, "i2", 1024, 1024, "[]");
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
    reply = update(w, "\"i1\",\"i2\",\"i3\"", "DRAINING");
    assert_int_equal(launch_count(w, reply, "containerInstances"), 1);
    EXPECT_STR(world_get(w, reply, "failures"),
               "[{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1\","
               "\"reason\":\"INACTIVE\"},"
               "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i3\","
               "\"reason\":\"MISSING\"}]");
}

static void bad_requests_are_refused(void **state)
{
    struct world *w = *state;
    const char *statuses[] = {"INACTIVE", "REGISTERING", "x"};

    for (int i = 0; i < 3; i++)
        world_expect_error(w, update(w, "\"i1\"", statuses[i]), "InvalidParameterException",
                           "Container instance status should be one of [ACTIVE, DRAINING]",
                           __FILE__, __LINE__);
    world_expect_error(w, update(w, "", "ACTIVE"), "ClientException",
                       "Container Instances cannot be empty.", __FILE__, __LINE__);
    world_expect_error(
        w, update(w, "\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\"", "ACTIVE"),
        "InvalidParameterException", "Container Instances can not have more than 10 elements.",
        __FILE__, __LINE__);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(draining_ends_placement_and_leaves_tasks_alone),
        LAUNCH_TEST(the_version_counts_changes_only),
        LAUNCH_TEST(an_instance_named_twice_is_answered_once),
        LAUNCH_TEST(missing_and_inactive_instances_are_failures),
        LAUNCH_TEST(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
