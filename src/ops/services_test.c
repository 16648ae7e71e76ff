// Services from CreateService to INACTIVE: what callers see while tasks come and go.

#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "tests/support/launch.h"

enum { SETTLED_MS = 40 * 1000 };

static struct str get(struct world *w, struct str json, const char *path)
{
    return world_get(w, json, path);
}

static struct str described(struct world *w, const char *name)
{
    return world_callf(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"%s\"]}", name);
}

#define EXPECT_SERVICE(w, path, want) EXPECT_STR(get((w), described((w), "web"), (path)), (want))

static void create(struct world *w, const char *more)
{
    struct str reply = world_callf(w, "CreateService",
                                   "{\"cluster\":\"demo\",\"serviceName\":\"web\","
                                   "\"taskDefinition\":\"app\"%s}",
                                   more);

    EXPECT_STR(get(w, reply, "__type"), "");
}

// ARNs of the service's tasks with that desired status.
static int tasks_of(struct world *w, const char *desired, struct str *arns, int max)
{
    struct str list = world_callf(w, "ListTasks",
                                  "{\"cluster\":\"demo\",\"serviceName\":\"web\","
                                  "\"desiredStatus\":\"%s\"}",
                                  desired);
    int n = 0;

    for (; n < max; n++) {
        arns[n] = get(w, list, str_cstr(&w->arena, str_fmt(&w->arena, "taskArns.%d", n)));
        if (arns[n].len == 0)
            break;
    }
    return n;
}

static void report(struct world *w, struct str arn, const char *status)
{
    struct str reply = world_callf(w, "SubmitTaskStateChange",
                                   "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"%s\"}",
                                   STR_ARGS(arn), status);

    EXPECT_STR(get(w, reply, "__type"), "");
}

static void report_all(struct world *w, const char *desired, const char *status)
{
    struct str arns[16];
    int n = tasks_of(w, desired, arns, 16);

    for (int i = 0; i < n; i++)
        report(w, arns[i], status);
}

// Every task there is runs, long enough to count.
static void settle(struct world *w)
{
    report_all(w, "RUNNING", "RUNNING");
    world_advance(w, SETTLED_MS);
}

static void test_a_service_starts_its_tasks_and_reaches_a_steady_state(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":2");
    EXPECT_SERVICE(w, "services.0.status", "ACTIVE");
    EXPECT_SERVICE(w, "services.0.pendingCount", "2");
    EXPECT_SERVICE(w, "services.0.deployments.0.status", "PRIMARY");
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "IN_PROGRESS");
    settle(w);
    EXPECT_SERVICE(w, "services.0.runningCount", "2");
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "services.0.events.0.message", "(service web) has reached a steady state.");
}

static void test_a_task_that_ends_is_replaced(void **state)
{
    struct world *w = *state;
    struct str arns[4];

    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":1");
    settle(w);
    assert_int_equal(tasks_of(w, "RUNNING", arns, 4), 1);
    report(w, arns[0], "STOPPED");
    assert_int_equal(tasks_of(w, "RUNNING", arns, 4), 1);
    EXPECT_SERVICE(w, "services.0.pendingCount", "1");
}

static void test_without_room_a_service_says_so_and_waits(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 256, 512, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":2");
    EXPECT_SERVICE(w, "services.0.pendingCount", "1");
    EXPECT_SERVICE(w, "services.0.events.1.message",
                   "(service web) was unable to place a task because no container instance met all "
                   "of its requirements. The closest matching (container-instance i1) has "
                   "insufficient CPU units available. For more information, see the "
                   "Troubleshooting section of the Amazon ECS Developer Guide.");
    launch_add_instance(w, "i2", 256, 512, "[]");
    world_advance(w, 1);
    EXPECT_SERVICE(w, "services.0.pendingCount", "2");
}

static void test_a_deleted_service_drains_and_goes(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":2");
    settle(w);
    EXPECT_ERROR(w, "DeleteService", "{\"cluster\":\"demo\",\"service\":\"web\"}",
                 "InvalidParameterException",
                 "The service cannot be stopped while it is scaled above 0.");
    world_ok(w, "DeleteService", "{\"cluster\":\"demo\",\"service\":\"web\",\"force\":true}");
    EXPECT_SERVICE(w, "services.0.status", "DRAINING");
    EXPECT_ERROR(w, "CreateService",
                 "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"taskDefinition\":\"app\","
                 "\"desiredCount\":1}",
                 "InvalidParameterException", "Unable to Start a service that is still Draining.");
    report_all(w, "STOPPED", "STOPPED");
    EXPECT_SERVICE(w, "services.0.status", "INACTIVE");
    world_restart(w);
    EXPECT_SERVICE(w, "services.0.status", "INACTIVE");
    create(w, ",\"desiredCount\":0"); // the name is free again
    EXPECT_SERVICE(w, "services.0.status", "ACTIVE");
    world_advance(w, 2 * TIME_HOUR_MS);
    EXPECT_SERVICE(w, "services.0.status", "ACTIVE");
}

