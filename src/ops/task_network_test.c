// Tasks with networks of their own, and FARGATE, as callers and agents see them.

#include "tests/support/launch.h"

#define ABLE                                                                                       \
    "[{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"},"                         \
    "{\"name\":\"ecs.capability.task-eni\"},{\"name\":\"ecs.capability.task-network\"}"
#define NETWORK "\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[\"subnet-1\"]}}"

static void define(struct world *w)
{
    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"essential\":true}],\"compatibilities\":[\"EC2\",\"FARGATE\"],"
                          "\"networkMode\":\"awsvpc\",\"cpu\":\"256\",\"memory\":\"512\","
                          "\"requiresAttributes\":[{\"name\":\"ecs.capability.task-eni\"}]}");
}

static struct str start(struct world *w, const char *more)
{
    return world_callf(w, "RunTask",
                       "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"," NETWORK "%s}", more);
}

static struct str describe(struct world *w, struct str task)
{
    return world_callf(w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}",
                       STR_ARGS(task));
}

static struct str of(struct world *w, struct str task, const char *path)
{
    return world_get(w, describe(w, task), path);
}

static struct str one_task(struct world *w)
{
    launch_add_instance(w, "a1", 1000, 1000, ABLE "]");
    define(w);
    return launch_task_arn(w, start(w, ""), 0);
}

static void attach(struct world *w, struct str task, const char *address)
{
    struct str id = of(w, task, "tasks.0.attachments.0.id");

    world_callf(w, "SubmitTaskStateChange",
                "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"attachments\":[{\"attachmentArn\":"
                "\"arn:aws:ecs:us-east-1:123456789012:attachment/%.*s\",\"status\":\"ATTACHED\","
                "\"details\":[{\"name\":\"privateIPv4Address\",\"value\":\"%s\"}]}]}",
                STR_ARGS(task), STR_ARGS(id), address);
}

static void an_interface_goes_through_its_states(void **state)
{
    struct world *w = *state;
    struct str task = one_task(w);

    EXPECT_STR(of(w, task, "tasks.0.lastStatus"), "PROVISIONING");
    EXPECT_STR(of(w, task, "tasks.0.attachments.0.status"), "PRECREATED");
    attach(w, task, "10.1.0.5"); // no acknowledgement before: it is believed all the same
    EXPECT_STR(of(w, task, "tasks.0.lastStatus"), "PENDING");
    EXPECT_STR(of(w, task, "tasks.0.attachments.0.status"), "ATTACHED");
    EXPECT_STR(of(w, task, "tasks.0.containers.0.networkInterfaces.0.privateIpv4Address"),
               "10.1.0.5");
    launch_report(w, task, "RUNNING");
    EXPECT_STR(of(w, task, "tasks.0.lastStatus"), "RUNNING");
    launch_report(w, task, "STOPPED");
    EXPECT_STR(of(w, task, "tasks.0.attachments.0.status"), "DELETED");
}

static void a_confirmation_that_comes_again_changes_nothing(void **state)
{
    struct world *w = *state;
    struct str task = one_task(w);
    struct str before;

    attach(w, task, "10.1.0.5");
    before = describe(w, task);
    attach(w, task, "10.9.9.9");
    assert_true(str_eq(describe(w, task), before));
}

// Its acknowledgement was lost, and the stop has not reached it yet.
static void a_task_may_run_that_is_to_be_stopped_before_it_was_heard_of(void **state)
{
    struct world *w = *state;
    struct str task = one_task(w);

    world_callf(w, "StopTask", "{\"cluster\":\"demo\",\"task\":\"%.*s\"}", STR_ARGS(task));
    EXPECT_STR(of(w, task, "tasks.0.lastStatus"), "PROVISIONING");
    world_callf(w, "SubmitTaskStateChange",
                "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"RUNNING\"}", STR_ARGS(task));
    EXPECT_STR(of(w, task, "tasks.0.lastStatus"), "RUNNING");
    EXPECT_STR(of(w, task, "tasks.0.desiredStatus"), "STOPPED");
    EXPECT_STR(of(w, task, "tasks.0.attachments.0.status"), "ATTACHING");
    launch_report(w, task, "STOPPED");
    EXPECT_STR(of(w, task, "tasks.0.attachments.0.status"), "DELETED");
}

static void it_all_survives_a_restart_of_the_server(void **state)
{
    struct world *w = *state;
    struct str task = one_task(w);

    attach(w, task, "10.1.0.5");
    world_restart(w);
    EXPECT_STR(of(w, task, "tasks.0.attachments.0.status"), "ATTACHED");
    EXPECT_STR(of(w, task, "tasks.0.containers.0.networkInterfaces.0.privateIpv4Address"),
               "10.1.0.5");
}

static void an_agent_that_waits_for_interfaces_gets_no_such_task(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "a1", 1000, 1000, "[{\"name\":\"ecs.capability.task-eni\"}]");
    define(w);
    EXPECT_STR(world_get(w, start(w, ""), "failures.0.reason"), "ATTRIBUTE");
}

static void fargate_is_hosts_that_serve_nothing_else(void **state)
{
    struct world *w = *state;
    struct str task;

    define(w);
    launch_add_instance(w, "a1", 1000, 1000, ABLE "]");
    EXPECT_STR(world_get(w, start(w, ",\"launchType\":\"FARGATE\""), "failures.0.reason"),
               "RESOURCE:FARGATE");
    launch_add_instance(w, "f1", 1000, 1000,
                        ABLE ",{\"name\":\"ecs.capability.fargate\",\"value\":\"FARGATE\"}]");
    task = launch_task_arn(w, start(w, ",\"launchType\":\"FARGATE\""), 0);
    EXPECT_STR(of(w, task, "tasks.0.containerInstanceArn"), "");
    EXPECT_STR(of(w, task, "tasks.0.platformFamily"), "Linux");
    EXPECT_STR(of(w, task, "tasks.0.fargateEphemeralStorage.sizeInGiB"), "20");
    for (int i = 0; i < 3; i++) // 256 of 1000 each, and not one on the other host
        assert_int_equal(launch_count(w, start(w, ",\"launchType\":\"EC2\""), "tasks"), i < 1);
    assert_int_equal(launch_count(w,
                                  world_ok(w, "ListContainerInstances", "{\"cluster\":\"demo\"}"),
                                  "containerInstanceArns"),
                     1);
    EXPECT_STR(world_get(w, world_ok(w, "DescribeClusters", "{\"clusters\":[\"demo\"]}"),
                         "clusters.0.registeredContainerInstancesCount"),
               "1");
}

static void spot_and_on_demand_are_hosts_of_their_own(void **state)
{
    struct world *w = *state;
    struct str task;

    define(w);
    world_ok(w, "PutClusterCapacityProviders",
             "{\"cluster\":\"demo\",\"capacityProviders\":[\"FARGATE\",\"FARGATE_SPOT\"],"
             "\"defaultCapacityProviderStrategy\":[]}");
    launch_add_instance(w, "f1", 1000, 1000,
                        ABLE ",{\"name\":\"ecs.capability.fargate\",\"value\":\"FARGATE_SPOT\"}]");
    EXPECT_STR(world_get(w, start(w, ",\"launchType\":\"FARGATE\""), "failures.0.reason"),
               "RESOURCE:FARGATE");
    task = launch_task_arn(
        w, start(w, ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE_SPOT\"}]"), 0);
    EXPECT_STR(of(w, task, "tasks.0.capacityProviderName"), "FARGATE_SPOT");
    world_ok(w, "UpdateContainerInstancesState",
             "{\"cluster\":\"demo\",\"containerInstances\":[\"f1\"],\"status\":\"DRAINING\"}");
    EXPECT_STR(of(w, task, "tasks.0.stopCode"), "SpotInterruption");
    EXPECT_STR(of(w, task, "tasks.0.desiredStatus"), "STOPPED");
}