static void test_a_service_deleted_half_way_through_a_deployment_stops_it(void **state)
{
    struct world *w = *state;
    struct str list;

    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":2");
    world_advance(w, 1);
    list = world_ok(w, "ListServiceDeployments", "{\"cluster\":\"demo\",\"service\":\"web\"}");
    EXPECT_STR(get(w, list, "serviceDeployments.0.status"), "IN_PROGRESS");
    world_ok(w, "DeleteService", "{\"cluster\":\"demo\",\"service\":\"web\",\"force\":true}");
    world_advance(w, 1);
    list = world_ok(w, "ListServiceDeployments", "{\"cluster\":\"demo\",\"service\":\"web\"}");
    EXPECT_STR(get(w, list, "serviceDeployments.0.status"), "STOPPED");
}

static void test_a_daemon_service_has_one_task_on_each_instance(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 2048, "[]");
    launch_add_instance(w, "i2", 1024, 2048, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"schedulingStrategy\":\"DAEMON\"");
    EXPECT_SERVICE(w, "services.0.desiredCount", "2");
    EXPECT_SERVICE(w, "services.0.pendingCount", "2");
    launch_add_instance(w, "i3", 1024, 2048, "[]");
    world_advance(w, 1);
    EXPECT_SERVICE(w, "services.0.desiredCount", "3");
    EXPECT_SERVICE(w, "services.0.pendingCount", "3");
}

static void test_a_service_survives_a_restart(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":2");
    settle(w);
    world_restart(w);
    world_advance(w, 1);
    EXPECT_SERVICE(w, "services.0.runningCount", "2");
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "COMPLETED");
}

// Fails everything that is pending until the service starts no more; how many failed.
static int fail_starts(struct world *w, int max)
{
    struct str arns[16];
    int failed = 0;

    while (failed < max) {
        int n = tasks_of(w, "RUNNING", arns, 16);

        if (n == 0)
            break;
        report(w, arns[0], "STOPPED");
        failed++;
        world_advance(w, 30 * TIME_MINUTE_MS); // beyond any back-off
    }
    return failed;
}

static void test_the_circuit_breaker_gives_a_first_deployment_up(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":1,\"deploymentConfiguration\":{\"deploymentCircuitBreaker\":"
              "{\"enable\":true,\"rollback\":true}}");
    assert_int_equal(fail_starts(w, 10), 3);
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "FAILED");
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutStateReason",
                   "ECS deployment circuit breaker: tasks failed to start.");
}

static void test_failing_starts_are_put_off_longer_each_time(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, ",\"desiredCount\":1");
    assert_int_equal(fail_starts(w, 10), 10);
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "IN_PROGRESS");
}

// ---- updates

static void open_steady(struct world *w, const char *more)
{
    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, more);
    settle(w);
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "COMPLETED");
}

static void test_the_longest_grace_period_is_a_grace_period(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":2,\"healthCheckGracePeriodSeconds\":2147483647");
    EXPECT_SERVICE(w, "services.0.healthCheckGracePeriodSeconds", "2147483647");
    EXPECT_SERVICE(w, "services.0.runningCount", "2");
}

static void update(struct world *w, const char *members)
{
    struct str reply =
        world_callf(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\"%s}", members);

    EXPECT_STR(get(w, reply, "__type"), "");
}

static struct str newest_deployment(struct world *w)
{
    struct str arn = get(w, described(w, "web"), "services.0.currentServiceDeployment");

    return world_callf(w, "DescribeServiceDeployments", "{\"serviceDeploymentArns\":[\"%.*s\"]}",
                       STR_ARGS(arn));
}

static void expect_deployment_status(struct world *w, const char *want)
{
    EXPECT_STR(get(w, newest_deployment(w), "serviceDeployments.0.status"), want);
}

static void test_scaling_starts_no_deployment(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":2");
    update(w, ",\"desiredCount\":4");
    EXPECT_SERVICE(w, "services.0.pendingCount", "2");
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "services.0.deployments.1.id", "");
    settle(w);
    update(w, ",\"desiredCount\":1");
    report_all(w, "STOPPED", "STOPPED");
    EXPECT_SERVICE(w, "services.0.runningCount", "1");
}

static void test_a_new_revision_rolls_out_within_the_limits(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":2");
    launch_add_simple(w, "app", 256, 512);
    update(w, ",\"taskDefinition\":\"app\"");
    EXPECT_SERVICE(w, "services.0.deployments.0.status", "PRIMARY");
    EXPECT_SERVICE(w, "services.0.deployments.0.pendingCount", "2");
    EXPECT_SERVICE(w, "services.0.deployments.1.status", "ACTIVE");
    EXPECT_SERVICE(w, "services.0.deployments.1.runningCount", "2");
    EXPECT_SERVICE(w, "services.0.deployments.1.rolloutState", "COMPLETED");
    expect_deployment_status(w, "IN_PROGRESS");
    settle(w);
    report_all(w, "STOPPED", "STOPPED");
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "services.0.deployments.1.id", "");
    EXPECT_SERVICE(w, "services.0.runningCount", "2");
    expect_deployment_status(w, "SUCCESSFUL");
}