static void a_service_runs_on_fargate(void **state)
{
    struct world *w = *state;
    struct str reply;

    define(w);
    launch_add_instance(w, "f1", 1000, 2000,
                        ABLE ",{\"name\":\"ecs.capability.fargate\",\"value\":\"FARGATE\"}]");
    world_ok(w, "CreateService",
             "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
             "\"desiredCount\":4,\"launchType\":\"FARGATE\"," NETWORK "}");
    for (int i = 0; i < 5; i++)
        world_advance(w, 1000);
    reply = world_ok(w, "ListTasks",
                     "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"launchType\":\"FARGATE\"}");
    assert_int_equal(launch_count(w, reply, "taskArns"), 3); // 256 of 1000 each
    reply = world_ok(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"s\"]}");
    EXPECT_STR(world_get(w, reply, "services.0.pendingCount"), "3");
    EXPECT_STR(world_get(w, reply, "services.0.platformFamily"), "Linux");
    reply =
        describe(w, world_get(w, world_ok(w, "ListTasks", "{\"cluster\":\"demo\"}"), "taskArns.0"));
    EXPECT_STR(world_get(w, reply, "tasks.0.attachments.0.details.0.value"), "subnet-1");
}

#define FULL                                                                                       \
    "{\"awsvpcConfiguration\":{\"assignPublicIp\":\"DISABLED\",\"securityGroups\":[],"             \
    "\"subnets\":[\"subnet-1\"]}}"

static void a_service_shows_its_network_in_full(void **state)
{
    struct world *w = *state;
    struct str reply;

    define(w);
    reply = world_ok(w, "CreateService",
                     "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
                     "\"desiredCount\":0," NETWORK "}");
    EXPECT_JSON(w, world_get(w, reply, "service.networkConfiguration"), FULL);
    EXPECT_JSON(w, world_get(w, reply, "service.deployments.0.networkConfiguration"), FULL);
    EXPECT_STR(world_get(w, reply, "service.roleArn"),
               "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/"
               "AWSServiceRoleForECS");
    reply = world_ok(w, "UpdateService",
                     "{\"cluster\":\"demo\",\"service\":\"s\",\"networkConfiguration\":" FULL "}");
    EXPECT_STR(world_get(w, reply, "service.deployments.1.id"), ""); // what it had is no change
}

static void a_daemon_service_is_not_for_fargate(void **state)
{
    struct world *w = *state;

    define(w);
    world_ok(w, "PutClusterCapacityProviders",
             "{\"cluster\":\"demo\",\"capacityProviders\":[\"FARGATE\"],"
             "\"defaultCapacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE\"}]}");
    EXPECT_ERROR(w, "CreateService",
                 "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
                 "\"schedulingStrategy\":\"DAEMON\"," NETWORK "}",
                 "InvalidParameterException",
                 "The daemon scheduling strategy does not support the FARGATE launch type. Change "
                 "the launch type and try again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(an_interface_goes_through_its_states),
        LAUNCH_TEST(a_confirmation_that_comes_again_changes_nothing),
        LAUNCH_TEST(a_task_may_run_that_is_to_be_stopped_before_it_was_heard_of),
        LAUNCH_TEST(it_all_survives_a_restart_of_the_server),
        LAUNCH_TEST(an_agent_that_waits_for_interfaces_gets_no_such_task),
        LAUNCH_TEST(fargate_is_hosts_that_serve_nothing_else),
        LAUNCH_TEST(spot_and_on_demand_are_hosts_of_their_own),
        LAUNCH_TEST(a_service_runs_on_fargate),
        LAUNCH_TEST(a_service_shows_its_network_in_full),
        LAUNCH_TEST(a_daemon_service_is_not_for_fargate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