static void test_what_is_the_same_deploys_nothing_unless_forced(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":1");
    update(w, ",\"taskDefinition\":\"app\",\"propagateTags\":\"SERVICE\"");
    EXPECT_SERVICE(w, "services.0.deployments.1.id", "");
    update(w, ",\"forceNewDeployment\":true");
    EXPECT_SERVICE(w, "services.0.deployments.1.status", "ACTIVE");
}

static void test_a_second_update_stops_the_first(void **state)
{
    struct world *w = *state;
    struct str list;

    open_steady(w, ",\"desiredCount\":1");
    update(w, ",\"forceNewDeployment\":true");
    update(w, ",\"forceNewDeployment\":true");
    list = world_ok(w, "ListServiceDeployments", "{\"cluster\":\"demo\",\"service\":\"web\"}");
    EXPECT_STR(get(w, list, "serviceDeployments.0.status"), "IN_PROGRESS");
    EXPECT_STR(get(w, list, "serviceDeployments.1.status"), "STOPPED");
    EXPECT_STR(get(w, list, "serviceDeployments.2.status"), "SUCCESSFUL");
}

// The service runs; every task that was started since fails to start.
static void fail_pending(struct world *w)
{
    struct str arns[16];
    int n = tasks_of(w, "RUNNING", arns, 16);

    for (int i = 0; i < n; i++) {
        struct str task = world_callf(
            w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arns[i]));
        if (str_eq(get(w, task, "tasks.0.lastStatus"), STR("PENDING")))
            report(w, arns[i], "STOPPED");
    }
    world_advance(w, 30 * TIME_MINUTE_MS);
}

static void test_a_bad_revision_is_rolled_back(void **state)
{
    struct world *w = *state;
    struct str before;

    open_steady(w, ",\"desiredCount\":1,\"deploymentConfiguration\":{\"deploymentCircuitBreaker\":"
                   "{\"enable\":true,\"rollback\":true}}");
    before = get(w, described(w, "web"), "services.0.deployments.0.id");
    update(w, ",\"forceNewDeployment\":true");
    fail_pending(w);
    fail_pending(w);
    expect_deployment_status(w, "IN_PROGRESS");
    fail_pending(w);
    EXPECT_SERVICE(w, "services.0.deployments.0.id", str_cstr(&w->arena, before));
    EXPECT_SERVICE(w, "services.0.deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "services.0.runningCount", "1");
    expect_deployment_status(w, "ROLLBACK_SUCCESSFUL");
    EXPECT_STR(
        get(w, newest_deployment(w), "serviceDeployments.0.statusReason"),
        "Service deployment rolled back because the circuit breaker threshold was exceeded.");
}

static void test_a_drained_instance_is_left(void **state)
{
    struct world *w = *state;
    struct str arn;

    open_steady(w, ",\"desiredCount\":2");
    launch_add_instance(w, "i2", 8192, 16384, "[]");
    arn = world_callf(
        w, "UpdateContainerInstancesState",
        "{\"cluster\":\"demo\",\"containerInstances\":[\"i1\"],\"status\":\"DRAINING\"}");
    EXPECT_STR(get(w, arn, "__type"), "");
    EXPECT_SERVICE(w, "services.0.pendingCount", "2"); // on i2
    EXPECT_SERVICE(w, "services.0.runningCount", "2");
    settle(w);
    report_all(w, "STOPPED", "STOPPED");
    EXPECT_SERVICE(w, "services.0.runningCount", "2");
    EXPECT_SERVICE(w, "services.0.events.0.message", "(service web) has reached a steady state.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_a_service_starts_its_tasks_and_reaches_a_steady_state),
        LAUNCH_TEST(test_a_task_that_ends_is_replaced),
        LAUNCH_TEST(test_without_room_a_service_says_so_and_waits),
        LAUNCH_TEST(test_a_deleted_service_drains_and_goes),
        LAUNCH_TEST(test_a_service_deleted_half_way_through_a_deployment_stops_it),
        LAUNCH_TEST(test_a_daemon_service_has_one_task_on_each_instance),
        LAUNCH_TEST(test_a_service_survives_a_restart),
        LAUNCH_TEST(test_the_circuit_breaker_gives_a_first_deployment_up),
        LAUNCH_TEST(test_failing_starts_are_put_off_longer_each_time),
        LAUNCH_TEST(test_the_longest_grace_period_is_a_grace_period),
        LAUNCH_TEST(test_scaling_starts_no_deployment),
        LAUNCH_TEST(test_a_new_revision_rolls_out_within_the_limits),
        LAUNCH_TEST(test_what_is_the_same_deploys_nothing_unless_forced),
        LAUNCH_TEST(test_a_second_update_stops_the_first),
        LAUNCH_TEST(test_a_bad_revision_is_rolled_back),
        LAUNCH_TEST(test_a_drained_instance_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
